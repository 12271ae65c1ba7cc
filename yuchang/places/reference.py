"""Reading the tables of ``reference/`` and turning them into rows of ``Place``."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from yuchang.core.side_by_side import side_by_side
from yuchang.places.rules import HEADINGS, LEVEL_DIGITS, full_code, grams_of, level_of, short_name

EDITION_FROM = date(2023, 6, 30)  # the cut-off day of the edition of townships and villages
EVERYWHERE = "*"
COLUMNS = (
    "id",
    "code",
    "name",
    "level",
    "parent_id",
    "province_id",
    "prefecture_id",
    "county_id",
    "township_id",
    "village_id",
    "valid_from",
    "valid_to",
    "is_statistical",
    "full_name",
    "initials",
    "pinyin",
    "grams",
    "longitude",
    "latitude",
)
NULL = r"\N"
BLOCK = 10_000  # villages made into lines at a time, in turn by every core
COMMON_FROM = 1_000  # a character in so many villages' names is not indexed alone for villages
Row = dict[str, str]


@dataclass
class Division:
    """One division down to the county for as long as its code and name held, on its way into a row."""

    id: int
    code: str
    name: str
    level: int
    valid_from: str
    valid_to: str
    is_statistical: bool
    parent: Division | None = None
    point: tuple[str, str] = (NULL, NULL)

    def holds(self, on: str) -> bool:
        """Whether the code bore the name on a day."""
        return self.valid_from <= on and (not self.valid_to or on <= self.valid_to)

    def line_of_descent(self) -> list[Division]:
        """From the province down to the division itself."""
        return [*(self.parent.line_of_descent() if self.parent else []), self]


@dataclass
class Tree:
    """Everything down to the counties, and where the rest lies.

    ``edition`` finds the divisions of the 2023 edition by code and level, ``periods`` all by code and
    first day.
    """

    folder: Path
    divisions: list[Division] = field(default_factory=list)
    edition: dict[tuple[str, int], Division] = field(default_factory=dict)
    periods: dict[tuple[str, str], Division] = field(default_factory=dict)
    prefectures: dict[str, list[Division]] = field(default_factory=lambda: defaultdict(list))


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file, plain or packed."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def period_number(code: str, valid_from: str) -> int:
    """The number of a period of a code that the 2023 edition does not show."""
    year, month = int(valid_from[:4]), int(valid_from[5:7])
    return int(code) * 10_000 + (year - 1900) * 12 + month


def shared_number(code: str, level: int) -> int:
    """The number of a unit that shares its code with the unit above it, as 东莞 and 金门 do."""
    return int(code) * 10_000 + level


def area_key(areas: Sequence[str] | None) -> str:
    """One text per set of areas. Raises ValueError for a code that is neither a county's nor a province's."""
    if areas is None:
        return EVERYWHERE
    wrong = [a for a in areas if not a.isdecimal() or len(a) not in (2, 6)]
    if wrong:
        raise ValueError(f"not a county code of 6 digits or a province code of 2: {', '.join(wrong)}")
    return ",".join(sorted(set(areas)))


def read_tree(folder: Path) -> Tree:
    """Provinces, prefectures and counties with every period of theirs."""
    tree = Tree(folder)
    points = {
        r["code"]: (r["longitude"], r["latitude"]) for r in read_rows(folder / "county_points/points.csv")
    }
    for level, file in ((1, "provinces"), (2, "prefectures"), (3, "counties")):
        for row in read_rows(folder / f"divisions/{file}.csv"):
            _add_edition_row(tree, full_code(row["code"]), level, row, points)
    others = [r for r in read_rows(folder / "county_history/periods.csv.gz") if not _dates_edition(tree, r)]
    for level in (1, 2, 3):
        for row in others:
            code = full_code(row["code"])
            if level_of(code) == level:
                _add_period(tree, code, level, row, points)
    return tree


def _add_edition_row(tree: Tree, code: str, level: int, row: Row, points: dict[str, tuple[str, str]]) -> None:
    division = Division(
        id=shared_number(code, level) if (code, level - 1) in tree.edition else int(code),
        code=code,
        name=row["name"],
        level=level,
        valid_from=EDITION_FROM.isoformat(),
        valid_to="",
        is_statistical=row.get("is_statistical") == "1",
        parent=_edition_parent(tree, code, level),
        point=points.get(row["code"], (NULL, NULL)),
    )
    tree.divisions.append(division)
    tree.edition[code, level] = division


def _edition_parent(tree: Tree, code: str, level: int) -> Division | None:
    if level == 1:
        return None
    return tree.edition[full_code(code[: LEVEL_DIGITS[level - 1]]), level - 1]


def _dates_edition(tree: Tree, row: Row) -> bool:
    """Give a row of the edition the dates of its period. False for a period before or after the edition."""
    on = EDITION_FROM.isoformat()
    if row["valid_from"] > on or (row["valid_to"] and row["valid_to"] < on):
        return False
    code = full_code(row["code"])
    for level in (1, 2, 3):
        division = tree.edition.get((code, level))
        if division:
            division.valid_from, division.valid_to = row["valid_from"], row["valid_to"]
            tree.periods.setdefault((row["code"], row["valid_from"]), division)
            if level == 2:
                tree.prefectures[code].append(division)
    return True


def _add_period(tree: Tree, code: str, level: int, row: Row, points: dict[str, tuple[str, str]]) -> None:
    division = Division(
        id=period_number(code, row["valid_from"]),
        code=code,
        name=row["name"],
        level=level,
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        is_statistical=False,
        parent=_past_parent(tree, code, level, row["valid_to"] or row["valid_from"]),
        point=points.get(row["code"], (NULL, NULL)),
    )
    tree.divisions.append(division)
    tree.periods[row["code"], row["valid_from"]] = division
    if level == 2:
        tree.prefectures[code].append(division)


def _past_parent(tree: Tree, code: str, level: int, on: str) -> Division | None:
    """The prefecture, or else the province, whose digits the code began with on a day."""
    if level == 3:
        above = full_code(code[:4])
        held = [d for d in tree.prefectures[above] if d.holds(on)]
        found = held[0] if held else tree.edition.get((above, 2))
        if found:
            return found
    return tree.edition.get((full_code(code[:2]), 1)) if level > 1 else None


def successions(tree: Tree) -> list[dict[str, Any]]:
    """Rows of ``PlaceSuccessor``."""
    return [
        {
            "place_id": tree.periods[r["code"], r["valid_from"]].id,
            "successor_id": tree.periods[r["successor_code"], r["successor_from"]].id,
            "year": int(r["year"]),
            "kind": r["kind"],
            "document": r["document"],
            "note": r["note"],
        }
        for r in read_rows(tree.folder / "county_history/successions.csv.gz")
    ]


def poverty_counties(tree: Tree) -> list[dict[str, Any]]:
    """Rows of ``PovertyCounty``."""
    rows = read_rows(tree.folder / "poverty_counties/poverty_counties.csv")
    return [
        {
            "place_id": tree.edition[full_code(r["code"]), 3].id,
            "name_in_list": r["name_in_list"],
            "code_in_list": full_code(r["code_in_list"]) if r["code_in_list"] else "",
            "region": r["region"],
            "exit_year": int(r["exit_year"]),
            "is_last52": r["is_last52"] == "1",
            "is_key160": None if r["is_key160"] == "" else r["is_key160"] == "1",
            "note": r["note"],
        }
        for r in rows
    ]


def row_count(tree: Tree, areas: Sequence[str] | None) -> int:
    """About how many rows ``copy_lines`` yields, for a progress bar."""
    return len(tree.divisions) + (661_925 if areas is None else 330 * len(areas))


def copy_lines(tree: Tree, areas: Sequence[str] | None) -> Iterator[str]:
    """The rows of ``Place`` in COPY's text format, higher levels first; one or many lines at a time."""
    read = Reader(tree.folder)
    for division in tree.divisions:
        yield _division_line(division, read)
    yield from _lower_lines(tree, tuple(areas) if areas is not None else None, read)


