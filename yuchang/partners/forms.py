"""What a person fills in about an organisation."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.core.forms import VersionForm
from yuchang.core.money import FEN_PER_YUAN
from yuchang.files.fields import UploadField
from yuchang.partners.models import Commitment, Organisation, Pairing, PilotRound, ProfileLine
from yuchang.partners.rules import AMOUNT_MAX, MONEY_KINDS, MilestonePlan
from yuchang.places.models import Place

MILESTONES = 4
"""So many milestones the page asks for; more come through actions."""


def place_by(code: str) -> Place | None:
    """The division that a code names today; counties also by six digits."""
    return Place.objects.filter(code=code.ljust(12, "0"), valid_to=None).first() if code else None


def _code_field(label: Any, help_text: Any, *, required: bool = True) -> forms.RegexField:
    return forms.RegexField(label=label, regex=r"^\d{6}(\d{6})?$", help_text=help_text, required=required)


def _day_field(label: Any, *, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, required=required)


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


class EditContactForm(VersionForm, ContactForm):
    """The same, with the version that was read."""


class OrganisationForm(ContactForm):
    """A new organisation."""

    name = forms.CharField(label=_("机构名称"), max_length=100)
    kind = forms.ChoiceField(label=_("类型"), choices=Organisation.Kind.choices)
    credit_code = forms.CharField(
        label=_("统一社会信用代码"), max_length=18, required=False, help_text=_("18 位，没有可留空")
    )
    place_code = _code_field(_("所在地区划代码"), _("县级 6 位或 12 位代码"))
    field_order = ["name", "kind", "credit_code", "place_code", "contact_name", "phone", "capabilities"]

    def clean_credit_code(self) -> str:
        return str(self.cleaned_data["credit_code"]).strip().upper()


class NoteForm(VersionForm):
    """A remark or reason, with the version that was read."""

    note = forms.CharField(label=_("说明"), max_length=300, required=False)

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


class RegistrationForm(OrganisationForm):
    """An organisation enters itself, for the county that is to check it."""

    host_code = _code_field(_("引荐县区划代码"), _("希望帮扶或合作的县，6 位代码"))
    website = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = [
        *("name", "kind", "credit_code", "place_code", "host_code", "contact_name", "phone"),
        *("capabilities", "introduction"),
    ]

    def __init__(self, *args: Any, host: Place | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = host
        self.fields["contact_name"].required = self.fields["phone"].required = True
        self.fields["phone"].help_text = _("加密保存，只有引荐县能查看。")
        if host is not None:
            del self.fields["host_code"]

    def clean_website(self) -> str:
        """A field nobody sees: only a program fills it in."""
        if self.cleaned_data["website"]:
            raise forms.ValidationError(_("请重新填写。"))
        return ""


class InvitationForm(forms.Form):
    """Whom a county asks to register."""

    name = forms.CharField(label=_("机构名称"), max_length=100)
    kind = forms.ChoiceField(label=_("类型"), choices=Organisation.Kind.choices)


class LineForm(forms.Form):
    """One line of a profile."""

    kind = forms.ChoiceField(label=_("内容"), choices=ProfileLine.Kind.choices)
    text = forms.CharField(label=_("说明"), max_length=120)
    quantity = forms.IntegerField(label=_("每年数量"), min_value=1, max_value=AMOUNT_MAX, required=False)
    unit = forms.CharField(label=_("单位"), max_length=20, required=False)
    place_code = _code_field(_("市场所在地区划代码"), _("只有市场须填"), required=False)
    until = _day_field(_("有效至"), required=False)


class ContactPersonForm(forms.Form):
    """Somebody to talk to."""

    contact = forms.CharField(label=_("姓名"), max_length=60)
    duty = forms.CharField(label=_("职务"), max_length=60, required=False)
    telephone = forms.CharField(label=_("电话"), max_length=20, required=False, help_text=_("加密保存。"))


class CommitmentForm(forms.Form):
    """A promise with up to four milestones."""

    maker = forms.TypedChoiceField(label=_("承诺方"), coerce=str)
    place_code = _code_field(_("受助地区划代码"), _("县 6 位；乡镇、村 12 位"))
    kind = forms.ChoiceField(label=_("类型"), choices=Commitment.Kind.choices)
    title = forms.CharField(label=_("承诺内容"), max_length=120)
    document = forms.CharField(label=_("协议或文件号"), max_length=120, required=False)
    unit = forms.CharField(
        label=_("单位"), max_length=20, required=False, help_text=_("资金和采购额按元，不必填。")
    )

    def __init__(self, *args: Any, makers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["maker"].choices = makers  # type: ignore[attr-defined]
        for n in range(1, MILESTONES + 1):
            first = n == 1
            self.fields[f"due_{n}"] = _day_field(_("第 %(n)d 期截止") % {"n": n}, required=first)
            self.fields[f"measure_{n}"] = forms.CharField(label=_("衡量指标"), max_length=120, required=first)
            self.fields[f"amount_{n}"] = forms.DecimalField(
                label=_("数额"), min_value=0, max_digits=15, decimal_places=2, required=first
            )

    def milestones(self) -> list[MilestonePlan]:
        """The milestones filled in; money in fen."""
        return [plan for n in range(1, MILESTONES + 1) if (plan := self._milestone(n)) is not None]

    def _milestone(self, n: int) -> MilestonePlan | None:
        data = self.cleaned_data
        due, amount = data.get(f"due_{n}"), data.get(f"amount_{n}")
        if due is None and amount is None and not data.get(f"measure_{n}"):
            return None
        whole = _amount(amount or Decimal(0), data["kind"] in MONEY_KINDS)
        return MilestonePlan(due or date.min, data.get(f"measure_{n}") or "", whole)


def _amount(amount: Decimal, is_money: bool) -> int:
    """A number as stored: yuan as fen, others whole (a fraction as 0, which the rules refuse)."""
    if is_money:
        return int(amount * FEN_PER_YUAN)
    return int(amount) if amount == int(amount) else 0


class ProgressForm(forms.Form):
    """What was done for a milestone, with its evidence."""

    amount = forms.DecimalField(label=_("完成数额"), min_value=0, max_digits=15, decimal_places=2)
    happened_on = _day_field(_("完成日期"))
    reference = forms.CharField(label=_("凭证编号"), max_length=120, required=False)
    note = forms.CharField(label=_("说明"), max_length=300, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"] = UploadField(purpose="commitment_evidence", label=_("凭证"), required=False)

    def whole(self, *, is_money: bool) -> int:
        """The amount as stored."""
        return _amount(self.cleaned_data["amount"], is_money)


class AnswerForm(VersionForm):
    """Yes or no, with the reason for a no, and the version that was read."""

    answer = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda word: word == "yes")
    reason = forms.CharField(max_length=300, required=False)


class ReasonForm(VersionForm):
    """A reason, with the version that was read."""

    reason = forms.CharField(label=_("理由"), max_length=300)


class PairingForm(forms.Form):
    """A pairing to be proposed."""

    kind = forms.ChoiceField(label=_("类型"), choices=Pairing.Kind.choices)
    organisation = forms.CharField(
        label=_("帮扶机构名称"),
        max_length=100,
        required=False,
        help_text=_("企业结对县、万企帮万村须填全称。"),
    )
    helper_code = _code_field(_("帮扶县区划代码"), _("东西部协作须填，6 位代码"), required=False)
    place_code = _code_field(_("受助地区划代码"), _("县 6 位；村 12 位"))
    valid_from = _day_field(_("开始日期"))
    valid_to = _day_field(_("结束日期"), required=False)
    document = forms.CharField(label=_("协议或文件号"), max_length=120, required=False)
    note = forms.CharField(label=_("说明"), max_length=300, required=False)


class RoundForm(forms.Form):
    """One round of a pilot."""

    place_codes = forms.CharField(
        label=_("试点地区划代码"), max_length=6000, help_text=_("6 位或 12 位，用空格或逗号分开")
    )
    starts_on = _day_field(_("开始日期"))
    ends_on = _day_field(_("结束日期"))
    measure = forms.CharField(label=_("衡量指标"), max_length=120)
    goal = forms.IntegerField(label=_("目标"), min_value=1, max_value=AMOUNT_MAX)

    def clean_place_codes(self) -> list[int]:
        codes = [c.ljust(12, "0") for c in re.split(r"[\s,，、;；]+", self.cleaned_data["place_codes"]) if c]
        found = dict(Place.objects.filter(code__in=codes, valid_to=None).values_list("code", "pk"))
        missing = [code for code in codes if code not in found]
        if missing:
            raise forms.ValidationError(_("没有区划代码 %(code)s。") % {"code": missing[0]})
        return sorted(found.values())


class PilotForm(RoundForm):
    """A new pilot with its first round."""

    title = forms.CharField(label=_("试点名称"), max_length=120)
    question = forms.CharField(label=_("要回答的问题"), max_length=300)
    field_order = ["title", "question"]


class NextRoundForm(VersionForm, RoundForm):
    """A further round, with the version of the pilot that was read."""


class ResultForm(VersionForm):
    """What a round brought."""

    result = forms.IntegerField(label=_("结果"), min_value=0, max_value=AMOUNT_MAX)
    note = forms.CharField(label=_("说明"), max_length=300)


class DecisionForm(ReasonForm):
    """What follows from a result."""

    decision = forms.ChoiceField(label=_("决定"), choices=PilotRound.Decision.choices)
    field_order = ["decision"]
