"""One row of a postings workbook: what its cells mean, and what is wrong with them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from typing import Any

from yuchang.core.money import yuan_to_fen
from yuchang.exchange.rules import convert_price, convert_quantity
from yuchang.exchange.words import CERTIFICATES
from yuchang.sheets.cells import as_text
from yuchang.sheets.kinds import Column

COLUMNS: tuple[Column, ...] = (
    Column(
        "direction", "供需", ("方向", "供给或需求"), required=True, example="供给", choices=("供给", "需求")
    ),
    Column("category", "品类", ("品名", "产品", "名称"), required=True, example="核桃"),
    Column("quantity", "数量", required=True, example="300"),
    Column("unit", "单位", ("计量单位",), example="斤"),
    Column("limit", "价格底线(元)", ("价格底线", "价格", "单价"), required=True, example="10"),
    Column("window_from", "最早日期", ("开始日期",), required=True, example="2026-12-01"),
    Column("window_to", "最晚日期", ("截止日期", "结束日期"), required=True, example="2027-03-31"),
    Column("household", "户编号", ("户编码",), is_text=True),
    Column("village", "村代码", ("行政村代码", "村区划代码"), is_text=True),
    Column("radius", "最远距离(公里)", ("最远距离",), example=""),
    Column("min_lot", "最小批量", example=""),
    Column("certificates", "证书"),
    Column("repeats", "重复", choices=("不重复", "每年", "每月")),
    Column("note", "备注", ("说明",), example="高山纸皮核桃"),
)
DIRECTIONS = {"供给": "offer", "供": "offer", "需求": "need", "需": "need", "offer": "offer", "need": "need"}
REPEATS = {"": "", "不重复": "", "每年": "year", "每月": "month"}


@dataclass
class Read:
    """What a row says, as keywords of ``PostingFacts``; ``faults`` are (column, code, arguments)."""

    said: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


def read_row(cells: Mapping[str, Any], named: Mapping[str, list[str]], units: Mapping[str, str]) -> Read:
    """Read one row. ``named``: categories by every name; ``units``: their units. Never raises."""
    read = Read()
    text = {name: as_text(cells.get(name)) for name in (c.name for c in COLUMNS)}
    read.said["direction"] = _one(read, "direction", text["direction"], DIRECTIONS)
    code = _category(read, text["category"], named)
    read.said["category"] = code
    unit = units.get(code, "")
    said_in = text["unit"] or unit
    read.said["entered_unit"] = said_in if said_in != unit else ""
    read.said["quantity"] = _quantity(read, "quantity", text["quantity"], said_in, unit)
    lot = _quantity(read, "min_lot", text["min_lot"], said_in, unit) if text["min_lot"] else 1
    read.said["min_lot"] = lot
    is_offer = read.said["direction"] != "need"
    read.said["limit_fen"] = _price(read, text["limit"], said_in, unit, is_offer=is_offer)
    for name in ("window_from", "window_to"):
        read.said[name] = _day(read, name, cells.get(name))
    read.said["radius_km"] = _whole(read, "radius", text["radius"]) if text["radius"] else None
    read.said["repeats"] = _one(read, "repeats", text["repeats"], REPEATS)
    read.said["certificates"] = tuple(_certificates(read, text["certificates"]))
    read.said["note"] = text["note"][:300]
    return read


def _one(read: Read, name: str, text: str, known: Mapping[str, str]) -> str:
    if text not in known:
        read.faults.append((name, "unknown word", {"text": text}))
    return known.get(text, "")


def _category(read: Read, text: str, named: Mapping[str, list[str]]) -> str:
    found = named.get(text.lower(), [])
    if len(found) != 1:
        read.faults.append(("category", "many categories" if found else "no category", {"text": text}))
    return found[0] if found else ""


def _whole(read: Read, name: str, text: str) -> int:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = 0.5
    if not isfinite(value) or value != int(value) or abs(value) > 1e15:
        read.faults.append((name, "no whole number", {"text": text[:40]}))
        return 0
    return int(value)


def _quantity(read: Read, name: str, text: str, said_in: str, unit: str) -> int:
    before = len(read.faults)
    number = _whole(read, name, text)
    if len(read.faults) > before or not unit:
        return number
    converted = convert_quantity(number, said_in, unit)
    if converted is None:
        read.faults.append((name, "unit mismatch", {"n": number, "from": said_in, "to": unit}))
    return converted if converted is not None else 0


def _price(read: Read, text: str, said_in: str, unit: str, *, is_offer: bool) -> int:
    try:
        fen = yuan_to_fen(text.removesuffix("元"))
    except ValueError:
        read.faults.append(("limit", "no price", {"text": text[:40]}))
        return 0
    converted = convert_price(fen, said_in, unit, is_offer=is_offer) if unit else fen
    return converted if converted is not None else 0


def _day(read: Read, name: str, value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = re.sub(r"[/.年月-]", " ", unicodedata.normalize("NFKC", as_text(value)).removesuffix("日"))
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]} {text[4:6]} {text[6:]}"
    try:
        year, month, day = (int(part) for part in text.split())
        return date(year, month, day)
    except (ValueError, OverflowError):
        read.faults.append((name, "no day", {"text": as_text(value)[:40]}))
        return date(2000, 1, 1)


def _certificates(read: Read, text: str) -> Iterator[str]:
    words = {str(word): code for code, word in CERTIFICATES.items()}
    for part in (p.strip() for p in re.split(r"[,\uff0c;\uff1b、/]", text)):
        if part and part not in words:
            read.faults.append(("certificates", "unknown word", {"text": part[:40]}))
        elif part:
            yield words[part]
