"""What a person fills in about an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.core.forms import VersionForm
from yuchang.exchange.forms import ReasonForm, date_field
from yuchang.exchange.models import QUANTITY_MAX, DealMember, DealTask, Dispute, Paper, Side
from yuchang.files.fields import UploadField

PURPOSE = "deal_paper"


def _hidden_side() -> forms.ChoiceField:
    return forms.ChoiceField(choices=Side.choices, widget=forms.HiddenInput)


def _paper_field(label: Any, *, required: bool = False) -> UploadField:
    return UploadField(purpose=PURPOSE, label=label, required=required)


def _words_field(label: Any, longest: int) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, widget=forms.Textarea(attrs={"rows": 2}))


class SignForm(VersionForm):
    """A yes, with the scan of the paper where there is one."""

    scan = _paper_field(_("签字扫描件（可不传）"))


class PaperForm(forms.Form):
    """A file of an agreement."""

    side = _hidden_side()
    kind = forms.ChoiceField(
        label=_("类别"),
        choices=[(kind.value, kind.label) for kind in (Paper.About.SCAN, Paper.About.AGREEMENT)],
    )
    papers = _paper_field(_("文件"), required=True)


class MemberForm(forms.Form):
    """Somebody for the team."""

    user_id = forms.TypedChoiceField(label=_("人员"), coerce=int)
    duty = forms.ChoiceField(label=_("分工"), choices=DealMember.Duty.choices)

    def __init__(self, *args: Any, people: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user_id"].choices = people  # type: ignore[attr-defined]


class TaskForm(forms.Form):
    """Something to do."""

    kind = forms.ChoiceField(label=_("类型"), choices=DealTask.Kind.choices)
    what = forms.CharField(label=_("要做什么"), max_length=200)
    due_on = date_field(_("期限"))
    member_id = forms.TypedChoiceField(label=_("负责人"), coerce=int, required=False, empty_value=None)

    def __init__(self, *args: Any, members: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["member_id"].choices = [("", _("暂不指定")), *members]  # type: ignore[attr-defined]


class TaskDoneForm(VersionForm):
    """What came of a task."""

    side = _hidden_side()
    result = _words_field(_("结果"), 500)
    papers = _paper_field(_("凭证"))


class MilestoneForm(forms.Form):
    """A day, and a quantity or a share of the price."""

    side = _hidden_side()
    what = forms.CharField(label=_("节点"), max_length=100)
    due_on = date_field(_("期限"))
    quantity = forms.IntegerField(
        label=_("交付数量"),
        min_value=1,
        max_value=QUANTITY_MAX,
        required=False,
        help_text=_("与付款比例二选一。"),
    )
    share = forms.DecimalField(
        label=_("付款比例（%）"), min_value=0, max_value=100, decimal_places=2, required=False
    )


class SideReasonForm(ReasonForm):
    """One side's reason."""

    side = _hidden_side()


class AgreeForm(VersionForm):
    """One side's yes or no."""

    side = _hidden_side()
    agrees = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda word: word == "yes")
    reason = forms.CharField(max_length=300, required=False)


class DeliveryForm(forms.Form):
    """Goods that were sent or handed over."""

    quantity = forms.IntegerField(label=_("交付数量"), min_value=1, max_value=QUANTITY_MAX)
    delivered_on = date_field(_("交付日期"))
    note = forms.CharField(label=_("备注"), max_length=300, required=False)
    papers = _paper_field(_("送货单或照片"))


class JudgeForm(VersionForm):
    """What is accepted of a delivery."""

    accepted = forms.IntegerField(label=_("认可数量"), min_value=0, max_value=QUANTITY_MAX)
    reason = forms.CharField(
        label=_("异议理由"), max_length=300, required=False, help_text=_("全部认可时留空。")
    )


class DisputeForm(forms.Form):
    """What was not kept."""

    side = _hidden_side()
    delivery_id = forms.TypedChoiceField(label=_("针对"), coerce=int, required=False, empty_value=None)
    statement = _words_field(_("争议事项"), 1000)
    papers = _paper_field(_("材料"))

    def __init__(self, *args: Any, deliveries: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["delivery_id"].choices = [("", _("整份协议")), *deliveries]  # type: ignore[attr-defined]


class DisputeAnswerForm(VersionForm):
    """The other side's view."""

    side = _hidden_side()
    answer = _words_field(_("答复"), 1000)
    papers = _paper_field(_("材料"))


class DecisionForm(VersionForm):
    """What the county decides."""

    outcome = forms.ChoiceField(label=_("处理结果"), choices=Dispute.Outcome.choices)
    decision = _words_field(_("处理意见"), 1000)
    ruled_quantity = forms.IntegerField(
        label=_("裁定认可数量"),
        min_value=0,
        max_value=QUANTITY_MAX,
        required=False,
        help_text=_("只用于有异议的交付；不改变数量时留空。"),
    )


class ReviewForm(forms.Form):
    """What one side says of the other."""

    side = _hidden_side()
    stars = forms.TypedChoiceField(
        label=_("评分"), coerce=int, choices=[(n, str(n)) for n in range(5, 0, -1)]
    )
    text = _words_field(_("评价"), 500)


class ReviewAnswerForm(VersionForm):
    """The answer to a review."""

    text = _words_field(_("答复"), 500)


class WhyForm(forms.Form):
    """Which other partner to compare with; lives in the address bar."""

    other = forms.TypedChoiceField(label=_("与哪一家比较"), coerce=int)

    def __init__(self, *args: Any, others: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].choices = others  # type: ignore[attr-defined]
