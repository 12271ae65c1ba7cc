"""The think tank's part of the standing world: promises, pairings, pilots, a workbook of postings."""

from __future__ import annotations

import io
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from yuchang.core import clock
from yuchang.exchange import actions as exchange
from yuchang.exchange.workbook import COLUMNS
from yuchang.files.tests import hostile
from yuchang.partners import actions
from yuchang.partners.models import Organisation
from yuchang.sheets import actions as sheets
from yuchang.sheets.export import write_workbook

KIND = "exchange.postings"


def build(side: SimpleNamespace) -> None:
    """One of each thing of the think tank on one side."""
    _entry(side)
    _promises(side)
    _pairings(side)
    _pilots(side)
    _postings(side)


def _entry(side: SimpleNamespace) -> None:
    clerk, mine = side.clerk.actor, side.organisation.pk
    side.registered = actions.register(facts=_registration(side, f"自报{side.number}"))
    side.invited, side.invited_code = actions.invite_organisation(
        actor=clerk, host_id=side.county.pk, name="受邀企业", kind="enterprise"
    )
    partner = side.partner.actor
    facts = actions.LineFacts("capability", "收购核桃")
    side.line = actions.add_line(actor=partner, organisation_id=mine, facts=facts)
    side.contact = actions.add_contact(
        actor=partner, organisation_id=mine, name="周联络", duty="经理", phone="021-55550000"
    )


def _registration(side: SimpleNamespace, name: str) -> actions.OrganisationFacts:
    return actions.OrganisationFacts(name, "enterprise", side.county.pk, side.county.pk)


def _picture(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, hostile.jpeg((40, 30)))


def _promises(side: SimpleNamespace) -> None:
    side.offered, side.active = _promise(side, "提出的"), _promise(side, "履行的")
    side.active = actions.answer_commitment(
        actor=side.second.actor, commitment_id=side.active.pk, version=1, is_accepted=True
    )
    side.milestone = side.active.milestones.get()
    side.reported = actions.report_progress(
        actor=side.partner.actor,
        milestone_id=side.milestone.pk,
        facts=actions.ProgressFacts(1, clock.today()),
        upload=_picture("凭证.jpg"),
    )


def _promise(side: SimpleNamespace, title: str) -> Any:
    plan = [actions.MilestonePlan(clock.today() + timedelta(days=30), "岗位", 10)]
    facts = actions.CommitmentFacts(
        side.village.pk, "jobs", title, plan, organisation_id=side.organisation.pk
    )
    return actions.commit(actor=side.partner.actor, facts=facts)


def _pairings(side: SimpleNamespace) -> None:
    today, mine = clock.today(), side.organisation.pk
    village = actions.PairingFacts("firm_village", side.village.pk, today, organisation_id=mine)
    county = actions.PairingFacts("firm_county", side.county.pk, today, organisation_id=mine)
    side.asked_pairing = actions.propose_pairing(actor=side.partner.actor, facts=village)
    side.paired = actions.propose_pairing(actor=side.partner.actor, facts=county)
    side.paired = actions.answer_pairing(
        actor=side.second.actor, pairing_id=side.paired.pk, version=1, is_accepted=True
    )


def _pilots(side: SimpleNamespace) -> None:
    """One whose round runs, one whose round waits for a decision, one that may go on."""
    side.pilot, side.round = _pilot(side, "在试")
    _waiting, side.reported_round = _pilot(side, "待决定")
    side.reported_round = _report(side, side.reported_round)
    side.decided_pilot, decided = _pilot(side, "可继续")
    decided = _report(side, decided)
    actions.decide_round(
        actor=side.clerk.actor, round_id=decided.pk, version=decided.version, decision="again", reason="再看"
    )
    side.decided_pilot.refresh_from_db()


def _pilot(side: SimpleNamespace, title: str) -> tuple[Any, Any]:
    today = clock.today()
    first = actions.RoundFacts([side.village.pk], today, today, "开店数", 20)
    row = actions.open_pilot(
        actor=side.clerk.actor, place_id=side.county.pk, title=title, question="留得住吗", first=first
    )
    return row, row.rounds.get()


def _report(side: SimpleNamespace, row: Any) -> Any:
    return actions.report_round(
        actor=side.second.actor, round_id=row.pk, version=row.version, result=3, note="三家"
    )


