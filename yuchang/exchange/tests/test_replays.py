"""A stored clearing is computed again by a task: whoever reads it may ask, and the answer is kept."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse

from tests import people
from yuchang.core.errors import Conflict, Hidden
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.models import Clearing, Replay
from yuchang.exchange.tests.world import Market

pytestmark = pytest.mark.django_db
PROGRESS = "exchange:replay_progress"


@pytest.fixture
def run() -> Clearing:
    return Market().run()


def damage(run: Clearing, inputs: bytes) -> None:
    """Change the frozen bytes, as nobody but the server's administrator can."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
        cursor.execute("UPDATE exchange_clearing SET inputs = %s WHERE id = %s", [inputs, run.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("SET ROLE yuchang_app")


def test_an_auditor_asks_waits_and_reads_the_answer_with_its_progress(run: Clearing) -> None:
    auditor = people.auditor()
    client, page = auditor.client(), reverse("exchange:clearing", args=[run.pk])
    answer = client.post(reverse("exchange:clearing_check", args=[run.pk]))
    assert (answer.status_code, answer.url) == (302, page)
    row = Replay.objects.get()
    progress = reverse(PROGRESS, args=[row.pk])
    waiting = client.get(page).content.decode()
    assert progress in waiting
    assert "排队中" in waiting
    assert reverse("exchange:clearing_check", args=[run.pk]) not in waiting
    assert client.get(progress).status_code == 200
    actions.compute_replay(row.pk)
    assert client.get(progress).headers["HX-Refresh"] == "true"
    done = client.get(page).content.decode()
    assert "重算结果逐字节一致，检验通过" in done
    assert auditor.user.display_name in done
    row.refresh_from_db()
    assert (row.state, row.percent, row.result_hash) == ("done", 100, run.result_hash)
    said = AuditEntry.objects.filter(object_kind="clearing", object_id=str(run.pk), actor_id=auditor.user.pk)
    assert list(said.order_by("id").values_list("action", flat=True)) == [
        "exchange.ask_replay",
        "exchange.replay_clearing",
    ]


def test_nobody_out_of_reach_asks_and_one_waits_for_the_other(run: Clearing) -> None:
    for person in (people.outsider(), people.zhao(run.pk)):
        assert person.client().post(reverse("exchange:clearing_check", args=[run.pk])).status_code == 404
        with pytest.raises(Hidden):
            actions.ask_replay(actor=person.actor, clearing_id=run.pk)
    wang = people.wang()
    row = actions.ask_replay(actor=wang.actor, clearing_id=run.pk)
    assert people.outsider().client().get(reverse(PROGRESS, args=[row.pk])).status_code == 404
    with pytest.raises(Conflict, match="正在重算"):
        actions.ask_replay(actor=wang.actor, clearing_id=run.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Replay.objects.create(clearing=run, asked_by_id=1, asked_by_name="甲", asked_at=row.asked_at)


def test_a_worker_that_dies_leaves_it_to_the_next_and_a_kept_result_stays(
    run: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = actions.ask_replay(actor=people.wang().actor, clearing_id=run.pk)

    class Killed(BaseException):
        pass

    def dies(*_args: Any, step: Any, **_more: Any) -> None:
        step("market", 20)
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("yuchang.exchange.inputs.compute", dies)
        actions.compute_replay(row.pk)
    row.refresh_from_db()
    assert (row.state, row.stage, row.percent) == ("running", "market", 20)
    for _again in range(2):
        actions.compute_replay(row.pk)
    row.refresh_from_db()
    assert (row.state, row.is_same, row.is_accepted) == ("done", True, True)
    assert AuditEntry.objects.filter(action="exchange.replay_clearing").count() == 1
    with pytest.raises(IntegrityError, match="has its result"), transaction.atomic():
        Replay.objects.filter(pk=row.pk).update(is_same=False)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()
    actions.compute_replay(actions.ask_replay(actor=people.wang().actor, clearing_id=run.pk).pk)
    assert Replay.objects.filter(state="done").count() == 2


def test_bytes_that_were_tampered_with_are_reported_and_not_computed(run: Clearing) -> None:
    row = actions.ask_replay(actor=people.wang().actor, clearing_id=run.pk)
    damage(run, zlib.compress(b"{}"))
    actions.compute_replay(row.pk)
    row.refresh_from_db()
    assert (row.state, row.is_same) == ("failed", None)
    page = people.wang().client().get(reverse("exchange:clearing", args=[run.pk])).content.decode()
    assert "不能重算：保存的内容与哈希不符" in page
    assert "重算并再检验" in page
