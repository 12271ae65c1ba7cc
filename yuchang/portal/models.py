"""What the public zone may see (published copies, masked) and what it may hand in (intake).

The public zone works under its own database role, which reads the published tables and adds to the
intake, and nothing else (``migrations/0002_guards.py``). Nothing here points at inside tables: the zone
can move to another machine. No ID number, phone, health or disability stands in any column.
"""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import F, Q


def receipt_code() -> str:
    """Ten signs without look-alikes, by which a sender finds the objection again."""
    return "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _i in range(10))


class PublishedCounty(models.Model):
    """One publication of a county's totals. Append-only: a correction is the next publication.

    Amounts in fen. ``sankey`` is chart data, ``causes`` pairs of cause group and number of households,
    small groups joined. ``content_hash`` is the SHA-256 of the canonical text of the figures;
    ``log_size`` and ``log_root`` name the audit log as it stood.
    """

    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    county_name = models.CharField(max_length=100)
    region_name = models.CharField(max_length=300)
    from_on = models.DateField()
    as_of = models.DateField()
    households_listed = models.IntegerField()
    matched_count = models.IntegerField()
    matched_fen = models.BigIntegerField()
    sold_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField()
    households_paid = models.IntegerField()
    sankey = models.JSONField()
    causes = models.JSONField()
    content_hash = models.CharField(max_length=64)
    log_size = models.BigIntegerField(default=0)
    log_root = models.CharField(max_length=64, blank=True, default="")
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    households_listed__gte=0,
                    matched_count__gte=0,
                    matched_fen__gte=0,
                    sold_fen__gte=0,
                    paid_fen__gte=0,
                    households_paid__gte=0,
                ),
                name="portal_county_not_negative",
            ),
            models.CheckConstraint(condition=Q(as_of__gte=F("from_on")), name="portal_county_dates"),
        ]
        indexes = [models.Index(fields=["county_code", "-id"], name="portal_county_latest")]


class PublishedNotice(models.Model):
    """A live public notice of one village, until ``expires_on`` (the last day on which it shows)."""

    code = models.CharField(max_length=12, unique=True)
    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    township_name = models.CharField(max_length=100)
    village_name = models.CharField(max_length=100)
    opens_on = models.DateField()
    expires_on = models.DateField()
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_on__gte=F("opens_on")), name="portal_notice_dates")
        ]
        indexes = [models.Index(fields=["county_code", "expires_on", "id"], name="portal_notice_county")]


class PublishedNoticeEntry(models.Model):
    """One household of a notice, as anyone may see it: 张某某, size, and a cause without health detail."""

    notice = models.ForeignKey(PublishedNotice, on_delete=models.CASCADE, related_name="entries")
    code = models.CharField(max_length=12, unique=True)
    masked_name = models.CharField(max_length=20)
    size = models.SmallIntegerField()
    cause_group = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(masked_name__endswith="某某") & ~Q(masked_name__regex=r"[0-9]"),
                name="portal_entry_is_masked",
            )
        ]


class ObjectionIntake(models.Model):
    """An objection as it came in. The public zone adds; only the inside reads, collects and empties.

    ``sender_hash`` is a keyed hash of the sender's network address, kept to bound the number per hour.
    """

    receipt = models.CharField(max_length=10, unique=True, default=receipt_code)
    entry_code = models.CharField(max_length=12)
    text = models.CharField(max_length=1000)
    sender_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    collected_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="portal_intake_has_text"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(collected_at__isnull=True), name="portal_intake_waiting"),
            models.Index(fields=["sender_hash", "received_at"], name="portal_intake_sender"),
        ]
