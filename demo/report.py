"""The demo's last screen: the truth beside what the platform said, with the errors listed, not hidden."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import Sum

from demo import phenomena
from demo.county import marginals, truth
from demo.county.tables import MARK
from demo.lines import Errors, Row, percent, share
from demo.register import CORRECTION, WORKBOOK
from demo.scene import Scene
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.exchange.models import Clearing
from yuchang.ledger.models import Leg, Transaction
from yuchang.market.models import Offer, Settlement
from yuchang.policy.models import Run, RunResult
from yuchang.registry.models import Household, Member
from yuchang.sheets.models import Finding, ImportBatch, StagedGroup


@dataclass(frozen=True)
class Made:
    """The report as text, and whether everything that must hold does."""

    text: str
    is_sound: bool


def make(scene: Scene, seconds: dict[str, float]) -> Made:
    """Compare, write ``report.html``, ``report.txt`` and ``errors.parquet``, and return the text."""
    errors = Errors()
    rows: list[Row] = []
    known = truth.read(scene.options.folder / "truth", "households")
    for part in (_people, _import, _poverty, _causes, phenomena.of_county, _trade, _money, _log):
        rows += part(scene, known, errors)
    return _publish(scene, rows, errors, seconds)


def make_prefecture(scene: Scene, seconds: dict[str, float]) -> Made:
    """The same for a prefecture: what was handed over, and what of the planted was found."""
    rows, errors = phenomena.of_prefecture(scene)
    return _publish(scene, rows, errors, seconds)


def _publish(scene: Scene, rows: list[Row], errors: Errors, seconds: dict[str, float]) -> Made:
    folder = scene.options.folder
    text = _as_text(scene, rows, errors, seconds)
    (folder / "report.txt").write_text(text)
    (folder / "report.html").write_text(_as_html(scene, rows, errors, seconds))
    _write_errors(folder / "errors.parquet", errors)
    return Made(text, all(row.must_hold is not False for row in rows))


def _registered(scene: Scene) -> dict[str, Household]:
    rows = Household.objects.filter(county_id=scene.county_place.pk)
    return {row.number: row for row in rows.only("id", "number", "state", "main_cause", "size")}


def _people(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    registered = _registered(scene)
    forgotten = int((~known["is_reported"]).sum())
    persons = Member.objects.filter(household__county_id=scene.county_place.pk, left_on=None).count()
    found = marginals.measure(
        scene.county.households, scene.county.members, scene.county.is_poor, scene.county.cause
    )
    off = [t.name for t in marginals.TARGETS if abs(found[t.name] - t.value) > t.tolerance]
    for number in known["number"][~known["is_reported"] & known["is_poor"]]:
        errors.add("漏报的贫困户", str(number), "干部没有上报,平台无从得知")
    return [
        Row("农户", f"{len(known['number']):,}(其中漏报 {forgotten})", f"{len(registered):,}"),
        Row("人口", f"{int(known['size'].sum()):,}", f"{persons:,}"),
        Row("边际分布偏离目标", "0", str(len(off)), "、".join(off)),
    ]


def _import(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    slips = truth.read(scene.options.folder / "truth", "slips")
    batches = {
        name: ImportBatch.objects.get(county_id=scene.county_place.pk, file_name=name)
        for name in (WORKBOOK, CORRECTION)
    }
    first = batches[WORKBOOK]
    rejected = set(first.groups.filter(state=StagedGroup.State.REJECTED).values_list("key", flat=True))
    flagged = set(first.groups.exclude(state=StagedGroup.State.OK).values_list("key", flat=True))
    doubled = _doubled(first)
    seen_by = {"rejected": rejected, "warning": flagged, "found": doubled}
    planted: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for kind, expected, key in _columns(slips, "kind", "expected", "sent_as"):
        is_caught = key in seen_by[expected]
        planted[kind] += 1
        caught[kind] += is_caught
        if not is_caught:
            errors.add("未发现的错填", key, kind)
    rows = [
        Row(f"错填:{SLIP_WORDS[kind]}", str(count), str(caught[kind]), percent(caught[kind], count))
        for kind, count in planted.items()
    ]
    innocent = rejected - set(slips["sent_as"].tolist()) - _true_homes(scene, slips)
    for key in sorted(innocent):
        errors.add("无错却被退回", key, "、".join(_why(first, key)))
    rows.append(Row("无错却被退回的户", "0", str(len(innocent))))
    rows.append(Row("更正后仍退回的户", "0", str(batches[CORRECTION].counts.get("rejected", 0))))
    return rows + _duplicates(scene, slips, doubled)


SLIP_WORDS = {
    "bad check digit": "校验位不符",
    "identity number too short": "证件号码缺位",
    "identity number stored as a number": "证件号码存成数字",
    "village outside the area": "村不在本县",
    "no head": "没有户主",
    "two heads": "两个户主",
    "no name": "没有姓名",
    "unknown cause": "没有这种致贫原因",
    "thirteen months of work": "务工 13 个月",
    "person in two households": "同一人在两户",
    "duplicate with swapped characters": "同一人,姓名颠倒、证件抄错",
    "duplicate with old identity number": "同一人,用 15 位旧证号",
    "size does not match": "人数不符",
}


def _columns(table: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].tolist() for name in names), strict=True))


def _doubled(batch: ImportBatch) -> set[str]:
    """The households in which the import found a person who is also elsewhere."""
    found = Finding.objects.filter(batch=batch, code__startswith="person_")
    numbers = list(found.values_list("group_number", flat=True))
    return set(batch.groups.filter(number__in=numbers).values_list("key", flat=True))


def _true_homes(scene: Scene, slips: dict[str, Any]) -> set[str]:
    """The households in which doubled people really live: naming them too is no mistake."""
    numbers = scene.report.household_number
    return {str(numbers[other]) for other in slips["other"].tolist() if other >= 0}


def _why(batch: ImportBatch, key: str) -> list[str]:
    group = batch.groups.get(key=key)
    rows = Finding.objects.filter(batch=batch, group_number=group.number, level="rejected")
    return sorted(set(rows.values_list("code", flat=True)))


def _duplicates(scene: Scene, slips: dict[str, Any], doubled: set[str]) -> list[Row]:
    planted = {
        key for key, kind in _columns(slips, "sent_as", "kind") if kind.startswith(("person in", "duplicate"))
    }
    found = planted & doubled
    right = doubled & (planted | _true_homes(scene, slips))
    return [
        Row("重复的人:召回", str(len(planted)), str(len(found)), percent(len(found), len(planted))),
        Row("重复的人:准确", str(len(doubled)), str(len(right)), percent(len(right), len(doubled))),
    ]


def _poverty(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    run = Run.objects.filter(county_id=scene.county_place.pk).latest("id")
    registered = _registered(scene)
    verdicts = dict(RunResult.objects.filter(run=run).values_list("household_id", "verdict"))
    said = {number for number, row in registered.items() if verdicts.get(row.pk) == "eligible"}
    unsure = {number for number, row in registered.items() if verdicts.get(row.pk) == "needs_checking"}
    removed = {number for number, row in registered.items() if row.state == Household.State.REMOVED}
    numbers = known["number"]
    true = set(numbers[known["is_monitored"]].tolist())
    missed, wrong = true - said, said - true
    _list_poverty_errors(known, missed, wrong, unsure, errors)
    claimed = set(numbers[known["is_claimed_poor"] & known["is_reported"]].tolist())
    poor = set(numbers[known["is_poor"]].tolist())
    return [
        Row("真实低于监测线", f"{len(poor):,} 户", f"上报低于 {len(claimed):,} 户"),
        Row(
            "其中有返贫风险(监测对象)", f"{len(true):,} 户", f"判定符合 {len(said):,},待核实 {len(unsure):,}"
        ),
        Row("漏判(真是,没判为是)", "0", share(len(missed), len(true)), _reasons(known, missed)),
        Row("误判(判为是,其实不是)", "0", share(len(wrong), len(said)), _reasons(known, wrong)),
        Row("异议成立而注销", "都不是监测对象", f"{len(removed)} 户,其中确实不是 {len(removed - true)} 户"),
    ]


def _reasons(known: dict[str, Any], numbers: set[str]) -> str:
    """Why the platform erred: what stood in its way, most frequent first."""
    index = {number: i for i, number in enumerate(known["number"].tolist())}
    counts: Counter[str] = Counter()
    for number in numbers:
        counts[_reason(known, index[number])] += 1
    return ",".join(f"{reason} {count}" for reason, count in counts.most_common())


def _reason(known: dict[str, Any], i: int) -> str:
    if not known["is_reported"][i]:
        return "漏报"
    if known["is_favoured"][i]:
        return "人情户"
    if bool(known["is_claimed_poor"][i]) != bool(known["is_poor"][i]):
        return "收入误报"
    return "风险或支出情况误报"


def _list_poverty_errors(
    known: dict[str, Any], missed: set[str], wrong: set[str], unsure: set[str], errors: Errors
) -> None:
    index = {number: i for i, number in enumerate(known["number"].tolist())}
    for number in sorted(missed):
        note = "待核实" if number in unsure else _reason(known, index[number])
        errors.add("漏判", number, note)
    for number in sorted(wrong):
        errors.add("误判", number, _reason(known, index[number]))


def _causes(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    registered = _registered(scene)
    poor = [i for i in np.flatnonzero(known["is_poor"]).tolist() if known["number"][i] in registered]
    right = 0
    for i in poor:
        number = str(known["number"][i])
        said = registered[number].main_cause
        right += said == known["cause"][i]
        if said != known["cause"][i]:
            errors.add("致贫原因不符", number, f"真实 {known['cause'][i]},登记 {said}")
    return [Row("主要致贫原因正确", f"{len(poor):,}", share(right, len(poor)))]


def _trade(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    clearing = Clearing.objects.filter(county=scene.county_place).latest("id")
    offers = Offer.objects.filter(county_id=scene.county_place.pk)
    oversold = [o.pk for o in offers if o.sold > o.cap]
    return [
        Row(
            "撮合最优性证书",
            "对偶差 0",
            "已核验" if clearing.is_certified else "未通过",
            "",
            clearing.is_certified,
        ),
        Row("超卖的商品", "0", str(len(oversold)), "", not oversold),
    ]


def _money(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    legs = Leg.objects.aggregate(total=Sum("amount_fen"))["total"] or 0
    sums = Settlement.objects.aggregate(
        paid=Sum("paid_fen"),
        refunded=Sum("refunded_fen"),
        households=Sum("households_fen"),
        coop=Sum("coop_fen"),
        logistics=Sum("logistics_fen"),
        residual=Sum("residual_fen"),
    )
    parts = {name: int(value or 0) for name, value in sums.items()}
    out = sum(value for name, value in parts.items() if name != "paid")
    in_book = (
        Leg.objects.filter(
            transaction__kind=Transaction.Kind.SETTLEMENT, household_id__isnull=False
        ).aggregate(total=Sum("amount_fen"))["total"]
        or 0
    )
    return [
        Row("账本合计", "0 分", f"{legs} 分", "", legs == 0),
        Row("买方付款 = 各方所得 + 退款", f"{parts['paid']:,} 分", f"{out:,} 分", "", out == parts["paid"]),
        Row(
            "到户金额 = 账本到户分录",
            f"{parts['households']:,} 分",
            f"{in_book:,} 分",
            "",
            in_book == parts["households"],
        ),
    ]


def _log(scene: Scene, known: dict[str, Any], errors: Errors) -> list[Row]:
    return [Row("日志条数", "—", f"{AuditEntry.objects.count():,}")]


def _as_text(scene: Scene, rows: list[Row], errors: Errors, seconds: dict[str, float]) -> str:
    lines = [
        f"═══ {scene.county_place.full_name} 模拟报告({MARK},种子 {scene.options.seed},{clock.today()}) ═══",
        _padded("项目", 34) + _padded("真相", 26) + _padded("平台", 40) + "说明",
    ]
    for row in rows:
        mark = "" if row.must_hold is None else "✓ " if row.must_hold else "✕ "
        lines.append(
            _padded(mark + row.subject, 34) + _padded(row.truth, 26) + _padded(row.platform, 40) + row.verdict
        )
    lines.append("错误清单(全部在 errors.parquet):")
    for kind, count in Counter(errors.kind).most_common():
        examples = [h for k, h in zip(errors.kind, errors.household, strict=True) if k == kind][:3]
        lines.append(f"  {kind} {count}:{'、'.join(examples)}{'…' if count > 3 else ''}")
    lines.append("各阶段用时(秒):" + "  ".join(f"{name} {value:.1f}" for name, value in seconds.items()))
    return "\n".join(lines)


def _padded(text: str, width: int) -> str:
    shown = sum(2 if ord(character) > 0x2E80 else 1 for character in text)
    return text + " " * max(1, width - shown)


def _as_html(scene: Scene, rows: list[Row], errors: Errors, seconds: dict[str, float]) -> str:
    def table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
        )
        return f"<table><tr>{cells}</tr>{body}</table>"

    marks = {None: "", True: "✓", False: "✕"}
    main = [(marks[r.must_hold], r.subject, r.truth, r.platform, r.verdict) for r in rows]
    cases = list(zip(errors.kind, errors.household, errors.note, strict=True))
    times = [(name, f"{value:.1f}") for name, value in seconds.items()]
    title = f"{scene.county_place.full_name} 模拟报告({MARK})"
    return "".join(
        [
            f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{html.escape(title)}</title>',
            "<style>body{font:16px/1.6 sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left;",
            "border-bottom:1px solid #ddd}</style>",
            f"<h1>{html.escape(title)}</h1><p>种子 {scene.options.seed},模拟日期 {clock.today()}。",
            "所有人员与数字均为模拟,不是任何地方的统计。</p>",
            table(("", "项目", "真相", "平台", "说明"), main),
            f"<h2>错误清单({len(cases)})</h2>",
            table(("类别", "户编号", "说明"), cases),
            "<h2>各阶段用时(秒)</h2>",
            table(("阶段", "秒"), times),
        ]
    )


def _write_errors(path: Path, errors: Errors) -> None:
    table = pa.table({"kind": errors.kind, "household": errors.household, "note": errors.note})
    pq.write_table(table.replace_schema_metadata({"mark": MARK}), path, compression="zstd")
