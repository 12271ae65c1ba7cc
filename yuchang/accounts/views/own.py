"""My account: posts and hats, second factors, where I am signed in, who stands in for me."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts import actions
from yuchang.accounts.doors import SIGNED_IN, actor_of, gate, require_proof
from yuchang.accounts.entry import proven_at, proving
from yuchang.accounts.factors import picture_of, provisioning_uri, real_now
from yuchang.accounts.forms import CodeForm, DeputyForm, PasswordForm
from yuchang.accounts.models import Deputy, Incumbency
from yuchang.accounts.queries import (
    called,
    factors_of,
    hats_for,
    is_second_factor_due,
    live,
    own_passkeys,
    sessions_of,
    signed_in_user,
)
from yuchang.accounts.rules import is_proof_fresh
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems, version_of


@gate(SIGNED_IN)
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """Everything about one's own account."""
    actor, today = actor_of(request), clock.today()
    user_id = actor.user_id or 0
    context = {
        "user": signed_in_user(user_id),
        "hats": called(hats_for(user_id, today)),
        "acting_as": request.session.get("acting_as", ""),
        "factors": factors_of(user_id),
        "passkeys": own_passkeys(user_id),
        "is_due": is_second_factor_due(actor),
        "sessions": sessions_of(user_id),
        "session_key": request.session.session_key,
        "seats": Incumbency.objects.filter(live(today), user_id=user_id, state="live").select_related(
            "post__place"
        ),
        "deputies": Deputy.objects.filter(incumbency__user_id=user_id)
        .filter(state__in=["proposed", "live"])
        .select_related("user", "incumbency__post")
        .order_by("-id")[:10],
        "today": today,
        "password_form": PasswordForm(),
        "is_proven": is_proof_fresh(proven_at(request), real_now()),
    }
    return render(request, "accounts/own.html", context)


@gate(SIGNED_IN)
@require_POST
def act_as(request: HttpRequest) -> HttpResponse:
    """Wear one hat only, or all of them again."""
    chosen = request.POST.get("hat", "")
    hats = {hat.id for hat in hats_for(actor_of(request).user_id or 0, clock.today())}
    if chosen and chosen not in hats:
        raise Hidden(_("您现在没有这一岗位。"))
    request.session["acting_as"] = chosen
    messages.success(request, _("已切换岗位。"))
    return redirect("accounts:own")


@gate(SIGNED_IN)
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out on another device."""
    actions.end_session(actor=actor_of(request), session_id=pk)
    messages.success(request, _("那一处登录已结束。"))
    return redirect("accounts:own")


@gate(SIGNED_IN)
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every other session."""
    ended = actions.sign_out_everywhere(actor=actor_of(request), but=request.session.session_key or "")
    messages.success(request, _("已结束其他 %(n)s 处登录。") % {"n": ended})
    return redirect("accounts:own")


def _own_page() -> str:
    return reverse("accounts:own")


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
@proving(_own_page)
def totp(request: HttpRequest) -> HttpResponse:
    """Enrol the authenticator program: a picture to scan, a first code to prove it."""
    actor = actor_of(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        require_proof(proven_at(request))
        if "begin" in request.POST:
            actions.begin_totp(actor=actor)
            return redirect("accounts:totp")
        if form.is_valid():
            try:
                codes = actions.confirm_totp(actor=actor, code=form.cleaned_data["code"])
            except Invalid as error:
                show_problems(form, error)
            else:
                if codes:
                    return render(request, "accounts/recovery_codes.html", {"codes": codes})
                messages.success(request, _("验证器已绑定，原来的恢复码继续有效。"))
                return redirect("accounts:own")
    secret = actions.pending_secret(actor.user_id or 0)
    uri = provisioning_uri(secret, request.user.get_username(), _("渔场")) if secret else ""
    context = {"form": form, "secret": secret, "picture": picture_of(uri) if uri else ""}
    return render(request, "accounts/totp.html", context | {"factors": factors_of(actor.user_id or 0)})


@gate(SIGNED_IN)
@require_POST
@proving(_own_page)
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, shown once."""
    require_proof(proven_at(request))
    codes = actions.renew_recovery_codes(actor=actor_of(request))
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


@gate(SIGNED_IN)
@require_POST
@proving(lambda pk: _own_page())
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove one of one's own passkeys."""
    require_proof(proven_at(request))
    actions.remove_passkey(actor=actor_of(request), passkey_id=pk)
    messages.success(request, _("通行密钥已移除。"))
    return redirect("accounts:own")


@gate(SIGNED_IN)
@require_POST
@proving(_own_page)
def totp_remove(request: HttpRequest) -> HttpResponse:
    """Remove one's own authenticator."""
    require_proof(proven_at(request))
    actions.remove_totp(actor=actor_of(request))
    messages.success(request, _("验证器已移除。"))
    return redirect("accounts:own")


@gate(SIGNED_IN)
@require_POST
def factors_remove(request: HttpRequest) -> HttpResponse:
    """Remove one's own second factors; the password proves the person."""
    try:
        actions.remove_own_factors(actor=actor_of(request), password=request.POST.get("password", ""))
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("第二步验证已解除。"))
    return redirect("accounts:own")


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
def deputy_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Name who stands in during a leave."""
    form = DeputyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.appoint_deputy(
                actor=actor_of(request),
                incumbency_id=pk,
                user_id=data["user_id"],
                valid_from=data["valid_from"],
                valid_to=data["valid_to"],
                reason=data["reason"],
            )
        except Invalid as error:
            show_problems(form, error, {"user": "username"})
        else:
            messages.success(request, _("已提出代理，经安全管理员批准后生效。"))
            return redirect("accounts:own")
    seat = actions.own_or_kept(actor_of(request), pk)
    return render(request, "accounts/deputy.html", {"form": form, "seat": seat})


@gate(SIGNED_IN)
@require_POST
def deputy_end(request: HttpRequest, pk: int) -> HttpResponse:
    """The holder is back."""
    actions.end_deputy(actor=actor_of(request), deputy_id=pk, version=version_of(request))
    messages.success(request, _("代理已结束。"))
    return redirect("accounts:own")
