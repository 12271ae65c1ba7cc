"""Every write of the register: one named action = permission + validation + write + audit."""

from yuchang.registry.actions.bulk import TakenOver, take_over_households
from yuchang.registry.actions.exports import export_households
from yuchang.registry.actions.facts import record_facts, record_facts_set
from yuchang.registry.actions.households import (
    correct_household,
    exit_household,
    register_household,
    remove_household,
)
from yuchang.registry.actions.likenesses import (
    Search,
    ask_for_likenesses,
    decide_likeness,
    find_asked,
    find_likenesses,
)
from yuchang.registry.actions.notices import close_notice, close_notices, publish_notice, publish_notices
from yuchang.registry.actions.objections import (
    Received,
    decide_objection,
    raise_objection,
    take_in_objections,
)
from yuchang.registry.actions.resources import declare_resource, declare_resources_set, withdraw_resource
from yuchang.registry.actions.reveals import reveal
from yuchang.registry.actions.verification import verify_household, verify_households

__all__ = [
    "Received",
    "Search",
    "TakenOver",
    "ask_for_likenesses",
    "close_notice",
    "close_notices",
    "correct_household",
    "decide_likeness",
    "decide_objection",
    "declare_resource",
    "declare_resources_set",
    "exit_household",
    "export_households",
    "find_asked",
    "find_likenesses",
    "publish_notice",
    "publish_notices",
    "raise_objection",
    "record_facts",
    "record_facts_set",
    "register_household",
    "remove_household",
    "reveal",
    "take_in_objections",
    "take_over_households",
    "verify_household",
    "verify_households",
    "withdraw_resource",
]
