"""What the county grows and needs: produce by household, firms with private limits, demand, shocks by month.

Codes of goods are those of the exchange's category list; prices and yields are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.county import identity
from demo.county.people import ORDINARY, WEAK
from demo.county.tables import (
    Events,
    Floats,
    Households,
    Ints,
    Members,
    Produce,
    Recipe,
    Texts,
    Villages,
    stream,
)


@dataclass(frozen=True)
class Crop:
    """One product: how common it is near and far, what a household yields, what it costs, when it is ripe."""

    code: str
    near: float
    far: float
    kg_median: float
    floor_fen: int
    price_fen: int
    season: tuple[int, int]
    needs_forest: bool = False


CROPS: tuple[Crop, ...] = (
    Crop("goods.walnut", 0.42, 0.60, 260.0, 1100, 1700, (9, 11), needs_forest=True),
    Crop("goods.potato", 0.30, 0.62, 900.0, 110, 210, (7, 10)),
    Crop("goods.pepper", 0.10, 0.26, 38.0, 4200, 6600, (7, 9)),
    Crop("goods.honey", 0.02, 0.10, 60.0, 3200, 5200, (6, 10)),
    Crop("goods.herbs", 0.06, 0.22, 120.0, 1500, 2600, (9, 12)),
    Crop("goods.eggs", 0.20, 0.26, 70.0, 1250, 1850, (3, 12)),
    Crop("goods.pork", 0.16, 0.22, 140.0, 2300, 3400, (10, 12)),
    Crop("goods.apple", 0.10, 0.04, 1500.0, 260, 460, (9, 11)),
    Crop("goods.mushroom", 0.05, 0.07, 220.0, 950, 1600, (4, 11)),
)
RARE_YIELD = 3
FACTORY_WORK, FARM_WORK, ARABLE_LAND = "labour.factory", "labour.farm", "land.arable"
DAY_FEN, MU_FEN = 9_000, 38_000
"""What a day of work and a year of a mu are worth to who gives them; assumed."""
UNITS = {FACTORY_WORK: "工日", FARM_WORK: "工日", ARABLE_LAND: "亩·年"}
KINDS = {FACTORY_WORK: "labour", FARM_WORK: "labour", ARABLE_LAND: "land"}


@dataclass(frozen=True)
class Demand:
    """What an organisation needs: so much of a category, paying at most ``limit_fen`` a unit."""

    category: str
    quantity: int
    limit_fen: int


@dataclass(frozen=True)
class Organisation:
    """A made-up organisation with its private limits and how often it keeps its word."""

    key: str
    name: str
    kind: str
    credit_code: str
    contact: str
    phone: str
    township: int | None
    seat_code: str
    reliability: float
    demands: tuple[Demand, ...] = ()


def grow(villages: Villages, households: Households, members: Members, recipe: Recipe) -> Produce:
    """Who grows how much of what, and the least they would take for it."""
    rng = stream(recipe.seed, "produce")
    count = recipe.households
    remoteness = villages.remoteness[households.village]
    hands = np.bincount(members.household, weights=(members.labour <= WEAK) * 1.0, minlength=count).astype(
        float
    )
    parts = []
    for crop in CROPS:
        share = crop.near + (crop.far - crop.near) * remoteness
        grows = (rng.random(count) < share) & (hands > 0) & (households.land_mu > 0.5)
        grows &= (households.forest_mu > 0.3) if crop.needs_forest else True
        scale = np.sqrt(np.clip(households.land_mu / 5.0, 0.1, 4.0)) * rng.lognormal(0, 0.5, count)
        quantity = np.maximum(np.round(crop.kg_median * scale), RARE_YIELD).astype(np.int64)
        floor = np.round(crop.floor_fen * rng.lognormal(0, 0.12, count)).astype(np.int64)
        chosen = np.flatnonzero(grows)
        parts.append((chosen, np.full(len(chosen), crop.code), quantity[chosen], floor[chosen]))
    parts += _work_and_land(rng, households, members, hands, count)
    household, category, amount, floors = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((category, household))
    return Produce(household[order], category[order].astype(np.str_), amount[order], floors[order])


_Part = tuple[Ints, Texts, Ints, Ints]


def _work_and_land(
    rng: np.random.Generator, households: Households, members: Members, hands: Floats, count: int
) -> list[_Part]:
    """Days of work of those who stay at home but could work, and land of those too old to till it."""
    idle = (members.labour <= ORDINARY) & (members.work_place == 0)
    young = np.bincount(members.household, weights=(idle & (members.age < 45)) * 1.0, minlength=count)
    older = np.bincount(members.household, weights=(idle & (members.age >= 45)) * 1.0, minlength=count)
    tilled = hands * 4.0
    spare = np.clip(households.land_mu - tilled, 0, None)
    made: list[_Part] = []
    for code, people_free, days, share in ((FACTORY_WORK, young, 150, 0.30), (FARM_WORK, older, 60, 0.25)):
        chosen = np.flatnonzero((people_free > 0) & (rng.random(count) < share))
        quantity = (people_free[chosen] * days * rng.uniform(0.5, 1.3, len(chosen))).astype(np.int64)
        floor = np.round(DAY_FEN * rng.lognormal(0, 0.15, len(chosen)), -2).astype(np.int64)
        made.append((chosen, np.full(len(chosen), code), np.maximum(quantity, 5), floor))
    chosen = np.flatnonzero((spare >= 1.0) & (rng.random(count) < 0.6))
    floor = np.round(MU_FEN * rng.lognormal(0, 0.2, len(chosen)), -3).astype(np.int64)
    made.append((chosen, np.full(len(chosen), ARABLE_LAND), spare[chosen].astype(np.int64), floor))
    return made


FAR_SEATS = ("370202000000", "330106000000", "620102000000", "320508000000")
"""Where firms from far away have their made-up seats: coast, capital of the province, factory town."""
_FIRMS = (  # name, kind, local, crops with share of the county's supply
    ("核桃加工厂", "enterprise", True, {"goods.walnut": 0.28}),
    ("山货电商公司", "enterprise", True, {"goods.walnut": 0.10, "goods.honey": 0.35, "goods.mushroom": 0.3}),
    ("花椒调味品公司", "enterprise", True, {"goods.pepper": 0.45}),
    ("中药材公司", "enterprise", True, {"goods.herbs": 0.5}),
    (
        "东部沿海食品集团",
        "enterprise",
        False,
        {"goods.walnut": 0.22, "goods.apple": 0.3, "goods.potato": 0.12},
    ),
    ("省城批发市场商行", "enterprise", False, {"goods.potato": 0.3, "goods.apple": 0.35, "goods.pork": 0.25}),
    (
        "对口帮扶市消费专馆",
        "enterprise",
        False,
        {"goods.honey": 0.3, "goods.pepper": 0.25, "goods.walnut": 0.12},
    ),
    ("连锁药业采购中心", "enterprise", False, {"goods.herbs": 0.25}),
    ("东部电子厂", "enterprise", False, {FACTORY_WORK: 0.45}),
    ("帮扶车间服装公司", "enterprise", True, {FACTORY_WORK: 0.2, FARM_WORK: 0.2}),
    ("设施农业公司", "enterprise", True, {FARM_WORK: 0.35, ARABLE_LAND: 0.6}),
)
_CANTEENS = ("县医院食堂", "县一中食堂", "县直机关食堂", "职业学校食堂", "中心小学营养餐食堂", "矿山公司食堂")
_CANTEEN_NEEDS = {
    "goods.potato": 0.03,
    "goods.eggs": 0.1,
    "goods.pork": 0.06,
    "goods.apple": 0.02,
    "goods.mushroom": 0.05,
}
_OTHERS = (
    ("三级物流公司", "logistics"),
    ("农村商业银行", "bank"),
    ("商会", "chamber"),
    ("职业技术学院", "university"),
    ("爱心公益基金会", "ngo"),
)


def organisations(
    villages: Villages, produce: Produce, county_name: str, county_code: str, recipe: Recipe
) -> list[Organisation]:
    """Firms near and far, a co-operative per township, canteens, logistics, bank, chamber. None exists."""
    rng = stream(recipe.seed, "organisations")
    townships = np.unique(villages.township_code)
    names = {str(code): str(villages.township_name[villages.township_code == code][0]) for code in townships}
    codes_offered = [str(code) for code in np.unique(produce.category)]
    supply = {code: int(produce.quantity[produce.category == code].sum()) for code in codes_offered}
    rows: list[tuple[str, str, str, int | None, bool, dict[str, float]]] = []
    for i, (name, kind, local, shares) in enumerate(_FIRMS):
        rows.append(
            (f"firm-{i}", f"{county_name if local else '外地'}{name}(模拟)", kind, None, local, shares)
        )
    for i, name in enumerate(_CANTEENS):
        rows.append((f"canteen-{i}", f"{county_name}{name}(模拟)", "canteen", None, True, _CANTEEN_NEEDS))
    for i, code in enumerate(townships):
        rows.append((f"coop-{i}", f"{names[str(code)]}富民专业合作社(模拟)", "cooperative", i, True, {}))
    for i, (name, kind) in enumerate(_OTHERS):
        rows.append((f"other-{i}", f"{county_name}{name}(模拟)", kind, None, True, {}))
    codes = identity.credit_codes(county_code, len(rows))
    phones = identity.phone_numbers(rng, len(rows))
    contacts = rng.choice(np.array(["秦经理", "柳主任", "白经理", "严主任", "温经理"]), len(rows))
    return [
        Organisation(
            key=key,
            name=name,
            kind=kind,
            credit_code=codes[i],
            contact=str(contacts[i]),
            phone=str(phones[i]),
            township=township,
            seat_code="" if local else FAR_SEATS[i % len(FAR_SEATS)],
            reliability=round(float(rng.beta(9, 1.2)), 3),
            demands=_demands(rng, shares, supply, local),
        )
        for i, (key, name, kind, township, local, shares) in enumerate(rows)
    ]


def _demands(
    rng: np.random.Generator, shares: dict[str, float], supply: dict[str, int], local: bool
) -> tuple[Demand, ...]:
    prices = {crop.code: crop.price_fen for crop in CROPS}
    prices |= {FACTORY_WORK: 15_000, FARM_WORK: 12_500, ARABLE_LAND: 52_000}
    made = []
    for code, share in shares.items():
        quantity = int(supply.get(code, 0) * share * rng.uniform(0.8, 1.2))
        limit = int(prices[code] * rng.uniform(0.92, 1.12) * (1.0 if local else 1.12))
        if quantity > 0:
            made.append(Demand(code, quantity, limit))
    return tuple(made)


EVENT_KINDS = ("illness", "accident", "drought", "price crash", "job loss")


def shocks(
    villages: Villages, households: Households, members: Members, base_wage: Floats, recipe: Recipe
) -> Events:
    """What strikes whom in which month, and what it costs them. Droughts and crashes strike whole areas."""
    rng = stream(recipe.seed, "shocks")
    count = recipe.households
    remoteness = villages.remoteness[households.village]
    frail = np.bincount(members.household, weights=(members.age >= 55) * 1.0, minlength=count)
    rows: list[tuple[Ints, Ints, str, Floats]] = []
    for month in range(recipe.months):
        ill = np.flatnonzero(rng.random(count) < 0.0007 + 0.0007 * frail)
        rows.append((np.full(len(ill), month), ill, "illness", rng.lognormal(9.3, 0.6, len(ill))))
        hurt = np.flatnonzero(rng.random(count) < 0.0004)
        rows.append((np.full(len(hurt), month), hurt, "accident", rng.lognormal(9.0, 0.7, len(hurt))))
        out = np.flatnonzero((rng.random(count) < 0.0022) & (base_wage > 6000))
        rows.append(
            (np.full(len(out), month), out, "job loss", base_wage[out] * rng.uniform(0.2, 0.6, len(out)))
        )
        calendar_month = (recipe.on.month - 1 + month) % 12 + 1
        if calendar_month in (6, 7, 8) and rng.random() < 0.3:
            dry = rng.choice(len(villages.code), max(1, len(villages.code) // 12), replace=False)
            struck = np.flatnonzero(
                np.isin(households.village, dry) & (rng.random(count) < 0.3 + 0.5 * remoteness)
            )
            loss = households.land_mu[struck] * rng.uniform(180, 420, len(struck))
            rows.append((np.full(len(struck), month), struck, "drought", loss))
        if calendar_month == 10 and rng.random() < 0.35:
            growers = np.flatnonzero((households.forest_mu > 2.0) & (rng.random(count) < 0.6))
            loss = households.forest_mu[growers] * rng.uniform(60, 160, len(growers))
            rows.append((np.full(len(growers), month), growers, "price crash", loss))
    kinds = np.concatenate([np.full(len(household), kind, dtype="U12") for _, household, kind, _ in rows])
    return Events(
        month=np.concatenate([month for month, _, _, _ in rows]),
        household=np.concatenate([household for _, household, _, _ in rows]),
        kind=kinds,
        loss_yuan=np.round(np.concatenate([loss for _, _, _, loss in rows]), 0),
    )
