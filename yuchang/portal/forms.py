"""What anyone may hand in, and what an officer chooses when publishing."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.partners.models import Organisation
from yuchang.partners.rules import is_credit_code, is_phone, is_simulated_credit_code
from yuchang.portal.queries.counties import counties_called, full_name


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


class CountyField(forms.CharField):
    """A county by its name or its digits; cleaned to its 12-digit code."""

    def clean(self, value: Any) -> str:
        """Raises ValidationError for none, and for several with what tells them apart."""
        said = str(super().clean(value))
        found = counties_called(said) if said else []
        if said and not found:
            raise forms.ValidationError(gettext("没有叫这个名字的县（市、区）。请写全称，例如“甘肃省成县”。"))
        if len(found) > 1:
            names = "、".join(full_name(code) for code in found[:4])
            raise forms.ValidationError(
                gettext("有几个同名的县：%(names)s。请写上省和市。") % {"names": names}
            )
        return found[0] if found else ""


class RegistrationForm(forms.Form):
    """An organisation that asks to be registered. ``website`` is a trap for programs."""

    name = forms.CharField(label=_("机构名称"), max_length=100, help_text=_("营业执照或登记证上的全称"))
    kind = forms.ChoiceField(label=_("类型"), choices=Organisation.Kind.choices)
    credit_code = forms.CharField(
        label=_("统一社会信用代码"), max_length=18, required=False, help_text=_("18 位，没有可留空")
    )
    place = CountyField(label=_("机构所在县（市、区）"), max_length=40, help_text=_("例如：上海市浦东新区"))
    host = CountyField(
        label=_("希望帮扶或合作的县"), max_length=40, help_text=_("由它审核。例如：甘肃省成县，或六位代码")
    )
    contact_name = forms.CharField(label=_("联系人"), max_length=60)
    phone = forms.CharField(label=_("联系电话"), max_length=20, help_text=_("加密保存，只有该县能查看。"))
    capabilities = forms.CharField(
        label=_("能力与资源"),
        max_length=600,
        required=False,
        help_text=_("用顿号分开，例如：收购核桃、冷链运输"),
    )
    invitation = forms.CharField(
        label=_("邀请码"), max_length=64, required=False, help_text=_("有县里的邀请时填写，没有可留空")
    )
    introduction = forms.CharField(
        label=_("简介"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    website = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_credit_code(self) -> str:
        """Raises ValidationError for a wrong check digit, and for a made-up code among real ones."""
        code = str(self.cleaned_data["credit_code"]).strip().upper()
        if code and not is_credit_code(code):
            raise forms.ValidationError(gettext("统一社会信用代码不对：须为 18 位且校验位正确。"))
        if code and is_simulated_credit_code(code) != clock.is_simulated():
            raise forms.ValidationError(gettext("模拟代码只能用于模拟数据，真实代码只能用于真实数据。"))
        return code

    def clean_phone(self) -> str:
        """Raises ValidationError for what is no telephone number."""
        phone = str(self.cleaned_data["phone"])
        if not is_phone(phone):
            raise forms.ValidationError(gettext("电话号码格式不对，请填写 7 至 12 位数字。"))
        return phone

    def clean_capabilities(self) -> tuple[str, ...]:
        """What was written, in parts."""
        parts = (part.strip() for part in re.split(r"[,，、;；\n]", self.cleaned_data["capabilities"]))
        return tuple(dict.fromkeys(part[:60] for part in parts if part))

    def clean_website(self) -> str:
        """Refuse what a person would not fill in."""
        if self.cleaned_data["website"]:
            raise forms.ValidationError(_("提交未被接受，请重试。"))
        return ""


class PublishForm(forms.Form):
    """From which day the totals count."""

    from_on = forms.DateField(label=_("统计起始日期"), widget=forms.DateInput(attrs={"type": "date"}))


class BundleForm(forms.Form):
    """A bundle that came from the other side."""

    file = forms.FileField(label=_("外侧导出的数据包"), widget=forms.FileInput(attrs={"accept": ".zip"}))
