"""The exchange's and the market's part of the loop: postings, clearing, agreements, a round, money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from demo import cast
from demo.county import truth
from demo.county.economy import KINDS, UNITS
from demo.county.economy import Organisation as MadeUp
from demo.progress import Line
from demo.register import clerk_of
from demo.scene import YEAR, ZONE, Scene
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange import actions as exchange
from yuchang.exchange.models import Agreement, Category, Clearing, Match
from yuchang.market.actions import agreements, goods, orders, payments, rounds, settlements
from yuchang.market.models import Commitment, Offer, Order, Round
from yuchang.partners.models import Organisation
from yuchang.registry import actions as registry
from yuchang.registry.models import Household, Resource

ROUND_SHARE = 0.4
"""Of what can be pre-sold, this share is kept for the round; the rest is posted."""
ROUND_CROPS: dict[str, tuple[str, int]] = {  # category: (title, price in fen a kg)
    "goods.walnut": ("薄皮核桃", 2400),
    "goods.honey": ("中蜂土蜂蜜", 7200),
    "goods.pepper": ("大红袍花椒", 9800),
}
COOP_SHARE, LOGISTICS_SHARE, PLATFORM_SHARE = 0.04, 0.09, 0.01
HARVEST_MEAN = 0.95
"""Of what was promised, brought in on average; assumed."""
FALSE_LOTS, FALSE_SHARE = "false_lots", 0.01
"""The truth's table of growers who bring in others' goods, and how many of them there are."""
ORDERS_PER_BUYER = 6
"""For each offer of the round, in a whole county."""
KEPT_BY_HAND, KEPT_WHOLE = 4, 24
"""One in so many agreements, and no more than so many, is delivered by its two sides without an order."""
ANSWERED = 1_500
"""How many matches of a county are talked through by people in the demonstration; the others wait."""


def declare(scene: Scene, line: Line) -> str:
    """What every household can give: goods with their season, days of work, land."""
    scene.set_clock(3, 2)
    count = registry.declare_resources_set(actor=scene.officer, rows=_resources(scene))
    return f"{count:,} 项资源"


def _season(category: str) -> tuple[date, date]:
    if category.startswith("goods."):
        return date(YEAR, 8, 1), date(YEAR, 12, 20)
    return date(YEAR, 3, 15), date(YEAR, 12, 31)


def _resources(scene: Scene) -> Iterator[dict[str, Any]]:
    ids, produce = scene.household_ids, scene.county.produce
    rows = zip(produce.household.tolist(), produce.category.tolist(), produce.quantity.tolist(), strict=True)
    for household, category, quantity in rows:
        if household not in ids:
            continue
        season_from, season_to = _season(category)
        yield {
            "direction": "offer",
            "kind": KINDS.get(category, "produce"),
            "category": category,
            "quantity": quantity,
            "unit": UNITS.get(category, "公斤"),
            "household_id": ids[household],
            "season_from": season_from,
            "season_to": season_to,
        }


def post_offers(scene: Scene, line: Line) -> str:
    """The declared resources become offers, each with the least its owner would take."""
    scene.set_clock(8, 3)
    return f"{exchange.post_many(actor=scene.officer, rows=_offers(scene)):,} 条供给"


def _offers(scene: Scene) -> Iterator[exchange.PostingFacts]:
    row_of = {pk: i for i, pk in scene.household_ids.items()}
    produce = scene.county.produce
    floors = {
        (int(h), str(c)): int(f)
        for h, c, f in zip(produce.household, produce.category, produce.floor_fen, strict=True)
    }
    rows = Resource.objects.filter(county_id=scene.county_place.pk, direction="offer", withdrawn_at=None)
    for resource in rows.order_by("id").iterator(5_000):
        share = 1 - ROUND_SHARE if resource.category in ROUND_CROPS else 1.0
        quantity = int(resource.quantity * share)
        if resource.household_id is None or quantity < 1:
            continue
        yield exchange.PostingFacts(
            direction="offer",
            category=resource.category,
            quantity=quantity,
            limit_fen=floors[row_of[resource.household_id], resource.category],
            window_from=resource.season_from or date(YEAR, 8, 1),
            window_to=resource.season_to or date(YEAR, 12, 31),
            household_id=resource.household_id,
            resource_id=resource.pk,
        )


def post_needs(scene: Scene, line: Line) -> str:
    """Every organisation posts what it needs and, for itself alone, the most it would pay."""
    count = 0
    buyers = _buyers(scene)
    for number, (one, row, actor) in enumerate(buyers):
        known = set(
            Category.objects.filter(code__in=[d.category for d in one.demands]).values_list("code", flat=True)
        )
        needs = [
            exchange.PostingFacts(
                direction="need",
                category=demand.category,
                quantity=demand.quantity,
                limit_fen=demand.limit_fen,
                window_from=date(YEAR, 8, 15),
                window_to=date(YEAR, 12, 15),
                organisation_id=row.pk,
            )
            for demand in one.demands
            if demand.category in known
        ]
        count += exchange.post_many(actor=actor, rows=dict.fromkeys(needs))
        line.step(number + 1, len(buyers))
    return f"{len(buyers)} 家单位 {count} 条需求"


def _buyers(scene: Scene) -> list[tuple[MadeUp, Organisation, Actor]]:
    """The organisations that need something, as stored, with the person who acts for each."""
    stored = {row.credit_code: row for row in Organisation.objects.filter(host=scene.county_place)}
    return [
        (one, stored[one.credit_code], cast.actor(clerk_of(one)))
        for one in scene.county.organisations
        if one.demands
    ]


def clear(scene: Scene, line: Line) -> str:
    """Clear the market, check the certificate, publish the proposals."""
    on = scene.set_clock(8, 5)
    clearing = exchange.run_clearing(actor=scene.officer, on=on, county=scene.county_place)
    if not clearing.is_certified:
        raise RuntimeError("the clearing's certificate was refused by the checker")
    line.step(1, 2)
    clearing = exchange.publish_clearing(
        actor=scene.officer, clearing_id=clearing.pk, version=clearing.version
    )
    return (
        f"{clearing.offer_count:,} 供 {clearing.need_count} 需,{clearing.match_count:,} 个撮合,"
        f"总增益 {clearing.welfare_fen / 1e6:,.1f} 万元,最优性已独立核验"
    )


def talk(scene: Scene, line: Line) -> str:
    """People answer: poor households first; firms keep their word as often as they are reliable."""
    scene.set_clock(8, 12)
    chosen = _chosen_matches(scene)
    accepted = declined = 0
    by_buyer: dict[int, list[int]] = defaultdict(list)
    for match_id, organisation_id in chosen:
        by_buyer[organisation_id].append(match_id)
    willing = _willing(scene, [match_id for match_id, _ in chosen])
    buyers = {row.pk: (one, actor) for one, row, actor in _buyers(scene)}
    agreed = 0
    for number, (organisation_id, match_ids) in enumerate(sorted(by_buyer.items())):
        one, buyer = buyers[organisation_id]
        yes, no = _firm_answers(scene, one, match_ids)
        accepted += len(yes)
        declined += len(no)
        exchange.answer_matches_set(actor=buyer, match_ids=yes, side="need", answer="accepted")
        if no:
            exchange.answer_matches_set(
                actor=buyer, match_ids=no, side="need", answer="declined", reason="本季采购计划已满。"
            )
        both = [pk for pk in yes if pk in willing]
        refused = [pk for pk in yes if pk not in willing]
        exchange.answer_matches_set(actor=scene.officer, match_ids=both, side="offer", answer="accepted")
        if refused:
            exchange.answer_matches_set(
                actor=scene.officer,
                match_ids=refused,
                side="offer",
                answer="declined",
                reason="自家已另有销路。",
            )
        exchange.agree_set(actor=buyer, match_ids=both, side="need")
        agreed += exchange.agree_set(actor=scene.officer, match_ids=both, side="offer")
        line.step(number + 1, len(by_buyer))
    return f"谈 {len(chosen):,} 个:单位愿意 {accepted:,}、谢绝 {declined:,};双方签约 {agreed:,}"


def _chosen_matches(scene: Scene) -> list[tuple[int, int]]:
    """(match, buyer) of those talked through: households below the line first, then by size of the gain."""
    clearing = Clearing.objects.filter(county=scene.county_place).latest("id")
    claimed = scene.claimed_ids
    rows = Match.objects.filter(
        clearing=clearing, offer__household__isnull=False, need__organisation__isnull=False
    )
    listed = rows.values_list("id", "need__organisation_id", "offer__household_id", "offer_gain_fen")
    ordered = sorted(listed, key=lambda row: (row[2] not in claimed, -row[3], row[0]))
    return [
        (pk, organisation)
        for pk, organisation, _household, _gain in ordered[: max(40, int(ANSWERED * scene.options.scale))]
    ]


def _willing(scene: Scene, match_ids: list[int]) -> set[int]:
    drawn = scene.rng("willing").random(len(match_ids))
    return {pk for pk, draw in zip(match_ids, drawn, strict=True) if draw < 0.93}


def _firm_answers(scene: Scene, one: MadeUp, match_ids: list[int]) -> tuple[list[int], list[int]]:
    drawn = scene.rng(f"answers {one.key}").random(len(match_ids))
    yes = [pk for pk, draw in zip(match_ids, drawn, strict=True) if draw < one.reliability]
    return yes, [pk for pk in match_ids if pk not in set(yes)]


def order_agreed(scene: Scene, line: Line) -> str:
    """Agreements become orders; the buyers pay; what was agreed is brought in, sent, received and settled."""
    scene.set_clock(10, 28)
    logistics = Organisation.objects.get(host=scene.county_place, kind="logistics")
    agreed = Agreement.objects.filter(county_id=scene.county_place.pk, state=Agreement.State.AGREED)
    kept = {row.pk for row in _held(scene)[::KEPT_BY_HAND][:KEPT_WHOLE]}
    ids = list(agreed.exclude(pk__in=kept).order_by("id").values_list("id", flat=True))
    order_ids = agreements.orders_from_agreements(
        actor=scene.officer, agreement_ids=ids, logistics_id=logistics.pk
    )
    payments.confirm_set(reports=_paid(order_ids))
    _bring_in(scene, line, Round.objects.filter(agreement_id__in=ids))
    return _settle(scene, list(Round.objects.filter(agreement_id__in=ids).values_list("id", flat=True)))


def deliver(scene: Scene, line: Line) -> str:
    """Those without an order as their sides keep them: two deliveries, every fourth contested, reviews."""
    buyers = {row.pk: actor for _one, row, actor in _buyers(scene)}
    ordered = Round.objects.filter(agreement_id__isnull=False).values("agreement_id")
    rows = list(_held(scene).exclude(pk__in=ordered))
    for number, row in enumerate(rows):
        buyer = buyers[row.need.organisation_id or 0]
        half = row.quantity // 2
        _delivered(scene, row, buyer, half, half)
        rest = row.quantity - half
        is_contested = number % 4 == 3
        _delivered(scene, row, buyer, rest, rest - 1 if is_contested else rest)
        exchange.review(
            actor=scene.officer, agreement_id=row.pk, side="offer", stars=5, text="收货、付款都及时。"
        )
        stars, text = (3, "最后一批少一件。") if is_contested else (4, "品质与约定一致。")
        exchange.review(actor=buyer, agreement_id=row.pk, side="need", stars=stars, text=text)
        line.step(number + 1, len(rows))
    whole = Agreement.objects.filter(pk__in=[row.pk for row in rows], state="fulfilled").count()
    return f"{len(rows):,} 份协议分两批交付,{whole:,} 份已履约,其余有异议"


def _held(scene: Scene) -> QuerySet[Agreement]:
    """Agreements with the county's buyers, of enough for two deliveries."""
    buyers = [row.pk for _one, row, _actor in _buyers(scene)]
    rows = Agreement.objects.filter(
        county_id=scene.county_place.pk, state=Agreement.State.AGREED, need__organisation_id__in=buyers
    )
    return rows.filter(quantity__gte=2).select_related("need").order_by("id")


