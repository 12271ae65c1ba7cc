"""Administrative divisions with validity and successors. Join by code and date, never by name."""

from __future__ import annotations

from typing import TypedDict

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class Place(models.Model):
    """One division for as long as its code and name held.

    ``code`` has 12 digits (a county ``621221000000``). ``level``: 1 province, 2 prefecture, 3 county,
    4 township, 5 village. The ``*_id`` columns name the place's own ancestors, itself included.
    """

    class Level(models.IntegerChoices):
        PROVINCE = 1
        PREFECTURE = 2
        COUNTY = 3
        TOWNSHIP = 4
        VILLAGE = 5

    code = models.CharField(max_length=12)
    name = models.CharField(max_length=100)
    level = models.SmallIntegerField(choices=Level)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    province_id = models.BigIntegerField(null=True)
    prefecture_id = models.BigIntegerField(null=True)
    county_id = models.BigIntegerField(null=True)
    township_id = models.BigIntegerField(null=True)
    village_id = models.BigIntegerField(null=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    is_statistical = models.BooleanField(default=False)
    full_name = models.CharField(max_length=300)
    initials = models.CharField(max_length=100)
    grams = ArrayField(models.CharField(max_length=8), default=list)
    longitude = models.FloatField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "valid_from"], name="places_place_code_from"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=models.F("valid_from")),
                name="places_place_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["parent", "code"], name="places_place_parent"),
            models.Index(fields=["level", "code"], name="places_place_level"),
            models.Index(fields=["county_id", "level", "code"], name="places_place_county"),
            GinIndex(fields=["grams"], name="places_place_grams"),
        ]

    def __str__(self) -> str:
        return self.name


class PlaceKeys(TypedDict):
    """The denormalised ancestors of a scoped row, by id."""

    province_id: int | None
    prefecture_id: int | None
    county_id: int | None
    township_id: int | None
    village_id: int | None


class Placed(models.Model):
    """A scoped row: where it lies, with every ancestor's id for equality indexes.

    Set all of it at once: ``Household(place=village, **keys_of(village))``.
    """

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    province_id = models.BigIntegerField(null=True)
    prefecture_id = models.BigIntegerField(null=True)
    county_id = models.BigIntegerField(null=True)
    township_id = models.BigIntegerField(null=True)
    village_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


def keys_of(place: Place) -> PlaceKeys:
    """The place keys to copy onto a row that lies in ``place``."""
    return {
        "province_id": place.province_id,
        "prefecture_id": place.prefecture_id,
        "county_id": place.county_id,
        "township_id": place.township_id,
        "village_id": place.village_id,
    }
