"""Pages: what follows an agreement. The agreement's page shows it; here are its steps and its papers."""

from __future__ import annotations

from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import Filter, listing
from yuchang.exchange import actions, contracts, forms, forms_deals, lists, queries, queries_deals
from yuchang.exchange.models import Delivery, Dispute
from yuchang.exchange.views.deal_context import dispute_context
from yuchang.exchange.views.steps import said, step, to_page
from yuchang.files.rules import MEDIA_TYPES
from yuchang.sheets.lists import answer

WORD = MEDIA_TYPES["docx"]
# As files are served: to keep, never to open in the page.
SHUT = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


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
    data = said(request, forms_deals.PaperForm)
    return step(request, actions.add_papers, data, _("已上传。"), agreement_id=agreement_id)


# Team and tasks -----------------------------------------------------------------------------------


@gate("exchange.talk")
@require_POST
def member_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Put somebody into the team."""
    row = queries.agreement_for(actor_of(request), agreement_id)
    people = [(one.user_id, one.name) for one in queries_deals.candidates(row)]
    data = said(request, forms_deals.MemberForm, people=people)
    return step(request, actions.add_member, data, _("已加入项目组。"), agreement_id=agreement_id)


@gate("exchange.talk")
@require_POST
def member_end(request: HttpRequest, member_id: int) -> HttpResponse:
    """Somebody leaves the team."""
    return step(request, actions.end_member, said(request), _("已离开项目组。"), member_id=member_id)


@gate("exchange.talk")
@require_POST
def task_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Something to do."""
    row = queries.agreement_for(actor_of(request), agreement_id)
    members = [(one.pk, one.user.display_name) for one in queries_deals.members_of(row)]
    data = said(request, forms_deals.TaskForm, members=members)
    return step(request, actions.add_task, data, _("已安排任务。"), agreement_id=agreement_id)


@gate("exchange.talk")
@require_POST
def task_done(request: HttpRequest, task_id: int) -> HttpResponse:
    """What came of it."""
    data = said(request, forms_deals.TaskDoneForm)
    return step(request, actions.finish_task, data, _("任务已完成。"), task_id=task_id)


@gate("exchange.talk")
@require_POST
def task_drop(request: HttpRequest, task_id: int) -> HttpResponse:
    """Not needed any more."""
    data = said(request, forms.ReasonForm)
    return step(request, actions.drop_task, data, _("任务已取消。"), task_id=task_id)


# Milestones and closing ---------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def milestone_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Name a day."""
    data = said(request, forms_deals.MilestoneForm)
    share = data.pop("share")
    data["share_bp"] = int(share * 100) if share else None
    words = _("节点已提出，等待对方同意。")
    return step(request, actions.propose_milestone, data, words, agreement_id=agreement_id)


@gate("exchange.agree")
@require_POST
def milestone_answer(request: HttpRequest, milestone_id: int) -> HttpResponse:
    """Agree to a day, or say why not."""
    data = said(request, forms_deals.AgreeForm)
    words = _("节点已约定。") if data["agrees"] else _("已答复不同意。")
    return step(request, actions.answer_milestone, data, words, milestone_id=milestone_id)


@gate("exchange.agree")
@require_POST
def milestone_met(request: HttpRequest, milestone_id: int) -> HttpResponse:
    """The money came."""
    return step(request, actions.meet_milestone, said(request), _("已登记收款。"), milestone_id=milestone_id)


