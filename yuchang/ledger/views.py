"""Reading the book: the bookings of a place, one booking to its legs, one household's statement."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.paging import keyset_page
from yuchang.ledger import queries
from yuchang.ledger.forms import period


@gate("ledger.read")
@require_GET
def transaction_list(request: HttpRequest) -> HttpResponse:
    """The bookings of the reader's places in a period, with the period's totals."""
    actor = actor_of(request)
    form, from_on, to_on = period(request.GET, clock.today())
    rows = queries.transactions_for(actor).filter(queries.in_days(from_on, to_on))
    context = {
        "form": form,
        "from_on": from_on,
        "to_on": to_on,
        "totals": queries.totals_for(actor, from_on, to_on),
        "page": keyset_page(rows, order=["-booked_on", "-id"], cursor=request.GET.get("after", "")),
    }
    return render(request, "ledger/transaction_list.html", context, status=422 if form.errors else 200)


@gate("ledger.read")
@require_GET
def transaction(request: HttpRequest, transaction_id: int) -> HttpResponse:
    """One booking with all its legs."""
    actor = actor_of(request)
    row = queries.transaction_for(actor, transaction_id)
    legs = keyset_page(
        queries.transaction_legs(actor, row), order=["id"], cursor=request.GET.get("after", ""), size=200
    )
    context = {"transaction": row, "legs": legs, "reversal": queries.reversal_of(row)}
    return render(request, "ledger/transaction.html", context)


@gate("ledger.read")
@require_GET
def household_book(request: HttpRequest, household_id: int) -> HttpResponse:
    """A household's statement: every fen that reached it, and where it came from."""
    actor = actor_of(request)
    household = queries.book_household(actor, household_id)
    rows = queries.household_book(actor, household_id)
    context = {
        "household": household,
        "total_fen": queries.received_by_household(actor, household_id),
        "page": keyset_page(rows, order=["-booked_on", "-id"], cursor=request.GET.get("after", "")),
    }
    return render(request, "ledger/household_book.html", context)
