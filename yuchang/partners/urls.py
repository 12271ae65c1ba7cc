"""Addresses."""

from django.urls import path

from yuchang.partners.views import commitments, organisations, pairings, pilots, profiles, registrations

app_name = "partners"
urlpatterns = [
    path("", organisations.organisation_list, name="organisation_list"),
    path("new", organisations.organisation_new, name="organisation_new"),
    path("register", registrations.register, name="register"),
    path("join/<str:code>", registrations.join, name="join"),
    path("invitations", registrations.invitation_list, name="invitation_list"),
    path("invitations/<int:invitation_id>/cancel", registrations.invitation_cancel, name="invitation_cancel"),
    path("<int:organisation_id>", organisations.organisation_page, name="organisation_page"),
    path("<int:organisation_id>/check", organisations.check, name="check"),
    path("<int:organisation_id>/vet", organisations.vet, name="vet"),
    path("<int:organisation_id>/refuse", organisations.refuse, name="refuse"),
    path("<int:organisation_id>/suspend", organisations.suspend, name="suspend"),
    path("<int:organisation_id>/contact", organisations.edit_contact, name="edit_contact"),
    path("<int:organisation_id>/phone", organisations.reveal_phone, name="reveal_phone"),
    path("<int:organisation_id>/lines", profiles.line_add, name="line_add"),
    path("lines/<int:line_id>/end", profiles.line_end, name="line_end"),
    path("<int:organisation_id>/contacts", profiles.contact_add, name="contact_add"),
    path("contacts/<int:contact_id>/end", profiles.contact_end, name="contact_end"),
    path("contacts/<int:contact_id>/phone", profiles.contact_phone, name="contact_phone"),
    path("commitments", commitments.commitment_list, name="commitment_list"),
    path("commitments/new", commitments.commitment_new, name="commitment_new"),
    path("commitments/<int:commitment_id>", commitments.commitment, name="commitment"),
    path("commitments/<int:commitment_id>/answer", commitments.commitment_answer, name="commitment_answer"),
    path(
        "commitments/<int:commitment_id>/release", commitments.commitment_release, name="commitment_release"
    ),
    path(
        "commitments/<int:commitment_id>/milestones/<int:milestone_id>",
        commitments.progress_report,
        name="progress_report",
    ),
    path("progress/<int:progress_id>/judge", commitments.progress_judge, name="progress_judge"),
    path("progress/<int:progress_id>/evidence", commitments.evidence, name="evidence"),
    path("pairings", pairings.pairing_list, name="pairing_list"),
    path("pairings/new", pairings.pairing_new, name="pairing_new"),
    path("pairings/<int:pairing_id>", pairings.pairing, name="pairing"),
    path("pairings/<int:pairing_id>/answer", pairings.pairing_answer, name="pairing_answer"),
    path("pairings/<int:pairing_id>/end", pairings.pairing_end, name="pairing_end"),
    path("pilots", pilots.pilot_list, name="pilot_list"),
    path("pilots/new", pilots.pilot_new, name="pilot_new"),
    path("pilots/<int:pilot_id>", pilots.pilot, name="pilot"),
    path("pilots/<int:pilot_id>/next", pilots.pilot_next, name="pilot_next"),
    path("rounds/<int:round_id>/report", pilots.round_report, name="round_report"),
    path("rounds/<int:round_id>/decide", pilots.round_decide, name="round_decide"),
]
