"""A household signs in with its telephone: a number, a code by SMS, the own page.

The register knows the number, the messages send the code, the accounts open the session.
"""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from yuchang.accounts.actions import household_account
from yuchang.accounts.doors import PUBLIC, gate
from yuchang.accounts.entry import sign_in_now
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.secrets import blind_index
from yuchang.messages.actions import check_code, send_code
from yuchang.workbench.queries.entrance import members_with_phone

PURPOSE, PHONE = "household.sign_in", "sign_in_phone"


class PhoneForm(forms.Form):
    """A telephone number."""

    phone = forms.RegexField(
        r"^1\d{10}$",
        label=gettext_lazy("手机号码"),
        error_messages={"invalid": gettext_lazy("请填写 11 位手机号码。")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "tel"}),
    )


class PhoneCodeForm(forms.Form):
    """The code from the SMS."""

    code = forms.RegexField(
        r"^\d{6}$",
        label=gettext_lazy("短信里的六位验证码"),
        error_messages={"invalid": gettext_lazy("请填写六位数字。")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


def _visitor() -> Actor:
    return Actor(None, _("手机登录"))


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def phone_sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a code. The answer is the same for every number, known or not."""
    form = PhoneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        phone = form.cleaned_data["phone"]
        try:
            send_code(
                _visitor(),
                target=phone,
                purpose=PURPOSE,
                origin=request.META.get("REMOTE_ADDR", ""),
                really=bool(members_with_phone(phone)),
            )
        except Invalid as error:
            show_problems(form, error)
        except Conflict as error:
            form.add_error(None, f"{error.message}{error.remedy}")
        else:
            request.session[PHONE] = phone
            return redirect("workbench:phone_code")
    return render(request, "workbench/phone_sign_in.html", {"form": form, "is_first": True})


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def phone_code(request: HttpRequest) -> HttpResponse:
    """The code proves the telephone; the telephone opens the households in whose entry it stands."""
    phone = request.session.get(PHONE, "")
    if not phone:
        return redirect("workbench:phone_sign_in")
    form = PhoneCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        is_right = check_code(_visitor(), target=phone, purpose=PURPOSE, code=code)
        members = members_with_phone(phone) if is_right else []
        if members:
            user = household_account(
                phone_blind=blind_index("household.phone", phone),
                display_name=members[0].name,
                household_ids=sorted({member.household_id for member in members}),
            )
            del request.session[PHONE]
            return sign_in_now(request, user, "phone", reverse("workbench:own"))
        form.add_error("code", _("验证码不对或已过期。"))
    return render(request, "workbench/phone_sign_in.html", {"form": form, "is_first": False})
