"""Who may do what: roles, permissions and scopes. Pure.

The table below is the one reviewed place where a role gets a permission. Where a role may use
it is said by the scope of the grant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """A hat that a person wears within a scope."""

    VILLAGE_CADRE = "village_cadre"
    WORK_TEAM = "work_team"
    HELPER = "helper"
    TOWNSHIP_REVIEWER = "township_reviewer"
    COUNTY_OFFICER = "county_officer"
    PREFECTURE_OFFICER = "prefecture_officer"
    PROVINCE_OFFICER = "province_officer"
    PARTNER = "partner"
    BANK_OFFICER = "bank_officer"
    TRAINER = "trainer"
    PLATFORM_OPERATOR = "platform_operator"
    HOUSEHOLD = "household"
    EVALUATOR = "evaluator"
    AUDITOR = "auditor"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDIT_ADMINISTRATOR = "audit_administrator"


ROLE_WORDS: dict[Role, tuple[str, str]] = {
    Role.VILLAGE_CADRE: ("村干部", "village cadre"),
    Role.WORK_TEAM: ("驻村工作队员", "resident work team"),
    Role.HELPER: ("帮扶责任人", "helper"),
    Role.TOWNSHIP_REVIEWER: ("乡镇审核员", "township reviewer"),
    Role.COUNTY_OFFICER: ("县级专员", "county officer"),
    Role.PREFECTURE_OFFICER: ("市级专员", "prefecture officer"),
    Role.PROVINCE_OFFICER: ("省级专员", "province officer"),
    Role.PARTNER: ("帮扶伙伴", "partner"),
    Role.BANK_OFFICER: ("银行信贷员", "bank officer"),
    Role.TRAINER: ("培训讲师", "trainer"),
    Role.PLATFORM_OPERATOR: ("平台运营员", "platform operator"),
    Role.HOUSEHOLD: ("农户", "household"),
    Role.EVALUATOR: ("评估员", "evaluator"),
    Role.AUDITOR: ("审计员", "auditor"),
    Role.SYSTEM_ADMINISTRATOR: ("系统管理员", "system administrator"),
    Role.SECURITY_ADMINISTRATOR: ("安全管理员", "security administrator"),
    Role.AUDIT_ADMINISTRATOR: ("审计管理员", "audit administrator"),
}


@dataclass(frozen=True)
class PlaceScope:
    """Everything in one administrative division. Level 0 is the whole country (``place_id`` 0).

    ``name`` is for showing; two scopes of one place are the same scope.
    """

    place_id: int
    level: int
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class OrganisationScope:
    """What belongs to one organisation."""

    organisation_id: int


@dataclass(frozen=True)
class HouseholdScope:
    """One's own household."""

    household_id: int


@dataclass(frozen=True)
class AssignmentScope:
    """The objects of one assignment (a visit plan, a check)."""

    assignment_id: int


@dataclass(frozen=True)
class ConsentScope:
    """What one live consent opens."""

    consent_id: int


@dataclass(frozen=True)
class SampleScope:
    """The objects drawn into one sample."""

    sample_id: int


Scope = PlaceScope | OrganisationScope | HouseholdScope | AssignmentScope | ConsentScope | SampleScope

_STAFF_READS = frozenset(
    {
        "registry.read",
        "partners.read",
        "exchange.read",
        "market.read",
        "ledger.read",
        "policy.read",
        "monitoring.read",
        "workbench.read",
        "sheets.read",
        "procedures.read",
    }
)