def _delivered(scene: Scene, row: Agreement, buyer: Actor, quantity: int, accepted: int) -> None:
    """One delivery recorded by the county's officer and judged by the buyer."""
    sent = exchange.record_delivery(
        actor=scene.officer, agreement_id=row.pk, quantity=quantity, delivered_on=clock.today()
    )
    reason = "" if accepted == quantity else "到货少一件。"
    exchange.judge_delivery(
        actor=buyer, delivery_id=sent.pk, version=sent.version, accepted=accepted, reason=reason
    )


def _paid(order_ids: list[int]) -> list[payments.Report]:
    totals = Order.objects.filter(pk__in=order_ids).order_by("id").values_list("id", "total_fen")
    return [payments.Report(pk, total, f"SIM-{pk}") for pk, total in totals]


def open_rounds(scene: Scene, line: Line) -> str:
    """A round for what the county is known for; households commit first, so no more is sold than grows."""
    scene.set_clock(9, 1)
    logistics = Organisation.objects.get(host=scene.county_place, kind="logistics")
    coop = Organisation.objects.filter(host=scene.county_place, kind="cooperative").earliest("id")
    committed = households = 0
    for number, (category, (title, price)) in enumerate(ROUND_CROPS.items()):
        quantities = _commitments(scene, category)
        if not quantities:
            continue
        opened = rounds.open_round(actor=scene.officer, place=scene.county_place, terms=_terms(scene, title))
        coop_fen, logistics_fen, platform = (
            int(price * share) for share in (COOP_SHARE, LOGISTICS_SHARE, PLATFORM_SHARE)
        )
        offer = rounds.add_offer(
            actor=scene.officer,
            round_id=opened.pk,
            version=opened.version,
            goods=rounds.Goods(
                title=title,
                category_code=category,
                unit="公斤",
                price_fen=price,
                grower_fen=price - coop_fen - logistics_fen - platform,
                coop_fen=coop_fen,
                logistics_fen=logistics_fen,
                coop_id=coop.pk,
                logistics_id=logistics.pk,
            ),
        )
        rounds.commit_set(actor=scene.officer, offer_id=offer.pk, quantities=quantities)
        opened.refresh_from_db()
        rounds.start_sales(actor=scene.officer, round_id=opened.pk, version=opened.version)
        committed += sum(quantities.values())
        households += len(quantities)
        line.step(number + 1, len(ROUND_CROPS))
    return f"{households:,} 户承诺 {committed:,} 公斤,已开售"


