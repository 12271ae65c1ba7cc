"""Every write of files: take in, judge, make ready or refuse, hold, remove, expire, and the sweep.

All or nothing across disk and database (see ``store``): a row names bytes only when they are safely on the
disk; bytes without a row are swept. A row left in quarantine by a killed process is judged again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.factors import real_now
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import Recorder, check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, invalid
from yuchang.core.secrets import seal_bytes, unseal_bytes
from yuchang.files import queries, scanner, store
from yuchang.files.judging import Judged, judge, require_size
from yuchang.files.models import Blob, StoredFile
from yuchang.files.rules import DAILY_UPLOADS, PURPOSES, Purpose, clean_name
from yuchang.places.models import Place, keys_of

State = StoredFile.State
LABEL = "files.blob"
ORPHAN_SECONDS = 3600.0
STALLED = timedelta(minutes=5)


class Upload(Protocol):
    """What Django's uploaded files are: a name, a size, and bytes to read."""

    @property
    def name(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...
    def read(self) -> bytes: ...


# --- taking in --------------------------------------------------------------------------------


def take_in(
    actor: Actor,
    *,
    upload: Upload,
    purpose: str,
    place: Place,
    about_kind: str,
    about_id: int,
    expires_on: date | None = None,
    title: str = "",
) -> StoredFile:
    """Take an upload through quarantine and judging; the row returned is ready.

    ``about_kind`` and ``about_id`` name the object, which the caller has opened through its door and which
    lies in ``place``; ``expires_on`` is the last day it is kept (a purpose may have a limit of its own).
    Raises Refused or Hidden outside the actor's reach, Invalid (field ``file``) for what is refused, Conflict
    when the room or the day's number is used up. A refusal is kept as a row with its reason, unless the
    caller wraps this in a transaction and lets the refusal undo it.
    """
    rules = _purpose(actor, purpose)
    if actor.user_id is None:
        raise invalid("file", _("文件须由具名人员上传。"))
    if expires_on is not None and expires_on < clock.today():
        raise invalid("expires_on", _("到期日已过。"), _("请填写今天或以后的日期。"))
    require_size(upload.size or 0, rules)
    content = upload.read()
    name = store.new_name()
    store.put(store.quarantine_path(name), content)
    if expires_on is None and rules.keep_days:
        expires_on = clock.today() + timedelta(days=rules.keep_days)
    row = StoredFile(
        purpose=purpose,
        about_kind=about_kind,
        about_id=about_id,
        title=title.strip()[:120],
        file_name=(upload.name or "")[-160:].replace("\x00", ""),
        quarantine_name=name,
        received_size=len(content),
        received_sha256=hashlib.sha256(content).hexdigest(),
        expires_on=expires_on,
        uploaded_by_id=actor.user_id,
        received_at=clock.now(),
        place=place,
        **keys_of(place),
    )
    try:
        _receive(actor, row)
    except BaseException:
        store.remove(store.quarantine_path(name))
        raise
    return _judge(actor, row, content)


def _purpose(actor: Actor, purpose: str) -> Purpose:
    rules = PURPOSES.get(purpose)
    if rules is None:
        raise invalid("purpose", _("没有“%(purpose)s”这种用途。") % {"purpose": purpose})
    if not queries.may_add(actor, purpose):
        require(actor, rules.write[0])
    return rules


def _receive(actor: Actor, row: StoredFile) -> None:
    """The row in quarantine, once it lies in the actor's reach and there is room."""
    with write("files.receive", actor) as audit:
        row.save()
        if not StoredFile.objects.filter(queries.writable(actor), pk=row.pk).exists():
            raise Hidden(_("这里不在您的管辖范围内。"), remedy=_("请联系所属地区的工作人员上传。"))
        _require_room(actor, row)
        audit.add("file", row.pk, place_id=row.place_id, purpose=row.purpose, **_about(row))


def _about(row: StoredFile) -> dict[str, str | int]:
    return {"about": f"{row.about_kind}:{row.about_id}", "sha256": row.received_sha256}


def _require_room(actor: Actor, row: StoredFile) -> None:
    day_ago = real_now() - timedelta(days=1)
    sent = StoredFile.objects.filter(uploaded_by_id=actor.user_id, arrived_at__gt=day_ago)
    if sent[: DAILY_UPLOADS + 1].count() > DAILY_UPLOADS:
        raise Conflict(_("您今天上传的文件过多。"), remedy=_("请明天继续，或联系县级专员批量办理。"))
    if queries.used_bytes(_key(row)) + row.received_size > settings.FILES_QUOTA:
        raise Conflict(_("本县的文件空间已用完。"), remedy=_("请清理到期文件，或联系系统管理员扩容。"))


def _key(row: StoredFile) -> int:
    return row.county_id or row.place_id


def _judge(actor: Actor, row: StoredFile, content: bytes) -> StoredFile:
    """Judge what lies in quarantine and make it ready, or refuse it. Raises Invalid after a refusal."""
    try:
        scanner.scan(store.quarantine_path(row.quarantine_name))
        judged = judge(row.file_name, content, PURPOSES[row.purpose])
    except Invalid as error:
        _refuse(actor, row, error)
        raise
    return _make_ready(actor, row, judged)


def _refuse(actor: Actor, row: StoredFile, error: Invalid) -> None:
    with write("files.refuse", actor) as audit:
        found = _quarantined(row)
        found.state, found.reason = State.REFUSED, error.message[:300]
        found.quarantine_name, found.ended_at = "", clock.now()
        found.file_name = clean_name(found.file_name, "")[:160]
        save(found)
        _later_remove(row)
        audit.add("file", row.pk, place_id=row.place_id, reason=found.reason, **_about(row))


def _make_ready(actor: Actor, row: StoredFile, judged: Judged) -> StoredFile:
    with write("files.make_ready", actor) as audit:
        found = _quarantined(row)
        found.kind, found.size = judged.kind, len(judged.content)
        found.file_name = clean_name(found.file_name, judged.kind)
        found.blob = _keep(_key(row), judged.content)
        found.sha256 = found.blob.sha256
        found.thumbnail = _keep(_key(row), judged.thumbnail) if judged.thumbnail else None
        found.state, found.quarantine_name = State.READY, ""
        save(found)
        _later_remove(row)
        audit.add("file", row.pk, place_id=row.place_id, kept=found.sha256, **_about(row))
    return found


def _quarantined(row: StoredFile) -> StoredFile:
    """The row, locked; somebody else may have judged it meanwhile. Raises Conflict."""
    found = StoredFile.objects.select_for_update().get(pk=row.pk)
    if found.state != State.QUARANTINED:
        raise Conflict(_("这份文件已经检查过。"), remedy=_("请刷新页面查看结果。"))
    return found


def _later_remove(row: StoredFile) -> None:
    """The bytes in quarantine go once what became of them is committed."""
    transaction.on_commit(partial(store.remove, store.quarantine_path(row.quarantine_name)))


def _keep(key_id: int, content: bytes) -> Blob:
    """The blob of a content, locked until the row that names it is committed; written when there is none.

    Two at once: the second waits for the first one's row and takes it; its own file goes again.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = ""
    while True:
        found = Blob.objects.select_for_update().filter(key_id=key_id, sha256=sha256).first()
        if found is not None:
            if name and found.name != name:
                store.remove(store.sealed_path(name))
            return found
        if not name:
            name = store.new_name()
            store.put(store.sealed_path(name), seal_bytes(key_id, LABEL, name, content))
        row = Blob(key_id=key_id, sha256=sha256, name=name, size=len(content))
        Blob.objects.bulk_create([row], ignore_conflicts=True)


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A file with its bytes."""

    row: StoredFile
    content: bytes


def open_file(actor: Actor, *, file_id: int) -> Opened:
    """A ready file with its bytes; of a sensitive purpose it leaves an audit entry. Raises Hidden."""
    row = queries.file_for(actor, file_id)
    if row.blob_id is None:
        raise Hidden(
            _("这份文件%(state)s，不能打开。") % {"state": row.get_state_display()},
            remedy=_("如仍需要，请重新上传。"),
        )
    if PURPOSES[row.purpose].is_sensitive:
        with write("files.open", actor) as audit:
            audit.add("file", row.pk, place_id=row.place_id, purpose=row.purpose, **_about(row))
    return Opened(row, content_of(Blob.objects.get(pk=row.blob_id)))


def content_of(blob: Blob) -> bytes:
    """The plain bytes of a blob, for callers that came through the door. Raises Unreadable, OSError."""
    return unseal_bytes(blob.key_id, LABEL, blob.name, store.sealed_path(blob.name).read_bytes())


# --- ending -----------------------------------------------------------------------------------


def remove_file(actor: Actor, *, file_id: int, version: int | None, reason: str) -> StoredFile:
    """Take a file back: its bytes and its name go, the row stays with the reason.

    Raises Hidden outside of reach, Conflict for one that is held or gone, Stale, Invalid without a reason.
    """
    if not reason.strip():
        raise invalid("reason", _("请写明删除的理由。"))
    with write("files.remove", actor) as audit:
        row = _changeable(queries.writable(actor), file_id, version)
        if row.held_for:
            raise Conflict(
                _("这份文件因“%(why)s”须保留。") % {"why": row.held_for}, remedy=_("请先解除保留。")
            )
        _end(row, State.REMOVED, reason.strip())
        audit.add("file", row.pk, place_id=row.place_id, reason=row.reason, **_about(row))
    return row


def hold_file(actor: Actor, *, file_id: int, version: int | None, reason: str) -> StoredFile:
    """Keep a file beyond its expiry (an appeal, a finding); an empty reason ends that. Raises Hidden."""
    require(actor, queries.HOLD)
    with write("files.hold", actor) as audit:
        row = _changeable(queries.holdable(actor), file_id, version)
        row.held_for = reason.strip()[:200]
        save(row)
        audit.add("file", row.pk, place_id=row.place_id, held_for=row.held_for)
    return row


def _changeable(within: Q, file_id: int, version: int | None) -> StoredFile:
    row = StoredFile.objects.filter(within, pk=file_id).select_for_update().first()
    if row is None:
        raise Hidden(_("没有找到这份文件，或不在您的管辖范围内。"), remedy=_("请从所属的记录页面打开。"))
    check_version(row, version)
    if row.state != State.READY:
        raise Conflict(_("这份文件%(state)s。") % {"state": row.get_state_display()})
    return row


def _end(row: StoredFile, state: State, reason: str) -> None:
    """A ready row loses its bytes and its name. The caller has locked it.

    Blobs are locked before the counts of the place change, as an upload does it: never the other way round.
    """
    blobs = sorted({pk for pk in (row.blob_id, row.thumbnail_id) if pk is not None})
    list(Blob.objects.select_for_update().filter(pk__in=blobs).order_by("pk"))
    row.state, row.reason, row.ended_at = state, reason[:300], clock.now()
    row.blob = row.thumbnail = None
    row.file_name = row.title = ""
    save(row)
    for pk in blobs:
        _drop(pk)


def _drop(blob_id: int) -> None:
    """Remove a blob that no file names any more; its bytes go after the commit."""
    blob = Blob.objects.select_for_update().filter(pk=blob_id).first()
    if blob is None or StoredFile.objects.filter(queries.names_blob(blob_id)).exists():
        return
    blob.delete()
    transaction.on_commit(partial(store.remove, store.sealed_path(blob.name)))


# --- by the clock -----------------------------------------------------------------------------


def expire_due(limit: int = 500) -> int:
    """End what is past its last day and not held, bytes and all. Returns how many."""
    due = StoredFile.objects.filter(state=State.READY, expires_on__lt=clock.today(), held_for="")
    ended = 0
    for pk in list(due.order_by("pk").values_list("pk", flat=True)[:limit]):
        with write("files.expire", SYSTEM) as audit:
            ended += _expire(pk, audit)
    return ended


def _expire(pk: int, audit: Recorder) -> int:
    row = StoredFile.objects.select_for_update().get(pk=pk)
    audit.add("file", pk, place_id=row.place_id, expires_on=str(row.expires_on))
    if row.state != State.READY or row.held_for:
        return 0
    _end(row, State.EXPIRED, "")
    return 1


def resume_stalled() -> int:
    """Judge again what a killed process left in quarantine. Returns how many were judged."""
    stalled = StoredFile.objects.filter(state=State.QUARANTINED, arrived_at__lt=real_now() - STALLED)
    judged = 0
    for row in list(stalled.order_by("pk")[:100]):
        try:
            content = store.quarantine_path(row.quarantine_name).read_bytes()
        except FileNotFoundError:
            _refuse(SYSTEM, row, invalid("file", _("上传中断，内容没有到达。"), _("请重新上传。")))
        else:
            _judge_alone(row, content)
        judged += 1
    return judged


def _judge_alone(row: StoredFile, content: bytes) -> None:
    try:
        _judge(SYSTEM, row, content)
    except (Invalid, Conflict):
        return  # the row says why, or the scanner is asked again the next time


def sweep(older_than_seconds: float = ORPHAN_SECONDS) -> int:
    """Remove files on disk that no row names and nobody is writing. Returns how many."""
    removed = 0
    for path in store.old_files(store.QUARANTINE, older_than_seconds):
        if not StoredFile.objects.filter(quarantine_name=path.name, state=State.QUARANTINED).exists():
            store.remove(path)
            removed += 1
    for path in store.old_files(store.SEALED, older_than_seconds):
        if not Blob.objects.filter(name=path.name).exists():
            store.remove(path)
            removed += 1
    if removed:
        with write("files.sweep", SYSTEM) as audit:
            audit.add("file", "-", removed=removed)
    return removed
