"""What the exchange's pages cost at 100,000 and at 1,000,000 postings: server time, and buffers touched.

Postings, proposals, talks and agreements are made up in SQL: half of the postings are a village's (half of
these of five villages, the cadre's first, so that a page is full at both sizes), half a firm's; one in five
pairs was proposed to each other, one in twenty has agreed. Read as bench.pages is: growth of at most 1.2
times for ten times the postings. Run: ``python -m bench.market`` (a quick look: ``--sizes 30000 300000``).
Uses a database of its own; trust growth, not the milliseconds of one machine.
"""

from __future__ import annotations

import argparse
import math
import sys

from django.db import connection
from django.urls import reverse

from bench.pages import Figures, measure, show
from tests import people
from tests.databases import cloned, own_name
from yuchang.core.models import Instance
from yuchang.exchange.models import Agreement, Match, Posting
from yuchang.exchange.tests.world import organisation

# Pairs: the offer is a village's, the need a firm's; pair n is postings 2n (offer) and 2n + 1 (need).
POSTINGS = """
    INSERT INTO exchange_posting (uid, version, created_at, updated_at, direction, owner_kind,
        organisation_id, category_id, quantity, agreed_quantity, unit, limit_fen, window_from,
        window_to, note, state, terms, place_id, province_id, prefecture_id,
        county_id, township_id, village_id)
    SELECT gen_random_uuid(), 1, now(), now(), CASE s.side WHEN 0 THEN 'offer' ELSE 'need' END,
           CASE s.side WHEN 0 THEN 'village' ELSE 'organisation' END,
           CASE s.side WHEN 1 THEN (%(firms)s::bigint[])[1 + g.n %% %(firm_count)s] END,
           k.code, 100, CASE WHEN g.n %% 20 = 0 THEN 10 ELSE 0 END, k.unit,
           100 + abs(hashint4(g.n::int)) %% 900, '2026-11-01', '2027-12-01', '', 'open', '{}',
           p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id,
           CASE s.side WHEN 0 THEN p.village_id END
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS g(n)
    CROSS JOIN (VALUES (0), (1)) AS s(side)
    JOIN (SELECT code, unit, row_number() OVER (ORDER BY code) - 1 AS k, count(*) OVER () AS all_of
          FROM exchange_category WHERE is_leaf) AS k ON k.k = g.n %% k.all_of
    JOIN (SELECT *, row_number() OVER (ORDER BY county_id <> %(county)s, code) - 1 AS k,
                 count(*) OVER () AS all_of FROM places_place WHERE level = 5) AS p
        ON p.k = CASE WHEN g.n / 20 %% 2 = 0 THEN g.n / 40 %% %(busy)s ELSE g.n %% p.all_of END
    ORDER BY g.n, s.side
"""
MATCHES = """
    INSERT INTO exchange_match (version, created_at, updated_at, offer_id, need_id, category_id, quantity,
        price_fen, transport_fen, offer_gain_fen, need_gain_fen, window_from, window_to, reason, offer_answer,
        need_answer, state)
    SELECT 1, now(), now(), o.id, n.id, o.category_id, 10, 200, 0, 0, 0, '2026-11-01', '2027-12-01',
           '{"direct": "offer"}', 'accepted', 'pending',
           CASE WHEN o.agreed_quantity > 0 THEN 'agreed' WHEN o.id %% 3 = 0 THEN 'talking' ELSE 'proposed' END
    FROM exchange_posting o JOIN exchange_posting n ON n.id = o.id + 1
    WHERE o.direction = 'offer' AND n.direction = 'need' AND o.id > %(after)s
      AND (o.agreed_quantity > 0 OR o.id / 2 %% 5 = 0) ORDER BY o.id
"""
AGREEMENTS = """
    INSERT INTO exchange_agreement (version, created_at, updated_at, match_id, offer_id, need_id, category_id,
        quantity, price_fen, transport_fen, delivery_from, delivery_to, proposed_side, state, refusal,
        offer_yes_by_id, offer_yes_name, offer_yes_at, need_yes_by_id, need_yes_name, need_yes_at, agreed_at,
        place_id, province_id, prefecture_id, county_id, township_id, village_id)
    SELECT 1, now(), now(), m.id, m.offer_id, m.need_id, m.category_id, 10, 200, 0, '2026-11-01',
           '2027-12-01', 'offer', 'agreed', '', 1, '甲', now(), 2, '乙', now(), now(), o.place_id,
           o.province_id, o.prefecture_id, o.county_id, o.township_id, o.village_id
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id
    WHERE m.state = 'agreed' AND m.offer_id > %(after)s ORDER BY m.id
"""
FIRMS = 50
BUSY = 5
TABLES = ("exchange_posting", "exchange_match", "exchange_agreement", "exchange_dealside")


