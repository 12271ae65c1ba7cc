"""The inbox, one message, one's wishes, and the administrator's list of deliveries."""

from __future__ import annotations

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import SIGNED_IN, actor_of, gate
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import Filter, listing, state, text
from yuchang.core.paging import keyset_page
from yuchang.messages import actions, gateways, queries
from yuchang.messages.forms import PreferenceForm
from yuchang.messages.models import Delivery, Message
from yuchang.messages.rules import mask

SHOWN = {
    "": gettext_lazy("收件箱"),
    "unread": gettext_lazy("未读"),
    "due": gettext_lazy("待办"),
    "archived": gettext_lazy("已归档"),
}
_TEMPLATES = {
    "code": gettext_lazy("验证码"),
    "task": gettext_lazy("新的待办"),
    "due": gettext_lazy("待办到期提醒"),
    "notice": gettext_lazy("新的消息"),
    "digest": gettext_lazy("消息摘要"),
}
_REASONS = {
    "expired": gettext_lazy("已过有效期"),
    "channel is off": gettext_lazy("本平台未启用这个通道"),
    "sms is off": gettext_lazy("本平台未启用这个通道"),
    "interrupted": gettext_lazy("发送中断"),
    "no proven contact": gettext_lazy("没有已验证的号码或地址"),
}
_KINDS = {"sent": "good", "given_up": "bad", "waiting": "info", "sending": "info"}


def _reason(row: Delivery) -> str:
    """Why it did not arrive; what a gateway said as it said it."""
    return str(_REASONS.get(row.error, row.error))


COLUMNS = (
    text("id", gettext_lazy("编号"), lambda r: r.pk),
    text("to", gettext_lazy("收件人"), lambda r: r.recipient.display_name if r.recipient else "—"),
    text("channel", gettext_lazy("通道"), lambda r: r.get_channel_display()),
    text("template", gettext_lazy("类别"), lambda r: _TEMPLATES.get(r.template, r.template)),
    state(
        "state", gettext_lazy("状态"), lambda r: r.get_state_display(), lambda r: _KINDS.get(r.state, "quiet")
    ),
    text("attempts", gettext_lazy("次数"), lambda r: r.attempts),
    text("error", gettext_lazy("原因"), lambda r: _reason(r)),
    text("at", gettext_lazy("时间"), lambda r: f"{timezone.localtime(r.created_at):%Y-%m-%d %H:%M}"),
)


@gate(SIGNED_IN)
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """The reader's own messages, newest first; what is due, by its day; many of a kind as one line."""
    actor, given = actor_of(request), request.GET
    show, cursor = given.get("show", ""), given.get("after", "")
    kind, matter = _narrowed(given)
    rows = queries.inbox_for(actor, show if show in SHOWN else "")
    rows = rows.filter(kind=kind) if kind else rows
    bundles = [] if matter or show in ("due", "archived") else queries.bundles_of(rows)
    rows = queries.about(rows, matter) if matter else queries.beside(rows, bundles)
    order = ["due_on", "id"] if show == "due" else ["-id"]
    page = keyset_page(rows, order=order, cursor=cursor, size=30)
    context = {
        "page": page,
        "bundles": [] if cursor else bundles,
        "show": show,
        "kind": kind,
        "matter": matter,
        "matter_name": queries.matter_of(page.items[0]) if matter and page.items else matter,
        "shown": SHOWN.items(),
        "kinds": Message.Kind.choices,
        "newest": max([m.pk for m in page.items] + [b.newest.pk for b in bundles], default=0),
        "unread": queries.unread_count(actor),
    }
    return render(request, "messages/inbox.html", context)


def _narrowed(given: QueryDict) -> tuple[str, str]:
    """The kind and the matter that the reader chose; empty: all."""
    kind = given.get("kind", "")
    return kind if kind in Message.Kind.values else "", given.get("like", "").replace("\x00", "")[:120]


@gate(SIGNED_IN)
@require_GET
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message. Opening it marks it read by a request of its own (asking never writes)."""
    return render(request, "messages/message.html", {"message": queries.message_for(actor_of(request), pk)})


@gate(SIGNED_IN)
@require_POST
def mark_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Read; answers htmx with the line as it is now."""
    row = actions.mark_read(actor_of(request), message_id=pk)
    if request.headers.get("HX-Request"):
        return render(request, "messages/line.html", {"message": row})
    return redirect("messages:inbox")


