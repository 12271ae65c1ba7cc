"""Reads: which files are in whose reach, what is about an object, and how much room is taken."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from yuchang.accounts.queries import (
    NOTHING,
    household_scopes,
    organisation_filter,
    place_filter,
    scope_items,
)
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Hidden
from yuchang.core.tallies import amount_by_key, tally_by_key
from yuchang.files import scanner, store
from yuchang.files.models import Blob, StoredFile
from yuchang.files.rules import ABOUT_ORGANISATIONS, PURPOSES

State = StoredFile.State
_SALT = "files.attach"
TOKEN_SECONDS = 12 * 3600
HOLD = "registry.publish"


def reach(actor: Actor, permission: str) -> Q:
    """Files within the scopes of a permission: by place, household, organisation, or what a sample opens."""
    condition = place_filter(actor, permission)
    opened = household_scopes(actor, permission, "about_id")
    if opened is not None:
        condition |= Q(about_kind="household") & opened
    items = scope_items(actor, permission)
    if items is not None:
        condition |= Q(
            Exists(items.filter(object_kind=OuterRef("about_kind"), object_id=OuterRef("about_id")))
        )
    own = organisation_filter(actor, permission, "about_id")
    return condition | (Q(about_kind__in=ABOUT_ORGANISATIONS) & own)


def readable(actor: Actor) -> Q:
    """Files that the actor may read, by the readers of each purpose."""
    return _by_purpose(actor, {code: purpose.read for code, purpose in PURPOSES.items()})


def writable(actor: Actor) -> Q:
    """Files that the actor may add, remove and hold, by the writers of each purpose."""
    return _by_purpose(actor, {code: purpose.write for code, purpose in PURPOSES.items()})


def _by_purpose(actor: Actor, needed: dict[str, tuple[str, ...]]) -> Q:
    by_permission: dict[str, list[str]] = {}
    for code, permissions in needed.items():
        for permission in permissions:
            if actor.may(permission):
                by_permission.setdefault(permission, []).append(code)
    condition = NOTHING
    for permission, codes in by_permission.items():
        condition |= Q(purpose__in=codes) & reach(actor, permission)
    return condition


def may_add(actor: Actor, purpose: str) -> bool:
    """Whether the actor may add files of the purpose, somewhere."""
    return any(actor.may(permission) for permission in PURPOSES[purpose].write)


def is_writable(actor: Actor, row: StoredFile) -> bool:
    """Whether the actor may take this file back."""
    return StoredFile.objects.filter(writable(actor), pk=row.pk).exists()


def holdable(actor: Actor) -> Q:
    """Files that the actor may keep beyond their expiry: those of a county that he or she publishes for."""
    return reach(actor, HOLD)


def may_hold(actor: Actor, row: StoredFile) -> bool:
    """Whether the actor may keep this file beyond its expiry."""
    return actor.may(HOLD) and StoredFile.objects.filter(holdable(actor), pk=row.pk).exists()


def files_for(actor: Actor) -> QuerySet[StoredFile]:
    """Every file in the actor's reach, whatever became of it."""
    return StoredFile.objects.filter(readable(actor)).select_related("place", "uploaded_by")


def files_about(kind: str, about_id: int) -> QuerySet[StoredFile]:
    """The ready files of one object, oldest first, for whoever has already come through the object's door.

    What a page shows goes through ``files_about_for``.
    """
    return StoredFile.objects.filter(about_kind=kind, about_id=about_id, state=State.READY).order_by("id")


