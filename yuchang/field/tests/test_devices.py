"""Telephones: made ready, taking along, forgotten PIN, lost."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people, things
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.field.actions import MOST_DEVICES, close_device, hand_key, open_device, take_along
from yuchang.field.models import Device
from yuchang.workbench.actions import see_off

pytestmark = pytest.mark.django_db
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def li():
    return people.li()


def ready(person, name="红米") -> Device:
    return open_device(actor=person.actor, name=name, key=KEY)


def test_the_key_lies_sealed_and_only_its_owner_gets_it_back(li):
    row = ready(li)
    assert KEY.encode() not in bytes(row.key_sealed)
    assert hand_key(actor=li.actor, uid=row.uid)[1] == KEY
    with pytest.raises(Hidden):
        hand_key(actor=people.team_member().actor, uid=row.uid)
    assert AuditEntry.objects.filter(action="field.hand_key").count() == 1


def test_a_lost_telephone_is_closed_and_its_key_is_gone(li):
    row = ready(li)
    close_device(actor=li.actor, device_id=row.pk, version=1)
    row.refresh_from_db()
    assert row.key_sealed is None
    for refused in (
        lambda: hand_key(actor=li.actor, uid=row.uid),
        lambda: take_along(actor=li.actor, uid=row.uid, village_id=people.villages()[0].pk),
        lambda: close_device(actor=li.actor, device_id=row.pk, version=2),
    ):
        with pytest.raises(Conflict, match="停用"):
            refused()
    with pytest.raises(Hidden):
        close_device(actor=people.team_member().actor, device_id=row.pk, version=1)


def test_who_leaves_for_good_leaves_no_telephone_ready(li):
    row, other = ready(li), ready(people.team_member())
    keeper = people.administrator()
    see_off(actor=keeper.actor, user_id=li.user.pk, version=li.user.version, reason="调离", successor_id=None)
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.closed_at is not None and row.key_sealed is None and other.closed_at is None
    assert AuditEntry.objects.filter(action="field.close_devices").count() == 1


def test_a_key_of_another_size_and_a_sixth_telephone_are_refused(li):
    for wrong in ("", "x", "AAAA", "不是密钥"):
        with pytest.raises(Invalid):
            open_device(actor=li.actor, name="", key=wrong)
    for turn in range(MOST_DEVICES):
        ready(li, f"手机{turn}")
    with pytest.raises(Conflict, match="5 部"):
        ready(li)
    with pytest.raises(Refused):
        ready(people.auditor())


def test_past_its_day_a_telephone_takes_nothing_along_until_a_new_pin(li):
    row, village = ready(li), people.villages()[0]
    Device.objects.update(expires_at=clock.now() - timedelta(days=1))
    with pytest.raises(Conflict, match="到期"):
        take_along(actor=li.actor, uid=row.uid, village_id=village.pk)
    hand_key(actor=li.actor, uid=row.uid)
    assert take_along(actor=li.actor, uid=row.uid, village_id=village.pk).households == 0


def test_a_village_goes_along_without_identity_numbers_and_no_other_village_does(li):
    village, other = people.villages()[:2]
    home = things.household(village, name="李阿福")
    things.facts(home, per_head_yuan=5_000)
    things.household(other, name="外村人")
    row = ready(li)
    made = take_along(actor=li.actor, uid=row.uid, village_id=village.pk)
    text = json.dumps(made.content, ensure_ascii=False)
    assert "李阿福" in text and "外村人" not in text and "5,000" in text
    assert not {"id_number", "phone", "health"} & set(made.content["households"][0])
    with pytest.raises(Hidden):
        take_along(actor=li.actor, uid=row.uid, village_id=other.pk)
    entry = AuditEntry.objects.filter(action="field.take_along").latest("id")
    assert '"households":1' in entry.body.replace(" ", "") and entry.place_id == village.pk


def test_what_goes_along_costs_as_many_queries_for_forty_households_as_for_four(li):
    village, row = people.villages()[0], ready(li)
    counts = []
    for size in (4, 36):
        for turn in range(size):
            home = things.household(village, name=f"户主{size}{turn}")
            things.facts(home, per_head_yuan=5_000)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            take_along(actor=li.actor, uid=row.uid, village_id=village.pk)
        counts.append(len(asked))
    assert counts[0] == counts[1], counts


def test_the_window_says_refusals_in_words_and_never_as_a_page(li):
    client = li.client()
    post = lambda name, content: client.post(  # noqa: E731
        reverse(name), content if isinstance(content, str) else json.dumps(content), "application/json"
    )
    for name in ("field:device_open", "field:device_key", "field:take", "field:send"):
        odd = ('{"device": "\\ud800"}', '{"name": "a\\u0000b", "device": "x"}')
        for wrong in ("", "[]", "{", "null", "[" * 5000, *odd, {}, {"device": "x"}):
            answer = post(name, wrong)
            assert answer.status_code == 422, (name, wrong)
            assert answer.json()["message"]
    made = post("field:device_open", {"name": "红米", "key": KEY}).json()
    village = people.villages()[0].pk
    for wrong in ("abc", True, 1.5, [village]):
        assert post("field:take", {"device": made["device"], "village": wrong}).status_code == 422
    assert post("field:take", {"device": made["device"], "village": 10**30}).status_code == 404
    taken = post("field:take", {"device": made["device"], "village": village})
    assert taken.status_code == 200 and taken.json()["households"] == []
    standing = client.get(reverse("field:standing"), {"device": made["device"]}).json()
    assert standing["device"] == "ready" and standing["user"] == li.user.pk and len(standing["villages"]) == 1


def test_a_telephone_is_told_whether_it_is_ready_closed_or_unknown(li):
    row, other = ready(li), ready(people.team_member())
    ask = lambda uid: li.client().get(reverse("field:standing"), {"device": uid}).json()["device"]  # noqa: E731
    assert [ask(row.uid), ask(other.uid), ask(""), ask("x\0")] == ["ready", "unknown", "unknown", "unknown"]
    close_device(actor=li.actor, device_id=row.pk, version=1)
    assert ask(row.uid) == "closed"


def test_the_page_of_the_telephone_names_nobody_and_the_worker_keeps_every_file_of_it(li, client):
    page = li.client().get(reverse("field:phone")).content.decode()
    assert li.user.display_name not in page and "csrfmiddlewaretoken" not in page
    script = client.get(reverse("field:worker")).content.decode()
    for name in ("field.js", "field-vault.js", "field.css", "dexie.min.js"):
        assert name in script and name in page
    assert client.get(reverse("field:manifest")).json()["start_url"] == reverse("field:phone")


def test_the_page_of_the_telephone_is_wholly_english_for_who_reads_english(li):
    page = li.client().get(reverse("field:phone"), headers={"accept-language": "en"}).content.decode()
    left = re.findall(r"[\u4e00-\u9fff]+", page.replace("渔场", ""))
    assert not left, left


def test_ones_own_telephones_are_listed_and_nobody_elses(li):
    ready(li, "红米")
    ready(people.team_member(), "华为")
    page = li.client().get(reverse("field:devices")).content.decode()
    assert "红米" in page and "华为" not in page


def test_the_database_keeps_no_key_of_a_closed_telephone(li):
    row = ready(li)
    with pytest.raises(DatabaseError), transaction.atomic():
        Device.objects.filter(pk=row.pk).update(closed_at=clock.now())
