"""An error is a page that says what is wrong and what to do, with the right status and the request's id."""

import ast
import re

import pytest
from babel.messages.pofile import read_po
from django.db import DataError
from django.http import HttpResponse
from django.test import RequestFactory

from config.environment import ROOT
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, Stale, YuchangError, invalid
from yuchang.core.middleware import ErrorPagesMiddleware, RequestIdMiddleware, request_id
from yuchang.core.models import Instance

ERRORS = [
    (YuchangError("办不了", remedy="换个办法"), 400),
    (Refused("不归您管", remedy="请找县里"), 403),
    (Hidden("没有这一户", remedy="请核对编号"), 404),
    (Stale("已被他人修改", remedy="请刷新"), 409),
    (Conflict("已经卖完", remedy="请看下一轮"), 409),
]


def page_for(error):
    request = RequestFactory().get("/registry/")
    return ErrorPagesMiddleware(lambda r: HttpResponse()).process_exception(request, error)


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_a_refusal_says_what_is_wrong_and_what_to_do(db, error, status):
    page = page_for(error)
    text = page.content.decode()
    assert page.status_code == status
    assert error.message in text
    assert error.remedy in text


def test_invalid_input_names_every_problem(db):
    page = page_for(Invalid([Problem("size", "人数不能为零", "请填写人数"), Problem("name", "缺少姓名")]))
    assert page.status_code == 422
    for words in ("人数不能为零", "请填写人数", "缺少姓名"):
        assert words in page.content.decode()


def test_what_a_message_quotes_cannot_become_markup(db):
    assert b"<script>" not in page_for(Refused("<script>alert(1)</script>")).content


def test_one_problem_is_quickly_said():
    error = invalid("size", "人数不能为零")
    assert (error.status, str(error), error.problems[0].field) == (422, "人数不能为零", "size")


def test_other_exceptions_are_left_to_the_server(db):
    assert page_for(ValueError("a mistake of ours")) is None


@pytest.mark.parametrize(
    ("given", "kept"), [("a1b2-c3d4", True), ("short", False), ("x\r\ny: 1", False), ("", False)]
)
def test_every_reply_carries_a_request_id(given, kept):
    seen = []

    def view(request):
        seen.append(request_id.get())
        return HttpResponse()

    request = RequestFactory().get("/", headers={"X-Request-Id": given} if given else {})
    reply = RequestIdMiddleware(view)(request)
    assert reply["X-Request-Id"] == seen[0]
    assert (seen[0] == given) == kept
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", seen[0])


def test_an_unknown_address_is_a_page_that_helps(client, db):
    reply = client.get("/no/such/address")
    assert reply.status_code == 404
    assert reply["X-Request-Id"] in reply.content.decode()
    assert reply["Cache-Control"] == "no-store"


def test_every_sentence_of_the_core_has_its_english():
    catalogue = read_po((ROOT / "yuchang/core/locale/en/LC_MESSAGES/django.po").open("rb"))
    said = {message.id for message in catalogue if message.string}
    wanted = set()
    for path in (ROOT / "yuchang" / "core").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                wanted.add(node.args[0].value)
    assert wanted
    assert wanted <= said


def test_a_sign_that_no_text_may_hold_is_refused_and_every_other_mistake_is_still_ours(db):
    with pytest.raises(DataError) as caught:
        list(Instance.objects.filter(name="\x00"))
    assert page_for(caught.value).status_code == 422
    assert page_for(DataError("value out of range")) is None