def has_files(kind: str, about_id: int) -> bool:
    """Whether an object has any file, whoever may read it. Most have none, and who may read which is dear to
    write down; so this is asked first."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS_FILES, [kind, about_id])
        return bool(cursor.fetchone()[0])


_HAS_FILES = "SELECT EXISTS (SELECT 1 FROM files_storedfile WHERE about_kind = %s AND about_id = %s)"


def ready_among(file_ids: Iterable[int], about: Iterable[tuple[str, int]]) -> set[int]:
    """Those of these files that are ready and about one of these objects (kind, number). One query."""
    objects = [Q(about_kind=kind, about_id=number) for kind, number in about]
    wanted = list(file_ids)
    if not wanted or not objects:
        return set()
    rows = StoredFile.objects.filter(Q(*objects, _connector=Q.OR), pk__in=wanted, state=State.READY)
    return set(rows.values_list("pk", flat=True))


def files_about_for(actor: Actor, kind: str, about_id: int) -> QuerySet[StoredFile]:
    """The ready files of one object that this actor may read, oldest first."""
    return files_about(kind, about_id).filter(readable(actor)).select_related("uploaded_by")


def file_for(actor: Actor, file_id: int, *, lock: bool = False) -> StoredFile:
    """One file through its door, whatever its state; ``lock`` takes it for update. Raises Hidden."""
    rows = StoredFile.objects.filter(readable(actor), pk=file_id)
    row = (rows.select_for_update() if lock else rows.select_related("place", "uploaded_by")).first()
    if row is None:
        raise Hidden(_("没有找到这份文件，或不在您的管辖范围内。"), remedy=_("请从所属的记录页面打开。"))
    return row


@dataclass(frozen=True)
class Attachment:
    """What a page allows its reader to attach: the purpose, the object it showed, and where that lies."""

    purpose: str
    about_kind: str
    about_id: int
    place_id: int


def attach_token(actor: Actor, attachment: Attachment) -> str:
    """A signed permit for one person, made by the page that has shown the object."""
    return signing.dumps({"user": actor.user_id, **vars(attachment)}, salt=_SALT)


def read_token(actor: Actor, token: str) -> Attachment:
    """What a permit allows. Raises Hidden for a forged one, another person's, or one of 12 hours ago."""
    try:
        found = signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)
    except signing.BadSignature as error:
        raise _no_permit() from error
    if actor.user_id is None or found.pop("user") != actor.user_id or found.get("purpose") not in PURPOSES:
        raise _no_permit()
    return Attachment(**found)


def _no_permit() -> Hidden:
    return Hidden(_("这个上传入口已失效。"), remedy=_("请回到原页面，刷新后重新上传。"))


def names_blob(blob_id: int) -> Q:
    """Files that keep this blob, as content or as thumbnail."""
    return Q(blob_id=blob_id) | Q(thumbnail_id=blob_id)


def used_bytes(key_id: int) -> int:
    """How much room the kept files of a county take, in bytes, equal contents once."""
    return int(Blob.objects.filter(key_id=key_id).aggregate(total=Sum("size"))["total"] or 0)


@dataclass(frozen=True)
class Health:
    """What the administrator sees of the store; no file, no name."""

    scanner_configured: bool
    folder: str
    free_bytes: int
    waiting: int
    by_state: list[tuple[str, int, int]]
    blobs: int
    bytes: int
    quota: int


def health() -> Health:
    """Scanner, room, quarantine and counts by state."""
    totals = Blob.objects.aggregate(n=Count("id"), total=Sum("size"))
    sizes = amount_by_key("files", Q())
    by_state = [(str(label), n, sizes.get(value, 0)) for value, label, n in _by_state()]
    return Health(
        scanner_configured=scanner.is_configured(),
        folder=str(settings.FILES_DIR),
        free_bytes=shutil.disk_usage(store.folder(store.SEALED)).free,
        waiting=StoredFile.objects.filter(state=State.QUARANTINED).count(),
        by_state=by_state,
        blobs=totals["n"],
        bytes=int(totals["total"] or 0),
        quota=settings.FILES_QUOTA,
    )


def _by_state() -> list[tuple[str, str, int]]:
    counts = tally_by_key("files", Q())
    return [(state.value, str(state.label), counts.get(state.value, 0)) for state in State]
