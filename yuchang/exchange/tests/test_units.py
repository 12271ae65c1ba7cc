"""Units are said in the reader's language wherever postings and deals show them, and in the register below."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags

from tests import people
from yuchang.core.naming import names_of
from yuchang.exchange.forms import RunForm
from yuchang.exchange.forms_console import EmergencyForm
from yuchang.exchange.models import Category
from yuchang.exchange.tests.deals import Deal
from yuchang.exchange.tests.world import household, resource
from yuchang.exchange.words import unit_said, unit_word

pytestmark = pytest.mark.django_db


def pages_of(client: Client, deal: Deal, language: str) -> dict[str, str]:
    """What a side of a deal reads, without the markup, of postings, proposals, agreements and deliveries."""
    match = deal.row.match_id
    wanted: dict[str, list[Any]] = {
        "posting_list": [],
        "posting": [deal.row.need_id],
        "posting_new": ["goods.walnut"],
        "board": [],
        "match": [match],
        "agreement_list": [],
        "agreement": [deal.row.pk],
        "search": [],
    }
    spoken = {"Accept-Language": language}
    return {
        name: strip_tags(client.get(reverse(f"exchange:{name}", args=given), headers=spoken).content.decode())
        for name, given in wanted.items()
    }


def test_english_pages_say_english_units_and_chinese_pages_chinese_ones() -> None:
    deal = Deal()
    deal.accept(deal.deliver(50))
    client = deal.zhao.client()
    chinese = pages_of(client, deal, "zh-hans")
    assert {name for name, page in chinese.items() if "公斤" in page} > {
        "agreement",
        "posting",
        "posting_list",
    }
    english = pages_of(client, deal, "en")
    assert {name for name, page in english.items() if "公斤" in page} == set()
    assert {name for name, page in english.items() if "kg" in page} >= {
        "agreement",
        "posting",
        "posting_list",
    }


def test_a_unit_that_nobody_translates_stays_as_it_was_said() -> None:
    walnut = Category.objects.get(pk="goods.walnut")
    with translation.override("en"):
        assert (unit_word(walnut), unit_said("公斤", walnut)) == ("kg", "kg")
        assert unit_said("斤", walnut) != "斤"
        assert (unit_said("筐", walnut), unit_said("筐", None)) == ("筐", "筐")
    assert (unit_word(walnut), unit_said("斤", walnut)) == ("公斤", "斤")


def test_the_register_names_categories_and_units_as_the_exchange_does() -> None:
    home = household()
    resource(home)
    resource(home, category="goods.of.old")
    li = people.li().client()
    pages = [reverse("registry:resource_list"), reverse("registry:household", args=[home.pk])]
    for page in pages:
        text = li.get(page).content.decode()
        assert "核桃" in text
        assert "公斤" in text
        assert ">goods.of.old<" in text  # nobody knows it: it stays as it was written
        assert ">goods.walnut<" not in text
    for page in pages:
        text = li.get(page, headers={"Accept-Language": "en"}).content.decode()
        assert "alnut" in text
        assert "核桃" not in text
    assert people.outsider().client().get(pages[0]).content.decode().count("核桃") == 0


def test_names_of_many_resources_cost_two_queries() -> None:
    codes = list(Category.objects.filter(is_leaf=True).values_list("code", flat=True)[:40])
    with CaptureQueriesContext(connection) as seen:
        assert len(names_of("category", codes)) == 40
        assert names_of("unit", [(code, "筐") for code in codes]).keys() == {(code, "筐") for code in codes}
        assert names_of("category", []) == {}
    assert len(seen) == 2


def test_forms_offer_categories_in_the_reader_s_language() -> None:
    Deal()
    for make in (lambda: RunForm(counties=[]), lambda: EmergencyForm(counties=[])):
        for language, word in (("zh-hans", "核桃"), ("en", "Walnuts")):
            with translation.override(language):
                words = dict(make().fields["category"].choices)
            assert words["goods.walnut"].casefold() == word.casefold()
