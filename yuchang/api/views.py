"""Pages of the machines' window: own tokens, own webhooks."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import SIGNED_IN, actor_of, gate
from yuchang.api import actions, queries
from yuchang.api.forms import TokenForm, WebhookForm
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.core.paging import keyset_page


@gate(SIGNED_IN)
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """Own tokens and webhooks; for a keeper of accounts, everybody's tokens."""
    return _own(request)


def _own(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    may_use = actor.may("api.use")
    context = {
        "page": keyset_page(queries.tokens_for(actor), order=["-id"], cursor=request.GET.get("after", "")),
        "webhooks": queries.webhooks_for(actor).order_by("-id")[:100] if may_use else [],
        "may_use": may_use,
        "form": TokenForm(actor) if may_use else None,
        "has_places": bool(may_use and queries.own_places(actor)),
        **more,
    }
    return render(request, "api/own.html", context, status=status)


@gate("api.use")
@require_POST
def issue(request: HttpRequest) -> HttpResponse:
    """Issue a token and show it, this once."""
    actor = actor_of(request)
    form = TokenForm(actor, request.POST)
    if form.is_valid():
        try:
            row, token = actions.issue_token(actor=actor, **form.cleaned_data)
        except Invalid as error:
            show_problems(form, error)
        else:
            return render(request, "api/issued.html", {"row": row, "secret": token, "kind": "token"})
    return _own(request, 422, form=form)


@gate(SIGNED_IN)
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End a token at once."""
    row = actions.revoke_token(actor=actor_of(request), token_id=token_id, version=version_of(request))
    messages.success(request, _("令牌“%(name)s”已停用。") % {"name": row.name})
    return redirect("api:own")


@gate("api.use")
@require_http_methods(["GET", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Register a webhook and show its signing secret, this once."""
    actor = actor_of(request)
    form = WebhookForm(actor, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row, secret = actions.register_webhook(actor=actor, **form.cleaned_data)
        except Invalid as error:
            show_problems(form, error)
        else:
            return render(request, "api/issued.html", {"row": row, "secret": secret, "kind": "webhook"})
    status = 422 if request.method == "POST" else 200
    return render(request, "api/webhook_new.html", {"form": form}, status=status)


@gate("api.use")
@require_GET
def webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """One own webhook with its deliveries."""
    row = queries.webhooks_for(actor_of(request)).filter(pk=webhook_id).first()
    if row is None:
        raise Hidden(_("没有这个回调。"))
    page = keyset_page(queries.deliveries_of(row), order=["-id"], cursor=request.GET.get("after", ""))
    return render(request, "api/webhook.html", {"row": row, "page": page})


@gate("api.use")
@require_POST
def webhook_state(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Pause, resume or remove an own webhook."""
    row = actions.set_webhook_state(
        actor=actor_of(request),
        webhook_id=webhook_id,
        version=version_of(request),
        state=request.POST.get("state", ""),
    )
    messages.success(request, _("已保存。"))
    return redirect("api:own") if row.state == "removed" else redirect("api:webhook", row.pk)


@gate("api.use")
@require_POST
def webhook_again(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Send a given-up delivery again."""
    number = request.POST.get("delivery", "")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Hidden(_("没有这条通知。"))
    actions.send_again(actor=actor_of(request), webhook_id=webhook_id, delivery_id=int(number))
    messages.success(request, _("将再次发送。"))
    return redirect("api:webhook", webhook_id)
