"""Enter, correct, exit and remove a household."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import count

from django.db import connection
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Problem, invalid
from yuchang.places.models import Place
from yuchang.registry import rules
from yuchang.registry.actions.cases import await_second_person, drop_verification
from yuchang.registry.actions.store import HOUSEHOLD_COLUMNS, Origin, store
from yuchang.registry.documents import Known, blind_id, documents
from yuchang.registry.entry import HouseholdEntry
from yuchang.registry.models import Household, Member, Source

State = Household.State
_DOCUMENTS = "SELECT 1, d FROM jsonb_array_elements(%(documents)s::jsonb) AS d"


def register_household(
    *, actor: Actor, village_id: int, entry: HouseholdEntry, observed_on: date
) -> Household:
    """Enter a household of a village in the actor's area (``registry.enter``).

    Empty numbers are given out: the village's code and a running number, two more digits per person.
    Raises Invalid with every blocking finding of the rules, Refused or Hidden outside the area,
    Conflict when the number or a person is already registered.
    """
    village = open_door(Place.objects.filter(level=5), actor, "registry.enter", village_id)
    with write("registry.register_household", actor) as audit:
        entry = _numbered(entry, village)
        _require_sound(entry, observed_on)
        if Household.objects.filter(number=entry.number).exists():
            raise Conflict(
                _("户编号 %(number)s 已经登记。") % {"number": entry.number}, remedy=_("请核对户编号。")
            )
        _require_free(entry, None, observed_on)
        _store(actor, village, entry, None, {}, observed_on)
        household = Household.objects.get(number=entry.number)
        audit.add("household", household.pk, place_id=village.pk, number=entry.number, size=household.size)
    return household


def correct_household(
    *, actor: Actor, household_id: int, version: int | None, entry: HouseholdEntry, observed_on: date
) -> Household:
    """Correct an entered household; the roster in ``entry`` is complete, who is missing has left.

    A verified household goes back to the second person. Raises Stale, Conflict (under notice, removed).
    """
    with write("registry.correct_household", actor) as audit:
        household = open_door(Household.objects.all(), actor, "registry.enter", household_id, lock=True)
        check_version(household, version)
        _require_open(household)
        if entry.number != household.number:
            raise invalid("number", _("户编号不能更改。"), _("登记有误的请注销后重新录入。"))
        entry = _numbered(entry, household.place)
        _require_sound(entry, observed_on)
        _require_free(entry, household, observed_on)
        _store(actor, household.place, entry, household, _known(household, entry), observed_on)
        household.refresh_from_db()
        audit.add(
            "household",
            household.pk,
            place_id=household.place_id,
            version=household.version,
            size=household.size,
        )
    return household


def _numbered(entry: HouseholdEntry, village: Place) -> HouseholdEntry:
    """The entry with every number filled in. Two entries in one village wait for each other."""
    number = entry.number
    if not number:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"number:{village.code}"]
            )
        used = Household.objects.filter(number__startswith=village.code).aggregate(m=Max("number"))["m"]
        last = used[12:] if used and used[12:].isdigit() else "0"
        number = f"{village.code}{int(last) + 1:04d}"
    taken = {m.number for m in entry.members}
    taken |= set(Member.objects.filter(number__startswith=number).values_list("number", flat=True))
    free = (f"{number}{n:02d}" for n in count(1) if f"{number}{n:02d}" not in taken)
    members = tuple(m if m.number else replace(m, number=next(free)) for m in entry.members)
    return replace(entry, number=number, members=members)


def _require_sound(entry: HouseholdEntry, on: date) -> None:
    """Raise Invalid with every blocking flag; unknown fact names are a mistake of the caller."""
    if on > clock.today():
        raise invalid("observed_on", _("日期在将来。"), _("请填写调查当天的日期。"))
    unknown = set(entry.facts) - set(HOUSEHOLD_COLUMNS)
    if unknown:
        raise invalid("facts", _("没有这些事实项:%(names)s。") % {"names": "、".join(sorted(unknown))})
    if not entry.members:
        raise invalid("members", _("没有成员。"), _("请至少填写户主。"))
    problems = [
        Problem(_field_of(flag), _words(flag, 1), _words(flag, 2))
        for flag in rules.check_household(entry, on)
        if flag.level == rules.REJECTED
    ]
    if problems:
        raise Invalid(problems)


def _field_of(flag: rules.Flag) -> str:
    return flag.field if flag.member is None else f"members.{flag.member}.{flag.field}"


def _words(flag: rules.Flag, part: int) -> str:
    return str(_(rules.MESSAGES[flag.code][part]) % flag.arguments)


def _require_open(household: Household) -> None:
    if household.state == State.NOTICED:
        raise Conflict(_("该户正在公示,期间不能修改。"), remedy=_("请在公示结束后更正,或提出异议。"))
    if household.state == State.REMOVED:
        raise Conflict(_("该户已注销。"), remedy=_("如需恢复,请另立新编号重新录入。"))


def _require_free(entry: HouseholdEntry, household: Household | None, on: date) -> None:
    """Nobody in the entry lives in another household, and no person number is another's."""
    blinds = [b for m in entry.members if m.id_number and (b := blind_id(m.id_number, on))]
    taken = Member.objects.filter(
        Q(id_blind__in=blinds) | Q(number__in=[m.number for m in entry.members]), left_on=None
    )
    if household is not None:
        taken = taken.exclude(household=household)
    if taken.exists():
        raise Conflict(
            _("有成员已在其他户登记,或人编号已被使用。"),
            remedy=_("请先在原户办理离开,或核对证件号码与人编号。"),
        )


