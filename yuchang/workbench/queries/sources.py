"""What each figure of the workbench stands for: its rows, its columns, its order.

A ``Source`` says once which rows a figure counts; tile, map, sparkline and list are made from it
(``figures``), so that a number and its list cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext_lazy, pgettext_lazy

from yuchang.accounts.queries import organisation_filter, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core.addresses import address
from yuchang.core.language import is_english
from yuchang.core.lists import Column, day, day_word, number, text, yuan
from yuchang.core.phrases import own_words
from yuchang.core.prepared import Prepared, prepared
from yuchang.exchange.models import Agreement, Category, Match, Posting
from yuchang.exchange.queries import public_owner
from yuchang.ledger.models import Leg
from yuchang.market.models import Order
from yuchang.monitoring.models import Assessment
from yuchang.monitoring.queries import TALLY as ALERTS_TALLY
from yuchang.monitoring.queries import alerts_for, with_names
from yuchang.monitoring.rules import KIND_WORDS, SignalKind
from yuchang.registry.models import Household, Objection
from yuchang.registry.queries import TALLY as HOUSEHOLDS_TALLY
from yuchang.registry.queries import households_for
from yuchang.workbench.queries import tallied

Rows = QuerySet[Any]
UNSOLD_WARNING = timedelta(days=21)
# State, whether the second person has verified, and the month of listing.
HOUSEHOLDS_KEY = (
    "state || ':' || CASE WHEN verified_by_id IS NULL THEN 'n' ELSE 'y' END"
    " || ':' || coalesce(to_char(listed_on, 'YYYY-MM'), '')"
)


def household_address(pk: int | None) -> str:
    """The page of one household."""
    return address("workbench:household", pk) if pk else ""


def in_chinese() -> bool:
    """Whether the reader reads Chinese."""
    return not is_english()


def alert_word(kind: str) -> str:
    """The name of an alert's kind in the reader's language."""
    return KIND_WORDS[SignalKind(kind)][0 if in_chinese() else 1]


def category_word(category: Category) -> str:
    """The name of a category in the reader's language."""
    return category.name_zh if in_chinese() else category.name_en


def unit_word(category: Category) -> str:
    """The unit of a category in the reader's language."""
    return category.unit if in_chinese() else category.unit_en


def owner_word(posting: Posting) -> str:
    """Whose posting it is."""
    if posting.organisation:
        return posting.organisation.name
    return posting.household.head_name if posting.household else posting.place.name


@dataclass(frozen=True)
class Tallied:
    """The tally that keeps a figure: its subject, which keys count, and the month (YYYY-MM) in a key.

    With ``has_months`` a month's value can be read from the keys, too.
    """

    subject: str
    fits: Callable[[str, date], bool]
    month: Callable[[str], str] = lambda key: ""
    has_months: bool = False


@dataclass(frozen=True)
class News:
    """What the sparkline of a figure about a present state shows: what was new in each month.

    ``by_month`` asks, by a condition on place keys and a first day, for (the month's first day, how many).
    """

    permission: str
    by_month: Prepared[Any]


@dataclass(frozen=True)
class Source:
    """What a figure counts (or sums: ``sum_of``, in fen), for whom, and how its list looks.

    ``dated_by`` is the field of the month filter and the sparkline; with ``is_cumulative`` the
    sparkline shows how many there were at each month's end. ``extra`` names further filters; ``household``
    is the column of the household that a row is about, by which a helper's own are found; ``prepare`` reads
    what the columns show beside the rows of a page. ``own_columns`` are for an organisation's own people, who
    need not read their own name on every line.
    """

    name: str
    label: Any
    permission: str
    rows: Callable[[Actor, date], Rows]
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ("id",)
    sum_of: Any = None
    dated_by: str = ""
    is_cumulative: bool = False
    is_bad: bool = False
    prefix: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    words: Any = ""
    tally: Tallied | None = None
    news: News | None = None
    household: str = ""
    prepare: Callable[[list[Any]], list[Any]] = list
    own_columns: tuple[Column, ...] = ()


def _households(*conditions: Q) -> Callable[[Actor, date], Rows]:
    def rows(actor: Actor, today: date) -> Rows:
        found = households_for(actor).exclude(state=Household.State.REMOVED).filter(*conditions)
        return found.select_related("place")

    return rows


def _alerts(**filters: Any) -> Callable[[Actor, date], Rows]:
    return lambda actor, today: alerts_for(actor, **filters)


def _overdue(actor: Actor, today: date) -> Rows:
    return alerts_for(actor, overdue_on=today)


