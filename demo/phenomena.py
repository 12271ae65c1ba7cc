"""What was planted, and what the platform found of it: planted, found, missed, falsely named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import F, Sum

from demo import prefecture, trade, watch
from demo.county import columns, truth
from demo.lines import Errors, Row, percent, share
from demo.scene import Scene
from yuchang.core.models import AuditEntry
from yuchang.market.models import Lot
from yuchang.monitoring.models import Alert, Visit
from yuchang.registry.models import Household, Likeness


def of_county(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    """The lines of the county's loop: what was planted, and what was found of it."""
    rows = [_doubled_people(scene, errors)]
    rows += _relapses(scene, known, errors)
    return [*rows, _goods_from_elsewhere(scene, errors), _backdated_visits(scene)]


def _line(name: str, planted: int, found: int, false: int, note: str = "") -> Row:
    words = f"找到 {found},漏 {planted - found},误报 {false}"
    return Row(f"埋设:{name}", f"{planted}", words, f"{percent(found, planted)} {note}".strip())


def _pairs() -> set[frozenset[str]]:
    """The households of every pair of people that the search named."""
    rows = Likeness.objects.values_list("first__household__number", "second__household__number")
    return {frozenset(pair) for pair in rows}


def _doubled_people(scene: Scene, errors: Errors) -> Row:
    """People with a swapped name and a misread number: what the search for doubles says."""
    slips = truth.read(scene.options.folder / "truth", "slips")
    numbers = scene.report.household_number
    planted = {
        frozenset((str(key), str(numbers[other])))
        for kind, key, other in zip(slips["kind"], slips["sent_as"], slips["other"], strict=True)
        if kind == columns.SWAPPED
    }
    named = _pairs()
    for pair in sorted(map(sorted, planted - named)):
        errors.add("未发现的重复的人", "、".join(pair), columns.SWAPPED)
    for pair in sorted(map(sorted, named - planted)):
        errors.add("不是同一人却列为疑似", "、".join(pair), "由人核对")
    return _named_line(planted, named)


def _named_line(planted: set[frozenset[str]], named: set[frozenset[str]], where: str = "") -> Row:
    """What the search for doubles named: its recall, and how much of what it named is true (准确)."""
    right = len(planted & named)
    note = f"(召回) 准确 {percent(right, len(named))} {where}".strip()
    return _line("姓名颠倒、证件抄错的重复的人", len(planted), right, len(named - planted), note)


