"""Reads: whose token it is, own tokens and webhooks, what is due."""

from __future__ import annotations

from dataclasses import replace
from hmac import compare_digest

from django.conf import settings
from django.db.models import QuerySet

from yuchang.accounts.queries import actor_for, place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.api.models import ApiToken, Delivery, Webhook
from yuchang.api.rules import OFFERED, secret_hash, split_token
from yuchang.core import clock
from yuchang.core.language import is_english
from yuchang.places.models import Place


def token_shown(text: str) -> ApiToken | None:
    """The live token behind what a machine sent; None for a wrong, run-out or revoked one."""
    parts = split_token(text)
    if parts is None:
        return None
    row = ApiToken.objects.select_related("owner").filter(prefix=parts[0]).first()
    if row is None or not compare_digest(bytes(row.secret_hash), secret_hash(parts[1])):
        return None
    is_live = row.revoked_at is None and row.expires_on >= clock.today() and row.owner.is_active
    return row if is_live else None


def actor_of_token(token: ApiToken) -> Actor:
    """The owner with today's rights, cut down to what the token names."""
    person = actor_for(token.owner_id, token.owner.display_name, clock.today())
    name = f"{person.name} · {token.name}"[:150]
    return replace(person, name=name, only=frozenset(token.permissions))


def offered_permissions(actor: Actor) -> list[tuple[str, str]]:
    """(permission, words) that the actor may put into a token."""
    column = int(is_english())
    return [(name, words[column]) for name, words in OFFERED.items() if actor.may(name)]


def tokens_for(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens; a keeper of accounts sees everybody's, to revoke them."""
    rows = ApiToken.objects.select_related("owner")
    return rows if actor.may("accounts.manage") else rows.filter(owner_id=actor.user_id)


def webhooks_for(actor: Actor) -> QuerySet[Webhook]:
    """The actor's own webhooks that are not removed."""
    rows = Webhook.objects.select_related("place").filter(owner_id=actor.user_id)
    return rows.exclude(state=Webhook.State.REMOVED)


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """What was sent to a webhook or waits to be."""
    return Delivery.objects.filter(webhook=webhook)


def own_places(actor: Actor) -> list[Place]:
    """The places a webhook of the actor's may watch: those of the own posts."""
    numbers = [s.place_id for s in actor.scopes("api.use") if isinstance(s, PlaceScope)]
    return list(Place.objects.filter(pk__in=numbers).order_by("code"))


def still_reaches(webhook: Webhook) -> bool:
    """Whether the owner may still look into the place that the webhook watches."""
    owner = webhook.owner
    actor = actor_for(owner.pk, owner.display_name, clock.today())
    return owner.is_active and Webhook.objects.filter(place_filter(actor, "api.use"), pk=webhook.pk).exists()


def allowed_hosts() -> frozenset[str]:
    """Host names that messages may leave to; none until the operator names some."""
    return frozenset(settings.WEBHOOK_HOSTS)
