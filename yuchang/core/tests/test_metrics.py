"""Metrics name addresses and nothing else; slow statements are logged without their values; a token guards."""

import logging

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from prometheus_client import REGISTRY

from tests.people import wang
from yuchang.core.database import base
from yuchang.core.management.commands.serve_metrics import application
from yuchang.core.readings import readings
from yuchang.core.views import server_error


def count(view, status="2xx", method="GET"):
    labels = {"view": view, "method": method, "status": status}
    return REGISTRY.get_sample_value("yuchang_request_seconds_count", labels) or 0


@pytest.mark.django_db
def test_a_request_counts_under_the_name_of_its_address_with_its_statements():
    browser = wang().client()
    before = count("registry:household_list")
    statements = {"view": "registry:household_list"}
    asked = REGISTRY.get_sample_value("yuchang_request_statements_sum", statements) or 0
    assert browser.get("/registry/?q=王小满").status_code == 200
    assert count("registry:household_list") == before + 1
    assert REGISTRY.get_sample_value("yuchang_request_statements_sum", statements) > asked
    every = {str(sample.labels) for family in REGISTRY.collect() for sample in family.samples}
    assert not any("王小满" in labels for labels in every)


@pytest.mark.django_db
def test_unknown_addresses_share_one_name():
    before = count("-", "4xx")
    wang().client().get("/no/such/王小满")
    assert count("-", "4xx") == before + 1


@pytest.mark.django_db
def test_a_slow_statement_is_logged_with_its_placeholders_and_without_its_values(monkeypatch, caplog):
    monkeypatch.setattr(base, "SLOW_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, logger="yuchang.slow"), connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s", ["王小满", 13800000000])
    said = caplog.records[-1].getMessage()
    assert "SELECT %s, %s" in said
    assert "2 values masked" in said
    assert "王小满" not in said


@pytest.mark.django_db
def test_a_quick_statement_is_not_logged(caplog):
    with caplog.at_level(logging.WARNING, logger="yuchang.slow"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert [record for record in caplog.records if record.name == "yuchang.slow"] == []


def scrape(app, token="", path="/metrics"):
    told = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    body = b"".join(app(environ, lambda status, headers, *rest: told.append(status)))
    return told[0], body.decode()


@pytest.mark.django_db(transaction=True)
def test_prometheus_reads_the_state_of_tasks_log_and_disk():
    status, body = scrape(application(""))
    assert status.startswith("200")
    assert "yuchang_up 1.0" in body
    for name in ("yuchang_audit_waiting", "yuchang_database_sessions", "yuchang_disk_free_bytes"):
        assert name in body


@pytest.mark.parametrize("given", ["", "wrong"])
def test_without_the_right_token_nothing_is_told(given):
    status, body = scrape(application("right"), given)
    assert status.startswith("401")
    assert "yuchang_" not in body


@pytest.mark.django_db(transaction=True)
def test_with_the_token_and_only_at_its_address():
    assert scrape(application("right"), "right")[0].startswith("200")
    assert scrape(application("right"), "right", "/other")[0].startswith("404")


@pytest.mark.django_db
def test_no_reading_names_a_place_or_a_person():
    allowed = {"status", "queue"}
    assert {name for reading in readings() for name, _value in reading.labels} <= allowed


def page_for(error):
    try:
        raise error
    except Exception:  # noqa: BLE001 - as Django does
        return server_error(RequestFactory().get("/"))


def test_a_database_that_is_away_is_503_with_the_advice_to_try_again():
    page = page_for(OperationalError("server closed the connection"))
    assert page.status_code == 503
    assert page["Retry-After"]
    assert page_for(ValueError("our mistake")).status_code == 500


@pytest.mark.django_db
def test_metrics_are_no_page_of_the_platform():
    assert Client().get("/metrics").status_code in (302, 404)
    assert wang().client().get("/metrics").status_code == 404