def _postings(side: SimpleNamespace) -> None:
    side.photo = exchange.add_photo(
        actor=side.clerk.actor, posting_id=side.posting.pk, upload=_picture("核桃.jpg")
    )
    side.sheet = _sheet(side, 71)
    side.checked_sheet = _sheet(side, 72)
    sheets.confirm_mapping(actor=side.clerk.actor, batch_id=side.checked_sheet.pk, version=1)
    sheets.check_import(side.checked_sheet.pk)
    side.checked_sheet.refresh_from_db()
    assert side.checked_sheet.counts.get("created") == 1, list(side.checked_sheet.findings.values("code"))


def _sheet(side: SimpleNamespace, quantity: int) -> Any:
    return sheets.start_import(
        actor=side.clerk.actor,
        kind=KIND,
        area_id=side.village.pk,
        file_name="供需.xlsx",
        content=sheet_content(side.village.code, quantity),
        observed_on=clock.today(),
    )


def sheet_content(village: str, quantity: int) -> bytes:
    """A workbook with one offer of a village."""
    target = io.BytesIO()
    said = {"village": village, "quantity": str(quantity), "household": "", "unit": ""}
    rows = [[said.get(c.name, c.example) for c in COLUMNS]]
    write_workbook(target, title="供需", headers=[c.header for c in COLUMNS], rows=rows)
    return target.getvalue()


def _own(side: SimpleNamespace) -> str:
    """For whom this visitor may promise."""
    return f"o{side.organisation.pk}" if side.visitor == "partner" else f"p{side.county.pk}"


def _round_body(side: SimpleNamespace) -> dict[str, Any]:
    today = clock.today().isoformat()
    return {
        "place_codes": side.village.code,
        "starts_on": today,
        "ends_on": today,
        "measure": "店",
        "goal": 5,
    }


def _organisation_body(name: str, code: str) -> dict[str, Any]:
    body = {"name": name, "kind": "ngo", "place_code": code[:6], "host_code": code[:6]}
    return body | {"contact_name": "周联络", "phone": "021-55550000"}


def _spare(side: SimpleNamespace) -> str:
    """A vetted organisation with which nobody of the side is paired."""
    return Organisation.objects.get(pk=side.coop.pk).name


