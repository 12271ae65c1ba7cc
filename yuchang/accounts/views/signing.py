"""Signing in and out, the second step, joining by invitation, and one's own password."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yuchang.accounts import actions
from yuchang.accounts.doors import PUBLIC, SIGNED_IN, actor_of, gate, require_proof
from yuchang.accounts.entry import PENDING, note_proof, proven_at, sign_in_now
from yuchang.accounts.factors import as_json, passkey_server, real_now
from yuchang.accounts.forms import JoinForm, OwnPasswordForm, PasswordForm, SecondStepForm, SignInForm
from yuchang.accounts.models import User
from yuchang.accounts.queries import factors_of, invitation_of, known_passkeys, role_word
from yuchang.core.errors import Conflict, Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.naming import names_of

PENDING_SECONDS = 300


class PasswordSignIn(LoginView):
    """Name and password; who has a second factor is not signed in before it is passed, too."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not factors_of(user.pk).any:
            return sign_in_now(self.request, user, "password", self.get_success_url())
        self.request.session.cycle_key()
        _between(self.request, user.pk, self.get_success_url())
        return redirect("accounts:second_step")


def _between(request: HttpRequest, user_id: int, next_url: str) -> None:
    """Note who waits for the second step, and where to go after it."""
    request.session[PENDING] = {"user": user_id, "at": int(real_now().timestamp()), "next": next_url}


sign_in = gate(PUBLIC)(require_http_methods(["GET", "POST"])(PasswordSignIn.as_view()))
sign_out = gate(SIGNED_IN)(require_POST(LogoutView.as_view()))


def _pending(request: HttpRequest) -> tuple[User, str]:
    """The person between the two steps, and where to go after. Raises Hidden after five minutes."""
    kept = request.session.get(PENDING) or {}
    user = User.objects.filter(pk=kept.get("user", 0), is_active=True).first()
    if user is None or real_now().timestamp() - kept["at"] > PENDING_SECONDS:
        raise Hidden(_("登录已超时。"), remedy=_("请重新输入登录名和密码。"))
    return user, kept["next"]


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """The code of the authenticator program, or a recovery code; beside it, the passkey."""
    user, next_url = _pending(request)
    form = SecondStepForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        is_totp = code.isdigit() and len(code) == 6
        passed = actions.pass_totp if is_totp else actions.pass_recovery_code
        if passed(user_id=user.pk, code=code):
            return sign_in_now(request, user, "totp" if is_totp else "recovery", next_url)
        form.add_error("code", _("验证码不对，或已经用过。连续输错五次将暂停十五分钟。"))
    return render(request, "accounts/second_step.html", {"form": form, "factors": factors_of(user.pk)})


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Prove again who one is, before something sealed is shown: by second factor, else by password."""
    user_id, next_url = actor_of(request).user_id or 0, _within(request)
    if factors_of(user_id).any:
        _between(request, user_id, next_url)
        return redirect("accounts:second_step")
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if actions.pass_password(user_id=user_id, password=form.cleaned_data["password"]):
            note_proof(request)
            messages.success(request, _("身份已验证，十五分钟内有效。"))
            return redirect(next_url)
        form.add_error("password", _("密码不对。连续输错五次将暂停十五分钟。"))
    return render(request, "accounts/prove.html", {"form": form})


def _within(request: HttpRequest) -> str:
    """The address to go on to: one of ours, else the home page."""
    given = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(given, {request.get_host()})
    return given if is_ours else reverse("workbench:home")


def _server(request: HttpRequest) -> Any:
    return passkey_server(request.get_host().rsplit(":", 1)[0], _("渔场"))


@gate(PUBLIC)
@require_POST
def passkey_question(request: HttpRequest) -> HttpResponse:
    """What the browser shall sign for the second step."""
    user, _next = _pending(request)
    options, state = _server(request).authenticate_begin(
        known_passkeys(user.pk), user_verification="preferred"
    )
    request.session["passkey_state"] = state
    return JsonResponse(as_json(options))


@gate(PUBLIC)
@require_POST
def passkey_answer(request: HttpRequest) -> HttpResponse:
    """The browser's signature; says where to go on."""
    user, next_url = _pending(request)
    state = request.session.pop("passkey_state", None)
    if not actions.pass_passkey(
        user_id=user.pk, server=_server(request), state=state, response=_posted_json(request)
    ):
        raise Conflict(_("通行密钥没有通过。"), remedy=_("请重试，或改用验证码。"))
    sign_in_now(request, user, "passkey", next_url)
    return JsonResponse({"next": next_url})


def _posted_json(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


@gate(SIGNED_IN)
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a new passkey."""
    actor = actor_of(request)
    require_proof(proven_at(request))
    options, state = _server(request).register_begin(
        {"id": str(actor.user_id).encode(), "name": request.user.get_username(), "displayName": actor.name},
        known_passkeys(actor.user_id or 0),
        user_verification="preferred",
    )
    request.session["passkey_state"] = state
    return JsonResponse(as_json(options))


@gate(SIGNED_IN)
@require_POST
def passkey_new(request: HttpRequest) -> HttpResponse:
    """The new passkey, as the browser made it; beside the first factor, recovery codes to be shown once."""
    require_proof(proven_at(request))
    state = request.session.pop("passkey_state", None)
    posted = _posted_json(request)
    _key, codes = actions.add_passkey(
        actor=actor_of(request),
        server=_server(request),
        state=state,
        response=posted,
        name=str(posted.get("name", "")),
    )
    messages.success(request, _("通行密钥已添加。"))
    return JsonResponse({"codes": codes})


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, code: str) -> HttpResponse:
    """The invited person chooses a name and a password."""
    found = invitation_of(code)
    if found is None:
        raise Hidden(_("邀请无效、已用过或已过期。"), remedy=_("请联系邀请您的人重新发出邀请。"))
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.accept_invitation(code=code, username=data["username"], password=data["new"])
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("账号已建好。岗位经安全管理员批准后生效，请先登录。"))
            return redirect("accounts:sign_in")
    organisations = names_of("organisation", [found.organisation_id])
    context = {
        "form": form,
        "invitation": found,
        "role": role_word(found.role),
        "organisation": organisations.get(found.organisation_id, "") if found.organisation_id else "",
    }
    return render(request, "accounts/join.html", context)


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose one's own password; after a one-time password this page comes first."""
    form = OwnPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.change_own_password(
                actor=actor_of(request), old=form.cleaned_data["old"], new=form.cleaned_data["new"]
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("密码已更换。"))
            return redirect("workbench:home")
    return render(request, "accounts/password.html", {"form": form})
