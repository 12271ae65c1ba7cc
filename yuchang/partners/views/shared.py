"""What the pages of this domain share."""

from __future__ import annotations

from typing import Any

from django import forms

from yuchang.core.errors import Invalid, Problem


def require_valid(form: forms.Form) -> dict[str, Any]:
    """The cleaned data of a small form. Raises Invalid with its errors."""
    if not form.is_valid():
        raise Invalid([Problem(name, str(errors[0])) for name, errors in form.errors.items()])
    return form.cleaned_data
