"""Reads: who is acting, and the filters by which rows come into reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from fido2.webauthn import AttestedCredentialData

from yuchang.accounts.factors import real_now
from yuchang.accounts.models import (
    Assignment,
    Consent,
    Department,
    Deputy,
    Hat,
    Incumbency,
    Invitation,
    Passkey,
    Post,
    RecoveryCode,
    RoleGrant,
    ScopeItem,
    SignIn,
    Team,
    TeamMember,
    TotpDevice,
    User,
    Vetted,
)
from yuchang.accounts.rules import (
    PERMISSION_WORDS,
    ROLE_WORDS,
    Actor,
    AssignmentScope,
    ConsentScope,
    Grant,
    HouseholdScope,
    OrganisationScope,
    PlaceScope,
    Role,
    SampleScope,
    Scope,
    roles_with,
)
from yuchang.core import clock
from yuchang.core.language import is_english
from yuchang.core.naming import names_of
from yuchang.core.phrases import own_words
from yuchang.core.secrets import blind_index
from yuchang.places.models import Place

V = TypeVar("V", bound=Vetted)
LEVEL_COLUMNS = {1: "province_id", 2: "prefecture_id", 3: "county_id", 4: "township_id", 5: "village_id"}
NOTHING = Q(pk__in=[])
EVERYTHING = Q(pk__isnull=False)  # not an empty Q, which would vanish when joined by “or”


def live(on: date) -> Q:
    """Rows with ``valid_from`` and ``valid_to`` that hold on the day."""
    return Q(valid_from__lte=on) & (Q(valid_to__isnull=True) | Q(valid_to__gte=on))


def not_over(on: date) -> Q:
    """Rows that hold on the day or will later."""
    return Q(valid_to__isnull=True) | Q(valid_to__gte=on)


def hats_for(user_id: int, on: date) -> QuerySet[Hat]:
    """Everything that gives the person rights on the day: grants, posts, deputyships, teams, assignments."""
    rows = Hat.objects.filter(live(on), user_id=user_id, state="live", user__is_active=True)
    return rows.select_related("place").order_by("source", "source_id", "id")


def actor_for(user_id: int, name: str, on: date, *, acting_as: str = "") -> Actor:
    """The person with every right valid on the day. One query.

    ``acting_as`` (a ``Hat.id``) keeps only that hat; one that has ended leaves all of them.
    """
    # Every request asks this, so the database keeps its plan: the same rows as ``hats_for``.
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_rights(%s, %s)", [user_id, on])
        rows = cursor.fetchall()
    chosen = [row for row in rows if row[0] == acting_as] or rows
    return Actor(user_id, name, tuple(dict.fromkeys(Grant(Role(r[1]), _scope(*r[2:])) for r in chosen)))


def _scope(kind: str, number: int | None, place_id: int | None, level: int | None, name: str | None) -> Scope:
    if kind == "place":
        return PlaceScope(place_id or 0, level or 0, name or "")
    assert number is not None  # noqa: S101 - the table's check constraint says so
    kinds: dict[str, Callable[[int], Scope]] = {
        "organisation": OrganisationScope,
        "household": HouseholdScope,
        "assignment": AssignmentScope,
        "consent": ConsentScope,
        "sample": SampleScope,
    }
    return kinds[kind](number)


def place_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Rows whose place keys lie in the actor's places; no such scope, no rows.

    ``prefix`` leads from the queried table to the one with the keys, for example ``household__``.
    """
    condition = Q()
    for one in place_conditions(actor, permission, prefix):
        if one == EVERYTHING:
            return EVERYTHING
        condition |= one
    return condition if condition else NOTHING


def place_conditions(actor: Actor, permission: str, prefix: str = "") -> list[Q]:
    """``place_filter`` taken apart: one condition for each of the actor's places."""
    return [
        Q(**{prefix + LEVEL_COLUMNS[scope.level]: scope.place_id}) if scope.level else EVERYTHING
        for scope in actor.scopes(permission)
        if isinstance(scope, PlaceScope)
    ]


def organisation_filter(actor: Actor, permission: str, column: str = "organisation_id") -> Q:
    """Rows of the actor's organisations; none, no rows."""
    numbers = actor.organisation_ids(permission)
    return Q(**{f"{column}__in": numbers}) if numbers else NOTHING


def either(*conditions: Q) -> Q:
    """Rows of any of these; one that finds nothing anyhow is left out, so that the rest keeps its index."""
    parts = [one for one in conditions if one != NOTHING]
    return Q(*parts, _connector=Q.OR) if parts else NOTHING


