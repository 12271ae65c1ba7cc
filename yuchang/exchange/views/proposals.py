"""Pages: a proposal of one's own to somebody's posting; pictures; the record of an organisation."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.money import plain_yuan
from yuchang.exchange import actions, forms, queries
from yuchang.exchange.models import Posting, PostingPhoto
from yuchang.exchange.pairs import Pair, pairs_of
from yuchang.exchange.records import dealings_of
from yuchang.exchange.rules import other_side
from yuchang.exchange.search import own_opposites
from yuchang.exchange.templatetags.exchange import category_name
from yuchang.exchange.words import unit_word
from yuchang.files.actions import content_of
from yuchang.partners.queries import organisation_for, records_of

NAMES = {"limit": "price"}


@gate("exchange.talk")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, posting_id: int) -> HttpResponse:
    """Propose to an open posting for one's own; without one of one's own, post it first."""
    actor = actor_of(request)
    other = queries.open_market().filter(pk=posting_id).first()
    if other is None:
        raise Hidden(_("对方的供需信息已不在撮合中。"), remedy=_("请重新搜索。"))
    own = own_opposites(actor, other)
    if not own and request.method == "POST":
        raise Conflict(_("没有与之相对的供需信息。"), remedy=_("请先发布，再提出洽谈。"))
    if not own:
        messages.info(request, _("请先发布与之相对的供需信息，再提出洽谈。"))
        new = reverse("exchange:posting_new", args=[other.category_id])
        return redirect(f"{new}?direction={other_side(other.direction)}&to={other.pk}")
    pairs = pairs_of(own, other, clock.today())
    form = _form(request, own, pairs)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        terms = actions.Terms(data["quantity"], forms.fen(data["price"]), data["text"])
        try:
            match = actions.propose_partner(actor=actor, mine_id=data["mine"], other_id=other.pk, terms=terms)
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已提出，等待对方答复。"))
            return redirect("exchange:match", match.pk)
    context = {"form": form, "other": other, "photos": other.photos.order_by("id")}
    return render(request, "exchange/propose.html", context, status=422 if form.errors else 200)


def _form(request: HttpRequest, own: list[Posting], pairs: dict[int, Pair]) -> forms.ProposalForm:
    asked = request.GET.get("mine", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    first = next((row for row in own if row.pk == number), own[0])
    choices = [
        (row.pk, f"#{row.pk} {category_name(row.category)} {row.quantity} {unit_word(row.category)}")
        for row in own
    ]
    initial = {
        "mine": first.pk,
        "quantity": pairs[first.pk].left,
        "price": plain_yuan(first.limit_fen),
    }
    return forms.ProposalForm(request.POST or None, initial=initial, own=choices)


@gate("exchange.post")
@require_POST
def photo_add(request: HttpRequest, posting_id: int) -> HttpResponse:
    """Add a picture to one's own posting."""
    form = forms.PhotoForm(request.POST, request.FILES)
    if form.is_valid():
        actions.add_photo(actor=actor_of(request), posting_id=posting_id, upload=form.cleaned_data["file"])
        messages.success(request, _("图片已添加。"))
    else:
        messages.error(request, _("请选择一张图片。"))
    return redirect("exchange:posting", posting_id)


@gate("exchange.read")
@require_GET
def photo(request: HttpRequest, photo_id: int) -> HttpResponse:
    """A small picture of an open posting, for everybody in the exchange; of others, for who may see them."""
    actor = actor_of(request)
    seen = Posting.objects.filter(queries.sight_filter(actor, "exchange.read"))
    rows = PostingPhoto.objects.filter(posting__state="open") | PostingPhoto.objects.filter(posting__in=seen)
    row = rows.select_related("file__thumbnail").filter(pk=photo_id).first()
    if row is None or row.file.thumbnail is None:
        raise Hidden(_("没有找到，或不在您的管辖范围内。"))
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": "inline",
    }
    return HttpResponse(content_of(row.file.thumbnail), content_type="image/jpeg", headers=headers)


@gate("exchange.read")
@require_GET
def organisation_record(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """What facts say of an organisation: promises, agreements, answers, each with its counts."""
    row = organisation_for(actor_of(request), organisation_id)
    today = clock.today()
    context = {
        "row": row,
        "record": records_of([row.pk], today).get(row.pk),
        "dealings": dealings_of([row.pk], today)[row.pk],
    }
    return render(request, "exchange/organisation_record.html", context)
