"""The official workbook in: ours against row-by-row ORM and against django-import-export, in one run.

Ours does everything that a county needs: safe reading, forty rules, sealed ID numbers and phones,
duplicates, dated facts, causes, an audit entry per household, portions that survive a kill. The peers are
given less to do: both seal and blind the ID number, neither checks, compares or audits.
django-import-export runs in its fastest documented mode (bulk, no diffs, no look-up of existing rows).
Peers get fewer rows; compare rows per second. Run: ``make bench`` or ``python -m bench.imports``;
``--rows 3000 --peer-rows 900`` for a quick look.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import tablib  # noqa: E402
from django.utils import timezone  # noqa: E402
from import_export import resources  # noqa: E402

from tests import people  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402
from yuchang.core import secrets  # noqa: E402
from yuchang.places.models import Place, keys_of  # noqa: E402
from yuchang.registry.layout import OFFICIAL  # noqa: E402
from yuchang.registry.models import Cause, Household, HouseholdFacts, Member, MemberFacts  # noqa: E402
from yuchang.registry.rules import check_sign  # noqa: E402
from yuchang.sheets import actions as sheets  # noqa: E402
from yuchang.sheets.export import write_workbook  # noqa: E402
from yuchang.sheets.reading import read_sheets  # noqa: E402

ON = date(2024, 6, 30)
PERSONS = 3
NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"


def id_number(serial: int, is_man: bool, year: int) -> str:
    """A right check digit in an area that does not exist; different for every serial."""
    birth = date(year, 1, 1) + timedelta(days=serial % 3000)
    first = (
        f"99{serial // 3000 % 10000:04d}{birth:%Y%m%d}{serial // 30_000_000 % 100:02d}{1 if is_man else 2}"
    )
    return first + check_sign(first)


def rows(count: int, villages: list[Place]) -> Iterator[list[Any]]:
    """Made-up persons, three to a household."""
    townships = Place.objects.in_bulk({v.township_id for v in villages})
    for n in range(count):
        household, place = divmod(n, PERSONS)
        village = villages[household % len(villages)]
        head, wife = place == 0, place == 1
        yield [
            "成县",
            townships[village.township_id].name,
            village.name,
            "上庄",
            f"B{household:09d}",
            f"B{household:09d}{place:02d}",
            NAMES[n % 16] + NAMES[n // 16 % 16] + ("甲" if head else "乙"),
            id_number(n, not wife, 1970 if place < 2 else 2009),
            min(PERSONS, count - household * PERSONS),
            ("户主", "配偶", "之子")[place],
            "汉族",
            "初中" if place < 2 else "小学",
            "非在校生" if place < 2 else "七年级",
            "长期慢性病" if head else "健康",
            "普通劳动力" if place < 2 else "无劳动力",
            "省外务工" if wife else "未务工",
            6 if wife else 0,
            "是",
            "未脱贫",
            "一般贫困户",
            "因病",
            "否",
            "是",
            "否",
            2600 + household % 900,
            f"1000{n % 10_000_000:07d}",
            None,
        ]


def workbook(count: int, villages: list[Place]) -> bytes:
    """An .xlsx of that many persons."""
    with tempfile.TemporaryFile() as target:
        write_workbook(
            target, title="bench", headers=[c.header for c in OFFICIAL], rows=rows(count, villages)
        )
        target.seek(0)
        return target.read()


def ours(content: bytes, officer: Any, county: Place, steps: dict[str, float]) -> None:
    """Every step of the product, timed one by one."""
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        steps[name] = time.perf_counter() - started
        started = time.perf_counter()

    batch = sheets.start_import(
        actor=officer,
        kind="registry.households",
        area_id=county.pk,
        file_name="bench.xlsx",
        content=content,
        observed_on=ON,
    )
    lap("upload and find headers")
    batch = sheets.confirm_mapping(actor=officer, batch_id=batch.pk, version=batch.version)
    sheets.check_import(batch.pk)
    lap("read, check, stage")
    batch.refresh_from_db()
    if batch.counts.get("rejected"):
        raise RuntimeError(f"the bench workbook was rejected: {batch.counts}")
    if "created" in batch.counts:
        sheets.confirm_import(actor=officer, batch_id=batch.pk, version=batch.version)
        sheets.write_import(batch.pk)
        lap("write")
    batch.refresh_from_db()
    steps["rows"] = batch.counts["rows"]


def _records(content: bytes) -> list[dict[str, Any]]:
    table = read_sheets("bench.xlsx", content)[0].rows
    names = [c.name for c in OFFICIAL]
    return [dict(zip(names, line, strict=True)) for line in table[1:]]


def _sealed(county_id: int, uid: uuid.UUID, number: str) -> dict[str, bytes]:
    return {
        "id_sealed": secrets.seal(county_id, "member.id", uid, number),
        "id_blind": secrets.blind_index("member.id", number),
    }


def row_by_row(content: bytes, officer: Any, county: Place) -> None:
    """What a plain Django command does: one object, one INSERT."""
    villages = {v.name: v for v in people.villages()}
    now, found = timezone.now(), None
    for record in _records(content):
        if found is None or found.number != record["household_number"]:
            village = villages[record["village"]]
            found = Household.objects.create(
                number=record["household_number"],
                head_name=record["name"],
                size=PERSONS,
                attribute="ordinary",
                main_cause="illness",
                entered_at=now,
                entered_by_id=officer.user_id,
                place=village,
                **keys_of(village),
            )
            HouseholdFacts.objects.create(
                household=found, observed_on=ON, recorded_at=now, source="workbook", net_income_per_head_fen=1
            )
            Cause.objects.create(household=found, code="illness", is_main=True, since_on=ON)
        uid = uuid.uuid4()
        member = Member.objects.create(
            household=found,
            uid=uid,
            number=record["person_number"],
            name=record["name"],
            relation={"户主": "head", "配偶": "spouse"}.get(record["relation"], "son"),
            joined_on=ON,
            **_sealed(county.pk, uid, record["id_number"]),
        )
        MemberFacts.objects.create(member=member, observed_on=ON, recorded_at=now, source="workbook")


class _Fastest:
    """django-import-export's documented switches for speed."""

    use_bulk = True
    batch_size = 1000
    skip_diff = True
    skip_unchanged = False
    report_skipped = False
    force_init_instance = True
    use_transactions = True
    clean_model_instances = False


