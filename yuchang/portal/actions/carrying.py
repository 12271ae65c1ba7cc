"""Bundles between the zones: made here, carried by a person or a task, applied there exactly once.

The inside sends publications, the outside sends what it received; each confirms what arrived of the
other's. Which of the two this installation is, ``settings.ZONE`` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import Max
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import actions, clock
from yuchang.core.actions import Recorder
from yuchang.core.errors import Conflict
from yuchang.core.models import Instance
from yuchang.core.once import forget
from yuchang.portal import keys
from yuchang.portal.actions.registrations import RegistrationLine, registration_lines, store_registrations
from yuchang.portal.models import (
    APPEND_ONLY,
    INTAKE,
    PUBLISHED,
    Bundle,
    ObjectionIntake,
    Outbox,
    Peer,
    Stream,
)
from yuchang.portal.queries import own_stream, peer
from yuchang.portal.rules.bundles import (
    NOTHING_BEFORE,
    Fault,
    Manifest,
    Opened,
    Unfit,
    check,
    is_news,
    lines_of,
    manifest_hash,
    pack,
    read_lines,
    unpack,
)

CARRY = "portal.carry"
LOCK = 6963
Tell = Callable[[str], None]
INTAKE_FIELDS = ("receipt", "entry_code", "text", "received_at")


@dataclass(frozen=True)
class Applied:
    """What came of a bundle. ``is_new`` is False when it had been applied before."""

    number: int
    lines: int
    is_new: bool


def silent(_message: str) -> None:
    """Tell nobody how far it is."""


def trust_peer(*, actor: Actor, card: str) -> Peer:
    """Accept the other zone's public keys from its card (``portal.carry``, or the system).

    The caller has compared the fingerprint on another way. Raises Refused, Conflict for no card, or for
    one's own.
    """
    _may(actor)
    try:
        said = json.loads(card)
        sides, sign, sealing = said["zone"], said["sign"], said["seal"]
        fits = sides in ("inside", "public") and len(bytes.fromhex(sign)) == len(bytes.fromhex(sealing)) == 32
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise Conflict(_("这不是另一侧的身份卡。"), remedy=_("请在另一侧运行 zone card 重新取得。"))
    if sides == settings.ZONE or sign == keys.signer().public_raw.hex():
        raise Conflict(_("这是本侧自己的身份卡。"), remedy=_("请取另一侧的身份卡。"))
    with actions.write("portal.trust_peer", actor) as audit:
        row = Peer.objects.create(
            name=sides, sign_key=sign, seal_key=sealing, trusted_at=clock.now(), trusted_by_id=actor.user_id
        )
        audit.add("peer", row.pk, zone=sides, fingerprint=keys.fingerprint(sign, sealing))
    return row


def make_bundle(*, actor: Actor, is_complete: bool = False) -> Bundle | None:
    """The next bundle of this zone's own stream; None when there is nothing to carry or to confirm.

    ``is_complete`` holds everything, not only what changed: for the first time, and after a restore.
    Raises Refused, Conflict when the other zone is not trusted yet.
    """
    _may(actor)
    stream = own_stream()
    with actions.write("portal.make_bundle", actor) as audit:
        _lock(stream)
        last = Bundle.objects.filter(stream=stream, is_sent=True).order_by("-number").first()
        came = _received_up_to()
        newest, confirmed = last.number if last else 0, _confirmed_up_to()
        number = max(newest, confirmed) + 1
        # After a restore the other side knows more than we do: begin again with everything.
        full = is_complete or confirmed > newest or (last is None and stream == Stream.PUBLICATIONS)
        lines = _publications(number, full) if stream == Stream.PUBLICATIONS else _intake(number, full)
        if not lines and not full and not _owes_an_answer(last, came):
            audit.add("bundle", "-", stream=stream, lines=0)
            return None
        row = _store(stream, number, last, lines, full, came, actor)
        audit.add("bundle", row.pk, stream=stream, number=number, lines=row.lines, manifest=row.manifest_hash)
    return row


def apply_bundle(*, actor: Actor, content: bytes, tell: Tell = silent) -> Applied:
    """Check a bundle of the other zone and apply it, in one transaction.

    Applied before: nothing happens. Raises Refused, Conflict with what is wrong (foreign key, damage,
    gap, fork, other version) and what to do.
    """
    _may(actor)
    stream = Stream.INTAKE if own_stream() == Stream.PUBLICATIONS else Stream.PUBLICATIONS
    try:
        with actions.write("portal.apply_bundle", actor) as audit:
            _lock(stream)
            done = _apply(stream, content, audit, actor, tell)
    except Unfit as fault:
        raise refusal(fault) from fault
    except IntegrityError as error:
        raise refusal(Unfit(Fault.OTHER_VERSION)) from error
    return done


def _may(actor: Actor) -> None:
    if actor != SYSTEM:
        require(actor, CARRY)


def _lock(stream: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, stream])


def _received_up_to() -> int:
    """The number of the other stream's newest bundle that arrived here."""
    rows = Bundle.objects.filter(is_sent=False).exclude(stream=own_stream())
    return rows.aggregate(n=Max("number"))["n"] or 0


