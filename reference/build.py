"""Build the shipped reference tables from raw public files.

    python -m reference.build INPUT

INPUT holds the folders ``divisions``, ``county_points``, ``gb2260_history`` and ``poverty_counties``
as the SOURCE.md of each table describes them. The result is the same on every machine.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from pypinyin import lazy_pinyin

from reference.history import HEADINGS, history_of
from yuchang.places.rules import short_name

HERE = Path(__file__).resolve().parent
REGIONS = {"东部": "east", "中部": "middle", "西部": "west"}
# Divisions of the 2023 edition that the ministry's list of 2026 lacks although they are no zones.
REAL_ALTHOUGH_MISSING = {"441900", "442000", "460400", "500105", "500112", "620201"}
Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV file, plain or packed."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
        return [{k: (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(handle)]


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file; a name ending in .gz is packed without a time stamp, so that builds agree."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def build_divisions(source: Path, target: Path) -> tuple[list[str], list[str]]:
    """The five levels of the 2023 edition. Returns the names of the villages and of the others."""
    levels = {
        "provinces.csv": read_rows(source / "divisions/provinces.csv"),
        "prefectures.csv": read_rows(source / "divisions/cities.csv"),
        "townships.csv.gz": read_rows(source / "divisions/streets.csv.gz"),
        "villages.csv.gz": read_rows(source / "divisions/villages.csv.gz"),
    }
    for file, rows in levels.items():
        write_rows(target / file, ["code", "name"], [(r["code"], r["name"]) for r in rows])
    ministry = {r["code"] for r in read_rows(source / "divisions/mca_counties_2026.csv")}
    counties = read_rows(source / "divisions/areas.csv")
    write_rows(
        target / "counties.csv",
        ["code", "name", "is_statistical"],
        [(r["code"], r["name"], int(r["code"] not in ministry | REAL_ALTHOUGH_MISSING)) for r in counties],
    )
    villages = levels.pop("villages.csv.gz")
    others = [r["name"] for rows in (*levels.values(), counties) for r in rows]
    return [r["name"] for r in villages], others


def build_history(source: Path, target: Path) -> list[str]:
    """Periods of codes and what became of the ended ones. Returns every name."""
    edition: dict[str, str] = {}
    for file in ("provinces", "cities", "areas"):
        for row in read_rows(source / f"divisions/{file}.csv"):
            if not HEADINGS.match(row["name"]):
                edition.setdefault(row["code"].ljust(6, "0"), row["name"])
    history = history_of(
        read_rows(source / "gb2260_history/gb2260_intervals_198012_201904.csv.gz"),
        read_rows(source / "gb2260_history/change_events_1981_2026.csv.gz"),
        edition,
        {r["code"]: r["county"] for r in read_rows(source / "divisions/mca_counties_2026.csv")},
    )
    write_rows(
        target / "periods.csv.gz",
        ["code", "name", "valid_from", "valid_to"],
        [(p.code, p.name, p.start, p.end or "") for p in history.periods],
    )
    write_rows(
        target / "successions.csv.gz",
        ["code", "valid_from", "successor_code", "successor_from", "year", "kind", "document", "note"],
        [
            (s.old.code, s.old.start, s.new.code, s.new.start, s.year, s.kind, s.document, s.note)
            for s in history.successions()
        ],
    )
    return [p.name for p in history.periods]


def check_names(names: Iterable[str]) -> None:
    """The loader splits lines at the comma and writes arrays: no name may hold what divides them."""
    strange = [name for name in names if not name or set(name) & set('",\\\t\r\n')]
    if strange:
        raise ValueError(f"names with signs that divide columns: {strange[:10]}")


def build_points(source: Path, target: Path) -> None:
    """One point inside each county."""
    rows = [r for r in read_rows(source / "county_points/county_points.csv") if r["inside_lon"]]
    write_rows(
        target / "points.csv",
        ["code", "longitude", "latitude", "area_km2"],
        [(r["adcode"], r["inside_lon"], r["inside_lat"], r["area_km2"]) for r in rows],
    )


def build_poverty_counties(source: Path, target: Path) -> None:
    """The 832 counties with the year of exit."""
    rows = read_rows(source / "poverty_counties/poverty_counties_832.csv")
    header = ["code", "name_in_list", "code_in_list", "region", "exit_year", "is_last52", "is_key160", "note"]
    write_rows(
        target / "poverty_counties.csv",
        header,
        [
            (
                r["adcode_2023"],
                r["name_in_list"],
                r["adcode_old"],
                REGIONS[r["region"]],
                r["exit_year"],
                r["last52"],
                r["key160"],
                r["note"],
            )
            for r in rows
        ],
    )


def build_readings(names: Sequence[str], villages: Sequence[str], target: Path) -> None:
    """Pinyin: the usual reading of each character, and the names that are read otherwise."""
    distinct = sorted({short_name(name) for name in names})
    readings = {name: lazy_pinyin(name, errors=list) for name in distinct}
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for name, syllables in readings.items():
        if len(name) != len(syllables):
            raise ValueError(f"no reading for every character of {name}")
        for character, syllable in zip(name, syllables, strict=True):
            seen[character][syllable] += 1
    usual = {c: max(sorted(counts), key=counts.__getitem__) for c, counts in seen.items()}
    read = {c: s if s.isascii() and s.isalnum() else "" for c, s in usual.items()}
    frequency = Counter(c for name in villages for c in set(short_name(name)))
    write_rows(
        target / "characters.csv",
        ["character", "reading", "villages"],
        [(c, read[c], frequency[c]) for c in sorted(read)],
    )
    unusual = [
        (name, " ".join(read[c] and s for c, s in zip(name, syllables, strict=True)))
        for name, syllables in readings.items()
        if any(usual[c] != s for c, s in zip(name, syllables, strict=True))
    ]
    write_rows(target / "unusual_names.csv", ["name", "readings"], unusual)


def main() -> None:
    """Build everything from the folder given."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(__doc__)
    source = Path(sys.argv[1])
    villages, names = build_divisions(source, HERE / "divisions")
    build_points(source, HERE / "county_points")
    build_poverty_counties(source, HERE / "poverty_counties")
    names += build_history(source, HERE / "county_history")
    check_names(names + villages)
    build_readings(names + villages, villages, HERE / "pinyin")


if __name__ == "__main__":
    main()
