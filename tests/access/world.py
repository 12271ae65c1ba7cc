"""The seeded objects of the matrix: two counties alike, one of each thing on both sides.

``own`` is 成县, where every visitor belongs; ``neighbour`` is 文县. On each side two clerks do what needs two
people, so that no visitor ever meets an entry of his or her own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, override_settings

from tests import people, things
from tests.access import think_tank
from tests.access.cells import ADMIN, ANYONE, AUDITOR, CADRE, OFFICER, PARTNER, REVIEWER
from tests.access.urlconf import Address
from tests.databases import empty_tables
from tests.zones.far_side import other_zone
from yuchang.accounts.models import (
    Assignment,
    Consent,
    Deputy,
    Incumbency,
    Invitation,
    Post,
    RoleGrant,
    ScopeItem,
    SignIn,
    Team,
    TeamMember,
    User,
)
from yuchang.accounts.rules import Role
from yuchang.api import actions as machines
from yuchang.api.models import Delivery
from yuchang.core.models import Instance
from yuchang.core.secrets import blind_index
from yuchang.exchange import actions as exchange
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.models import Match, Paper, Publication
from yuchang.exchange.rules import EmergencyFacts
from yuchang.field import actions as field_window
from yuchang.field.models import Device
from yuchang.field.rules import Sent
from yuchang.files import actions as files
from yuchang.files.queries import Attachment, attach_token
from yuchang.files.tests import hostile
from yuchang.ledger.models import Transaction
from yuchang.market.actions.goods import Harvest, dispatch_rounds, fulfil_round, lot_set
from yuchang.market.actions.orders import place_order
from yuchang.market.actions.payments import Report, confirm_payment
from yuchang.market.actions.rounds import add_offer, close_round, commit_set, open_round, start_sales
from yuchang.market.tests.world import goods, terms
from yuchang.messages.actions import send
from yuchang.messages.models import Delivery as Sms
from yuchang.messages.models import Message
from yuchang.monitoring.models import Alert, Assessment
from yuchang.partners.models import Organisation
from yuchang.places.models import Place, keys_of
from yuchang.policy.actions import decide_household
from yuchang.policy.models import Run, RunResult
from yuchang.procedures import actions as procedures
from yuchang.procedures import queries
from yuchang.procedures.rules.adapting import StepChange
from yuchang.procedures.tests.world import paper
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.models import Likeness, Member, Notice, NoticeEntry, Objection, Resource
from yuchang.registry.tests.workbooks import families, workbook
from yuchang.sheets import actions as sheets
from yuchang.sheets import outputs
from yuchang.sheets.models import Report as FrozenReport
from yuchang.sheets.tests.workbooks import blank_workbook
from yuchang.snapshots.models import Snapshot
from yuchang.workbench.models import SavedView

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # 32 bytes, as a telephone makes them
# What a script of ours sends as JSON, not as a form.
BY_SCRIPT = {"field:device_open", "field:device_key", "field:take", "field:send"}
MARKUP = "<b id=planted>"  # in every text a person may choose: no page may take it for a part of itself
CATEGORIES = {1: "goods.walnut", 2: "goods.honey"}  # apart, so that no clearing joins the two sides


@dataclass
class World:
    """Both sides and the visitors, who all belong to the own side."""

    own: SimpleNamespace
    neighbour: SimpleNamespace
    visitors: dict[str, people.Person | None]
    browsers: dict[str, Client] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def client(self, visitor: str) -> Client:
        """The visitor's browser, signed in, whatever the last request did to its cookies."""
        if visitor not in self.browsers:
            person = self.visitors[visitor]
            self.browsers[visitor] = _seen(person.client()) if person else Client()
            self.cookies[visitor] = self.browsers[visitor].cookies.output(header="", sep=";")
        browser = self.browsers[visitor]
        browser.cookies = SimpleCookie(self.cookies[visitor])
        return browser

    def kwargs(self, address: Address, side: str) -> dict[str, Any]:
        """The numbers in the address, from the objects of one side."""
        if not address.parameters:
            return {}
        given = KWARGS.get(address.name)
        assert given, f"tests/access/world.py: KWARGS lacks {address.name} {address.parameters}"
        found = given(getattr(self, side))
        return found if isinstance(found, dict) else {address.parameters[0]: found}

    def body(self, address: Address, side: str, visitor: str) -> dict[str, Any]:
        """A valid form for one side, as this visitor would fill it in."""
        given = BODIES.get(address.name)
        who = {"visitor": visitor, "who": self.visitors[visitor]}
        return given(SimpleNamespace(**vars(getattr(self, side)), **who)) if given else {}


def post(client: Client, name: str, url: str, body: dict[str, Any]) -> Any:
    """What a page sends to this address: a form, or what one of our scripts sends."""
    if name in BY_SCRIPT:
        return client.post(url, json.dumps(body), content_type="application/json")
    return client.post(url, body)


def _seen(browser: Client) -> Client:
    """A session that was just renewed: what each cell writes is undone, so each would renew it anew."""
    session = browser.session
    session["seen_at"], session["is_checked"] = int(time.time()) + 3600, [role.value for role in Role]
    session.save()
    return browser


@contextmanager
def standing_world() -> Iterator[World]:
    """The world, committed: a transaction open for minutes would hold back whoever orders the audit log."""
    try:
        yield build_world()
    finally:
        empty_tables()


def build_world() -> World:
    """Two sides alike, and one visitor for each role on the own side."""
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": NOW})
    procedures.sync_definitions()
    own, neighbour = build_side(people.CHENG, 1), build_side(people.WEN, 2)
    visitors = {
        CADRE: people.li(own.village),
        REVIEWER: people.zhang(Place.objects.get(pk=own.village.township_id)),
        OFFICER: people.wang(own.county),
        PARTNER: people.zhao(own.organisation.pk),
        AUDITOR: people.auditor(),
        ADMIN: people.administrator(),
        ANYONE: None,
    }
    _inbox(own, visitors[CADRE])
    _inbox(neighbour, neighbour.clerk)
    _machines(own, visitors[OFFICER])
    _machines(neighbour, neighbour.clerk)
    _telephones(own, visitors[CADRE], {name: visitors[name] for name in (CADRE, REVIEWER, OFFICER)})
    _telephones(neighbour, neighbour.clerk, {})
    neighbour.phones = own.phones  # a telephone belongs to a person, wherever that person looks
    _proposal(own, visitors[OFFICER])
    _proposal(neighbour, neighbour.clerk)
    own.bundle, own.intake = neighbour.bundle, neighbour.intake = other_zone()
    world = World(own, neighbour, visitors)
    for visitor in visitors:
        world.client(visitor)  # signs in now, before any cell is tried and undone
    return world


def _telephones(side: SimpleNamespace, person: people.Person, others: dict[str, people.Person]) -> None:
    """A person's telephone with a visit that contradicts the register, and a telephone for each visitor."""
    ready = {name: _telephone(other) for name, other in others.items()}
    side.phone = ready.get(CADRE) or _telephone(person)
    side.phones = {name: row.uid for name, row in ready.items()}
    fields = (("visited_on", "2026-11-21"), ("finding", f"到过{MARKUP}"), ("outcome", "continue"))
    sent = Sent(uuid4().hex, "visit", side.alert.pk, 99, NOW, fields)
    side.field_report = field_window.receive(actor=person.actor, uid=side.phone.uid, sent=sent)


def _telephone(person: people.Person) -> Device:
    return field_window.open_device(actor=person.actor, name=f"手机{MARKUP}", key=KEY)


def _machines(side: SimpleNamespace, person: people.Person) -> None:
    """A token and a webhook of one person's, with a delivery that was given up."""
    actor = person.actor
    side.token, _secret = machines.issue_token(
        actor=actor, name=f"报表系统{MARKUP}", permissions=["registry.read"], expires_on=date(2026, 12, 31)
    )
    with override_settings(WEBHOOK_HOSTS=["hooks.example"]):
        side.webhook, _secret = machines.register_webhook(
            actor=actor, place_id=side.county.pk, url="https://hooks.example/in", events=["exchange.*"]
        )
    side.given_up = Delivery.objects.create(
        webhook=side.webhook,
        seq=side.number,
        action="exchange.post",
        object_kind="posting",
        object_id="1",
        happened_at=NOW,
        state="given_up",
    )


