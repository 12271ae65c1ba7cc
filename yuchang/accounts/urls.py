"""Addresses."""

from django.urls import path

from yuchang.accounts.views import own, posts, signing, vetting

app_name = "accounts"
urlpatterns = [
    path("sign-in", signing.sign_in, name="sign_in"),
    path("second-step", signing.second_step, name="second_step"),
    path("second-step/passkey", signing.passkey_question, name="passkey_question"),
    path("second-step/passkey/answer", signing.passkey_answer, name="passkey_answer"),
    path("prove", signing.prove, name="prove"),
    path("sign-out", signing.sign_out, name="sign_out"),
    path("password", signing.password, name="password"),
    path("join/<str:code>", signing.join, name="join"),
    path("me", own.own, name="own"),
    path("me/act-as", own.act_as, name="act_as"),
    path("me/sessions/<int:pk>/end", own.session_end, name="session_end"),
    path("me/sign-out-everywhere", own.sign_out_everywhere, name="sign_out_everywhere"),
    path("me/authenticator", own.totp, name="totp"),
    path("me/passkeys/options", signing.passkey_options, name="passkey_options"),
    path("me/passkeys", signing.passkey_new, name="passkey_new"),
    path("me/passkeys/<int:pk>/remove", own.passkey_remove, name="passkey_remove"),
    path("me/authenticator/remove", own.totp_remove, name="totp_remove"),
    path("me/recovery-codes", own.recovery_codes, name="recovery_codes"),
    path("me/second-step/remove", own.factors_remove, name="factors_remove"),
    path("seats/<int:pk>/deputy", own.deputy_new, name="deputy_new"),
    path("deputies/<int:pk>/end", own.deputy_end, name="deputy_end"),
    path("departments", posts.department_list, name="department_list"),
    path("posts", posts.post_list, name="post_list"),
    path("posts/<int:pk>", posts.post, name="post"),
    path("posts/<int:pk>/close", posts.post_close, name="post_close"),
    path("seats/<int:pk>/end", posts.seat_end, name="seat_end"),
    path("seats/<int:pk>/hand-over", posts.hand_over, name="hand_over"),
    path("teams", posts.team_list, name="team_list"),
    path("teams/<int:pk>", posts.team, name="team"),
    path("teams/<int:pk>/dissolve", posts.team_dissolve, name="team_dissolve"),
    path("members/<int:pk>/end", posts.member_end, name="member_end"),
    path("invitations", vetting.invitation_list, name="invitation_list"),
    path("invitations/<int:pk>/cancel", vetting.invitation_cancel, name="invitation_cancel"),
    path("vetting", vetting.vetting, name="vetting"),
    path("vetting/<slug:kind>/<int:pk>", vetting.vet, name="vet"),
    path("people/<int:pk>/second-step/remove", vetting.person_factors, name="person_factors"),
    path("consents", vetting.consent_list, name="consent_list"),
    path("consents/<int:pk>/withdraw", vetting.consent_withdraw, name="consent_withdraw"),
]
