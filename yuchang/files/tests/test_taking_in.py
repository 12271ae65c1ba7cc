"""An upload's way: quarantine, judged, sealed and ready, or refused with a reason; doors, quota, scanner, end."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry, Instance
from yuchang.files import actions, queries, store
from yuchang.files.models import Blob, StoredFile
from yuchang.files.tests import hostile

pytestmark = pytest.mark.django_db


def upload(content: bytes | None = None, name: str = "照片.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, hostile.jpeg() if content is None else content)


def take(
    person: people.Person, content: bytes | None = None, name: str = "照片.jpg", **more: Any
) -> StoredFile:
    values: dict[str, Any] = {
        "purpose": "household_document",
        "place": people.villages()[0],
        "about_kind": "household",
        "about_id": 7,
    } | more
    return actions.take_in(person.actor, upload=upload(content, name), **values)


def on_disk() -> list[Path]:
    return [p for kind in ("quarantine", "sealed") for p in store.folder(kind).rglob("*") if p.is_file()]


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_photo_becomes_ready_sealed_private_and_can_be_read_back(committed: Any) -> None:
    li = people.li()
    with committed():
        row = take(li, hostile.photo_with_gps(), title=" 屋前 ")
    assert (row.state, row.kind, row.title, row.file_name) == ("ready", "jpeg", "屋前", "照片.jpg")
    assert row.received_sha256 != row.sha256
    paths = on_disk()
    assert len(paths) == 2  # the picture and its thumbnail; the quarantine is empty again
    for path in paths:
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"JFIF" not in path.read_bytes()
    assert store.folder("sealed").stat().st_mode & 0o777 == 0o700
    opened = actions.open_file(li.actor, file_id=row.pk)
    assert opened.content.startswith(b"\xff\xd8\xff")
    assert (
        AuditEntry.objects.filter(action__in=["files.receive", "files.make_ready", "files.open"]).count() == 3
    )


def test_a_refused_upload_leaves_a_row_with_its_reason_and_no_bytes(committed: Any) -> None:
    with committed(), pytest.raises(Invalid):
        take(people.li(), b"<svg onload='x()'/>", "a.png")
    row = StoredFile.objects.get()
    assert (row.state, bool(row.reason), row.blob_id, on_disk()) == ("refused", True, None, [])


def test_the_same_content_lies_on_the_disk_once_and_goes_with_its_last_file(committed: Any) -> None:
    wang = people.wang()
    with committed():
        first, second = take(wang), take(wang, about_id=8)
    assert first.blob_id == second.blob_id
    with committed():
        actions.remove_file(wang.actor, file_id=first.pk, version=first.version, reason="传错")
    assert len(on_disk()) == 2
    with committed():
        actions.remove_file(wang.actor, file_id=second.pk, version=second.version, reason="传错")
    assert (on_disk(), Blob.objects.count()) == ([], 0)
    first.refresh_from_db()
    assert (first.state, first.file_name, first.reason) == ("removed", "", "传错")


def test_the_neighbour_neither_adds_nor_reads_nor_removes() -> None:
    li, outsider = people.li(), people.outsider()
    row = take(li)
    with pytest.raises(Hidden):
        take(outsider)
    with pytest.raises(Hidden):
        actions.open_file(outsider.actor, file_id=row.pk)
    with pytest.raises(Hidden):
        actions.remove_file(outsider.actor, file_id=row.pk, version=row.version, reason="x")
    assert not queries.files_about_for(outsider.actor, "household", 7).exists()
    assert queries.files_about_for(people.auditor().actor, "household", 7).exists()
    with pytest.raises(Refused):
        take(people.auditor())


def test_a_household_and_an_organisation_reach_their_own_files_only() -> None:
    take(people.wang())
    own = people.person("农户", Role.HOUSEHOLD, place=None, organisation_id=None, nation=True)
    own.user.role_grants.all().delete()
    own.user.role_grants.create(role="household", scope_kind="household", target_id=7, valid_from=people.FROM)
    assert queries.files_for(own.actor).count() == 1
    own.user.role_grants.update(target_id=8)
    assert queries.files_for(own.actor).count() == 0
    zhao = people.zhao(44)
    about = {"purpose": "organisation_document", "about_kind": "organisation", "place": people.county()}
    row = take(zhao, about_id=44, **about)
    assert queries.files_for(zhao.actor).get() == row
    with pytest.raises(Hidden):
        take(zhao, about_id=45, **about)
    assert not queries.files_for(people.zhao(45).actor).exists()


def test_expiry_takes_file_and_bytes_unless_held(committed: Any) -> None:
    wang = people.wang()
    with committed():
        row, held = (
            take(wang, expires_on=clock.today()),
            take(wang, hostile.png(), "b.png", expires_on=clock.today()),
        )
    actions.hold_file(wang.actor, file_id=held.pk, version=held.version, reason="申诉中")
    assert actions.expire_due() == 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE files_storedfile SET expires_on = expires_on - 1")
    with committed():
        assert actions.expire_due() == 1
    row.refresh_from_db()
    held.refresh_from_db()
    assert (row.state, row.blob_id, row.file_name, held.state) == ("expired", None, "", "ready")
    assert len(on_disk()) == 2
    with pytest.raises(Hidden):
        actions.open_file(wang.actor, file_id=row.pk)
    with pytest.raises(Conflict):
        actions.remove_file(wang.actor, file_id=held.pk, version=held.version, reason="x")


def test_a_purpose_limits_how_long_it_is_kept() -> None:
    row = take(people.li(), purpose="visit_photo", about_kind="alert")
    assert row.expires_on == clock.today() + timedelta(days=3 * 366)
    with pytest.raises(Invalid):
        take(people.li(), expires_on=clock.today() - timedelta(days=1))


def test_only_the_county_holds_a_file() -> None:
    li = people.li()
    row = take(li)
    with pytest.raises(Refused):
        actions.hold_file(li.actor, file_id=row.pk, version=row.version, reason="申诉中")


def test_a_full_county_and_a_busy_person_are_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FILES_QUOTA = 100
    with pytest.raises(Conflict):
        take(people.li())
    assert on_disk() == []
    settings.FILES_QUOTA = 1 << 30
    monkeypatch.setattr(actions, "DAILY_UPLOADS", 1)
    li = people.li()
    take(li)
    with pytest.raises(Conflict):
        take(li)


def test_the_day_of_uploads_is_a_real_one_where_the_working_day_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last_year = timezone.now() - timedelta(days=365)
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": last_year})
    monkeypatch.setattr(actions, "DAILY_UPLOADS", 1)
    li = people.li()
    first = take(li)
    Instance.objects.update(clock_at=last_year + timedelta(days=30))
    with pytest.raises(Conflict):
        take(li)
    StoredFile.objects.update(arrived_at=F("arrived_at") - timedelta(hours=25))
    assert take(li).received_at == first.received_at + timedelta(days=30)


@pytest.mark.parametrize(("code", "expected"), [(0, None), (1, Invalid), (2, Conflict)])
def test_the_operators_scanner_is_asked(settings: Any, tmp_path: Path, code: int, expected: Any) -> None:
    script = tmp_path / "scan.py"
    script.write_text(f"import sys; assert open(sys.argv[1], 'rb').read(3); sys.exit({code})")
    settings.FILES_SCANNER = f"{sys.executable} {script}"
    if expected is None:
        assert take(people.li()).state == "ready"
    else:
        with pytest.raises(expected):
            take(people.li())
        assert StoredFile.objects.get().state == ("refused" if expected is Invalid else "quarantined")


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "x" * 20, "é" * 40])
def test_the_store_opens_no_name_but_its_own(name: str) -> None:
    with pytest.raises(ValueError, match="not a name of ours"):
        store.sealed_path(name)


@pytest.mark.parametrize(
    "change",
    ["about_id = 9", "purpose = 'seal_image'", "state = 'quarantined', quarantine_name = 'x', blob_id = NULL, thumbnail_id = NULL",
     "blob_id = NULL", "received_sha256 = repeat('0', 64)"],
)  # fmt: skip
def test_the_database_keeps_a_file_with_its_object_and_state(change: str) -> None:
    take(people.li())
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute(f"UPDATE files_storedfile SET {change}")


def test_a_sealed_file_that_was_changed_or_moved_is_not_opened(committed: Any) -> None:
    li = people.li()
    with committed():
        row = take(li)
    path = store.sealed_path(row.blob.name)
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(Exception, match="altered"):
        actions.open_file(li.actor, file_id=row.pk)