# What somebody in the village writes: a cadre, and the resident work team beside him (驻村工作队).
_VILLAGE_WRITES = frozenset(
    {
        "registry.enter",
        "registry.import",
        "registry.export",
        "registry.reveal",
        "partners.propose",
        "exchange.post",
        "exchange.talk",
        "exchange.agree",
        "market.commit",
        "monitoring.visit",
        "consents.read",
        "consents.record",
        "teams.read",
        "sheets.make",
        "procedures.open",
        "procedures.village",
    }
)

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.VILLAGE_CADRE: _STAFF_READS | _VILLAGE_WRITES,
    Role.WORK_TEAM: _STAFF_READS | _VILLAGE_WRITES,
    # Sees the households of his or her assignments, wherever they lie, and visits them.
    Role.HELPER: frozenset(
        {
            "registry.read",
            "policy.read",
            "monitoring.read",
            "monitoring.visit",
            "consents.read",
            "consents.record",
            "workbench.read",
        }
    ),
    Role.TOWNSHIP_REVIEWER: _STAFF_READS
    | {
        "registry.verify",
        "registry.export",
        "registry.reveal",
        "monitoring.visit",
        "partners.propose",
        "exchange.post",
        "exchange.talk",
        "consents.read",
        "teams.read",
        "teams.assign",
        "sheets.make",
        "sheets.design",
        "procedures.open",
        "procedures.township",
        "procedures.sample",
        "procedures.check",
    },
    Role.COUNTY_OFFICER: _STAFF_READS
    | {
        "registry.enter",
        "registry.import",
        "registry.export",
        "registry.reveal",
        "registry.verify",
        "registry.publish",
        "registry.decide_objection",
        "policy.decide",
        "snapshots.freeze",
        "snapshots.read",
        "partners.propose",
        "partners.manage",
        "exchange.post",
        "exchange.clear",
        "exchange.judge",
        "exchange.talk",
        "exchange.agree",
        "market.open",
        "market.commit",
        "market.settle",
        "ledger.reverse",
        "monitoring.assess",
        "monitoring.visit",
        "portal.publish",
        "consents.read",
        "teams.read",
        "teams.manage",
        "teams.assign",
        "sheets.make",
        "sheets.design",
        "procedures.open",
        "procedures.county",
        "procedures.sample",
        "procedures.check",
        "procedures.calendar",
        "procedures.manage",
        "procedures.propose",
        "procedures.vet",
        "api.use",
    },
    # The levels above compare and look into; the county stays responsible for its own register. They say what
    # holds for procedures in their region, and are the second person where a county has no other.
    Role.PREFECTURE_OFFICER: _STAFF_READS
    | {"snapshots.read", "consents.read", "teams.read", "procedures.propose", "procedures.vet", "api.use"},
    # The province hands down what the national system holds; the counties verify it (registry.take_over).
    Role.PROVINCE_OFFICER: _STAFF_READS
    | {"snapshots.read", "consents.read", "teams.read", "registry.take_over"}
    | {"procedures.propose", "procedures.vet", "api.use"},
    Role.PARTNER: frozenset(
        {
            "partners.own",
            "partners.read",
            "exchange.post",
            "exchange.talk",
            "exchange.agree",
            "exchange.read",
            "market.read",
            "market.order",
            "market.open",
            "workbench.read",
            "api.use",
        }
    ),
    # A bank sees what a household consented to, and nothing of the register besides.
    Role.BANK_OFFICER: frozenset(
        {"partners.own", "partners.read", "consents.read", "consents.use", "workbench.read"}
    ),
    Role.TRAINER: frozenset({"partners.read", "exchange.read", "workbench.read"}),
    Role.PLATFORM_OPERATOR: frozenset(
        {"partners.read", "exchange.read", "market.read", "workbench.read", "api.use"}
    ),
    Role.HOUSEHOLD: frozenset({"household.own"}),
    # An evaluator opens what was drawn into the sample and notes the findings; lists of places stay empty.
    Role.EVALUATOR: frozenset(
        {
            "registry.read",
            "policy.read",
            "monitoring.read",
            "workbench.read",
            "procedures.read",
            "procedures.check",
        }
    ),
    Role.AUDITOR: _STAFF_READS | {"audit.read", "consents.read", "teams.read", "api.use"},
    Role.SYSTEM_ADMINISTRATOR: frozenset(
        {"accounts.manage", "messages.operate", "operations.read", "portal.carry", "workbench.read"}
    ),
    Role.SECURITY_ADMINISTRATOR: frozenset({"accounts.vet", "workbench.read"}),
    Role.AUDIT_ADMINISTRATOR: frozenset({"audit.read", "workbench.read"}),
}


