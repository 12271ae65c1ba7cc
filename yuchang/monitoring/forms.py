"""What a visitor reports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.monitoring.models import Visit


class VisitForm(forms.Form):
    """A visit that closes, escalates or continues an alert."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    visited_on = forms.DateField(label=_("走访日期"), widget=forms.DateInput(attrs={"type": "date"}))
    finding = forms.CharField(
        label=_("走访情况"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text=_("写清看到什么、与户主核对了什么、依据是什么。"),
    )
    outcome = forms.ChoiceField(label=_("处理结果"), choices=Visit.Outcome, widget=forms.RadioSelect)


class AssessForm(forms.Form):
    """The day on which a county is compared with its line."""

    on = forms.DateField(
        label=_("比对日期"), widget=forms.DateInput(attrs={"type": "date"}), initial=clock.today
    )
