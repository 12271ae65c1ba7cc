"""Saved searches, the notices they bring, and the duals that rank partners between clearings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.core.phrases import in_chinese, kept, said
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Clearing, Dual, SavedSearch, Told
from yuchang.exchange.search import changed_since, matching, searches_of
from yuchang.exchange.searching import Criteria, criteria_of
from yuchang.messages.actions import send_set

SEARCHES_MAX = 20
"""Nobody keeps more searches."""
LOOK_BACK = timedelta(days=3)
"""A posting that was opened or changed this long ago is told of at the latest."""
TOLD_AT_ONCE = 20
_NOTICES = """
    SELECT (n->>'user')::bigint, 'deal', n->>'title', n->>'body', n->>'link', NULL::date, false, NULL::bigint,
           'exchange.search', (n->>'search')::bigint, n->>'once', n->'said'
    FROM jsonb_array_elements(%s::jsonb) AS n
"""
_DUALS = """
    INSERT INTO exchange_dual (posting_id, clearing_id, gain_fen, "on")
    SELECT p.id, %(run)s, g.gain, %(on)s
    FROM unnest(%(postings)s::bigint[], %(gains)s::bigint[]) AS g(id, gain)
    JOIN exchange_posting p ON p.id = g.id
    ON CONFLICT (posting_id) DO UPDATE
    SET clearing_id = excluded.clearing_id, gain_fen = excluded.gain_fen, "on" = excluded."on"
"""


def save_search(*, actor: Actor, name: str, criteria: Criteria) -> SavedSearch:
    """Keep a search under a name; from now on new postings that answer it become notices.

    Needs ``exchange.post``: those who only look in write nothing. Raises Invalid without a name or
    anything to look for, Conflict for a name in use or beyond ``SEARCHES_MAX``.
    """
    require(actor, "exchange.post")
    name = name.strip()[:60]
    kept = criteria.as_json()
    if not name:
        raise invalid("name", _("请给这个搜索起个名字。"))
    if not kept.keys() & {"text", "category"}:
        raise invalid("text", _("请先填写要找什么，或选一个品类。"))
    if searches_of(actor).count() >= SEARCHES_MAX:
        raise Conflict(_("最多保存 %(n)d 个搜索。") % {"n": SEARCHES_MAX}, remedy=_("请先删除不再需要的。"))
    with write("exchange.save_search", actor) as audit:
        try:
            with transaction.atomic():
                row = SavedSearch.objects.create(user_id=actor.user_id or 0, name=name, criteria=kept)
        except IntegrityError as error:
            raise Conflict(_("您已有同名的搜索。"), remedy=_("请换一个名字。")) from error
        audit.add("saved_search", row.pk)
    return row


def drop_search(*, actor: Actor, search_id: int, version: int) -> SavedSearch:
    """End one's own saved search. Raises Hidden for anybody else's."""
    require(actor, "exchange.post")
    with write("exchange.drop_search", actor) as audit:
        row = searches_of(actor).select_for_update().filter(pk=search_id).first()
        if row is None:
            raise Hidden(_("没有找到这个搜索。"), remedy=_("它可能已被删除。"))
        check_version(row, version)
        row.is_active = False
        save(row)
        audit.add("saved_search", row.pk)
    return row


def tell_searches(*, actor: Actor) -> int:
    """Send each person with a saved search one notice of the new postings that answer it.

    Every posting at most once for each search: the told ones are kept in the same transaction.
    Returns how many notices were sent. A task calls it.
    """
    rows = SavedSearch.objects.filter(is_active=True, user__is_active=True).order_by("pk")
    changed = changed_since(clock.now() - LOOK_BACK)
    return sum(_tell(actor, row, changed) for row in rows.iterator()) if changed else 0


def _tell(actor: Actor, row: SavedSearch, changed: dict[int, datetime]) -> int:
    later = [number for number, at in changed.items() if at >= row.created_at]
    found = matching(criteria_of(row.criteria), later)
    if not found:
        return 0
    told = set(Told.objects.filter(search=row, posting_id__in=found).values_list("posting_id", flat=True))
    new = [number for number in found if number not in told][:TOLD_AT_ONCE]
    if not new:
        return 0
    with write("exchange.tell_search", actor) as audit:
        now = clock.now()
        Told.objects.bulk_create([Told(search=row, posting_id=number, at=now) for number in new])
        audit.add("saved_search", row.pk, postings=new)
        return send_set(actor, select_sql=_NOTICES, params=[json.dumps([_notice(row, new)])])


def _notice(row: SavedSearch, new: list[int]) -> dict[str, Any]:
    title = said("“%(name)s”有 %(n)d 条新供需", name=row.name, n=len(new))
    body = said("您保存的搜索有了新的结果，打开即可查看。")
    return {
        "user": row.user_id,
        "search": row.pk,
        "title": in_chinese(title),
        "body": in_chinese(body),
        "said": {"title": kept(title), "body": kept(body)},
        "link": f"{reverse('exchange:search')}?{row.query}",
        "once": f"exchange.search:{row.pk}:{max(new)}:{len(new)}",
    }


def note_duals(*, actor: Actor) -> int:
    """Take over the duals of newly published clearings. Returns how many postings have one now."""
    known = Dual.objects.order_by("-clearing_id").values_list("clearing_id", flat=True).first() or 0
    return sum(_note(actor, run) for run in _newer(known))


def _newer(known: int) -> Iterator[Clearing]:
    rows = Clearing.objects.filter(state=Clearing.State.PUBLISHED, pk__gt=known)
    since = clock.now() - timedelta(days=30)
    yield from rows.filter(published_at__gte=since).order_by("pk").iterator(chunk_size=1)


def _note(actor: Actor, run: Clearing) -> int:
    frozen = thaw(run)
    values = {"run": run.pk, "on": run.on, "postings": frozen.problem.id.tolist()}
    values["gains"] = frozen.gains.tolist()
    with write("exchange.note_duals", actor) as audit:
        count = execute(_DUALS, values)
        audit.add("clearing", run.pk, place_id=run.county_id, postings=count)
    return count
