"""Cases for the tests: a small household entry in 成县 and its people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

from django.db import connections

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.models import Instance
from yuchang.files.models import Blob, StoredFile
from yuchang.places.models import Place, keys_of
from yuchang.procedures import actions
from yuchang.procedures.models import Case, Definition

MONDAY = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
_subjects = count(1)


def set_clock(at: datetime = MONDAY, *, days: int = 0) -> None:
    """The simulated clock stands ``days`` after a Monday morning."""
    Instance.objects.update_or_create(
        id=1, defaults={"is_simulated": True, "clock_at": at + timedelta(days=days)}
    )


def cadre(name: str = "李村干") -> people.Person:
    """A cadre of the first village of 成县."""
    return people.person(name, Role.VILLAGE_CADRE, place=people.villages()[0])


def reviewer(name: str = "张审核") -> people.Person:
    """A reviewer of the first township of 成县."""
    place = Place.objects.get(pk=people.villages()[0].township_id)
    return people.person(name, Role.TOWNSHIP_REVIEWER, place=place)


def entry(by: people.Person, **more: Any) -> Case:
    """A household entry, opened in the first village."""
    given: dict[str, Any] = {
        "code": "household_entry",
        "subject_kind": "test.household",
        "subject_id": next(_subjects),
        "place": people.villages()[0],
        "title": "王小满 户纳入",
    } | more
    return actions.open_case(by.actor, **given)


def paper(by: people.Person, case: Case, **more: Any) -> int:
    """The number of a ready file about the case, or about what ``more`` says."""
    unique = f"{next(_subjects):064x}"
    county = case.place.county_id or case.place_id
    blob = Blob.objects.create(key_id=county, sha256=unique, name=unique, size=1)
    given: dict[str, Any] = {
        "purpose": "case_evidence",
        "about_kind": "procedures.case",
        "about_id": case.pk,
        "state": "ready",
        "blob": blob,
        "size": 1,
        "sha256": unique,
        "received_size": 1,
        "received_sha256": unique,
        "uploaded_by": by.user,
        "received_at": MONDAY,
        "place": case.place,
        **keys_of(case.place),
    } | more
    return StoredFile.objects.create(**given).pk


def in_force(version: Definition, by: people.Person | None = None) -> Definition:
    """A proposed version, put in force by another officer of the county."""
    by = by or people.person("周专员", Role.COUNTY_OFFICER, place=version.place)
    return actions.vet_definition(by.actor, definition_id=version.pk, version=version.version, approve=True)


def step_on(by: people.Person, case: Case, choice: str, *, papers: int = 0, **more: Any) -> Case:
    """Advance a case from where it stands, with so many papers as evidence."""
    case.refresh_from_db()
    if papers:
        more["evidence"] = [paper(by, case) for _n in range(papers)]
    return actions.advance(by.actor, case=case, version=case.version, choice=choice, **more)


def at_township(by: people.Person, **more: Any) -> Case:
    """A household entry that has come to the township's check; the clock stands nine days later."""
    set_clock()
    case = entry(by, **more)
    step_on(by, case, "agree", opinion="评议通过", papers=1)
    set_clock(days=9)
    return step_on(by, case, "forward")


def race(*works: Callable[[], object]) -> list[Exception | None]:
    """Run works at the same moment, each over its own connection; returns what each raised, or None."""
    barrier = Barrier(len(works))
    outcomes: dict[int, Exception | None] = {}

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            barrier.wait()
            work()
            outcomes[number] = None
        except Exception as error:  # noqa: BLE001 - the outcome of the race is what is asked for
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[n] for n in range(len(works))]
