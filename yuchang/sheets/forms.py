"""What people choose and upload to make files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core.lists import moved
from yuchang.places.models import Place
from yuchang.sheets.catalogue import Source
from yuchang.sheets.models import ReportPlan, Template

DAY = {"type": "date"}


class OrderedChecks(forms.CheckboxSelectMultiple):
    """Ticks in an order that the reader chooses: what is ticked stands first, in its order."""

    template_name = "sheets/ordered_checks.html"

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """The options, the chosen ones first."""
        known, chosen = list(self.choices), [str(v) for v in value]
        by_value = {str(v): (v, word) for v, word in known}
        first = [by_value[v] for v in dict.fromkeys(chosen) if v in by_value]
        self.choices = first + [(v, word) for v, word in known if str(v) not in chosen]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = known


def arranged(post: QueryDict) -> QueryDict:
    """A form as sent by a button that moves a column of a page without script, the column moved."""
    data = post.copy()
    data.setlist("fields_", moved(data.getlist("fields_"), str(data.pop("move")[-1])))
    return data


class AreaField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the places in reach."""

    def __init__(self) -> None:
        super().__init__(Place.objects.none(), label=gettext_lazy("范围"), empty_label=None)

    def label_from_instance(self, place: Any) -> str:
        return str(place.full_name or place.name)


class AreaForm(forms.Form):
    """A choice of the actor's areas."""

    area = AreaField()

    def __init__(self, *arguments: Any, areas: Sequence[Place], **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["area"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = Place.objects.filter(pk__in=[a.pk for a in areas]).order_by("code")
        if areas:
            field.initial = areas[0].pk


class FilterForm(AreaForm):
    """An area and the filters of a source."""

    def __init__(self, *arguments: Any, source: Source, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.source = source
        for choice in source.filters:
            self.fields[choice.name] = forms.ChoiceField(
                label=choice.title, choices=[("", _("全部")), *choice.choices], required=False
            )


class ExportForm(FilterForm):
    """What to export, in which format."""

    format = forms.ChoiceField(label=gettext_lazy("格式"))
    fields_ = forms.MultipleChoiceField(
        label=gettext_lazy("字段"),
        help_text=gettext_lazy("按所列次序成为工作簿的各列,用箭头调整。"),
        widget=OrderedChecks,
        required=False,
    )
    clear = forms.BooleanField(
        label=gettext_lazy("含证件号码、电话等明文"),
        help_text=gettext_lazy("会留下审计记录;不勾选时这些栏为空。"),
        required=False,
    )

    def __init__(
        self, *arguments: Any, formats: Sequence[tuple[str, str]], may_clear: bool, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        chosen = self.fields["fields_"]
        assert isinstance(chosen, forms.MultipleChoiceField)  # noqa: S101 - declared above
        chosen.choices = [(f.name, f.title) for f in self.source.fields]
        chosen.initial = [f.name for f in self.source.fields if not f.secret]
        kinds = self.fields["format"]
        assert isinstance(kinds, forms.ChoiceField)  # noqa: S101 - declared above
        kinds.choices = list(formats)
        if not may_clear:
            del self.fields["clear"]
        if len(formats) == 1 and formats[0][0] == "pdf":
            del self.fields["fields_"]


class TemplateForm(AreaForm):
    """A blank workbook or letter to keep as a template."""

    name = forms.CharField(label=gettext_lazy("名称"), max_length=100)
    kind = forms.ChoiceField(label=gettext_lazy("种类"), choices=Template.Kind.choices)
    source = forms.ChoiceField(label=gettext_lazy("数据"))
    file = forms.FileField(
        label=gettext_lazy("空白表或信函"),
        help_text=gettext_lazy("上级下发的空白表(.xlsx),或带 {{ 户主 }} 等占位符的 Word 文档(.docx)。"),
    )

    def __init__(self, *arguments: Any, sources: Sequence[Source], **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(s.name, s.title) for s in sources]


class PlanForm(FilterForm):
    """A monthly report or ledger."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("名称"), max_length=100)
    kind = forms.ChoiceField(label=gettext_lazy("种类"), choices=ReportPlan.Kind.choices)
    starts_on = forms.DateField(
        label=gettext_lazy("从哪个月起"),
        help_text=gettext_lazy("填写该月任意一天;每月结束后自动冻结。"),
        widget=forms.DateInput(DAY, format="%Y-%m-%d"),
    )
    template = forms.ModelChoiceField(
        Template.objects.none(),
        label=gettext_lazy("模板"),
        required=False,
        empty_label=gettext_lazy("不用模板"),
    )
    fields_ = forms.MultipleChoiceField(
        label=gettext_lazy("字段"),
        help_text=gettext_lazy("选了模板时按模板填写。按所列次序成为工作簿的各列,用箭头调整。"),
        widget=OrderedChecks,
        required=False,
    )

    def __init__(self, *arguments: Any, templates: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        choice = self.fields["template"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = templates
        choice.label_from_instance = lambda row: row.name  # type: ignore[method-assign,assignment]
        chosen = self.fields["fields_"]
        assert isinstance(chosen, forms.MultipleChoiceField)  # noqa: S101 - declared above
        chosen.choices = [(f.name, f.title) for f in self.source.fields if not f.secret]


class ReadBackForm(AreaForm):
    """The superior system's workbook."""

    file = forms.FileField(
        label=gettext_lazy("对方系统导出的工作簿"),
        help_text=gettext_lazy(".xlsx 或 .csv,表头名称与 26 列台账相同。"),
    )
    observed_on = forms.DateField(
        label=gettext_lazy("数据日期"), widget=forms.DateInput(DAY, format="%Y-%m-%d")
    )
    is_whole = forms.BooleanField(
        label=gettext_lazy("包含所选范围的全部户"),
        help_text=gettext_lazy("勾选后,仅本系统有的户也列为差异。"),
        required=False,
    )


class ImportForm(AreaForm):
    """A workbook, and the area it is for."""

    file = forms.FileField(
        label=gettext_lazy("工作簿"),
        help_text=gettext_lazy(".xlsx 或 .csv,不超过 40 MB;列的次序不限,按表头名称识别"),
        max_length=200,
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".xlsx,.csv"}),
    )
