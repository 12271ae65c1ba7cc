"""What a round sells, in the reader's words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from yuchang.core import clock
from yuchang.portal.models import PublishedGoods, PublishedRound

pytestmark = pytest.mark.django_db


def goods(title: str, *, number: int = 1, ended: bool = False) -> PublishedGoods:
    """Goods of this name in a round that anybody may see."""
    today = timezone.localdate()
    shown = PublishedRound.objects.create(
        round_id=number + 1000,  # the number of the round inside: another than of what is published
        county_id=621221000000,
        county_code="621221000000",
        county_name="成县",
        title="秋果预售",
        state="open",
        sales_from=clock.now(),
        sales_to=clock.now() + timedelta(days=5),
        deliver_on=today + timedelta(days=20),
        promise="按时发货",
        shortfall_rule="pro_rata",
        published_at=clock.now(),
        expires_on=today + timedelta(days=-1 if ended else 90),
    )
    parts = {"price_fen": 500, "grower_fen": 400, "coop_fen": 50, "logistics_fen": 40, "residual_fen": 10}
    return PublishedGoods.objects.create(
        round=shown, offer_id=number, title=title, unit="公斤", cap=900, sold=20, **parts
    )


def test_the_english_page_names_goods_and_units_in_english_and_marks_what_stays_chinese(
    public: Any,
) -> None:
    row = goods("苹果")
    with public() as client:
        chinese = client.get(f"/rounds/{row.round.code}").content.decode()
        assert "苹果" in chinese and "公斤" in chinese
        client.cookies["django_language"] = "en"
        page = client.get(f"/rounds/{row.round.code}").content.decode()
        assert "Apples" in page and "/ kg" in page and "苹果" not in page and "公斤" not in page
        assert '<span lang="zh">秋果预售</span>' in page
        trace = client.get(f"/traces/{row.code}").content.decode()
        assert "Apples" in trace and "公斤" not in trace


def test_goods_that_a_seller_named_otherwise_stay_as_named(public: Any) -> None:
    row = goods("老王家的土苹果")
    with public() as client:
        client.cookies["django_language"] = "en"
        page = client.get(f"/rounds/{row.round.code}").content.decode()
        assert '<span lang="zh">老王家的土苹果</span>' in page and "/ kg" in page


def test_goods_are_public_as_long_as_their_own_round_whatever_others_are(public: Any) -> None:
    live, over = goods("苹果"), goods("花椒", number=2, ended=True)
    with public() as client:
        assert list(PublishedGoods.objects.values_list("pk", flat=True)) == [live.pk]
        assert client.get(f"/traces/{live.code}").status_code == 200
        assert client.get(f"/traces/{over.code}").status_code == 404