def _relapses(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    """Who fell below the line within the year: the alerts, and beside them last year's incomes and chance."""
    line = scene.county.recipe.line_yuan
    registered = dict(
        Household.objects.filter(county_id=scene.county_place.pk)
        .exclude(state=Household.State.REMOVED)
        .values_list("number", "id")
    )
    fell = (known["net_per_head_yuan"] >= line) & (known["net_per_head_year_1"] < line)
    numbers = known["number"].tolist()
    true = {n for n, one in zip(numbers, fell.tolist(), strict=True) if one and n in registered}
    above = [
        (float(net), n) for net, n in zip(known["net_per_head_yuan"], numbers, strict=True) if net >= line
    ]
    alerts = Alert.objects.filter(county_id=scene.county_place.pk, kind="below_line")
    gaps = {
        n: (limit or 0) - (seen or 0)
        for n, limit, seen in alerts.values_list("household__number", "limit_fen", "observed_fen")
    }
    was_above = {n for _net, n in above}
    said = [n for n in sorted(gaps, key=lambda n: (-gaps[n], n)) if n in was_above]
    ranked = [n for _net, n in sorted(above) if n in registered]
    for number in sorted(true - set(said)):
        errors.add("未预警的返贫户", number, "这一年跌破监测线")
    rows = [
        _line(
            "一年内跌破监测线的户",
            len(true),
            len(true & set(said)),
            len(set(said) - true),
            "事后预警,不是预测",
        )
    ]
    for capacity in (0.01, 0.02, 0.05):
        visits = max(1, round(capacity * len(registered)))
        by_alert, by_rank = len(true & set(said[:visits])), len(true & set(ranked[:visits]))
        rows.append(
            Row(
                f"走访 {capacity:.0%} 的户,跌破者中访到",
                f"{min(visits, len(true))} / {len(true)}",
                f"按预警 {percent(by_alert, len(true))},按上年收入 {percent(by_rank, len(true))}",
                f"随机 {percent(visits, len(registered))}",
            )
        )
    return rows


def _goods_from_elsewhere(scene: Scene, errors: Errors) -> Row:
    """Growers who bring three times what they promised: nothing above the promise may be sold as theirs."""
    lots = truth.read(scene.options.folder / "truth", trade.FALSE_LOTS)
    stopped, planted = 0, len(lots["offer"])
    for offer, household, promised in zip(lots["offer"], lots["household"], lots["promised"], strict=True):
        rows = Lot.objects.filter(offer_id=int(offer), household_id=int(household))
        sold = rows.aggregate(n=Sum("sold"))["n"] or 0
        stopped += sold <= promised
        if sold > promised:
            errors.add("冒充本户的货", str(household), f"承诺 {promised},卖出 {sold}")
    return _line("拿外来货充数(交货为承诺的三倍)", planted, stopped, 0, "超出承诺的部分没有卖出")


def _backdated_visits(scene: Scene) -> Row:
    """Visits dated before the clue was there: the action must refuse each."""
    stored = Visit.objects.filter(visited_on__lt=F("alert__opened_on")).count()
    return _line("倒填到预警之前的走访", watch.BACKDATED, watch.BACKDATED - stored, 0, "当场拒绝")


def of_prefecture(scene: Scene) -> tuple[list[Row], Errors]:
    """The lines of a prefecture's report."""
    errors = Errors()
    folders = sorted((scene.options.folder / "truth").iterdir())
    rows = _people(scene, folders, errors)
    return [*rows, *_doubled_in_prefecture(scene, errors)], errors


def _doubled_in_prefecture(scene: Scene, errors: Errors) -> list[Row]:
    """The same number twice is refused at the door; the rest the search finds, where it was made."""
    bodies = AuditEntry.objects.filter(action=prefecture.MARK).values_list("body", flat=True)
    marks = [json.loads(body)["details"]["entered"] for body in bodies]
    planted, caught = sum(one["planted"] for one in marks), sum(one["caught"] for one in marks)
    folder = scene.options.folder / "truth" / scene.options.county_code[:6]
    doubled = truth.read(folder, "doubled")
    pairs = zip(doubled["kind"], doubled["number"], doubled["other"], strict=True)
    swapped = {frozenset((str(a), str(b))) for kind, a, b in pairs if kind == columns.SWAPPED}
    named = _pairs()
    for pair in sorted(map(sorted, swapped - named)):
        errors.add("未发现的重复的人", "、".join(pair), columns.SWAPPED)
    where = f"只在 {scene.county_place.name} 查找"
    return [
        _line("同一人在两户", planted, caught, 0, "移交时拒绝"),
        _named_line(swapped, named, where),
    ]


def _people(scene: Scene, folders: list[Path], errors: Errors) -> list[Row]:
    known = [truth.read(folder, "households") for folder in folders]
    households = sum(len(one["number"]) for one in known)
    forgotten = sum(int((~one["is_reported"]).sum()) for one in known)
    poor = sum(int(one["is_poor"].sum()) for one in known)
    hidden = sum(int((one["is_poor"] & ~one["is_reported"]).sum()) for one in known)
    right = sum(int((one["is_poor"] & (one["cause"] == one["reported_cause"])).sum()) for one in known)
    within = Household.objects.filter(prefecture_id=scene.county_place.prefecture_id)
    marks = AuditEntry.objects.filter(action=prefecture.MARK).count()
    people = int(within.aggregate(n=Sum("size"))["n"] or 0)
    size = sum(int(np.sum(one["size"])) for one in known)
    for one in known:
        for number in one["number"][one["is_poor"] & ~one["is_reported"]].tolist():
            errors.add("漏报的贫困户", str(number), "干部没有上报,平台无从得知")
    return [
        Row("县", str(len(folders)), str(marks)),
        Row("农户", f"{households:,}(其中漏报 {forgotten:,})", f"{within.count():,}"),
        Row("人口", f"{size:,}", f"{people:,}"),
        Row("漏报的贫困户", "0", share(hidden, poor)),
        Row("主要致贫原因正确", f"{poor:,}", share(right, poor)),
    ]
