"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView

from yuchang.accounts.doors import PUBLIC, SIGNED_IN, gate

sign_in = gate(PUBLIC)(
    LoginView.as_view(template_name="accounts/sign_in.html", redirect_authenticated_user=True)
)
sign_out = gate(SIGNED_IN)(LogoutView.as_view())
