"""Every write of procedures: definitions, cases one by one and set-wise, samples, holidays, overdue rungs."""

from yuchang.procedures.actions.definitions import (
    adapt_definition,
    add_definition,
    sync_definitions,
    vet_definition,
    withdraw_definition,
)
from yuchang.procedures.actions.escalation import escalate_overdue
from yuchang.procedures.actions.holidays import import_holidays
from yuchang.procedures.actions.objections import object_to_notice
from yuchang.procedures.actions.opening import Subject, open_case, open_cases, open_from
from yuchang.procedures.actions.samples import check_sampled, draw_sample, give_sample
from yuchang.procedures.actions.sets import advance_cases, withdraw_cases
from yuchang.procedures.actions.steps import (
    act,
    act_beside,
    advance,
    complete_track,
    let_go,
    return_case,
    transfer,
    withdraw,
)

__all__ = [
    "Subject",
    "act",
    "act_beside",
    "adapt_definition",
    "add_definition",
    "advance",
    "advance_cases",
    "check_sampled",
    "complete_track",
    "draw_sample",
    "escalate_overdue",
    "give_sample",
    "import_holidays",
    "let_go",
    "object_to_notice",
    "open_case",
    "open_cases",
    "open_from",
    "return_case",
    "sync_definitions",
    "transfer",
    "vet_definition",
    "withdraw",
    "withdraw_cases",
    "withdraw_definition",
]
