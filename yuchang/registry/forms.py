"""What people type into the register's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core import clock
from yuchang.core.forms import prefer_only
from yuchang.places.models import Place
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.models import Resource, Source
from yuchang.registry.words import choices

UNKNOWN = gettext_lazy("未知")
MAX_FEN = 10**13
DAY = {"type": "date"}
_MONEY = (
    ("net_income_per_head_fen", gettext_lazy("人均纯收入(元/年)")),
    ("wage_income_fen", gettext_lazy("工资性收入(元/年)")),
    ("business_income_fen", gettext_lazy("经营性收入(元/年)")),
    ("transfer_income_fen", gettext_lazy("转移性收入(元/年)")),
    ("property_income_fen", gettext_lazy("财产性收入(元/年)")),
    ("production_expense_fen", gettext_lazy("生产经营支出(元/年)")),
    ("compliant_medical_spending_fen", gettext_lazy("合规自付医疗支出(元/年)")),
)


class CodeField(forms.TypedChoiceField):
    """A choice of a code list, in the reader's language; empty is unknown."""

    def __init__(self, list_name: str, **options: Any) -> None:
        required = options.pop("required", False)
        empty = "" if required else UNKNOWN
        super().__init__(
            choices=lambda: choices(list_name, str(empty)), required=required, empty_value=None, **options
        )


class YesNoField(forms.TypedChoiceField):
    """Yes, no, or unknown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            choices=lambda: [("", str(UNKNOWN)), ("1", _("是")), ("0", _("否"))],
            coerce=lambda v: v in ("1", "True", True),
            empty_value=None,
            required=False,
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        return {True: "1", False: "0"}.get(value, value)


class MoneyField(forms.DecimalField):
    """Yuan typed, fen kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, decimal_places=2, max_digits=13, **options)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return None if found is None else int(found * 100)

    def prepare_value(self, value: Any) -> Any:
        return f"{value / 100:g}" if isinstance(value, int) else value


class VersionedForm(forms.Form):
    """A form that says which version was read."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class HouseholdForm(VersionedForm):
    """The household's own part of entry and correction."""

    observed_on = forms.DateField(
        label=gettext_lazy("调查日期"), widget=forms.DateInput(DAY, format="%Y-%m-%d")
    )
    hamlet = forms.CharField(label=gettext_lazy("自然村"), max_length=100, required=False)
    attribute = CodeField("attribute", label=gettext_lazy("户属性"), required=True)
    main_cause = CodeField("cause", label=gettext_lazy("主要致贫原因"), required=True)
    other_causes = forms.MultipleChoiceField(
        label=gettext_lazy("其他致贫原因"),
        help_text=gettext_lazy("最多两个"),
        required=False,
        choices=lambda: choices("cause"),
        widget=forms.CheckboxSelectMultiple,
    )
    exit_attribute = CodeField("exit_attribute", label=gettext_lazy("脱贫属性"), required=True)
    exit_year = forms.IntegerField(
        label=gettext_lazy("脱贫年度"), required=False, min_value=1980, max_value=2100
    )
    unsafe_house = CodeField("unsafe_house", label=gettext_lazy("危房等级"))
    safe_water = YesNoField(label=gettext_lazy("饮水安全"))
    water_hardship = YesNoField(label=gettext_lazy("饮水困难"))
    net_income_per_head_fen = MoneyField(label=gettext_lazy("人均纯收入(元/年)"))
    arable_land_mu_tenths = forms.DecimalField(
        label=gettext_lazy("耕地(亩)"), required=False, min_value=0, max_digits=8, decimal_places=1
    )

    def entry(
        self, number: str, members: Sequence[MemberEntry], before: HouseholdEntry | None
    ) -> HouseholdEntry:
        """The household as typed; what the form does not show stays as it was."""
        data = self.cleaned_data
        wide = {k: data[k] for k in ("unsafe_house", "safe_water", "water_hardship")}
        mu = data["arable_land_mu_tenths"]
        facts = {} if mu is None else {"arable_land_mu_tenths": int(mu * 10)}
        entry = HouseholdEntry(
            number=number,
            attribute=data["attribute"],
            main_cause=data["main_cause"],
            other_causes=tuple(data["other_causes"]),
            members=tuple(members),
            hamlet=data["hamlet"],
            exit_attribute=data["exit_attribute"],
            exit_year=data["exit_year"],
            declared_size=len(members),
            net_income_per_head_fen=data["net_income_per_head_fen"],
            facts=facts,
            **wide,
        )
        return entry if before is None else replace(entry, number=before.number)


