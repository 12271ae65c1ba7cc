"""Publishing a run: asked by an officer, decided at one moment, sent out in portions by a task, told once.

The decision is one transaction: every matched posting and every budget is locked and checked, and the
proposals are written down as ``Unsent``. From then on they stand like proposals already made (budgets hold
them, what withdraws a posting removes them), and each portion turns some into matches in a transaction of its
own: both sides see a proposal once its portion is written, before the run is ``published``. A process killed
at any moment leaves what is written; whoever carries the publication out again goes on there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

from django.db import DatabaseError, OperationalError, connection
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import save, write
from yuchang.core.errors import Conflict, Refused, YuchangError
from yuchang.exchange.actions.clearings import open_run
from yuchang.exchange.actions.portions import (
    PORTION,
    Over,
    live,
    replace_older,
    send_portion,
    write_leftovers,
    write_seen,
    write_unsent,
)
from yuchang.exchange.actions.telling import Words, tell_run
from yuchang.exchange.budgets import budgets_free
from yuchang.exchange.clearing.problem import Problem as Postings
from yuchang.exchange.clearing.scenario import swap_legs
from yuchang.exchange.inputs import Frozen, organisation_of, thaw
from yuchang.exchange.models import Budget, Clearing, Publication
from yuchang.exchange.queries_console import UNDER_WAY, holding_publications, is_moving, published_of
from yuchang.sheets.queries import task_app

State = Publication.State
ATTEMPTS = 3
"""So often a portion is tried whose locks cross another writer's."""
DECISIONS = 7_203_014
"""The advisory lock under which decisions get their turns."""


def ask_publication(*, actor: Actor, clearing_id: int, version: int) -> Publication:
    """Have a task send a certified run's proposals to both sides, and keep why the rest found nobody.

    Older unanswered proposals of the same postings are superseded. Of a draft and its scenarios one is
    published; the others stay as they are. A publication that failed is gone on with. Raises Conflict when
    the run is not certified, it or another of its draft is published or being published.
    """
    return _ask(actor, clearing_id, version, is_deferred=True)


def publish_clearing(*, actor: Actor, clearing_id: int, version: int) -> Clearing:
    """``ask_publication`` carried out at once, for the terminal and the demonstration.

    Raises as asking does, and Conflict when a posting it matched, or a budget it kept to, has changed since.
    """
    row = _ask(actor, clearing_id, version, is_deferred=False)
    _carried_out(actor, row.pk)
    return Clearing.objects.get(pk=clearing_id)


def carry_out_publication(publication_id: int) -> None:
    """Decide and send a publication in the name of who asked. A task calls it.

    Running it again, after a worker died or twice at once, loses and doubles nothing. What makes it
    impossible is noted as the reason why it failed.
    """
    row = Publication.objects.get(pk=publication_id)
    user = User.objects.get(pk=row.asked_by_id)
    try:
        _carried_out(actor_for(user.pk, user.display_name, clock.today()), row.pk)
    except (YuchangError, ValueError):
        return


def _ask(actor: Actor, clearing_id: int, version: int, *, is_deferred: bool) -> Publication:
    with write("exchange.ask_publication", actor) as audit:
        run = open_run(actor, clearing_id, version)
        row = _asked(actor, run)
        audit.add("clearing", run.pk, place_id=run.county_id, publication=row.pk)
        if is_deferred:
            task_app().configure_task("exchange.publish").defer(publication_id=row.pk)
    return row


def _asked(actor: Actor, run: Clearing) -> Publication:
    """The publication of a locked run, queued. Raises Conflict, Refused."""
    if actor.user_id is None:
        raise Refused(_("发布须由具名人员提出。"))
    _check_only(run)
    if not run.is_certified:
        raise Conflict(
            _("独立检验没有通过，不能发布。"), remedy=_("请重新撮合；若仍不通过请联系系统管理员。")
        )
    values = {"asked_by_id": actor.user_id, "asked_by_name": actor.name[:60], "asked_at": clock.now()}
    row = Publication.objects.select_for_update(of=("self",)).filter(clearing=run).first()
    if row is None:
        return Publication.objects.create(clearing=run, draft_id=run.draft_id or run.pk, **values)
    if is_moving(row):
        raise Conflict(_("这次撮合正在发布。"), remedy=_("请等待结果。"))
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.message, row.finished_at = State.QUEUED, "", None
    save(row)
    return row


def _check_only(run: Clearing) -> None:
    """Lock the draft, and refuse when another of it is published or being published."""
    draft = run.draft_id or run.pk
    Clearing.objects.select_for_update(of=("self",)).only("pk").get(pk=draft)
    others = holding_publications(run).exclude(clearing=run)
    other = published_of(run) or others.values_list("clearing_id", flat=True).first()
    if other:
        text = _("这份草案已按方案 #%(number)d 发布，只能发布一个方案。")
        raise Conflict(text % {"number": other}, remedy=_("如需改用别的方案，请重新撮合。"))


# Carrying out -------------------------------------------------------------------------------------


def _carried_out(actor: Actor, publication_id: int) -> None:
    """Everything from where it stands to the notices. Notes why it failed, and raises it."""
    try:
        _course(actor, publication_id)
    except Over:
        return
    except YuchangError as error:
        _fail(actor, publication_id, str(error))
        raise
    except ValueError:
        _fail(actor, publication_id, _("保存的内容与哈希不符。"))
        raise
    except DatabaseError:
        _fail(actor, publication_id, _("数据库未能写入，请稍后再试。"))
        raise


