"""What people fill in: a step's conclusion with its evidence, returns and transfers, samples, calendars."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models import User
from yuchang.accounts.queries import role_word
from yuchang.files.fields import UploadField
from yuchang.places.models import Place
from yuchang.procedures.queries import Colleague, words
from yuchang.procedures.rules.calendar import MAX_DAYS, Unit
from yuchang.procedures.rules.machine import Kind, Plan, Step


class VersionForm(forms.Form):
    """The version of the case that the person has read."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ActForm(VersionForm):
    """The fields that the present step needs."""

    choice = forms.ChoiceField(label=_("办理结论"), widget=forms.RadioSelect)
    opinion = forms.CharField(
        label=_("意见"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    document_number = forms.CharField(label=_("文号"), max_length=120, required=False)

    def __init__(self, *args: Any, step: Step, **options: Any) -> None:
        super().__init__(*args, **options)
        self.step = step
        choice = self.fields["choice"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
        choice.choices = [(c.code, words(c.title, c.title_en)) for c in step.choices]
        self.fields["document_number"].required = step.needs_document
        for kind in step.evidence:
            self.fields[f"evidence_{kind.code}"] = UploadField(
                purpose="case_evidence", label=words(kind.title, kind.title_en), required=True
            )
        if step.needs_document:
            self.fields["seal"] = UploadField(
                purpose="seal_image", label=_("印章图样(PNG,可不传)"), required=False
            )

    @property
    def uploads(self) -> dict[str, Any]:
        """Kind of evidence → upload."""
        given = {e.code: self.cleaned_data.get(f"evidence_{e.code}") for e in self.step.evidence}
        return {kind: upload for kind, upload in given.items() if upload}


class ReasonForm(VersionForm):
    """A step that needs a reason: return, withdraw."""

    reason = forms.CharField(label=_("理由"), max_length=500)
    field_order = ("to", "to_user", "reason")


class ReturnForm(ReasonForm):
    """Where a case is sent back to."""

    to = forms.ChoiceField(label=_("退回到"))

    def __init__(self, *args: Any, steps: list[Step], **options: Any) -> None:
        super().__init__(*args, **options)
        to = self.fields["to"]
        assert isinstance(to, forms.ChoiceField)  # noqa: S101 - declared above
        to.choices = [(s.code, words(s.title, s.title_en)) for s in steps]


class TransferForm(ReasonForm):
    """To whom a step is handed. A few are shown; whether who was chosen may receive it the action judges."""

    to_user = forms.IntegerField(
        label=_("转交给"), widget=forms.RadioSelect, min_value=1, max_value=2**63 - 1
    )

    def __init__(self, *args: Any, people: list[Colleague], **options: Any) -> None:
        super().__init__(*args, **options)
        shown = self.fields["to_user"].widget
        assert isinstance(shown, forms.RadioSelect)  # noqa: S101 - declared above
        shown.choices = [(one.user.pk, _colleague_words(one)) for one in people]


def _colleague_words(one: Colleague) -> str:
    """What tells people of one name apart."""
    return " · ".join(filter(None, [one.user.display_name, role_word(one.role), one.place]))


class OpenForm(forms.Form):
    """A new case of a procedure that is not driven by another page."""

    code = forms.ChoiceField(label=_("程序"))
    place = forms.ModelChoiceField(Place.objects.none(), label=_("地区"))
    title = forms.CharField(label=_("事项"), max_length=200, help_text=_("例如:王某某户纳入申请。"))
    reference = forms.CharField(label=_("编号或来源"), max_length=120, required=False)

    def __init__(
        self,
        *args: Any,
        plans: dict[str, Plan],
        titles: dict[str, str],
        places: QuerySet[Place],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        code, place = self.fields["code"], self.fields["place"]
        assert isinstance(code, forms.ChoiceField)  # noqa: S101 - declared above
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101 - declared above
        code.choices = [(c, titles[c]) for c in plans]
        place.queryset = places


class SampleForm(forms.Form):
    """What a sample is drawn from."""

    of = forms.ChoiceField(label=_("程序和步骤"))
    place = forms.ModelChoiceField(Place.objects.none(), label=_("地区"))
    share_percent = forms.IntegerField(
        label=_("比例(%)"), min_value=1, max_value=100, required=False, help_text=_("空着按规定的最低比例。")
    )

    def __init__(
        self, *args: Any, steps: list[tuple[str, str]], places: QuerySet[Place], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        of, place = self.fields["of"], self.fields["place"]
        assert isinstance(of, forms.ChoiceField)  # noqa: S101 - declared above
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101 - declared above
        of.choices = steps
        place.queryset = places


class AdaptForm(forms.Form):
    """A place's own days and samples, step by step; never shorter notices or smaller samples."""

    place = forms.ModelChoiceField(Place.objects.none(), label=_("适用地区"))
    valid_from = forms.DateField(label=_("自何日起"), widget=forms.DateInput(attrs={"type": "date"}))
    document = forms.CharField(label=_("文号"), max_length=120)
    source = forms.CharField(label=_("依据"), max_length=400)

    def __init__(self, *args: Any, plan: Plan, places: QuerySet[Place], **options: Any) -> None:
        super().__init__(*args, **options)
        place = self.fields["place"]
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101 - declared above
        place.queryset = places
        self.plan = plan
        for step in plan.steps.values():
            name = words(step.title, step.title_en)
            if step.limit:
                self.fields[f"days_{step.code}"] = _days_field(name, step)
            if step.sample_percent:
                label = _("%(step)s:抽查比例(%%)") % {"step": name}
                least = step.sample_percent
                field = forms.IntegerField(
                    label=label, min_value=least, max_value=100, initial=least, required=False
                )
                self.fields[f"sample_{step.code}"] = field

    def given(self, kind: str) -> dict[str, int]:
        """Step → number, of ``days`` or ``sample``."""
        found = {code: self.cleaned_data.get(f"{kind}_{code}") for code in self.plan.steps}
        return {code: number for code, number in found.items() if number is not None}


def _days_field(name: str, step: Step) -> forms.IntegerField:
    assert step.limit is not None  # noqa: S101 - asked before
    unit = _("工作日") if step.limit.unit is Unit.WORKING else _("天")
    label = _("%(step)s:期限(%(unit)s)") % {"step": name, "unit": unit}
    least = step.limit.days if step.kind is Kind.NOTICE else 0
    return forms.IntegerField(
        label=label, min_value=least, max_value=MAX_DAYS, initial=step.limit.days, required=False
    )


class CheckForm(forms.Form):
    """What the check of a drawn case found."""

    is_sound = forms.TypedChoiceField(
        label=_("检查结果"),
        choices=[("1", _("属实")), ("0", _("有问题"))],
        coerce=lambda value: value == "1",
    )
    note = forms.CharField(label=_("检查情况"), max_length=500)


class GiveForm(forms.Form):
    """To whom a sample is given, and until when."""

    username = forms.CharField(label=_("评估员的登录名"), max_length=60)
    valid_to = forms.DateField(
        label=_("截止日期"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean_username(self) -> User:
        """The person of this name. Whether the sample may be given to that person the action judges."""
        name = str(self.cleaned_data["username"]).strip()
        found = User.objects.filter(username=name, is_active=True).first()
        if found is None:
            raise forms.ValidationError(_("没有这个登录名。"))
        return found


class CalendarForm(forms.Form):
    """A workbook or CSV of days."""

    place = forms.ModelChoiceField(Place.objects.none(), label=_("适用地区"))
    file = forms.FileField(
        label=_("表格"), help_text=_(".xlsx 或 .csv,四列:日期、类型(放假/上班)、名称、文号。")
    )

    def __init__(self, *args: Any, places: QuerySet[Place], **options: Any) -> None:
        super().__init__(*args, **options)
        place = self.fields["place"]
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101 - declared above
        place.queryset = places
