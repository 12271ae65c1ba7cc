"""Bundles between two databases: applied once and in order, and nothing else is applied at all."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import people
from tests.zones.pair import Pair, card
from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.errors import Conflict, Refused
from yuchang.core.models import AuditEntry, Instance
from yuchang.partners.models import Organisation
from yuchang.portal.actions import (
    Registration,
    apply_bundle,
    collect_objections,
    collect_registrations,
    make_bundle,
    publish_county_figures,
    publish_notices,
    publish_receipts,
    receive_objection,
    receive_registration,
    trust_peer,
)
from yuchang.portal.folder import Carried, carry, write_all
from yuchang.portal.models import (
    PUBLISHED,
    Bundle,
    ObjectionIntake,
    PublishedNotice,
    PublishedReceipt,
    RegistrationIntake,
)
from yuchang.portal.rules.bundles import MEMBERS, NOTHING_BEFORE, Fault, Unfit, is_news, pack, unpack
from yuchang.portal.tests.test_public_zone import open_notice
from yuchang.registry.actions import decide_objection
from yuchang.registry.models import Notice, NoticeEntry, Objection


def published(**changes: Any) -> NoticeEntry:
    entry = open_notice(**changes)
    publish_notices(actor=officer(), county_id=people.county().pk)
    return entry


def officer() -> Any:
    return people.wang().actor


def state() -> dict[str, list[Any]]:
    """Every published row, as stored."""
    found = {}
    with connection.cursor() as cursor:
        for model in PUBLISHED:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {model._meta.db_table} t ORDER BY id")
            found[model._meta.db_table] = [row for (row,) in cursor.fetchall()]
    return found


def sent() -> bytes:
    """Make the next bundle and take its file."""
    row = make_bundle(actor=SYSTEM)
    assert row is not None
    return bytes(row.content)


def test_what_is_published_inside_stands_outside_after_each_bundle(pair: Pair) -> None:
    entry = published()
    publish_county_figures(actor=officer(), county_id=people.county().pk, from_on=timezone.localdate())
    first, inside = sent(), state()
    with pair.outside():
        assert apply_bundle(actor=SYSTEM, content=first).is_new
        assert state() == inside
        assert AuditEntry.objects.filter(action="portal.apply_bundle").exists()
    Notice.objects.filter(pk=entry.notice_id).update(state="closed")
    publish_notices(actor=officer(), county_id=people.county().pk)
    second, inside = sent(), state()
    assert not inside["portal_publishednotice"]
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=second)
        assert state() == inside
    assert make_bundle(actor=SYSTEM) is None


def test_the_same_bundle_twice_changes_nothing(pair: Pair) -> None:
    published()
    content = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=content)
        before = state()
        PublishedNotice.objects.update(village_name="改过")
        assert not apply_bundle(actor=SYSTEM, content=content).is_new
        assert PublishedNotice.objects.get().village_name == "改过", "it must not be written again"
        assert set(before) == set(state())


def test_a_skipped_bundle_is_refused_until_the_missing_one_came(pair: Pair) -> None:
    published()
    first = sent()
    publish_county_figures(actor=officer(), county_id=people.county().pk, from_on=timezone.localdate())
    second = sent()
    with pair.outside():
        with pytest.raises(Conflict, match="应当先收第 1 包"):
            apply_bundle(actor=SYSTEM, content=second)
        assert not any(state().values())
        apply_bundle(actor=SYSTEM, content=first)
        apply_bundle(actor=SYSTEM, content=second)


def test_a_registration_goes_in_sealed_and_its_answer_comes_out(pair: Pair) -> None:
    said = Registration(
        "山货行（模拟）", "enterprise", "", "310115000000", "周先生", "13900001111", ("收购核桃",), ""
    )
    with pair.outside():
        receipt = receive_registration(said=said, host_code=people.county().code, network_address="::1")
        content = sent()
    assert b"13900001111" not in content and "周先生".encode() not in content
    assert apply_bundle(actor=SYSTEM, content=content).lines == 1
    assert collect_registrations(actor=SYSTEM) == 1
    assert Organisation.objects.get(name=said.name).state == "proposed"
    answer = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=answer)
        assert not RegistrationIntake.objects.exists(), "what has arrived is not kept outside"
        assert PublishedReceipt.objects.get(receipt=receipt).state == "checking"


def forged(content: bytes, *, key: bytes | None = None, rows: bytes | None = None, **said: Any) -> bytes:
    """The bundle with something changed; signed anew when a key is given."""
    opened = unpack(content)
    text = opened.text
    if said:
        text = json.dumps(json.loads(text) | said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    signature = opened.signature
    if key:
        signature = Ed25519PrivateKey.from_private_bytes(key).sign(text.encode())
    return pack(text, signature, opened.rows if rows is None else rows)


def test_tampered_foreign_and_misdirected_bundles_are_refused(pair: Pair) -> None:
    published()
    content = sent()
    fakes = {
        "签名": forged(content, number=2),
        "内容与签名": forged(content, rows=unpack(content).rows.replace(b"3", b"4", 1)),
        "已确认的另一侧": forged(content, key=b"x" * 32, number=2),
        "不是渔场的数据包": content[:-40],
        "格式不认得": b"no zip at all",
    }
    with pair.outside():
        for words, fake in fakes.items():
            with pytest.raises(Conflict, match=words):
                apply_bundle(actor=SYSTEM, content=fake)
        assert not any(state().values()) and not Bundle.objects.exists()
        own = make_bundle(actor=SYSTEM, is_complete=True)
        assert own is not None
        with pytest.raises(Conflict, match="本侧自己发出"):
            apply_bundle(actor=SYSTEM, content=bytes(own.content))
    with pytest.raises(Conflict, match="本侧自己发出"):
        apply_bundle(actor=SYSTEM, content=content)


def test_a_fork_is_refused_and_a_complete_bundle_heals_it(pair: Pair) -> None:
    published()
    first = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=first)
    # The inside is restored from a backup that knew of no bundle, and goes on differently.
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("DELETE FROM portal_bundle")
        cursor.execute("SET ROLE yuchang_app")
    PublishedNotice.objects.update(village_name="另一条历史")
    other = sent()
    with pair.outside(), pytest.raises(Conflict, match="同一条链"):
        apply_bundle(actor=SYSTEM, content=other)
    with pair.outside():
        answer = bytes(make_bundle(actor=SYSTEM, is_complete=True).content)  # type: ignore[union-attr]
    apply_bundle(actor=SYSTEM, content=answer)
    healed, inside = bytes(make_bundle(actor=SYSTEM, is_complete=True).content), state()  # type: ignore[union-attr]
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=healed)
        assert state() == inside


def test_an_objection_goes_in_once_and_its_outcome_comes_out(pair: Pair) -> None:
    entry = published()
    content = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=content)
    with pair.outside("portal"):
        receipt = receive_objection(
            entry_code=entry.public_code, text="这户在县城有两套房,不困难。", network_address="192.0.2.1"
        )
    with pair.outside():
        carried = sent()
        assert "两套房".encode() not in unpack(carried).rows, "the text travels sealed"
        assert ObjectionIntake.objects.count() == 1
    for _i in range(2):
        apply_bundle(actor=SYSTEM, content=carried)
    assert ObjectionIntake.objects.get().receipt == receipt
    assert collect_objections(actor=SYSTEM) == 1 and collect_objections(actor=SYSTEM) == 0
    objection = Objection.objects.get()
    assert objection.entry_id == entry.pk
    decide_objection(
        actor=officer(), objection_id=objection.pk, version=1, upheld=True, reason="经核查属实。"
    )
    assert publish_receipts(actor=SYSTEM) == 1 and publish_receipts(actor=SYSTEM) == 0
    answer = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=answer)
        assert not ObjectionIntake.objects.exists(), "what arrived is not kept outside"
    with pair.outside("portal"):
        assert PublishedReceipt.objects.get(receipt=receipt).state == "upheld"
    assert Bundle.objects.get(stream="publications", number=1).content is None


def test_what_was_decided_a_moment_ago_goes_along_with_a_bundle_that_a_person_makes(
    pair: Pair, tmp_path: Any
) -> None:
    entry = published()
    carry(tmp_path)
    with pair.outside():
        carry(tmp_path)
    with pair.outside("portal"):
        receipt = receive_objection(
            entry_code=entry.public_code, text="这户在县城有两套房,不困难。", network_address="192.0.2.1"
        )
    with pair.outside():
        carry(tmp_path)
    carry(tmp_path)
    collect_objections(actor=SYSTEM)
    row = Objection.objects.get()
    decide_objection(actor=officer(), objection_id=row.pk, version=1, upheld=False, reason="经查不属实。")
    assert people.administrator().client().post("/publication/bundles/new").status_code == 302
    carry(tmp_path)
    with pair.outside():
        carry(tmp_path)
        assert PublishedReceipt.objects.get(receipt=receipt).state == "rejected"


def test_an_objection_that_was_carried_after_the_last_day_still_counts(pair: Pair) -> None:
    entry = published()
    content = sent()
    with pair.outside():
        apply_bundle(actor=SYSTEM, content=content)
    with pair.outside("portal"):
        receive_objection(
            entry_code=entry.public_code, text="这户在县城有两套房,不困难。", network_address="192.0.2.1"
        )
    with pair.outside():
        carried = sent()
    Instance.objects.update_or_create(
        id=1, defaults={"is_simulated": True, "clock_at": clock.timezone.now() + timedelta(days=9)}
    )
    apply_bundle(actor=SYSTEM, content=carried)
    collect_objections(actor=SYSTEM)
    assert Objection.objects.count() == 1


def test_through_a_folder_both_ways_until_nothing_is_left(pair: Pair, tmp_path: Any) -> None:
    entry = published()
    assert carry(tmp_path).written == ["yuchang-publications-000001.zip"]
    with pair.outside():
        assert carry(tmp_path).applied == ["yuchang-publications-000001.zip"]
    with pair.outside("portal"):
        receive_objection(
            entry_code=entry.public_code, text="这户在县城有两套房,不困难。", network_address="192.0.2.1"
        )
    with pair.outside():
        carry(tmp_path)
    assert carry(tmp_path).applied
    for _i in range(4):
        with pair.outside():
            carry(tmp_path)
        carry(tmp_path)
    quiet = carry(tmp_path)
    assert not quiet.written and not quiet.applied and not quiet.refused, "answers must not call for answers"
    assert ObjectionIntake.objects.count() == 1


def test_what_a_complete_bundle_passed_over_is_neither_applied_nor_said_again(
    pair: Pair, tmp_path: Any
) -> None:
    published()
    make_bundle(actor=SYSTEM)
    withheld = tmp_path / "later"
    write_all(withheld, Carried())  # the first bundle is lost on its way
    stick = tmp_path / "stick"
    make_bundle(actor=SYSTEM, is_complete=True)
    write_all(stick, Carried())
    (stick / "yuchang-publications-000001.zip").unlink()
    with pair.outside():
        assert carry(stick).applied == ["yuchang-publications-000002.zip"]
        lost = withheld / "yuchang-publications-000001.zip"
        (stick / lost.name).write_bytes(lost.read_bytes())  # and found later
        before = AuditEntry.objects.count()
        again = carry(stick)
        assert not again.applied and not again.refused
        assert not AuditEntry.objects.filter(pk__gt=before, action="portal.apply_bundle").exists()


def test_only_who_carries_may_carry_and_only_after_the_cards_were_exchanged(pair: Pair) -> None:
    with pytest.raises(Refused):
        make_bundle(actor=people.wang().actor)
    with pytest.raises(Refused):
        apply_bundle(actor=people.li().actor, content=b"")
    assert make_bundle(actor=people.administrator().actor) is not None
    with pytest.raises(Conflict, match="本侧自己"):
        trust_peer(actor=SYSTEM, card=card())
    with pytest.raises(Conflict, match="身份卡"):
        trust_peer(actor=SYSTEM, card='{"zone": "public"}')


def test_a_bomb_and_strange_archives_are_refused() -> None:
    for members in ({"rows": b"x"}, dict.fromkeys(MEMBERS, b""), dict.fromkeys([*MEMBERS, "more"], b"")):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(Unfit):
            unpack(target.getvalue())
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 10_000_000)
        archive.writestr("signature", b"")
        archive.writestr("rows", b"")
    with pytest.raises(Unfit):
        unpack(target.getvalue())


class Said:
    """As much of an opened bundle as the order needs."""

    def __init__(self, number: int, previous: str, is_complete: bool = False, hash_: str = "") -> None:
        self.manifest = self
        self.number, self.previous, self.is_complete = number, previous, is_complete
        self.manifest_hash = hash_ or f"h{number}"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 8), max_size=40))
def test_whatever_the_order_every_bundle_is_applied_at_most_once_and_in_order(order: list[int]) -> None:
    known: dict[int, str] = {}
    applied: list[int] = []
    for number in order:
        bundle: Any = Said(number, f"h{number - 1}" if number > 1 else NOTHING_BEFORE)
        try:
            if is_news(bundle, known):
                known[number] = bundle.manifest_hash
                applied.append(number)
        except Unfit as unfit:
            assert unfit.fault == Fault.GAP
    assert applied == list(range(1, len(applied) + 1))


def test_forks_and_complete_bundles() -> None:
    known = {1: "h1", 2: "h2"}
    for fork in (Said(2, "h1", hash_="other"), Said(3, "other")):
        with pytest.raises(Unfit) as caught:
            is_news(fork, known)  # type: ignore[arg-type]
        assert caught.value.fault == Fault.FORK
    assert is_news(Said(9, "whatever", is_complete=True), known)  # type: ignore[arg-type]
    assert not is_news(Said(5, "h4"), known | {9: "h9"})  # type: ignore[arg-type]