def household_key(model: type[Model]) -> str:
    """The column of a table that names a household; empty when it has none.

    The register's own table says ``household_key = "pk"``; others have a ``household_id``.
    """
    given: str = getattr(model, "household_key", "")
    return given or ("household_id" if hasattr(model, "household_id") else "")


def household_scopes(actor: Actor, permission: str, key: str = "household_id") -> Q | None:
    """A filter on households opened one by one, by the column ``key``; None when no such scope is held.

    The own household, the households of an assignment or a sample, and those whose consent is live.
    """
    scopes = actor.scopes(permission)
    own = [scope.household_id for scope in scopes if isinstance(scope, HouseholdScope)]
    consents = [scope.consent_id for scope in scopes if isinstance(scope, ConsentScope)]
    opened: list[Any] = [own] if own else []
    items = scope_items(actor, permission)
    if items is not None:
        opened.append(items.filter(object_kind="household").values("object_id"))
    if consents:
        opened.append(live_consents(clock.today()).filter(pk__in=consents).values("household_id"))
    found = [Q(**{f"{key}__in": numbers}) for numbers in opened]
    return Q(*found, _connector=Q.OR) if found else None


def scope_items(actor: Actor, permission: str) -> QuerySet[ScopeItem] | None:
    """What the actor's assignments and samples open one by one today; None when none is held."""
    items = Q()
    for scope in actor.scopes(permission):
        if isinstance(scope, AssignmentScope):
            items |= Q(scope_kind="assignment", scope_id=scope.assignment_id)
        elif isinstance(scope, SampleScope):
            items |= Q(scope_kind="sample", scope_id=scope.sample_id)
    return ScopeItem.objects.filter(items & live(clock.today())) if items else None


def assignments_held(actor: Actor) -> list[int]:
    """The assignments that the actor has today, as a helper."""
    held = (grant.scope for grant in actor.grants)
    return [scope.assignment_id for scope in held if isinstance(scope, AssignmentScope)]


def assigned(actor: Actor, key: str = "household_id") -> Q:
    """Rows of the households assigned to the actor, by the column ``key``; no assignment, no rows."""
    numbers = assignments_held(actor)
    if not numbers:
        return NOTHING
    rows = ScopeItem.objects.filter(
        live(clock.today()), scope_kind="assignment", scope_id__in=numbers, object_kind="household"
    )
    return Q(**{f"{key}__in": rows.values("object_id")})


def is_opened(actor: Actor, permission: str, household_id: int) -> bool:
    """Whether one household is opened by itself: as the own one, by assignment, sample or consent."""
    if HouseholdScope(household_id) in actor.scopes(permission):
        return True
    condition = household_scopes(actor, permission, "object_id")
    return condition is not None and ScopeItem.objects.filter(condition, object_id=household_id).exists()


def reach(actor: Actor, permission: str, model: type[Model], prefix: str = "") -> Q:
    """Rows of a table in reach, over every kind of scope: by place, and by household where it has one.

    ``prefix`` leads to the place keys, as in ``place_filter``.
    """
    condition = place_filter(actor, permission, prefix)
    key = household_key(model)
    opened = household_scopes(actor, permission, key) if key and condition != EVERYTHING else None
    if opened is None:
        return condition
    return opened if condition == NOTHING else condition | opened


def live_consents(on: date) -> QuerySet[Consent]:
    """Consents that hold: given, not withdrawn, not run out."""
    return Consent.objects.filter(Q(expires_on__isnull=True) | Q(expires_on__gte=on), withdrawn_at=None)


def consented_fields(actor: Actor, household_id: int, purpose: str) -> frozenset[str]:
    """The fields of one household that the actor's organisation or consent scope may use for the purpose.

    Empty when nothing was consented, or it was withdrawn or has run out.
    """
    organisations = actor.organisation_ids("consents.use")
    numbers = [s.consent_id for s in actor.scopes("consents.use") if isinstance(s, ConsentScope)]
    rows = live_consents(clock.today()).filter(
        Q(organisation_id__in=organisations) | Q(pk__in=numbers),
        household_id=household_id,
        purpose=purpose,
    )
    return frozenset(field for fields in rows.values_list("fields", flat=True) for field in fields)


