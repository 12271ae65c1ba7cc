"""Clearing runs: frozen, checked independently, then published as proposals."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.actions import Recorder, check_version, save, write
from yuchang.core.audit import Draft
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, invalid
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.budgets import budgets_free
from yuchang.exchange.clearing.engine import ENGINE
from yuchang.exchange.clearing.problem import Problem as Postings
from yuchang.exchange.clearing.problem import Unfit, sha256
from yuchang.exchange.clearing.proposals import leftovers, proposals
from yuchang.exchange.clearing.scenario import Step, category_figures, compute, swap_legs
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.clearing.summary import Tally, summary_of
from yuchang.exchange.clearing.terms import PLAIN, Context, Parameters, terms_of
from yuchang.exchange.explanations import sure_changes
from yuchang.exchange.inputs import Frozen, organisation_of, thaw
from yuchang.exchange.models import Budget, Clearing, Posting
from yuchang.exchange.queries_console import published_of
from yuchang.exchange.surroundings import load_inputs
from yuchang.exchange.words import unfit_message
from yuchang.places.models import Place

MATCH_COLUMNS = (
    "version",
    "created_at",
    "updated_at",
    "clearing_id",
    "offer_id",
    "need_id",
    "category_id",
    "quantity",
    "price_fen",
    "transport_fen",
    "offer_gain_fen",
    "need_gain_fen",
    "distance_km",
    "window_from",
    "window_to",
    "reason",
    "offer_answer",
    "need_answer",
    "state",
)
SEEN_COLUMNS = (
    "clearing_id",
    "posting_id",
    "is_offer",
    "category_id",
    "owner",
    "county_id",
    "limit_fen",
    "window_from",
    "window_to",
    "radius_km",
    "certificates",
    "dual_fen",
    "apart",
)
_SUPERSEDED = """
    UPDATE exchange_match m SET state = 'superseded', version = m.version + 1, updated_at = %(at)s
    FROM exchange_posting o, exchange_posting n
    WHERE m.state = 'proposed' AND o.id = m.offer_id AND n.id = m.need_id
      AND (m.offer_id = ANY(%(ids)s) OR m.need_id = ANY(%(ids)s))
      AND (%(county)s::bigint IS NULL OR o.county_id = %(county)s OR n.county_id = %(county)s)
"""
_MATCHED = """
    SELECT m.id::text, o.place_id, jsonb_build_object('clearing', m.clearing_id, 'offer', m.offer_id,
        'need', m.need_id, 'quantity', m.quantity, 'price_fen', m.price_fen)
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id WHERE m.clearing_id = %s ORDER BY m.id
"""


_HELPED = """
    INSERT INTO exchange_emergencyhelp (emergency_id, match_id, help_fen)
    SELECT h.emergency, m.id, h.fen
    FROM unnest(%(postings)s::bigint[], %(emergencies)s::bigint[], %(fen)s::bigint[])
         AS h(posting, emergency, fen)
    JOIN exchange_match m ON m.offer_id = h.posting AND m.clearing_id = %(run)s
