"""Every operation under every role's token, on one's own county and on the next."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from tests.access.urlconf import addresses
from tests.access.world import World, standing_world
from yuchang.api.models import StoredReply
from yuchang.api.tests.machines import Machine
from yuchang.api.v1.words import told
from yuchang.core.models import AuditEntry
from yuchang.exchange.models import Posting
from yuchang.market.models import Order

pytestmark = pytest.mark.xdist_group("operations")
OFFICER, PARTNER, AUDITOR = "officer", "partner", "auditor"
STAFF = (OFFICER, AUDITOR)
ALL = (OFFICER, PARTNER, AUDITOR)

# Operation → (method, path on a side, body on a side, tokens that may on the own side, on the neighbour's).
OPERATIONS: dict[str, tuple[str, Any, Any, tuple[str, ...], tuple[str, ...]]] = {
    "me": ("GET", lambda s: "/me", None, ALL, ALL),
    "search": ("GET", lambda s: "/places", {"q": "成县"}, ALL, ALL),
    "place": ("GET", lambda s: f"/places/{s.county.code}", None, ALL, ALL),
    "households": ("GET", lambda s: "/households", None, STAFF, STAFF),
    "household": ("GET", lambda s: f"/households/{s.listed.pk}", None, STAFF, (AUDITOR,)),
    "decisions": ("GET", lambda s: f"/households/{s.listed.pk}/decisions", None, STAFF, (AUDITOR,)),
    "statement": ("GET", lambda s: f"/households/{s.listed.pk}/book", None, STAFF, (AUDITOR,)),
    "enter": (
        "POST",
        lambda s: "/households",
        lambda s: {
            "village_id": s.village.pk,
            "observed_on": "2026-11-20",
            "attribute": "ordinary",
            "main_cause": "illness",
            "members": [{"name": "王新户", "relation": "head", "ethnicity": "01"}],
        },
        (OFFICER,),
        (),
    ),
    "observe": (
        "POST",
        lambda s: f"/households/{s.listed.pk}/facts",
        lambda s: {"observed_on": "2026-11-20", "facts": {"safe_water": True}},
        (OFFICER,),
        (),
    ),
    "organisations": ("GET", lambda s: "/organisations", None, ALL, ALL),
    "organisation": ("GET", lambda s: f"/organisations/{s.organisation.pk}", None, ALL, ALL),
    "postings": ("GET", lambda s: "/postings", None, ALL, ALL),
    "posting": ("GET", lambda s: f"/postings/{s.posting.pk}", None, STAFF, (AUDITOR,)),
    "post_one": (
        "POST",
        lambda s: "/postings",
        lambda s: {
            "direction": "offer",
            "category": s.category,
            "quantity": 10,
            "limit_fen": 2000,
            "window_from": "2026-12-01",
            "window_to": "2027-03-01",
            "village_id": s.village.pk,
        },
        (OFFICER,),
        (),
    ),
    "withdraw": (
        "POST",
        lambda s: f"/postings/{s.posting.pk}/withdraw",
        lambda s: {"version": s.posting.version, "reason": "已卖出"},
        (OFFICER,),
        (),
    ),
    "matches": ("GET", lambda s: "/matches", None, ALL, ALL),
    "match": ("GET", lambda s: f"/matches/{s.match.pk}", None, ALL, (AUDITOR,)),
    "answer": (
        "POST",
        lambda s: f"/matches/{s.match.pk}/answer",
        lambda s: {"version": s.match.version, "side": "offer", "answer": "accepted"},
        (OFFICER,),
        (),
    ),
    "clearings": ("GET", lambda s: "/clearings", None, ALL, ALL),
    "clearing": ("GET", lambda s: f"/clearings/{s.published.pk}", None, STAFF, (AUDITOR,)),
    "agreements": ("GET", lambda s: "/agreements", None, ALL, ALL),
    "rounds": ("GET", lambda s: "/rounds", None, ALL, ALL),
    "orders": ("GET", lambda s: "/orders", None, ALL, ALL),
    "order": ("GET", lambda s: f"/orders/{s.sale.held.pk}", None, ALL, (AUDITOR,)),
    "buy": (
        "POST",
        lambda s: "/orders",
        lambda s: {
            "organisation_id": s.organisation.pk,
            "lines": [{"offer_id": s.sale.offer.pk, "quantity": 1}],
        },
        (PARTNER,),
        (),
    ),
    "transactions": ("GET", lambda s: "/transactions", None, STAFF, STAFF),
    "alerts": ("GET", lambda s: "/alerts", None, STAFF, STAFF),
    "checkpoints": ("GET", lambda s: "/audit/checkpoints", None, (AUDITOR,), (AUDITOR,)),
}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as made:
        yield made


@pytest.fixture(scope="module")
def machines(world: World) -> dict[str, Machine]:
    return {role: Machine(world.visitors[role]) for role in ALL}


def call(machine: Machine, name: str, side: SimpleNamespace) -> Any:
    method, path, body, *_who = OPERATIONS[name]
    if method == "GET":
        return machine.get(path(side), **(body or {}))
    return machine.post(path(side), body(side), key="a-key-of-the-test")


def test_the_table_names_every_operation_and_no_other() -> None:
    named = {a.name.rsplit(":", 1)[-1] for a in addresses() if a.permission == "token"}
    assert named - {"api-root"} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation(name: str, world: World, machines: dict[str, Machine]) -> None:
    method, _path, _body, own, neighbour = OPERATIONS[name]
    faults = []
    for role, machine in machines.items():
        for side in ("own", "neighbour"):
            allowed = role in (own if side == "own" else neighbour)
            with transaction.atomic():
                entries = AuditEntry.objects.count()
                answer = call(machine, name, getattr(world, side))
                written = AuditEntry.objects.count() > entries
                transaction.set_rollback(True)
            ok = answer.status_code in (200, 201)
            if ok != allowed or (not ok and answer.status_code not in (403, 404, 409, 422)):
                faults.append(f"{role} on {side}: {answer.status_code} {answer.content[:200]!r}")
            if (method == "POST" and ok) != written:
                faults.append(f"{role} on {side}: {'nothing' if ok else 'something'} was written")
    assert not faults, "\n".join(faults)


def test_no_reply_holds_an_id_number_or_a_telephone(world: World, machines: dict[str, Machine]) -> None:
    for name, (method, *_rest) in OPERATIONS.items():
        if method == "GET":
            text = call(machines[OFFICER], name, world.own).content.decode()
            assert "id_sealed" not in text and "phone" not in text and "id_number" not in text, name


def test_the_same_key_gives_the_same_reply_and_writes_once(
    world: World, machines: dict[str, Machine]
) -> None:
    with transaction.atomic():
        first, second = (call(machines[OFFICER], "post_one", world.own) for _turn in range(2))
        assert first.status_code == 201 and first.json() == second.json()
        assert StoredReply.objects.count() == 1
        other = machines[OFFICER].post("/postings", {"other": 1}, key="a-key-of-the-test")
        assert other.status_code in (409, 422)
        again = dict(OPERATIONS["post_one"][2](world.own), quantity=11)
        assert machines[OFFICER].post("/postings", again, key="a-key-of-the-test").status_code == 409
        assert Posting.objects.filter(quantity__in=(10, 11), village_id=world.own.village.pk).count() <= 1
        transaction.set_rollback(True)


def test_an_order_needs_a_key_and_is_placed_once(world: World, machines: dict[str, Machine]) -> None:
    with transaction.atomic():
        before = Order.objects.count()
        body = OPERATIONS["buy"][2](world.own)
        assert machines[PARTNER].post("/orders", body).status_code == 422
        replies = [machines[PARTNER].post("/orders", body, key="order-2026-1") for _turn in range(3)]
        assert {r.status_code for r in replies} == {201} and len({r.json()["id"] for r in replies}) == 1
        assert Order.objects.count() == before + 1
        transaction.set_rollback(True)


def test_a_stale_version_is_refused(world: World, machines: dict[str, Machine]) -> None:
    side = world.own
    answer = machines[OFFICER].post(f"/postings/{side.posting.pk}/withdraw", {"version": 99, "reason": "x"})
    assert answer.status_code == 409 and "版" in answer.json()["message"]


def test_a_list_is_walked_page_by_page_without_loss(world: World, machines: dict[str, Machine]) -> None:
    seen, after = [], ""
    while True:
        page = machines[AUDITOR].get("/households", limit=2, after=after).json()
        seen += [row["id"] for row in page["items"]]
        after = page["next"]
        if not after:
            break
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM registry_household ORDER BY id")
        assert seen == [pk for (pk,) in cursor.fetchall()]
    assert machines[AUDITOR].get("/households", after="nonsense").status_code == 422
    assert machines[AUDITOR].get("/households", limit=201).status_code == 422


def test_bad_input_names_the_field_and_says_what_to_do(world: World, machines: dict[str, Machine]) -> None:
    body = OPERATIONS["post_one"][2](world.own) | {"window_to": "2020-01-01"}
    answer = machines[OFFICER].post("/postings", body)
    problem = answer.json()["problems"][0]
    assert answer.status_code == 422 and problem["field"] and problem["message"]
    answer = machines[OFFICER].post("/households", {})
    assert answer.status_code == 422 and answer.json()["problems"]


def test_every_absurd_posting_is_refused_with_its_field(world: World, machines: dict[str, Machine]) -> None:
    sound = OPERATIONS["post_one"][2](world.own)
    absurd: list[tuple[dict[str, Any], str]] = [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 10**30}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"limit_fen": -1}, "limit"),
        ({"limit_fen": 10**30}, "limit"),
        ({"window_to": "2026-11-30"}, "window_to"),
        ({"window_from": "2020-01-01", "window_to": "2020-02-01"}, "window_to"),
        ({"window_to": "9999-12-31"}, "window_to"),
        ({"window_to": "99999-01-01"}, "window_to"),
        ({"category": "moon.dust"}, "category"),
        ({"direction": "gift"}, "direction"),
        ({"radius_km": -1}, "radius_km"),
    ]
    for changes, field in absurd:
        answer = machines[OFFICER].post("/postings", sound | changes)
        assert answer.status_code == 422, (changes, answer.content)
        problems = answer.json()["problems"]
        assert any(field in problem["field"] and problem["message"] for problem in problems), (
            changes,
            problems,
        )


@pytest.mark.parametrize(
    ("changes", "field", "chinese", "english"),
    [
        ({"quantity": None}, "quantity", "须是整数。", "Must be a whole number."),
        ({"quantity": 0}, "quantity", "不能小于 1。", "Must not be below 1."),
        ({"category": "x" * 61}, "category", "最多 60 个字。", "At most 60 characters."),
        (
            {"window_to": "tomorrow"},
            "window_to",
            "须是日期,例如 2026-01-05。",
            "Must be a date, such as 2026-01-05.",
        ),
        ({"direction": "gift"}, "direction", "只能是:offer, need。", "Must be one of: offer, need."),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_the_readers_language(
    world: World,
    machines: dict[str, Machine],
    changes: dict[str, Any],
    field: str,
    chinese: str,
    english: str,
) -> None:
    sound = OPERATIONS["post_one"][2](world.own)
    for language, expected in (("zh", chinese), ("en", english)):
        answer = machines[OFFICER].post("/postings", sound | changes, language=language)
        problem = next(p for p in answer.json()["problems"] if field in p["field"])
        assert problem["message"] == expected, problem


def test_a_body_that_is_no_json_is_refused_as_every_refusal_is(machines: dict[str, Machine]) -> None:
    answer = machines[OFFICER].post("/postings", "{not json")
    assert answer.status_code == 422
    assert answer.json()["problems"] == [{"field": "body", "message": "不是合法的 JSON。", "remedy": ""}]


def test_each_kind_of_error_of_a_schema_has_words_of_ours() -> None:
    for kind in (
        "missing",
        "int_parsing",
        "date_from_datetime_parsing",
        "string_type",
        "list_type",
        "model_type",
    ):
        assert "msg" not in told({"type": kind, "msg": "msg"}), kind
    assert "msg" in told({"type": "unheard_of", "msg": "msg"})
