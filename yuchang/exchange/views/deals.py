"""Pages: what follows an agreement. The agreement's page shows it; here are its steps and its papers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django import forms as django_forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import Filter, listing
from yuchang.exchange import actions, contracts, forms, forms_deals, lists, queries, queries_deals
from yuchang.exchange.models_deals import Dispute, Milestone
from yuchang.exchange.views.deal_context import dispute_context
from yuchang.exchange.views.postings import require_valid
from yuchang.files.rules import MEDIA_TYPES
from yuchang.sheets.lists import answer

WORD = MEDIA_TYPES["docx"]
# As files are served: to keep, never to open in the page.
SHUT = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


def _with_papers(request: HttpRequest, form: django_forms.Form) -> dict[str, Any]:
    """The cleaned data with ``uploads`` instead of the file field. Raises Invalid."""
    data = require_valid(form)
    data.pop("papers", None)
    return data | {"uploads": request.FILES.getlist("papers")}


def _back(request: HttpRequest, page: str, number: int, words: str) -> HttpResponse:
    """To the agreement or dispute, which says that it is done."""
    messages.success(request, words)
    return redirect(f"exchange:{page}", number)


def _kept(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind, headers=SHUT)
    ending = name.rpartition(".")[2]
    response["Content-Disposition"] = (
        f"attachment; filename=\"paper.{ending}\"; filename*=UTF-8''{quote(name)}"
    )
    return response


@gate("exchange.read")
@require_GET
def contract(request: HttpRequest, agreement_id: int, form: str) -> HttpResponse:
    """The contract text as Word or PDF."""
    actor = actor_of(request)
    row = queries.agreement_for(actor, agreement_id)
    text = contracts.contract_of(actor, row, is_simulated=clock.is_simulated())
    if form == "docx":
        return _kept(contracts.as_word(text), f"{text.number}.docx", WORD)
    if form == "pdf":
        return _kept(contracts.as_pdf(text), f"{text.number}.pdf", MEDIA_TYPES["pdf"])
    raise Hidden(_("协议文本只有 Word 和 PDF 两种。"))


@gate("exchange.read")
@require_GET
def paper(request: HttpRequest, paper_id: int) -> HttpResponse:
    """A file of a deal, for both sides."""
    row, content = actions.open_paper(actor_of(request), paper_id=paper_id)
    return _kept(content, row.file.file_name, MEDIA_TYPES[row.file.kind])


@gate("exchange.agree")
@require_POST
def paper_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """The scan of the signed paper, or another file."""
    data = _with_papers(request, forms_deals.PaperForm(request.POST, request.FILES))
    actions.add_papers(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("已上传。"))


# Team and tasks -----------------------------------------------------------------------------------


@gate("exchange.talk")
@require_POST
def member_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Put somebody into the team."""
    actor = actor_of(request)
    row = queries.agreement_for(actor, agreement_id)
    people = [(one.user_id, one.name) for one in queries_deals.candidates(row)]
    data = require_valid(forms_deals.MemberForm(request.POST, people=people))
    actions.add_member(actor=actor, agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("已加入项目组。"))


@gate("exchange.talk")
@require_POST
def member_end(request: HttpRequest, member_id: int) -> HttpResponse:
    """Somebody leaves the team."""
    version = require_valid(forms.VersionForm(request.POST))["version"]
    row = actions.end_member(actor=actor_of(request), member_id=member_id, version=version)
    return _back(request, "agreement", row.agreement_id, _("已离开项目组。"))


@gate("exchange.talk")
@require_POST
def task_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Something to do."""
    actor = actor_of(request)
    row = queries.agreement_for(actor, agreement_id)
    members = [(one.pk, one.user.display_name) for one in queries_deals.members_of(row)]
    data = require_valid(forms_deals.TaskForm(request.POST, members=members))
    actions.add_task(actor=actor, agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("已安排任务。"))


@gate("exchange.talk")
@require_POST
def task_done(request: HttpRequest, task_id: int) -> HttpResponse:
    """What came of it."""
    data = _with_papers(request, forms_deals.TaskDoneForm(request.POST, request.FILES))
    row = actions.finish_task(actor=actor_of(request), task_id=task_id, **data)
    return _back(request, "agreement", row.agreement_id, _("任务已完成。"))


@gate("exchange.talk")
@require_POST
def task_drop(request: HttpRequest, task_id: int) -> HttpResponse:
    """Not needed any more."""
    data = require_valid(forms.ReasonForm(request.POST))
    row = actions.drop_task(actor=actor_of(request), task_id=task_id, **data)
    return _back(request, "agreement", row.agreement_id, _("任务已取消。"))


# Milestones and closing ---------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def milestone_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Name a day."""
    data = require_valid(forms_deals.MilestoneForm(request.POST))
    share = data.pop("share")
    data["share_bp"] = int(share * 100) if share else None
    actions.propose_milestone(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("节点已提出，等待对方同意。"))


@gate("exchange.agree")
@require_POST
def milestone_answer(request: HttpRequest, milestone_id: int) -> HttpResponse:
    """Agree to a day, or say why not."""
    data = require_valid(forms_deals.AgreeForm(request.POST))
    row = actions.answer_milestone(actor=actor_of(request), milestone_id=milestone_id, **data)
    is_agreed = row.state == Milestone.State.AGREED
    return _back(
        request, "agreement", row.agreement_id, _("节点已约定。") if is_agreed else _("已答复不同意。")
    )


