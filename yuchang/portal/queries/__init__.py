"""Reads: published rows for everyone; for the inside, what a publication will show and what is carried."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.conf import settings
from django.db.models import Q, QuerySet

from yuchang.portal.models import (
    INTAKE,
    Bundle,
    Outbox,
    Peer,
    PublishedCounty,
    PublishedFile,
    PublishedGoods,
    PublishedNotice,
    PublishedNoticeEntry,
    PublishedReceipt,
    PublishedRound,
    PublishedTable,
    Stream,
)


def latest_counties() -> QuerySet[PublishedCounty]:
    """The newest publication of every county."""
    newest = PublishedCounty.objects.order_by("county_code", "-id").distinct("county_code")
    return PublishedCounty.objects.filter(pk__in=newest.values("pk")).order_by("county_code")


TOTALS = ("households_listed", "matched_count", "sold_fen", "paid_fen", "households_paid")


def totals(counties: Iterable[PublishedCounty]) -> dict[str, int]:
    """What all counties together say of themselves; a figure that a county keeps back is not in the sum."""
    rows = list(counties)
    return {name: sum(getattr(row, name) or 0 for row in rows) for name in TOTALS}


def publications(county_code: str) -> QuerySet[PublishedCounty]:
    """Every publication of a county, newest first."""
    return PublishedCounty.objects.filter(county_code=county_code).order_by("-id")


def live_notices(today: date, county_code: str = "") -> QuerySet[PublishedNotice]:
    """Notices that show on this day."""
    rows = PublishedNotice.objects.filter(opens_on__lte=today, expires_on__gte=today)
    return rows.filter(county_code=county_code) if county_code else rows


def live_entry(today: date, code: str) -> PublishedNoticeEntry | None:
    """One household of a notice that shows on this day."""
    rows = PublishedNoticeEntry.objects.select_related("notice")
    return rows.filter(code=code, notice__opens_on__lte=today, notice__expires_on__gte=today).first()


def live_rounds(today: date, county_code: str = "") -> QuerySet[PublishedRound]:
    """Rounds that still show on this day."""
    rows = PublishedRound.objects.filter(expires_on__gte=today)
    return rows.filter(county_code=county_code) if county_code else rows


def live_goods(today: date, code: str) -> PublishedGoods | None:
    """One kind of goods of a round that still shows."""
    rows = PublishedGoods.objects.select_related("round")
    return rows.filter(code=code, round__expires_on__gte=today).first()


def live_tables(today: date, county_code: str = "", dataset: str = "") -> QuerySet[PublishedTable]:
    """Open data that still show, newest first, with their files (without the content)."""
    rows = PublishedTable.objects.filter(expires_on__gte=today).order_by("-id")
    rows = rows.filter(county_code=county_code) if county_code else rows
    return rows.filter(dataset=dataset) if dataset else rows


def live_files(today: date, table_ids: list[int]) -> QuerySet[PublishedFile]:
    """The files of these tables, without their content."""
    rows = PublishedFile.objects.filter(expires_on__gte=today, table_id__in=table_ids)
    return rows.defer("content").order_by("table_id", "name")


def live_file(today: date, code: str) -> PublishedFile | None:
    """One file with its content."""
    return PublishedFile.objects.filter(expires_on__gte=today, code=code).first()


def receipt_state(today: date, receipt: str) -> PublishedReceipt | None:
    """What became of something handed in."""
    return PublishedReceipt.objects.filter(expires_on__gte=today, receipt=receipt).first()


def own_stream() -> Stream:
    """What this zone sends: publications from the inside, intake from the outside."""
    return Stream.INTAKE if settings.ZONE == "public" else Stream.PUBLICATIONS


def peer() -> Peer | None:
    """The other zone, as it was last accepted."""
    return Peer.objects.order_by("-id").first()


def bundles() -> QuerySet[Bundle]:
    """Everything sent and received, newest first, without the content."""
    return Bundle.objects.defer("content").order_by("-id")


def waiting_for_bundle() -> int:
    """How many rows the next bundle would carry, counted before it joins repeated changes."""
    if own_stream() == Stream.PUBLICATIONS:
        return Outbox.objects.filter(bundle__isnull=True).count()
    return sum(model._default_manager.filter(sent_in__isnull=True).count() for model in INTAKE)


def to_write(numbers_above: int = 0) -> QuerySet[Bundle]:
    """Sent bundles that the other side has not confirmed, oldest first."""
    rows = Bundle.objects.filter(stream=own_stream(), is_sent=True, number__gt=numbers_above)
    return rows.filter(Q(confirmed_at__isnull=True) & Q(content__isnull=False)).order_by("number")
