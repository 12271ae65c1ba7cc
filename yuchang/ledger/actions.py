"""Writes to the book: opening accounts, posting, reversing. Nothing is ever changed or removed.

Channels post within their own transaction and have checked the actor's right to the business event;
``reverse`` is a person's own act and checks it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, invalid
from yuchang.core.phrases import in_chinese
from yuchang.ledger import rules
from yuchang.ledger.models import Account, Leg, Transaction
from yuchang.ledger.rules import LegDraft
from yuchang.places.models import Place, keys_of

KEYS = "place_id, province_id, prefecture_id, county_id, township_id, village_id"

_OPEN_HOUSEHOLDS = f"""
    INSERT INTO ledger_account (kind, household_id, name, opened_on, {KEYS})
    SELECT 'household', h.id, h.number, %s, h.place_id, h.province_id, h.prefecture_id, h.county_id,
           h.township_id, h.village_id
    FROM registry_household h
    WHERE h.id = ANY(%s)
    ORDER BY h.id
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - KEYS is a constant of this file
_OPEN_ORGANISATIONS = f"""
    INSERT INTO ledger_account (kind, organisation_id, name, opened_on, {KEYS})
    SELECT 'organisation', o.id, o.name, %s, o.place_id, o.province_id, o.prefecture_id, o.county_id,
           o.township_id, o.village_id
    FROM partners_organisation o
    WHERE o.id = ANY(%s)
    ORDER BY o.id
    ON CONFLICT DO NOTHING
"""  # noqa: S608
_INSERT_TRANSACTIONS = f"""
    INSERT INTO ledger_transaction (source, source_id, kind, channel, payer_id, booked_at, booked_on, memo,
                                    reverses_id, {KEYS})
    SELECT u.source, u.source_id, u.kind, u.channel, u.payer_id, %(at)s, u.booked_on, u.memo, u.reverses_id,
           p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id, p.village_id
    FROM unnest(%(source)s::text[], %(source_id)s::text[], %(kind)s::text[], %(channel)s::text[],
                %(payer)s::bigint[], %(on)s::date[], %(memo)s::text[], %(reverses)s::bigint[],
                %(place)s::bigint[])
         WITH ORDINALITY AS u(source, source_id, kind, channel, payer_id, booked_on, memo, reverses_id,
                              place_id, position)
    JOIN places_place p ON p.id = u.place_id
    ORDER BY u.position
    ON CONFLICT (source, source_id, kind) DO NOTHING
    RETURNING source, source_id, kind, id
"""  # noqa: S608
_INSERT_LEGS = f"""
    INSERT INTO ledger_leg (transaction_id, account_id, amount_fen, household_id, order_line_id, way,
                            booked_on, {KEYS})
    SELECT u.transaction_id, a.id, u.amount_fen, a.household_id, u.order_line_id, u.way, u.booked_on,
           a.place_id, a.province_id, a.prefecture_id, a.county_id, a.township_id, a.village_id
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::date[])
         WITH ORDINALITY AS u(transaction_id, account_id, amount_fen, order_line_id, way, booked_on, position)
    JOIN ledger_account a ON a.id = u.account_id
    ORDER BY u.position
"""  # noqa: S608
_AUDITED = """
    SELECT t.id::text, t.place_id, jsonb_build_object('source', t.source, 'source_id', t.source_id,
                                                      'kind', t.kind)
    FROM ledger_transaction t WHERE t.id = ANY(%s) ORDER BY t.id
"""


