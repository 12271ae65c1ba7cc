"""What a person fills in at the exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.core.forms import VersionForm
from yuchang.core.money import FEN_PER_YUAN
from yuchang.exchange.models import PRICE_MAX_FEN, QUANTITY_MAX, Category, Direction, Posting, Why
from yuchang.exchange.queries import leaf_choices
from yuchang.exchange.rules import DISTANCE_MAX_KM, convert_price, convert_quantity, units_for
from yuchang.exchange.searching import Criteria
from yuchang.exchange.words import CERTIFICATES, unit_said, unit_word
from yuchang.files.fields import UploadField

PRICE_MAX = Decimal(PRICE_MAX_FEN) / FEN_PER_YUAN


def date_field(label: Any) -> forms.DateField:
    """A day, with the browser's own calendar."""
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


def _price_field(label: Any, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_value=PRICE_MAX, decimal_places=2, help_text=help_text
    )


def fen(yuan: Decimal) -> int:
    """A cleaned price with two decimals as fen."""
    return int(yuan * FEN_PER_YUAN)


class PostingForm(forms.Form):
    """One posting of a category; asks only for what the category needs."""

    direction = forms.ChoiceField(label=_("方向"), choices=Direction.choices, widget=forms.RadioSelect)
    quantity = forms.IntegerField(label=_("数量"), min_value=1, max_value=QUANTITY_MAX)
    unit = forms.ChoiceField(label=_("单位"), required=False)
    limit = _price_field(_("价格底线（元）"), _("供给填最低价，需求填最高价。只用于撮合，从不告诉他人。"))
    window_from = date_field(_("最早日期"))
    window_to = date_field(_("最晚日期"))
    min_lot = forms.IntegerField(
        label=_("最小批量"),
        min_value=1,
        max_value=QUANTITY_MAX,
        required=False,
        help_text=_("一个对象至少要这么多；留空不限。"),
    )
    certificates = forms.MultipleChoiceField(
        label=_("证书"),
        choices=list(CERTIFICATES.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("供给勾选已有的，需求勾选要求的。"),
    )
    repeats = forms.ChoiceField(
        label=_("重复"), choices=[("", _("不重复")), *Posting.Repeats.choices], required=False
    )
    repeat_until = forms.DateField(
        label=_("重复至"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text=_("留空表示一直重复；撤回即停止。"),
    )
    radius_km = forms.IntegerField(
        label=_("最远距离（公里）"),
        min_value=0,
        max_value=6000,
        required=False,
        help_text=_("按县城之间计算；0 表示只在本县，留空按品类惯例。"),
    )
    note = forms.CharField(label=_("备注"), max_length=300, required=False)

    def __init__(self, *args: Any, category: Category, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.category = category
        units = units_for(category.unit)
        self.fields["unit"].choices = [(unit, unit_said(unit, category)) for unit in units]  # type: ignore[attr-defined]
        if len(units) == 1:
            del self.fields["unit"]
            self.fields["quantity"].label = _("数量（%(unit)s）") % {"unit": unit_word(category)}
            self.fields["limit"].label = _("价格底线（元/%(unit)s）") % {"unit": unit_word(category)}
        else:
            self.fields["limit"].label = _("每单位价格底线（元）")
        if not category.transport_fen_100km and category.radius_km is None:
            del self.fields["radius_km"]

    def clean(self) -> dict[str, Any]:
        """Quantities and price in the category's own unit; ``entered_unit`` keeps the one they came in."""
        data = super().clean() or self.cleaned_data
        unit, own = data.get("unit") or self.category.unit, self.category.unit
        data["entered_unit"] = unit if unit != own else ""
        for name in ("quantity", "min_lot"):
            given = data.get(name)
            if given and (converted := convert_quantity(given, unit, own)) is None:
                values = {"n": given, "from": unit, "to": own}
                self.add_error(name, _("%(n)d %(from)s折算不成整数的%(to)s，请调整数量。") % values)
            elif given:
                data[name] = converted
        if data.get("limit") is not None:
            is_offer = data.get("direction", self.initial.get("direction")) != Direction.NEED
            data["limit_fen"] = convert_price(fen(data["limit"]), unit, own, is_offer=is_offer)
        return data

    def said(self) -> dict[str, Any]:
        """What the form says besides direction and owner, as keywords of ``PostingFacts``."""
        data = self.cleaned_data
        return {
            "quantity": data["quantity"],
            "limit_fen": data["limit_fen"],
            "window_from": data["window_from"],
            "window_to": data["window_to"],
            "radius_km": data.get("radius_km"),
            "note": data["note"],
            "min_lot": data["min_lot"] or 1,
            "certificates": tuple(data["certificates"]),
            "entered_unit": data["entered_unit"],
            "repeats": data["repeats"],
            "repeat_until": data["repeat_until"],
        }


class StaffPostingForm(PostingForm):
    """A posting for a household (by its number) or for the village itself (by its code)."""

    household_number = forms.CharField(
        label=_("户编号"), max_length=40, required=False, help_text=_("留空则以村集体名义发布。")
    )
    village_code = forms.RegexField(
        label=_("村区划代码"), regex=r"^\d{12}$", required=False, help_text=_("12 位；村干部可留空。")
    )
    field_order = ["household_number", "village_code", "direction"]


class PartnerPostingForm(PostingForm):
    """A posting of one of the actor's organisations."""

    organisation = forms.TypedChoiceField(label=_("机构"), coerce=int)
    field_order = ["organisation", "direction"]

    def __init__(self, *args: Any, organisations: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].choices = organisations  # type: ignore[attr-defined]


class EditPostingForm(VersionForm, PostingForm):
    """A correction of a posting, with the version that was read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["direction"]


class ResourcePostingForm(forms.Form):
    """A declared resource needs only a price to become a posting."""

    limit = _price_field(_("价格底线（元）"), _("供给填最低价，需求填最高价。只用于撮合，从不告诉他人。"))
    window_from = date_field(_("最早日期"))
    window_to = date_field(_("最晚日期"))


class ReviewForm(VersionForm):
    """One draft of a resource sheet as reviewed; the price has to be said."""

    is_chosen = forms.BooleanField(required=False)
    limit = _price_field(_("价格底线（元）"))
    quantity = forms.IntegerField(label=_("数量"), min_value=1, max_value=QUANTITY_MAX)
    window_from = date_field(_("最早日期"))
    window_to = date_field(_("最晚日期"))


class ProposalForm(forms.Form):
    """Terms proposed to the other's posting."""

    mine = forms.TypedChoiceField(label=_("我方供需"), coerce=int)
    quantity = forms.IntegerField(label=_("数量"), min_value=1, max_value=QUANTITY_MAX)
    price = _price_field(_("单价（元）"), _("供方到手的价格；运费由需方另付。"))
    text = forms.CharField(label=_("想说的话"), max_length=1000, required=False)

    def __init__(self, *args: Any, own: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mine"].choices = own  # type: ignore[attr-defined]


class PhotoForm(forms.Form):
    """A picture of what is offered or needed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"] = UploadField(purpose="posting_photo", label=_("图片"))


class ReasonForm(VersionForm):
    """A reason, with the version that was read."""

    reason = forms.CharField(label=_("理由"), max_length=300)


class AnswerForm(VersionForm):
    """One side's answer to a proposal."""

    side = forms.ChoiceField(choices=Direction.choices)
    answer = forms.ChoiceField(choices=[("accepted", "accepted"), ("declined", "declined")])
    code = forms.ChoiceField(choices=[("", ""), *Why.choices], required=False)
    reason = forms.CharField(max_length=300, required=False)


class SayForm(forms.Form):
    """A line to the other side."""

    side = forms.ChoiceField(choices=Direction.choices, widget=forms.HiddenInput)
    text = forms.CharField(label=_("留言"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    papers = UploadField(purpose="deal_paper", label=_("附件"), required=False)


class CounterForm(VersionForm):
    """Other terms."""

    side = forms.ChoiceField(choices=Direction.choices, widget=forms.HiddenInput)
    price = _price_field(_("单价（元）"))
    quantity = forms.IntegerField(label=_("数量"), min_value=1, max_value=QUANTITY_MAX)
    code = forms.ChoiceField(label=_("原因"), choices=Why.choices, required=False)
    reason = forms.CharField(label=_("理由"), max_length=300, required=False)


class RefuseForm(VersionForm):
    """Why an agreement is not signed."""

    code = forms.ChoiceField(label=_("原因"), choices=[("", "—"), *Why.choices], required=False)
    reason = forms.CharField(label=_("理由"), max_length=300, required=False)


class AgreementForm(VersionForm):
    """The terms of an agreement."""

    side = forms.ChoiceField(choices=Direction.choices, widget=forms.HiddenInput)
    price = _price_field(_("单价（元）"))
    quantity = forms.IntegerField(label=_("数量"), min_value=1, max_value=QUANTITY_MAX)
    delivery_from = date_field(_("最早交付"))
    delivery_to = date_field(_("最晚交付"))


class RunForm(forms.Form):
    """What to clear."""

    county = forms.TypedChoiceField(label=_("范围"), coerce=int)
    category = forms.ChoiceField(label=_("品类"), required=False)

    def __init__(self, *args: Any, counties: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["county"].choices = counties  # type: ignore[attr-defined]
        self.fields["category"].choices = [("", _("全部品类")), *leaf_choices()]  # type: ignore[attr-defined]


class SearchForm(forms.Form):
    """What is looked for among everybody's open postings; lives in the address bar."""

    q = forms.CharField(label=_("找什么"), max_length=100, required=False)
    direction = forms.ChoiceField(
        label=_("方向"), choices=[("", _("供给与需求")), *Direction.choices], required=False
    )
    category = forms.ChoiceField(label=_("品类"), required=False)
    radius_km = forms.IntegerField(
        label=_("县城间距离（公里）"), min_value=0, max_value=DISTANCE_MAX_KM, required=False
    )
    window_from = forms.DateField(
        label=_("最早日期"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    window_to = forms.DateField(
        label=_("最晚日期"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )

    is_urgent = forms.BooleanField(label=_("只看滞销急售"), required=False)

    def __init__(self, *args: Any, categories: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = [("", _("全部品类")), *categories]  # type: ignore[attr-defined]

    def criteria(self, county_id: int | None) -> Criteria:
        """What the form asks for, around one's own county."""
        data = self.cleaned_data
        radius = data["radius_km"] if county_id else None
        return Criteria(
            text=data["q"].strip(),
            direction=data["direction"],
            category=data["category"],
            county_id=county_id if radius is not None else None,
            radius_km=radius,
            window_from=data["window_from"],
            window_to=data["window_to"],
            is_urgent=data["is_urgent"],
        )


class SaveSearchForm(SearchForm):
    """A search with the name under which to keep it."""

    name = forms.CharField(label=_("名称"), max_length=60)


class PostingFilterForm(forms.Form):
    """The filters of the posting list; live in the address bar."""

    direction = forms.ChoiceField(
        label=_("方向"), choices=[("", _("供给与需求")), *Direction.choices], required=False
    )
    state = forms.ChoiceField(
        label=_("状态"), choices=[("", _("全部状态")), *Posting.State.choices], required=False
    )
    category = forms.CharField(label=_("品类"), max_length=60, required=False)
