"""Pictures of what a posting is about."""

from __future__ import annotations

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core.actions import write
from yuchang.core.errors import Conflict
from yuchang.exchange.models import HOLDING_RESOURCE, Posting, PostingPhoto
from yuchang.exchange.queries import side_filter
from yuchang.files.actions import Upload, take_in

PHOTOS_MAX = 6


def add_photo(*, actor: Actor, posting_id: int, upload: Upload) -> PostingPhoto:
    """Add a picture to an own live posting; everybody in the exchange sees it.

    Judged, redrawn without position and sealed by ``files``. Raises Invalid for what is no picture,
    Conflict beyond ``PHOTOS_MAX`` or for a posting that is over.
    """
    with write("exchange.add_photo", actor) as audit:
        rows = Posting.objects.select_related("place")
        within = side_filter(actor, "exchange.post")
        row = open_door(rows, actor, "exchange.post", posting_id, within=within, lock=True)
        if row.state not in HOLDING_RESOURCE:
            raise Conflict(_("这条信息已结束，不能再加图片。"))
        if row.photos.count() >= PHOTOS_MAX:
            raise Conflict(_("一条信息最多 %(n)d 张图片。") % {"n": PHOTOS_MAX})
        file = take_in(
            actor,
            upload=upload,
            purpose="posting_photo",
            place=row.place,
            about_kind="organisation" if row.organisation_id else "posting",
            about_id=row.organisation_id or row.pk,
        )
        photo = PostingPhoto.objects.create(posting=row, file=file)
        audit.add("posting_photo", photo.pk, place_id=row.place_id, posting=row.pk)
    return photo
