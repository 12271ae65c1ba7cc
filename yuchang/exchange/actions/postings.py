"""Posting what one can give or needs: one by one, from a resource, or a county at once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import organisation_filter, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, invalid
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.models import UNSETTLED, Category, Match, Posting
from yuchang.exchange.queries import side_filter
from yuchang.exchange.rules import PostingFacts, content_key, posting_flaws
from yuchang.exchange.searching import terms_of
from yuchang.exchange.words import problem_of
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.registry.models import Household, Resource

KEYS = ("province_id", "prefecture_id", "county_id", "township_id", "village_id")
COLUMNS = (
    "uid",
    "version",
    "created_at",
    "updated_at",
    "direction",
    "owner_kind",
    "household_id",
    "organisation_id",
    "resource_id",
    "category_id",
    "quantity",
    "agreed_quantity",
    "unit",
    "limit_fen",
    "window_from",
    "window_to",
    "radius_km",
    "note",
    "state",
    "entered_by_id",
    "terms",
    "min_lot",
    "certificates",
    "entered_unit",
    "repeats",
    "repeat_until",
    "first_from",
    "first_to",
    "content_key",
    "import_batch_id",
    "place_id",
    *KEYS,
)
PROBLEMS_SHOWN = 50
LIVE_MAX = 2000
"""No owner has more live postings: more are a mistake, or somebody drowning the others."""
_POSTED = """
    SELECT id::text, place_id, jsonb_build_object('direction', direction, 'category', category_id,
                                                  'quantity', quantity, 'unit', unit)
    FROM exchange_posting WHERE uid = ANY(%s) ORDER BY id