@dataclass(frozen=True)
class Factors:
    """Which second factors a person has."""

    has_totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether signing in takes a second step."""
        return self.has_totp or self.passkeys > 0


def factors_of(user_id: int) -> Factors:
    """The second factors a person has enrolled."""
    return Factors(
        TotpDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists(),
        Passkey.objects.filter(user_id=user_id).count(),
        RecoveryCode.objects.filter(user_id=user_id, used_at=None).count(),
    )


def own_passkeys(user_id: int) -> QuerySet[Passkey]:
    """A person's passkeys, for the list."""
    return Passkey.objects.filter(user_id=user_id).order_by("id")


def known_passkeys(user_id: int) -> list[AttestedCredentialData]:
    """A person's passkeys, for the browser's question."""
    return [AttestedCredentialData(bytes(row.credential)) for row in own_passkeys(user_id)]


def is_second_factor_due(actor: Actor) -> bool:
    """Whether one of the actor's roles asks for a second factor that is not enrolled (``MFA_ROLES``).

    A simulated database asks nobody, so that the printed sign-ins of the demonstration work.
    """
    if not any(grant.role.value in settings.MFA_ROLES for grant in actor.grants):
        return False
    return not clock.is_simulated() and not factors_of(actor.user_id or 0).any


def is_password_old(user: User) -> bool:
    """Whether the password is older than ``PASSWORD_MAX_DAYS`` (0: no limit); never in a simulation."""
    limit, since = settings.PASSWORD_MAX_DAYS, user.password_changed_at
    if not limit or since is None or not user.has_usable_password():
        return False
    return real_now() - since > timedelta(days=limit) and not clock.is_simulated()


def sessions_of(user_id: int) -> QuerySet[SignIn]:
    """Where the person is signed in: seen within the idle limit."""
    since = real_now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return SignIn.objects.filter(user_id=user_id, seen_at__gt=since).order_by("-seen_at", "-id")


def signed_in_user(user_id: int) -> User:
    """The person's own account."""
    return User.objects.get(pk=user_id)


def consents_for(actor: Actor) -> QuerySet[Consent]:
    """Consents the actor may read: of the place, of the own households, or given to the own organisation."""
    rows = Consent.objects.select_related("place")
    if actor.may("consents.use"):
        return rows.filter(organisation_filter(actor, "consents.use"), withdrawn_at=None)
    permission = "consents.read" if actor.may("consents.read") else "household.own"
    return rows.filter(reach(actor, permission, Consent))


def helper_of(household_id: int) -> Assignment | None:
    """The assignment by which a household has its helper today; ``households`` counts all that it opens.

    The caller has passed the household's door. One query.
    """
    open_items = ScopeItem.objects.filter(
        live(clock.today()), scope_kind="assignment", object_kind="household"
    )
    mine = open_items.filter(object_id=household_id, is_exclusive=True)
    same = open_items.filter(scope_id=OuterRef("pk")).order_by().values("scope_id")
    rows = Assignment.objects.filter(pk__in=mine.values("scope_id")).select_related("user", "post")
    return rows.annotate(households=Subquery(same.annotate(n=Count("pk")).values("n"))).first()


def consents_of(household_id: int) -> QuerySet[Consent]:
    """What a household consented to, newest first. The caller has passed the household's door."""
    return Consent.objects.filter(household_id=household_id).order_by("-id")


def called(hats: Iterable[Hat]) -> list[tuple[Hat, str, str]]:
    """Each hat with the post, team or assignment that gives it, and where it holds. At most seven queries."""
    rows = list(hats)
    behind = {source: [h.source_id for h in rows if h.source == source] for source in _TITLES}
    titles = {
        (source, pk): own_words(title)
        for source, (model, column) in _TITLES.items()
        if behind[source]
        for pk, title in model.objects.filter(pk__in=behind[source]).values_list("pk", column)
    }
    works = Assignment.objects.filter(pk__in=behind["work"]).values_list("pk", "place__name")
    places = dict(works) if behind["work"] else {}
    return [(h, titles.get((h.source, h.source_id), ""), _where(h, places)) for h in rows]


_TITLES: dict[str, tuple[Any, str]] = {
    "post": (Incumbency, "post__title"),
    "deputy": (Deputy, "incumbency__post__title"),
    "team": (TeamMember, "team__name"),
    "work": (Assignment, "title"),
}


def _where(hat: Hat, places: dict[int, str]) -> str:
    if hat.place is not None:
        return hat.place.name
    if hat.source == "work":
        return places.get(hat.source_id, "")
    return names_of(hat.scope_kind, [hat.target_id]).get(hat.target_id, "") if hat.target_id else ""


