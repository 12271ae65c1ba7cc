"""Who may do what: roles, permissions and scopes. Pure.

The table below is the one reviewed place where a role gets a permission. Where a role may use
it is said by the scope of the grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A hat that a person wears within a scope."""

    VILLAGE_CADRE = "village_cadre"
    TOWNSHIP_REVIEWER = "township_reviewer"
    COUNTY_OFFICER = "county_officer"
    PARTNER = "partner"
    AUDITOR = "auditor"
    SYSTEM_ADMINISTRATOR = "system_administrator"


ROLE_WORDS: dict[Role, tuple[str, str]] = {
    Role.VILLAGE_CADRE: ("村干部", "village cadre"),
    Role.TOWNSHIP_REVIEWER: ("乡镇审核员", "township reviewer"),
    Role.COUNTY_OFFICER: ("县级专员", "county officer"),
    Role.PARTNER: ("帮扶伙伴", "partner"),
    Role.AUDITOR: ("审计员", "auditor"),
    Role.SYSTEM_ADMINISTRATOR: ("系统管理员", "system administrator"),
}


@dataclass(frozen=True)
class PlaceScope:
    """Everything in one administrative division. Level 0 is the whole country (``place_id`` 0)."""

    place_id: int
    level: int


@dataclass(frozen=True)
class OrganisationScope:
    """What belongs to one organisation."""

    organisation_id: int


@dataclass(frozen=True)
class HouseholdScope:
    """One's own household."""

    household_id: int


@dataclass(frozen=True)
class AssignmentScope:
    """The objects of one assignment (a visit plan, a check)."""

    assignment_id: int


@dataclass(frozen=True)
class ConsentScope:
    """What one live consent opens."""

    consent_id: int


@dataclass(frozen=True)
class SampleScope:
    """The objects drawn into one sample."""

    sample_id: int


Scope = PlaceScope | OrganisationScope | HouseholdScope | AssignmentScope | ConsentScope | SampleScope

_STAFF_READS = frozenset(
    {
        "registry.read",
        "partners.read",
        "exchange.read",
        "market.read",
        "ledger.read",
        "policy.read",
        "monitoring.read",
        "workbench.read",
    }
)

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.VILLAGE_CADRE: _STAFF_READS
    | {
        "registry.enter",
        "registry.import",
        "registry.export",
        "registry.reveal",
        "partners.propose",
        "exchange.post",
        "exchange.talk",
        "exchange.agree",
        "market.commit",
        "monitoring.visit",
    },
    Role.TOWNSHIP_REVIEWER: _STAFF_READS
    | {
        "registry.verify",
        "registry.export",
        "registry.reveal",
        "monitoring.visit",
        "partners.propose",
        "exchange.post",
        "exchange.talk",
    },
    Role.COUNTY_OFFICER: _STAFF_READS
    | {
        "registry.enter",
        "registry.import",
        "registry.export",
        "registry.reveal",
        "registry.verify",
        "registry.publish",
        "registry.decide_objection",
        "policy.decide",
        "snapshots.freeze",
        "snapshots.read",
        "partners.propose",
        "partners.manage",
        "exchange.post",
        "exchange.clear",
        "exchange.talk",
        "exchange.agree",
        "market.open",
        "market.commit",
        "market.settle",
        "ledger.reverse",
        "monitoring.assess",
        "monitoring.visit",
        "portal.publish",
    },
    Role.PARTNER: frozenset(
        {
            "partners.own",
            "partners.read",
            "exchange.post",
            "exchange.talk",
            "exchange.agree",
            "exchange.read",
            "market.read",
            "market.order",
            "market.open",
            "workbench.read",
        }
    ),
    Role.AUDITOR: _STAFF_READS | {"audit.read"},
    Role.SYSTEM_ADMINISTRATOR: frozenset({"accounts.manage", "operations.read", "workbench.read"}),
}


# Roles that act for an organisation instead of within a place.
NEEDS_ORGANISATION = frozenset({Role.PARTNER})
_ALONE = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})


def may_be_combined(roles: set[Role]) -> bool:
    """Whether one person may wear these hats: running or auditing the system stands alone (三员分立)."""
    return len(roles) < 2 or not roles & _ALONE


@dataclass(frozen=True)
class Grant:
    """One role within one scope."""

    role: Role
    scope: Scope


@dataclass(frozen=True)
class Actor:
    """Who reads or writes, with everything he or she may do at this moment."""

    user_id: int | None
    name: str
    grants: tuple[Grant, ...] = ()

    def may(self, permission: str) -> bool:
        """Whether any grant carries the permission, somewhere."""
        return any(permission in PERMISSIONS[g.role] for g in self.grants)

    def scopes(self, permission: str) -> tuple[Scope, ...]:
        """The scopes within which the permission holds."""
        return tuple(g.scope for g in self.grants if permission in PERMISSIONS[g.role])

    def has_role(self, role: str) -> bool:
        """Whether the actor wears this hat anywhere."""
        return any(g.role == role for g in self.grants)

    def organisation_ids(self, permission: str) -> list[int]:
        """The organisations on whose behalf the actor may use the permission."""
        return [s.organisation_id for s in self.scopes(permission) if isinstance(s, OrganisationScope)]


SYSTEM = Actor(user_id=None, name="system")
