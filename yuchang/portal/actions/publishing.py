"""Publishing to the public zone: totals, notices, rounds, open data, receipts; taking back what expired."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import Count, Max, Min, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, invalid
from yuchang.core.queries import log_state
from yuchang.market.models import Commitment, Lot, Offer, Round
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.portal.models import (
    ObjectionIntake,
    PublishedCounty,
    PublishedFile,
    PublishedGoods,
    PublishedNotice,
    PublishedNoticeEntry,
    PublishedReceipt,
    PublishedRound,
    PublishedTable,
    RegistrationIntake,
    Release,
)
from yuchang.portal.queries.figures import (
    CAUSES_BY_TOWNSHIP,
    OpenTable,
    causes_by_township,
    county_figures,
)
from yuchang.portal.queries.trades import DEALS, deal_lines, next_deals
from yuchang.portal.rules.groups import SMALLEST_GROUP, canonical, content_hash
from yuchang.portal.rules.private import findings
from yuchang.registry.codes import CAUSE_GROUP_LABELS
from yuchang.registry.models import Objection
from yuchang.registry.queries import live_notice_entries

PUBLISH = "portal.publish"
# Days: a round's page after its delivery, open data after their day, a receipt after its decision.
ROUND_DAYS, TABLE_DAYS, RECEIPT_DAYS = 180, 400, 60


def publish_county_figures(
    *, actor: Actor, county_id: int, from_on: date, as_of: date | None = None
) -> PublishedCounty:
    """Publish a county's totals as they stand: a new row, the older ones stay.

    What could be turned back into what fewer than ten households received is left out, or repeats the
    publication before (``docs/rules/disclosure-control.md``).

    Raises Hidden, Refused, Invalid for dates that make no sense.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    until = as_of or clock.today()
    if from_on > until:
        raise invalid("from_on", _("起始日期晚于截止日期。"), _("请改正日期。"))
    with actions.write("portal.publish_county_figures", actor) as audit:
        counted, log = county_figures(county, from_on, until), log_state()
        figures = counted.figures
        row = PublishedCounty.objects.create(
            county_id=county.pk,
            county_code=county.code,
            county_name=county.name,
            region_name=county.full_name,
            from_on=from_on,
            as_of=until,
            households_listed=figures.households_listed,
            matched_count=figures.matched_count,
            matched_fen=figures.matched_fen,
            sold_fen=figures.sold_fen,
            paid_fen=figures.paid_fen,
            households_paid=figures.households_paid,
            money_as_of=figures.money_as_of,
            causes=figures.causes,
            sankey=figures.sankey,
            content_hash=content_hash(figures.as_text()),
            log_size=log.size,
            log_root=log.root,
            published_at=clock.now(),
        )
        if counted.last_leg is not None:
            Release.objects.create(
                county_id=county.pk, published=row, from_on=from_on, as_of=until, last_leg=counted.last_leg
            )
        audit.add("published_county", row.pk, place_id=county.pk, content_hash=row.content_hash)
    return row


def publish_notices(*, actor: Actor, county_id: int) -> tuple[int, int]:
    """Bring the public copies in line with the live notices of a county: (shown, removed).

    Repeating it changes nothing. Raises Hidden, Refused.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    with actions.write("portal.publish_notices", actor) as audit:
        live = list(live_notice_entries(county.pk))
        codes = {row.notice.public_code for row in live}
        removed, _kinds = PublishedNotice.objects.filter(county_id=county.pk).exclude(code__in=codes).delete()
        townships = dict(
            Place.objects.filter(pk__in={row.notice.township_id for row in live}).values_list("pk", "name")
        )
        notices = {
            row.notice.public_code: PublishedNotice(
                code=row.notice.public_code,
                county_id=county.pk,
                county_code=county.code,
                township_name=townships.get(row.notice.township_id or 0, ""),
                village_name=row.notice.place.name,
                opens_on=row.notice.opens_on,
                expires_on=row.notice.closes_on,
                published_at=clock.now(),
            )
            for row in live
        }
        PublishedNotice.objects.bulk_create(notices.values(), ignore_conflicts=True)
        numbers = dict(PublishedNotice.objects.filter(code__in=codes).values_list("code", "pk"))
        shown = {row.public_code for row in live}
        PublishedNoticeEntry.objects.filter(notice_id__in=numbers.values()).exclude(code__in=shown).delete()
        entries = [
            PublishedNoticeEntry(
                notice_id=numbers[row.notice.public_code],
                code=row.public_code,
                masked_name=row.masked_name,
                size=row.size,
                cause_group=row.cause_group,
            )
            for row in live
        ]
        PublishedNoticeEntry.objects.bulk_create(entries, ignore_conflicts=True, batch_size=2000)
        audit.add("published_notices", county.pk, place_id=county.pk, shown=len(shown), removed=removed)
    return len(shown), removed


def publish_rounds(*, actor: Actor, county_id: int) -> int:
    """Bring the public pages of a county's rounds and goods up to date. Returns how many rounds show.

    Drafts and cancelled rounds do not show. Raises Hidden, Refused, Conflict when a text holds a telephone,
    card or ID number.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    with actions.write("portal.publish_rounds", actor) as audit:
        rows = Round.objects.filter(county_id=county.pk).exclude(state__in=["draft", "cancelled"])
        rounds = [row for row in rows.select_related("organisation") if _ends(row) >= clock.today()]
        PublishedRound.objects.filter(county_id=county.pk).exclude(
            round_id__in=[r.pk for r in rounds]
        ).delete()
        for row in rounds:
            _publish_round(row, county)
        audit.add("published_rounds", county.pk, place_id=county.pk, shown=len(rounds))
    return len(rounds)