@gate("exchange.agree")
@require_POST
def milestone_met(request: HttpRequest, milestone_id: int) -> HttpResponse:
    """The money came."""
    version = require_valid(forms.VersionForm(request.POST))["version"]
    row = actions.meet_milestone(actor=actor_of(request), milestone_id=milestone_id, version=version)
    return _back(request, "agreement", row.agreement_id, _("已登记收款。"))


@gate("exchange.agree")
@require_POST
def closing_ask(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Ask to end it short."""
    data = require_valid(forms_deals.SideReasonForm(request.POST))
    actions.ask_closing(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("已提出提前了结，等待对方同意。"))


@gate("exchange.agree")
@require_POST
def closing_answer(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Agree to end it short, or go on."""
    data = require_valid(forms_deals.AgreeForm(request.POST))
    data.pop("reason")
    actions.answer_closing(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(
        request, "agreement", agreement_id, _("协议已提前了结。") if data["agrees"] else _("协议继续履行。")
    )


# Deliveries ---------------------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def delivery_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Goods that were sent or handed over."""
    data = _with_papers(request, forms_deals.DeliveryForm(request.POST, request.FILES))
    actions.record_delivery(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("交付已登记，等待对方确认。"))


@gate("exchange.agree")
@require_POST
def delivery_judge(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Confirm it, or accept less with the reason."""
    data = require_valid(forms_deals.JudgeForm(request.POST))
    row = actions.judge_delivery(actor=actor_of(request), delivery_id=delivery_id, **data)
    return _back(
        request,
        "agreement",
        row.agreement_id,
        _("收货已确认。") if row.state == "confirmed" else _("异议已登记。"),
    )


@gate("exchange.agree")
@require_POST
def delivery_withdraw(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Recorded by mistake."""
    version = require_valid(forms.VersionForm(request.POST))["version"]
    row = actions.withdraw_delivery(actor=actor_of(request), delivery_id=delivery_id, version=version)
    return _back(request, "agreement", row.agreement_id, _("交付登记已撤回。"))


# Disputes -----------------------------------------------------------------------------------------


@gate("exchange.read")
@require_GET
def dispute_list(request: HttpRequest) -> HttpResponseBase:
    """Disputes of one's own deals, and of the places one looks after."""
    rows = queries_deals.disputes_for(actor_of(request))
    state = request.GET.get("state", "")
    if state in Dispute.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("状态"), state, Dispute.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(request, rows, lists.DISPUTES, name="exchange.disputes", label=_("争议"), filters=[tabs])
    return answer(request, found, "exchange/dispute_list.html")


@gate("exchange.agree")
@require_POST
def dispute_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Say what was not kept."""
    actor = actor_of(request)
    deliveries = queries_deals.deliveries_of(queries.agreement_for(actor, agreement_id))
    choices = [(row.pk, str(row.pk)) for row in deliveries]
    form = forms_deals.DisputeForm(request.POST, request.FILES, deliveries=choices)
    row = actions.open_dispute(actor=actor, agreement_id=agreement_id, **_with_papers(request, form))
    return _back(request, "dispute", row.pk, _("争议已提出，等待对方答复。"))


@gate("exchange.read")
@require_GET
def dispute_page(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """One dispute: statement, answer, papers, decision."""
    actor = actor_of(request)
    row = queries_deals.dispute_for(actor, dispute_id)
    return render(request, "exchange/dispute_page.html", dispute_context(actor, row))


@gate("exchange.agree")
@require_POST
def dispute_answer(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """The other side's view."""
    data = _with_papers(request, forms_deals.DisputeAnswerForm(request.POST, request.FILES))
    actions.answer_dispute(actor=actor_of(request), dispute_id=dispute_id, **data)
    return _back(request, "dispute", dispute_id, _("已答复，等待县级处理。"))


@gate("exchange.agree")
@require_POST
def dispute_withdraw(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Take it back."""
    data = require_valid(forms.ReasonForm(request.POST))
    actions.withdraw_dispute(actor=actor_of(request), dispute_id=dispute_id, **data)
    return _back(request, "dispute", dispute_id, _("争议已撤回。"))


@gate("exchange.judge")
@require_POST
def dispute_decide(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Decide, as an officer who took no part."""
    actor = actor_of(request)
    form = forms_deals.DecisionForm(request.POST)
    if form.is_valid():
        try:
            actions.decide_dispute(actor=actor, dispute_id=dispute_id, **form.cleaned_data)
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("争议已处理。"))
            return redirect("exchange:dispute", dispute_id)
    context = dispute_context(actor, queries_deals.dispute_for(actor, dispute_id)) | {"decide": form}
    return render(request, "exchange/dispute_page.html", context, status=422)


# Reviews ------------------------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def review_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """What one side says of the other."""
    data = require_valid(forms_deals.ReviewForm(request.POST))
    actions.review(actor=actor_of(request), agreement_id=agreement_id, **data)
    return _back(request, "agreement", agreement_id, _("已评价。"))


@gate("exchange.agree")
@require_POST
def review_answer(request: HttpRequest, review_id: int) -> HttpResponse:
    """The answer to a review."""
    data = require_valid(forms_deals.ReviewAnswerForm(request.POST))
    row = actions.answer_review(actor=actor_of(request), review_id=review_id, **data)
    return _back(request, "agreement", row.agreement_id, _("已答复评价。"))


@gate("partners.read")
@require_GET
def standing(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """A fragment of a partner's page: what its counterparts say of fulfilled deals."""
    context = {"standing": queries_deals.standing_of(organisation_id)}
    return render(request, "exchange/standing.html", context)
