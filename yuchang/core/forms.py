"""What every form shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django import forms
from django.forms import BaseForm
from django.http import HttpRequest

from yuchang.core.errors import Invalid, Problem


class VersionForm(forms.Form):
    """A step without words, with the version that was read."""

    version = forms.IntegerField(widget=forms.HiddenInput)


def prefer_only(field: Any) -> None:
    """Choose for the person where a field of rows has one single choice. One query of two rows at most."""
    if field.initial is None and len(only := list(field.queryset[:2])) == 1:
        field.initial = only[0]


def require_valid(form: BaseForm) -> dict[str, Any]:
    """The cleaned data of a small form. Raises Invalid with its errors."""
    if not form.is_valid():
        raise Invalid([Problem(name, str(errors[0])) for name, errors in form.errors.items()])
    return form.cleaned_data


def show_problems(form: BaseForm, error: Invalid, names: Mapping[str, str] | None = None) -> None:
    """Put an action's problems, with their remedies, beside the fields they are about.

    ``names`` maps the action's field names to the form's where they differ; a problem of no field of
    the form stands at its head.
    """
    for problem in error.problems:
        name = (names or {}).get(problem.field, problem.field)
        text = f"{problem.message}{problem.remedy}"
        form.add_error(name if name in form.fields else None, text)


@contextmanager
def problems_shown(form: BaseForm, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """What an action refuses inside stands in the form, and what was typed stays. Goes on after the block."""
    try:
        yield
    except Invalid as error:
        show_problems(form, error, names)


def version_of(request: HttpRequest) -> int | None:
    """The version that a posted form says it read; None when it says none."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
