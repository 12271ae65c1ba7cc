"""What the pages of help and consent show."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from yuchang.accounts.models import Consent
from yuchang.accounts.queries import consents_of
from yuchang.partners.models import Organisation
from yuchang.places.models import Place

SHOWN = 50


def partners_near(place: Place) -> QuerySet[Organisation]:
    """The vetted organisations that a place's county, or a division above it, introduced; by name."""
    above = [pk for pk in (place.province_id, place.prefecture_id, place.county_id) if pk]
    rows = Organisation.objects.filter(Q(host_id__in=above), state=Organisation.State.VETTED)
    return rows.defer("phone_sealed").order_by("name", "pk")


def consent_lines(household_id: int) -> list[tuple[Consent, str]]:
    """What a household consented to, newest first, with the name of who may use it. Two queries."""
    rows = list(consents_of(household_id)[:SHOWN])
    found = Organisation.objects.filter(pk__in={row.organisation_id for row in rows})
    names = dict(found.values_list("pk", "name"))
    return [(row, names.get(row.organisation_id, "—")) for row in rows]
