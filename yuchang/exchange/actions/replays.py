"""A stored run computed and checked once more: asked by whoever reads it, computed by a task, kept."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import save, write
from yuchang.core.errors import Conflict, Refused
from yuchang.exchange.inputs import Again, replay
from yuchang.exchange.models import Replay
from yuchang.exchange.queries import clearing_for
from yuchang.sheets.queries import task_app

State = Replay.State
UNDER_WAY = (State.QUEUED, State.RUNNING)


def ask_replay(*, actor: Actor, clearing_id: int) -> Replay:
    """Ask for a run in the actor's reach to be computed again from its frozen inputs and checked again.

    It changes nothing of the run, so whoever reads the run may ask. Raises Hidden for a run out of reach,
    Conflict while it is being computed already.
    """
    if actor.user_id is None:
        raise Refused(_("重算须由具名人员提出。"))
    with write("exchange.ask_replay", actor) as audit:
        run = clearing_for(actor, clearing_id)
        who = {"asked_by_id": actor.user_id, "asked_by_name": actor.name[:60]}
        try:
            with transaction.atomic():
                row = Replay.objects.create(clearing=run, asked_at=clock.now(), **who)
        except IntegrityError as error:
            raise Conflict(_("这次撮合正在重算。"), remedy=_("请等待结果。")) from error
        audit.add("clearing", run.pk, place_id=run.county_id, replay=row.pk)
        task_app().configure_task("exchange.recompute").defer(replay_id=row.pk)
    return row


def compute_replay(replay_id: int) -> None:
    """Compute and check a run again in the name of who asked. A task calls it.

    Running it again, after a worker died or twice, does no harm: the inputs are frozen, and a result once
    kept stays. Stored bytes that do not match their hashes are noted as the reason why it failed.
    """
    row = Replay.objects.select_related("clearing").get(pk=replay_id)
    if row.state not in UNDER_WAY:
        return

    def step(stage: str, percent: int) -> None:
        live = Replay.objects.filter(pk=replay_id, state__in=UNDER_WAY)
        live.update(state=State.RUNNING, stage=stage, percent=percent, updated_at=clock.now())

    try:
        found = replay(row.clearing, step)
    except ValueError as error:
        _keep(row, None, str(error))
    else:
        _keep(row, found, "")


def _keep(row: Replay, found: Again | None, message: str) -> None:
    """Note the result, if nobody has noted one meanwhile."""
    user = User.objects.get(pk=row.asked_by_id)
    actor = actor_for(user.pk, user.display_name, clock.today())
    with write("exchange.replay_clearing", actor) as audit:
        live = Replay.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if live.state not in UNDER_WAY:
            return
        live.finished_at, live.message = clock.now(), message[:300]
        live.state = State.FAILED if found is None else State.DONE
        if found is not None:
            live.percent, live.is_same, live.result_hash = 100, found.is_same, found.result_hash
            live.is_accepted = found.certificate.is_accepted
        save(live)
        told = {"is_same": live.is_same, "is_accepted": live.is_accepted, "result": live.result_hash}
        place_id = row.clearing.county_id
        audit.add(
            "clearing", row.clearing_id, place_id=place_id, replay=live.pk, message=message[:300], **told
        )
