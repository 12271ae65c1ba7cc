"""The reviewed file: who may do what, by address and method. Every cell of the matrix must stand here.

``own`` lists the visitors who may use the address on objects of their own area, organisation or
household; ``neighbour`` those who may use it on the same objects of the next county or of another
organisation. Whoever is not listed is refused. An address without an object (a list, a form for
something new) reaches the same page from both sides: what it shows is scoped by the query.
``tests/access/world.py`` has the objects and the valid bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR, ADMIN, ANYONE = (
    "cadre",
    "reviewer",
    "officer",
    "partner",
    "auditor",
    "administrator",
    "anonymous",
)
NOBODY: tuple[str, ...] = ()
STAFF = (CADRE, REVIEWER, OFFICER)
READERS = (*STAFF, AUDITOR)
SIGNED_IN = (*STAFF, PARTNER, AUDITOR, ADMIN)
EVERYONE = (*SIGNED_IN, ANYONE)
ENTERING = (CADRE, OFFICER)
ONLY_OFFICER, ONLY_PARTNER = (OFFICER,), (PARTNER,)
ONLY_AUDITOR, ONLY_ADMIN = (AUDITOR,), (ADMIN,)


@dataclass(frozen=True)
class Cell:
    """Who may use one method of one address."""

    own: tuple[str, ...]
    neighbour: tuple[str, ...] = NOBODY


# Operations of machines: no browser opens them, whoever is signed in. A matrix of their own, over every
# role's token, stands in yuchang/api/tests.
OPERATIONS = {
    "GET": (
        *("me", "search", "place", "households", "household", "decisions", "organisations", "organisation"),
        *("postings", "posting", "matches", "match", "clearings", "clearing", "agreements", "rounds"),
        *("orders", "order", "transactions", "statement", "alerts", "checkpoints", "api-root"),
    ),
    "POST": ("enter", "observe", "post_one", "withdraw", "answer", "buy"),
}

_READS, _SIDES = (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER)
_BOTH = (OFFICER, PARTNER)
# A promise, a pairing: its two sides, and who reads over them. Pilots: the county's own.
_THINK_TANK: dict[tuple[str, str], Cell] = {
    ("partners:check", "POST"): Cell(ONLY_OFFICER),
    ("partners:commitment", "GET"): Cell(_READS, ONLY_AUDITOR),
    ("partners:commitment_answer", "POST"): Cell(ONLY_OFFICER),
    ("partners:commitment_list", "GET"): Cell(_READS, _READS),
    ("partners:commitment_new", "GET"): Cell(_BOTH, _BOTH),
    ("partners:commitment_new", "POST"): Cell(_BOTH),
    ("partners:commitment_release", "POST"): Cell(ONLY_OFFICER),
    ("partners:contact_add", "POST"): Cell(_BOTH),
    ("partners:contact_end", "POST"): Cell(_BOTH),
    ("partners:contact_phone", "POST"): Cell(_BOTH),
    ("partners:evidence", "GET"): Cell(_READS, ONLY_AUDITOR),
    ("partners:invitation_cancel", "POST"): Cell(ONLY_OFFICER),
    ("partners:invitation_list", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("partners:invitation_list", "POST"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("partners:join", "GET"): Cell(EVERYONE, EVERYONE),
    ("partners:join", "POST"): Cell((ANYONE,), (ANYONE,)),
    ("partners:line_add", "POST"): Cell(_BOTH),
    ("partners:line_end", "POST"): Cell(_BOTH),
    ("partners:pairing", "GET"): Cell((OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("partners:pairing_answer", "POST"): Cell(ONLY_OFFICER),
    ("partners:pairing_end", "POST"): Cell(_BOTH),
    ("partners:pairing_list", "GET"): Cell(_READS, _READS),
    ("partners:pairing_new", "GET"): Cell(_READS, _READS),
    ("partners:pairing_new", "POST"): Cell(ONLY_OFFICER),
    ("partners:pilot", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("partners:pilot_list", "GET"): Cell(_READS, _READS),
    ("partners:pilot_new", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("partners:pilot_new", "POST"): Cell(ONLY_OFFICER),
    ("partners:pilot_next", "POST"): Cell(ONLY_OFFICER),
    ("partners:progress_judge", "POST"): Cell(ONLY_OFFICER),
    ("partners:progress_report", "POST"): Cell(ONLY_PARTNER),
    ("partners:refuse", "POST"): Cell(ONLY_OFFICER),
    ("partners:register", "GET"): Cell(EVERYONE, EVERYONE),
    ("partners:register", "POST"): Cell((ANYONE,), (ANYONE,)),
    ("partners:round_decide", "POST"): Cell(ONLY_OFFICER),
    ("partners:round_report", "POST"): Cell(ONLY_OFFICER),
    # Everybody in the exchange sees open postings of everybody, and may propose with an own one.
    ("exchange:drafts", "GET"): Cell(_SIDES, _SIDES),
    ("exchange:drafts_make", "POST"): Cell(STAFF),
    ("exchange:drafts_publish", "POST"): Cell(STAFF),
    ("exchange:organisation_record", "GET"): Cell(_READS, _READS),
    ("exchange:photo", "GET"): Cell(_READS, _READS),
    ("exchange:photo_add", "POST"): Cell(STAFF),
    ("exchange:propose", "GET"): Cell(_SIDES, _SIDES),
    ("exchange:propose", "POST"): Cell(STAFF),
    # A workbook of postings: the pages are those of any import.
    ("sheets:import", "GET"): Cell(STAFF),
    ("sheets:import_annotated", "GET"): Cell(STAFF),
    ("sheets:import_list", "GET"): Cell(_SIDES, _SIDES),
    ("sheets:import_list", "POST"): Cell(STAFF),
    ("sheets:import_mapping", "POST"): Cell(STAFF),
    ("sheets:import_progress", "GET"): Cell(STAFF),
    ("sheets:import_step", "POST"): Cell(STAFF),
    ("sheets:import_template", "GET"): Cell(_SIDES, _SIDES),
}

CELLS: dict[tuple[str, str], Cell] = {
    # api
    **{(f"v1:{name}", method): Cell(NOBODY) for method, names in OPERATIONS.items() for name in names},
    ("api:issue", "POST"): Cell((OFFICER, PARTNER, AUDITOR), (OFFICER, PARTNER, AUDITOR)),
    ("api:own", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("api:revoke", "POST"): Cell((OFFICER, ADMIN), ONLY_ADMIN),
    ("v1:openapi-json", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("v1:openapi-view", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("api:webhook", "GET"): Cell(ONLY_OFFICER),
    ("api:webhook_again", "POST"): Cell(ONLY_OFFICER),
    ("api:webhook_new", "GET"): Cell((OFFICER, PARTNER, AUDITOR), (OFFICER, PARTNER, AUDITOR)),
    ("api:webhook_new", "POST"): Cell(ONLY_OFFICER),
    ("api:webhook_state", "POST"): Cell(ONLY_OFFICER),
    # accounts
    ("accounts:act_as", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:consent_list", "GET"): Cell(READERS, READERS),
    ("accounts:consent_withdraw", "POST"): Cell((CADRE,)),
    ("accounts:department_list", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:department_list", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:deputy_end", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:deputy_new", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:deputy_new", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:factors_remove", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:hand_over", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:hand_over", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:invitation_cancel", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:invitation_list", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:invitation_list", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:join", "GET"): Cell(EVERYONE, EVERYONE),
    ("accounts:join", "POST"): Cell(EVERYONE, EVERYONE),
    ("accounts:member_end", "POST"): Cell(ONLY_OFFICER),
    ("accounts:own", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    # Between the two steps of a sign-in, and with an answer of the device only: see test_signing_in.
    ("accounts:passkey_answer", "POST"): Cell(NOBODY),
    ("accounts:passkey_new", "POST"): Cell(NOBODY),
    ("accounts:passkey_options", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:passkey_question", "POST"): Cell(NOBODY),
    ("accounts:second_step", "GET"): Cell(NOBODY),
    ("accounts:second_step", "POST"): Cell(NOBODY),
    ("accounts:person_factors", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:post", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:post", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:post_close", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:post_list", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:post_list", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:prove", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:prove", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:recovery_codes", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:seat_end", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("accounts:session_end", "POST"): Cell(NOBODY),  # one's own only
    ("accounts:sign_out_everywhere", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:team", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("accounts:team", "POST"): Cell(ONLY_OFFICER),
    ("accounts:team_dissolve", "POST"): Cell(ONLY_OFFICER),
    ("accounts:team_list", "GET"): Cell(READERS, READERS),
    ("accounts:team_list", "POST"): Cell(ONLY_OFFICER),
    ("accounts:totp", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:totp", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    # Only a security administrator: see test_every_scope.
    ("accounts:vet", "POST"): Cell(NOBODY),
    ("accounts:vetting", "GET"): Cell(NOBODY),
    ("accounts:password", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:password", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("accounts:sign_in", "GET"): Cell(EVERYONE, EVERYONE),
    ("accounts:sign_in", "POST"): Cell(EVERYONE, EVERYONE),
    ("accounts:sign_out", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    # core
    ("core:healthz", "GET"): Cell(EVERYONE, EVERYONE),
    ("core:readyz", "GET"): Cell(EVERYONE, EVERYONE),
    ("core:set_language", "POST"): Cell(EVERYONE, EVERYONE),
    # exchange
    ("exchange:agreement", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:agreement_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:agreement_refuse", "POST"): Cell((CADRE, OFFICER, PARTNER)),
    ("exchange:agreement_sign", "POST"): Cell(ENTERING),
    ("exchange:board", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:choose_category", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER), (CADRE, REVIEWER, OFFICER, PARTNER)
    ),
    ("exchange:clearing", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:clearing_check", "POST"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:clearing_discard", "POST"): Cell(ONLY_OFFICER),
    ("exchange:clearing_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:clearing_publish", "POST"): Cell(ONLY_OFFICER),
    ("exchange:clearing_run", "POST"): Cell(ONLY_OFFICER),
    ("exchange:compare", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    # deals: the offer is a household's, the need the partner's own
    ("exchange:closing_answer", "POST"): Cell(ENTERING),
    ("exchange:closing_ask", "POST"): Cell(ENTERING),
    ("exchange:contract", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:delivery_add", "POST"): Cell(ENTERING),
    ("exchange:delivery_judge", "POST"): Cell(ONLY_PARTNER),
    ("exchange:delivery_withdraw", "POST"): Cell(ENTERING),
    ("exchange:dispute", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:dispute_add", "POST"): Cell(ENTERING),
    ("exchange:dispute_answer", "POST"): Cell(ENTERING),
    ("exchange:dispute_decide", "POST"): Cell(ONLY_OFFICER),
    ("exchange:dispute_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:dispute_withdraw", "POST"): Cell(ONLY_PARTNER),
    ("exchange:match_why", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:member_add", "POST"): Cell((*STAFF, PARTNER)),
    ("exchange:member_end", "POST"): Cell((*STAFF, PARTNER)),
    ("exchange:milestone_add", "POST"): Cell(ENTERING),
    ("exchange:milestone_answer", "POST"): Cell(ENTERING),
    ("exchange:milestone_met", "POST"): Cell(ENTERING),
    ("exchange:paper", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:paper_add", "POST"): Cell(ENTERING),
    ("exchange:review_add", "POST"): Cell(ENTERING),
    ("exchange:review_answer", "POST"): Cell(ENTERING),
    # What counterparts say of an organisation is for every participant; it names no household.
    ("exchange:budget", "GET"): Cell(ONLY_PARTNER),
    ("exchange:budget", "POST"): Cell(ONLY_PARTNER),
    ("exchange:standing", "GET"): Cell((*READERS, PARTNER), (*READERS, PARTNER)),
    ("exchange:task_add", "POST"): Cell((*STAFF, PARTNER)),
    ("exchange:task_done", "POST"): Cell(STAFF),
    ("exchange:task_drop", "POST"): Cell((*STAFF, PARTNER)),
    ("exchange:emergency", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:emergency_end", "POST"): Cell(ONLY_OFFICER),
    ("exchange:emergency_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:emergency_new", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("exchange:emergency_new", "POST"): Cell(ONLY_OFFICER),
    ("exchange:leftover_list", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:match", "GET"): Cell((CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("exchange:match_agree", "POST"): Cell(ENTERING),
    ("exchange:match_answer", "POST"): Cell(STAFF),
    ("exchange:match_counter", "POST"): Cell(STAFF),
    ("exchange:match_say", "POST"): Cell(STAFF),
    ("exchange:partner_count", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER), (CADRE, REVIEWER, OFFICER, PARTNER)
    ),
    ("exchange:pictures", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:post_resource", "GET"): Cell(STAFF),
    ("exchange:post_resource", "POST"): Cell(STAFF),
    ("exchange:posting", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("exchange:posting_edit", "GET"): Cell(STAFF),
    ("exchange:posting_edit", "POST"): Cell(STAFF),
    ("exchange:posting_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("exchange:posting_new", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER), (CADRE, REVIEWER, OFFICER, PARTNER)
    ),
    ("exchange:posting_new", "POST"): Cell((CADRE, REVIEWER, OFFICER, PARTNER)),
    ("exchange:posting_open", "POST"): Cell(STAFF),
    ("exchange:posting_withdraw", "POST"): Cell(STAFF),
    ("exchange:replay_progress", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:scenario_add", "POST"): Cell(ONLY_OFFICER),
    ("exchange:scenario_progress", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("exchange:scenario_resume", "POST"): Cell(ONLY_OFFICER),
    ("exchange:scenario_stop", "POST"): Cell(ONLY_OFFICER),
    ("exchange:village_network", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("exchange:search", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    # Only one's own saved search: see the exchange's test_search.
    ("exchange:search_drop", "POST"): Cell(NOBODY),
    ("exchange:search_save", "POST"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER), (CADRE, REVIEWER, OFFICER, PARTNER)
    ),
    # files
    ("files:download", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("files:file", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("files:hold", "POST"): Cell(ONLY_OFFICER),
    ("files:index", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("files:remove", "POST"): Cell(STAFF),
    ("files:status", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("files:thumbnail", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("files:upload", "POST"): Cell(STAFF),
    # messages: everybody's own, here the cadre's
    ("messages:archive", "POST"): Cell((CADRE,)),
    ("messages:contact", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("messages:deliveries", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("messages:delivery_retry", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("messages:inbox", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("messages:mark_read", "POST"): Cell((CADRE,)),
    ("messages:message", "GET"): Cell((CADRE,)),
    ("messages:preferences", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("messages:preferences", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("messages:read_all", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    # ledger
    ("ledger:household_book", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("ledger:transaction", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("ledger:transaction_list", "GET"): Cell(READERS, READERS),
    ("ledger:transaction_reverse", "POST"): Cell(ONLY_OFFICER),
    # market
    ("market:agreement_order", "GET"): Cell((OFFICER, PARTNER)),
    ("market:agreement_order", "POST"): Cell((OFFICER, PARTNER)),
    ("market:buy", "POST"): Cell(ONLY_PARTNER, ONLY_PARTNER),
    ("market:offer", "GET"): Cell(ONLY_PARTNER, ONLY_PARTNER),
    ("market:offer_commit", "POST"): Cell(ENTERING),
    ("market:offer_growers", "GET"): Cell(ENTERING),
    ("market:offer_lot", "POST"): Cell(ENTERING),
    ("market:offer_new", "GET"): Cell(ONLY_OFFICER),
    ("market:offer_new", "POST"): Cell(ONLY_OFFICER),
    ("market:order", "GET"): Cell((OFFICER, PARTNER, AUDITOR), ONLY_AUDITOR),
    ("market:order_cancel", "POST"): Cell(ONLY_PARTNER),
    ("market:order_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("market:order_pay", "POST"): Cell(ONLY_PARTNER),
    ("market:order_receive", "POST"): Cell(ONLY_PARTNER),
    ("market:order_transfer", "POST"): Cell(ONLY_OFFICER),
    ("market:round", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("market:round_delivery", "POST"): Cell(ONLY_OFFICER),
    ("market:round_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("market:round_new", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("market:round_new", "POST"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("market:round_sales", "POST"): Cell(ONLY_OFFICER),
    ("market:round_settlement", "GET"): Cell(ONLY_OFFICER),
    ("market:round_settlement", "POST"): Cell(ONLY_OFFICER),
    # monitoring
    ("monitoring:alert", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("monitoring:alerts", "GET"): Cell(READERS, READERS),
    ("monitoring:assess", "POST"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("monitoring:visit", "POST"): Cell(STAFF),
    # partners
    ("partners:edit_contact", "GET"): Cell((OFFICER, PARTNER)),
    ("partners:edit_contact", "POST"): Cell((OFFICER, PARTNER)),
    ("partners:organisation_list", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("partners:organisation_new", "GET"): Cell(STAFF, STAFF),
    ("partners:organisation_new", "POST"): Cell(STAFF, STAFF),
    ("partners:organisation_page", "GET"): Cell(
        (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR), (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR)
    ),
    ("partners:reveal_phone", "POST"): Cell((OFFICER, PARTNER)),
    ("partners:suspend", "POST"): Cell(ONLY_OFFICER),
    **_THINK_TANK,
    ("partners:vet", "POST"): Cell(ONLY_OFFICER),
    # places
    ("places:index", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("places:map", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("places:outline", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("places:place", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    # policy
    ("policy:decision", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("policy:desk", "GET"): Cell(READERS, READERS),
    ("policy:household", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("policy:household", "POST"): Cell(ONLY_OFFICER),
    ("policy:result", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("policy:results", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("policy:rules", "GET"): Cell(READERS, READERS),
    ("policy:run", "GET"): Cell((OFFICER, AUDITOR), ONLY_AUDITOR),
    ("policy:run_new", "POST"): Cell(ONLY_OFFICER),
    # procedures
    ("procedures:calendar", "GET"): Cell(READERS, READERS),
    ("procedures:calendar_import", "POST"): Cell(ONLY_OFFICER),
    ("procedures:case", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("procedures:case_advance", "POST"): Cell((REVIEWER,)),
    ("procedures:case_new", "GET"): Cell(STAFF, STAFF),
    ("procedures:case_new", "POST"): Cell(STAFF),
    ("procedures:case_return", "POST"): Cell((REVIEWER,)),
    ("procedures:case_transfer", "GET"): Cell((REVIEWER, OFFICER)),
    ("procedures:case_transfer", "POST"): Cell((REVIEWER, OFFICER)),
    ("procedures:case_withdraw", "POST"): Cell(ONLY_OFFICER),
    ("procedures:definition", "GET"): Cell(READERS, READERS),
    ("procedures:due", "GET"): Cell(READERS, READERS),
    ("procedures:library", "GET"): Cell(READERS, READERS),
    ("procedures:overdue", "GET"): Cell(READERS, READERS),
    ("procedures:sample", "GET"): Cell((REVIEWER, OFFICER, AUDITOR), ONLY_AUDITOR),
    ("procedures:sample_check", "POST"): Cell((REVIEWER, OFFICER)),
    ("procedures:sample_draw", "POST"): Cell((REVIEWER, OFFICER)),
    ("procedures:sample_give", "POST"): Cell((REVIEWER, OFFICER)),
    ("procedures:sample_take_back", "POST"): Cell((REVIEWER, OFFICER)),
    ("procedures:samples", "GET"): Cell(READERS, READERS),
    ("procedures:track_complete", "POST"): Cell(ONLY_OFFICER),
    # publication
    ("publication:bundle_file", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("publication:bundle_make", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("publication:bundle_take", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("publication:bundles", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("publication:collect", "POST"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("publication:home", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("publication:publish_deals", "POST"): Cell(ONLY_OFFICER),
    ("publication:publish_figures", "POST"): Cell(ONLY_OFFICER),
    ("publication:publish_notices", "POST"): Cell(ONLY_OFFICER),
    ("publication:publish_open_data", "POST"): Cell(ONLY_OFFICER),
    ("publication:publish_rounds", "POST"): Cell(ONLY_OFFICER),
    # registry
    ("registry:household", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("registry:household_correct", "GET"): Cell(ENTERING),
    ("registry:household_correct", "POST"): Cell(ENTERING),
    ("registry:household_exit", "POST"): Cell(ONLY_OFFICER),
    ("registry:household_export", "POST"): Cell(STAFF, STAFF),
    ("registry:household_facts", "GET"): Cell(ENTERING),
    ("registry:household_facts", "POST"): Cell(ENTERING),
    ("registry:household_list", "GET"): Cell(READERS, READERS),
    ("registry:household_new", "GET"): Cell(ENTERING, ENTERING),
    ("registry:household_new", "POST"): Cell(ENTERING),
    ("registry:household_remove", "POST"): Cell(ENTERING),
    ("registry:household_resource", "GET"): Cell(ENTERING),
    ("registry:household_resource", "POST"): Cell(ENTERING),
    ("registry:household_verify", "POST"): Cell((REVIEWER, OFFICER)),
    ("registry:import", "GET"): Cell(ENTERING),
    ("registry:import_annotated", "GET"): Cell(ENTERING),
    ("registry:import_cancel", "POST"): Cell(ENTERING),
    ("registry:import_confirm", "POST"): Cell(ENTERING),
    ("registry:import_list", "GET"): Cell(ENTERING, ENTERING),
    ("registry:import_mapping", "POST"): Cell(ENTERING),
    ("registry:import_new", "GET"): Cell(ENTERING, ENTERING),
    ("registry:import_new", "POST"): Cell(ENTERING),
    ("registry:import_progress", "GET"): Cell(ENTERING),
    ("registry:import_template", "GET"): Cell(ENTERING, ENTERING),
    ("registry:import_undo", "POST"): Cell(ENTERING),
    ("registry:notice", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("registry:notice_close", "POST"): Cell(ONLY_OFFICER),
    ("registry:notice_new", "GET"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("registry:notice_new", "POST"): Cell(ONLY_OFFICER),
    ("registry:notices", "GET"): Cell(READERS, READERS),
    ("registry:notices_close", "POST"): Cell(ONLY_OFFICER, ONLY_OFFICER),
    ("registry:likeness", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("registry:likeness_decide", "POST"): Cell((REVIEWER, OFFICER)),
    ("registry:likenesses", "GET"): Cell(READERS, READERS),
    ("registry:likenesses_find", "POST"): Cell((REVIEWER, OFFICER), (REVIEWER, OFFICER)),
    ("registry:objection", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("registry:objection_decide", "POST"): Cell(ONLY_OFFICER),
    ("registry:objection_new", "POST"): Cell(ENTERING),
    ("registry:objections", "GET"): Cell(READERS, READERS),
    ("registry:resource_list", "GET"): Cell(READERS, READERS),
    ("registry:resource_new", "GET"): Cell(ENTERING, ENTERING),
    ("registry:resource_new", "POST"): Cell(ENTERING),
    ("registry:resource_withdraw", "POST"): Cell(ENTERING),
    ("registry:verify_many", "POST"): Cell((REVIEWER, OFFICER)),
    ("registry:verify_queue", "GET"): Cell((REVIEWER, OFFICER), (REVIEWER, OFFICER)),
    # sheets
    ("sheets:output", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:output_cancel", "POST"): Cell(NOBODY),
    ("sheets:output_file", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:output_list", "GET"): Cell(STAFF, STAFF),
    ("sheets:output_new", "GET"): Cell(STAFF, STAFF),
    ("sheets:output_new", "POST"): Cell(STAFF),
    ("sheets:output_progress", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:plan", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:plan_edit", "GET"): Cell((REVIEWER, OFFICER)),
    ("sheets:plan_edit", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:plan_freeze", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:plan_list", "GET"): Cell(READERS, READERS),
    ("sheets:plan_new", "GET"): Cell((REVIEWER, OFFICER), (REVIEWER, OFFICER)),
    ("sheets:plan_new", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:plan_stop", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:readback", "GET"): Cell(STAFF),
    ("sheets:readback_clear", "POST"): Cell(STAFF),
    ("sheets:readback_close", "POST"): Cell(STAFF),
    ("sheets:readback_decide", "POST"): Cell(STAFF),
    ("sheets:readback_list", "GET"): Cell(STAFF, STAFF),
    ("sheets:readback_new", "GET"): Cell(STAFF, STAFF),
    ("sheets:readback_new", "POST"): Cell(STAFF),
    ("sheets:report", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:report_compare", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:report_correct", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:report_list", "GET"): Cell(READERS, READERS),
    ("sheets:report_verify", "POST"): Cell(READERS, ONLY_AUDITOR),
    ("sheets:sending_list", "GET"): Cell(STAFF, STAFF),
    ("sheets:sending_new", "POST"): Cell(STAFF),
    ("sheets:template", "GET"): Cell(STAFF),
    ("sheets:template_edition", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:template_fill", "POST"): Cell(STAFF),
    ("sheets:template_list", "GET"): Cell(STAFF, STAFF),
    ("sheets:template_new", "GET"): Cell((REVIEWER, OFFICER), (REVIEWER, OFFICER)),
    ("sheets:template_new", "POST"): Cell((REVIEWER, OFFICER)),
    ("sheets:template_retire", "POST"): Cell((REVIEWER, OFFICER)),
    # workbench
    ("workbench:audit_log", "GET"): Cell(ONLY_AUDITOR, ONLY_AUDITOR),
    ("workbench:consents", "GET"): Cell((CADRE,)),
    ("workbench:consents", "POST"): Cell((CADRE,)),
    ("workbench:dashboard", "GET"): Cell(READERS, READERS),
    ("workbench:deactivate", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:end_grant", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:figure", "GET"): Cell(READERS, READERS),
    ("workbench:flows", "GET"): Cell(READERS, READERS),
    ("workbench:helper", "GET"): Cell((REVIEWER, OFFICER)),
    ("workbench:helper", "POST"): Cell((REVIEWER, OFFICER)),
    ("workbench:helper_end", "POST"): Cell((REVIEWER, OFFICER)),
    ("workbench:home", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("workbench:household", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("workbench:operations", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:task_retry", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:tasks", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:people", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:people", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:person", "GET"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:person", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:place_loop", "GET"): Cell(READERS, ONLY_AUDITOR),
    ("workbench:reactivate", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:reset_password", "POST"): Cell(ONLY_ADMIN, ONLY_ADMIN),
    ("workbench:reveal", "POST"): Cell(STAFF),
    ("workbench:categories", "GET"): Cell(ENTERING, ENTERING),
    # A saved list is its owner's alone, and the own page a household's.
    ("workbench:forget_view", "POST"): Cell(NOBODY),
    ("workbench:help", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("workbench:own", "GET"): Cell(NOBODY),
    ("workbench:phone_code", "GET"): Cell(EVERYONE, EVERYONE),
    ("workbench:phone_code", "POST"): Cell(EVERYONE, EVERYONE),
    ("workbench:phone_sign_in", "GET"): Cell(EVERYONE, EVERYONE),
    ("workbench:phone_sign_in", "POST"): Cell(EVERYONE, EVERYONE),
    ("workbench:own_appeal", "POST"): Cell(NOBODY),
    ("workbench:own_withdraw", "POST"): Cell(NOBODY),
    ("workbench:save_view", "POST"): Cell(SIGNED_IN, SIGNED_IN),
    ("workbench:search", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("workbench:suggest", "GET"): Cell(SIGNED_IN, SIGNED_IN),
    ("workbench:wall", "GET"): Cell(READERS, READERS),
    ("workbench:why", "GET"): Cell(READERS, ONLY_AUDITOR),
}
