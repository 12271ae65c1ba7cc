"""Files on pages: attached where an object is shown, downloaded as attachments, listed at a constant cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core.errors import Hidden
from yuchang.files import queries
from yuchang.files.models import StoredFile
from yuchang.files.tests import hostile
from yuchang.files.tests.test_taking_in import take, upload

pytestmark = pytest.mark.django_db


def token(person: people.Person, about_id: int = 7) -> str:
    wanted = queries.Attachment("household_document", "household", about_id, people.villages()[0].pk)
    return queries.attach_token(person.actor, wanted)


def test_a_download_is_an_attachment_that_no_browser_runs() -> None:
    li = people.li()
    row = take(li, hostile.pdf(), "王小满 证明𠮷.pdf")
    response = li.client().get(reverse("files:download", args=[row.pk]))
    assert response.content == hostile.pdf()
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "private, no-store"
    name = response["Content-Disposition"]
    assert name.startswith(f"attachment; filename=\"file-{row.pk}.pdf\"; filename*=UTF-8''%E7%8E%8B")
    assert name.isascii()


def test_a_thumbnail_is_a_small_jpeg() -> None:
    li = people.li()
    row = take(li, hostile.photo_with_gps())
    response = li.client().get(reverse("files:thumbnail", args=[row.pk]))
    assert (response["Content-Type"], response.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    plain = take(li, hostile.pdf(), "a.pdf")
    assert li.client().get(reverse("files:thumbnail", args=[plain.pk])).status_code == 404


def test_a_page_attaches_for_its_object_and_person_only() -> None:
    li, wang = people.li(), people.wang()
    page = {"token": token(li), "file": upload(), "next": "/registry/"}
    assert wang.client().post(reverse("files:upload"), page).status_code == 404
    page["file"] = upload()
    page["token"] = f"{token(li)}x"
    assert li.client().post(reverse("files:upload"), page).status_code == 404
    page["file"], page["token"] = [upload(), upload(hostile.pdf(), "a.pdf")], token(li)
    response = li.client().post(reverse("files:upload"), page)
    assert (response.status_code, response["Location"]) == (302, "/registry/")
    assert StoredFile.objects.filter(about_id=7, state="ready").count() == 2


def test_an_old_permit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    li = people.li()
    given = token(li)
    monkeypatch.setattr(queries, "TOKEN_SECONDS", -1)
    with pytest.raises(Hidden):
        queries.read_token(li.actor, given)


def test_a_refusal_is_said_on_the_page_and_leads_nowhere_else() -> None:
    li = people.li()
    page = {"token": token(li), "file": upload(b"<svg/>", "a.png"), "next": "https://evil.example/"}
    response = li.client().post(reverse("files:upload"), page, follow=True)
    assert response.redirect_chain == [(reverse("files:index"), 302)]
    assert "a.png" in response.content.decode()
    assert StoredFile.objects.get().state == "refused"


def rendered(person: people.Person, purpose: str = "household_document") -> str:
    request = RequestFactory().get("/")
    request.actor = person.actor
    text = '{% load attachments %}{% attachments "household" 7 place purpose %}'
    context = Context({"request": request, "place": people.villages()[0], "purpose": purpose})
    return Template(text).render(context)


def test_the_component_lists_what_the_reader_may_see_and_offers_what_he_may_add() -> None:
    row = take(people.li())
    assert reverse("files:download", args=[row.pk]) in rendered(people.li())
    assert 'type="file"' in rendered(people.li())
    assert reverse("files:download", args=[row.pk]) not in rendered(people.outsider())
    assert 'type="file"' not in rendered(people.auditor())


def test_a_file_is_removed_with_its_reason_and_a_stale_page_is_told() -> None:
    li = people.li()
    row = take(li)
    address = reverse("files:remove", args=[row.pk])
    assert li.client().post(address, {"version": row.version - 1, "reason": "x"}).status_code == 409
    assert li.client().post(address, {"version": row.version, "reason": ""}).status_code == 422
    assert li.client().post(address, {"version": row.version, "reason": "重复"}).status_code == 302
    page = li.client().get(reverse("files:file", args=[row.pk])).content.decode()
    assert "重复" in page
    assert "照片.jpg" not in page


def queries_of(client: Any, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_the_list_costs_the_same_for_five_and_for_sixty() -> None:
    li = people.li()
    first = take(li)
    values = {f.name: getattr(first, f.name) for f in StoredFile._meta.fields if f.name not in ("id", "uid")}

    def copies(count: int) -> None:
        StoredFile.objects.bulk_create([StoredFile(**values) for _ in range(count)])

    copies(4)
    client, address = li.client(), reverse("files:index")
    few = queries_of(client, address)
    copies(55)
    assert queries_of(client, address) == few


def test_the_administrator_sees_the_store_without_names(settings: Any) -> None:
    take(people.li(), title="王小满")
    page = people.administrator().client().get(reverse("files:status")).content.decode()
    assert "未配置" in page
    assert "王小满" not in page
    settings.FILES_SCANNER = "clamdscan"
    assert "已配置" in people.administrator().client().get(reverse("files:status")).content.decode()
