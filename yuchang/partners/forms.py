"""What a person fills in about an organisation."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.partners.models import Organisation


def _capabilities(text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in re.split(r"[,,、;;\n]", text)]
    return tuple(dict.fromkeys(part[:60] for part in parts if part))


class ContactForm(forms.Form):
    """The data that an organisation keeps itself."""

    contact_name = forms.CharField(label=_("联系人"), max_length=60, required=False)
    phone = forms.CharField(
        label=_("联系电话"), max_length=20, required=False, help_text=_("加密保存；留空则不变。")
    )
    capabilities = forms.CharField(
        label=_("能力与资源"),
        max_length=600,
        required=False,
        help_text=_("用顿号分开，例如：收购核桃、冷链运输"),
    )
    introduction = forms.CharField(
        label=_("简介"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def clean_capabilities(self) -> tuple[str, ...]:
        return _capabilities(self.cleaned_data["capabilities"])


class EditContactForm(ContactForm):
    """The same, with the version that was read."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class OrganisationForm(ContactForm):
    """A new organisation."""

    name = forms.CharField(label=_("机构名称"), max_length=100)
    kind = forms.ChoiceField(label=_("类型"), choices=Organisation.Kind.choices)
    credit_code = forms.CharField(
        label=_("统一社会信用代码"), max_length=18, required=False, help_text=_("18 位，没有可留空")
    )
    place_code = forms.RegexField(
        label=_("所在地区划代码"), regex=r"^\d{6}(\d{6})?$", help_text=_("县级 6 位或 12 位代码")
    )
    field_order = ["name", "kind", "credit_code", "place_code", "contact_name", "phone", "capabilities"]

    def clean_credit_code(self) -> str:
        return str(self.cleaned_data["credit_code"]).strip().upper()


class NoteForm(forms.Form):
    """A remark or reason, with the version that was read."""

    note = forms.CharField(label=_("说明"), max_length=300, required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, needs_note: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].required = needs_note


class SearchForm(forms.Form):
    """The filters of the list; lives in the address bar."""

    text = forms.CharField(label=_("名称或能力"), max_length=60, required=False)
    kind = forms.ChoiceField(
        label=_("类型"), choices=[("", _("全部类型")), *Organisation.Kind.choices], required=False
    )
    state = forms.ChoiceField(
        label=_("状态"), choices=[("", _("全部状态")), *Organisation.State.choices], required=False
    )