def build_side(county_code: str, number: int) -> SimpleNamespace:
    """One of each thing in one county."""
    side = SimpleNamespace(number=number, category=CATEGORIES[number])
    side.county = people.county(county_code)
    side.village = people.villages(county_code)[0]
    side.clerk = people.wang(side.county)
    side.second = people.wang(side.county)
    _organisations(side)
    side.partner = people.zhao(side.organisation.pk)
    _register(side)
    _likeness(side)
    _imports(side)
    _sheets(side)
    _procedures(side)
    _notices(side)
    _policy(side)
    _exchange(side)
    _market(side)
    _watch(side)
    _accounts(side)
    _files(side)
    think_tank.build(side)
    side.view = SavedView.objects.create(
        user=side.clerk.user, page="registry.households", name=f"待核实{MARKUP}"
    )
    return side


def _organisation(side: SimpleNamespace, name: str, kind: str, **more: Any) -> Organisation:
    values: dict[str, Any] = {"state": "vetted", "vetted_at": NOW} | more
    place = side.county
    return Organisation.objects.create(
        name=f"{name}{side.number}(测试){MARKUP}",
        kind=kind,
        place=place,
        host=place,
        **keys_of(place),
        **values,
    )


def _organisations(side: SimpleNamespace) -> None:
    side.organisation = _organisation(side, "采购公司", "enterprise")
    side.coop = _organisation(side, "合作社", "cooperative")
    side.carrier = _organisation(side, "物流", "logistics")
    side.proposed = _organisation(
        side, "新机构", "enterprise", state="proposed", vetted_at=None, proposed_by_id=side.clerk.user.pk
    )


def _household(side: SimpleNamespace, name: str, state: str, verified: bool = False) -> Any:
    row = things.household(
        side.village,
        name=f"{name}{MARKUP}",
        state=state,
        entered_by=side.clerk.user,
        verified_by=side.second.user if verified else None,
        verified_at=NOW if verified else None,
    )
    things.facts(row, per_head_yuan=5_000)
    return row


def _register(side: SimpleNamespace) -> None:
    side.entered = _household(side, "王待核", "entered")
    side.verified = _household(side, "李待示", "verified", True)
    side.listed = _household(side, "张在册", "listed", True)
    side.member = side.listed.members.get()
    side.resource = _resource(side, side.listed)


def _likeness(side: SimpleNamespace) -> None:
    """Two people of one village who may be one."""
    homes = [things.household(side.village, name=name, size=1) for name in ("王建国", "王国建")]
    first, second = (Member.objects.get(household=home) for home in homes)
    side.likeness = Likeness.objects.create(
        first=first,
        second=second,
        score=80,
        grade="likely",
        found_at=things.WRITTEN,
        place=side.village,
        **keys_of(side.village),
    )


def _resource(side: SimpleNamespace, home: Any) -> Resource:
    return Resource.objects.create(
        place=home.place,
        **keys_of(home.place),
        household=home,
        direction="offer",
        kind="produce",
        category=side.category,
        quantity=300,
        unit="公斤",
        season_from=date(2026, 12, 1),
        season_to=date(2027, 3, 1),
        declared_at=NOW,
    )


def _imports(side: SimpleNamespace) -> None:
    def upload(start: int) -> Any:
        rows = families(1, [side.village], start=start + 500 * side.number)
        for row in rows:
            row["county"] = side.county.name
        return sheets.start_import(
            actor=side.clerk.actor,
            kind=HOUSEHOLD_WORKBOOK,
            area_id=side.village.pk,
            file_name="台账.xlsx",
            content=workbook(rows),
            observed_on=date(2024, 6, 30),
        )

    side.uploaded = upload(1)
    side.checked = upload(2)
    sheets.confirm_mapping(actor=side.clerk.actor, batch_id=side.checked.pk, version=1)
    sheets.check_import(side.checked.pk)
    side.checked.refresh_from_db()
    side.written = upload(3)
    sheets.confirm_mapping(actor=side.clerk.actor, batch_id=side.written.pk, version=1)
    sheets.check_import(side.written.pk)
    side.written.refresh_from_db()
    sheets.confirm_import(actor=side.clerk.actor, batch_id=side.written.pk, version=side.written.version)
    sheets.write_import(side.written.pk)
    side.written.refresh_from_db()
    assert (side.checked.state, side.written.state) == ("checked", "done"), side.checked.message


def _sheets(side: SimpleNamespace) -> None:
    """A template, a plan with two frozen months, an export of the clerk's own, and a read-back."""
    clerk = side.clerk.actor
    side.template = outputs.save_template(
        actor=clerk,
        area_id=side.village.pk,
        name=f"花名册{MARKUP}",
        kind="workbook",
        source="registry.households",
        file_name="空白.xlsx",
        content=blank_workbook(),
    )
    side.plan = outputs.save_plan(
        actor=clerk,
        area_id=side.village.pk,
        name=f"月报{MARKUP}",
        kind="report",
        source="registry.households",
        narrow={},
        fields=["head_name", "size"],
        template_id=None,
        starts_on=date(2026, 1, 1),
    )
    for month in (9, 10):
        frozen = outputs.freeze_month(actor=clerk, plan_id=side.plan.pk, period=date(2026, month, 1))
        outputs.make_output(frozen.pk)
    side.earlier, side.report = FrozenReport.objects.filter(plan=side.plan).order_by("period")
    wish = outputs.Wish(kind="table", source="registry.households", area_id=side.village.pk)
    side.output = outputs.start_output(actor=clerk, wish=wish)
    rows = families(1, [side.village], start=3 + 500 * side.number)
    for row in rows:
        row["county"] = side.county.name
    rows[0]["hamlet"] = "下庄"
    side.readback = outputs.start_readback(
        actor=clerk,
        source="registry.official",
        area_id=side.village.pk,
        file_name="对方.xlsx",
        content=workbook(rows),
        observed_on=date(2024, 6, 30),
        is_whole=False,
    )
    outputs.compare_readback(side.readback.pk)
    side.readback.refresh_from_db()
    assert side.readback.state == "ready", side.readback.message


def _case(side: SimpleNamespace, by: people.Person, code: str) -> Any:
    given = {
        "subject_kind": "matrix",
        "subject_id": side.number,
        "place": side.village,
        "title": f"事项{MARKUP}",
    }
    return procedures.open_case(by.actor, code=code, **given)


def _procedures(side: SimpleNamespace) -> None:
    """Cases at different steps; the reviewer and the cadre are none of the visitors."""
    side.township = Place.objects.get(pk=side.village.township_id)
    side.reviewer, cadre = people.zhang(side.township), people.li(side.village)
    side.appeal = _case(side, side.clerk, "appeal")
    opened = _case(side, side.clerk, "complaint")
    side.complaint = procedures.advance(side.clerk.actor, case=opened, version=1, choice="accept")
    side.proposed_version = procedures.adapt_definition(
        side.second.actor,
        definition=opened.definition,
        place=side.county,
        changes={opened.step: StepChange(days=1)},
        valid_from=NOW.date(),
        document=f"成政发〔2026〕8号{MARKUP}",
        source="县里的办法",
    )
    side.watched = _case(side, cadre, "monitoring_entry")
    side.track = side.watched.tracks.get()
    noticed = procedures.open_case(
        cadre.actor,
        code="household_entry",
        subject_kind="matrix notice",
        subject_id=side.number,
        place=side.village,
        title=f"公示中{MARKUP}",
    )
    evidence = [paper(cadre, noticed)]
    procedures.advance(
        cadre.actor, case=noticed, version=1, choice="agree", opinion="同意", evidence=evidence
    )
    side.running = noticed.tracks.get()
    Instance.objects.update(clock_at=NOW - timedelta(days=20))
    entry = _case(side, cadre, "household_entry")
    evidence = [paper(cadre, entry)]
    procedures.advance(cadre.actor, case=entry, version=1, choice="agree", opinion="同意", evidence=evidence)
    Instance.objects.update(clock_at=NOW)
    side.checked_case = procedures.advance(cadre.actor, case=entry, version=2, choice="forward")
    side.drawn = procedures.draw_sample(
        side.clerk.actor, code="household_entry", step="township_check", place=side.township
    )
    side.given = procedures.give_sample(side.clerk.actor, sample_id=side.drawn.pk, user_id=cadre.user.pk)


