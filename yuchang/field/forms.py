"""How a person settles a report that contradicts the register."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.field.models import Report
from yuchang.field.queries import content_of, fact_rows
from yuchang.monitoring.models import Visit


class SettleForm(forms.Form):
    """Send the report to the register again as it stands."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def said(self) -> dict[str, Any]:
        """The values to write instead of those sent."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class SettleVisitForm(SettleForm):
    """A visit beside another one: what comes of the alert is decided anew."""

    finding = forms.CharField(label=_("走访情况"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000)
    outcome = forms.ChoiceField(label=_("处理结果"), choices=Visit.Outcome, widget=forms.RadioSelect)


class SettleFactsForm(SettleForm):
    """For each fact that differs: mine, or what somebody else found."""

    def __init__(self, *args: Any, rows: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.names = [name for name, _label in rows]
        for name, label in rows:
            self.fields[name] = forms.ChoiceField(
                label=label,
                choices=[("mine", _("用我这次看到的")), ("theirs", _("保留现有的"))],
                widget=forms.RadioSelect,
            )

    def said(self) -> dict[str, Any]:
        """Facts to leave as they are are sent empty."""
        return {name: "" for name in self.names if self.cleaned_data[name] == "theirs"}


def settling_form(report: Report, data: Any = None) -> SettleForm:
    """The form that fits the report; unbound it shows what was sent."""
    initial: dict[str, Any] = {"version": report.version}
    if report.kind == "visit":
        if data is None:
            sent = dict(content_of(report).fields)
            initial |= {name: sent.get(name, "") for name in ("finding", "outcome")}
        return SettleVisitForm(data, initial=initial)
    if report.kind == "facts":
        rows = [(row.name, row.label) for row in fact_rows(report) if row.differs]
        return SettleFactsForm(data, initial=initial, rows=rows)
    return SettleForm(data, initial=initial)
