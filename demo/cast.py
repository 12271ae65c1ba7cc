"""The people of the demonstration: made by an administrator through the accounts actions, like any others."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unicodedata import east_asian_width

from yuchang.accounts import actions as accounts
from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import ROLE_WORDS, Actor, Grant, PlaceScope, Role
from yuchang.core import clock
from yuchang.places.models import Place

# Before anyone exists, somebody must make the first administrator: the operator, from the command line.
OPERATOR = Actor(None, "操作员(命令行)", (Grant(Role.SYSTEM_ADMINISTRATOR, PlaceScope(0, 0)),))


@dataclass(frozen=True)
class Part:
    """One person of the demonstration. ``scope`` names a place or organisation of the stage."""

    username: str
    name: str
    role: Role
    scope: str


PARTS: tuple[Part, ...] = (
    Part("administrator", "钱管理", Role.SYSTEM_ADMINISTRATOR, "province"),
    Part("officer", "王专员", Role.COUNTY_OFFICER, "county"),
    Part("officer2", "周专员", Role.COUNTY_OFFICER, "county"),
    Part("reviewer", "张审核", Role.TOWNSHIP_REVIEWER, "township"),
    Part("cadre", "李村干", Role.VILLAGE_CADRE, "village"),
    Part("auditor", "孙审计", Role.AUDITOR, "county"),
    Part("outsider", "外县员", Role.COUNTY_OFFICER, "next county"),
    Part("prefecture", "郑专员", Role.PREFECTURE_OFFICER, "prefecture"),
    Part("security", "吴安全", Role.SECURITY_ADMINISTRATOR, "province"),
    Part("keeper", "陈日志", Role.AUDIT_ADMINISTRATOR, "province"),
    Part("trainer", "蒋讲师", Role.TRAINER, "county"),
    Part("platform", "沈运营", Role.PLATFORM_OPERATOR, "county"),
)
WORK: dict[str, tuple[str, str]] = {
    "administrator": ("管理账号与运行,看不到业务数据", "accounts and operation, no business data"),
    "officer": ("导入、登记资源、开团、撮合", "imports, declares, opens rounds, clears"),
    "officer2": ("核实、公示、裁定异议、走访", "verifies, publishes, decides objections, visits"),
    "reviewer": ("审核一个乡镇", "verifies one township"),
    "cadre": ("一个村的村干部", "cadre of one village"),
    "auditor": ("查日志,只读", "reads the log, writes nothing"),
    "outsider": ("邻县专员,看不到本县", "the next county's officer, who sees nothing here"),
    "prefecture": ("各县对比", "compares the counties"),
    "security": ("核准岗位与权限", "approves posts and rights"),
    "keeper": ("管理审计日志", "keeps the audit log"),
    "trainer": ("看本县缺什么技能与帮助", "sees which skills and help the county lacks"),
    "platform": ("看在售货源与交付,为平台签发令牌", "sees goods and deliveries, issues a platform's token"),
    "helper": ("结对的十来户", "a dozen households"),
    "evaluator": ("只看抽中的样本", "the drawn sample and nothing else"),
    "household": ("登录页→农户用手机验证码登录;验证码写在 var/outbox/sms.jsonl", "by telephone and code"),
    "province": ("移交存量户,查看全省", "hands the register down, reads the province"),
    "partner": ("核桃加工企业", "a walnut firm"),
    "buyer": ("医院食堂,下单", "a hospital canteen that orders"),
}


@dataclass(frozen=True)
class SignIn:
    """What is printed at the end."""

    username: str
    password: str
    name: str
    role: str
    scope: str
    work: str

    def line(self) -> str:
        """One line of the list."""
        return _row(self.username, self.password, self.name, self.role, f"{self.scope}:{self.work}")


def _row(*cells: str) -> str:
    """Cells under one another in a terminal, where a Chinese sign takes two places."""
    widths = (15, 14, 10, 16)
    padded = [
        cell + " " * max(1, width - sum(1 + (east_asian_width(sign) in "WF") for sign in cell))
        for cell, width in zip(cells, widths, strict=False)
    ]
    return "".join([*padded, *cells[len(widths) :]])


def enter(part: Part, place: Place | None = None, organisation_id: int | None = None) -> tuple[User, str]:
    """Make the person with one role; returns the one-time password."""
    user, password = accounts.create_user(actor=OPERATOR, username=part.username, display_name=part.name)
    accounts.grant_role(
        actor=OPERATOR,
        user_id=user.pk,
        role=part.role,
        place_id=place.pk if place else None,
        organisation_id=organisation_id,
    )
    return user, password


def add_organisation(user: User, organisation_id: int) -> None:
    """Let someone act for one more organisation."""
    accounts.grant_role(actor=OPERATOR, user_id=user.pk, role=Role.PARTNER, organisation_id=organisation_id)


def choose_password(user: User, one_time: str) -> str:
    """The person's own first act: another password than the one on paper."""
    chosen = accounts.one_time_password()
    accounts.change_own_password(actor=actor(user.username), old=one_time, new=chosen)
    return chosen


def actor(username: str) -> Actor:
    """The person as he or she may act on the simulated day."""
    user = User.objects.get(username=username)
    return actor_for(user.pk, user.display_name, clock.today())


def sign_in(part: Part, password: str, scope: str) -> SignIn:
    """The printed line of one person."""
    role = ROLE_WORDS[part.role][0]
    return SignIn(part.username, password, part.name, role, scope, WORK[part.username][0])


def remember(folder: Path, lines: list[SignIn]) -> None:
    """Keep sign-ins privately while the county is built; a person made anew replaces the older line."""
    kept = {one.username: one for one in (*remembered(folder), *lines)}
    _write_private(
        folder / "sign-ins.json", json.dumps([vars(one) for one in kept.values()], ensure_ascii=False)
    )


def remembered(folder: Path) -> list[SignIn]:
    """The sign-ins kept so far."""
    path = folder / "sign-ins.json"
    return [SignIn(**one) for one in json.loads(path.read_text())] if path.exists() else []


def publish(folder: Path, address: str, on: date) -> str:
    """Write the list for people (``sign-ins.txt``, readable by this account only) and return it."""
    lines = remembered(folder)
    text = "\n".join(
        [
            f"地址 {address}    模拟数据,模拟日期 {on}",
            _row("登录名", "密码", "姓名", "岗位", "范围与工作"),
            *(one.line() for one in lines),
            "",
        ]
    )
    _write_private(folder / "sign-ins.txt", text)
    return text


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    path.chmod(0o600)
