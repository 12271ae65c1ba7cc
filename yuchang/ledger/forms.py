"""What a person chooses when reading the book."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class PeriodForm(forms.Form):
    """From a day to a day, both included."""

    from_on = forms.DateField(label=gettext_lazy("起始日期"), widget=forms.DateInput(attrs={"type": "date"}))
    to_on = forms.DateField(label=gettext_lazy("截止日期"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """The days in order."""
        days: dict[str, Any] = super().clean() or {}
        first, last = days.get("from_on"), days.get("to_on")
        if first and last and last < first:
            raise forms.ValidationError(_("起始日期不能晚于截止日期。"))
        return days


def period(data: Any, today: date) -> tuple[PeriodForm, date, date]:
    """The form and the days asked for; this year without or with unreadable ones."""
    default = (date(today.year, 1, 1), today)
    form = PeriodForm(data if data.get("from_on") or data.get("to_on") else None)
    if form.is_bound and form.is_valid():
        return form, form.cleaned_data["from_on"], form.cleaned_data["to_on"]
    if not form.is_bound:
        form = PeriodForm(initial={"from_on": default[0].isoformat(), "to_on": default[1].isoformat()})
    return form, *default
