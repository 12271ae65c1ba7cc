"""What people fill in: a step's conclusion with its evidence, returns and transfers, samples, calendars."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models import User
from yuchang.accounts.queries import permission_word, role_word
from yuchang.core.forms import prefer_only
from yuchang.files.fields import UploadField
from yuchang.places.models import Place
from yuchang.procedures.queries import Colleague, words
from yuchang.procedures.rules.adapting import OWN_STEPS, NewStep, StepChange, may_be_left_out
from yuchang.procedures.rules.calendar import MAX_DAYS, Unit
from yuchang.procedures.rules.machine import OPENED, Kind, Plan, Step


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
        opinion = self.fields["opinion"]
        opinion.required = bool(step.choices) and all(c.needs_opinion for c in step.choices)
        opinion.error_messages["required"] = _("请填写意见。")
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


class ObjectionForm(forms.Form):
    """An objection that somebody raised to a notice."""

    text = forms.CharField(label=_("异议内容"), max_length=150, widget=forms.Textarea(attrs={"rows": 2}))
    raised_by = forms.CharField(
        label=_("谁提出、怎样提出"),
        max_length=120,
        required=False,
        help_text=_("例如:邻居,来电;不写证件号码。"),
    )


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
        prefer_only(place)


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
        prefer_only(place)


MOST_PAPERS = 10


class PapersField(forms.CharField):
    """Names of papers, one a line, each with its English behind a stroke if it has one."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=1000, **options)

    def clean(self, value: Any) -> Any:
        """The papers as (Chinese, English)."""
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MOST_PAPERS:
            raise forms.ValidationError(_("一步最多增加 %(n)s 样材料。") % {"n": MOST_PAPERS})
        found = []
        for line in lines:
            title, _stroke, english = (part.strip() for part in line.partition("/"))
            if not 2 <= len(title) <= 40 or len(english) > 80:
                message = _("“%(line)s”:材料名称应为 2 至 40 个字,一行一样。")
                raise forms.ValidationError(message % {"line": line[:40]})
            found.append((title, english or title))
        return tuple(found)


class AdaptForm(forms.Form):
    """A place's own version, step by step; never fewer safeguards than above.

    A procedure that another page moves keeps its steps and papers: that page asks for no others.
    """

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
            self.fields |= {f"{kind}_{step.code}": field for kind, field in _step_fields(plan, step).items()}
        if not plan.driver and len(plan.main) > 1:
            self.fields |= {f"new_{kind}": field for kind, field in _new_fields(plan).items()}

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields by what they are about: the version, each step, the step put in."""
        steps = [
            (words(s.title, s.title_en), [f"{kind}_{s.code}" for kind in _KINDS])
            for s in self.plan.steps.values()
        ]
        named = [
            (str(_("这一版")), ["place", "valid_from", "document", "source"]),
            *steps,
            (str(_("增加一步(可不填)")), [f"new_{kind}" for kind in _NEW]),
        ]
        shown = [(title, [self[name] for name in names if name in self.fields]) for title, names in named]
        return [(title, fields) for title, fields in shown if fields]

    def clean(self) -> dict[str, Any]:
        """A step to put in is named and has its days, or nothing of it is given."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("new_title") or given.get("new_days") is not None:
            for name in ("new_title", "new_days", "new_before", "new_permission"):
                if name not in self.errors and given.get(name) in (None, ""):
                    self.add_error(name, _("增加一步时须填写。"))
        return given

    @property
    def changes(self) -> dict[str, StepChange]:
        """Step → what it gets."""
        return {code: self._change(code) for code in self.plan.steps}

    def _change(self, code: str) -> StepChange:
        given = {kind: self.cleaned_data.get(f"{kind}_{code}") for kind in _KINDS}
        return StepChange(
            days=given["days"],
            sample_percent=given["sample"],
            evidence=given["papers"] or (),
            apart_from=tuple(given["apart"] or ()),
            needs_document=bool(given["document"]),
        )

    @property
    def left_out(self) -> list[str]:
        """The steps that the place does without."""
        return [code for code in self.plan.steps if self.cleaned_data.get(f"without_{code}")]

    @property
    def added(self) -> NewStep | None:
        """The step put in, if one is."""
        given: dict[str, Any] = {kind: self.cleaned_data.get(f"new_{kind}") for kind in _NEW}
        if not given["title"]:
            return None
        return NewStep(
            before=given["before"],
            title=(given["title"], given["title_en"] or given["title"]),
            permission=given["permission"],
            days=given["days"],
            evidence=given["papers"] or (),
            by_another=bool(given["another"]),
        )


