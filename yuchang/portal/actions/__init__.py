"""Every write of the portal: publishing, taking in, and carrying between the zones."""

from yuchang.portal.actions.carrying import CARRY, Applied, apply_bundle, make_bundle, trust_peer
from yuchang.portal.actions.intake import collect_objections, receive_objection, sender_hash
from yuchang.portal.actions.publishing import (
    PUBLISH,
    publish_county_figures,
    publish_deals,
    publish_notices,
    publish_open_data,
    publish_receipts,
    publish_rounds,
    withdraw_expired,
)
from yuchang.portal.actions.registrations import Registration, collect_registrations, receive_registration

__all__ = [
    "CARRY",
    "PUBLISH",
    "Applied",
    "Registration",
    "apply_bundle",
    "collect_objections",
    "collect_registrations",
    "make_bundle",
    "publish_county_figures",
    "publish_deals",
    "publish_notices",
    "publish_open_data",
    "publish_receipts",
    "publish_rounds",
    "receive_objection",
    "receive_registration",
    "sender_hash",
    "trust_peer",
    "withdraw_expired",
]
