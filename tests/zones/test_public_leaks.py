"""Nothing private leaves by the public zone: 1,000 households are planted, then everything is visited."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from tests import people
from tests.zones.crawl import UnknownParameter, crawl
from tests.zones.leaks import Canaries, Scanner
from tests.zones.test_scanner import card, id_number, phone
from yuchang.core.secrets import seal_many
from yuchang.places.models import Place, keys_of
from yuchang.portal import actions
from yuchang.portal.models import ObjectionIntake, PublishedNotice, PublishedTable
from yuchang.portal.tests.conftest import INSIDE_ONLY
from yuchang.portal.tests.test_public_zone import many_growers
from yuchang.portal.tests.test_trades import deals_of
from yuchang.registry import actions as registry
from yuchang.registry.models import Cause, Household, Member, NoticeEntry, Objection

PLANTED = 1000
SIGNS = "阚夙瀛觞澜翀骞羿燚璟琰瑀翊昶旻晟晗曦栩桤椿楠榛槿樾橦檀欤歆毓沄沅泱洹浠涵淇渊湜漪潇澍濯炜烨煜熠"
ILLNESSES = ("尿毒症晚期透析", "重度精神分裂症", "肺结核空洞", "肝硬化腹水", "股骨头坏死")


class Planted:
    """1,000 made-up households of one county, each with everything that must never be seen."""

    def __init__(self) -> None:
        self.canaries = Canaries()
        self.chance = random.Random(35)
        self.officer, self.second = people.wang(), people.wang()
        self.villages = people.villages()
        rows = [self._household(i) for i in range(PLANTED)]
        self.households = Household.objects.bulk_create(rows)
        self._members()

    def _word(self, kind: str, sign: str, i: int) -> str:
        text = sign + "".join(self.chance.sample(SIGNS, 2)) + SIGNS[i % len(SIGNS)]
        return self.canaries.plant(kind, text)

    def _household(self, i: int) -> Household:
        village = self.villages[i % len(self.villages)]
        name = self._word("name", "欧阳", i)
        hamlet = self.canaries.plant("address", f"{self.chance.choice(SIGNS)}{SIGNS[i % 40]}湾{i}号院东屋")
        return Household(
            number=self.canaries.plant("household number", f"H{self.chance.randint(10**14, 10**15)}"),
            size=3,
            head_name=name,
            hamlet=hamlet,
            state="verified" if i < 60 else "listed",
            attribute="ordinary",
            main_cause=self.chance.choice(("illness", "disability", "skill", "capital", "labour")),
            search_keys=[name],
            entered_at=timezone.now(),
            entered_by=self.officer.user,
            verified_by=self.second.user,
            removed_reason=self._secret_text(),
            place=village,
            **keys_of(village),
        )

    def _secret_text(self) -> str:
        parts = [
            self.canaries.plant("id", id_number(self.chance)),
            self.canaries.plant("phone", phone(self.chance)),
            self.canaries.plant("card", card(self.chance)),
            self.canaries.plant("illness", self.chance.choice(ILLNESSES)),
        ]
        return " ".join(parts)

    def _members(self) -> None:
        members, causes = [], []
        for i, row in enumerate(self.households):
            name = self._word("name", "欧阳", i) if i % 2 else row.head_name
            members.append(
                Member(
                    household=row,
                    number=f"{row.number}01",
                    name=name,
                    relation="head",
                    joined_on=date(2026, 1, 1),
                )
            )
            causes.append(Cause(household=row, code=row.main_cause, is_main=True, since_on=date(2026, 1, 1)))
        county = people.county().pk
        for label, field, make in (
            ("member.id", "id_sealed", id_number),
            ("member.phone", "phone_sealed", phone),
        ):
            texts = [self.canaries.plant(field, make(self.chance)) for _m in members]
            sealed = seal_many(county, label, [(m.uid, t) for m, t in zip(members, texts, strict=True)])
            for member, blob in zip(members, sealed, strict=True):
                setattr(member, field, blob)
        Member.objects.bulk_create(members)
        Cause.objects.bulk_create(causes)

    def publish(self) -> None:
        """Everything that can be published, as an officer does it."""
        market = many_growers(12)
        market.round.title = "成县核桃预售"
        actor, county = self.second.actor, people.county().pk
        registry.publish_notices(actor=actor, opens_on=timezone.localdate())
        actions.publish_notices(actor=actor, county_id=county)
        actions.publish_rounds(actor=actor, county_id=county)
        actions.publish_open_data(actor=actor, county_id=county)
        actions.publish_county_figures(actor=actor, county_id=county, from_on=date(2026, 1, 1))
        yesterday = timezone.localdate() - timedelta(days=1)
        deals_of(12, on=yesterday, homes=self.households, note=self._secret_text())
        actions.publish_deals(actor=actor, county_id=county)
        entry = NoticeEntry.objects.order_by("id").first()
        assert entry is not None
        ObjectionIntake.objects.create(
            entry_code=entry.public_code,
            text=f"{self.households[0].head_name} {self._secret_text()} 有两套房",
            sender_hash="x",
            received_at=timezone.now(),
        )
        actions.collect_objections(actor=actor)
        objection = Objection.objects.get()
        registry.decide_objection(
            actor=people.wang().actor,
            objection_id=objection.pk,
            version=objection.version,
            upheld=False,
            reason=f"已核实，{self._secret_text()}",
        )
        actions.publish_receipts(actor=actor)


@pytest.fixture
def zone(settings: Any) -> Callable[[], Any]:
    """The public zone: its URLconf, its middleware, its database role."""

    @contextmanager
    def standing() -> Iterator[Client]:
        settings.ZONE, settings.ROOT_URLCONF = "public", "config.urls_public"
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if not any(w in m for w in INSIDE_ONLY)]
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE yuchang_portal")
        yield Client(raise_request_exception=False)
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE yuchang_app")

    return standing


@pytest.mark.slow
def test_no_canary_of_a_thousand_households_and_no_private_number_comes_out(db: None, zone: Any) -> None:
    planted = Planted()
    planted.publish()
    assert len(planted.canaries.texts) > 7 * PLANTED
    assert PublishedNotice.objects.count() > 1 and PublishedTable.objects.count() == 2
    with zone() as client:
        visit = crawl(client, Scanner(planted.canaries), most=8)
    assert visit.pages > 60
    assert not visit.hits, visit.hits[:10]


def small_scene() -> Planted | None:
    entry = people.county()
    actions.publish_county_figures(actor=people.wang().actor, county_id=entry.pk, from_on=date(2026, 1, 1))
    return None


LEAKS = {
    "a name in a notice": "INSERT INTO portal_publishednotice (code, county_id, county_code, township_name,"
    " village_name, opens_on, expires_on, published_at) VALUES ('ABCDEFGH2345', 1, '621221000000', '城关镇',"
    " '阚夙瀛家', current_date - 1, current_date + 5, now())",
    "a telephone in a round": "INSERT INTO portal_publishedround (code, round_id, county_id, county_code,"
    " county_name, title, seller_name, state, sales_from, sales_to, deliver_on, promise, shortfall_rule,"
    " published_at, expires_on) VALUES ('RNDEFGHJ2345', 1, 1, '621221000000', '成县', '核桃', '', 'open', now(),"
    " now(), current_date, '电话 138-0013-8000', 'pro_rata', now(), current_date + 5)",
    "a card in a file": "WITH t AS (INSERT INTO portal_publishedtable (code, dataset, county_id, county_code,"
    " county_name, as_of, rows, published_at, expires_on) VALUES ('TABEFGHJ2345', 'x', 1, '621221000000', '成县',"
    ' current_date, \'{"rows": [], "columns": [], "cells": {}}\', now(), current_date + 5) RETURNING id)'
    " INSERT INTO portal_publishedfile (code, table_id, name, media_type, content, sha256, expires_on)"
    " SELECT 'FILEFGHJ2345', id, 'x.csv', 'text/csv', convert_to('户主,卡号', 'UTF8') || '\\x0a'::bytea"
    " || convert_to('甲,4111111111111111', 'UTF8'), '', current_date + 5 FROM t",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_that_reached_a_published_table_is_found(leak: str, db: None, zone: Any) -> None:
    canaries = Canaries()
    canaries.plant("name", "阚夙瀛")
    small_scene()
    with zone() as client:
        assert not crawl(client, Scanner(canaries)).hits
    with connection.cursor() as cursor:
        cursor.execute(LEAKS[leak])
    with zone() as client:
        hits = crawl(client, Scanner(canaries)).hits
    assert any("portal_" in hit.where or "file" in hit.where for hit in hits), "as it is stored"
    assert any(hit.where.startswith("/") for hit in hits), "as it is shown"


def leaky(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("公开")
    response["X-Contact"] = "13800138000"
    return response


def taking(request: HttpRequest, person: str) -> HttpResponse:
    return HttpResponse("公开")


def test_a_new_public_address_is_visited_without_being_asked_for(db: None, zone: Any) -> None:
    urls = ModuleType("leaky_urls")
    urls.urlpatterns = [path("new/page", leaky, name="new")]  # type: ignore[attr-defined]
    with zone() as client:
        from django.conf import settings

        settings.ROOT_URLCONF = urls
        hits = crawl(client, Scanner(Canaries()), urlconf=urls).hits  # type: ignore[arg-type]
        assert [hit.kind for hit in hits][:1] == ["phone"] and "header X-Contact" in hits[0].where
        urls.urlpatterns.append(path("people/<slug:person>", taking, name="person"))  # type: ignore[attr-defined]
        from django.urls import clear_url_caches

        clear_url_caches()
        with pytest.raises(UnknownParameter):
            crawl(client, Scanner(Canaries()), urlconf=urls)  # type: ignore[arg-type]


def test_publishing_refuses_a_text_with_a_number_that_names_somebody(db: None) -> None:
    market = many_growers(3)
    market.round.promise = "坏果包赔，电话 13800138000"
    market.round.save()
    from yuchang.core.errors import Conflict

    with pytest.raises(Conflict, match="不能公开") as refused:
        actions.publish_rounds(actor=people.wang().actor, county_id=people.county().pk)
    assert "13800138000" not in refused.value.message
    assert Place.objects.exists()