def _proposal(side: SimpleNamespace, by: people.Person | None) -> None:
    """A version of a procedure that a visitor proposed."""
    assert by is not None
    side.own_proposal = procedures.adapt_definition(
        by.actor,
        definition=queries.definition_for("rectification", side.county, NOW.date()),
        place=side.county,
        changes={"measure": StepChange(days=2)},
        valid_from=NOW.date(),
        document=f"成政发〔2026〕7号{MARKUP}",
        source="县里的办法",
    )


def _notices(side: SimpleNamespace) -> None:
    def notice(opens_on: date, name: str) -> tuple[Notice, NoticeEntry]:
        home = _household(side, name, "noticed", True)
        row = Notice.objects.create(
            place=side.village,
            **keys_of(side.village),
            opens_on=opens_on,
            closes_on=opens_on + timedelta(days=6),
            published_by=side.second.user,
        )
        entry = NoticeEntry.objects.create(
            notice=row, household=home, masked_name=f"{name[0]}某某", size=3, cause_group="burden"
        )
        return row, entry

    side.notice, side.entry = notice(TODAY, "赵公示")
    side.notice_over, _entry = notice(TODAY - timedelta(days=20), "钱期满")
    side.objection = Objection.objects.create(
        entry=side.entry,
        place=side.village,
        **keys_of(side.village),
        origin="cadre",
        text=f"该户在县城有商品房。{MARKUP}",
        raised_at=NOW,
        raised_by=side.clerk.user,
        household_entered_by_id=side.clerk.user.pk,
    )


def _policy(side: SimpleNamespace) -> None:
    side.decision = decide_household(actor=side.clerk.actor, household_id=side.listed.pk, on=TODAY)
    frozen = Snapshot.objects.create(
        place=side.county,
        **keys_of(side.county),
        name="households",
        as_of=TODAY,
        created_at=NOW,
        content_hash=f"{side.number:064x}",
        folder=f"matrix-{side.number}",
        manifest={},
    )
    side.run = Run.objects.create(
        place=side.county,
        **keys_of(side.county),
        on=TODAY,
        plan=side.decision.plan,
        snapshot=frozen,
        households=1,
        counts={"verdict": {}, "class": {}},
        result_hash=f"{side.number:064x}",
        made_at=NOW,
    )
    RunResult.objects.create(
        run=side.run,
        household_id=side.listed.pk,
        **keys_of(side.village),
        met_mask=side.decision.met_mask,
        unknown_mask=side.decision.unknown_mask,
        verdict=side.decision.verdict,
        monitoring_class=side.decision.monitoring_class,
    )


def _facts(side: SimpleNamespace, direction: str, **changes: Any) -> exchange.PostingFacts:
    given: dict[str, Any] = {
        "direction": direction,
        "category": side.category,
        "quantity": 100,
        "limit_fen": 2000 if direction == "offer" else 2600,
        "window_from": date(2026, 12, 1),
        "window_to": date(2027, 6, 30),
    }
    return exchange.PostingFacts(**(given | changes))


def _match(side: SimpleNamespace, name: str) -> Match:
    """A published proposal between a new household and the side's organisation."""
    home = _household(side, name, "listed", True)
    much: dict[str, Any] = {"quantity": 200 + Match.objects.count()}  # nobody posts the same twice
    exchange.post(actor=side.clerk.actor, facts=_facts(side, "offer", household_id=home.pk, **much))
    whose = {"organisation_id": side.organisation.pk}
    exchange.post(actor=side.partner.actor, facts=_facts(side, "need", **whose, **much))
    run = exchange.run_clearing(actor=side.clerk.actor, on=TODAY, county=side.county)
    exchange.publish_clearing(actor=side.clerk.actor, clearing_id=run.pk, version=run.version)
    return Match.objects.get(clearing=run, offer__household=home)


def _agreement(side: SimpleNamespace, match: Match, proposer: people.Person, which: str) -> Any:
    match.refresh_from_db()
    return exchange.propose_agreement(
        actor=proposer.actor,
        match_id=match.pk,
        version=match.version,
        side=which,
        price_fen=match.price_fen,
        quantity=match.quantity,
        delivery_from=match.window_from,
        delivery_to=match.window_to,
    )


def _deal(side: SimpleNamespace, name: str, quantity: int) -> Any:
    """An agreement that holds, of a proposal made without a clearing."""
    home = _household(side, name, "listed", True)
    much: dict[str, Any] = {"quantity": quantity}
    offer = exchange.post(actor=side.clerk.actor, facts=_facts(side, "offer", household_id=home.pk, **much))
    whose = {"organisation_id": side.organisation.pk}
    need = exchange.post(actor=side.partner.actor, facts=_facts(side, "need", **whose, **much))
    figures = {"offer_partners": 1, "need_partners": 1, "offer_gain_fen": 300, "need_gain_fen": 300}
    match = Match.objects.create(
        offer=offer,
        need=need,
        category_id=side.category,
        quantity=quantity,
        price_fen=2300,
        offer_gain_fen=300,
        need_gain_fen=300,
        window_from=date(2026, 12, 1),
        window_to=date(2027, 6, 30),
        reason=figures,
    )
    row = _agreement(side, match, side.partner, "need")
    return exchange.sign_agreement(actor=side.clerk.actor, agreement_id=row.pk, version=row.version)


def _deals(side: SimpleNamespace) -> None:
    """What follows an agreement: on each side a step that waits for the visitors' side."""
    clerk, partner = side.clerk.actor, side.partner.actor
    side.deal, side.closing = _deal(side, "许履约", 110), _deal(side, "施了结", 120)
    deal = {"agreement_id": side.deal.pk}
    second = people.zhao(side.organisation.pk)
    side.free_person = people.zhao(side.organisation.pk)
    side.deal_member = exchange.add_member(actor=clerk, **deal, user_id=second.user.pk, duty="lead")
    side.deal_task = exchange.add_task(
        actor=clerk, **deal, kind="sample", what=f"寄样品{MARKUP}", due_on=date(2026, 12, 20)
    )
    day = {"due_on": date(2026, 12, 20), "side": "need"}
    side.deal_milestone = exchange.propose_milestone(
        actor=partner, **deal, **day, what=f"首批{MARKUP}", quantity=20
    )
    side.payment = exchange.propose_milestone(
        actor=partner, **deal, **day, what=f"定金{MARKUP}", share_bp=3000
    )
    exchange.answer_milestone(actor=clerk, milestone_id=side.payment.pk, version=1, side="offer", agrees=True)
    first = exchange.record_delivery(actor=clerk, **deal, quantity=10, delivered_on=TODAY)
    exchange.judge_delivery(actor=partner, delivery_id=first.pk, version=1, accepted=10)
    side.delivery = exchange.record_delivery(actor=clerk, **deal, quantity=5, delivered_on=TODAY)
    side.dispute = exchange.open_dispute(actor=partner, **deal, side="need", statement=f"未按时送货{MARKUP}")
    decided = exchange.open_dispute(actor=partner, **deal, side="need", statement=f"包装破损{MARKUP}")
    side.answered_dispute = exchange.answer_dispute(
        actor=clerk, dispute_id=decided.pk, version=1, side="offer", answer="已补发"
    )
    side.review = exchange.review(actor=partner, **deal, side="need", stars=4, text=f"核桃好{MARKUP}")
    exchange.say(
        actor=clerk, match_id=side.deal.match_id, side="offer", text=f"照片{MARKUP}", uploads=[_photo()]
    )
    side.deal_paper = Paper.objects.get(match=side.deal.match_id)
    asked = exchange.ask_closing(
        actor=partner, agreement_id=side.closing.pk, version=side.closing.version, side="need", reason="歉收"
    )
    side.closing = asked


def _photo() -> SimpleUploadedFile:
    return SimpleUploadedFile("核桃.jpg", hostile.jpeg((40, 30)))


