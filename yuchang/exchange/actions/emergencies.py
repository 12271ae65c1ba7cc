"""Goods that do not sell (滞销): declared by the county, told to who may want them, ended by itself."""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, invalid
from yuchang.core.phrases import in_chinese, said
from yuchang.exchange.actions.clearings import require_area
from yuchang.exchange.models import Category, Emergency, Posting, SavedSearch
from yuchang.exchange.queries_console import staff_offers
from yuchang.exchange.rules import EmergencyFacts, Flaw, emergency_flaws
from yuchang.exchange.searching import asks_for, criteria_of
from yuchang.exchange.words import both_names, both_units, emergency_problem
from yuchang.exchange.words_deals import BY_ITSELF
from yuchang.files.actions import Upload, take_in
from yuchang.messages.actions import phrases, send_set
from yuchang.places.models import Place, keys_of

EVIDENCE = "emergency_evidence"
"""The purpose of an emergency's file, and what it is about."""
# Who has an open need of the kind, with whom the goods could be placed.
_NEEDS = """
    SELECT DISTINCT p.entered_by_id FROM exchange_posting p JOIN accounts_user u ON u.id = p.entered_by_id
    WHERE p.state = 'open' AND p.direction = 'need' AND p.category_id = %s AND u.is_active
"""
_TELL = f"""
    SELECT r.id, 'deal', %s::text, %s::text, %s::text, NULL::date, false, NULL::bigint,
           'exchange.emergency', %s::bigint, %s::text, %s::jsonb
    FROM (SELECT unnest(%s::bigint[]) AS id UNION {_NEEDS}) AS r
    WHERE r.id IS DISTINCT FROM %s::bigint ORDER BY r.id
"""  # noqa: S608


def declare_emergency(
    *, actor: Actor, county: Place, facts: EmergencyFacts, evidence: Upload | None = None
) -> Emergency:
    """Declare unsold goods of a county until a day, and tell who has needs or searches of the kind.

    Needs ``exchange.clear`` over the county. Raises Invalid for facts that mean nothing, Hidden for a
    posting out of reach, Conflict when the goods are declared already.
    """
    require_area(actor, county)
    _check(facts)
    with write("exchange.declare_emergency", actor) as audit:
        posting = _posting(actor, county, facts)
        category = posting.category_id if posting else facts.category
        row = Emergency(
            place=county,
            **keys_of(county),
            posting=posting,
            category_id=category,
            quantity=facts.quantity,
            until=facts.until,
            reason=facts.reason.strip(),
            radius_km=facts.radius_km,
            help_fen=facts.help_fen,
            fund_fen=facts.fund_fen,
            declared_by_id=actor.user_id,
            declared_at=clock.now(),
        )
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:
            raise Conflict(_("这批货已经申报滞销。"), remedy=_("请打开原申报，或先结束它。")) from error
        if evidence is not None:
            take_in(
                actor, upload=evidence, purpose=EVIDENCE, place=county, about_kind=EVIDENCE, about_id=row.pk
            )
        money = {"help_fen": row.help_fen, "fund_fen": row.fund_fen}
        audit.add("emergency", row.pk, place_id=county.pk, category=category, quantity=row.quantity, **money)
        _tell(actor, row)
    return row


def end_emergency(*, actor: Actor, emergency_id: int, version: int, reason: str) -> Emergency:
    """End an emergency before its day, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明结束的理由。"))
    with write("exchange.end_emergency", actor) as audit:
        within = place_filter(actor, "exchange.clear")
        rows = Emergency.objects.all()
        row = open_door(rows, actor, "exchange.clear", emergency_id, within=within, lock=True)
        check_version(row, version)
        if row.state != Emergency.State.LIVE:
            raise Conflict(_("这次滞销应急已经结束。"))
        _end(row, reason.strip()[:300])
        audit.add("emergency", row.pk, place_id=row.county_id, reason=row.ended_reason)
    return row


def end_emergencies(*, actor: Actor, on: date) -> int:
    """End those whose last day has passed. Returns how many. A task calls it every night."""
    numbers = list(Emergency.objects.filter(state="live", until__lt=on).values_list("pk", flat=True))
    if not numbers:
        return 0
    with write("exchange.end_emergency", actor) as audit:
        rows = Emergency.objects.select_for_update().filter(pk__in=numbers, state="live").order_by("pk")
        for row in rows:
            _end(row, BY_ITSELF)
            audit.add("emergency", row.pk, place_id=row.county_id, reason=row.ended_reason)
    return len(numbers)


def _end(row: Emergency, reason: str) -> None:
    row.state, row.ended_at, row.ended_reason = Emergency.State.ENDED, clock.now(), reason
    save(row)


def _check(facts: EmergencyFacts) -> None:
    leaves = dict(Category.objects.filter(is_leaf=True).values_list("code", "unit"))
    problems = [emergency_problem(flaw) for flaw in emergency_flaws(facts, leaves, clock.today())]
    if problems:
        raise Invalid(problems)


def _posting(actor: Actor, county: Place, facts: EmergencyFacts) -> Posting | None:
    """The posting declared, which must be an open offer of a household or village of the county."""
    if facts.posting_id is None:
        return None
    rows = staff_offers().filter(place_filter(actor, "exchange.clear"), county_id=county.pk)
    row = rows.select_for_update(of=("self",)).filter(pk=facts.posting_id).first()
    if row is None:
        raise Hidden(
            _("没有找到，或不在您的管辖范围内。"), remedy=_("只能申报本县农户或村集体仍在待撮合的供给。")
        )
    if facts.quantity > row.quantity - row.agreed_quantity:
        raise Invalid([emergency_problem(Flaw("quantity", "more than left"))])
    return row


def _tell(actor: Actor, row: Emergency) -> int:
    """Tell those who have open needs or saved searches of the kind."""
    searches = SavedSearch.objects.filter(is_active=True, user__is_active=True).only("user_id", "criteria")
    wanting = {s.user_id for s in searches if asks_for(criteria_of(s.criteria), row.category_id)}
    link = f"{reverse('exchange:search')}?category={row.category_id}&direction=offer"
    name, unit, until = both_names(row.category), both_units(row.category), row.until.isoformat()
    title = said("%(county)s滞销应急：%(what)s", county=row.place.name, what=name)
    body = said("数量 %(n)d %(unit)s，%(until)s 前急售。", n=row.quantity, unit=unit, until=until)
    params = [
        in_chinese(title),
        in_chinese(body),
        link,
        row.pk,
        f"exchange.emergency:{row.pk}",
        phrases(title=title, body=body),
        sorted(wanting),
        row.category_id,
        actor.user_id,
    ]
    return send_set(actor, select_sql=_TELL, params=params)
