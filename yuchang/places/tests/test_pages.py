"""The pages of places: what they show, to whom, at what cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.people import CHENG, county, li, villages
from yuchang.places.models import Place

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """李村干's browser: any role may read places."""
    return li().client()


def cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


ADDRESSES = ["/places/", f"/places/{int(CHENG)}", "/places/map", "/places/outline/china.json"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_stranger_is_sent_to_sign_in(address: str, db: None) -> None:
    response = Client().get(address)
    assert response.status_code == 302
    assert "sign-in" in response["Location"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_reading_is_all_that_can_be_done(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


def test_the_search_page_begins_with_the_provinces(client: Client) -> None:
    page = client.get("/places/").content.decode()
    assert "甘肃省" in page
    assert 'data-arrows-into="found"' in page


def test_results_come_alone_while_typing_and_as_a_page_after_enter(client: Client) -> None:
    part = client.get("/places/?q=成县", headers={"HX-Request": "true"}).content.decode()
    whole = client.get("/places/?q=成县").content.decode()
    assert f"/places/{int(CHENG)}" in part and "<html" not in part
    assert f"/places/{int(CHENG)}" in whole and "<html" in whole


def test_a_search_without_result_says_what_to_try(client: Client) -> None:
    assert "请少输几个字" in client.get("/places/?q=没有这个地方").content.decode()


def test_a_county_page_shows_where_it_lies_what_lies_in_it_and_who_is_near(client: Client) -> None:
    page = client.get(f"/places/{int(CHENG)}").content.decode()
    for text in ("甘肃省", "陇南市", "城关镇", "徽县", "621221000000", "832个国家级贫困县", "大圆距离"):
        assert text in page, text
    assert f'hx-get="/places/{int(CHENG)}/loop"' in page


def test_neighbours_are_in_order_of_distance(client: Client) -> None:
    near = client.get(f"/places/{int(CHENG)}").context["neighbours"]
    assert [n.kilometres for n in near] == sorted(n.kilometres for n in near)
    assert {"徽县", "西和县", "康县"} <= {n.place.name for n in near[:5]}
    assert 20 < near[0].kilometres < 60


def test_an_ended_county_names_its_successor(client: Client) -> None:
    old = Place.objects.get(code="130721000000")
    page = client.get(f"/places/{old.pk}").content.decode()
    assert "今天对应的地区" in page
    assert "宣化区" in page
    assert "撤县(市)设区" in page


def test_a_merged_county_says_under_which_names_it_was_listed(client: Client) -> None:
    page = client.get("/places/632803000000").content.decode()
    assert "冷湖行委" in page and "茫崖行委" in page


def test_a_place_that_is_none_is_not_found(client: Client) -> None:
    assert client.get("/places/1").status_code == 404


def test_children_are_paged(client: Client) -> None:
    province = client.get("/places/410000000000")
    assert not province.context["page"].next
    prefecture = Place.objects.filter(level=2, name="县").first()  # the counties of 重庆
    assert prefecture is not None
    heavy = client.get("/places/130100000000").context["page"]
    assert [c.code for c in heavy.items] == sorted(c.code for c in heavy.items)


def test_a_long_list_of_children_costs_no_more_statements_than_a_short_one(client: Client) -> None:
    counts: dict[int, list[int]] = {}
    for township in Place.objects.filter(level=4, county_id=county().pk):
        counts.setdefault(Place.objects.filter(parent=township).count(), []).append(township.pk)
    few, many = min(counts), max(counts)
    assert many >= few * 3
    client.get(f"/places/{counts[few][0]}")
    assert cost(client, f"/places/{counts[few][0]}") == cost(client, f"/places/{counts[many][0]}")


def test_many_results_cost_no_more_statements_than_few(client: Client) -> None:
    client.get("/places/?q=cx")
    assert cost(client, "/places/?q=chengxian") == cost(client, "/places/?q=c")


def test_the_map_of_the_country_counts_the_832_by_province(client: Client) -> None:
    response = client.get("/places/map")
    assert response.context["total"] == 832
    drawing = json.loads(json.dumps(response.context["drawing"]))
    gansu = next(v for v in drawing["values"] if v["name"] == "甘肃省")
    assert gansu["value"] == 58
    assert gansu["url"] == "/places/map?area=620000000000"
    assert "审图号" in response.content.decode()


def test_the_map_of_a_province_shows_its_counties_as_points(client: Client) -> None:
    drawing = client.get("/places/map?area=62").context["drawing"]
    cheng = next(p for p in drawing["points"] if p["code"] == CHENG)
    assert cheng["value"] == 2018
    assert 105 < cheng["at"][0] < 106.2


def test_a_map_of_a_township_or_of_nothing_is_refused_with_a_way_on(client: Client) -> None:
    for area in (villages()[0].code, "abc", "99"):
        response = client.get(f"/places/map?area={area}")
        assert response.status_code == 404
        assert "逐级点开" in response.content.decode()


def codes(response: Any) -> dict[str, str]:
    features = json.loads(response.content)["features"]
    return {f["properties"]["code"]: f["properties"]["name"] for f in features}


def test_the_outline_of_the_country_has_every_province_once(client: Client) -> None:
    response = client.get("/places/outline/china.json")
    found = codes(response)
    assert len(found) == 34
    assert found["620000000000"] == "甘肃省"
    assert found["710000000000"] == "台湾"
    assert json.loads(response.content)["source"] == "package"


def test_the_outlines_of_a_province_bear_the_codes_of_today(client: Client) -> None:
    tibet = codes(client.get("/places/outline/54.json"))
    assert tibet["540600000000"] == "那曲市"  # the package still says 那曲地区 542400
    assert "542400000000" not in tibet


def test_the_outline_of_a_prefecture_or_county_is_the_smallest_that_shows_it(client: Client) -> None:
    assert codes(client.get("/places/outline/6212.json")) == {"621200000000": "陇南市"}
    assert codes(client.get("/places/outline/621221.json")) == {"621200000000": "陇南市"}


def test_an_unchanged_outline_is_not_sent_twice(client: Client) -> None:
    first = client.get("/places/outline/62.json")
    again = client.get("/places/outline/62.json", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert not again.content


def test_an_outline_of_nothing_is_not_found(client: Client) -> None:
    assert client.get("/places/outline/gansu.json").status_code == 404


def test_the_approved_file_of_the_operator_replaces_the_package(
    client: Client, tmp_path: Path, settings: Any
) -> None:
    settings.MAP_DIR = tmp_path
    square = {"type": "Polygon", "coordinates": [[[105, 33], [106, 33], [106, 34], [105, 33]]]}
    feature = {"type": "Feature", "properties": {"adcode": 621221, "name": "成县"}, "geometry": square}
    document = {"type": "FeatureCollection", "review_number": "GS(2026)0000号", "features": [feature]}
    (tmp_path / "621200.json").write_text(json.dumps(document))
    response = client.get("/places/outline/6212.json")
    assert codes(response) == {CHENG: "成县"}
    assert json.loads(response.content)["source"] == "operator"
    assert json.loads(response.content)["review_number"] == "GS(2026)0000号"


def test_a_broken_file_of_the_operator_is_reported_and_not_shown(
    client: Client, tmp_path: Path, settings: Any, caplog: Any
) -> None:
    settings.MAP_DIR = tmp_path
    (tmp_path / "china.json").write_text("{}")
    assert len(codes(client.get("/places/outline/china.json"))) == 34
    assert "china.json" in caplog.text