def _terms(scene: Scene, title: str) -> rounds.Terms:
    return rounds.Terms(
        title=f"{scene.county_place.name}{title}预售(模拟)",
        sales_from=datetime(YEAR, 9, 1, 9, tzinfo=ZONE),
        sales_to=datetime(YEAR, 9, 20, 18, tzinfo=ZONE),
        deliver_on=date(YEAR, 10, 25),
        promise="十月二十五日前发货;收成不足按比例少发,少发部分全额退款。",
    )


def _commitments(scene: Scene, category: str) -> dict[int, int]:
    """{household: kg}: the share kept for the round, of households that trust it; poor ones more often."""
    rng = scene.rng(f"commitments {category}")
    claimed = scene.claimed_ids
    found: dict[int, int] = {}
    rows = Resource.objects.filter(
        county_id=scene.county_place.pk, category=category, household__isnull=False, withdrawn_at=None
    ).exclude(household__state=Household.State.REMOVED)
    for household_id, quantity in rows.order_by("id").values_list("household_id", "quantity"):
        kept = int(quantity * ROUND_SHARE)
        if kept > 0 and household_id and rng.random() < (0.6 if household_id in claimed else 0.12):
            found[household_id] = kept
    return found


def sell(scene: Scene, line: Line) -> str:
    """The buyers order in small lots until the round is nearly sold; most pay, some holds expire."""
    scene.set_clock(9, 8)
    placed: list[int] = []
    refused = 0
    buyers = _buyers(scene)
    offers = list(Offer.objects.filter(county_id=scene.county_place.pk, state="open").order_by("id"))
    for number, (one, row, actor) in enumerate(buyers):
        wanted = [
            orders.OrderRow(row.pk, offer.pk, quantity, f"demo-{one.key}-{offer.pk}-{i}")
            for offer in offers
            for i, quantity in enumerate(_lots(scene, one, offer, len(buyers)))
        ]
        done = orders.order_set(actor=actor, rows=wanted)
        placed += sorted(done.values())
        refused += len(wanted) - len(done)
        line.step(number + 1, len(buyers))
    drawn = scene.rng("payments").random(len(placed))
    paying = [pk for pk, draw in zip(placed, drawn, strict=True) if draw < 0.95]
    payments.confirm_set(reports=_paid(paying))
    scene.set_clock(9, 9)
    expired = orders.release_expired()
    return f"{len(placed)} 单(余量不足 {refused} 单),付款 {len(paying)} 单,超时释放 {expired} 单"


