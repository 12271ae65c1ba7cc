"""The columns of the book's lists."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from yuchang.core.addresses import address
from yuchang.core.lists import day, text, yuan
from yuchang.core.phrases import own_words
from yuchang.ledger.models import Transaction

# What the events of the domains above are called. Another one is shown by its name in the code.
SOURCES = {"market.order": _("订单"), "market.payment": _("订单付款"), "ledger.transaction": _("记账")}


def source_word(row: Transaction) -> str:
    """Where a booking comes from, in words and with its number there."""
    return f"{SOURCES.get(row.source, row.source)} {row.source_id}"


TRANSACTIONS = (
    day(
        "booked",
        _("日期"),
        lambda r: r.booked_on,
        href=lambda r: address("ledger:transaction", r.pk),
        sort=("booked_on",),
    ),
    text("kind", _("类别"), lambda r: r.get_kind_display()),
    text("memo", _("摘要"), lambda r: own_words(r.memo)),
    text("source", _("来源"), source_word),
    yuan("amount", _("金额(元)"), lambda r: r.amount_fen),
)
HOUSEHOLD_BOOK = (
    day(
        "booked",
        _("日期"),
        lambda r: r.booked_on,
        href=lambda r: address("ledger:transaction", r.transaction_id),
        sort=("booked_on",),
    ),
    text("matter", _("来源"), lambda r: own_words(r.transaction.memo) or r.transaction.get_kind_display()),
    text("payer", _("付款方"), lambda r: r.transaction.payer.name if r.transaction.payer else ""),
    text("way", _("方式"), lambda r: r.get_way_display()),
    yuan("amount", _("金额(元)"), lambda r: r.amount_fen),
)