def _exchange(side: SimpleNamespace) -> None:
    side.asked_county = _agreement(side, _match(side, "周待签"), side.partner, "need")
    side.asked_partner = _agreement(side, _match(side, "吴已提"), side.clerk, "offer")
    side.signed = _agreement(side, _match(side, "郑已签"), side.partner, "need")
    side.signed = exchange.sign_agreement(
        actor=side.clerk.actor, agreement_id=side.signed.pk, version=side.signed.version
    )
    _deals(side)
    # The newest proposal: an older one is superseded when a later run is published.
    side.match = _match(side, "孙待谈")
    side.published = side.match.clearing
    home = _household(side, "冯待撮", "listed", True)
    side.posting = exchange.post(actor=side.clerk.actor, facts=_facts(side, "offer", household_id=home.pk))
    side.draft = exchange.post(
        actor=side.clerk.actor, facts=_facts(side, "offer", household_id=side.listed.pk, is_draft=True)
    )
    side.need = exchange.post(
        actor=side.partner.actor, facts=_facts(side, "need", organisation_id=side.organisation.pk)
    )
    side.clearing = exchange.run_clearing(actor=side.clerk.actor, on=TODAY, county=side.county)
    side.saved_search = exchange.save_search(
        actor=side.partner.actor, name="核桃", criteria=exchange.Criteria(text="核桃")
    )
    side.replay = exchange.ask_replay(actor=side.clerk.actor, clearing_id=side.clearing.pk)
    side.publication = Publication.objects.filter(clearing__county=side.county)[0]
    _what_ifs(side)


def _what_ifs(side: SimpleNamespace) -> None:
    """A scenario that waits, one that was stopped, and goods that do not sell."""
    wang = side.clerk.actor
    asked = Parameters(household_fen=10_000)
    side.scenario, side.stopped = (
        exchange.add_scenario(actor=wang, draft_id=side.clearing.pk, name=name, asked=asked)
        for name in ("保底一百", f"停下的{MARKUP}")
    )
    side.stopped = exchange.stop_scenario(actor=wang, scenario_id=side.stopped.pk, version=1)
    facts = EmergencyFacts(
        quantity=100, until=TODAY + timedelta(days=30), reason=f"滞销{MARKUP}", category=side.category
    )
    side.emergency = exchange.declare_emergency(actor=wang, county=side.county, facts=facts)


def _round(side: SimpleNamespace, reach: str) -> SimpleNamespace:
    """A round that came as far as ``reach``: draft, sale, closed, fulfilled, delivered."""
    steps = ("draft", "sale", "closed", "fulfilled", "dispatched", "delivered")
    far = steps.index(reach)
    wang = side.clerk.actor
    grower = _household(side, f"种{reach}", "listed", True)
    moment = {"sales_from": NOW - timedelta(days=1), "sales_to": NOW + timedelta(days=7)}
    row = open_round(actor=wang, place=side.county, terms=terms(deliver_on=date(2026, 12, 20), **moment))
    offer = add_offer(actor=wang, round_id=row.pk, version=row.version, goods=goods(side.coop, side.carrier))
    commit_set(actor=wang, offer_id=offer.pk, quantities={grower.pk: 100})
    found = SimpleNamespace(round=row, offer=offer, grower=grower)

    def version() -> int:
        row.refresh_from_db()
        return int(row.version)

    if far >= 1:
        start_sales(actor=wang, round_id=row.pk, version=version())
        found.held = _order(side, offer)
        found.order = _order(side, offer)
        confirm_payment(report=Report(found.order.pk, found.order.total_fen, f"ref-{found.order.pk}"))
    if far >= 2:
        close_round(actor=wang, round_id=row.pk, version=version())
        lot_set(actor=wang, offer_id=offer.pk, harvests=[Harvest(grower.pk, 100, 0)])
    if far >= 3:
        fulfil_round(actor=wang, round_id=row.pk, version=version())
    if far >= 4:
        dispatch_rounds(actor=wang, round_ids=[row.pk])
    row.refresh_from_db()
    offer.refresh_from_db()
    found.order and found.order.refresh_from_db() if far else None
    return found


def _order(side: SimpleNamespace, offer: Any) -> Any:
    return place_order(
        actor=side.partner.actor,
        organisation_id=side.organisation.pk,
        quantities={offer.pk: 10},
        idempotency_key=uuid4().hex,
    )


def _market(side: SimpleNamespace) -> None:
    side.drafted = _round(side, "draft")
    side.sale = _round(side, "sale")
    side.closed = _round(side, "closed")
    side.fulfilled = _round(side, "fulfilled")
    side.dispatched = _round(side, "dispatched")
    side.transaction = Transaction.objects.filter(county_id=side.county.pk).latest("id")


def _watch(side: SimpleNamespace) -> None:
    assessment = Assessment.objects.create(
        on=TODAY,
        line_fen=800_000,
        line_source="测试",
        households=1,
        opened=1,
        created_at=NOW,
        place=side.county,
        **keys_of(side.county),
    )
    side.alert = Alert.objects.create(
        household=side.listed,
        assessment=assessment,
        kind="below_line",
        opened_on=TODAY,
        due_on=TODAY + timedelta(days=15),
        opened_by_id=side.clerk.user.pk,
        place=side.village,
        **keys_of(side.village),
    )


def _files(side: SimpleNamespace) -> None:
    side.file = files.take_in(
        side.clerk.actor,
        upload=SimpleUploadedFile("照片.jpg", hostile.jpeg((40, 30))),
        purpose="household_document",
        place=side.village,
        about_kind="household",
        about_id=side.listed.pk,
    )


def _attach_token(side: SimpleNamespace, person: people.Person | None) -> str:
    wanted = Attachment("household_document", "household", side.listed.pk, side.village.pk)
    return attach_token(person.actor, wanted) if person else ""


def _inbox(side: SimpleNamespace, person: people.Person | None) -> None:
    """A message to this person, and its SMS that no gateway took."""
    send(side.clerk.actor, to_user_ids=[person.user.pk if person else 0], kind="task", title=f"待办{MARKUP}")
    side.message = Message.objects.latest("id")
    side.sms = Sms.objects.create(
        message=side.message,
        recipient=side.message.recipient,
        channel="sms",
        template="task",
        state="given_up",
        next_at=NOW,
        created_at=NOW,
        finished_at=NOW,
    )


def _wishes(side: SimpleNamespace) -> dict[str, Any]:
    return {"version": 0, "digest": "daily", "digest_hour": 8, "quiet_from": 21, "quiet_to": 8}


def _accounts(side: SimpleNamespace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
            " VALUES ('default', 'core.retry_stalled', '{}', 'failed') RETURNING id"
        )
        side.failed_task = cursor.fetchone()[0]
    side.account: User = people.person("测试员", Role.VILLAGE_CADRE, place=side.village).user
    side.grant = side.account.role_grants.get()
    side.substitute = people.person("替补员", Role.VILLAGE_CADRE, place=side.village).user
    duty = {"role": "village_cadre", "place": side.village, **keys_of(side.village)}
    side.post = Post.objects.create(title="村委会主任", **duty)
    side.vacant = Post.objects.create(title="村文书", **duty)
    held = {"valid_from": people.FROM, "user": side.account}
    side.seat = Incumbency.objects.create(post=side.post, **held)
    side.deputy = Deputy.objects.create(
        incumbency=side.seat,
        user=side.substitute,
        reason="leave",
        valid_from=people.FROM,
        valid_to=date(2030, 1, 1),
    )
    side.team = Team.objects.create(
        kind="work_team",
        name="驻村工作队",
        formed_on=people.FROM,
        place=side.village,
        **keys_of(side.village),
    )
    side.closed_account = people.person("离岗员", Role.VILLAGE_CADRE, place=side.village).user
    User.objects.filter(pk=side.closed_account.pk).update(is_active=False)
    side.assignment = Assignment.objects.create(
        title=f"结对帮扶{MARKUP}",
        role="helper",
        user=side.substitute,
        valid_from=people.FROM,
        place=side.village,
        **keys_of(side.village),
    )
    ScopeItem.objects.create(
        scope_kind="assignment",
        scope_id=side.assignment.pk,
        object_kind="household",
        object_id=side.verified.pk,
        is_exclusive=True,
        valid_from=people.FROM,
    )
    side.team_member = TeamMember.objects.create(team=side.team, position="member", **held)
    side.invitation_code = f"invitation-{side.number}"
    side.invitation = Invitation.objects.create(
        code_hash=blind_index("invitation", side.invitation_code),
        display_name="受邀人",
        role="village_cadre",
        place=side.village,
        expires_at=NOW + timedelta(days=5),
    )
    side.proposed_grant = RoleGrant.objects.create(
        user=side.substitute,
        role="township_reviewer",
        scope_kind="place",
        place=side.village.parent,
        valid_from=people.FROM,
        state="proposed",
        proposed_by=side.clerk.user,
    )
    side.consent = Consent.objects.create(
        household_id=side.listed.pk,
        purpose="credit",
        organisation_id=side.organisation.pk,
        fields=["orders"],
        channel="paper",
        granted_at=NOW,
        place=side.village,
        **keys_of(side.village),
    )
    side.session = SignIn.objects.create(
        user=side.account, session_key=f"matrix-{side.number}", began_at=NOW, seen_at=NOW
    )