@dataclass(frozen=True)
class Draft:
    """One transaction before it is booked. ``(source, source_id, kind)`` names the event.

    ``payer_id`` is the account whose money moves on; ``place`` the place to whose totals it counts.
    """

    source: str
    source_id: str
    kind: str
    place: Place
    legs: tuple[LegDraft, ...]
    booked_on: date | None = None
    memo: str = ""
    channel: str = ""
    payer_id: int | None = None
    reverses_id: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The event that this books."""
        return self.source, self.source_id, self.kind


def household_accounts(household_ids: Iterable[int]) -> dict[int, int]:
    """The account of each household, opened where there is none: {household id: account id}."""
    return _owned_accounts("household_id", _OPEN_HOUSEHOLDS, set(household_ids))


def organisation_accounts(organisation_ids: Iterable[int]) -> dict[int, int]:
    """The account of each organisation, opened where there is none: {organisation id: account id}."""
    return _owned_accounts("organisation_id", _OPEN_ORGANISATIONS, set(organisation_ids))


def _owned_accounts(column: str, open_sql: str, owners: set[int]) -> dict[int, int]:
    rows = Account.objects.filter(**{f"{column}__in": owners})
    found = dict(rows.values_list(column, "id"))
    if missing := sorted(owners - found.keys()):
        with connection.cursor() as cursor:
            cursor.execute(open_sql, [clock.today(), missing])
        found = dict(rows.all().values_list(column, "id"))
    if owners - found.keys():
        raise invalid(column, _("账户的户主或单位不存在。"), _("请核对编号。"))
    return found


def place_account(place: Place, kind: str, name: str = "") -> int:
    """The fund, fee, residual or clearing account of a place, opened where there is none."""
    row, _created = Account.objects.get_or_create(
        kind=kind,
        place=place,
        household=None,
        organisation=None,
        name=name or f"{place.name} {in_chinese(Account.Kind(kind).label)}",
        defaults={"opened_on": clock.today(), **keys_of(place)},
    )
    return row.pk


def post(*, actor: Actor, draft: Draft) -> Transaction:
    """Book one transaction within the caller's. Booking the same event again returns the first one.

    Raises Invalid for legs that do not balance, Conflict when the event is booked with other legs.
    """
    return Transaction.objects.get(pk=post_set(actor=actor, drafts=[draft])[0])


def post_set(*, actor: Actor, drafts: Sequence[Draft]) -> list[int]:
    """Book many transactions in a fixed number of statements. Returns their ids in the given order."""
    if not drafts:
        return []
    _check(drafts)
    with write("ledger.post", actor) as audit:
        on = clock.today()
        new = _insert_transactions(drafts, clock.now(), on)
        fresh = [draft for draft in drafts if draft.key in new]
        _insert_legs(fresh, new, on)
        ids = new | _booked_before([draft for draft in drafts if draft.key not in new])
        audit.add_bulk("ledger_transaction", _AUDITED, [sorted(new.values())])
    return [ids[draft.key] for draft in drafts]


def _check(drafts: Sequence[Draft]) -> None:
    if len({draft.key for draft in drafts}) < len(drafts):
        raise invalid("source_id", _("同一笔业务重复记账。"), _("每笔业务只记一次。"))
    for draft in drafts:
        if faults := rules.faults_in(draft.legs):
            raise invalid(
                "legs",
                _("分录不平衡(%(source)s %(id)s:%(faults)s)。")
                % {"source": draft.source, "id": draft.source_id, "faults": ", ".join(faults)},
                _("每笔至少两条分录，合计为零，且没有零金额。"),
            )


def _insert_transactions(drafts: Sequence[Draft], at: datetime, on: date) -> dict[tuple[str, str, str], int]:
    columns: dict[str, Any] = {
        "at": at,
        "source": [d.source for d in drafts],
        "source_id": [d.source_id for d in drafts],
        "kind": [str(d.kind) for d in drafts],
        "channel": [str(d.channel) for d in drafts],
        "payer": [d.payer_id for d in drafts],
        "on": [d.booked_on or on for d in drafts],
        "memo": [d.memo for d in drafts],
        "reverses": [d.reverses_id for d in drafts],
        "place": [d.place.pk for d in drafts],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_TRANSACTIONS, columns)
        return {(source, source_id, kind): pk for source, source_id, kind, pk in cursor.fetchall()}


def _insert_legs(drafts: Sequence[Draft], ids: dict[tuple[str, str, str], int], on: date) -> None:
    rows = [
        (ids[d.key], g.account_id, g.amount_fen, g.order_line_id, str(g.way), d.booked_on or on)
        for d in drafts
        for g in d.legs
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_LEGS, [list(column) for column in zip(*rows, strict=True)])
        if cursor.rowcount != len(rows):
            raise invalid("legs", _("分录指向不存在的账户。"), _("请先开立账户。"))


def _booked_before(drafts: Sequence[Draft]) -> dict[tuple[str, str, str], int]:
    """The earlier bookings of these events, after checking that they say the same."""
    found = {}
    for draft in drafts:
        row = Transaction.objects.get(source=draft.source, source_id=draft.source_id, kind=draft.kind)
        if not rules.same_legs(legs_of(row.pk), draft.legs):
            raise Conflict(
                _("“%(source)s %(id)s”已按另一内容记账。") % {"source": draft.source, "id": draft.source_id},
                remedy=_("如原记账有误，请先冲正。"),
            )
        found[draft.key] = row.pk
    return found


def legs_of(transaction_id: int) -> tuple[LegDraft, ...]:
    """The legs of a booked transaction as drafts."""
    rows = Leg.objects.filter(transaction_id=transaction_id).order_by("id")
    return tuple(
        LegDraft(account, amount, line, way)
        for account, amount, line, way in rows.values_list("account_id", "amount_fen", "order_line_id", "way")
    )


def reverse(*, actor: Actor, transaction_id: int, reason: str) -> Transaction:
    """Book the exact mirror of a transaction, once; reversing again returns the first reversal.

    Raises Conflict for a reversal, Refused or Hidden when it is not the actor's.
    """
    with write("ledger.reverse", actor) as audit:
        rows = Transaction.objects.select_related("place")
        booked = open_door(rows, actor, "ledger.reverse", transaction_id)
        if booked.reverses_id is not None:
            raise Conflict(_("冲正分录不能再冲正。"), remedy=_("请另行记账。"))
        if not reason.strip():
            raise invalid("reason", _("请写明冲正原因。"))
        draft = Draft(
            source="ledger.transaction",
            source_id=str(booked.pk),
            kind=Transaction.Kind.REVERSAL,
            place=booked.place,
            legs=rules.mirror(legs_of(booked.pk)),
            memo=reason.strip()[:200],
            channel=booked.channel,
            payer_id=booked.payer_id,
            reverses_id=booked.pk,
        )
        reversal = post(actor=actor, draft=draft)
        audit.add(
            "ledger_transaction", reversal.pk, place_id=booked.place_id, reverses=booked.pk, reason=reason
        )
    return reversal
