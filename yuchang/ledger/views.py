"""Reading the book: the bookings of a place, one booking to its legs, one household's statement."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.lists import listing
from yuchang.core.paging import keyset_page
from yuchang.ledger import lists, queries
from yuchang.ledger.actions import reverse
from yuchang.ledger.forms import period
from yuchang.sheets.lists import answer


@gate("ledger.read")
@require_GET
def transaction_list(request: HttpRequest) -> HttpResponseBase:
    """The bookings of the reader's places in a period, with the period's totals."""
    actor = actor_of(request)
    form, from_on, to_on = period(request.GET, clock.today())
    rows = queries.transactions_for(actor).filter(queries.in_days(from_on, to_on))
    found = listing(
        request,
        rows,
        lists.TRANSACTIONS,
        name="ledger.transactions",
        label=_("账本"),
        order=["-booked_on", "-id"],
        prepare=lambda found: queries.with_amounts(actor, found),
    )
    context = {
        "form": form,
        "from_on": from_on,
        "to_on": to_on,
        "totals": queries.totals_for(actor, from_on, to_on),
    }
    status = 422 if form.errors else 200
    return answer(request, found, "ledger/transaction_list.html", context, status=status)


@gate("ledger.read")
@require_GET
def transaction(request: HttpRequest, transaction_id: int) -> HttpResponse:
    """One booking with all its legs."""
    actor = actor_of(request)
    row = queries.transaction_for(actor, transaction_id)
    legs = keyset_page(
        queries.transaction_legs(actor, row), order=["id"], cursor=request.GET.get("after", ""), size=200
    )
    context = {
        "transaction": row,
        "source": lists.source_word(row),
        "legs": legs,
        "reversal": queries.reversal_of(row),
        "can_reverse": queries.may_reverse(actor, row),
    }
    return render(request, "ledger/transaction.html", context)


@gate("ledger.reverse")
@require_POST
def transaction_reverse(request: HttpRequest, transaction_id: int) -> HttpResponse:
    """Undo a booking by its mirror, with the reason."""
    reason = request.POST.get("reason", "")
    done = reverse(actor=actor_of(request), transaction_id=transaction_id, reason=reason)
    messages.success(request, _("已冲正。"))
    return redirect("ledger:transaction", done.pk)


@gate("ledger.read")
@require_GET
def household_book(request: HttpRequest, household_id: int) -> HttpResponseBase:
    """A household's statement: every fen that reached it, and where it came from."""
    actor = actor_of(request)
    household = queries.book_household(actor, household_id)
    rows = queries.household_book(actor, household_id)
    found = listing(
        request,
        rows,
        lists.HOUSEHOLD_BOOK,
        name="ledger.household",
        label=_("农户账"),
        order=["-booked_on", "-id"],
    )
    context = {"household": household, "total_fen": queries.received_by_household(actor, household_id)}
    return answer(request, found, "ledger/household_book.html", context)