@lru_cache(maxsize=4)
def common_characters(folder: Path) -> frozenset[str]:
    """The characters in so many villages' names that the index does not keep them alone for villages."""
    rows = read_rows(folder / "pinyin/characters.csv")
    return frozenset(r["character"] for r in rows if int(r["villages"]) >= COMMON_FROM)


class Reader:
    """Reads names aloud: their pinyin and its initials."""

    def __init__(self, folder: Path) -> None:
        rows = list(read_rows(folder / "pinyin/characters.csv"))
        self.rare = frozenset(r["character"] for r in rows if int(r["villages"]) < COMMON_FROM)
        self._usual = {ord(r["character"]): r["reading"] for r in rows}
        self._initial = {ord(r["character"]): r["reading"][:1] for r in rows}
        self._unusual = {
            r["name"]: r["readings"].split() for r in read_rows(folder / "pinyin/unusual_names.csv")
        }

    def __call__(self, name: str) -> tuple[str, str]:
        """(full pinyin, initials), small letters without gaps; signs are left out."""
        syllables = self._unusual.get(name)
        if syllables is None:
            return name.translate(self._usual), name.translate(self._initial)
        return "".join(syllables), "".join(s[0] for s in syllables)


def _grams(name: str, alone: Container[str] | None = None) -> str:
    return "{" + ",".join(map(str, grams_of(name, alone=alone))) + "}"


