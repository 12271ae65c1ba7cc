"""Clearing runs: frozen, checked independently, then published as proposals."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.actions import Recorder, check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, invalid
from yuchang.exchange.clearing.engine import ENGINE
from yuchang.exchange.clearing.problem import Problem as Postings
from yuchang.exchange.clearing.problem import Unfit, sha256
from yuchang.exchange.clearing.scenario import Step, category_figures, compute
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.clearing.summary import Tally, summary_of
from yuchang.exchange.clearing.terms import PLAIN, Context, Parameters, terms_of
from yuchang.exchange.inputs import Frozen
from yuchang.exchange.models import Clearing
from yuchang.exchange.queries_console import holding_publications
from yuchang.exchange.surroundings import load_inputs
from yuchang.exchange.words import unfit_message
from yuchang.places.models import Place


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


def discard_clearing(*, actor: Actor, clearing_id: int, version: int, reason: str) -> Clearing:
    """Set a computed run aside; it stays readable and is never published."""
    if not reason.strip():
        raise invalid("reason", _("请说明作废的理由。"))
    with write("exchange.discard_clearing", actor) as audit:
        row = open_run(actor, clearing_id, version)
        if holding_publications(row).filter(clearing=row).exists():
            raise Conflict(_("这次撮合正在发布，不能作废。"), remedy=_("请等待发布结束。"))
        row.state = Clearing.State.DISCARDED
        save(row)
        audit.add("clearing", row.pk, place_id=row.county_id, reason=reason)
    return row


def open_run(actor: Actor, clearing_id: int, version: int | None = None) -> Clearing:
    """Lock a computed run in the actor's reach, in the version given. Raises Hidden, Stale, Conflict."""
    within = place_filter(actor, "exchange.clear", "county__")
    row = open_door(Clearing.objects.all(), actor, "exchange.clear", clearing_id, within=within, lock=True)
    if version is not None:
        check_version(row, version)
    if row.state != Clearing.State.COMPUTED:
        raise Conflict(_("这次撮合已发布或已作废。"))
    return row