_BATCH = {"kind": KIND}
KWARGS: dict[str, Any] = {
    "exchange:organisation_record": lambda s: s.organisation.pk,
    "exchange:photo": lambda s: s.photo.pk,
    "exchange:photo_add": lambda s: s.posting.pk,
    "exchange:propose": lambda s: s.need.pk,
    "partners:check": lambda s: s.registered.pk,
    "partners:commitment": lambda s: s.active.pk,
    "partners:commitment_answer": lambda s: s.offered.pk,
    "partners:commitment_release": lambda s: s.active.pk,
    "partners:contact_add": lambda s: s.organisation.pk,
    "partners:contact_end": lambda s: s.contact.pk,
    "partners:contact_phone": lambda s: s.contact.pk,
    "partners:evidence": lambda s: s.reported.pk,
    "partners:invitation_cancel": lambda s: s.invited.pk,
    "partners:join": lambda s: s.invited_code,
    "partners:line_add": lambda s: s.organisation.pk,
    "partners:line_end": lambda s: s.line.pk,
    "partners:pairing": lambda s: s.paired.pk,
    "partners:pairing_answer": lambda s: s.asked_pairing.pk,
    "partners:pairing_end": lambda s: s.paired.pk,
    "partners:pilot": lambda s: s.pilot.pk,
    "partners:pilot_next": lambda s: s.decided_pilot.pk,
    "partners:progress_judge": lambda s: s.reported.pk,
    "partners:progress_report": lambda s: {"commitment_id": s.active.pk, "milestone_id": s.milestone.pk},
    "partners:refuse": lambda s: s.proposed.pk,
    "partners:round_decide": lambda s: s.reported_round.pk,
    "partners:round_report": lambda s: s.round.pk,
    "sheets:import": lambda s: {**_BATCH, "pk": s.sheet.pk},
    "sheets:import_annotated": lambda s: {**_BATCH, "pk": s.sheet.pk},
    "sheets:import_refused": lambda s: {**_BATCH, "pk": s.sheet.pk},
    "sheets:import_list": lambda s: KIND,
    "sheets:import_mapping": lambda s: {**_BATCH, "pk": s.sheet.pk},
    "sheets:import_progress": lambda s: {**_BATCH, "pk": s.sheet.pk},
    "sheets:import_step": lambda s: {**_BATCH, "pk": s.checked_sheet.pk, "step": "confirm"},
    "sheets:import_template": lambda s: KIND,
}
BODIES: dict[str, Any] = {
    "exchange:drafts_make": lambda s: {"village": s.village.code},
    "exchange:drafts_publish": lambda s: {
        "village": s.village.code,
        f"d{s.draft.pk}-is_chosen": "1",
        f"d{s.draft.pk}-limit": "20",
        f"d{s.draft.pk}-quantity": "9",
        f"d{s.draft.pk}-window_from": "2026-12-01",
        f"d{s.draft.pk}-window_to": "2027-06-30",
        f"d{s.draft.pk}-version": s.draft.version,
    },
    "exchange:photo_add": lambda s: {"file": _picture("又一张.jpg")},
    "exchange:propose": lambda s: {"mine": s.posting.pk, "quantity": 5, "price": "22"},
    "partners:check": lambda s: {"version": s.registered.version, "note": "证照齐全"},
    "partners:commitment_answer": lambda s: {"version": s.offered.version, "answer": "yes"},
    "partners:commitment_new": lambda s: {
        "maker": _own(s),
        "place_code": s.village.code,
        "kind": "jobs",
        "title": "十个岗位",
        "due_1": (clock.today() + timedelta(days=30)).isoformat(),
        "measure_1": "岗位",
        "amount_1": "10",
    },
    "partners:commitment_release": lambda s: {"version": s.active.version, "reason": "因灾停产"},
    "partners:contact_add": lambda s: {"contact": "吴联络", "telephone": "021-55551111"},
    "partners:contact_end": lambda s: {"version": s.contact.version},
    "partners:invitation_cancel": lambda s: {"version": s.invited.version},
    "partners:invitation_list": lambda s: {"name": "再邀一家", "kind": "ngo"},
    "partners:join": lambda s: _organisation_body("受邀企业", s.county.code),
    "partners:line_add": lambda s: {"kind": "need", "text": "找货源"},
    "partners:line_end": lambda s: {"version": s.line.version},
    "partners:pairing_answer": lambda s: {"version": s.asked_pairing.version, "answer": "yes"},
    "partners:pairing_end": lambda s: {"version": s.paired.version, "reason": "期满"},
    "partners:pairing_new": lambda s: {
        "kind": "firm_county",
        "organisation": _spare(s),
        "place_code": s.county.code[:6],
        "valid_from": clock.today().isoformat(),
    },
    "partners:pilot_new": lambda s: {"title": "新试点", "question": "行吗", **_round_body(s)},
    "partners:pilot_next": lambda s: {"version": s.decided_pilot.version, **_round_body(s)},
    "partners:progress_judge": lambda s: {"version": s.reported.version, "answer": "yes"},
    "partners:progress_report": lambda s: {
        "amount": "2",
        "happened_on": clock.today().isoformat(),
        "reference": "合同 7",
    },
    "partners:refuse": lambda s: {"version": s.proposed.version, "note": "材料不实"},
    "partners:register": lambda s: _organisation_body("自行登记", s.county.code),
    "partners:round_decide": lambda s: {
        "version": s.reported_round.version,
        "decision": "widen",
        "reason": "达标",
    },
    "partners:round_report": lambda s: {"version": s.round.version, "result": 9, "note": "九家"},
    "sheets:import_list": lambda s: {
        "area": {"reviewer": s.village.township_id, "officer": s.county.pk}.get(s.visitor, s.village.pk),
        "file": SimpleUploadedFile("供需.xlsx", sheet_content(s.village.code, 73)),
    },
    "sheets:import_mapping": lambda s: {
        "version": s.sheet.version,
        **{f"column-{name}": column for name, column in s.sheet.mapping["columns"].items()},
    },
    "sheets:import_step": lambda s: {"version": s.checked_sheet.version},
}
