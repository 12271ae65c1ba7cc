"""Every write about what goes out: exports, templates, frozen reports, sendings, read-backs."""

from yuchang.sheets.outputs.designs import add_edition, draft_edition, retire_template, save_template
from yuchang.sheets.outputs.making import (
    Wish,
    cancel_output,
    expire_outputs,
    give_up,
    make_output,
    record_download,
    start_output,
)
from yuchang.sheets.outputs.readback import (
    close_readback,
    compare_readback,
    decide_differences,
    show_differences,
    start_readback,
)
from yuchang.sheets.outputs.reports import correct_report, freeze_due, freeze_month, save_plan, stop_plan

__all__ = [
    "Wish",
    "add_edition",
    "cancel_output",
    "close_readback",
    "compare_readback",
    "correct_report",
    "decide_differences",
    "draft_edition",
    "expire_outputs",
    "freeze_due",
    "freeze_month",
    "give_up",
    "make_output",
    "record_download",
    "retire_template",
    "save_plan",
    "save_template",
    "show_differences",
    "start_output",
    "start_readback",
    "stop_plan",
]