class _Plain(resources.ModelResource):
    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        """Leave the sequences alone: the application's role may not set them, and no id is imported."""


def import_export(content: bytes, officer: Any, county: Place) -> None:
    """Two resources: households, then members with sealed ID numbers. Facts are left to the reader."""

    class Households(_Plain):
        class Meta(_Fastest):
            model = Household
            import_id_fields = ("number",)
            fields = (
                *(
                    "number",
                    "head_name",
                    "size",
                    "attribute",
                    "main_cause",
                    "entered_at",
                    "entered_by",
                    "place",
                ),
                *("province_id", "prefecture_id", "county_id", "township_id", "village_id"),
            )

    class Members(_Plain):
        class Meta(_Fastest):
            model = Member
            import_id_fields = ("number",)
            fields = ("number", "household", "name", "relation", "joined_on", "uid")

        def before_save_instance(self, instance: Member, row: Any, **kwargs: Any) -> None:
            for name, value in _sealed(county.pk, instance.uid, row["id_number"]).items():
                setattr(instance, name, value)

    villages = {v.name: v for v in people.villages()}
    records, now = _records(content), timezone.now()
    heads = [r for r in records if r["relation"] == "户主"]
    first = tablib.Dataset(headers=list(Households().fields))
    for r in heads:
        village = villages[r["village"]]
        values = {
            "number": r["household_number"],
            "head_name": r["name"],
            "size": PERSONS,
            "attribute": "ordinary",
            "main_cause": "illness",
            "entered_at": now,
            "entered_by": officer.user_id,
            "place": village.pk,
            **keys_of(village),
        }
        first.append([values[h] for h in first.headers])
    _require(Households().import_data(first, dry_run=False))
    ids = dict(Household.objects.values_list("number", "id"))
    second = tablib.Dataset(
        headers=["number", "household", "name", "relation", "joined_on", "uid", "id_number"]
    )
    for r in records:
        relation = {"户主": "head", "配偶": "spouse"}.get(r["relation"], "son")
        second.append(
            [
                r["person_number"],
                ids[r["household_number"]],
                r["name"],
                relation,
                ON,
                uuid.uuid4(),
                r["id_number"],
            ]
        )
    _require(Members().import_data(second, dry_run=False))


def _require(result: Any) -> None:
    if result.has_errors():
        errors = [*result.base_errors, *(e for _n, found in result.row_errors() for e in found)]
        raise RuntimeError(repr(errors[0].error)) from errors[0].error


def say(line: str) -> None:
    """A line at once."""
    sys.stdout.write(line)
    sys.stdout.flush()


def timed(run: Callable[[], None]) -> float:
    """Seconds."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> int:
    """Print the table; returns 1 when 100,000 rows take more than a minute."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--peer-rows", type=int, default=6_000)
    options = arguments.parse_args()
    speeds: dict[str, float] = {}
    steps: dict[str, float] = {}
    with cloned(own_name("yc_bench")):
        county, villages = people.county(), people.villages()
        officer = people.wang().actor
        content = workbook(options.rows, villages)
        say(f"  {options.rows:,} rows, {len(content) / 1e6:.1f} MB\n")
        took = timed(lambda: ours(content, officer, county, steps))
        speeds["ours"] = steps.pop("rows") / took
        for name, seconds in steps.items():
            say(f"  {name:34} {seconds:8.1f} s\n")
        again: dict[str, float] = {}
        same = timed(lambda: ours(content, officer, county, again))
        say(f"  the same workbook again            {same:8.1f} s, nothing changed\n")
    small: bytes = b""
    for name, peer in (("row-by-row ORM", row_by_row), ("django-import-export", import_export)):
        with cloned(own_name("yc_bench")):
            officer = people.wang().actor
            county = people.county()
            small = small or workbook(options.peer_rows, people.villages())
            speeds[name] = options.peer_rows / timed(partial(peer, small, officer, county))
    say(f"  ours, {options.rows:,} rows: {took:.1f} s\n")
    for name, speed in speeds.items():
        say(f"  {name:24} {speed:10,.0f} rows/s   ours is {speeds['ours'] / speed:5.1f} x\n")
    return int(options.rows >= 100_000 and took > 60)


if __name__ == "__main__":
    raise SystemExit(main())
