"""A form field for uploads, for any page whose own form brings files along."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid
from yuchang.files.judging import require_size
from yuchang.files.rules import EXTENSIONS, MEGABYTE, PURPOSES


class UploadField(forms.FileField):
    """One file for a purpose. What it holds is judged by ``actions.take_in``; here only its size is.

    The form needs ``enctype="multipart/form-data"`` (``components/form.html`` sees to that).
    """

    def __init__(self, *, purpose: str, **options: Any) -> None:
        self.rules = PURPOSES[purpose]
        super().__init__(max_length=160, **options)
        self.widget.attrs["accept"] = accepted(purpose)

    def clean(self, data: Any, initial: Any = None) -> Any:
        found = super().clean(data, initial)
        if found:
            try:
                require_size(found.size, self.rules)
            except Invalid as error:
                raise forms.ValidationError(error.message) from error
        return found


def accepted(purpose: str) -> str:
    """The endings a purpose takes, for the browser's file dialogue."""
    return ",".join(sorted(e for e, kind in EXTENSIONS.items() if kind in PURPOSES[purpose].kinds))


def advice(purpose: str) -> str:
    """What may be sent, in a few words."""
    rules = PURPOSES[purpose]
    return _("可传 %(kinds)s，不超过 %(limit)s MB。") % {
        "kinds": accepted(purpose).replace(",", " "),
        "limit": rules.max_bytes // MEGABYTE,
    }