"""


@dataclass(frozen=True)
class Setting:
    """Where and of what day a run is, and of which draft it is a scenario."""

    on: date
    county_id: int | None
    categories: tuple[str, ...] = ()
    draft_id: int | None = None
    name: str = ""


def run_clearing(
    *, actor: Actor, on: date, county: Place | None = None, categories: Sequence[str] | None = None
) -> Clearing:
    """Clear all open postings as of a day and freeze the run (state ``computed``).

    With ``county``: matches with at least one side in that county. Without: the whole nation (needs a
    nation-wide ``exchange.clear``). ``categories`` limits the run to some category codes. The certificate
    is checked by the independent checker before the run is stored; a run that fails it can be looked at
    but never published. The run is also the draft to which scenarios are added. Raises Invalid when there
    is nothing to clear or the arithmetic would overflow.
    """
    require_area(actor, county)
    county_id = county.pk if county else None
    setting = Setting(on, county_id, tuple(sorted(categories or [])))
    try:
        inputs = load_inputs(on, county_id, setting.categories)
        if not len(inputs.problem):
            message = _("没有可以撮合的供需信息。")
            raise invalid("postings", message, _("请先发布供给和需求，或放宽品类。"))
        computed = computed_run(inputs.problem, inputs.context, PLAIN)
    except Unfit as error:
        raise Invalid(unfit_problems(error)) from error
    with write("exchange.run_clearing", actor) as audit:
        return store_run(actor, audit, setting, computed)


def unfit_problems(error: Unfit) -> list[Problem]:
    """Why an input cannot be cleared, in words."""
    return [Problem("postings", unfit_message(f.code, f.posting_id, f.detail)) for f in error.flaws]


@dataclass(frozen=True)
class Computed:
    """A run computed, checked and summed up; not stored yet."""

    frozen: Frozen
    certificate: dict[str, Any]
    is_certified: bool
    outcome: dict[str, Any]
    seconds: float


def computed_run(
    problem: Postings,
    context: Context,
    asked: Parameters,
    *,
    plain: Tally | None = None,
    step: Step = lambda stage, percent: None,
) -> Computed:
    """Compute and check; ``plain``: what postings trade in the draft. Raises Unfit and what ``step`` does."""
    started = time.perf_counter()
    outcome = compute(problem, context, asked, step=step)
    certificate = verify(problem, context, asked, outcome)
    step("store", 95)
    return Computed(
        Frozen(problem, context, asked, outcome),
        certificate.as_json(),
        certificate.is_accepted,
        summary_of(problem, context, asked, outcome, plain),
        round(time.perf_counter() - started, 3),
    )


def store_run(actor: Actor, audit: Recorder, setting: Setting, computed: Computed) -> Clearing:
    """Freeze a computed run, in the transaction that is open."""
    frozen = computed.frozen
    problem, context, outcome = frozen.problem, frozen.context, frozen.outcome
    inputs, answer, around = problem.to_bytes(), outcome.to_bytes(), context.to_bytes()
    figures = category_figures(problem, outcome, terms_of(problem, context, frozen.asked).unit_fen)
    row = Clearing.objects.create(
        county_id=setting.county_id,
        on=setting.on,
        categories=list(setting.categories),
        engine=ENGINE,
        inputs=zlib.compress(inputs),
        inputs_hash=sha256(inputs),
        context=zlib.compress(around),
        context_hash=sha256(around),
        parameters=frozen.asked.as_json(),
        draft_id=setting.draft_id,
        name=setting.name,
        result=zlib.compress(answer),
        result_hash=sha256(answer),
        certificate=computed.certificate,
        is_certified=computed.is_certified,
        outcome=computed.outcome,
        by_category=[asdict(one) for one in figures],
        offer_count=int(problem.is_offer.sum()),
        need_count=int((~problem.is_offer).sum()),
        edge_count=outcome.cleared.pairs,
        match_count=computed.outcome["matches"],
        welfare_fen=computed.outcome["welfare_fen"],
        value_fen=computed.outcome["value_fen"],
        seconds=computed.seconds,
        run_by_id=actor.user_id,
        run_at=clock.now(),
    )
    hashes = {"inputs": row.inputs_hash, "context": row.context_hash, "result": row.result_hash}
    of = {"draft": row.draft_id, "parameters": row.parameters} if row.draft_id else {}
    audit.add("clearing", row.pk, place_id=row.county_id, matches=row.match_count, **hashes, **of)
    return row


def require_area(actor: Actor, county: Place | None) -> None:
    """Refuse an area that the actor may not clear: a county of his own, or the nation (None)."""
    require(actor, "exchange.clear")
    if county is None:
        scopes = actor.scopes("exchange.clear")
        if not any(isinstance(scope, PlaceScope) and scope.level == 0 for scope in scopes):
            raise Hidden(_("全国撮合需要全国范围的权限。"), remedy=_("请对本县进行撮合。"))
    elif (
        county.level != Place.Level.COUNTY
        or not Place.objects.filter(place_filter(actor, "exchange.clear"), pk=county.pk).exists()
    ):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请选择本县。"))


def publish_clearing(*, actor: Actor, clearing_id: int, version: int) -> Clearing:
    """Turn a certified run into proposals to both sides, and store why the rest found nobody.

    Older unanswered proposals of the same postings are superseded. Of a draft and its scenarios one is
    published; the others stay as they are. Raises Conflict when the run is not certified, it or another of
    its draft is published already, or a posting it matched, or a budget it kept to, has changed since.
    """
    with write("exchange.publish_clearing", actor) as audit:
        row = _open_run(actor, clearing_id, version)
        _check_only(row)
        if not row.is_certified:
            raise Conflict(
                _("独立检验没有通过，不能发布。"), remedy=_("请重新撮合；若仍不通过请联系系统管理员。")
            )
        frozen = thaw(row)
        _check_unchanged(frozen)
        now = clock.now()
        numbers = frozen.problem.id.tolist()
        execute(_SUPERSEDED, {"ids": numbers, "county": row.county_id, "at": now})
        _check_budgets(frozen)
        copy_rows("exchange_match", MATCH_COLUMNS, _match_lines(row.pk, frozen, now))
        columns = ("clearing_id", "posting_id", "quantity", "code", "details")
        copy_rows("exchange_leftover", columns, _leftover_lines(row.pk, frozen))
        copy_rows("exchange_seen", SEEN_COLUMNS, _seen_lines(row.pk, frozen))
        _note_helps(row.pk, frozen)
        row.state = Clearing.State.PUBLISHED
        row.published_by_id = actor.user_id
        row.published_at = now
        save(row)
        audit.add_bulk("match", _MATCHED, [row.pk])
        audit.entries.append(
            Draft(audit.action, "clearing", str(row.pk), row.county_id, {"matches": row.match_count})
        )
    return row


def discard_clearing(*, actor: Actor, clearing_id: int, version: int, reason: str) -> Clearing:
    """Set a computed run aside; it stays readable and is never published."""
    if not reason.strip():
        raise invalid("reason", _("请说明作废的理由。"))
    with write("exchange.discard_clearing", actor) as audit:
        row = _open_run(actor, clearing_id, version)
        row.state = Clearing.State.DISCARDED
        save(row)
        audit.add("clearing", row.pk, place_id=row.county_id, reason=reason)
    return row


def _open_run(actor: Actor, clearing_id: int, version: int) -> Clearing:
    within = place_filter(actor, "exchange.clear", "county__")
    row = open_door(Clearing.objects.all(), actor, "exchange.clear", clearing_id, within=within, lock=True)
    check_version(row, version)
    if row.state != Clearing.State.COMPUTED:
        raise Conflict(_("这次撮合已发布或已作废。"))
    return row


def _check_only(row: Clearing) -> None:
    """Lock the draft, and refuse when it or another of its scenarios is published."""
    draft = row.draft_id or row.pk
    Clearing.objects.select_for_update(of=("self",)).only("pk").get(pk=draft)
    other = published_of(row)
    if other:
        text = _("这份草案已按方案 #%(number)d 发布，只能发布一个方案。")
        raise Conflict(text % {"number": other}, remedy=_("如需改用别的方案，请重新撮合。"))


def _note_helps(clearing_id: int, frozen: Frozen) -> None:
    """What the funds of emergencies pay on these proposals."""
    helps = frozen.context.helps
    if helps:
        postings, emergencies, fen = (list(column) for column in zip(*helps, strict=True))
        values = {"run": clearing_id, "postings": postings, "emergencies": emergencies, "fen": fen}
        execute(_HELPED, values)


def _check_unchanged(frozen: Frozen) -> None:
    """Every matched posting must still be open, with its terms and enough left."""
    problem = frozen.problem
    traded: Counter[int] = Counter()
    for position, units in _both_sides(frozen):
        traded[position] += units
    numbers = [int(problem.id[position]) for position in sorted(traded)]
    rows = Posting.objects.filter(pk__in=numbers, state=Posting.State.OPEN).order_by("pk")
    found = {row.pk: row for row in rows.select_for_update(of=("self",))}
    stated = dict(frozen.context.stated)
    changed = [
        position
        for position, units in traded.items()
        if not _is_as_seen(problem, position, units, found.get(int(problem.id[position])), stated)
    ]
    if changed:
        text = _("撮合之后有 %(count)d 条信息已变动（共 %(matches)d 个建议）。")
        raise Conflict(
            text % {"count": len(changed), "matches": len(frozen.result.offer)},
            remedy=_("请重新撮合后再发布。"),
        )


def _check_budgets(frozen: Frozen) -> None:
    """Every budget that was kept to must still pay for what the run proposes, beside what others proposed.

    The budgets are locked, so that two runs published at the same time do not count one twice.
    """
    if frozen.outcome.sides is None or not frozen.asked.has_budgets:
        return
    organisations = [organisation_of(owner) or 0 for owner, _fen in frozen.context.budgets]
    locked = Budget.objects.filter(organisation__in=organisations).order_by("pk")
    list(locked.select_for_update().values_list("pk"))
    left = budgets_free(organisations, clock.today())
    spent = zip(organisations, frozen.outcome.sides.spent_fen.tolist(), strict=True)
    over = [one for one, fen in spent if fen > left.get(one, fen)]
    if over:
        text = _("撮合之后，有 %(count)d 家机构的预算剩得比建议要付的少。")
        raise Conflict(text % {"count": len(over)}, remedy=_("请重新撮合后再发布。"))


def _both_sides(frozen: Frozen) -> Iterable[tuple[int, int]]:
    result = frozen.result
    units = result.quantity.tolist()
    yield from zip(result.offer.tolist(), units, strict=True)
    yield from zip(result.need.tolist(), units, strict=True)
    for i, j, swapped in swap_legs(frozen.outcome):
        yield from ((i, swapped), (j, swapped))


def _is_as_seen(
    problem: Postings, position: int, units: int, row: Posting | None, stated: dict[int, int]
) -> bool:
    return (
        row is not None
        and row.limit_fen == stated.get(row.pk, int(problem.limit[position]))
        and row.window_from.toordinal() == problem.start[position]
        and row.window_to.toordinal() == problem.end[position]
        and row.quantity - row.agreed_quantity >= units
    )


def _match_lines(clearing_id: int, frozen: Frozen, now: datetime) -> Iterator[Sequence[Any]]:
    problem = frozen.problem
    for one in proposals(problem, frozen.context, frozen.asked, frozen.outcome):
        yield (
            1,
            now,
            now,
            clearing_id,
            int(problem.id[one.offer]),
            int(problem.id[one.need]),
            problem.category_codes[problem.category[one.offer]],
            one.quantity,
            one.price_fen,
            one.transport_fen,
            one.offer_gain_fen,
            one.need_gain_fen,
            one.km,
            date.fromordinal(one.start),
            date.fromordinal(one.end),
            json.dumps(one.reason()),
            "pending",
            "pending",
            "proposed",
        )


def _leftover_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    sure = sure_changes(frozen)
    for reason in leftovers(frozen.problem, frozen.context, frozen.asked, frozen.outcome):
        number = int(frozen.problem.id[reason.posting])
        figures = reason.figures | ({"changes": sure[number]} if number in sure else {})
        yield clearing_id, number, reason.quantity, reason.code, json.dumps(figures)


def _seen_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    """Every posting as the run saw it, for pages that compare two of them."""
    problem = frozen.problem
    apart: dict[int, list[int]] = {}
    for offer, need in frozen.context.barred:
        apart.setdefault(offer, []).append(need)
    columns = (
        problem.id,
        problem.is_offer,
        problem.category,
        problem.owner,
        problem.county,
        problem.limit,
        problem.start,
        problem.end,
        problem.radius,
        problem.certificates,
        frozen.result.dual,
    )
    for number, side, category, owner, county, limit, start, end, *rest in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield (
            clearing_id,
            number,
            side,
            problem.category_codes[category],
            owner,
            problem.county_ids[county],
            limit,
            date.fromordinal(start),
            date.fromordinal(end),
            *rest,
            apart.get(number, []),
        )