def _course(actor: Actor, publication_id: int) -> None:
    _note(publication_id, "start", 1)
    row = Publication.objects.select_related("clearing").get(pk=publication_id)
    frozen = thaw(row.clearing)
    if row.decided_at is None:
        _note(row.pk, "decide", 2)
        _patiently(lambda: _decide(actor, row, frozen))
        row.refresh_from_db()
    _note(row.pk, "seen", 5)
    write_seen(row, frozen)
    _note(row.pk, "explain", 15)
    write_leftovers(row, frozen)
    _note(row.pk, "replace", 25)
    _patiently(lambda: replace_older(row, frozen))
    _note(row.pk, "send", 40)
    try:
        while True:
            _patiently(lambda: send_portion(actor, row.pk))
    except Over:
        _note(row.pk, "tell", 95)
    _finish(actor, row.pk)


def _note(publication_id: int, stage: str, percent: int) -> None:
    """Where it stands, for the page that asks. Raises Over when it is over."""
    rows = Publication.objects.filter(pk=publication_id, state__in=UNDER_WAY)
    if not rows.update(state=State.RUNNING, stage=stage, percent=percent, updated_at=Now()):
        raise Over


def _patiently(portion: Callable[[], None]) -> None:
    """One portion, tried again where its locks crossed another writer's: it was rolled back whole."""
    for attempt in range(ATTEMPTS):
        try:
            return portion()
        except OperationalError:
            if attempt == ATTEMPTS - 1 or connection.in_atomic_block:
                raise
    return None


def _decide(actor: Actor, row: Publication, frozen: Frozen) -> None:
    """From here the run's proposals hold: checked against what is, and written down. All or nothing."""
    with write("exchange.decide_publication", actor) as audit:
        run = open_run(actor, row.clearing_id)
        _check_only(run)
        found = live(row.pk)
        if found.decided_at is not None:
            raise Over
        _check_unchanged(frozen)
        _check_budgets(frozen, run)
        found.total = write_unsent(run.pk, frozen)
        found.turn = _next_turn()
        found.decided_at = clock.now()
        save(found)
        audit.add("clearing", run.pk, place_id=run.county_id, proposals=found.total)


def _next_turn() -> int:
    """The place of this decision among all; the order is that of the commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DECISIONS])
    last = Publication.objects.aggregate(last=Max("turn"))["last"]
    return (last or 0) + 1


def _finish(actor: Actor, publication_id: int) -> None:
    """Tell both sides and call the run published, in one transaction: so they are told once."""
    with write("exchange.publish_clearing", actor) as audit:
        number = Publication.objects.values_list("clearing_id", flat=True).get(pk=publication_id)
        run = Clearing.objects.select_for_update(of=("self",)).get(pk=number)
        row = live(publication_id)
        told = tell_run(actor, run.pk, _news(), is_large=row.total > PORTION)
        run.state, run.published_by_id, run.published_at = (
            Clearing.State.PUBLISHED,
            row.asked_by_id,
            clock.now(),
        )
        save(run)
        row.state, row.stage, row.percent, row.finished_at = State.DONE, "", 100, clock.now()
        save(row)
        figures = {"matches": row.sent, "proposals": row.total, "told": told}
        audit.add("clearing", run.pk, place_id=run.county_id, **figures)


def _news() -> Words:
    return Words(gettext_noop("有一项新的撮合建议等您答复"), gettext_noop("有 %s 项新的撮合建议等您答复"))


def _fail(actor: Actor, publication_id: int, message: str) -> None:
    with write("exchange.fail_publication", actor) as audit:
        row = Publication.objects.select_for_update(of=("self",)).get(pk=publication_id)
        if row.state in UNDER_WAY:
            row.state, row.message, row.finished_at = State.FAILED, message[:300], clock.now()
            save(row)
        audit.add("clearing", row.clearing_id, publication=row.pk, message=message[:300])


# What the decision checks -------------------------------------------------------------------------

_LOCKED = """
    SELECT id, limit_fen, window_from, window_to, quantity - agreed_quantity FROM exchange_posting
    WHERE id = ANY(%s) AND state = 'open' ORDER BY id FOR UPDATE
"""


class Stored(NamedTuple):
    """What an open posting says now."""

    pk: int
    limit_fen: int
    window_from: date
    window_to: date
    left: int


def _check_unchanged(frozen: Frozen) -> None:
    """Every matched posting must still be open, with its terms and enough left."""
    problem = frozen.problem
    traded: Counter[int] = Counter()
    for position, units in _both_sides(frozen):
        traded[position] += units
    numbers = [int(problem.id[position]) for position in sorted(traded)]
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED, [numbers])
        found = {row[0]: Stored(*row) for row in cursor.fetchall()}
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


def _check_budgets(frozen: Frozen, run: Clearing) -> None:
    """Every budget that was kept to must still pay for what the run proposes, beside what others proposed.

    The budgets are locked, so that two runs decided at the same time do not count one twice. What the run
    replaces does not count.
    """
    if frozen.outcome.sides is None or not frozen.asked.has_budgets:
        return
    organisations = [organisation_of(owner) or 0 for owner, _fen in frozen.context.budgets]
    locked = Budget.objects.filter(organisation__in=organisations).order_by("pk")
    list(locked.select_for_update().values_list("pk"))
    replaced = frozen.problem.id.tolist()
    left = budgets_free(organisations, clock.today(), replaced=replaced, county_id=run.county_id)
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
    problem: Postings, position: int, units: int, row: Stored | None, stated: dict[int, int]
) -> bool:
    return (
        row is not None
        and row.limit_fen == stated.get(row.pk, int(problem.limit[position]))
        and row.window_from.toordinal() == problem.start[position]
        and row.window_to.toordinal() == problem.end[position]
        and row.left >= units
    )