@gate(SIGNED_IN)
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Everything of what the page showed, up to its newest message, is read."""
    given = request.POST.get("up_to", "")
    kind, matter = _narrowed(request.POST)
    newest = int(given) if given.isdecimal() else 0
    count = actions.read_all(actor_of(request), up_to=newest, kind=kind, matter=matter)
    flash.success(request, _("已将 %(count)s 条标为已读。") % {"count": count})
    return redirect("messages:inbox")


@gate(SIGNED_IN)
@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Put away."""
    actions.archive(actor_of(request), message_id=pk)
    flash.success(request, _("已归档。"))
    return redirect("messages:inbox")


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Channels, digest, quiet hours; phone number and e-mail address."""
    actor = actor_of(request)
    row = queries.preference_of(queries.person(actor))
    form = PreferenceForm.of(row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        version = values.pop("version")
        values["muted"] = tuple(values["muted"])
        try:
            actions.set_preference(actor, version=version, wishes=actions.Wishes(**values))
        except Invalid as error:
            show_problems(form, error)
        else:
            flash.success(request, _("已保存。"))
            return redirect("messages:preferences")
    context = {"form": form, "contacts": _contacts(actor)}
    return render(request, "messages/preferences.html", context, status=422 if form.errors else 200)


def _contacts(actor: Actor) -> list[dict[str, object]]:
    """Each channel with the masked value stored, for its owner."""
    stored = queries.contacts_of(queries.person(actor))
    return [
        {
            "channel": channel,
            "word": word,
            "row": stored.get(channel),
            "masked": mask(actions.contact_value(stored[channel])) if channel in stored else "",
            "is_on": gateways.is_on(channel),
        }
        for channel, word in Delivery.Channel.choices
    ]


@gate(SIGNED_IN)
@require_POST
def contact(request: HttpRequest) -> HttpResponse:
    """Store a number or address and send a code; accept the code; or forget the number."""
    actor, given = actor_of(request), request.POST
    channel = "email" if given.get("channel") == "email" else "sms"
    try:
        if given.get("step") == "prove":
            actions.prove_contact(actor, channel=channel, code=given.get("code", "")[:10])
            flash.success(request, _("已验证。"))
        elif given.get("step") == "remove":
            actions.remove_contact(actor, channel=channel)
            flash.success(request, _("已删除。"))
        else:
            origin = request.META.get("REMOTE_ADDR", "")
            actions.set_contact(actor, channel=channel, value=given.get("value", "")[:120], origin=origin)
            flash.success(request, _("验证码已发送，5 分钟内有效。"))
    except Invalid as error:
        flash.error(request, f"{error.problems[0].message}{error.problems[0].remedy}")
    return redirect("messages:preferences")


@gate("operations.read")
@require_GET
def delivery_list(request: HttpRequest) -> HttpResponse:
    """What was sent outside, to whom, and how it went; never what it said."""
    rows = queries.deliveries()
    chosen, channel = request.GET.get("state", ""), request.GET.get("channel", "")
    if chosen in Delivery.State.values:
        rows = rows.filter(state=chosen)
    if channel in Delivery.Channel.values:
        rows = rows.filter(channel=channel)
    filters = [
        Filter("state", _("状态"), chosen, Delivery.State.choices, is_tabs=True, any_word=_("全部")),
        Filter("channel", _("通道"), channel, Delivery.Channel.choices, submits=True),
    ]
    found = listing(
        request,
        rows,
        COLUMNS,
        name="messages.deliveries",
        label=_("发送记录"),
        filters=filters,
        may_export=False,
    )
    gates = [(word, gateways.is_on(channel)) for channel, word in Delivery.Channel.choices]
    stuck = [r for r in found.page.items if r.state in ("given_up", "off") and r.template != "code"][:20]
    context = {"list": found, "gates": gates, "stuck": [(row, _reason(row)) for row in stuck]}
    return render(request, "messages/deliveries.html", context)


@gate("messages.operate")
@require_POST
def delivery_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Let one go out again."""
    actions.retry_delivery(actor_of(request), delivery_id=pk)
    flash.success(request, _("已重新排队。"))
    return redirect("messages:deliveries")