_KINDS = ("days", "sample", "papers", "document", "apart", "without")
_NEW = ("title", "title_en", "before", "permission", "days", "papers", "another")


def _step_fields(plan: Plan, step: Step) -> dict[str, forms.Field]:
    found: dict[str, forms.Field] = {}
    if step.limit:
        found["days"] = _days_field(step)
    if step.sample_percent:
        least = step.sample_percent
        label, most = _("抽查比例(%%,不少于 %(least)s)") % {"least": least}, 100
        found["sample"] = forms.IntegerField(
            label=label, min_value=least, max_value=most, initial=least, required=False
        )
    is_done_here = bool(step.choices) and not plan.driver
    if is_done_here and step.code in plan.main:
        found["papers"] = PapersField(label=_("另须附的材料"), help_text=_("一行一样,可写“名称 / English”。"))
        if not step.needs_document:
            found["document"] = forms.BooleanField(label=_("须有文号"), required=False)
    if step.choices and (people := _earlier(plan, step)):
        found["apart"] = forms.MultipleChoiceField(
            label=_("另须由未办理这些步骤的人办"),
            choices=people,
            widget=forms.CheckboxSelectMultiple,
            required=False,
        )
    if may_be_left_out(plan, step):
        found["without"] = forms.BooleanField(label=_("略去这一步"), required=False)
    return found


def _earlier(plan: Plan, step: Step) -> list[tuple[str, str]]:
    """The acts before a step of the main line that may not yet be done by the same person."""
    if step.code not in plan.main:
        return []
    before = plan.main[: plan.main.index(step.code)]
    known = [(code, words(plan.steps[code].title, plan.steps[code].title_en)) for code in before]
    return [(c, title) for c, title in [(OPENED, str(_("发起"))), *known] if c not in step.apart_from]


def _new_fields(plan: Plan) -> dict[str, forms.Field]:
    later = [(c, words(plan.steps[c].title, plan.steps[c].title_en)) for c in plan.main[1:]]
    who = [(code, permission_word(code)) for code in OWN_STEPS]
    return {
        "title": forms.CharField(label=_("步骤名称"), max_length=40, required=False),
        "title_en": forms.CharField(label=_("英文名称"), max_length=80, required=False),
        "before": forms.ChoiceField(label=_("放在哪一步之前"), choices=later, required=False),
        "permission": forms.ChoiceField(label=_("谁办"), choices=who, required=False),
        "days": forms.IntegerField(label=_("期限(工作日)"), min_value=0, max_value=MAX_DAYS, required=False),
        "papers": PapersField(label=_("须附材料"), help_text=_("一行一样,可写“名称 / English”。")),
        "another": forms.BooleanField(label=_("须由未办理前面各步的人办"), required=False, initial=True),
    }


def _days_field(step: Step) -> forms.IntegerField:
    assert step.limit is not None  # noqa: S101 - asked before
    unit = _("工作日") if step.limit.unit is Unit.WORKING else _("天")
    least = step.limit.days if step.kind is Kind.NOTICE else 0
    label: Any = _("期限(%(unit)s,不少于 %(least)s)") if least else _("期限(%(unit)s)")
    return forms.IntegerField(
        label=label % {"unit": unit, "least": least},
        min_value=least,
        max_value=MAX_DAYS,
        initial=step.limit.days,
        required=False,
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