class NewHouseholdForm(HouseholdForm):
    """Entry: also where the household lives."""

    village = forms.ModelChoiceField(label=gettext_lazy("行政村"), queryset=Place.objects.none())
    number = forms.CharField(
        label=gettext_lazy("户编号"),
        help_text=gettext_lazy("留空则自动编号"),
        max_length=40,
        required=False,
    )
    field_order = ("village", "number", "observed_on")

    def __init__(self, *args: Any, villages: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["village"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = villages
            prefer_only(field)
        self.fields["observed_on"].initial = clock.today


class MemberForm(forms.Form):
    """One person. A sealed value is never shown: empty keeps what is stored."""

    number = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("姓名"), max_length=100)
    relation = CodeField("relation", label=gettext_lazy("与户主关系"), required=True)
    id_number = forms.CharField(label=gettext_lazy("证件号码"), max_length=30, required=False)
    phone = forms.CharField(label=gettext_lazy("联系电话"), max_length=20, required=False)
    ethnicity = CodeField("ethnicity", label=gettext_lazy("民族"))
    schooling = CodeField("schooling", label=gettext_lazy("文化程度"))
    enrolment = CodeField("enrolment", label=gettext_lazy("在校生状况"))
    health = forms.MultipleChoiceField(
        label=gettext_lazy("健康状况"),
        required=False,
        choices=lambda: choices("health"),
        widget=forms.CheckboxSelectMultiple,
    )
    labour = CodeField("labour", label=gettext_lazy("劳动能力"))
    work_status = CodeField("work_status", label=gettext_lazy("务工状况"))
    work_months = forms.IntegerField(
        label=gettext_lazy("务工时间(月)"), required=False, min_value=0, max_value=12
    )
    has_serious_illness_cover = YesNoField(label=gettext_lazy("参加大病医疗"))
    has_medical_insurance = YesNoField(label=gettext_lazy("参加基本医保"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.initial.get("number"):
            for name in ("id_number", "phone"):
                self.fields[name].widget.attrs["placeholder"] = _("已加密保存,不改则留空")

    def member(self, stored: MemberEntry | None) -> MemberEntry:
        """The person as typed, with the stored sealed values where nothing was typed."""
        data = self.cleaned_data
        kept = stored or MemberEntry(number="", name="", relation="")
        return MemberEntry(
            number=data["number"],
            name=data["name"].strip(),
            relation=data["relation"],
            id_number=data["id_number"].strip() or kept.id_number,
            phone=data["phone"].strip() or kept.phone,
            ethnicity=data["ethnicity"] or "",
            sex=kept.sex if not data["id_number"].strip() else "",
            birth_on=kept.birth_on if not data["id_number"].strip() else None,
            health=tuple(data["health"]),
            **{
                k: data[k]
                for k in (
                    "schooling",
                    "enrolment",
                    "labour",
                    "work_status",
                    "work_months",
                    "has_serious_illness_cover",
                    "has_medical_insurance",
                )
            },
        )


MemberFormSet = forms.formset_factory(MemberForm, extra=0, can_delete=True, max_num=30, absolute_max=40)


def people_typed(members: Any, stored: Mapping[str, MemberEntry]) -> list[MemberEntry]:
    """The people of a valid form set who were filled in and not struck out; ``stored`` by person number."""
    found = []
    for form in members.forms:
        if form.has_changed() or form.initial.get("number"):
            data = form.cleaned_data
            if data and data.get("name") and not data.get("DELETE"):
                found.append(form.member(stored.get(data["number"])))
    return found


class FactsForm(forms.Form):
    """A new observation: only what was seen this time; empty stays as it was."""

    observed_on = forms.DateField(
        label=gettext_lazy("观察日期"), widget=forms.DateInput(DAY, format="%Y-%m-%d")
    )
    source = forms.ChoiceField(
        label=gettext_lazy("来源"),
        choices=[(s.value, s.label) for s in (Source.VISIT, Source.REPORT, Source.COMPARISON, Source.FORM)],
    )
    unsafe_house = CodeField("unsafe_house", label=gettext_lazy("危房等级"))
    safe_water = YesNoField(label=gettext_lazy("饮水安全"))
    water_hardship = YesNoField(label=gettext_lazy("饮水困难"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["observed_on"].initial = clock.today
        for name, title in _MONEY:
            self.fields[name] = MoneyField(label=title)

    def facts(self) -> dict[str, Any]:
        """Column → value of everything that was filled in."""
        skipped = ("observed_on", "source")
        return {k: v for k, v in self.cleaned_data.items() if k not in skipped and v is not None}


class ResourceForm(forms.Form):
    """An offer or a need."""

    direction = forms.ChoiceField(label=gettext_lazy("提供或需要"), choices=Resource.Direction.choices)
    kind = CodeField("resource_kind", label=gettext_lazy("类别"), required=True)
    category = forms.CharField(
        label=gettext_lazy("品类"),
        max_length=60,
        help_text=gettext_lazy("写中文名称或俗称，从列出的品类中选。"),
        widget=forms.TextInput(attrs={"data-picker": "category", "autocomplete": "off"}),
    )
    quantity = forms.IntegerField(label=gettext_lazy("数量"), min_value=1, max_value=2_000_000_000)
    unit = forms.CharField(label=gettext_lazy("单位"), max_length=20)
    season_from = forms.DateField(
        label=gettext_lazy("可供开始"), required=False, widget=forms.DateInput(DAY, format="%Y-%m-%d")
    )
    season_to = forms.DateField(
        label=gettext_lazy("可供结束"), required=False, widget=forms.DateInput(DAY, format="%Y-%m-%d")
    )
    note = forms.CharField(label=gettext_lazy("说明"), max_length=300, required=False)


class VillageResourceForm(ResourceForm):
    """A village's own offer or need."""

    village = forms.ModelChoiceField(label=gettext_lazy("行政村"), queryset=Place.objects.none())
    field_order = ("village",)

    def __init__(self, *args: Any, villages: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["village"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = villages
            prefer_only(field)


class NoticeForm(forms.Form):
    """A public notice of one village's verified households, or of all villages."""

    village = forms.ModelChoiceField(
        label=gettext_lazy("行政村"),
        queryset=Place.objects.none(),
        required=False,
        empty_label=gettext_lazy("全部有已核实户的村"),
    )
    opens_on = forms.DateField(label=gettext_lazy("公示开始"), widget=forms.DateInput(DAY, format="%Y-%m-%d"))
    days = forms.IntegerField(label=gettext_lazy("公示天数"), initial=7, min_value=5, max_value=60)

    def __init__(self, *args: Any, villages: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["village"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = villages
        self.fields["opens_on"].initial = clock.today


class ObjectionForm(forms.Form):
    """A villager's objection, written down by the cadre."""

    text = forms.CharField(
        label=gettext_lazy("异议内容和理由"),
        max_length=1000,
        min_length=5,
        widget=forms.Textarea({"rows": 3}),
    )


class DecisionForm(VersionedForm):
    """How an objection was decided."""

    upheld = forms.TypedChoiceField(
        label=gettext_lazy("处理结果"),
        choices=[("1", gettext_lazy("异议成立,暂不纳入")), ("0", gettext_lazy("异议不成立"))],
        coerce=lambda v: v == "1",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=gettext_lazy("理由"), max_length=500, min_length=5, widget=forms.Textarea({"rows": 3})
    )


class LikenessForm(VersionedForm):
    """Whether two people are one."""

    same = forms.TypedChoiceField(
        label=gettext_lazy("核对结果"),
        choices=[("1", gettext_lazy("是同一人")), ("0", gettext_lazy("不是同一人"))],
        coerce=lambda v: v == "1",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=gettext_lazy("依据"), max_length=300, min_length=5, widget=forms.Textarea({"rows": 3})
    )


class UploadForm(forms.Form):
    """A workbook, the area it is for, and the day its facts hold for."""

    area = forms.ModelChoiceField(label=gettext_lazy("导入范围"), queryset=Place.objects.none())
    observed_on = forms.DateField(
        label=gettext_lazy("数据日期"),
        help_text=gettext_lazy("台账中的情况截止到哪一天"),
        widget=forms.DateInput(DAY, format="%Y-%m-%d"),
    )
    file = forms.FileField(
        label=gettext_lazy("工作簿"),
        help_text=gettext_lazy(".xlsx 或 .csv,不超过 40 MB;列的次序不限,按表头名称识别"),
        max_length=200,
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".xlsx,.csv,.xls,.et"}),
    )

    def __init__(self, *args: Any, areas: Sequence[Place], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["area"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Place.objects.filter(pk__in=[a.pk for a in areas])
            if len(areas) == 1:
                field.initial = areas[0].pk
        self.fields["observed_on"].initial = clock.today
