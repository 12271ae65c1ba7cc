"""What people fill in: rounds, goods, commitments, harvests, orders."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core.money import FEN_PER_YUAN
from yuchang.exchange.models import Category
from yuchang.ledger.models import Way
from yuchang.market.actions.rounds import Goods, Terms
from yuchang.market.models import ShortfallRule
from yuchang.partners.models import Organisation
from yuchang.registry.models import Household

_MOMENT = "%Y-%m-%dT%H:%M"


class YuanField(forms.DecimalField):
    """An amount typed in yuan, at most two decimals; its value is fen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, min_value=0, **options)

    def clean(self, value: Any) -> Any:
        """Fen, or None when empty and not required."""
        yuan = super().clean(value)
        return None if yuan is None else int(yuan * FEN_PER_YUAN)


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT)
    return forms.DateTimeField(label=label, widget=widget, input_formats=[_MOMENT, "%Y-%m-%d %H:%M"])


class VersionForm(forms.Form):
    """The version of the row that the person has read."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


class RoundForm(forms.Form):
    """The terms of a round."""

    title = forms.CharField(label=gettext_lazy("标题"), max_length=80)
    sales_from = _moment(gettext_lazy("开售时间"))
    sales_to = _moment(gettext_lazy("截单时间"))
    deliver_on = forms.DateField(
        label=gettext_lazy("发货日期"), widget=forms.DateInput(attrs={"type": "date"})
    )
    promise = forms.CharField(
        label=gettext_lazy("对买方的承诺"),
        max_length=200,
        help_text=gettext_lazy("例如：九月底前发货，坏果包赔。"),
    )
    shortfall_rule = forms.ChoiceField(label=gettext_lazy("收成不足时"), choices=ShortfallRule.choices)
    way = forms.ChoiceField(label=gettext_lazy("带动方式"), choices=Way.choices)

    def terms(self) -> Terms:
        """The terms as the action takes them."""
        return Terms(**self.cleaned_data)


class GoodsForm(VersionForm):
    """Goods and the parts of their price. Amounts are yuan per unit."""

    title = forms.CharField(label=gettext_lazy("品名"), max_length=80)
    category = forms.ModelChoiceField(label=gettext_lazy("品类"), queryset=Category.objects.none())
    price = YuanField(label=gettext_lazy("单价(元)"))
    grower = YuanField(label=gettext_lazy("其中农户所得(元)"))
    coop_part = YuanField(label=gettext_lazy("合作社服务费(元)"), required=False)
    coop = forms.ModelChoiceField(
        label=gettext_lazy("合作社"), queryset=Organisation.objects.none(), required=False
    )
    logistics_part = YuanField(label=gettext_lazy("物流费(元)"), required=False)
    logistics = forms.ModelChoiceField(
        label=gettext_lazy("物流单位"), queryset=Organisation.objects.none(), required=False
    )
    buyer_limit = forms.IntegerField(
        label=gettext_lazy("每个买方限购"),
        min_value=1,
        required=False,
        help_text=gettext_lazy("留空为不限。"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        vetted = Organisation.objects.filter(state=Organisation.State.VETTED).order_by("name")
        goods = Category.objects.filter(is_leaf=True, code__startswith="goods.").order_by("position", "code")
        self._choose("category", goods)
        self._choose("coop", vetted.filter(kind=Organisation.Kind.COOPERATIVE))
        self._choose("logistics", vetted.filter(kind=Organisation.Kind.LOGISTICS))

    def _choose(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = rows

    def goods(self) -> Goods:
        """The goods as the action takes them."""
        data = self.cleaned_data
        return Goods(
            title=data["title"],
            category_code=data["category"].pk,
            unit=data["category"].unit,
            price_fen=data["price"],
            grower_fen=data["grower"],
            coop_fen=data["coop_part"] or 0,
            logistics_fen=data["logistics_part"] or 0,
            coop_id=data["coop"].pk if data["coop"] else None,
            logistics_id=data["logistics"].pk if data["logistics"] else None,
            buyer_limit=data["buyer_limit"],
        )


class GrowerForm(VersionForm):
    """A household named by its number."""

    number = forms.CharField(label=gettext_lazy("户编号"), max_length=40)

    def clean_number(self) -> int:
        """The household's id. Whether it lies in the person's places is for the action to say."""
        number = self.cleaned_data["number"].strip()
        found = Household.objects.filter(number=number).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError(_("没有这个户编号，请核对。"))
        return found


class CommitForm(GrowerForm):
    """What a household promises."""

    quantity = forms.IntegerField(label=gettext_lazy("承诺数量"), min_value=1, max_value=10**9)


class LotForm(GrowerForm):
    """What a household brought in."""

    harvested = forms.IntegerField(label=gettext_lazy("收获数量"), min_value=1, max_value=10**9)
    lost = forms.IntegerField(label=gettext_lazy("其中损耗"), min_value=0, max_value=10**9, initial=0)


class BuyForm(forms.Form):
    """How much of an offer; the key makes a repeated click one order."""

    quantity = forms.IntegerField(label=gettext_lazy("数量"), min_value=1, max_value=10**9)
    key = forms.CharField(widget=forms.HiddenInput, min_length=8, max_length=80)

    @classmethod
    def fresh(cls) -> BuyForm:
        """An empty form with a new key."""
        return cls(initial={"key": uuid4().hex})


class TransferForm(forms.Form):
    """A bank transfer that arrived."""

    amount = YuanField(label=gettext_lazy("到账金额(元)"))
    reference = forms.CharField(label=gettext_lazy("银行流水号"), max_length=80)


class GrowersForm(forms.Form):
    """Which households supply a village's goods: a line each, number and quantity."""

    growers = forms.CharField(
        label=gettext_lazy("供货农户"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("每行一户：户编号 数量。农户自己的协议留空。"),
    )
    logistics = forms.ModelChoiceField(
        label=gettext_lazy("物流单位"), queryset=Organisation.objects.none(), required=False
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["logistics"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        vetted = Organisation.objects.filter(
            state=Organisation.State.VETTED, kind=Organisation.Kind.LOGISTICS
        )
        field.queryset = vetted.order_by("name")

    def clean_growers(self) -> tuple[tuple[int, int], ...]:
        """(household id, quantity) of every line."""
        rows = []
        for line in self.cleaned_data["growers"].splitlines():
            if not line.strip():
                continue
            parts = line.split()
            if len(parts) != 2 or not parts[1].isdecimal():
                raise forms.ValidationError(_("“%s”不是“户编号 数量”。") % line.strip()[:40])
            household = Household.objects.filter(number=parts[0]).values_list("pk", flat=True).first()
            if household is None:
                raise forms.ValidationError(_("没有户编号 %s，请核对。") % parts[0])
            rows.append((household, int(parts[1])))
        return tuple(rows)
