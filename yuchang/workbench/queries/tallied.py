"""Which tallies the windows keep: table, subject, key, amount and rows. Frozen: a migration uses them."""

from __future__ import annotations

from yuchang.core.tallies import summed_by_county

CAUSES = summed_by_county("workbench.cause")
POSTINGS, AGREEMENTS, ORDERS = "workbench.posting", "workbench.agreement", "workbench.order"
PAID, PAID_HOUSEHOLDS = summed_by_county("workbench.paid"), "workbench.paid_household"
_IN_CHINA = "AT TIME ZONE 'Asia/Shanghai'"
BUSY = (
    # direction : state : last day, so that the same tally says what is open and what will stay unsold
    (
        "exchange_posting",
        POSTINGS,
        "direction || ':' || state || ':' || window_to::text",
        "0",
        "state = 'open'",
    ),
    (
        "exchange_agreement",
        AGREEMENTS,
        f"coalesce(to_char(agreed_at {_IN_CHINA}, 'YYYY-MM'), '')",
        "quantity::bigint * price_fen",
        "state IN ('agreed', 'fulfilled')",
    ),
    (
        "market_order",
        ORDERS,
        f"state || ':' || to_char(paid_at {_IN_CHINA}, 'YYYY-MM')",
        "total_fen",
        "paid_at IS NOT NULL",
    ),
    (
        "ledger_leg",
        PAID,
        "to_char(booked_on, 'YYYY-MM')",
        "amount_fen",
        "household_id IS NOT NULL",
    ),
    # A household's account is opened by its first booking.
    ("ledger_account", PAID_HOUSEHOLDS, "kind", "0", "kind = 'household'"),
)
