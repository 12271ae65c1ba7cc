"""What the system administrator types about people and their roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.rules import NEEDS_ORGANISATION, NOT_GRANTED, Role
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.workbench.queries.household import role_word


class PersonForm(forms.Form):
    """A new person."""

    username = forms.RegexField(
        r"^[\w.-]{3,60}$",
        label=_("登录名"),
        help_text=_("三个字以上，可用字母、数字、汉字、点、横线和下划线。"),
        error_messages={"invalid": _("登录名只能用字母、数字、汉字、点、横线和下划线，至少三个字。")},
    )
    display_name = forms.CharField(label=_("姓名"), max_length=60)


class GrantForm(forms.Form):
    """A role within a place (by code) or for an organisation (by number)."""

    role = forms.ChoiceField(label=_("岗位"))
    place = forms.CharField(
        label=_("所管地区"),
        required=False,
        max_length=12,
        help_text=_("十二位区划代码；县可只写前六位。帮扶伙伴不填。"),
    )
    organisation = forms.IntegerField(
        label=_("所代表的单位"), required=False, help_text=_("单位编号，只有帮扶伙伴填。")
    )
    valid_to = forms.DateField(
        label=_("截止日期"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(role.value, role_word(role)) for role in Role if role not in NOT_GRANTED]

    def clean(self) -> dict[str, Any]:
        """Find the place or the organisation that was named."""
        data = super().clean() or {}
        if data.get("role") in NEEDS_ORGANISATION:
            if not Organisation.objects.filter(pk=data.get("organisation") or 0).exists():
                self.add_error("organisation", _("没有这个单位。"))
            return data
        code = (data.get("place") or "").strip()
        found = Place.objects.filter(code=code.ljust(12, "0"), valid_to__isnull=True).first()
        if found is None:
            self.add_error("place", _("没有这个地区代码。"))
        data["place_id"] = found.pk if found else None
        return data