Given = Callable[[SimpleNamespace], Any]
KWARGS: dict[str, Given] = {
    **think_tank.KWARGS,
    "accounts:consent_withdraw": lambda s: s.consent.pk,
    "accounts:deputy_end": lambda s: s.deputy.pk,
    "accounts:deputy_new": lambda s: s.seat.pk,
    "accounts:hand_over": lambda s: s.seat.pk,
    "accounts:invitation_cancel": lambda s: s.invitation.pk,
    "accounts:join": lambda s: s.invitation_code,
    "accounts:passkey_remove": lambda s: 0,
    "accounts:member_end": lambda s: s.team_member.pk,
    "accounts:person_factors": lambda s: s.account.pk,
    "accounts:post": lambda s: s.post.pk,
    "accounts:post_close": lambda s: s.vacant.pk,
    "accounts:seat_end": lambda s: s.seat.pk,
    "accounts:session_end": lambda s: s.session.pk,
    "accounts:team": lambda s: s.team.pk,
    "accounts:team_dissolve": lambda s: s.team.pk,
    "accounts:vet": lambda s: {"kind": "grant", "pk": s.proposed_grant.pk},
    "files:download": lambda s: s.file.pk,
    "files:file": lambda s: s.file.pk,
    "files:hold": lambda s: s.file.pk,
    "files:remove": lambda s: s.file.pk,
    "files:thumbnail": lambda s: s.file.pk,
    "messages:archive": lambda s: s.message.pk,
    "messages:delivery_retry": lambda s: s.sms.pk,
    "messages:mark_read": lambda s: s.message.pk,
    "messages:message": lambda s: s.message.pk,
    **dict.fromkeys(("v1:household", "v1:observe", "v1:decisions"), lambda s: s.listed.pk),
    "v1:statement": lambda s: s.listed.pk,
    **dict.fromkeys(("v1:posting", "v1:withdraw"), lambda s: s.posting.pk),
    **dict.fromkeys(("v1:match", "v1:answer"), lambda s: s.match.pk),
    "v1:clearing": lambda s: s.published.pk,
    "v1:order": lambda s: s.sale.held.pk,
    "v1:organisation": lambda s: s.organisation.pk,
    "v1:place": lambda s: s.county.code,
    "api:revoke": lambda s: s.token.pk,
    **dict.fromkeys(("api:webhook", "api:webhook_again", "api:webhook_state"), lambda s: s.webhook.pk),
    **dict.fromkeys(
        (
            *("exchange:paper_add", "exchange:member_add", "exchange:task_add", "exchange:milestone_add"),
            *("exchange:delivery_add", "exchange:dispute_add", "exchange:review_add"),
        ),
        lambda s: s.deal.pk,
    ),
    "exchange:contract": lambda s: {"agreement_id": s.deal.pk, "form": "docx"},
    "exchange:paper": lambda s: s.deal_paper.pk,
    "exchange:member_end": lambda s: s.deal_member.pk,
    **dict.fromkeys(("exchange:task_done", "exchange:task_drop"), lambda s: s.deal_task.pk),
    "exchange:milestone_answer": lambda s: s.deal_milestone.pk,
    "exchange:milestone_met": lambda s: s.payment.pk,
    **dict.fromkeys(("exchange:delivery_judge", "exchange:delivery_withdraw"), lambda s: s.delivery.pk),
    "exchange:closing_ask": lambda s: s.signed.pk,
    "exchange:closing_answer": lambda s: s.closing.pk,
    **dict.fromkeys(
        ("exchange:dispute", "exchange:dispute_answer", "exchange:dispute_withdraw"), lambda s: s.dispute.pk
    ),
    "exchange:dispute_decide": lambda s: s.answered_dispute.pk,
    "exchange:review_answer": lambda s: s.review.pk,
    "exchange:budget": lambda s: s.organisation.pk,
    "exchange:standing": lambda s: s.organisation.pk,
    "exchange:match_why": lambda s: s.match.pk,
    "exchange:agreement": lambda s: s.asked_county.pk,
    "exchange:agreement_refuse": lambda s: s.asked_county.pk,
    "exchange:agreement_sign": lambda s: s.asked_county.pk,
    "exchange:clearing": lambda s: s.published.pk,
    "exchange:clearing_check": lambda s: s.published.pk,
    "exchange:clearing_discard": lambda s: s.clearing.pk,
    "exchange:clearing_publish": lambda s: s.clearing.pk,
    "exchange:compare": lambda s: s.clearing.pk,
    "exchange:emergency": lambda s: s.emergency.pk,
    "exchange:emergency_end": lambda s: s.emergency.pk,
    "exchange:leftover_list": lambda s: s.published.pk,
    "exchange:match": lambda s: s.match.pk,
    "exchange:match_agree": lambda s: s.match.pk,
    "exchange:match_answer": lambda s: s.match.pk,
    "exchange:match_counter": lambda s: s.match.pk,
    "exchange:match_say": lambda s: s.match.pk,
    "exchange:partner_count": lambda s: s.category,
    "exchange:post_resource": lambda s: s.resource.pk,
    "exchange:posting": lambda s: s.posting.pk,
    "exchange:posting_edit": lambda s: s.posting.pk,
    "exchange:posting_new": lambda s: s.category,
    "exchange:posting_open": lambda s: s.draft.pk,
    "exchange:posting_withdraw": lambda s: s.posting.pk,
    "exchange:replay_progress": lambda s: s.replay.pk,
    "exchange:publication_progress": lambda s: s.publication.pk,
    "exchange:scenario_add": lambda s: s.clearing.pk,
    "exchange:scenario_progress": lambda s: s.scenario.pk,
    "exchange:scenario_resume": lambda s: s.stopped.pk,
    "exchange:scenario_stop": lambda s: s.scenario.pk,
    "exchange:village_network": lambda s: s.village.pk,
    "exchange:search_drop": lambda s: s.saved_search.pk,
    "field:device_close": lambda s: s.phone.pk,
    "field:report": lambda s: s.field_report.pk,
    "field:report_drop": lambda s: s.field_report.pk,
    "field:report_settle": lambda s: s.field_report.pk,
    "ledger:household_book": lambda s: s.listed.pk,
    "ledger:transaction": lambda s: s.transaction.pk,
    "ledger:transaction_reverse": lambda s: s.transaction.pk,
    "market:agreement_order": lambda s: s.signed.pk,
    "market:buy": lambda s: s.sale.offer.pk,
    "market:offer": lambda s: s.sale.offer.pk,
    "market:offer_commit": lambda s: s.drafted.offer.pk,
    "market:offer_growers": lambda s: s.drafted.offer.pk,
    "market:offer_lot": lambda s: s.closed.offer.pk,
    "market:offer_new": lambda s: s.drafted.round.pk,
    "market:order": lambda s: s.sale.order.pk,
    "market:order_cancel": lambda s: s.sale.held.pk,
    "market:order_pay": lambda s: s.sale.held.pk,
    "market:order_receive": lambda s: s.dispatched.order.pk,
    "market:order_transfer": lambda s: s.sale.held.pk,
    "market:round": lambda s: s.sale.round.pk,
    "market:round_delivery": lambda s: {"round_id": s.closed.round.pk, "step": "fulfil"},
    "market:round_sales": lambda s: {"round_id": s.sale.round.pk, "step": "close"},
    "market:round_settlement": lambda s: s.dispatched.round.pk,
    "monitoring:alert": lambda s: s.alert.pk,
    "monitoring:visit": lambda s: s.alert.pk,
    "partners:edit_contact": lambda s: s.organisation.pk,
    "partners:organisation_page": lambda s: s.organisation.pk,
    "partners:reveal_phone": lambda s: s.organisation.pk,
    "partners:suspend": lambda s: s.organisation.pk,
    "partners:vet": lambda s: s.proposed.pk,
    "places:outline": lambda s: s.county.code[:2] + "0000",
    "places:place": lambda s: s.county.pk,
    "policy:decision": lambda s: s.decision.pk,
    "policy:household": lambda s: s.listed.pk,
    "policy:result": lambda s: {"pk": s.run.pk, "household_id": s.listed.pk},
    "policy:results": lambda s: s.run.pk,
    "policy:run": lambda s: s.run.pk,
    "publication:publish_figures": lambda s: s.county.pk,
    "publication:publish_notices": lambda s: s.county.pk,
    "publication:bundle_file": lambda s: s.bundle,
    "publication:publish_deals": lambda s: s.county.pk,
    "publication:publish_open_data": lambda s: s.county.pk,
    "publication:publish_rounds": lambda s: s.county.pk,
    **dict.fromkeys(
        (
            "procedures:case",
            "procedures:case_advance",
            "procedures:case_transfer",
            "procedures:case_withdraw",
        ),
        lambda s: s.appeal.pk,
    ),
    "procedures:case_return": lambda s: s.complaint.pk,
    "procedures:definition": lambda s: s.appeal.definition_id,
    "procedures:definition_adapt": lambda s: s.appeal.definition_id,
    "procedures:definition_vet": lambda s: s.proposed_version.pk,
    "procedures:definition_withdraw": lambda s: s.own_proposal.pk,
    "procedures:sample": lambda s: s.drawn.pk,
    "procedures:sample_give": lambda s: s.drawn.pk,
    "procedures:sample_take_back": lambda s: s.given.pk,
    "procedures:sample_check": lambda s: s.drawn.rows.get(is_drawn=True).pk,
    "procedures:track_complete": lambda s: s.track.pk,
    "procedures:track_object": lambda s: s.running.pk,
    "registry:household": lambda s: s.entered.pk,
    "registry:household_correct": lambda s: s.entered.pk,
    "registry:household_exit": lambda s: s.listed.pk,
    "registry:household_facts": lambda s: s.entered.pk,
    "registry:household_remove": lambda s: s.entered.pk,
    "registry:household_resource": lambda s: s.entered.pk,
    "registry:household_verify": lambda s: s.entered.pk,
    "registry:import": lambda s: s.uploaded.pk,
    "registry:import_annotated": lambda s: s.checked.pk,
    "registry:import_refused": lambda s: s.checked.pk,
    "registry:import_cancel": lambda s: s.uploaded.pk,
    "registry:import_confirm": lambda s: s.checked.pk,
    "registry:import_mapping": lambda s: s.uploaded.pk,
    "registry:import_progress": lambda s: s.uploaded.pk,
    "registry:import_undo": lambda s: s.written.pk,
    "registry:notice": lambda s: s.notice.pk,
    "registry:notice_close": lambda s: s.notice_over.pk,
    "registry:likeness": lambda s: s.likeness.pk,
    "registry:likeness_decide": lambda s: s.likeness.pk,
    "registry:objection": lambda s: s.objection.pk,
    "registry:objection_decide": lambda s: s.objection.pk,
    "registry:objection_new": lambda s: s.entry.pk,
    "registry:resource_withdraw": lambda s: s.resource.pk,
    "sheets:output": lambda s: s.report.output_id,
    "sheets:output_cancel": lambda s: s.output.pk,
    "sheets:output_file": lambda s: s.report.output_id,
    "sheets:output_progress": lambda s: s.report.output_id,
    "sheets:plan": lambda s: s.plan.pk,
    "sheets:plan_edit": lambda s: s.plan.pk,
    "sheets:plan_freeze": lambda s: s.plan.pk,
    "sheets:plan_stop": lambda s: s.plan.pk,
    "sheets:readback": lambda s: s.readback.pk,
    "sheets:readback_clear": lambda s: s.readback.pk,
    "sheets:readback_close": lambda s: s.readback.pk,
    "sheets:readback_decide": lambda s: s.readback.pk,
    "sheets:report": lambda s: s.report.pk,
    "sheets:report_compare": lambda s: {"pk": s.report.pk, "other": s.earlier.pk},
    "sheets:report_correct": lambda s: s.report.pk,
    "sheets:report_verify": lambda s: s.report.pk,
    "sheets:template": lambda s: s.template.pk,
    "sheets:template_edition": lambda s: s.template.pk,
    "sheets:template_fill": lambda s: s.template.pk,
    "sheets:template_retire": lambda s: s.template.pk,
    "workbench:deactivate": lambda s: s.account.pk,
    "workbench:end_grant": lambda s: s.grant.pk,
    "workbench:figure": lambda s: "households",
    "workbench:forget_view": lambda s: s.view.pk,
    "workbench:own_withdraw": lambda s: 1,
    "workbench:consents": lambda s: s.listed.pk,
    "workbench:helper": lambda s: s.listed.pk,
    "workbench:helper_end": lambda s: s.verified.pk,
    "workbench:household": lambda s: s.listed.pk,
    "workbench:person": lambda s: s.account.pk,
    "workbench:task_retry": lambda s: s.failed_task,
    "workbench:place_loop": lambda s: s.village.pk,
    "workbench:why": lambda s: s.listed.pk,
    "workbench:reactivate": lambda s: s.closed_account.pk,
    "workbench:reset_password": lambda s: s.account.pk,
    "workbench:reveal": lambda s: {"pk": s.listed.pk, "member": s.member.pk, "field": "id_number"},
}


