"""Files of deals: taken in for one side, read by both."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Hidden, invalid
from yuchang.exchange.models import Agreement, Match, Paper
from yuchang.exchange.queries_deals import paper_for
from yuchang.files.actions import Upload, content_of, take_in
from yuchang.files.rules import DEALS_OF_ORGANISATION

PURPOSE = "deal_paper"
PAPERS_AT_ONCE = 10


def attach(
    actor: Actor, *, match: Match, side: str, about_kind: str, about_id: int, uploads: Sequence[Upload]
) -> list[Paper]:
    """Take files in for one side of a deal that the caller has opened through that side's door.

    They lie where the side lies: with its organisation, or in its village. Call it within the action they
    belong to: a refused file (Invalid) then undoes all of it.
    """
    if len(uploads) > PAPERS_AT_ONCE:
        raise invalid("papers", _("一次最多上传 %(most)d 份文件。") % {"most": PAPERS_AT_ONCE})
    posting = match.offer if side == "offer" else match.need
    is_organisation = posting.organisation_id is not None
    found = []
    for upload in uploads:
        with write("exchange.attach_paper", actor) as audit:
            stored = take_in(
                actor,
                upload=upload,
                purpose=PURPOSE,
                place=posting.place,
                about_kind=DEALS_OF_ORGANISATION if is_organisation else "match",
                about_id=posting.organisation_id or match.pk,
            )
            row = Paper.objects.create(
                match=match,
                about_kind=about_kind,
                about_id=about_id,
                side=side,
                file=stored,
                added_by_id=actor.user_id or 0,
                added_by_name=actor.name[:60],
                at=clock.now(),
            )
            audit.add("paper", row.pk, place_id=posting.place_id, match=match.pk, about=about_kind)
        found.append(row)
    return found


def attach_to_deal(
    actor: Actor, agreement: Agreement, side: str, about_kind: str, about_id: int, uploads: Sequence[Upload]
) -> None:
    """``attach`` for an agreement that the caller has opened (``opening.open_deal``) for the side."""
    if uploads:
        match = agreement.match
        match.offer, match.need = agreement.offer, agreement.need
        attach(actor, match=match, side=side, about_kind=about_kind, about_id=about_id, uploads=uploads)


def open_paper(actor: Actor, *, paper_id: int) -> tuple[Paper, bytes]:
    """A file of a deal with its bytes, for both sides and whoever looks over them. Raises Hidden."""
    row = paper_for(actor, paper_id)
    if row.file.blob is None:
        raise Hidden(_("这份文件已不在。"))
    return row, content_of(row.file.blob)