def _objections(actor: Actor, today: date) -> Rows:
    rows = Objection.objects.filter(place_filter(actor, "registry.read"), state=Objection.State.OPEN)
    return rows.select_related("entry", "entry__household", "place")


def _reach(actor: Actor, permission: str, prefix: str = "") -> Q:
    """By place for staff, by organisation for a partner."""
    by_place = place_filter(actor, permission, prefix)
    return by_place | organisation_filter(actor, permission, f"{prefix}organisation_id")


def _postings(*conditions: Q) -> Callable[[Actor, date], Rows]:
    def rows(actor: Actor, today: date) -> Rows:
        found = Posting.objects.filter(_reach(actor, "exchange.read"), *conditions)
        return found.select_related("category", "household", "organisation", "place")

    return rows


def _unsold(actor: Actor, today: date) -> Rows:
    soon = Q(state="open", direction="offer", window_to__lte=today + UNSOLD_WARNING)
    return _postings(soon)(actor, today)


def _buys(actor: Actor) -> Case:
    """Whether the need of a deal is the reader's own organisation's."""
    own = organisation_filter(actor, "exchange.read", "need__organisation_id")
    return Case(When(own, then=Value(True)), default=Value(False))


def _matches(actor: Actor, today: date) -> Rows:
    reach = _reach(actor, "exchange.read", "offer__") | _reach(actor, "exchange.read", "need__")
    found = Match.objects.filter(reach, state__in=["proposed", "talking"]).annotate(is_need=_buys(actor))
    return found.select_related(
        "category", "offer__place", "offer__organisation", "need__place", "need__organisation"
    )


def _agreements(actor: Actor, today: date) -> Rows:
    reach = place_filter(actor, "exchange.read")
    reach |= organisation_filter(actor, "exchange.read", "offer__organisation_id")
    reach |= organisation_filter(actor, "exchange.read", "need__organisation_id")
    found = Agreement.objects.filter(reach, state__in=["agreed", "fulfilled"]).annotate(is_need=_buys(actor))
    return found.select_related(
        "category", "place", "need__organisation", "need__place", "offer__household", "offer__organisation",
        "offer__place",
    )  # fmt: skip


def _orders(*conditions: Q) -> Callable[[Actor, date], Rows]:
    def rows(actor: Actor, today: date) -> Rows:
        found = Order.objects.filter(_reach(actor, "market.read"), *conditions)
        return found.select_related("organisation", "round", "place")

    return rows


def _household_legs(actor: Actor, today: date) -> Rows:
    found = Leg.objects.filter(place_filter(actor, "ledger.read"), household_id__isnull=False)
    return found.select_related("transaction", "account", "place")


def _paid_households(actor: Actor, today: date) -> Rows:
    legs = Leg.objects.filter(household_id=OuterRef("pk"), amount_fen__gt=0)
    return households_for(actor).filter(Exists(legs)).select_related("place")


def _of_households(fits: Callable[[str, str], bool]) -> Tallied:
    return Tallied(
        HOUSEHOLDS_TALLY,
        lambda key, today: fits(*key.split(":")[:2]),
        lambda key: key.split(":")[2],
        has_months=True,
    )


def _of_alerts(fits: Callable[[str, str, date], bool]) -> Tallied:
    return Tallied(ALERTS_TALLY, lambda key, today: fits(key.split(":")[0], key.split(":")[2], today))


def _of_postings(direction: str, within: timedelta | None = None) -> Tallied:
    def fits(key: str, today: date) -> bool:
        its_direction, _state, last = key.split(":")
        return its_direction == direction and (within is None or last <= (today + within).isoformat())

    return Tallied(tallied.POSTINGS, fits)


def _of_orders(states: Callable[[str], bool]) -> Tallied:
    return Tallied(
        tallied.ORDERS,
        lambda key, today: states(key.split(":")[0]),
        lambda key: key.split(":")[1],
        has_months=True,
    )


def _by_month(subject: str) -> Tallied:
    return Tallied(subject, lambda key, today: True, lambda key: key, has_months=True)


@prepared
def _opened(within: Any, since: Any) -> QuerySet[Assessment, Any]:
    rows = Assessment.objects.filter(within, on__gte=since).annotate(_m=TruncMonth("on"))
    return rows.order_by().values_list("_m").annotate(_n=Sum("opened"))