def _known(household: Household, entry: HouseholdEntry) -> dict[str, Known]:
    here = household.members.filter(left_on=None)
    return {m.number: Known(m.pk, str(m.uid)) for m in here if m.number in {e.number for e in entry.members}}


def _store(
    actor: Actor,
    village: Place,
    entry: HouseholdEntry,
    household: Household | None,
    known: Mapping[str, Known],
    on: date,
) -> None:
    found = documents(
        entry,
        place_id=village.pk,
        county_id=village.county_id or village.pk,
        household_id=household.pk if household else None,
        known=known,
        blinds=[blind_id(m.id_number, on) if m.id_number else None for m in entry.members],
        content_hash=None,
        on=on,
    )
    origin = Origin(actor.user_id, Source.FORM.value, on, clock.now())
    store(_DOCUMENTS, {"documents": f"[{','.join(found)}]"}, origin, is_single=True)
    await_second_person(actor)


def exit_household(*, actor: Actor, household_id: int, version: int | None, on: date) -> Household:
    """Mark a listed household as exited (``registry.publish``). Raises Conflict in another state."""
    with write("registry.exit_household", actor) as audit:
        household = open_door(Household.objects.all(), actor, "registry.publish", household_id, lock=True)
        check_version(household, version)
        if household.state != State.LISTED:
            raise Conflict(_("只有已纳入的户可以退出。"), remedy=_("请先完成公示。"))
        household.state, household.exited_on = State.EXITED, on
        household.exit_attribute, household.exit_year = "exited", on.year
        household.content_hash = None
        save(household)
        audit.add("household", household.pk, place_id=household.place_id, on=on)
    return household


def remove_household(*, actor: Actor, household_id: int, version: int | None, reason: str) -> Household:
    """Strike a household off the register; its rows and history stay. Raises Conflict under notice."""
    if not reason.strip():
        raise invalid("reason", _("请写明注销原因。"))
    with write("registry.remove_household", actor) as audit:
        household = open_door(Household.objects.all(), actor, "registry.enter", household_id, lock=True)
        check_version(household, version)
        _require_open(household)
        household.state, household.removed_reason = State.REMOVED, reason.strip()[:200]
        household.content_hash = None
        save(household)
        drop_verification(actor, [household.pk], household.removed_reason)
        _leave(list(household.members.filter(left_on=None)), clock.today())
        audit.add("household", household.pk, place_id=household.place_id, reason=household.removed_reason)
    return household


def _leave(members: Sequence[Member], on: date) -> None:
    for member in members:
        member.left_on, member.batch_id = on, None
        save(member)
