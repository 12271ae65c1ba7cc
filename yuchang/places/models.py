"""Administrative divisions with validity and successors. Join by code and date, never by name."""

from __future__ import annotations

from typing import TypedDict

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

LIKE_COLLATION = "C"  # byte order, so that plain btree indexes serve prefix searches


class Place(models.Model):
    """One division for as long as its code and name held.

    ``code`` has 12 digits (a county ``621221000000``). ``level``: 1 province, 2 prefecture, 3 county,
    4 township, 5 village. ``valid_from`` and ``valid_to`` are the first and last day on which the code
    books show this code with this name; no ``valid_to`` means it is in force. The ``*_id`` columns name
    the place's own ancestors, itself included. Points are in degrees (CGCS2000).
    """

    class Level(models.IntegerChoices):
        PROVINCE = 1, _("省级")
        PREFECTURE = 2, _("地级")
        COUNTY = 3, _("县级")
        TOWNSHIP = 4, _("乡级")
        VILLAGE = 5, _("村级")

    code = models.CharField(max_length=12, db_collation=LIKE_COLLATION)
    name = models.CharField(max_length=100, db_collation=LIKE_COLLATION)
    level = models.SmallIntegerField(choices=Level)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        db_index=False,
    )
    province_id = models.BigIntegerField(null=True)
    prefecture_id = models.BigIntegerField(null=True)
    county_id = models.BigIntegerField(null=True)
    township_id = models.BigIntegerField(null=True)
    village_id = models.BigIntegerField(null=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    is_statistical = models.BooleanField(
        default=False, help_text="a unit of the statistics bureau that is no division: a development zone"
    )
    full_name = models.CharField(max_length=300)
    initials = models.CharField(max_length=100, db_collation=LIKE_COLLATION)
    pinyin = models.CharField(max_length=400, db_collation=LIKE_COLLATION)
    grams = ArrayField(models.IntegerField(), default=list, help_text="see rules.grams_of")
    longitude = models.FloatField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "level", "valid_from"], name="places_place_code_from"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="places_place_dates",
            ),
            models.CheckConstraint(condition=Q(level__range=(1, 5)), name="places_place_known_level"),
            models.CheckConstraint(condition=Q(code__regex=r"^\d{12}$"), name="places_place_code_digits"),
        ]
        indexes = [
            models.Index(fields=["parent", "code"], name="places_place_parent"),
            models.Index(fields=["level", "code"], name="places_place_level", condition=Q(level__lte=3)),
            models.Index(fields=["county_id", "level", "code"], name="places_place_county"),
            models.Index(fields=["level", "name"], name="places_place_name"),
            models.Index(fields=["level", "initials"], name="places_place_initials"),
            models.Index(fields=["level", "pinyin"], name="places_place_pinyin"),
            GinIndex(fields=["grams"], name="places_place_grams"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The place's own page."""
        return reverse("places:place", args=[self.pk])

    @property
    def is_present(self) -> bool:
        """Whether the division is in force."""
        return self.valid_to is None


class PlaceSuccessor(models.Model):
    """``place`` ended, wholly or partly, in ``successor``.

    ``year`` is the year in which the code book changed, not the day of the approval.
    """

    class Kind(models.TextChoices):
        RENAMED = "renamed", _("更名")
        RECODED = "recoded", _("改码")
        BECAME_CITY = "became_city", _("撤县设市")
        BECAME_DISTRICT = "became_district", _("撤县(市)设区")
        BECAME_PREFECTURE = "became_prefecture", _("撤地设市")
        MERGED = "merged", _("并入")
        REARRANGED = "rearranged", _("区划调整")

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="successions")
    successor = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="predecessions")
    year = models.SmallIntegerField()
    kind = models.CharField(max_length=20, choices=Kind)
    document = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "successor"], name="places_successor_once"),
            models.CheckConstraint(condition=~Q(place=F("successor")), name="places_successor_not_itself"),
        ]


class PovertyCounty(models.Model):
    """One of the 832 national poverty counties, as the list named it, and the year in which it left.

    ``place`` is the present division; two rows may share one (冷湖 and 茫崖 merged).
    ``is_key160`` unknown (None) is not "no".
    """

    class Region(models.TextChoices):
        EAST = "east", _("东部")
        MIDDLE = "middle", _("中部")
        WEST = "west", _("西部")

    name_in_list = models.CharField(max_length=100)
    code_in_list = models.CharField(max_length=12, blank=True)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="poverty_counties")
    region = models.CharField(max_length=10, choices=Region)
    exit_year = models.SmallIntegerField()
    is_last52 = models.BooleanField()
    is_key160 = models.BooleanField(null=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "name_in_list"], name="places_povertycounty_once"),
            models.CheckConstraint(
                condition=Q(exit_year__range=(2016, 2020)), name="places_povertycounty_exit_year"
            ),
        ]
        indexes = [models.Index(fields=["exit_year", "place"], name="places_povertycounty_year")]


class ReferenceLoad(models.Model):
    """What has been loaded: which areas, from which content of ``reference/``. The same twice is skipped."""

    areas = models.CharField(max_length=2000, unique=True)
    digest = models.CharField(max_length=64)
    rows = models.IntegerField()
    loaded_at = models.DateTimeField(auto_now=True)


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