def _confirmed_up_to() -> int:
    """The highest number of our own stream that the other side has ever confirmed."""
    rows = Bundle.objects.filter(is_sent=False).exclude(stream=own_stream())
    return rows.aggregate(n=Max("acknowledged"))["n"] or 0


def _owes_an_answer(last: Bundle | None, came: int) -> bool:
    """Whether something with content came since we last confirmed. An answer to an answer would never end."""
    answered = last.acknowledged if last else 0
    since = Bundle.objects.filter(is_sent=False, number__gt=answered, number__lte=came, lines__gt=0)
    return since.exclude(stream=own_stream()).exists()


_CHANGED = """
    SELECT '{table}' AS name, d.row_id, to_jsonb(t) AS body
    FROM dirty d LEFT JOIN {table} t ON t.id = d.row_id WHERE d.table_name = '{table}'
"""
_WHOLE = "SELECT '{table}' AS name, t.id AS row_id, to_jsonb(t) AS body FROM {table} t"


def _publications(number: int, full: bool) -> list[dict[str, Any]]:
    """Rows of one moment: what changed since the bundle before, or everything."""
    tables = [model._meta.db_table for model in PUBLISHED]
    union = " UNION ALL ".join((_WHOLE if full else _CHANGED).replace("{table}", name) for name in tables)
    sql = f"""
        WITH taken AS (UPDATE portal_outbox SET bundle = %s WHERE bundle IS NULL
                       RETURNING table_name, row_id),
             dirty AS (SELECT DISTINCT table_name, row_id FROM taken)
        SELECT name, row_id, body FROM ({union}) AS found
        ORDER BY array_position(%s::text[], name), row_id
    """  # noqa: S608 - table names are our own models'
    with connection.cursor() as cursor:
        cursor.execute(sql, [number, tables])
        rows = cursor.fetchall()
    return [{"table": name, "id": pk, "row": json.loads(body) if body else None} for name, pk, body in rows]


def _intake(number: int, full: bool) -> list[dict[str, Any]]:
    """What came in from the public and was not sent, or everything that was not confirmed."""
    rows = ObjectionIntake.objects.select_for_update().order_by("id")
    found = list(rows if full else rows.filter(sent_in__isnull=True))
    ObjectionIntake.objects.filter(pk__in=[row.pk for row in found]).update(sent_in=number)
    objections = [
        {
            "kind": "objection",
            "receipt": row.receipt,
            "entry_code": row.entry_code,
            "text": row.text,
            "received_at": row.received_at.isoformat(),
        }
        for row in found
    ]
    return [*objections, *(dict(line) for line in registration_lines(number, full))]


def _store(
    stream: Stream,
    number: int,
    last: Bundle | None,
    lines: list[dict[str, Any]],
    full: bool,
    came: int,
    actor: Actor,
) -> Bundle:
    rows, key, at = lines_of(lines), keys.signer(), clock.now()
    if stream == Stream.INTAKE:
        other = peer()
        if other is None:
            raise _no_peer()
        rows = keys.seal(rows, receiver=other.seal_key, context=f"{stream}:{number}")
    text = Manifest(
        stream=stream,
        number=number,
        previous=last.manifest_hash if last else NOTHING_BEFORE,
        is_complete=full,
        made_at=at.isoformat(),
        key=key.key_id,
        acknowledged=came,
        lines=len(lines),
        rows_sha256=hashlib.sha256(rows).hexdigest(),
        rows_bytes=len(rows),
        is_sealed=stream == Stream.INTAKE,
        instance=_instance() if stream == Stream.PUBLICATIONS else {},
    ).text()
    content = pack(text, key.sign(text), rows)
    return Bundle.objects.create(
        stream=stream,
        is_sent=True,
        number=number,
        is_complete=full,
        manifest_hash=manifest_hash(text),
        previous=last.manifest_hash if last else NOTHING_BEFORE,
        key_id=key.key_id,
        lines=len(lines),
        size=len(content),
        acknowledged=came,
        at=at,
        by_id=actor.user_id,
        content=content,
    )