# What each permission is called where somebody lacks it, or a step of a procedure wants it.
PERMISSION_WORDS: dict[str, tuple[str, str]] = {
    "accounts.manage": ("管理账号与岗位", "keep accounts and posts"),
    "accounts.vet": ("批准岗位与权限", "approve rights"),
    "api.use": ("使用接口", "use the API"),
    "audit.read": ("查看审计日志", "read the audit log"),
    "consents.read": ("查看授权同意", "read consents"),
    "consents.record": ("登记授权同意", "note consents"),
    "consents.use": ("按授权查看农户信息", "read what households consented to"),
    "exchange.agree": ("签订协议", "sign agreements"),
    "exchange.clear": ("撮合", "clear the market"),
    "exchange.judge": ("裁定供需争议", "decide disputes"),
    "exchange.post": ("发布供需", "post offers and needs"),
    "exchange.read": ("查看供需", "read offers and needs"),
    "exchange.talk": ("洽谈供需", "talk about matches"),
    "household.own": ("查看自家信息", "read the own household"),
    "ledger.read": ("查看账本", "read the book"),
    "ledger.reverse": ("冲销账目", "reverse bookings"),
    "market.commit": ("登记农户供货", "commit households to a round"),
    "market.open": ("开团", "open rounds"),
    "market.order": ("下单", "order"),
    "market.read": ("查看团购与订单", "read rounds and orders"),
    "market.settle": ("结算", "settle"),
    "messages.operate": ("管理短信与邮件发送", "operate SMS and e-mail"),
    "monitoring.assess": ("比对与处置预警", "assess and handle alerts"),
    "monitoring.read": ("查看监测与预警", "read monitoring"),
    "monitoring.visit": ("登记走访", "note visits"),
    "operations.read": ("查看系统运行", "read how the system runs"),
    "partners.manage": ("审批帮扶伙伴", "vet partners"),
    "partners.own": ("维护本单位资料", "keep the own organisation's entry"),
    "partners.propose": ("提请登记帮扶伙伴", "propose partners"),
    "partners.read": ("查看帮扶伙伴", "read partners"),
    "policy.decide": ("作出政策认定", "decide under policies"),
    "policy.read": ("查看政策与认定", "read policies and decisions"),
    "portal.carry": ("内外交换", "carry between the zones"),
    "portal.publish": ("对外公开", "publish"),
    "procedures.calendar": ("维护工作日历", "keep the calendar of working days"),
    "procedures.check": ("登记抽查结果", "note results of spot checks"),
    "procedures.county": ("办理县级步骤", "do the county's steps"),
    "procedures.manage": ("管理事项", "manage cases"),
    "procedures.open": ("发起事项", "open cases"),
    "procedures.propose": ("另定程序", "set own versions of procedures"),
    "procedures.read": ("查看程序与事项", "read procedures and cases"),
    "procedures.sample": ("抽取样本", "draw samples"),
    "procedures.township": ("办理乡镇步骤", "do the township's steps"),
    "procedures.vet": ("审定本地程序", "put own versions of procedures in force"),
    "procedures.village": ("办理村级步骤", "do the village's steps"),
    "registry.decide_objection": ("裁定公示异议", "decide objections"),
    "registry.enter": ("登记与更正农户", "enter and correct households"),
    "registry.export": ("导出农户", "export households"),
    "registry.import": ("导入农户", "import households"),
    "registry.publish": ("发布公示", "publish notices"),
    "registry.read": ("查看农户", "read households"),
    "registry.reveal": ("查看敏感信息", "see sealed fields"),
    "registry.take_over": ("移交国家系统存量户", "hand down households of the national system"),
    "registry.verify": ("核实农户", "verify households"),
    "sheets.design": ("设计表格", "design templates"),
    "sheets.make": ("制作表格", "make tables"),
    "sheets.read": ("查看表格", "read tables"),
    "snapshots.freeze": ("冻结数据", "freeze data"),
    "snapshots.read": ("查看冻结数据", "read frozen data"),
    "teams.assign": ("安排帮扶责任人", "assign helpers"),
    "teams.manage": ("组建工作队与领导小组", "form teams"),
    "teams.read": ("查看队伍", "read teams"),
    "workbench.read": ("使用工作台", "use the workbench"),
}


