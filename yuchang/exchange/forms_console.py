"""What an officer fills in at the clearing console: scenarios, and goods that do not sell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.core.forms import VersionForm
from yuchang.exchange.clearing.floors import PRICE_SCALE
from yuchang.exchange.clearing.side_rows import SCALE
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.forms import date_field, fen
from yuchang.exchange.models import QUANTITY_MAX
from yuchang.exchange.queries import leaf_choices
from yuchang.exchange.rules import DISTANCE_MAX_KM, EmergencyFacts
from yuchang.files.fields import UploadField

MONEY_MAX = Decimal(10) ** 12
"""Beyond this a field is refused as it is typed; below, the rules say what is absurd."""


def _money(label: Any, help_text: Any = "", initial: int = 0) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=MONEY_MAX,
        decimal_places=2,
        initial=initial,
        required=False,
        help_text=help_text,
    )


def _price(label: Any, help_text: Any) -> forms.DecimalField:
    """What a yuan missing may cost, in yuan."""
    return forms.DecimalField(
        label=label, min_value=0, max_value=10, decimal_places=6, required=False, help_text=help_text
    )


class ScenarioForm(forms.Form):
    """A what-if: floors, swaps with a fund, lots, inertia, budgets and quotas. Empty or 0 is off."""

    name = forms.CharField(label=_("方案名称"), max_length=60)
    household = _money(_("每贫困户至少卖（元）"), _("只算已纳入的贫困户；0 为不设。"))
    village = _money(_("每村至少卖（元）"), _("不低于户的保底。"))
    county = _money(_("全县至少卖（元）"), _("不低于村的保底。"))
    soft_price = _price(_("软保底：每缺 1 元最多付出（元）"), _("留空为先保底、再求得益。"))
    has_swaps = forms.BooleanField(label=_("先找两三方换货"), required=False)
    fund = _money(_("换货周转金（元）"), _("差额由它垫付。"))
    lot = _money(_("每笔成交至少（元）"), _("0 为只按各方自己的起订量。"))
    bonus = _money(_("老搭档加成（元/单位）"), _("上次撮合的一对再成交时，按多得这么多来算。"))
    has_budgets = forms.BooleanField(
        label=_("不超过各机构自报的预算"), required=False, help_text=_("按需方最高价计，怎样议价都不会超。")
    )
    has_promises = forms.BooleanField(label=_("结对帮扶按承诺的采购额"), required=False)
    quota = _money(_("每个结对至少采购（元）"), _("按品类参考价计；0 为不设。"))
    quota_price = _price(_("结对采购每缺 1 元最多付出（元）"), _("留空为 1 元；做不到的如实列出，不强配。"))

    def asked(self) -> Parameters:
        """The parameters in fen."""
        data = self.cleaned_data
        soft, price = data["soft_price"], data["quota_price"]
        return Parameters(
            household_fen=fen(data["household"] or Decimal(0)),
            village_fen=fen(data["village"] or Decimal(0)),
            county_fen=fen(data["county"] or Decimal(0)),
            soft_price=-1 if soft is None else int(soft * PRICE_SCALE),
            has_swaps=data["has_swaps"],
            fund_fen=fen(data["fund"] or Decimal(0)),
            lot_fen=fen(data["lot"] or Decimal(0)),
            bonus_fen=fen(data["bonus"] or Decimal(0)),
            has_budgets=data["has_budgets"],
            has_promises=data["has_promises"],
            quota_fen=fen(data["quota"] or Decimal(0)),
            quota_price=SCALE if price is None else int(price * SCALE),
        )


SCENARIO_FIELDS = {
    "household_fen": "household",
    "village_fen": "village",
    "county_fen": "county",
    "fund_fen": "fund",
    "lot_fen": "lot",
    "bonus_fen": "bonus",
    "quota_fen": "quota",
}
"""The parameters' names in the form."""


class BudgetForm(VersionForm):
    """What an organisation can pay until a day."""

    amount = _money(_("从现在起最多能付（元，含运费）"), _("不告诉任何人；此后签约和正在洽谈的从中扣除。"))
    until = date_field(_("到哪天"))


class EmergencyForm(forms.Form):
    """Goods that do not sell: one posting, or a category and how much."""

    posting = forms.IntegerField(
        label=_("供给编号"), min_value=1, required=False, help_text=_("本县一条供给；或留空，按品类申报。")
    )
    category = forms.ChoiceField(label=_("品类"), required=False)
    quantity = forms.IntegerField(label=_("滞销数量"), min_value=1, max_value=QUANTITY_MAX)
    until = date_field(_("应急到哪天"))
    reason = forms.CharField(label=_("滞销原因"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    radius_km = forms.IntegerField(
        label=_("放宽到多远（公里）"),
        min_value=0,
        max_value=DISTANCE_MAX_KM,
        required=False,
        help_text=_("留空为全国。"),
    )
    help = _money(_("每单位补助上限（元）"), _("由资金付给卖方，不进入保底。"))
    fund = _money(_("资金总额（元）"), _("总额用完即止。"))
    evidence = UploadField(purpose="emergency_evidence", label=_("证明材料"), required=False)
    county = forms.TypedChoiceField(label=_("县"), coerce=int)
    field_order = ["county"]

    def __init__(self, *args: Any, counties: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = [("", "—"), *leaf_choices()]  # type: ignore[attr-defined]
        self.fields["county"].choices = counties  # type: ignore[attr-defined]

    def facts(self) -> EmergencyFacts:
        """What is declared, in fen."""
        data = self.cleaned_data
        return EmergencyFacts(
            quantity=data["quantity"],
            until=data["until"],
            reason=data["reason"],
            posting_id=data["posting"],
            category=data["category"],
            radius_km=data["radius_km"],
            help_fen=fen(data["help"] or Decimal(0)),
            fund_fen=fen(data["fund"] or Decimal(0)),
        )


EMERGENCY_FIELDS = {"posting_id": "posting"}
"""The facts' names in the form."""