def _instance() -> dict[str, Any]:
    """What the public pages must know of the inside: its name, whether all is made up, and its clock."""
    row = clock.instance()
    at = row.clock_at.isoformat() if row and row.clock_at else None
    return {"name": row.name, "is_simulated": row.is_simulated, "clock_at": at} if row else {}


def _apply(stream: Stream, content: bytes, audit: Recorder, actor: Actor, tell: Tell) -> Applied:
    opened = unpack(content)
    other = peer()
    if other is None:
        raise _no_peer()
    check(opened, stream=stream, public_key=other.sign_key, own_key=keys.signer().public_raw.hex())
    tell(_("签名与指纹相符"))
    known = dict(Bundle.objects.filter(stream=stream, is_sent=False).values_list("number", "manifest_hash"))
    manifest = opened.manifest
    if not is_news(opened, known):
        audit.add("bundle", "-", stream=stream, number=manifest.number, lines=0, again=True)
        return Applied(manifest.number, manifest.lines, False)
    tell(_("顺序衔接：第 %(number)d 包") % {"number": manifest.number})
    rows = opened.rows
    if manifest.is_sealed:
        rows = keys.unseal(rows, context=f"{stream}:{manifest.number}")
    lines = read_lines(rows)
    if stream == Stream.PUBLICATIONS:
        _apply_publications(lines, manifest, tell)
    else:
        _apply_intake(lines, manifest)
    _confirm(stream, manifest.acknowledged)
    row = _remember(stream, opened, len(content), len(lines), actor)
    audit.add("bundle", row.pk, stream=stream, number=row.number, lines=row.lines, manifest=row.manifest_hash)
    return Applied(manifest.number, len(lines), True)


def _remember(stream: Stream, opened: Opened, size: int, lines: int, actor: Actor) -> Bundle:
    manifest = opened.manifest
    return Bundle.objects.create(
        stream=stream,
        is_sent=False,
        number=manifest.number,
        is_complete=manifest.is_complete,
        manifest_hash=opened.manifest_hash,
        previous=manifest.previous,
        key_id=manifest.key,
        lines=lines,
        size=size,
        acknowledged=manifest.acknowledged,
        at=clock.now(),
        by_id=actor.user_id,
    )


def _apply_publications(lines: list[dict[str, Any]], manifest: Manifest, tell: Tell) -> None:
    models = {model._meta.db_table: model for model in PUBLISHED}
    if any(set(line) != {"table", "id", "row"} or line["table"] not in models for line in lines):
        raise Unfit(Fault.OTHER_VERSION)
    by_table = {name: list(group) for name, group in groupby(sorted(lines, key=_table), key=_table)}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL yuchang.applying = 'on'")
        for name in reversed(models):
            _remove(cursor, name, by_table.get(name, []), manifest.is_complete)
        for name, model in models.items():
            columns = [str(field.column) for field in model._meta.concrete_fields]
            _write(cursor, name, columns, [line["row"] for line in by_table.get(name, []) if line["row"]])
            tell(f"{name}: {len(by_table.get(name, []))}")
        cursor.execute("SET LOCAL yuchang.applying = 'off'")
    if manifest.instance:
        Instance.objects.update_or_create(id=1, defaults=manifest.instance)
        forget()


def _table(line: Mapping[str, Any]) -> str:
    return str(line["table"])


def _remove(cursor: Any, name: str, lines: list[dict[str, Any]], is_complete: bool) -> None:
    """Remove what the inside withdrew; after a complete bundle, whatever it does not hold."""
    if name in APPEND_ONLY:
        return
    if is_complete:
        kept = [line["id"] for line in lines if line["row"]]
        cursor.execute(f"DELETE FROM {name} WHERE id <> ALL (%s::bigint[])", [kept])  # noqa: S608
    else:
        gone = [line["id"] for line in lines if not line["row"]]
        cursor.execute(f"DELETE FROM {name} WHERE id = ANY (%s::bigint[])", [gone])  # noqa: S608


