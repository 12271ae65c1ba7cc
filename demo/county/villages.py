"""What the villages are like: seats of the real tree, all else correlated with a made-up remoteness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo.county.tables import Seat, Texts, Villages, stream

NEAR_WORDS = ("社区", "居委会", "居民委员会", "城关")


def settle(seats: Sequence[Seat], seed: int) -> Villages:
    """Give every seat its remoteness (0 county town, 1 end of the last valley) and what follows from it."""
    seats = sorted(seats, key=lambda seat: seat.code)
    rng = stream(seed, "villages")
    count = len(seats)
    code = np.array([seat.code for seat in seats])
    name = np.array([seat.name for seat in seats])
    township_code = np.array([seat.township_code for seat in seats])
    township_name = np.array([seat.township_name for seat in seats])
    is_near = np.array([any(word in seat.name + seat.township_name for word in NEAR_WORDS) for seat in seats])
    is_xiang = np.char.endswith(township_name, "乡")
    townships, of_village = np.unique(township_code, return_inverse=True)
    by_township = rng.uniform(0.2, 0.75, len(townships))[of_village]
    remoteness = 0.55 * by_township + 0.45 * rng.beta(2, 2.2, count) + 0.12 * is_xiang - 0.25 * is_near
    remoteness = np.clip(remoteness, 0.02, 1.0)

    def likely(base: float, slope: float) -> np.ndarray:
        return rng.random(count) < np.clip(base - slope * remoteness, 0.0, 1.0)

    return Villages(
        code=code,
        name=name,
        township_code=township_code,
        township_name=township_name,
        remoteness=remoteness,
        altitude_m=950.0 + 900.0 * remoteness + rng.normal(0, 90, count),
        distance_km=1.0 + 32.0 * remoteness**1.3 + rng.exponential(1.0, count),
        mu_per_head=np.clip(1.0 + 1.1 * remoteness + rng.normal(0, 0.25, count) - 0.6 * is_near, 0.2, 4.0),
        has_safe_water=likely(1.06, 0.36),
        has_paved_road=likely(1.15, 0.35),
        has_broadband=likely(1.2, 0.45),
        has_courier_point=likely(0.95, 0.8),
        weight=rng.lognormal(0, 0.35, count) * (1.2 - 0.5 * remoteness),
    )


def hamlet_names(rng: np.random.Generator, village_of: np.ndarray, villages: Villages) -> Texts:
    """The hamlet of each household: a few made-up names per village."""
    heads = np.array(list("上下前后东西南北阳阴大小老新"))
    tails = np.array(["湾", "沟", "坪", "梁", "坝", "庄", "社", "河", "咀", "塄"])
    per_village = 4
    table = np.char.add(
        rng.choice(heads, (len(villages.code), per_village)),
        rng.choice(tails, (len(villages.code), per_village)),
    )
    chosen: Texts = table[village_of, rng.integers(0, per_village, len(village_of))]
    return chosen