def _lots(scene: Scene, one: MadeUp, offer: Offer, buyers: int) -> list[int]:
    """Order sizes of one buyer for one offer: together a little more than a fair share of the cap."""
    rng = scene.rng(f"orders {one.key} {offer.category_code}")
    count = max(1, int(ORDERS_PER_BUYER * scene.options.scale))
    fair = offer.cap / (buyers * count)
    return [max(1, int(fair * rng.uniform(0.5, 1.6))) for _ in range(count)]


def harvest(scene: Scene, line: Line) -> str:
    """The round closes, the goods come in (a little less than promised), and are sent and received."""
    scene.set_clock(9, 21)
    rows = list(Round.objects.filter(county_id=scene.county_place.pk, state=Round.State.OPEN).order_by("id"))
    for row in rows:
        rounds.close_round(actor=scene.officer, round_id=row.pk, version=row.version)
    scene.set_clock(10, 20)
    chosen = Round.objects.filter(pk__in=[row.pk for row in rows])
    _bring_in(scene, line, chosen)
    return _settle(scene, [row.pk for row in rows])


def _bring_in(scene: Scene, line: Line, chosen: QuerySet[Round]) -> None:
    """Each household brings what it promised, some less; filled by the round's rule, sent and received."""
    rng = scene.rng("harvest")
    ids = list(chosen.order_by("id").values_list("id", flat=True))
    harvests: dict[int, list[goods.Harvest]] = defaultdict(list)
    promised = Commitment.objects.filter(offer__round_id__in=ids).order_by("id")
    false: list[tuple[int, int, int]] = []
    for offer_id, household_id, quantity in promised.values_list("offer_id", "household_id", "quantity"):
        brought = int(quantity * min(1.0, float(rng.normal(HARVEST_MEAN, 0.08))))
        if rng.random() < FALSE_SHARE or not false:
            brought = 3 * quantity
            false.append((offer_id, household_id, quantity))
        harvests[offer_id].append(goods.Harvest(household_id, max(1, brought)))
    truth.append(scene.options.folder / "truth", FALSE_LOTS, ("offer", "household", "promised"), false)
    goods.lots_set(actor=scene.officer, harvests=harvests)
    line.step(1, 3)
    scene.notes["fulfilment"] = goods.fulfil_rounds(actor=scene.officer, round_ids=ids)
    line.step(2, 3)
    goods.dispatch_rounds(actor=scene.officer, round_ids=ids)
    goods.deliver_rounds(actor=scene.officer, round_ids=ids)


def _settle(scene: Scene, round_ids: list[int]) -> str:
    paid = settlements.settle_rounds(actor=scene.officer, round_ids=round_ids)
    missing = scene.notes.get("fulfilment")
    refunded = missing.refunded_fen if isinstance(missing, goods.Fulfilment) else 0
    return (
        f"{paid.orders:,} 单结算:农户 {paid.households_fen / 100:,.2f} 元,合作社 {paid.coop_fen / 100:,.2f},"
        f"物流 {paid.logistics_fen / 100:,.2f},平台 {paid.residual_fen / 100:,.2f};退款 {refunded / 100:,.2f}"
    )
