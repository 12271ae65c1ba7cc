"""Killed at any step, an upload is there whole or not at all; the sweep and the resumption tidy up."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from tests import people
from yuchang.files import actions, store
from yuchang.files.models import Blob, StoredFile
from yuchang.files.tests import hostile
from yuchang.market.tests.processes import fork, in_processes

pytestmark = pytest.mark.django_db(transaction=True)


def take(person: people.Person, content: bytes, about_id: int = 1) -> int:
    return actions.take_in(
        person.actor,
        upload=SimpleUploadedFile("a.jpg", content),
        purpose="household_document",
        place=people.villages()[0],
        about_kind="household",
        about_id=about_id,
    ).pk


def kill_at(step: int, person: people.Person, content: bytes) -> None:
    """Take a file in, in a process that dies at its n-th step: a statement, or a file written or removed."""
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(execute: Any, *arguments: Any) -> Any:
        count()
        answer = execute(*arguments)
        count()
        return answer

    put, remove = store.put, store.remove

    def counted_put(path: Path, data: bytes) -> None:
        count()
        put(path, data)
        count()

    def counted_remove(path: Path) -> None:
        count()
        remove(path)

    store.put, store.remove = counted_put, counted_remove  # type: ignore[assignment]
    with connection.execute_wrapper(statement):
        take(person, content)


def on_disk(kind: str) -> set[str]:
    return {p.name for p in store.folder(kind).rglob("*") if p.is_file()}


def require_agreement() -> None:
    """Disk and database name the same files, and every ready file can be read."""
    assert on_disk("sealed") == set(Blob.objects.values_list("name", flat=True))
    waiting = StoredFile.objects.filter(state="quarantined").values_list("quarantine_name", flat=True)
    assert on_disk("quarantine") == set(waiting)
    for blob in Blob.objects.all():
        assert len(actions.content_of(blob)) == blob.size
    for row in StoredFile.objects.filter(state="ready"):
        assert row.blob_id


def test_a_kill_at_any_step_leaves_nothing_half(monkeypatch: pytest.MonkeyPatch) -> None:
    person = people.li()
    person.actor  # noqa: B018 - asked once here, not in the children
    ends = set()
    for step in range(1, 60, 3):
        content = hostile.jpeg((100 + step, 80))
        child = fork(lambda step=step, content=content: kill_at(step, person, content))
        child.go()
        child.wait()
        ends.update(StoredFile.objects.values_list("state", flat=True))
    assert ends == {"quarantined", "ready"}  # kills before and after the row, and some that came through
    monkeypatch.setattr(actions, "STALLED", timedelta(0))
    actions.resume_stalled()
    actions.sweep(older_than_seconds=0)
    assert set(StoredFile.objects.values_list("state", flat=True)) == {"ready"}
    require_agreement()


def test_a_row_whose_bytes_never_came_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    person = people.li()
    take(person, hostile.jpeg())
    monkeypatch.setattr(actions, "STALLED", timedelta(0))
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("ALTER TABLE files_storedfile DISABLE TRIGGER files_storedfile_kept")
        cursor.execute(
            "UPDATE files_storedfile SET state = 'quarantined', quarantine_name = repeat('a', 48),"
            " blob_id = NULL, thumbnail_id = NULL"
        )
        cursor.execute("ALTER TABLE files_storedfile ENABLE TRIGGER files_storedfile_kept")
        cursor.execute("SET ROLE yuchang_app")
    assert actions.resume_stalled() == 1
    assert StoredFile.objects.get().state == "refused"


def test_two_uploads_of_one_content_at_once_share_it() -> None:
    person, content = people.wang(), hostile.jpeg((300, 200))
    take(person, hostile.jpeg((10, 10)))  # the county's key exists
    numbers = in_processes(*[lambda n=n: take(person, content, n) for n in range(4)])
    assert len(set(numbers)) == 4
    blobs = set(StoredFile.objects.filter(pk__in=numbers).values_list("blob_id", flat=True))
    assert len(blobs) == 1
    actions.sweep(older_than_seconds=0)
    require_agreement()


def test_an_end_and_a_new_upload_of_the_same_content_do_not_lose_it() -> None:
    person, content = people.wang(), hostile.jpeg((300, 200))
    for _ in range(5):
        number = take(person, content)
        version = StoredFile.objects.get(pk=number).version
        in_processes(
            lambda: actions.remove_file(person.actor, file_id=number, version=version, reason="x").pk,  # noqa: B023
            lambda: take(person, content),
        )
    actions.sweep(older_than_seconds=0)
    require_agreement()
    assert StoredFile.objects.filter(state="ready").count() == 5


def test_the_sweep_leaves_what_is_young() -> None:
    store.put(store.quarantine_path(store.new_name()), b"x")
    assert actions.sweep() == 0
    assert actions.sweep(older_than_seconds=0) == 1
