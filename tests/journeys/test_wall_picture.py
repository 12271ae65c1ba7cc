"""The flow of money on the county's wall screen can be read, however many small flows there are."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Route

from tests.journeys.helpers import answer_file

pytestmark = pytest.mark.journey
HOST = "http://testserver"
PAGE = """<!doctype html><html lang="zh-hans"><head><meta charset="utf-8">
<link rel="stylesheet" href="/static/css/yuchang.css"><link rel="stylesheet" href="/static/css/wall.css">
<script src="/static/vendor/echarts/echarts.min.js" defer></script><script src="/static/js/charts.js" defer></script>
</head><body class="wall-body"><div class="wall"><header class="wall-head"><h1>成县</h1></header>
<main class="wall-main"><section class="wall-tiles">{tiles}</section><section class="wall-map"></section>
<section class="wall-flows"><h2>今年的钱</h2><div class="chart" data-chart="sankey" data-source="flows" data-bare="1">
</div></section><section class="wall-months"></section><section class="wall-causes"></section></main></div>
<script type="application/json" id="flows">{flows}</script></body></html>"""
TILE = '<div class="wall-tile"><p>户</p><strong>1,234</strong></div>'
# Every word drawn in the picture, with its rectangle; and the picture's own.
WORDS = """() => [...document.querySelectorAll(".wall-flows svg text")].map((t) => {
    const r = t.getBoundingClientRect(); return [t.textContent, r.left, r.top, r.right, r.bottom]; })"""


def flows(towns: int) -> dict[str, Any]:
    """What ``ledger.queries.money_flows`` says of a county with many towns, most of which sold little."""
    links: dict[tuple[str, str], int] = {}
    kinds = ("机关食堂", "学校食堂", "批发市场和商超", "电商平台", "企业工会", "个人", "其他")
    bands = ("500 元以下", "500–2,000 元", "2,000–5,000 元", "5,000–20,000 元", "20,000 元以上")
    for n in range(towns * 7):
        fen = 40_000_000 // (1 + n) ** 2 + 100 * n
        way = ("渠道：本平台预售", "卖农产品") if n % 3 else ("渠道：供需撮合协议", "务工")
        path = (f"买方：{kinds[n % 7]}", *way, f"第{n % towns + 1}镇", f"农户 {bands[n % 5]}")
        for step in pairwise(path):
            links[step] = links.get(step, 0) + fen
    for name in ("合作社服务费", "物流费", "平台服务费", "平台留存与尾差"):
        links[("渠道：本平台预售", name)] = 1_300
    names = list(dict.fromkeys(name for step in links for name in step))
    return {
        "nodes": [{"name": name} for name in names],
        "links": [{"source": a, "target": b, "value": fen} for (a, b), fen in links.items()],
        "unit": "fen",
    }


def answer(route: Route) -> None:
    address = route.request.url.removeprefix(HOST)
    if address.startswith(settings.STATIC_URL):
        answer_file(route, address)
    else:
        text = PAGE.format(tiles=TILE * 10, flows=json.dumps(flows(28)))
        route.fulfill(body=text, content_type="text/html; charset=utf-8")


def overlaps(words: list[tuple[str, float, float, float, float]]) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other by more than a hair."""
    return [
        (a[0], b[0])
        for a, b in combinations(words, 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[2], b[2]) > 2
    ]


@pytest.fixture
def wall(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.route("**/*", answer)
    page.goto(HOST + "/")
    page.wait_for_selector("[data-ready]")
    return page


def test_no_words_of_the_picture_lie_on_each_other_on_a_wall_or_a_desk(wall: Page) -> None:
    for width, height in ((1920, 1080), (1366, 768)):
        wall.set_viewport_size({"width": width, "height": height})
        wall.reload()
        wall.wait_for_selector("[data-ready]")
        words = wall.evaluate(WORDS)
        assert overlaps(words) == []
        assert len(words) > 20 and any("其他" in word[0] and "项" in word[0] for word in words)
    wall.set_viewport_size({"width": 1920, "height": 1080})
    wall.wait_for_function(f"({WORDS})().length > {len(words)}")  # drawn anew for the room it has
    assert overlaps(wall.evaluate(WORDS)) == []
    wall.close()