def _ends(row: Round) -> date:
    return row.deliver_on + timedelta(days=ROUND_DAYS)


def _publish_round(row: Round, county: Place) -> None:
    seller = row.organisation.name if row.organisation else ""
    offers = list(row.offers.order_by("id"))
    _refuse_private([row.title, row.promise, seller, *(offer.title for offer in offers)])
    shown, _made = PublishedRound.objects.update_or_create(
        round_id=row.pk,
        defaults={
            "county_id": county.pk,
            "county_code": county.code,
            "county_name": county.name,
            "title": row.title,
            "seller_name": seller,
            "state": row.state,
            "sales_from": row.sales_from,
            "sales_to": row.sales_to,
            "deliver_on": row.deliver_on,
            "promise": row.promise,
            "shortfall_rule": row.shortfall_rule,
            "published_at": clock.now(),
            "expires_on": _ends(row),
        },
    )
    for offer in offers:
        PublishedGoods.objects.update_or_create(offer_id=offer.pk, defaults={"round": shown} | _goods(offer))


_GOODS = (
    "title",
    "unit",
    "price_fen",
    "grower_fen",
    "coop_fen",
    "logistics_fen",
    "residual_fen",
    "cap",
    "sold",
)


def _goods(offer: Offer) -> dict[str, Any]:
    """What is said of one kind of goods; nothing about the harvest of fewer than ten households."""
    said: dict[str, Any] = {field: getattr(offer, field) for field in _GOODS}
    growers = Commitment.objects.filter(offer=offer).aggregate(n=Count("household", distinct=True))["n"]
    harvest = Lot.objects.filter(offer=offer).aggregate(
        households=Count("household", distinct=True),
        harvested=Sum("harvested"),
        lost=Sum("lost"),
        harvested_from=Min("harvested_on"),
        harvested_to=Max("harvested_on"),
    )
    fewest = min(growers, harvest.pop("households") or growers)
    if fewest < SMALLEST_GROUP:
        return said | dict.fromkeys(("growers", *harvest))
    return said | {"growers": growers} | harvest


def _refuse_private(texts: list[str]) -> None:
    for text in texts:
        if found := next(findings(text), None):
            raise Conflict(
                _("“%(text)s”里有像证件号、电话或银行卡的数字，不能公开。")
                % {"text": text.replace(found.text, "…")},
                remedy=_("请在内部把这几个数字从文字里去掉，再发布。"),
            )


def publish_open_data(*, actor: Actor, county_id: int) -> PublishedTable:
    """Publish the county's open table with its CSV and JSON files, suppressed and held against every
    earlier release. Raises Hidden, Refused, Conflict when too few households are listed.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    with actions.write("portal.publish_open_data", actor) as audit:
        found = causes_by_township(county)
        if found is None:
            raise Conflict(_("纳入帮扶的农户不足二十户，不能公开分组数据。"), remedy=_("户数增加后再发布。"))
        row = _table(county, CAUSES_BY_TOWNSHIP, clock.today(), found.as_json())
        files = _add_files(row, _lines_of(found))
        audit.add("published_table", row.pk, place_id=county.pk, files=files)
    return row


def publish_deals(*, actor: Actor, county_id: int) -> PublishedTable:
    """Publish what the county gave to whom this year up to yesterday, with its files.

    Lines that tell of few givers or takers are joined, also where only the difference from an earlier
    publication would tell. Raises Hidden, Refused, Conflict when nothing can be said (yet).
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    with actions.write("portal.publish_deals", actor) as audit:
        found = next_deals(county, clock.today())
        if found is None:
            raise Conflict(
                _("截至昨天的协议涉及的供方不足十家或需方不足三家，或比上次公开的只多几家，不能公开。"),
                remedy=_("协议增加后再发布。"),
            )
        row = _table(county, DEALS, found.as_of, found.as_json())
        files = _add_files(row, deal_lines(county.name, found))
        audit.add("published_table", row.pk, place_id=county.pk, files=files)
    return row


