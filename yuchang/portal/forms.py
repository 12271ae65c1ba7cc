"""What anyone may hand in, and what an officer chooses when publishing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class ObjectionForm(forms.Form):
    """A doubt about one household of a notice. ``website`` is a trap for programs; people leave it empty."""

    text = forms.CharField(
        label=_("您认为哪里不对"),
        min_length=10,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("请写事实：什么情况、什么时候、您怎么知道。请不要写证件号、电话、病情。"),
    )
    website = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse what a person would not fill in."""
        data = super().clean() or {}
        if data.get("website"):
            raise forms.ValidationError(_("提交未被接受，请重试。"))
        return data


class PublishForm(forms.Form):
    """From which day the totals count."""

    from_on = forms.DateField(label=_("统计起始日期"), widget=forms.DateInput(attrs={"type": "date"}))


class BundleForm(forms.Form):
    """A bundle that came from the other side."""

    file = forms.FileField(label=_("外侧导出的数据包"), widget=forms.FileInput(attrs={"accept": ".zip"}))