"""
Home = tuple[Any, ...]
"""The place id of an owner and the five place keys."""


def post(*, actor: Actor, facts: PostingFacts) -> Posting:
    """Post one offer or need on behalf of an owner within the actor's reach.

    Needs ``exchange.post``: staff by the owner's place, partners by their own organisation (which must
    be vetted). Raises Invalid for absurd facts, Hidden for an owner out of reach, Conflict if the
    resource already has a live posting, or the owner the very same one.
    """
    with write("exchange.post", actor) as audit:
        uids = _insert(actor, [facts], is_set=False)
        row = Posting.objects.get(uid=uids[0])
        details = {"direction": row.direction, "category": row.category_id, "quantity": row.quantity}
        audit.add("posting", row.pk, place_id=row.place_id, **details)
    return row


def post_many(*, actor: Actor, rows: Iterable[PostingFacts], import_batch_id: int | None = None) -> int:
    """``post`` for tens of thousands: the same checks, owners looked up set-wise, one COPY.

    All or nothing: raises Invalid listing the first problems by row number. Returns how many were posted.
    ``import_batch_id``: the workbook they came in.
    """
    facts = list(rows)
    if not facts:
        return 0
    with write("exchange.post", actor) as audit:
        uids = _insert(actor, facts, is_set=True, import_batch_id=import_batch_id)
        return audit.add_bulk("posting", _POSTED, [uids])


def _insert(
    actor: Actor, facts: Sequence[PostingFacts], *, is_set: bool, import_batch_id: int | None = None
) -> list[uuid.UUID]:
    require(actor, "exchange.post")
    units = dict(Category.objects.filter(is_leaf=True).values_list("code", "unit"))
    _check(facts, units, clock.today(), is_set=is_set)
    homes = _homes(actor, facts)
    _check_resources(facts)
    _check_room(facts)
    uids = [uuid.uuid4() for _fact in facts]
    try:
        lines = _lines(actor, facts, uids, homes, units, clock.now(), import_batch_id)
        copy_rows("exchange_posting", COLUMNS, lines)
    except IntegrityError as error:
        raise already_live(error) from error
    return uids


def already_live(error: IntegrityError) -> Exception:
    """What the database refused, as a sentence; the error itself when it is no twin."""
    if "exchange_posting_one_per_resource" in str(error):
        return Conflict(_("这项资源已经发布过供需信息。"), remedy=_("请先撤回原信息，或直接修改它。"))
    if "exchange_posting_no_twin" in str(error):
        return Conflict(_("同一主体已有一模一样的供需信息。"), remedy=_("请修改原信息的数量，不要重复发布。"))
    return error


def _check_room(facts: Sequence[PostingFacts]) -> None:
    """Refuse to drown others: nobody has thousands of live postings. One query for each kind of owner."""
    for kind in Posting.OwnerKind.values:
        column = "village_id" if kind == "village" else f"{kind}_id"
        new = Counter(getattr(one, column) for one in facts if one.owner_kind == kind)
        rows = Posting.objects.filter(owner_kind=kind, state__in=UNSETTLED, **{f"{column}__in": list(new)})
        live = dict(rows.order_by().values_list(column).annotate(n=Count("pk"))) if new else {}
        if any(n + live.get(owner, 0) > LIVE_MAX for owner, n in new.items()):
            raise Conflict(
                _("一个主体最多有 %(n)d 条未完成的供需信息。") % {"n": LIVE_MAX},
                remedy=_("请先撤回不再需要的信息，或合并数量。"),
            )


def _check(facts: Sequence[PostingFacts], units: dict[str, str], today: date, *, is_set: bool) -> None:
    problems: list[Problem] = []
    for number, one in enumerate(facts, 1):
        flaws = posting_flaws(one, units, today)
        problems += [problem_of(flaw, number if is_set else None) for flaw in flaws]
        if len(problems) >= PROBLEMS_SHOWN:
            break
    if not problems and is_set:
        problems = list(_twins(facts))
    if problems:
        raise Invalid(problems)


def check_facts(row: Posting) -> None:
    """Raises Invalid unless a stored posting, as changed in memory, is one that might be posted today.

    Sets its content key anew.
    """
    facts = facts_of(row)
    problems = [problem_of(f) for f in posting_flaws(facts, {row.category_id: row.unit}, clock.today())]
    if problems:
        name = f"{row.category.name_zh} #{row.pk}"
        raise Invalid([Problem(f"{row.pk}", f"{name}：{one.message}", one.remedy) for one in problems])
    row.content_key = content_key(facts)


def facts_of(row: Posting) -> PostingFacts:
    """A stored posting as it would be asked for."""
    is_village = row.owner_kind == Posting.OwnerKind.VILLAGE
    return PostingFacts(
        direction=row.direction,
        category=row.category_id,
        quantity=row.quantity,
        limit_fen=row.limit_fen,
        window_from=row.window_from,
        window_to=row.window_to,
        household_id=row.household_id,
        village_id=row.village_id if is_village else None,
        organisation_id=row.organisation_id,
        resource_id=row.resource_id,
        radius_km=row.radius_km,
        note=row.note,
        min_lot=row.min_lot,
        certificates=tuple(row.certificates),
        entered_unit=row.entered_unit,
        repeats=row.repeats,
        repeat_until=row.repeat_until,
    )


def _twins(facts: Sequence[PostingFacts]) -> Iterator[Problem]:
    """Rows of a set that say exactly what an earlier row says."""
    seen: dict[str, int] = {}
    for number, one in enumerate(facts, 1):
        first = seen.setdefault(content_key(one), number)
        if first != number:
            values = {"row": number, "first": first}
            yield Problem("row", _("第 %(row)d 条与第 %(first)d 条完全相同。") % values, _("请合并数量。"))
            if len(seen) + PROBLEMS_SHOWN < number:
                return


def _homes(actor: Actor, facts: Sequence[PostingFacts]) -> dict[tuple[str, int], Home]:
    """Where each owner lies. Raises Hidden if one is out of the actor's reach, Refused if unvetted."""
    keys = ("pk", "place_id", *KEYS)
    place_keys = ("pk", "pk", *KEYS)
    households = {f.household_id for f in facts if f.household_id is not None}
    villages = {f.village_id for f in facts if f.village_id is not None}
    organisations = {f.organisation_id for f in facts if f.organisation_id is not None}
    reach = place_filter(actor, "exchange.post")
    own = organisation_filter(actor, "exchange.post", "pk")
    live = Household.objects.exclude(state=Household.State.REMOVED)
    found = {
        "household": live.filter(reach, pk__in=households).values_list(*keys),
        "village": Place.objects.filter(reach, pk__in=villages, level=5).values_list(*place_keys),
        "organisation": Organisation.objects.filter(own, pk__in=organisations).values_list(*keys),
    }
    homes = {(kind, row[0]): tuple(row[1:]) for kind, rows in found.items() for row in rows}
    if len(homes) < len(households) + len(villages) + len(organisations):
        raise Hidden(
            _("没有找到，或不在您的管辖范围内。"), remedy=_("只能代表本辖区的农户、村集体或本机构发布。")
        )
    if organisations:
        _check_vetted(organisations)
    return homes


