"""Signing in: second factors, sessions, invitations, old and weak passwords, no oracle for names."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from tests import people
from yuchang.accounts import actions, factors
from yuchang.accounts.entry import PROVEN
from yuchang.accounts.models import Invitation, Passkey, RecoveryCode, RoleGrant, SignIn, TotpDevice, User
from yuchang.accounts.queries import is_password_old, sessions_of
from yuchang.accounts.rules import Actor, Role
from yuchang.accounts.tests.makers import approved, guard, keeper, now
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry

PASSWORD = "Yu-chang-2026"


def somebody(role: Role = Role.COUNTY_OFFICER) -> User:
    user = people.person("王专员", role, place=people.county()).user
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(user: User, password: str = PASSWORD) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/accounts/sign-in", {"username": user.username, "password": password})


def enrolled(user: User) -> tuple[str, list[str]]:
    """The secret and the recovery codes of a person with an authenticator."""
    actor = Actor(user.pk, user.display_name)
    secret = actions.begin_totp(actor=actor)
    return secret, actions.confirm_totp(actor=actor, code=factors.code_at(secret, time.time() - 30))


def test_the_second_step_stands_between_the_password_and_the_pages(db: None) -> None:
    user = somebody()
    secret, _codes = enrolled(user)
    client, answer = sign_in(user)
    assert answer["Location"] == "/accounts/second-step"
    assert client.get("/dashboard").status_code == 302  # not signed in yet
    wrong = client.post("/accounts/second-step", {"code": "000000"})
    assert wrong.status_code == 200 and "sessionid" in client.cookies
    assert client.get("/dashboard").status_code == 302
    done = client.post("/accounts/second-step", {"code": factors.code_at(secret, time.time())})
    assert done.status_code == 302 and client.get("/dashboard").status_code == 200
    assert AuditEntry.objects.filter(action="accounts.sign_in", actor_id=user.pk).count() == 1


def test_a_code_is_good_once_and_the_secret_is_nowhere_in_the_clear(db: None) -> None:
    user = somebody()
    secret, _codes = enrolled(user)
    code = factors.code_at(secret, time.time())
    assert actions.pass_totp(user_id=user.pk, code=code)
    assert not actions.pass_totp(user_id=user.pk, code=code)
    assert secret.encode() not in bytes(TotpDevice.objects.get(user=user).secret_sealed)
    assert not AuditEntry.objects.filter(body__contains=secret).exists()


def test_the_published_values_of_the_standard() -> None:
    """RFC 6238 appendix B, SHA-1, the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for at, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert factors.code_at(secret, at) == code
        assert factors.accepted_step(secret, code, 0, at) == at // 30
        assert factors.accepted_step(secret, code, at // 30, at) is None
        assert factors.accepted_step(secret, code, 0, at + 90) is None


def test_five_wrong_codes_lock_the_second_step_for_everything(db: None) -> None:
    user = somebody()
    secret, codes = enrolled(user)
    for _try in range(5):
        assert not actions.pass_totp(user_id=user.pk, code="000000")
    assert not actions.pass_totp(user_id=user.pk, code=factors.code_at(secret, time.time()))
    assert not actions.pass_recovery_code(user_id=user.pk, code=codes[0])
    User.objects.filter(pk=user.pk).update(second_step_locked_until=factors.real_now())
    assert actions.pass_totp(user_id=user.pk, code=factors.code_at(secret, time.time()))


def test_a_recovery_code_is_good_once_and_only_for_its_owner(db: None) -> None:
    user, other = somebody(), somebody()
    _secret, codes = enrolled(user)
    assert not actions.pass_recovery_code(user_id=other.pk, code=codes[0])
    client, _answer = sign_in(user)
    assert client.post("/accounts/second-step", {"code": codes[0].upper()}).status_code == 302
    assert client.get("/dashboard").status_code == 200
    assert not actions.pass_recovery_code(user_id=user.pk, code=codes[0])
    assert RecoveryCode.objects.filter(user=user, used_at=None).count() == 9


def test_the_time_between_the_two_steps_is_short(db: None) -> None:
    user = somebody()
    secret, _codes = enrolled(user)
    client, _answer = sign_in(user)
    session = client.session
    session["second_step"] = {**session["second_step"], "at": int(time.time()) - 301}
    session.save()
    assert (
        client.post("/accounts/second-step", {"code": factors.code_at(secret, time.time())}).status_code
        == 404
    )
    assert Client().get("/accounts/second-step").status_code == 404


def test_a_role_that_asks_for_it_enrols_before_anything_else(db: None, settings: Any) -> None:
    settings.MFA_ROLES = ("county_officer",)
    officer, cadre = people.wang(), people.li()
    client = officer.client()
    assert client.get("/dashboard")["Location"] == "/accounts/me"
    assert client.get("/accounts/me").status_code == 200
    assert client.get("/accounts/me/authenticator").status_code == 200
    enrolled(officer.user)
    assert client.get("/dashboard").status_code == 200
    assert cadre.client().get("/dashboard").status_code == 200


def test_a_role_approved_while_somebody_works_asks_for_it_at_once(db: None, settings: Any) -> None:
    settings.MFA_ROLES = ("county_officer",)
    li = people.li()
    client = li.client()
    assert client.get("/dashboard").status_code == 200
    RoleGrant.objects.create(
        user=li.user,
        role=Role.COUNTY_OFFICER,
        scope_kind="place",
        place=people.county(),
        valid_from=people.FROM,
    )
    assert client.get("/dashboard")["Location"] == "/accounts/me"
    enrolled(li.user)
    assert client.get("/dashboard").status_code == 200


def test_a_lost_telephone_is_a_matter_for_the_administrator(db: None) -> None:
    user = somebody()
    enrolled(user)
    sign_in(user)
    with pytest.raises(Refused):
        actions.remove_second_factors(actor=people.zhang().actor, user_id=user.pk, version=1)
    with pytest.raises(Stale):
        actions.remove_second_factors(actor=keeper(), user_id=user.pk, version=99)
    user.refresh_from_db()
    actions.remove_second_factors(actor=keeper(), user_id=user.pk, version=user.version)
    _client, answer = sign_in(user)
    assert answer["Location"] == "/"


def test_own_factors_go_with_the_password_only(db: None) -> None:
    user = somebody()
    enrolled(user)
    with pytest.raises(Invalid):
        actions.remove_own_factors(actor=Actor(user.pk, ""), password="wrong")
    actions.remove_own_factors(actor=Actor(user.pk, ""), password=PASSWORD)
    assert not TotpDevice.objects.filter(user=user).exists()
    with pytest.raises(Conflict):
        actions.confirm_totp(actor=Actor(user.pk, ""), code="123456")


def test_every_sign_in_is_listed_and_can_be_ended_from_elsewhere(db: None) -> None:
    user = somebody()
    one, two = sign_in(user)[0], sign_in(user)[0]
    assert sessions_of(user.pk).count() == 2
    stranger = somebody()
    assert (
        sign_in(stranger)[0]
        .post(f"/accounts/me/sessions/{SignIn.objects.filter(user=user).latest('id').pk}/end")
        .status_code
        == 404
    )
    assert one.post("/accounts/me/sign-out-everywhere").status_code == 302
    assert one.get("/dashboard").status_code == 200
    assert two.get("/dashboard").status_code == 302


def test_disabling_a_person_ends_every_session_within_a_second(db: None) -> None:
    user = somebody()
    client, _answer = sign_in(user)
    assert client.get("/dashboard").status_code == 200
    user.refresh_from_db()
    began = time.monotonic()
    actions.deactivate_user(actor=keeper(), user_id=user.pk, version=user.version, reason="调离")
    assert client.get("/dashboard").status_code == 302
    assert time.monotonic() - began < 1 and not SignIn.objects.filter(user=user).exists()


def test_a_session_ends_after_thirty_idle_minutes(db: None, settings: Any) -> None:
    client, _answer = sign_in(somebody())
    assert settings.SESSION_COOKIE_AGE == 30 * 60
    Session.objects.update(expire_date=factors.real_now() - timedelta(seconds=1))
    assert client.get("/dashboard").status_code == 302


@pytest.mark.parametrize(
    "weak", ["Password2026!", "P@ssw0rd!!!1", "Qwertyuiop1!", "Iloveyou-123", "Welcome@2026"]
)
def test_common_passwords_are_refused_however_dressed(weak: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(weak)


def test_the_three_thousand_commonest_are_refused() -> None:
    words = list(CommonPasswordValidator().passwords)[:3000]
    for word in words:
        with pytest.raises(ValidationError):
            validate_password(word)


def test_an_old_password_must_be_changed_first(db: None, settings: Any) -> None:
    settings.PASSWORD_MAX_DAYS = 90
    user = somebody()
    User.objects.filter(pk=user.pk).update(password_changed_at=factors.real_now() - timedelta(days=91))
    client, _answer = sign_in(user)
    assert client.get("/dashboard")["Location"] == "/accounts/password"
    settings.PASSWORD_MAX_DAYS = 0
    assert not is_password_old(User.objects.get(pk=user.pk))


def test_the_time_of_an_answer_does_not_tell_which_names_exist(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known, unknown and closed names cost the same: one argon2 computation with the same parameters.

    The hash takes nearly all of the time of an answer; counting it says the same as a clock, without noise.
    """
    user, closed = somebody(), somebody()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    work: list[tuple[object, ...]] = []
    encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify

    def counted_encode(hasher: Any, password: str, salt: str) -> str:
        given = hasher.params()
        work.append((given.time_cost, given.memory_cost, given.parallelism, given.hash_len))
        return encode(hasher, password, salt)

    def counted_verify(hasher: Any, password: str, encoded: str) -> bool:
        given = hasher.decode(encoded)["params"]
        work.append((given.time_cost, given.memory_cost, given.parallelism, given.hash_len))
        return verify(hasher, password, encoded)

    monkeypatch.setattr(Argon2PasswordHasher, "encode", counted_encode)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", counted_verify)
    done = {}
    for name in (user.username, "nobody-at-all", closed.username):
        work.clear()
        answer = Client().post("/accounts/sign-in", {"username": name, "password": "wrong"})
        assert answer.status_code == 200
        done[name] = tuple(work)
    assert len(set(done.values())) == 1 and len(done[user.username]) == 1, done


def test_an_invitation_works_once_and_its_right_waits_for_a_second_person(db: None) -> None:
    row, code = actions.invite(
        actor=keeper(), display_name="新同事", role=Role.VILLAGE_CADRE, place_id=people.villages()[0].pk
    )
    assert code.encode() not in bytes(row.code_hash)
    client = Client()
    form = {"username": "invited", "new": "Strong-pass-1", "again": "Strong-pass-1"}
    assert client.get(f"/accounts/join/{code}").status_code == 200
    assert client.post(f"/accounts/join/{code}", {**form, "new": "weak", "again": "weak"}).status_code == 200
    assert client.post(f"/accounts/join/{code}", form)["Location"] == "/accounts/sign-in"
    assert client.post(f"/accounts/join/{code}", form).status_code == 404
    user = User.objects.get(username="invited")
    assert not now(user).grants
    approved("grant", user.role_grants.get())
    assert now(user).has_role(Role.VILLAGE_CADRE)


def test_an_invitation_runs_out_or_is_taken_back(db: None) -> None:
    row, code = actions.invite(
        actor=keeper(), display_name="新同事", role=Role.VILLAGE_CADRE, place_id=people.villages()[0].pk
    )
    Invitation.objects.filter(pk=row.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(Hidden):
        actions.accept_invitation(code=code, username="late", password="Strong-pass-1")
    other, code = actions.invite(
        actor=keeper(), display_name="新同事", role=Role.VILLAGE_CADRE, place_id=people.villages()[0].pk
    )
    actions.cancel_invitation(actor=keeper(), invitation_id=other.pk, version=1)
    with pytest.raises(Hidden):
        actions.accept_invitation(code=code, username="late", password="Strong-pass-1")
    for actor in (guard(), people.wang().actor):
        with pytest.raises(Refused):
            actions.invite(actor=actor, display_name="x", role=Role.VILLAGE_CADRE, place_id=1)
    with pytest.raises(Invalid, match="不在您的管辖范围内"):
        actions.invite(
            actor=keeper(),
            display_name="x",
            role=Role.VILLAGE_CADRE,
            place_id=people.villages(people.WEN)[0].pk,
        )


def test_the_picture_of_the_secret_is_served_by_the_page_itself(db: None) -> None:
    client = people.wang().client()
    client.post("/accounts/me/authenticator", {"begin": "1"})
    page = client.get("/accounts/me/authenticator").content.decode()
    assert re.search(r'<img class="qr" src="data:image/svg\+xml', page)
    assert not re.search(r'(src|href)="https?://', page)


def test_the_first_page_asks_and_answers_in_the_language_of_the_others(db: None) -> None:
    given = {"username": "谁", "password": "wrong"}
    for language, label, answer in (
        ("zh-hans", "登录名", "登录名或密码不对。"),
        ("en", "Sign-in name", "The sign-in name or the password is wrong."),
    ):
        page = Client(headers={"accept-language": language}).post("/accounts/sign-in", given)
        text = page.content.decode()
        assert label in text and answer in text, language
        assert "Username" not in text and "username和" not in text


class _Key:
    """What a device answers, where the signature is not the matter."""

    def __init__(self, name: bytes) -> None:
        self.credential_id = name

    def __bytes__(self) -> bytes:
        return self.credential_id

    @property
    def credential_data(self) -> _Key:
        return self

    def register_complete(self, _state: Any, _response: Any) -> _Key:
        return self


def added(user: User, name: bytes) -> tuple[Passkey, list[str]]:
    return actions.add_passkey(
        actor=Actor(user.pk, ""),
        server=_Key(name),  # type: ignore[arg-type]
        state=None,
        response={},
        name=name.decode(),
    )


def test_the_first_factor_brings_recovery_codes_and_the_next_keeps_them(db: None) -> None:
    user = somebody()
    _key, codes = added(user, b"one")
    assert len(codes) == 10
    assert added(user, b"two")[1] == [] and enrolled(user)[1] == []
    assert actions.pass_recovery_code(user_id=user.pk, code=codes[3])


def test_one_passkey_is_removed_alone_and_the_last_factor_takes_the_codes_with_it(db: None) -> None:
    user = somebody()
    one, two = added(user, b"one")[0], added(user, b"two")[0]
    client = people.Person(user).client()
    assert "two" in client.get("/accounts/me").content.decode()
    assert people.li().client().post(f"/accounts/me/passkeys/{two.pk}/remove").status_code == 404
    assert client.post(f"/accounts/me/passkeys/{two.pk}/remove").status_code == 302
    assert list(Passkey.objects.filter(user=user)) == [one]
    assert RecoveryCode.objects.filter(user=user).count() == 10
    secret, _codes = enrolled(user)
    assert secret and client.post("/accounts/me/authenticator/remove").status_code == 302
    assert client.post("/accounts/me/authenticator/remove").status_code == 409
    assert RecoveryCode.objects.filter(user=user).exists()
    actions.remove_passkey(actor=Actor(user.pk, ""), passkey_id=one.pk)
    assert not RecoveryCode.objects.filter(user=user).exists()
    assert AuditEntry.objects.filter(action="accounts.remove_passkey").count() == 2


def test_a_second_step_is_changed_only_by_who_has_just_proven_who_he_is(db: None) -> None:
    user = somebody()
    key = added(user, b"one")[0]
    client = people.Person(user).client()
    session = client.session
    session[PROVEN] = int(time.time()) - 16 * 60
    session.save()
    assert client.post("/accounts/me/passkeys/options").status_code == 403
    for address, body in (
        (f"/accounts/me/passkeys/{key.pk}/remove", {}),
        ("/accounts/me/recovery-codes", {}),
        ("/accounts/me/authenticator", {"begin": "1"}),
    ):
        answer = client.post(address, body)
        assert answer["Location"] == "/accounts/prove?next=%2Faccounts%2Fme", address
    assert Passkey.objects.filter(pk=key.pk).exists()
    assert "先验证身份" in client.get("/accounts/me").content.decode()


def test_a_wrong_password_for_removing_the_factors_counts(db: None) -> None:
    user = somebody()
    enrolled(user)
    for _i in range(5):
        with pytest.raises(Invalid):
            actions.remove_own_factors(actor=Actor(user.pk, ""), password="wrong")
    with pytest.raises(Invalid):
        actions.remove_own_factors(actor=Actor(user.pk, ""), password=PASSWORD)
    assert TotpDevice.objects.filter(user=user).exists()


def test_the_joining_page_says_which_role_where_by_whom_and_until_when(db: None) -> None:
    village = people.villages()[0]
    row, code = actions.invite(
        actor=keeper(), display_name="新同事", role=Role.VILLAGE_CADRE, place_id=village.pk
    )
    page = Client().get(f"/accounts/join/{code}").content.decode()
    day = timezone.localtime(row.expires_at).strftime("%Y-%m-%d %H:%M")
    for word in ("新同事", "村干部", village.full_name, "县管理", day):
        assert word in page, word
    english = Client(headers={"accept-language": "en"}).get(f"/accounts/join/{code}").content.decode()
    assert "village cadre" in english and "Invited by" in english


def test_a_household_is_offered_neither_password_nor_second_step(db: None) -> None:
    user = actions.household_account(phone_blind=b"x" * 32, display_name="徐红根", household_ids=[1])
    page = people.Person(user).client().get("/accounts/me").content.decode()
    assert "第二步验证" not in page and "更换密码" not in page and "登录的设备" in page