def _write(cursor: Any, name: str, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    """Add or replace rows as they stand inside. Raises Unfit when their columns are not ours."""
    found = list(rows)
    if any(set(row) != set(columns) for row in found):
        raise Unfit(Fault.OTHER_VERSION)
    names = ", ".join(columns)
    changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns if column != "id")
    on_conflict = "NOTHING" if name in APPEND_ONLY else f"UPDATE SET {changes}"
    cursor.execute(
        f"INSERT INTO {name} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{name}, %s)"  # noqa: S608
        f" ON CONFLICT (id) DO {on_conflict}",
        [json.dumps(found, ensure_ascii=False)],
    )


def _apply_intake(lines: list[dict[str, Any]], manifest: Manifest) -> None:
    """Add what the public handed in; a receipt that is known already is not added again."""
    fields = {"objection": {"kind", *INTAKE_FIELDS}, "registration": set(RegistrationLine.__annotations__)}
    if any(set(line) != fields.get(line.get("kind", "")) for line in lines):
        raise Unfit(Fault.OTHER_VERSION)
    store_registrations(
        (cast(RegistrationLine, line) for line in lines if line["kind"] == "registration"), manifest.number
    )
    ObjectionIntake.objects.bulk_create(
        (
            ObjectionIntake(
                **{field: line[field] for field in INTAKE_FIELDS},
                sender_hash=f"carried:{line['receipt']}",
                carried_in=manifest.number,
            )
            for line in lines
            if line["kind"] == "objection"
        ),
        ignore_conflicts=True,
        batch_size=1000,
    )


def _confirm(stream: Stream, acknowledged: int) -> None:
    """The other side has everything of ours up to this number: what was kept for it may go."""
    own = own_stream()
    sent = Bundle.objects.filter(stream=own, is_sent=True)
    newest = sent.aggregate(n=Max("number"))["n"] or 0
    if acknowledged > newest:
        # This database was restored from a backup older than what the other side has.
        return
    arrived = sent.filter(number__lte=acknowledged, confirmed_at__isnull=True)
    arrived.update(confirmed_at=clock.now(), content=None)
    if stream == Stream.PUBLICATIONS:
        for model in INTAKE:
            model._default_manager.filter(sent_in__lte=acknowledged).delete()
    else:
        Outbox.objects.filter(bundle__lte=acknowledged).delete()


def _no_peer() -> Conflict:
    return Conflict(
        _("还没有确认另一侧的身份卡。"),
        remedy=_("请在另一侧运行 zone card，核对指纹后在这里运行 zone trust。"),
    )


def refusal(fault: Unfit) -> Conflict:
    """The fault in words, with what to do."""
    words: dict[Fault, tuple[str, str]] = {
        Fault.NO_BUNDLE: (_("这不是渔场的数据包，或格式不认得。"), _("请重新拷贝，或在另一侧重新导出。")),
        Fault.DAMAGED: (_("数据包内容与签名的清单不符。"), _("请重新拷贝；若仍不符，请查明谁动过它。")),
        Fault.FOREIGN_KEY: (
            _("数据包不是由已确认的另一侧签名的，或签名后被改动。"),
            _("请核对来源；另一侧换过密钥时，先核对指纹再确认新的身份卡。"),
        ),
        Fault.WRONG_WAY: (_("这是本侧自己发出的方向的数据包。"), _("请选择另一侧导出的数据包。")),
        Fault.GAP: (
            _("缺少前面的数据包：收到第 %(number)s 包，应当先收第 %(expected)s 包。"),
            _("请先导入缺少的包；找不到时，在另一侧导出完整包。"),
        ),
        Fault.FORK: (
            _("第 %(number)s 包与已收到的不是同一条链。"),
            _("另一侧可能从备份恢复过：请在另一侧导出完整包。"),
        ),
        Fault.OTHER_VERSION: (
            _("数据包的表结构与本侧程序不一致。"),
            _("请把两侧升级到同一版本，再导入。"),
        ),
        Fault.UNSEALABLE: (_("数据包不是加密给本侧的。"), _("请在另一侧确认本侧的身份卡后重新导出。")),
    }
    text, remedy = words.get(fault.fault, words[Fault.NO_BUNDLE])
    return Conflict(text % fault.details if "%(" in text else text, remedy=remedy)