def fill(size: int, firms: list[int]) -> None:
    """Grow to so many postings, with what came of them."""
    there = Posting.objects.count() // 2
    after = Posting.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    values = {"firms": firms, "firm_count": len(firms), "first": there, "last": size // 2 - 1, "after": after}
    values |= {"busy": BUSY, "county": people.county().pk}
    with connection.cursor() as cursor:
        for statement in (POSTINGS, MATCHES, AGREEMENTS):
            cursor.execute(statement, values)
        cursor.execute("SET ROLE yuchang_owner")
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("SET ROLE yuchang_app")
        cursor.execute("SET jit = off")  # as the product's own server runs


def pages() -> dict[str, str]:
    """The pages measured, by name."""
    posting = Posting.objects.filter(direction="offer", county_id=people.county().pk).order_by("-id")[0]
    match = Match.objects.filter(state="talking", offer__county_id=people.county().pk).order_by("-id")[0]
    agreement = Agreement.objects.filter(county_id=people.county().pk).order_by("-id")[0]
    postings, search = reverse("exchange:posting_list"), reverse("exchange:search")
    return {
        "everybody's postings": f"{postings}?view=market",
        "everybody's, one direction": f"{postings}?view=market&direction=need",
        "my postings": postings,
        "my postings, open offers": f"{postings}?direction=offer&state=open",
        "one posting": reverse("exchange:posting", args=[posting.pk]),
        "propose to one": reverse("exchange:propose", args=[posting.pk + 1]),
        "match board": reverse("exchange:board"),
        "match board, agreed": f"{reverse('exchange:board')}?tab=agreed",
        "one match": reverse("exchange:match", args=[match.pk]),
        "agreements": reverse("exchange:agreement_list"),
        "agreements, in force": f"{reverse('exchange:agreement_list')}?state=agreed",
        "one agreement": reverse("exchange:agreement", args=[agreement.pk]),
        "disputes": reverse("exchange:dispute_list"),
        "search, a word": f"{search}?q=核桃",
        "search, a word and a distance": f"{search}?q=核桃&direction=offer&radius_km=300",
        "search, no word": f"{search}?direction=need",
        "what to post": reverse("exchange:choose_category"),
    }


def measure_all(repeat: int, only: str, firm: int) -> Figures:
    """Every page, as a cadre, an officer of the county and a firm see it."""
    found: Figures = {}
    for who, person in (("cadre", people.li()), ("county", people.wang()), ("firm", people.zhao(firm))):
        client = person.client()
        for name, address in pages().items():
            key = f"{who}: {name}"
            if only in key and client.get(address).status_code == 200:
                found[key] = measure(client, address, repeat)
                print(f"{key}: {found[key]}", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Print the table; 1 when a page grows more than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=(100_000, 1_000_000))
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--only", default="", help="pages whose name has this")
    given = parser.parse_args()
    with cloned(own_name("market")):
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
        firms = [organisation(f"采购公司{n}").pk for n in range(FIRMS)]
        figures = []
        for size in given.sizes:
            fill(size, firms)
            figures.append(measure_all(given.repeat, given.only, firms[0]))
    small, large = figures
    return int(show(small, large, math.inf) > 0)


if __name__ == "__main__":
    sys.exit(main())
