"""Signing in and out, and one's own password."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yuchang.accounts import actions
from yuchang.accounts.doors import PUBLIC, SIGNED_IN, actor_of, gate
from yuchang.accounts.forms import OwnPasswordForm
from yuchang.core.errors import Invalid

sign_in = gate(PUBLIC)(
    require_http_methods(["GET", "POST"])(  # type: ignore[arg-type]
        LoginView.as_view(template_name="accounts/sign_in.html", redirect_authenticated_user=True)
    )
)
sign_out = gate(SIGNED_IN)(require_POST(LogoutView.as_view()))


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
            for problem in error.problems:
                form.add_error(problem.field, problem.message)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("密码已更换。"))
            return redirect("workbench:home")
    return render(request, "accounts/password.html", {"form": form})