def _table(county: Place, dataset: str, as_of: date, rows: dict[str, Any]) -> PublishedTable:
    return PublishedTable.objects.create(
        dataset=dataset,
        county_id=county.pk,
        county_code=county.code,
        county_name=county.name,
        as_of=as_of,
        rows=rows,
        published_at=clock.now(),
        expires_on=clock.today() + timedelta(days=TABLE_DAYS),
    )


def _add_files(row: PublishedTable, lines: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The same table as CSV and as JSON. Returns the fingerprint of each file by its name."""
    files = [
        _file(row, "csv", "text/csv; charset=utf-8", _as_csv(lines)),
        _file(row, "json", "application/json", _as_json(row)),
    ]
    PublishedFile.objects.bulk_create(files)
    return {file.name: file.sha256 for file in files}


def _file(row: PublishedTable, kind: str, media_type: str, content: bytes) -> PublishedFile:
    return PublishedFile(
        table=row,
        name=f"{row.dataset}-{row.county_code}-{row.as_of.isoformat()}.{kind}",
        media_type=media_type,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        expires_on=row.expires_on,
    )


def _lines_of(found: OpenTable) -> Iterator[Sequence[Any]]:
    """Heading and rows; a hidden cell is empty."""
    yield ["乡镇", *(CAUSE_GROUP_LABELS.get(column, column) for column in found.columns)]
    for row in found.rows:
        yield [row, *("" if (n := found.cells[row].get(c)) is None else n for c in found.columns)]


def _as_csv(lines: Iterable[Sequence[Any]]) -> bytes:
    """With a byte order mark, so that office programs read the Chinese."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(lines)
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def _as_json(row: PublishedTable) -> bytes:
    said = {
        "dataset": row.dataset,
        "county": row.county_code,
        "as_of": row.as_of.isoformat(),
        "smallest_cell": SMALLEST_GROUP,
        **row.rows,
    }
    return (canonical(said) + "\n").encode()


def publish_receipts(*, actor: Actor) -> int:
    """Say under each receipt what became of it, and no more. Returns how many changed."""
    if actor != SYSTEM:
        require(actor, PUBLISH)
    with actions.write("portal.publish_receipts", actor) as audit:
        since = clock.now() - timedelta(days=400)
        stand = {row.receipt: (row.state, row.decided_on) for row in PublishedReceipt.objects.all()}
        changed = 0
        for receipt, state, decided_on in chain(_of_objections(since), _of_registrations(since)):
            expires_on = (decided_on or clock.today()) + timedelta(days=RECEIPT_DAYS)
            if stand.get(receipt) == (state, decided_on) or expires_on < clock.today():
                continue
            values = {"state": state, "decided_on": decided_on, "expires_on": expires_on}
            PublishedReceipt.objects.update_or_create(receipt=receipt, defaults=values)
            changed += 1
        audit.add("published_receipts", "-", changed=changed)
    return changed


def _of_objections(since: datetime) -> Iterator[tuple[str, str, date | None]]:
    taken = ObjectionIntake.objects.filter(collected_at__gte=since)
    decided = Objection.objects.in_bulk([row.objection_id for row in taken if row.objection_id])
    for row in taken:
        yield row.receipt, *_receipt(decided.get(row.objection_id or 0))


def _receipt(objection: Objection | None) -> tuple[str, date | None]:
    if objection is None:
        return PublishedReceipt.State.CLOSED, None
    if objection.decided_at is None:
        return PublishedReceipt.State.RECEIVED, None
    upheld = objection.state == Objection.State.UPHELD
    state = PublishedReceipt.State.UPHELD if upheld else PublishedReceipt.State.REJECTED
    return state, timezone.localdate(objection.decided_at)


def _of_registrations(since: datetime) -> Iterator[tuple[str, str, date | None]]:
    taken = RegistrationIntake.objects.filter(collected_at__gte=since).defer("sealed")
    known = Organisation.objects.in_bulk([row.organisation_id for row in taken if row.organisation_id])
    for row in taken:
        found = known.get(row.organisation_id or 0)
        if found is None:
            yield row.receipt, PublishedReceipt.State.UNFIT, timezone.localdate(row.collected_at)
        elif found.state == Organisation.State.PROPOSED:
            yield row.receipt, PublishedReceipt.State.CHECKING, None
        else:
            declined = found.state == Organisation.State.REFUSED
            state = PublishedReceipt.State.DECLINED if declined else PublishedReceipt.State.ADMITTED
            yield row.receipt, state, timezone.localdate(found.vetted_at)


def withdraw_expired(*, actor: Actor) -> int:
    """Remove published rows, and the contents of files, whose last day is over. Returns how many went."""
    if actor != SYSTEM:
        require(actor, PUBLISH)
    with actions.write("portal.withdraw_expired", actor) as audit:
        gone = 0
        for model in (PublishedNotice, PublishedRound, PublishedFile, PublishedReceipt):
            gone += model._default_manager.filter(expires_on__lt=clock.today()).delete()[0]
        audit.add("published", "-", withdrawn=gone)
    return gone