OPENED = News("monitoring.read", _opened)
_ = gettext_lazy
PLACE = text("place", _("地区"), lambda r: r.place.name)
HOUSEHOLD_COLUMNS = (
    text("head", _("户主"), lambda r: r.head_name, href=lambda r: household_address(r.pk)),
    text("number", _("户编号"), lambda r: r.number),
    PLACE,
    number("size", _("人数"), lambda r: r.size),
    text("state", _("状态"), lambda r: r.get_state_display()),
    text("hamlet", _("自然村"), lambda r: r.hamlet, is_extra=True),
    day("listed", _("纳入日期"), lambda r: r.listed_on, is_extra=True),
)
ALERT_COLUMNS = (
    text(
        "head", _("户主"), lambda r: r.household.head_name, href=lambda r: household_address(r.household_id)
    ),
    PLACE,
    text("kind", _("预警"), lambda r: alert_word(r.kind), href=lambda r: address("monitoring:alert", r.pk)),
    day("opened", _("发现日期"), lambda r: r.opened_on),
    day("due", _("办理期限"), lambda r: r.due_on),
    text("state", _("状态"), lambda r: r.get_state_display()),
)
POSTING_COLUMNS = (
    text(
        "category",
        _("品类"),
        lambda r: category_word(r.category),
        href=lambda r: address("exchange:posting", r.pk),
    ),
    text("owner", _("发布方"), lambda r: owner_word(r)),
    PLACE,
    number("quantity", _("数量"), lambda r: r.left, unit=lambda r: unit_word(r.category)),
    text("window", _("期限"), lambda r: f"{day_word(r.window_from)} — {day_word(r.window_to)}"),
    text("state", _("状态"), lambda r: r.get_state_display()),
)
MATCH_COLUMNS = (
    text(
        "category",
        _("品类"),
        lambda r: category_word(r.category),
        href=lambda r: address("exchange:match", r.pk),
    ),
    text("offer", _("供方地区"), lambda r: r.offer.place.name),
    text(
        "need",
        _("需方"),
        lambda r: r.need.organisation.name if r.need.organisation else r.need.place.name,
    ),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: unit_word(r.category)),
    yuan("price", _("单价（元）"), lambda r: r.price_fen),
    text("state", _("状态"), lambda r: r.get_state_display()),
)
AGREEMENT_COLUMNS = (
    day("agreed", _("签约"), lambda r: r.agreed_at, href=lambda r: address("exchange:agreement", r.pk)),
    text("category", _("品类"), lambda r: category_word(r.category)),
    PLACE,
    text("need", _("需方"), lambda r: r.need.organisation.name if r.need.organisation else "—"),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: unit_word(r.category)),
    yuan("value", _("金额（元）"), lambda r: r.quantity * r.price_fen),
)
ORDER_COLUMNS = (
    text("order", _("订单"), lambda r: r.pk, href=lambda r: address("market:order", r.pk)),
    text("round", _("场次"), lambda r: r.round.title),
    text("buyer", _("买方"), lambda r: r.organisation.name),
    day("paid", _("付款"), lambda r: r.paid_at),
    text("state", _("状态"), lambda r: r.get_state_display()),
    yuan("total", _("金额（元）"), lambda r: r.total_fen),
)
LEG_COLUMNS = (
    day("booked", _("入账日期"), lambda r: r.booked_on),
    text(
        "household",
        pgettext_lazy("one", "农户"),
        lambda r: r.account.name,
        href=lambda r: household_address(r.household_id),
    ),
    PLACE,
    text("matter", _("事项"), lambda r: own_words(r.transaction.memo) or r.transaction.get_kind_display()),
    yuan("amount", _("金额（元）"), lambda r: r.amount_fen),
)
OBJECTION_COLUMNS = (
    text(
        "head",
        _("户主"),
        lambda r: r.entry.household.head_name,
        href=lambda r: address("registry:objection", r.pk) or household_address(r.entry.household_id),
    ),
    PLACE,
    day("raised", _("提出"), lambda r: r.raised_at),
    text("content", _("内容"), lambda r: r.text[:60]),
)


def _other_side(row: Any) -> str:
    """The other side of a deal, as the reader's organisation may know it."""
    return public_owner(row.offer if row.is_need else row.need)


def _own_gain(row: Match) -> int | None:
    """What the reader's side gains on each unit against its own limit; nothing where people set the price."""
    if "direct" in row.reason or row.reason.get("swap"):
        return None
    return row.need_gain_fen if row.is_need else row.offer_gain_fen  # type: ignore[attr-defined]