def _division_line(division: Division, read: Reader) -> str:
    chain = division.line_of_descent()
    keys = [NULL] * 5
    for ancestor in chain:
        keys[ancestor.level - 1] = str(ancestor.id)
    pinyin, initials = read(division.name)
    full_name = "".join(a.name for a in chain if a.name not in HEADINGS)
    values = (
        str(division.id),
        division.code,
        division.name,
        str(division.level),
        str(division.parent.id) if division.parent else NULL,
        *keys,
        division.valid_from,
        division.valid_to or NULL,
        "t" if division.is_statistical else "f",
        full_name or division.name,
        initials,
        pinyin,
        _grams(division.name),
        *division.point,
    )
    return "\t".join(values) + "\n"


def _lower_lines(tree: Tree, areas: tuple[str, ...] | None, read: Reader) -> Iterator[str]:
    heads: dict[str, tuple[str, str]] = {}
    for row in read_rows(tree.folder / "divisions/townships.csv.gz"):
        short, name = row["code"], row["name"]
        if areas is not None and not short.startswith(areas):
            continue
        code = short + "000"
        county = tree.edition[short[:6] + "000000", 3]
        keys, full_name = _above(county)
        pinyin, initials = read(name)
        number = shared_number(code, 4) if short.endswith("000") else code
        heads[short] = f"{number}\t{keys}\t{number}", full_name + name
        yield (
            f"{number}\t{code}\t{name}\t4\t{county.id}\t{keys}\t{number}\t{NULL}\t{EDITION_FROM}\t{NULL}\tf\t"
            f"{full_name}{name}\t{initials}\t{pinyin}\t{_grams(name)}\t{NULL}\t{NULL}\n"
        )
    yield from _village_lines(tree.folder, heads, read)


def _above(county: Division) -> tuple[str, str]:
    chain = county.line_of_descent()
    names = [d.name for d in chain if d.name not in HEADINGS]
    return "\t".join(str(d.id) for d in chain), "".join(dict.fromkeys(names))


def _village_lines(folder: Path, heads: dict[str, tuple[str, str]], read: Reader) -> Iterator[str]:
    with gzip.open(folder / "divisions/villages.csv.gz", "rt", encoding="utf-8") as handle:
        lines = handle.readlines()[1:]
    blocks = [lines[start : start + BLOCK] for start in range(0, len(lines), BLOCK)]
    return side_by_side(_VillageBlock(heads, read), blocks, chunk=1)


class _VillageBlock:
    """Turns lines of the shipped file into lines of COPY, remembering short names from block to block."""

    def __init__(self, heads: dict[str, tuple[str, str]], read: Reader) -> None:
        self._heads, self._read = heads, read
        self._ends: dict[str, str] = {}  # half of the villages share their short name with another

    def __call__(self, lines: Sequence[str]) -> str:
        return "".join(self._lines(lines))

    def _lines(self, lines: Sequence[str]) -> Iterator[str]:
        heads, ends = self._heads, self._ends
        middle = f"\t{EDITION_FROM}\t{NULL}\tf\t"
        for line in lines:
            code, name = line[:12], line[13:-1]
            head = heads.get(line[:9])
            if head is None:
                continue
            short = short_name(name)
            end = ends.get(short)
            if end is None:
                end = ends[short] = _village_end(short, self._read)
            number = shared_number(code, 5) if code.endswith("000000") else code
            yield f"{number}\t{code}\t{name}\t5\t{head[0]}\t{number}{middle}{head[1]}{name}\t{end}"


def _village_end(short: str, read: Reader) -> str:
    pinyin, initials = read(short)
    return f"{initials}\t{pinyin}\t{_grams(short, read.rare)}\t{NULL}\t{NULL}\n"
