"""A household entry as the JSON documents that the writer stores. Secrets are sealed here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import add
from typing import Any

from pypinyin import Style, lazy_pinyin

from yuchang.core import secrets
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.rules import clean_id, read_id

HOUSEHOLD_FACTS = ("net_income_per_head_fen", "unsafe_house", "safe_water", "water_hardship")
MEMBER_FACTS = (
    "schooling",
    "enrolment",
    "labour",
    "work_status",
    "work_months",
    "has_serious_illness_cover",
    "has_medical_insurance",
)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str, check_circular=False)


@dataclass(frozen=True)
class Known:
    """A member that is already stored: its row and what it is sealed under."""

    member_id: int
    uid: str


def blind_id(id_number: str, on: date) -> bytes | None:
    """The blind index of the person behind an ID number; None for an unreadable one."""
    person = read_id(id_number, on).person
    return secrets.blind_index("member.id", person) if person else None


@cache
def _initial(sign: str) -> str:
    """The first letter of a sign's usual reading; nothing for signs without one."""
    return "".join(lazy_pinyin(sign, style=Style.FIRST_LETTER, errors="ignore"))


def search_keys(names: Sequence[str], number: str) -> list[str]:
    """What a search box may find a household by: names, their one- and two-sign grams, initials, number."""
    found = [number]
    for name in names:
        plain = name.replace("·", "").replace("•", "") if "·" in name or "•" in name else name
        found += (name[:100], plain[:100], *plain, *map(add, plain, plain[1:]))
        initials = "".join(map(_initial, plain))
        found += [initials[:size] for size in range(2, min(len(initials), 100) + 1)]
    keys = dict.fromkeys(found)
    keys.pop("", None)
    return list(keys)


def documents(
    entry: HouseholdEntry,
    *,
    place_id: int,
    county_id: int,
    household_id: int | None,
    known: Mapping[str, Known],
    blinds: Sequence[bytes | None],
    content_hash: bytes | None,
    on: date,
    absent: frozenset[str] = frozenset(),
) -> list[str]:
    """One document per member; the first also carries the household.

    ``known``: person number → stored member; ``blinds``: each member's ``blind_id``. Facts of columns
    in ``absent`` are left out, so that the writer carries the stored ones over.
    """
    uids = [known[m.number].uid if m.number in known else str(uuid.uuid4()) for m in entry.members]
    ids = _sealed(county_id, "member.id", uids, [clean_id(m.id_number) for m in entry.members])
    phones = _sealed(county_id, "member.phone", uids, [m.phone for m in entry.members])
    found = []
    for i, member in enumerate(entry.members):
        document: dict[str, Any] = {
            "member": _member(
                member, uids[i], known.get(member.number), ids[i], blinds[i], phones[i], on, absent
            )
        }
        if i == 0:
            document["household"] = _household(
                entry, place_id, household_id, content_hash, entry.facts, absent
            )
        found.append(_ENCODER.encode(document))
    return found


def _sealed(county_id: int, label: str, uids: Sequence[str], texts: Sequence[str]) -> list[str | None]:
    filled = [(u, t) for u, t in zip(uids, texts, strict=True) if t]
    blobs = iter(secrets.seal_many(county_id, label, filled)) if filled else iter(())
    return [next(blobs).hex() if text else None for text in texts]


def _household(
    entry: HouseholdEntry,
    place_id: int,
    household_id: int | None,
    content_hash: bytes | None,
    facts: Mapping[str, Any],
    absent: frozenset[str],
) -> dict[str, Any]:
    head = entry.head
    wide = {
        "size": len(entry.members),
        "attribute": entry.attribute,
        "exit_attribute": entry.exit_attribute,
        "main_cause": entry.main_cause,
        **facts,
        **{c: getattr(entry, c) for c in HOUSEHOLD_FACTS if c not in absent},
    }
    return {
        "household_id": household_id,
        "place_id": place_id,
        "number": entry.number,
        "hamlet": entry.hamlet,
        "attribute": entry.attribute,
        "exit_attribute": entry.exit_attribute,
        "exit_year": entry.exit_year,
        "size": len(entry.members),
        "head_name": head.name if head else entry.members[0].name,
        "main_cause": entry.main_cause,
        "other_causes": list(entry.other_causes) if entry.other_causes else None,
        "search_keys": search_keys([m.name for m in entry.members], entry.number),
        "content_hash": content_hash.hex() if content_hash else None,
        "facts": wide,
    }


def _member(
    member: MemberEntry,
    uid: str,
    known: Known | None,
    id_sealed: str | None,
    id_blind: bytes | None,
    phone_sealed: str | None,
    on: date,
    absent: frozenset[str],
) -> dict[str, Any]:
    number = clean_id(member.id_number)
    verdict = read_id(number, on) if number else None
    phone = secrets.blind_index("member.phone", member.phone).hex() if member.phone else None
    return {
        "member_id": known.member_id if known else None,
        "uid": uid,
        "number": member.number,
        "name": member.name,
        "relation": member.relation,
        "ethnicity": member.ethnicity,
        "sex": (verdict.sex if verdict else "") or member.sex,
        "birth_on": (verdict.birth_on if verdict else None) or member.birth_on,
        "id_sealed": id_sealed,
        "id_blind": id_blind.hex() if id_blind else None,
        "id_tail_blind": secrets.blind_index("member.id_tail", number[-6:]).hex() if verdict else None,
        "phone_sealed": phone_sealed,
        "phone_blind": phone,
        "facts": {c: getattr(member, c) for c in MEMBER_FACTS if c not in absent},
        "health": list(member.health) or None,
        "disability_kind": verdict.disability_kind if verdict else None,
        "disability_level": verdict.disability_level if verdict else None,
    }