def _own_price(row: Match) -> int:
    """What the reader's side pays or gets for each unit: who needs it pays the carriage, too."""
    return row.price_fen + (row.transport_fen if row.is_need else 0)  # type: ignore[attr-defined]


def _asked(row: Match) -> str:
    """What a match waits for, told to the reader's side."""
    if row.state == Match.State.TALKING:
        return str(_("请接着洽谈"))
    answer = row.need_answer if row.is_need else row.offer_answer  # type: ignore[attr-defined]
    return str(_("请答复是否愿意") if answer == Match.Answer.PENDING else _("等对方答复"))


def _asked_of_buyer(row: Order) -> str:
    words = {"held": _("请付款"), "paid": _("等待发货"), "dispatched": _("请签收")}
    return str(words.get(row.state, ""))


OWN_POSTING_COLUMNS = tuple(column for column in POSTING_COLUMNS if column.key != "owner")
OWN_MATCH_COLUMNS = (
    MATCH_COLUMNS[0],
    text("other", _("对方"), _other_side),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: unit_word(r.category)),
    yuan("price", _("每单位价格（元）"), _own_price),
    yuan("gain", _("每单位得益（元）"), _own_gain),
    text("asked", _("下一步"), _asked),
)
OWN_AGREEMENT_COLUMNS = (
    AGREEMENT_COLUMNS[0],
    AGREEMENT_COLUMNS[1],
    text("other", _("对方"), _other_side),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: unit_word(r.category)),
    number("fulfilled", _("已履约"), lambda r: r.fulfilled, unit=lambda r: unit_word(r.category)),
    text("delivery", _("交付"), lambda r: f"{day_word(r.delivery_from)} — {day_word(r.delivery_to)}"),
    yuan("value", _("金额（元）"), lambda r: r.quantity * r.price_fen),
)
OWN_ORDER_COLUMNS = (
    *(column for column in ORDER_COLUMNS if column.key not in ("buyer", "total")),
    text("asked", _("下一步"), _asked_of_buyer),
    ORDER_COLUMNS[-1],
)
_TO_VERIFY = Q(verified_by__isnull=True, state__in=["entered", "listed", "exited"])
_BY_STATE = {"state": "state", "cause": "main_cause", "attribute": "attribute"}
SOURCES: dict[str, Source] = {
    s.name: s
    for s in (
        Source(
            "households",
            gettext_lazy("登记农户"),
            "registry.read",
            _households(),
            HOUSEHOLD_COLUMNS,
            household="pk",
            extra=_BY_STATE,
            words=gettext_lazy("户"),
            tally=_of_households(lambda state, verified: state != "removed"),
        ),
        Source(
            "to_verify",
            gettext_lazy("待核实农户"),
            "registry.read",
            _households(_TO_VERIFY),
            HOUSEHOLD_COLUMNS,
            household="pk",
            words=gettext_lazy("户"),
            tally=_of_households(
                lambda state, verified: verified == "n" and state in {"entered", "listed", "exited"}
            ),
        ),
        Source(
            "noticed",
            gettext_lazy("公示中农户"),
            "registry.read",
            _households(Q(state="noticed")),
            HOUSEHOLD_COLUMNS,
            household="pk",
            words=gettext_lazy("户"),
            tally=_of_households(lambda state, verified: state == "noticed"),
        ),
        Source(
            "listed",
            gettext_lazy("纳入监测帮扶农户"),
            "registry.read",
            _households(Q(state="listed")),
            HOUSEHOLD_COLUMNS,
            household="pk",
            dated_by="listed_on",
            is_cumulative=True,
            extra=_BY_STATE,
            words=gettext_lazy("户"),
            tally=_of_households(lambda state, verified: state == "listed"),
        ),
        Source(
            "objections",
            gettext_lazy("待处理异议"),
            "registry.read",
            _objections,
            OBJECTION_COLUMNS,
            household="entry__household_id",
            order=("raised_at", "id"),
            dated_by="raised_at",
            is_bad=True,
            words=gettext_lazy("件"),
        ),
        Source(
            "alerts",
            gettext_lazy("未办结预警"),
            "monitoring.read",
            _alerts(state="live"),
            ALERT_COLUMNS,
            prepare=with_names,
            household="household_id",
            order=("due_on", "id"),
            dated_by="opened_on",
            words=gettext_lazy("条"),
            tally=_of_alerts(lambda state, due, today: state != "closed"),
            news=OPENED,
        ),
        Source(
            "overdue",
            gettext_lazy("逾期预警"),
            "monitoring.read",
            _overdue,
            ALERT_COLUMNS,
            prepare=with_names,
            household="household_id",
            order=("due_on", "id"),
            dated_by="opened_on",
            is_bad=True,
            words=gettext_lazy("条"),
            tally=_of_alerts(lambda state, due, today: bool(due) and due < today.isoformat()),
            news=OPENED,
        ),
        Source(
            "escalated",
            gettext_lazy("上报预警"),
            "monitoring.read",
            _alerts(state="escalated"),
            ALERT_COLUMNS,
            prepare=with_names,
            household="household_id",
            order=("due_on", "id"),
            words=gettext_lazy("条"),
            tally=_of_alerts(lambda state, due, today: state == "escalated"),
        ),
        Source(
            "offers",
            gettext_lazy("未售供给"),
            "exchange.read",
            _postings(Q(state="open", direction="offer")),
            POSTING_COLUMNS,
            own_columns=OWN_POSTING_COLUMNS,
            household="household_id",
            order=("window_to", "id"),
            words=gettext_lazy("条"),
            tally=_of_postings("offer"),
        ),
        Source(
            "needs",
            gettext_lazy("未满足需求"),
            "exchange.read",
            _postings(Q(state="open", direction="need")),
            POSTING_COLUMNS,
            own_columns=OWN_POSTING_COLUMNS,
            household="household_id",
            order=("window_to", "id"),
            words=gettext_lazy("条"),
            tally=_of_postings("need"),
        ),
        Source(
            "unsold",
            gettext_lazy("滞销预警"),
            "exchange.read",
            _unsold,
            POSTING_COLUMNS,
            own_columns=OWN_POSTING_COLUMNS,
            household="household_id",
            order=("window_to", "id"),
            is_bad=True,
            words=gettext_lazy("条"),
            tally=_of_postings("offer", UNSOLD_WARNING),
        ),
        Source(
            "matches",
            gettext_lazy("撮合建议"),
            "exchange.read",
            _matches,
            MATCH_COLUMNS,
            own_columns=OWN_MATCH_COLUMNS,
            household="offer__household_id",
            order=("-id",),
            prefix="offer__",
            words=gettext_lazy("条"),
        ),
        Source(
            "agreements",
            gettext_lazy("签约"),
            "exchange.read",
            _agreements,
            AGREEMENT_COLUMNS,
            own_columns=OWN_AGREEMENT_COLUMNS,
            household="offer__household_id",
            order=("-id",),
            dated_by="agreed_at",
            words=gettext_lazy("份"),
            tally=_by_month(tallied.AGREEMENTS),
        ),
        Source(
            "agreed_value",
            gettext_lazy("签约金额"),
            "exchange.read",
            _agreements,
            AGREEMENT_COLUMNS,
            own_columns=OWN_AGREEMENT_COLUMNS,
            household="offer__household_id",
            order=("-id",),
            sum_of=F("quantity") * F("price_fen"),
            dated_by="agreed_at",
            tally=_by_month(tallied.AGREEMENTS),
        ),
        Source(
            "sold",
            gettext_lazy("订单收款"),
            "market.read",
            _orders(Q(paid_at__isnull=False) & ~Q(state__in=["refunded", "cancelled"])),
            ORDER_COLUMNS,
            own_columns=OWN_ORDER_COLUMNS,
            order=("-id",),
            sum_of="total_fen",
            dated_by="paid_at",
            tally=_of_orders(lambda state: state not in {"refunded", "cancelled"}),
        ),
        Source(
            "deliveries",
            gettext_lazy("待收货订单"),
            "market.read",
            _orders(Q(state__in=["paid", "dispatched"])),
            ORDER_COLUMNS,
            own_columns=OWN_ORDER_COLUMNS,
            order=("-id",),
            words=gettext_lazy("单"),
            tally=_of_orders(lambda state: state in {"paid", "dispatched"}),
        ),
        Source(
            "paid",
            gettext_lazy("付给农户"),
            "ledger.read",
            _household_legs,
            LEG_COLUMNS,
            household="household_id",
            order=("-booked_on", "-id"),
            sum_of="amount_fen",
            dated_by="booked_on",
            tally=_by_month(tallied.PAID),
        ),
        Source(
            "households_paid",
            gettext_lazy("得到收入的农户"),
            "ledger.read",
            _paid_households,
            HOUSEHOLD_COLUMNS,
            household="pk",
            words=gettext_lazy("户"),
            tally=Tallied(tallied.PAID_HOUSEHOLDS, lambda key, today: True),
        ),
    )
}
