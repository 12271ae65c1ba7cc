"""Who else works with the county or looks at it: a helper, an evaluator, and a household on its telephone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count

from demo import cast
from demo.cast import SignIn
from demo.progress import Line
from demo.scene import Scene
from yuchang.accounts import actions as accounts
from yuchang.accounts.rules import ROLE_WORDS, Role
from yuchang.core.errors import Conflict
from yuchang.exchange.models import Agreement
from yuchang.monitoring.models import Alert
from yuchang.places.models import Place
from yuchang.procedures import actions as procedures
from yuchang.procedures.models import Sample
from yuchang.registry.actions.cases import await_second_persons
from yuchang.registry.models import Household
from yuchang.workbench.queries.entrance import members_with_phone

HELPED = 12
"""So many households are given to the helper, those with an alert first."""
EXITS, SHARE = 20, 30
"""So many exits are proposed where nothing else waits; the percentage that an evaluator checks."""


def bring_in(scene: Scene, line: Line) -> str:
    """Households get a helper, a drawn sample its evaluator; one household has a telephone."""
    village = next(iter(scene.villages.values()))
    made = [_helper(scene, village), *_household(scene, village), _evaluator(scene)]
    cast.remember(scene.options.folder, made)
    return "、".join(f"{one.role} {one.name}" for one in made)


def _person(username: str, name: str, role: Role, scope: str) -> tuple[int, SignIn]:
    """An account without any right yet; what it is for is given to it by name."""
    user, one_time = accounts.create_user(actor=cast.OPERATOR, username=username, display_name=name)
    password = cast.choose_password(user, one_time)
    return user.pk, SignIn(username, password, name, ROLE_WORDS[role][0], scope, cast.WORK[username][0])


def _helper(scene: Scene, village: Place) -> SignIn:
    rows = Household.objects.filter(village_id=village.pk, state=Household.State.LISTED).order_by("id")
    known = list(rows.values_list("pk", flat=True))
    alerted = set(Alert.objects.filter(household_id__in=known).values_list("household_id", flat=True))
    chosen = sorted(known, key=lambda pk: (pk not in alerted, pk))[:HELPED]
    number, printed = _person("helper", "马帮扶", Role.HELPER, village.name)
    if chosen:
        accounts.assign_helper(
            actor=scene.officer, place=village, household_ids=sorted(chosen), user_id=number
        )
    return printed


def _evaluator(scene: Scene) -> SignIn:
    """A sample of what came in late and waits for the second person; where nothing waits, of some exits."""
    while await_second_persons():
        pass  # no worker runs while the county is built
    try:
        drawn = _draw(scene, "household_verification", "verify")
    except Conflict:
        _propose_exits(scene)
        drawn = _draw(scene, "household_exit", "village_review")
    number, printed = _person("evaluator", "冯评估", Role.EVALUATOR, scene.county_place.name)
    procedures.give_sample(scene.officer, sample_id=drawn.pk, user_id=number)
    return printed


def _draw(scene: Scene, code: str, step: str) -> Sample:
    """Raises Conflict where nothing stands in this step."""
    return procedures.draw_sample(
        scene.officer, code=code, step=step, place=scene.county_place, share_percent=SHARE
    )


def _propose_exits(scene: Scene) -> None:
    """Some listed households that stand well by now are to be struck off; the villages will talk it over."""
    rows = Household.objects.filter(county_id=scene.county_place.pk, state=Household.State.LISTED)
    well = rows.exclude(pk__in=Alert.objects.values("household_id")).order_by("pk")
    subjects = [
        procedures.Subject(row.pk, row.place_id, f"{row.head_name}户退出", row.number) for row in well[:EXITS]
    ]
    procedures.open_cases(
        scene.officer, code="household_exit", subject_kind="registry.household", subjects=subjects
    )


def _household(scene: Scene, village: Place) -> Sequence[SignIn]:
    """The household of the cadre's village with the most agreements, by a telephone that opens it alone."""
    sold = Agreement.objects.filter(village_id=village.pk, offer__household__isnull=False)
    busiest = sold.values("offer__household_id").annotate(n=Count("pk")).order_by("-n", "offer__household_id")
    ids = [one["offer__household_id"] for one in busiest[:50]]
    homes = Household.objects.in_bulk(ids)
    columns = scene.report.columns
    phones: dict[str, list[str]] = {}
    for number, phone in zip(columns["户编号"].tolist(), columns["联系电话"].tolist(), strict=True):
        phones.setdefault(number, []).append(phone)
    for row in (homes[pk] for pk in ids):
        for phone in filter(None, phones.get(row.number, [])):
            members = members_with_phone(phone)
            if {member.household_id for member in members} == {row.pk}:
                name, role = members[0].name, ROLE_WORDS[Role.HOUSEHOLD][0]
                return [SignIn(phone, "手机验证码", name, role, village.name, cast.WORK["household"][0])]
    return []
