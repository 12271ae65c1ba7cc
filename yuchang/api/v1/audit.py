"""The roots of the audit log, for whoever keeps them elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, PageOut, Span, page_of
from yuchang.core.models import AuditCheckpoint

router = Router(tags=["audit"])


class CheckpointOut(Schema):
    """A signed statement: the first ``size`` entries have this Merkle root."""

    size: int
    root: str
    body: str
    signature: str
    key_id: str
    at: datetime

    @staticmethod
    def resolve_root(row: AuditCheckpoint) -> str:
        return bytes(row.root).hex()

    @staticmethod
    def resolve_signature(row: AuditCheckpoint) -> str:
        return bytes(row.signature).hex()


@router.get("/audit/checkpoints", response={200: PageOut[CheckpointOut], **REFUSALS})
def checkpoints(request: HttpRequest, span: Query[Span]) -> Any:
    """Signed roots, newest first; ``tools/verify_audit.py`` checks an exported log against them."""
    require(actor_of(request), "audit.read")
    return page_of(AuditCheckpoint.objects.defer("leaves", "frontier"), span, "-size")