def _check_vetted(organisations: set[int]) -> None:
    if Organisation.objects.filter(pk__in=organisations).exclude(state="vetted").exists():
        raise Refused(_("本机构尚未核验，不能发布供需信息。"), remedy=_("请联系引荐县的专员核验。"))


def _check_resources(facts: Sequence[PostingFacts]) -> None:
    """A posting from a resource must be its owner's, and the resource must still be there."""
    wanted = {f.resource_id: f for f in facts if f.resource_id is not None}
    rows = Resource.objects.filter(pk__in=wanted, withdrawn_at=None)
    owners = {row[0]: row[1:] for row in rows.values_list("pk", "household_id", "place_id")}
    for number, one in wanted.items():
        household_id, place_id = owners.get(number, (None, None))
        is_owner = (
            household_id == one.household_id if household_id else place_id == one.village_id
        ) and place_id is not None
        if not is_owner:
            raise invalid("resource", _("这项资源不存在、已撤销或不属于该主体。"))


def _lines(
    actor: Actor,
    facts: Sequence[PostingFacts],
    uids: Sequence[uuid.UUID],
    homes: dict[tuple[str, int], Home],
    units: dict[str, str],
    now: datetime,
    import_batch_id: int | None,
) -> Iterator[Sequence[Any]]:
    for one, uid in zip(facts, uids, strict=True):
        kind = one.owner_kind
        owner = {"household": one.household_id, "village": one.village_id}.get(kind, one.organisation_id)
        home = homes[kind, owner or 0]
        yield (
            uid,
            1,
            now,
            now,
            one.direction,
            kind,
            one.household_id,
            one.organisation_id,
            one.resource_id,
            one.category,
            one.quantity,
            0,
            units[one.category],
            one.limit_fen,
            one.window_from,
            one.window_to,
            one.radius_km,
            one.note[:300],
            "draft" if one.is_draft else "open",
            actor.user_id,
            terms_of(one.note[:300]),
            one.min_lot,
            list(one.certificates),
            one.entered_unit[:20],
            one.repeats,
            one.repeat_until,
            one.window_from if one.repeats else None,
            one.window_to if one.repeats else None,
            content_key(one),
            import_batch_id,
            *home,
        )


def open_posting(*, actor: Actor, posting_id: int, version: int) -> Posting:
    """Turn a draft into an open posting."""
    with write("exchange.open_posting", actor) as audit:
        row = _open_own(actor, posting_id, version)
        if row.state != Posting.State.DRAFT:
            raise Conflict(_("只有草稿可以发布。"))
        row.state = Posting.State.OPEN
        save(row)
        audit.add("posting", row.pk, place_id=row.place_id)
    return row


def correct_posting(*, actor: Actor, posting_id: int, version: int, facts: PostingFacts) -> Posting:
    """Change all but direction and category of a draft or open posting that no talk holds."""
    with write("exchange.correct_posting", actor) as audit:
        row = _open_own(actor, posting_id, version)
        if row.state not in UNSETTLED:
            raise Conflict(_("这条信息已不在撮合中，不能修改。"))
        if _is_held(row.pk):
            raise Conflict(_("这条信息正在洽谈，不能修改。"), remedy=_("请在洽谈中还价，或先谢绝。"))
        if (facts.direction, facts.category) != (row.direction, row.category_id):
            raise invalid("category", _("方向和品类不能修改。"), _("请撤回后重新发布。"))
        _check([facts], {row.category_id: row.unit}, clock.today(), is_set=False)
        if facts.quantity < row.agreed_quantity:
            raise invalid("quantity", _("数量不能少于已签约的数量。"))
        before = {"quantity": row.quantity, "window_to": str(row.window_to)}
        if row.limit_fen != facts.limit_fen:
            row.limit_set_at = clock.now()
        row.quantity, row.limit_fen, row.radius_km = facts.quantity, facts.limit_fen, facts.radius_km
        row.window_from, row.window_to, row.note = facts.window_from, facts.window_to, facts.note
        row.terms = terms_of(row.note)
        _say(row, facts)
        save_unless_twin(row)
        supersede([row.pk])
        audit.add("posting", row.pk, place_id=row.place_id, before=before)
    return row


