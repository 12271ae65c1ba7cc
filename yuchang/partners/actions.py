"""Every write about organisations: propose, vet, suspend, keep the contact fresh."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from yuchang.accounts.rules import Actor
from yuchang.partners.models import Organisation


@dataclass(frozen=True)
class OrganisationFacts:
    """An organisation as entered. ``place_id`` is its seat, ``host_id`` the county that vets it."""

    name: str
    kind: str
    place_id: int
    host_id: int
    credit_code: str = ""
    contact_name: str = ""
    phone: str = ""
    capabilities: tuple[str, ...] = field(default=())
    introduction: str = ""


def propose_organisation(*, actor: Actor, facts: OrganisationFacts) -> Organisation:
    """Enter an organisation (state ``proposed``). Needs ``partners.propose`` within the host county.

    Raises Invalid for a wrong credit code, unknown kind or a code already registered.
    """
    raise NotImplementedError


def propose_organisations(*, actor: Actor, rows: Iterable[OrganisationFacts]) -> list[Organisation]:
    """``propose_organisation`` for many, all or nothing."""
    raise NotImplementedError


def vet_organisation(*, actor: Actor, organisation_id: int, version: int, note: str = "") -> Organisation:
    """Confirm a proposed or suspended organisation. Needs ``partners.manage``; never by who proposed it."""
    raise NotImplementedError


def vet_organisations(*, actor: Actor, organisation_ids: Iterable[int], note: str = "") -> int:
    """``vet_organisation`` for many, all or nothing. Returns how many."""
    raise NotImplementedError


def suspend_organisation(*, actor: Actor, organisation_id: int, version: int, reason: str) -> Organisation:
    """Suspend a vetted organisation, with the reason."""
    raise NotImplementedError


def edit_contact(
    *,
    actor: Actor,
    organisation_id: int,
    version: int,
    contact_name: str,
    phone: str,
    capabilities: tuple[str, ...],
    introduction: str,
) -> Organisation:
    """A partner keeps its own contact data (``partners.own``), or its host county does (``partners.manage``).

    An empty ``phone`` keeps the stored one.
    """
    raise NotImplementedError


def reveal_phone(*, actor: Actor, organisation_id: int) -> str:
    """Unseal the phone number for its own people or its host county; leaves an audit entry."""
    raise NotImplementedError
