"""Tables of the ground: the instance, the append-only audit log with its signed tree, data keys."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import models
from django.db.models import Func, Q
from django.utils.encoding import force_str
from django.utils.translation import get_language


class Instance(models.Model):
    """One row: what this database is, and, if its data are simulated, what its clock shows."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=100, default="渔场")
    is_simulated = models.BooleanField(default=False)
    clock_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="core_instance_single_row"),
            models.CheckConstraint(
                condition=Q(clock_at__isnull=True) | Q(is_simulated=True),
                name="core_instance_clock_only_when_simulated",
            ),
        ]


class Versioned(models.Model):
    """A mutable row. Every write names the version it read (see ``core.actions.check_version``)."""

    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def _get_FIELD_display(self, field: models.Field[Any, Any]) -> str:
        """Behind every ``get_…_display``: Django's own translates all choices to find one, row after row."""
        value = getattr(self, field.attname)
        word: str = force_str(_words_of(field, get_language()).get(value, value), strings_only=True)
        return word


@cache
def _words_of(field: models.Field[Any, Any], _language: str | None) -> dict[Any, str]:
    return {value: str(word) for value, word in field.flatchoices}


class AuditEntry(models.Model):
    """One line of the audit log, as written by an action. Append-only by grants.

    ``transaction_id`` lets the sequencer order only entries whose transactions are surely finished.
    """

    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=100)
    object_kind = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)
    place_id = models.BigIntegerField(null=True)
    body = models.TextField()
    leaf_hash = models.BinaryField()
    transaction_id = models.BigIntegerField(db_default=Func(function="txid_current"))

    class Meta:
        # 0002_guards adds: the hash is that of the body, and nobody chooses a transaction id.
        indexes = [
            models.Index(fields=["object_kind", "object_id", "id"], name="core_audit_object"),
            models.Index(fields=["action", "id"], name="core_audit_action"),
            models.Index(fields=["actor_id", "id"], name="core_audit_actor"),
            models.Index(fields=["transaction_id", "id"], name="core_audit_transaction"),
        ]


class AuditLeaf(models.Model):
    """The place of one entry in the log. Written by the sequencer only; append-only by grants."""

    seq = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="leaf")
    leaf_hash = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(seq__gte=0), name="core_auditleaf_seq")]


class AuditCheckpoint(models.Model):
    """A signed statement: the first ``size`` leaves have this Merkle root. Append-only by grants.

    ``body`` is the exact text that is signed. It names the root, the hash of the checkpoint before,
    and the hash of ``leaves``: the leaf hashes (32 bytes each) added since then.
    ``frontier``, ``horizon`` and ``cluster`` let the sequencer go on from here.
    """

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField()
    body = models.TextField()
    leaves = models.BinaryField()
    signature = models.BinaryField()
    key_id = models.CharField(max_length=16)
    at = models.DateTimeField()
    frontier = models.BinaryField()
    horizon = models.BigIntegerField()
    cluster = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="core_auditcheckpoint_size")]


class DataKey(models.Model):
    """A county's data key, wrapped by the master key named (see ``core.secrets``)."""

    county_id = models.BigIntegerField()
    version = models.PositiveSmallIntegerField()
    wrapped = models.BinaryField()
    master_key_id = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_id", "version"], name="core_datakey_version"),
        ]


class Tally(models.Model):
    """How many rows of a subject lie in a village under a key. Kept by triggers (see ``core.tallies``)."""

    subject = models.CharField(max_length=40)
    province_id = models.BigIntegerField()
    prefecture_id = models.BigIntegerField()
    county_id = models.BigIntegerField()
    township_id = models.BigIntegerField()
    village_id = models.BigIntegerField()
    key = models.CharField(max_length=80)
    n = models.BigIntegerField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "subject", "province_id", "prefecture_id", "county_id", "township_id", "village_id", "key"
                ],
                name="core_tally_once",
            )
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["subject", f"{level}_id"], name=f"core_tally_{level}")
            for level in ("province", "prefecture", "county", "township", "village")
        ]


class TallyDelta(models.Model):
    """A change of a tally that has not been folded in yet: writers append here and wait for nobody."""

    subject = models.CharField(max_length=40)
    province_id = models.BigIntegerField()
    prefecture_id = models.BigIntegerField()
    county_id = models.BigIntegerField()
    township_id = models.BigIntegerField()
    village_id = models.BigIntegerField()
    key = models.CharField(max_length=80)
    n = models.BigIntegerField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["subject", "county_id"], name="core_tallydelta_county")]


class TallyNow(models.Model):
    """Tallies with what is not folded in yet (a view): what pages read."""

    subject = models.CharField(max_length=40)
    province_id = models.BigIntegerField()
    prefecture_id = models.BigIntegerField()
    county_id = models.BigIntegerField()
    township_id = models.BigIntegerField()
    village_id = models.BigIntegerField()
    key = models.CharField(max_length=80)
    n = models.BigIntegerField()
    amount = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "core_tallynow"


class Sending(models.Model):
    """Under which number a person's form was written (``core.sendings``), for some days."""

    user_id = models.BigIntegerField()
    number = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "number"], name="core_sending_once")]