def roles_with(permission: str) -> list[Role]:
    """The roles that carry a permission, in the order of the table."""
    return [role for role, permissions in PERMISSIONS.items() if permission in permissions]


COUNTY_LEVEL = 3  # places.Place.Level.COUNTY
# Roles that act for an organisation instead of within a place.
NEEDS_ORGANISATION = frozenset({Role.PARTNER, Role.BANK_OFFICER})
# The three administrators (三员): 系统, 安全 and 审计. Nobody is two of them, and none does business.
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR})
ALONE = ADMINISTRATORS | {Role.AUDITOR}
# Roles that no post and no direct grant gives: a sign-in by telephone, an assignment or a sample does.
NOT_GRANTED = frozenset({Role.HOUSEHOLD, Role.EVALUATOR, Role.HELPER})
# The lowest level of place at which a role makes sense (places.Place.Level; 0 is the country).
LOWEST_LEVEL: dict[Role, int] = {
    Role.PROVINCE_OFFICER: 1,
    Role.PREFECTURE_OFFICER: 2,
    Role.COUNTY_OFFICER: 3,
    Role.TOWNSHIP_REVIEWER: 4,
}
# The highest: a role that writes about one village, township or county is not given for all of a province.
HIGHEST_LEVEL: dict[Role, int] = {
    Role.PREFECTURE_OFFICER: 2,
    Role.COUNTY_OFFICER: 3,
    Role.TOWNSHIP_REVIEWER: 4,
    Role.VILLAGE_CADRE: 5,
    Role.WORK_TEAM: 5,
}
# What the three administrators may use. Everything else is business, and closed to them.
WITHOUT_BUSINESS = frozenset(
    {
        "accounts.manage",
        "accounts.vet",
        "audit.read",
        "messages.operate",
        "operations.read",
        "portal.carry",
        "workbench.read",
    }
)

# What concerns the whole machine: a township's delegate keeps accounts, and nothing of this.
FROM_COUNTY_UP = frozenset({"messages.operate", "operations.read", "portal.carry"})


def is_too_low(scope: Scope, permission: str) -> bool:
    """Whether the place of a grant is too small for a permission that its role carries."""
    return permission in FROM_COUNTY_UP and isinstance(scope, PlaceScope) and scope.level > COUNTY_LEVEL


# For so long after signing in, or proving it again, a person may have sealed fields shown.
PROOF_MINUTES = 15


def is_proof_fresh(proven_at: datetime | None, now: datetime) -> bool:
    """Whether who one is was proven within the last ``PROOF_MINUTES``; both are real instants."""
    return proven_at is not None and timedelta() <= now - proven_at <= timedelta(minutes=PROOF_MINUTES)


def may_be_combined(roles: set[Role]) -> bool:
    """Whether one person may wear these hats: running or auditing the system stands alone (三员分立)."""
    return len(roles) < 2 or not roles & ALONE


@dataclass(frozen=True)
class Grant:
    """One role within one scope."""

    role: Role
    scope: Scope


@dataclass(frozen=True)
class Actor:
    """Who reads or writes, with everything he or she may do at this moment."""

    user_id: int | None
    name: str
    grants: tuple[Grant, ...] = ()
    only: frozenset[str] | None = None
    """At most these permissions, as an API token has them; None for a person at the pages."""

    def may(self, permission: str) -> bool:
        """Whether any grant carries the permission, somewhere."""
        return any(self._carries(g, permission) for g in self.grants)

    def scopes(self, permission: str) -> tuple[Scope, ...]:
        """The scopes within which the permission holds."""
        return tuple(g.scope for g in self.grants if self._carries(g, permission))

    def _carries(self, grant: Grant, permission: str) -> bool:
        if permission not in PERMISSIONS[grant.role] or is_too_low(grant.scope, permission):
            return False
        return self.only is None or permission in self.only

    def has_role(self, role: str) -> bool:
        """Whether the actor wears this hat anywhere."""
        return any(g.role == role for g in self.grants)

    def organisation_ids(self, permission: str) -> list[int]:
        """The organisations on whose behalf the actor may use the permission."""
        return [s.organisation_id for s in self.scopes(permission) if isinstance(s, OrganisationScope)]


SYSTEM = Actor(user_id=None, name="system")
