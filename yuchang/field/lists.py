"""The columns of the list of reports."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models import User
from yuchang.core.addresses import address
from yuchang.core.lists import day, state, text
from yuchang.core.paging import Among
from yuchang.field.models import Report
from yuchang.places.queries import named
from yuchang.registry.models import Household

STATE_KINDS = {"written": "good", "conflict": "warn", "settled": "good", "dropped": "quiet"}

REPORTS = (
    text("kind", _("内容"), lambda r: r.get_kind_display(), href=lambda r: address("field:report", r.pk)),
    text("head", _("户主"), lambda r: r.household.head_name if r.household_id else ""),
    text("place", _("行政村"), lambda r: r.place.name),
    text("who", _("谁送的"), lambda r: r.user.display_name),
    text("made", _("手机上填写"), lambda r: f"{timezone.localtime(r.made_at):%Y-%m-%d %H:%M}"),
    text("received", _("收到"), lambda r: f"{timezone.localtime(r.received_at):%Y-%m-%d %H:%M}"),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATE_KINDS[r.state]),
    day("settled", _("处理日期"), lambda r: r.settled_at, is_extra=True),
)

_heads = Among("pk", lambda: Household.objects.only("head_name"))
_people = Among("pk", lambda: User.objects.only("display_name"))


def with_names(rows: Iterable[Report]) -> list[Report]:
    """Reports with the names of heads, places and people, and nothing else of these read. Three queries."""
    found = list(rows)
    heads = {h.pk: h for h in _heads(r.household_id for r in found if r.household_id)}
    people = {u.pk: u for u in _people(r.user_id for r in found)}
    places = named(r.place_id for r in found)
    for row in found:
        if row.household_id:
            row.household = heads[row.household_id]
        row.user, row.place = people[row.user_id], places[row.place_id]
    return found