@dataclass(frozen=True)
class Held:
    """Something a person holds besides direct grants: a post, a deputyship, a team, an assignment."""

    kind: str
    title: str
    role: str
    place: Place | None
    row: Any


def held_by(user_id: int) -> list[Held]:
    """Posts, deputyships, teams and assignments of a person, the newest first of each. Four queries."""
    seats = Incumbency.objects.filter(user_id=user_id).select_related("post__place")
    stands = Deputy.objects.filter(user_id=user_id).select_related("incumbency__post__place")
    teams = TeamMember.objects.filter(user_id=user_id).select_related("team__place")
    works = Assignment.objects.filter(user_id=user_id).select_related("place")
    found = [Held("post", r.post.title, r.post.role, r.post.place, r) for r in seats.order_by("-valid_from")]
    for stand in stands.order_by("-valid_from"):
        post = stand.incumbency.post
        found.append(Held("deputy", post.title, post.role, post.place, stand))
    for member in teams.order_by("-valid_from"):
        role = Role.WORK_TEAM if member.team.kind == Team.Kind.WORK_TEAM else ""
        found.append(Held("team", member.team.name, role, member.team.place, member))
    for row in works.order_by("-valid_from"):
        found.append(Held("assignment", own_words(row.title), row.role, row.place, row))
    return found


def still_held(user_id: int, on: date) -> list[Held]:
    """What of ``held_by`` has not ended on the day, with the roles granted directly. Five queries."""
    grants = RoleGrant.objects.filter(user_id=user_id).select_related("place").order_by("-valid_from")
    rows = [Held("grant", "", row.role, row.place, row) for row in grants] + held_by(user_id)
    running = ("proposed", "live", "")
    return [
        held
        for held in rows
        if getattr(held.row, "state", "") in running
        and (held.row.valid_to is None or held.row.valid_to >= on)
    ]


def helping(user_id: int, on: date) -> QuerySet[Assignment]:
    """The assignments by which a person, by name or by post, is a helper on the day."""
    seats = Incumbency.objects.filter(live(on), user_id=user_id, state="live")
    own = Q(user_id=user_id) | Q(post_id__in=seats.values("post_id"))
    return Assignment.objects.filter(own, live(on), role=Role.HELPER)


def holders_of(permission: str, place_ids: Iterable[int | None]) -> list[int]:
    """Who may use a permission today by a hat in exactly these places; nobody twice."""
    hats = Hat.objects.filter(live(clock.today()), state="live", user__is_active=True)
    hats = hats.filter(role__in=roles_with(permission), place_id__in=[pk for pk in place_ids if pk])
    return sorted(set(hats.values_list("user_id", flat=True)))


def households_helped(user_id: int, on: date) -> int:
    """How many households have this person as their helper on the day."""
    works = helping(user_id, on).values("pk")
    rows = ScopeItem.objects.filter(live(on), scope_kind="assignment", scope_id__in=works)
    return rows.filter(object_kind="household").count()


def departments_for(actor: Actor, permission: str = "accounts.manage") -> QuerySet[Department]:
    """The organs of the state in the places the actor keeps that still exist."""
    rows = Department.objects.filter(place_filter(actor, permission), ended_on=None)
    return rows.select_related("place")


def posts_for(actor: Actor, permission: str = "accounts.manage") -> QuerySet[Post]:
    """The posts in the places the actor keeps, with who holds each today."""
    rows = Post.objects.filter(place_filter(actor, permission))
    return rows.select_related("place", "department")


def teams_for(actor: Actor, permission: str = "teams.read") -> QuerySet[Team]:
    """Leading groups and work teams in reach."""
    return Team.objects.filter(place_filter(actor, permission)).select_related("place")


def invitations_for(actor: Actor) -> QuerySet[Invitation]:
    """Invitations to roles in the places the actor keeps."""
    rows = Invitation.objects.select_related("place", "user", "invited_by")
    return rows.filter(hats_in_reach(actor, "accounts.manage"))


def invitation_of(code: str) -> Invitation | None:
    """The open invitation behind a code."""
    rows = Invitation.objects.select_related("place", "invited_by").filter(
        accepted_at=None, cancelled_at=None
    )
    return rows.filter(code_hash=blind_index("invitation", code), expires_at__gt=clock.now()).first()


def is_national(actor: Actor, permission: str) -> bool:
    """Whether the permission holds in the whole country."""
    return any(isinstance(s, PlaceScope) and s.level == 0 for s in actor.scopes(permission))


