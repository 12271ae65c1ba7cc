"""People with fixed rights, whom every test knows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

from django.test import Client

from yuchang.accounts.entry import PROVEN
from yuchang.accounts.models import RoleGrant, ScopeItem, User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor, Role
from yuchang.places.models import Place

CHENG = "621221000000"  # 成县, the demo county
WEN = "621222000000"  # 文县, the next county
FROM = date(2014, 1, 1)


@dataclass(frozen=True)
class Person:
    """A user and what he or she may do."""

    user: User

    @property
    def actor(self) -> Actor:
        return actor_for(self.user.pk, self.user.display_name, date(2026, 11, 21))

    def client(self) -> Client:
        """A browser in which this person has signed in."""
        client = Client()
        client.force_login(self.user, backend="yuchang.accounts.backend.AccountBackend")
        session = client.session
        session[PROVEN] = int(time.time())
        session.save()
        return client


def county(code: str = CHENG) -> Place:
    """A county by its code."""
    return Place.objects.get(code=code, valid_to__isnull=True)


def villages(county_code: str = CHENG) -> list[Place]:
    """The villages of a county, by code."""
    return list(
        Place.objects.filter(county_id=county(county_code).pk, level=5, valid_to=None).order_by("code")
    )


def person(
    name: str,
    role: Role,
    *,
    place: Place | None = None,
    organisation_id: int | None = None,
    nation: bool = False,
) -> Person:
    """Someone with one role within one scope."""
    user = User.objects.create(username=f"{name}-{role}-{User.objects.count()}", display_name=name)
    kind = "organisation" if organisation_id else "place"
    RoleGrant.objects.create(
        user=user,
        role=role,
        scope_kind=kind,
        place=place,
        is_nation=nation,
        target_id=organisation_id,
        valid_from=FROM,
    )
    return Person(user)


def wang(place: Place | None = None) -> Person:
    """王专员, officer of 成县."""
    return person("王专员", Role.COUNTY_OFFICER, place=place or county())


def li(place: Place | None = None) -> Person:
    """李村干, cadre of the first village of 成县."""
    return person("李村干", Role.VILLAGE_CADRE, place=place or villages()[0])


def zhang(place: Place | None = None) -> Person:
    """张审核, reviewer of the first township of 成县."""
    township = place or Place.objects.get(pk=villages()[0].township_id)
    return person("张审核", Role.TOWNSHIP_REVIEWER, place=township)


def zhao(organisation_id: int) -> Person:
    """赵企业, who acts for one organisation."""
    return person("赵企业", Role.PARTNER, organisation_id=organisation_id)


def outsider() -> Person:
    """外县员, officer of 文县, the next county."""
    return person("外县员", Role.COUNTY_OFFICER, place=county(WEN))


def auditor() -> Person:
    """孙审计, who may read everything and write nothing."""
    return person("孙审计", Role.AUDITOR, nation=True)


def administrator() -> Person:
    """钱管理, who keeps the system running and sees no business data."""
    return person("钱管理", Role.SYSTEM_ADMINISTRATOR, nation=True)


def security() -> Person:
    """吴安全, who approves what others propose and sees no business data."""
    return person("吴安全", Role.SECURITY_ADMINISTRATOR, nation=True)


def log_keeper() -> Person:
    """郑日志, the audit administrator: reads the log, and no business data."""
    return person("郑日志", Role.AUDIT_ADMINISTRATOR, nation=True)


def team_member(place: Place | None = None) -> Person:
    """冯队员, of the resident work team of the first village of 成县."""
    return person("冯队员", Role.WORK_TEAM, place=place or villages()[0])


def prefecture() -> Person:
    """陈市员, officer of the prefecture of 成县 and 文县."""
    return person("陈市员", Role.PREFECTURE_OFFICER, place=Place.objects.get(pk=county().prefecture_id))


def province() -> Person:
    """褚省员, officer of the province."""
    return person("褚省员", Role.PROVINCE_OFFICER, place=Place.objects.get(pk=county().province_id))


def banker(organisation_id: int) -> Person:
    """卫信贷, who acts for one bank."""
    return person("卫信贷", Role.BANK_OFFICER, organisation_id=organisation_id)


def trainer(place: Place | None = None) -> Person:
    """蒋讲师, who teaches in 成县."""
    return person("蒋讲师", Role.TRAINER, place=place or county())


def operator(place: Place | None = None) -> Person:
    """沈运营, who runs the e-commerce centre of 成县."""
    return person("沈运营", Role.PLATFORM_OPERATOR, place=place or county())


def scoped(name: str, role: Role, kind: str, target_id: int) -> Person:
    """Someone with one role for one household, assignment, consent or sample."""
    user = User.objects.create(username=f"{name}-{role}-{User.objects.count()}", display_name=name)
    RoleGrant.objects.create(user=user, role=role, scope_kind=kind, target_id=target_id, valid_from=FROM)
    return Person(user)


def helper(assignment_id: int) -> Person:
    """韩帮扶, who helps the households of one assignment."""
    return scoped("韩帮扶", Role.HELPER, "assignment", assignment_id)


def evaluator(sample_id: int) -> Person:
    """杨评估, who evaluates the households of one sample."""
    return scoped("杨评估", Role.EVALUATOR, "sample", sample_id)


def householder(household_id: int) -> Person:
    """王小满 at the telephone, for the own household."""
    return scoped("王小满", Role.HOUSEHOLD, "household", household_id)


def opened(kind: str, scope_id: int, household_id: int) -> None:
    """One household is opened by an assignment or a sample."""
    ScopeItem.objects.create(
        scope_kind=kind,
        scope_id=scope_id,
        object_kind="household",
        object_id=household_id,
        valid_from=FROM,
    )
