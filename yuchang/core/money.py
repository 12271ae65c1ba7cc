"""Money is integer fen. 100 fen are one yuan."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

FEN_PER_YUAN = 100


def split_fen(total: int, weights: Sequence[int]) -> list[int]:
    """Divide ``total`` fen in proportion to ``weights`` by largest remainder.

    The parts sum exactly to ``total``. Ties go to the earlier position, so the result depends
    on nothing but the arguments.

    Raises ValueError if a weight or the total is negative, or if all weights are zero.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("total and weights must not be negative")
    weight_sum = sum(weights)
    if weight_sum == 0:
        raise ValueError("at least one weight must be positive")
    parts = [total * weight // weight_sum for weight in weights]
    remainders = [total * weight % weight_sum for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def yuan_to_fen(text: str | int | float | Decimal) -> int:
    """Read an amount in yuan, at most two decimals after rounding half to even. Raises ValueError."""
    try:
        value = Decimal(str(text).strip().replace(",", "").replace("，", ""))
        if value.is_finite():
            return int((value * FEN_PER_YUAN).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    except InvalidOperation as error:
        raise ValueError(f"not an amount of money: {text!r}") from error
    raise ValueError(f"not an amount of money: {text!r}")


def format_yuan(fen: int) -> str:
    """``123456`` fen as ``1,234.56``; round amounts without decimals."""
    sign, fen = ("-" if fen < 0 else ""), abs(fen)
    yuan, rest = divmod(fen, FEN_PER_YUAN)
    return f"{sign}{yuan:,}.{rest:02d}" if rest else f"{sign}{yuan:,}"


def plain_yuan(fen: int) -> str:
    """``123456`` fen as ``1234.56``, as a field of a form holds it."""
    return f"{fen / FEN_PER_YUAN:.2f}"


_SHORT = (("亿", Decimal(10**8)), ("万", Decimal(10**4)))
_SHORT_ENGLISH = ((" billion", Decimal(10**9)), (" million", Decimal(10**6)))


def format_wan(fen: int, *, in_english: bool = False) -> str:
    """A short form for tiles: exact, from ten thousand yuan in 万 or 亿 with two decimals.

    In English exact below a million, then in millions or billions.
    """
    yuan = Decimal(fen) / FEN_PER_YUAN
    for unit, size in _SHORT_ENGLISH if in_english else _SHORT:
        if abs(yuan) >= size:
            return f"{(yuan / size).quantize(Decimal('0.01'))}{unit}"
    return format_yuan(fen)