def hats_in_reach(actor: Actor, permission: str = "accounts.manage") -> Q:
    """Rows with a ``place`` within the places the actor keeps; those without a place are for the country."""
    if is_national(actor, permission):
        return EVERYTHING
    return place_filter(actor, permission, prefix="place__") & Q(place__isnull=False)


def grants_in_reach(actor: Actor, permission: str = "accounts.manage") -> Q:
    """Grants that somebody may answer or end: within the actor's places, or for an organisation and given
    to a person whose account is kept there."""
    here = hats_in_reach(actor, permission)
    if here == EVERYTHING:
        return here
    return here | (Q(scope_kind="organisation") & place_filter(actor, permission, prefix="user__home__"))


def people_for(actor: Actor, permission: str = "accounts.manage") -> QuerySet[User]:
    """The people whose accounts the actor keeps: with a hat in reach, or without one and known there.

    Hats in a place that have not ended count. Who has none (a helper, a newcomer, somebody who left) belongs
    to the place where the account was made, where a helper's households lie, or where a hat was before.
    """
    if not actor.may(permission):
        return User.objects.none()
    if is_national(actor, permission):
        return User.objects.all()
    here = hats_in_reach(actor, permission)
    hats = Hat.objects.filter(user=OuterRef("pk"), state__in=["proposed", "live"])
    before = hats.filter(scope_kind="place")
    placed = before.filter(not_over(clock.today()))
    works = Assignment.objects.filter(place_filter(actor, permission), user=OuterRef("pk"))
    known = (
        Exists(before.filter(here))
        | Exists(works)
        | place_filter(actor, permission, prefix="home__")
        | (~Exists(hats) & Q(home__isnull=True, phone_blind__isnull=True))
    )
    return User.objects.filter(Exists(placed.filter(here)) | (~Exists(placed) & known))


def has_hats_beyond(actor: Actor, user_id: int, permission: str = "accounts.manage") -> bool:
    """Whether the person wears a hat in a place that the actor does not keep."""
    hats = Hat.objects.filter(not_over(clock.today()), user_id=user_id, scope_kind="place")
    hats = hats.filter(state__in=["proposed", "live"])
    return hats.exclude(pk__in=hats.filter(hats_in_reach(actor, permission)).values("pk")).exists()


@dataclass(frozen=True)
class Waiting:
    """One proposal in the vetting queue: its kind, row, and where it would hold."""

    kind: str
    row: Any
    role: Role | None
    title: str
    place: Any


WAITING_SHOWN = 100


def waiting_to_vet(actor: Actor, permission: str = "accounts.vet") -> list[Waiting]:
    """What waits for a security administrator in the actor's places, oldest first, at most 100 of a kind."""
    grants = RoleGrant.objects.filter(grants_in_reach(actor, permission), state="proposed")
    seats = _proposed(Incumbency, actor, permission, "post__")
    deputies = _proposed(Deputy, actor, permission, "incumbency__post__")
    members = _proposed(TeamMember, actor, permission, "team__")
    found = [Waiting("grant", g, Role(g.role), "", g.place) for g in _oldest(grants, "place")]
    for seat in _oldest(seats, "post__place"):
        found.append(Waiting("post", seat, Role(seat.post.role), seat.post.title, seat.post.place))
    for deputy in _oldest(deputies, "incumbency__post__place"):
        post = deputy.incumbency.post
        found.append(Waiting("deputy", deputy, Role(post.role), post.title, post.place))
    for member in _oldest(members, "team__place"):
        found.append(Waiting("team", member, None, member.team.name, member.team.place))
    return sorted(found, key=lambda w: (w.row.created_at, w.kind, w.row.pk))


def _oldest(rows: QuerySet[V], place: str) -> QuerySet[V]:
    return rows.select_related(place, "user", "proposed_by").order_by("id")[:WAITING_SHOWN]


def _proposed(model: type[V], actor: Actor, permission: str, prefix: str) -> QuerySet[V]:
    rows = model._default_manager.filter(place_filter(actor, permission, prefix))
    return rows.filter(state="proposed")


def permission_word(permission: str) -> str:
    """A permission in the reader's language; its code where it has no words."""
    return PERMISSION_WORDS.get(permission, (permission, permission))[int(is_english())]


def role_word(role: str) -> str:
    """A role in the reader's language."""
    return ROLE_WORDS[Role(role)][int(is_english())]