def _say(row: Posting, facts: PostingFacts) -> None:
    """What a posting says besides quantity, price and window."""
    row.min_lot, row.certificates = facts.min_lot, list(facts.certificates)
    row.entered_unit = facts.entered_unit[:20]
    row.repeats, row.repeat_until = facts.repeats, facts.repeat_until
    row.first_from = facts.window_from if facts.repeats else None
    row.first_to = facts.window_to if facts.repeats else None
    if row.previous_id is not None and not facts.repeats:
        raise invalid("repeats", _("这条信息是自动重复来的，不能改为不重复。"), _("请撤回它，以后不再重复。"))
    row.content_key = content_key(facts)


def save_unless_twin(row: Posting) -> None:
    """Store a changed posting. Raises Conflict when its owner has the very same one already."""
    try:
        with transaction.atomic():
            save(row)
    except IntegrityError as error:
        raise already_live(error) from error


def withdraw_posting(*, actor: Actor, posting_id: int, version: int, reason: str) -> Posting:
    """Take a posting back; unanswered proposals with it are superseded, agreements stay."""
    if not reason.strip():
        raise invalid("reason", _("请说明撤回的理由。"))
    with write("exchange.withdraw_posting", actor) as audit:
        row = _open_own(actor, posting_id, version)
        if row.state not in UNSETTLED:
            raise Conflict(_("这条信息已不在撮合中，不能撤回。"))
        if _is_held(row.pk):
            raise Conflict(_("这条信息正在洽谈，不能撤回。"), remedy=_("请先在洽谈页谢绝。"))
        row.state = Posting.State.WITHDRAWN
        save(row)
        count = supersede([row.pk])
        audit.add("posting", row.pk, place_id=row.place_id, reason=reason, superseded=count)
    return row


def expire_postings(*, actor: Actor, on: date) -> int:
    """Close every open posting whose window ended before the day. A task calls it; returns how many."""
    rows = Posting.objects.filter(state__in=UNSETTLED, window_to__lt=on)
    numbers = list(rows.order_by("pk").values_list("pk", flat=True))
    if not numbers:
        return 0
    with write("exchange.expire_postings", actor) as audit:
        execute(
            "UPDATE exchange_posting SET state = 'expired', version = version + 1, updated_at = now()"
            " WHERE id = ANY(%s) AND state IN ('draft', 'open') AND window_to < %s",
            [numbers, on],
        )
        supersede(numbers)
        select = "SELECT id::text, place_id, '{}'::jsonb FROM exchange_posting WHERE id = ANY(%s)"
        return audit.add_bulk("posting", select, [numbers])


def _open_own(actor: Actor, posting_id: int, version: int) -> Posting:
    within = side_filter(actor, "exchange.post")
    row = open_door(Posting.objects.all(), actor, "exchange.post", posting_id, within=within, lock=True)
    check_version(row, version)
    return row


def _is_held(posting_id: int) -> bool:
    talking = Match.objects.filter(state=Match.State.TALKING)
    return talking.filter(offer_id=posting_id).exists() or talking.filter(need_id=posting_id).exists()


def supersede(posting_ids: Sequence[int]) -> int:
    """Unanswered proposals with these postings are no longer on the table; nor do those on their way go out.

    The latter first: one that went out meanwhile is then seen among the former.
    """
    numbers = [list(posting_ids), list(posting_ids)]
    unsent = execute("DELETE FROM exchange_unsent WHERE offer_id = ANY(%s) OR need_id = ANY(%s)", numbers)
    return unsent + execute(
        "UPDATE exchange_match SET state = 'superseded', version = version + 1, updated_at = now()"
        " WHERE state = 'proposed' AND (offer_id = ANY(%s) OR need_id = ANY(%s))",
        numbers,
    )