@gate("exchange.agree")
@require_POST
def closing_ask(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Ask to end it short."""
    data, words = said(request, forms_deals.SideReasonForm), _("已提出提前了结，等待对方同意。")
    return step(request, actions.ask_closing, data, words, agreement_id=agreement_id)


@gate("exchange.agree")
@require_POST
def closing_answer(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Agree to end it short, or go on."""
    data = said(request, forms_deals.AgreeForm)
    data.pop("reason")
    words = _("协议已提前了结。") if data["agrees"] else _("协议继续履行。")
    return step(request, actions.answer_closing, data, words, agreement_id=agreement_id)


# Deliveries ---------------------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def delivery_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Goods that were sent or handed over."""
    data, words = said(request, forms_deals.DeliveryForm), _("交付已登记，等待对方确认。")
    return step(request, actions.record_delivery, data, words, agreement_id=agreement_id)


@gate("exchange.agree")
@require_POST
def delivery_judge(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Confirm it, or accept less with the reason."""
    data = said(request, forms_deals.JudgeForm)
    row = actions.judge_delivery(actor=actor_of(request), delivery_id=delivery_id, **data)
    is_whole = row.state == Delivery.State.CONFIRMED
    messages.success(request, _("收货已确认。") if is_whole else _("异议已登记。"))
    return to_page(row)


@gate("exchange.agree")
@require_POST
def delivery_withdraw(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Recorded by mistake."""
    words = _("交付登记已撤回。")
    return step(request, actions.withdraw_delivery, said(request), words, delivery_id=delivery_id)


# Disputes -----------------------------------------------------------------------------------------


@gate("exchange.read")
@require_GET
def dispute_list(request: HttpRequest) -> HttpResponseBase:
    """Disputes of one's own deals, and of the places one looks after."""
    state = request.GET.get("state", "")
    states = [state] if state in Dispute.State.values else Dispute.State.values
    rows = queries_deals.disputes_for(actor_of(request), states)
    tabs = Filter("state", _("状态"), state, Dispute.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(request, rows, lists.DISPUTES, name="exchange.disputes", label=_("争议"), filters=[tabs])
    return answer(request, found, "exchange/dispute_list.html")


@gate("exchange.agree")
@require_POST
def dispute_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Say what was not kept."""
    deliveries = queries_deals.deliveries_of(queries.agreement_for(actor_of(request), agreement_id))
    choices = [(row.pk, str(row.pk)) for row in deliveries]
    data = said(request, forms_deals.DisputeForm, deliveries=choices)
    words = _("争议已提出，等待对方答复。")
    return step(request, actions.open_dispute, data, words, agreement_id=agreement_id)


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
    data = said(request, forms_deals.DisputeAnswerForm)
    return step(request, actions.answer_dispute, data, _("已答复，等待县级处理。"), dispute_id=dispute_id)


@gate("exchange.agree")
@require_POST
def dispute_withdraw(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Take it back."""
    data = said(request, forms.ReasonForm)
    return step(request, actions.withdraw_dispute, data, _("争议已撤回。"), dispute_id=dispute_id)


@gate("exchange.judge")
@require_POST
def dispute_decide(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Decide, as an officer who took no part."""
    actor = actor_of(request)
    form = forms_deals.DecisionForm(request.POST)
    if form.is_valid():
        try:
            data, words = form.cleaned_data, _("争议已处理。")
            return step(request, actions.decide_dispute, data, words, dispute_id=dispute_id)
        except Invalid as error:
            show_problems(form, error)
    context = dispute_context(actor, queries_deals.dispute_for(actor, dispute_id)) | {"decide": form}
    return render(request, "exchange/dispute_page.html", context, status=422)


# Reviews ------------------------------------------------------------------------------------------


@gate("exchange.agree")
@require_POST
def review_add(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """What one side says of the other."""
    data = said(request, forms_deals.ReviewForm)
    return step(request, actions.review, data, _("已评价。"), agreement_id=agreement_id)


@gate("exchange.agree")
@require_POST
def review_answer(request: HttpRequest, review_id: int) -> HttpResponse:
    """The answer to a review."""
    data = said(request, forms_deals.ReviewAnswerForm)
    return step(request, actions.answer_review, data, _("已答复评价。"), review_id=review_id)


@gate("partners.read")
@require_GET
def standing(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """A fragment of a partner's page: what its counterparts say of fulfilled deals."""
    context = {"standing": queries_deals.standing_of(organisation_id)}
    return render(request, "exchange/standing.html", context)