def _member_form(**changes: Any) -> dict[str, str]:
    values = {"number": "", "name": "王新户", "relation": "head", "id_number": "", "phone": ""} | changes
    form = {f"m-0-{k}": v for k, v in values.items()}
    return form | {"m-TOTAL_FORMS": "1", "m-INITIAL_FORMS": "0"}


def _household_form(**changes: Any) -> dict[str, Any]:
    values = {
        "observed_on": "2026-11-20",
        "attribute": "ordinary",
        "main_cause": "skill",
        "exit_attribute": "not_exited",
    }
    return {**values, **changes}


def _area(side: SimpleNamespace) -> int:
    """The area that a visitor may choose on this side."""
    places = {OFFICER: side.county.pk, REVIEWER: side.village.township_id}
    return int(places.get(side.visitor, side.village.pk))


def _plan(side: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    values = {"name": "台账", "kind": "ledger", "starts_on": "2026-01-01", "fields_": ["head_name"]}
    return {"area": _area(side), **values, **changes}


def _upload(side: SimpleNamespace) -> dict[str, Any]:
    rows = families(1, [side.village], start=9 + 500 * side.number)
    for row in rows:
        row["county"] = side.county.name
    file = SimpleUploadedFile("台账.xlsx", workbook(rows), content_type="application/octet-stream")
    area = side.county if side.visitor == OFFICER else side.village
    return {"area": area.pk, "observed_on": "2024-06-30", "file": file}


def _uid(side: SimpleNamespace) -> str:
    """The visitor's own telephone; that of nobody for who has none."""
    return str(side.phones.get(side.visitor, uuid4()))


_HOLIDAYS = "day,kind,name,document\n2027-01-01,off,元旦,测试文号1号\n"
BODIES: dict[str, Given] = {
    **think_tank.BODIES,
    "files:hold": lambda s: {"version": s.file.version, "reason": "申诉中"},
    "files:remove": lambda s: {"version": s.file.version, "reason": "重复"},
    "files:upload": lambda s: {
        "token": _attach_token(s, s.who),
        "file": SimpleUploadedFile("照片.jpg", hostile.jpeg((40, 30))),
    },
    "messages:contact": lambda s: {"channel": "sms", "value": "13900001234"},
    "messages:preferences": _wishes,
    "messages:read_all": lambda s: {"up_to": s.message.pk},
    "api:issue": lambda s: {
        "name": "对接",
        "permissions": ["exchange.read"],
        "expires_on": "2027-01-31",
    },
    "api:revoke": lambda s: {"version": s.token.version},
    "api:webhook_again": lambda s: {"delivery": s.given_up.pk},
    "api:webhook_new": lambda s: {
        "place_id": s.county.pk,
        "url": "https://hooks.example/new",
        "events": "exchange.*",
    },
    "api:webhook_state": lambda s: {"version": s.webhook.version, "state": "paused"},
    "sheets:output_cancel": lambda s: {"version": s.output.version},
    "sheets:output_new": lambda s: {"area": _area(s), "format": "csv", "fields_": ["head_name"]},
    "sheets:plan_edit": lambda s: _plan(s, area=s.village.pk, version=s.plan.version),
    "sheets:plan_freeze": lambda s: {"month": "2026-08"},
    "sheets:plan_new": _plan,
    "sheets:plan_stop": lambda s: {"version": s.plan.version},
    "sheets:readback_close": lambda s: {"version": s.readback.version},
    "sheets:readback_decide": lambda s: {"version": s.readback.version, "number": [1], "decision": "ours"},
    "sheets:readback_new": lambda s: {**_upload(s), "area": _area(s)},
    "sheets:report_correct": lambda s: {"reason": "补录"},
    "sheets:sending_new": lambda s: {"area": _area(s)},
    "sheets:template_edition": lambda s: {"version": s.template.version, "column-1": "head_name"},
    "sheets:template_fill": lambda s: {"area": _area(s)},
    "sheets:template_new": lambda s: {
        "area": _area(s),
        "name": "新模板",
        "kind": "workbook",
        "source": "registry.households",
        "file": SimpleUploadedFile("空白.xlsx", blank_workbook()),
    },
    "sheets:template_retire": lambda s: {"version": s.template.version},
    "core:set_language": lambda s: {"language": "en", "next": "/"},
    "accounts:sign_in": lambda s: {"username": "nobody", "password": "nothing"},
    "accounts:password": lambda s: {},
    "accounts:prove": lambda s: {},
    "accounts:act_as": lambda s: {"hat": ""},
    "accounts:consent_withdraw": lambda s: {"version": s.consent.version},
    "accounts:department_list": lambda s: {"name": "乡村振兴局", "place": s.county.code},
    "accounts:deputy_end": lambda s: {"version": s.deputy.version},
    "accounts:deputy_new": lambda s: {
        "username": s.substitute.username,
        "valid_from": "2031-01-01",
        "valid_to": "2031-02-01",
        "reason": "leave",
    },
    "accounts:hand_over": lambda s: {"version": s.seat.version, "username": s.substitute.username},
    "accounts:invitation_cancel": lambda s: {"version": s.invitation.version},
    "accounts:invitation_list": lambda s: {
        "display_name": "新人",
        "role": "village_cadre",
        "place": s.village.code,
    },
    "accounts:join": lambda s: {
        "username": f"j{uuid4().hex[:8]}",
        "new": "Strong-pass-1",
        "again": "Strong-pass-1",
    },
    "accounts:member_end": lambda s: {"version": s.team_member.version},
    "accounts:person_factors": lambda s: {"version": s.account.version},
    "accounts:post": lambda s: {"username": s.substitute.username},
    "accounts:post_close": lambda s: {"version": s.vacant.version},
    "accounts:post_list": lambda s: {"title": "副主任", "role": "village_cadre", "place": s.village.code},
    "accounts:seat_end": lambda s: {"version": s.seat.version},
    "accounts:team": lambda s: {"username": s.substitute.username, "position": "member"},
    "accounts:team_dissolve": lambda s: {"version": s.team.version},
    "accounts:team_list": lambda s: {"name": "第二工作队", "kind": "work_team", "place": s.village.code},
    "accounts:totp": lambda s: {"begin": "1"},
    "accounts:vet": lambda s: {"version": s.proposed_grant.version, "answer": "approve"},
    "exchange:paper_add": lambda s: {"side": "offer", "kind": "scan", "papers": _photo()},
    "exchange:member_add": lambda s: {"user_id": s.free_person.user.pk, "duty": "quality"},
    "exchange:member_end": lambda s: {"version": s.deal_member.version},
    "exchange:task_add": lambda s: {"kind": "visit", "what": "看货", "due_on": "2026-12-20", "member_id": ""},
    "exchange:task_done": lambda s: {"version": s.deal_task.version, "side": "offer", "result": "已寄出"},
    "exchange:task_drop": lambda s: {"version": s.deal_task.version, "reason": "不用了"},
    "exchange:milestone_add": lambda s: {
        "side": "offer",
        "what": "尾批",
        "due_on": "2026-12-30",
        "quantity": 30,
    },
    "exchange:milestone_answer": lambda s: {
        "version": s.deal_milestone.version,
        "side": "offer",
        "agrees": "yes",
    },
    "exchange:milestone_met": lambda s: {"version": s.payment.version + 1},
    "exchange:delivery_add": lambda s: {"quantity": 3, "delivered_on": TODAY.isoformat()},
    "exchange:delivery_judge": lambda s: {"version": s.delivery.version, "accepted": 4, "reason": "少一件"},
    "exchange:delivery_withdraw": lambda s: {"version": s.delivery.version},
    "exchange:closing_ask": lambda s: {
        "version": s.signed.version,
        "side": "offer",
        "reason": f"歉收{MARKUP}",
    },
    "exchange:closing_answer": lambda s: {"version": s.closing.version, "side": "offer", "agrees": "yes"},
    "exchange:dispute_add": lambda s: {"side": "offer", "statement": "没有付款"},
    "exchange:dispute_answer": lambda s: {"version": s.dispute.version, "side": "offer", "answer": "已送到"},
    "exchange:dispute_withdraw": lambda s: {"version": s.dispute.version, "reason": "误会"},
    "exchange:dispute_decide": lambda s: {
        "version": s.answered_dispute.version,
        "outcome": "settled",
        "decision": "双方和解",
    },
    "exchange:review_add": lambda s: {"side": "offer", "stars": 5, "text": "付款及时"},
    "exchange:review_answer": lambda s: {"version": s.review.version, "text": "谢谢"},
    "exchange:agreement_refuse": lambda s: {"version": s.asked_county.version, "reason": "价格变了"},
    "exchange:agreement_sign": lambda s: {"version": s.asked_county.version},
    "exchange:clearing_discard": lambda s: {"version": s.clearing.version, "reason": "重跑"},
    "exchange:clearing_publish": lambda s: {"version": s.clearing.version},
    "exchange:clearing_run": lambda s: {"county": s.county.pk},
    "exchange:emergency_end": lambda s: {"version": s.emergency.version, "reason": "卖完了"},
    "exchange:emergency_new": lambda s: {
        "county": s.county.pk,
        "category": "goods.honey",
        "quantity": 50,
        "until": (TODAY + timedelta(days=10)).isoformat(),
        "reason": "销路断了",
    },
    "exchange:scenario_add": lambda s: {"name": "再试", "household": 50},
    "exchange:scenario_resume": lambda s: {"version": s.stopped.version},
    "exchange:scenario_stop": lambda s: {"version": s.scenario.version},
    "exchange:search_drop": lambda s: {"version": s.saved_search.version},
    "exchange:budget": lambda s: {"version": 0, "amount": "50000", "until": "2027-06-30"},
    "exchange:search_save": lambda s: {"q": "核桃", "name": "要核桃"},
    "exchange:match_answer": lambda s: {"version": s.match.version, "side": "offer", "answer": "accepted"},
    "exchange:match_say": lambda s: {"side": "offer", "text": "您好"},
    "exchange:match_counter": lambda s: {
        "version": s.match.version,
        "side": "offer",
        "price": "24.00",
        "quantity": 50,
        "reason": "运费涨了",
    },
    "exchange:match_agree": lambda s: {
        "version": s.match.version,
        "side": "offer",
        "price": f"{s.match.price_fen / 100:.2f}",
        "quantity": s.match.quantity,
        "delivery_from": s.match.window_from,
        "delivery_to": s.match.window_to,
    },
    "exchange:post_resource": lambda s: {
        "limit": "21",
        "window_from": "2026-12-01",
        "window_to": "2027-03-01",
    },
    "exchange:posting_edit": lambda s: {
        "quantity": 120,
        "limit": "21",
        "window_from": "2026-12-01",
        "window_to": "2027-03-01",
        "version": s.posting.version,
    },
    "exchange:posting_new": lambda s: {
        "direction": "offer",
        "quantity": 10,
        "limit": "20",
        "window_from": "2026-12-01",
        "window_to": "2027-03-01",
        "household_number": s.entered.number,
        "organisation": s.organisation.pk,
    },
    "exchange:posting_open": lambda s: {"version": s.draft.version},
    "exchange:posting_withdraw": lambda s: {"version": s.posting.version, "reason": "已卖出"},
    "ledger:transaction_reverse": lambda s: {"reason": "记错"},
    "market:agreement_order": lambda s: {"growers": ""},
    "market:buy": lambda s: {"quantity": 1, "key": uuid4().hex},
    "market:offer_commit": lambda s: {"number": s.drafted.grower.number, "quantity": 120, "version": 1},
    "market:offer_lot": lambda s: {"number": s.closed.grower.number, "harvested": 5, "lost": 0},
    "market:offer_new": lambda s: {
        "title": "核桃二级",
        "category": s.category,
        "price": "20",
        "grower": "20",
        "version": s.drafted.round.version,
    },
    "field:device_close": lambda s: {"version": s.phone.version},
    "field:device_key": lambda s: {"device": _uid(s)},
    "field:device_open": lambda s: {"name": "手机", "key": KEY},
    "field:photo": lambda s: {
        "number": s.field_report.number.hex,
        "photo": uuid4().hex,
        "file": SimpleUploadedFile("照片.jpg", hostile.jpeg((40, 30))),
    },
    "field:report_drop": lambda s: {"version": s.field_report.version, "reason": "重复"},
    "field:report_settle": lambda s: {
        "version": s.field_report.version,
        "finding": "已核对",
        "outcome": "continue",
    },
    "field:send": lambda s: {
        "device": _uid(s),
        "number": uuid4().hex,
        "kind": "visit",
        "subject": s.alert.pk,
        "read": s.alert.version,
        "made_at": "2026-11-21T02:00:00Z",
        "fields": [["visited_on", "2026-11-21"], ["finding", "到过"], ["outcome", "continue"]],
    },
    "field:take": lambda s: {"device": _uid(s), "village": s.village.pk},
    "market:order_cancel": lambda s: {"version": s.sale.held.version},
    "market:order_receive": lambda s: {"version": s.dispatched.order.version},
    "market:order_transfer": lambda s: {"amount": f"{s.sale.held.total_fen / 100:.2f}", "reference": "T1"},
    "market:round_new": lambda s: {
        "title": "新团",
        "sales_from": "2026-12-01T08:00",
        "sales_to": "2026-12-10T08:00",
        "deliver_on": "2026-12-20",
        "promise": "坏果包赔",
        "shortfall_rule": "pro_rata",
        "way": "direct",
    },
    "market:round_delivery": lambda s: {"version": s.closed.round.version},
    "market:round_sales": lambda s: {"version": s.sale.round.version},
    "market:round_settlement": lambda s: {"version": s.dispatched.round.version},
    "monitoring:assess": lambda s: {"on": "2026-11-21"},
    "monitoring:visit": lambda s: {
        "version": s.alert.version,
        "visited_on": "2026-11-21",
        "outcome": "continue",
        "finding": "已入户核对。",
    },
    "partners:edit_contact": lambda s: {"version": s.organisation.version, "contact_name": "周联络"},
    "partners:organisation_new": lambda s: {
        "name": f"新来的公司{uuid4().hex[:6]}",
        "kind": "enterprise",
        "place_code": "621221",
    },
    "partners:suspend": lambda s: {"version": s.organisation.version, "note": "失联"},
    "publication:publish_figures": lambda s: {"from_on": "2026-01-01"},
    "publication:bundle_take": lambda s: {"file": SimpleUploadedFile("yuchang-intake.zip", s.intake)},
    "partners:vet": lambda s: {"version": s.proposed.version},
    "policy:household": lambda s: {"on": "2026-11-21"},
    "policy:run_new": lambda s: {"county": s.county.pk, "on": "2026-11-21"},
    "procedures:calendar_import": lambda s: {
        "place": s.county.pk,
        "file": SimpleUploadedFile("假日.csv", _HOLIDAYS.encode()),
    },
    "procedures:case_advance": lambda s: {"version": 1, "choice": "report", "opinion": "情况已查明"},
    "procedures:case_new": lambda s: {"code": "appeal", "place": s.village.pk, "title": "王某某申诉"},
    "procedures:case_return": lambda s: {"version": 2, "to": "intake", "reason": "不属本乡镇"},
    "procedures:case_transfer": lambda s: {
        "version": 1,
        "to_user": s.reviewer.user.pk,
        "reason": "由其办理",
    },
    "procedures:case_withdraw": lambda s: {"version": 1, "reason": "重复发起"},
    "procedures:definition_adapt": lambda s: {
        "place": s.county.pk,
        "valid_from": TODAY,
        "document": "成政发〔2026〕9号",
        "source": "县里的办法",
        "days_inquiry": 7,
        "days_decision": 5,
    },
    "procedures:definition_vet": lambda s: {"version": s.proposed_version.version, "answer": "approve"},
    "procedures:definition_withdraw": lambda s: {"version": s.own_proposal.version, "reason": "写错了"},
    "procedures:sample_check": lambda s: {"is_sound": "1", "note": "核对无误"},
    "procedures:sample_give": lambda s: {"username": s.substitute.username},
    "procedures:sample_take_back": lambda s: {"version": s.given.version},
    "procedures:sample_draw": lambda s: {"of": "household_entry/township_check", "place": s.township.pk},
    "procedures:track_object": lambda s: {"text": f"东户有两辆车{MARKUP}"},
    "procedures:track_complete": lambda s: {"version": 1, "choice": "done"},
    "registry:household_new": lambda s: _household_form(village=s.village.pk) | _member_form(),
    "registry:household_correct": lambda s: (
        _household_form(version=s.entered.version) | _member_form(number=s.entered.members.get().number)
    ),
    "registry:household_exit": lambda s: {"version": s.listed.version},
    "registry:household_facts": lambda s: {
        "observed_on": "2026-11-20",
        "source": "visit",
        "safe_water": "1",
    },
    "registry:household_remove": lambda s: {"version": s.entered.version, "reason": "重复登记"},
    "registry:household_resource": lambda s: {
        "direction": "offer",
        "kind": "produce",
        "category": s.category,
        "quantity": 5,
        "unit": "公斤",
    },
    "registry:household_verify": lambda s: {"version": s.entered.version},
    "registry:verify_many": lambda s: {"household": [s.entered.pk]},
    "registry:import_cancel": lambda s: {"version": s.uploaded.version},
    "registry:import_confirm": lambda s: {"version": s.checked.version},
    "registry:import_mapping": lambda s: (
        {"version": s.uploaded.version} | {f"column-{k}": v for k, v in s.uploaded.mapping["columns"].items()}
    ),
    "registry:import_new": _upload,
    "registry:import_undo": lambda s: {"version": s.written.version},
    "registry:notice_close": lambda s: {"version": s.notice_over.version},
    "registry:notice_new": lambda s: {"village": s.village.pk, "opens_on": "2026-11-21", "days": 7},
    "registry:likeness_decide": lambda s: {
        "version": s.likeness.version,
        "same": "1",
        "reason": "已核对身份证原件。",
    },
    "registry:objection_decide": lambda s: {
        "version": s.objection.version,
        "upheld": "0",
        "reason": "经核查不属实。",
    },
    "registry:objection_new": lambda s: {"text": "该户有小汽车。"},
    "registry:resource_new": lambda s: {
        "village": s.village.pk,
        "direction": "offer",
        "kind": "scenery",
        "category": "tourism.homestay",
        "quantity": 5,
        "unit": "间",
    },
    "registry:resource_withdraw": lambda s: {"version": s.resource.version},
    "workbench:phone_sign_in": lambda s: {"phone": "13800000000"},
    "workbench:consents": lambda s: {
        "purpose": "credit",
        "organisation": s.organisation.pk,
        "information": ["orders"],
        "channel": "phone",
    },
    "workbench:helper": lambda s: {"username": s.substitute.username},
    "workbench:helper_end": lambda s: {"version": s.assignment.version},
    "workbench:reactivate": lambda s: {"version": s.closed_account.version},
    "workbench:deactivate": lambda s: {"reason": "调离", "version": s.account.version},
    "workbench:end_grant": lambda s: {"version": s.grant.version},
    "workbench:reset_password": lambda s: {"version": s.account.version},
    "workbench:save_view": lambda s: {
        "page": "registry.households",
        "name": "待核实",
        "query": "state=entered",
    },
    "workbench:people": lambda s: {"username": f"u{uuid4().hex[:8]}", "display_name": "新人"},
    "workbench:person": lambda s: {"role": "township_reviewer", "place": s.township.code},
}
