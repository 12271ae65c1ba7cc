"""What a place sets otherwise in a procedure: days, samples, papers, people, steps in or out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from yuchang.procedures.rules.machine import OPENED, Kind, Plan, Step

# Who may act in a step that a place puts in.
OWN_STEPS = ("procedures.village", "procedures.township", "procedures.county")
Title = tuple[str, str]  # Chinese, English


@dataclass(frozen=True)
class StepChange:
    """What one step gets; what is not given stays. ``evidence`` and ``apart_from`` come on top."""

    days: int | None = None
    sample_percent: int | None = None
    evidence: tuple[Title, ...] = ()
    apart_from: tuple[str, ...] = ()
    needs_document: bool = False


@dataclass(frozen=True)
class NewStep:
    """A step put in before a main step: every way that led there leads through it."""

    before: str
    title: Title
    permission: str
    days: int
    evidence: tuple[Title, ...] = ()
    by_another: bool = True


def adapted(
    body: Mapping[str, Any],
    changes: Mapping[str, StepChange],
    *,
    left_out: Iterable[str] = (),
    added: NewStep | None = None,
) -> dict[str, Any]:
    """A body with these changes; the one given stays as it is."""
    found = deepcopy(dict(body))
    for step in found["steps"]:
        if step["code"] in changes:
            _change(step, changes[step["code"]])
    for code in left_out:
        _leave_out(found, code)
    if added is not None:
        _put_in(found, added)
    return found


def _change(step: dict[str, Any], change: StepChange) -> None:
    if change.days is not None:
        step["limit"] = {**step.get("limit", {}), "days": change.days}
    if change.sample_percent is not None:
        step["sample_percent"] = change.sample_percent
    if change.evidence:
        step["evidence"] = _papers(step.get("evidence", ()), change.evidence)
    if change.apart_from:
        step["apart_from"] = list(dict.fromkeys([*step.get("apart_from", ()), *change.apart_from]))
    if change.needs_document:
        step["needs_document"] = True


def _papers(known: Sequence[Mapping[str, str]], more: Iterable[Title]) -> list[dict[str, str]]:
    found = [dict(one) for one in known]
    for title, title_en in more:
        if all(one["title"] != title for one in found):
            code = _free("paper", [one["code"] for one in found])
            found.append({"code": code, "title": title, "title_en": title_en})
    return found


def _free(stem: str, taken: Iterable[str]) -> str:
    known = set(taken)
    return next(code for n in range(1, len(known) + 2) if (code := f"{stem}_{n}") not in known)


def may_be_left_out(plan: Plan, step: Step) -> bool:
    """Whether a place's version may do without a step: it guards nothing and no other step builds on it."""
    is_plain = step.kind is Kind.ACT and not (step.apart_from or step.sample_percent or step.evidence)
    is_plain = is_plain and not (step.needs_document or step.beside or step.waits_for or plan.driver)
    leads_on = bool(step.choices) and step.choices[0].outcome is None
    is_named = any(
        step.code in (*other.apart_from, *other.waits_for, *other.beside) for other in plan.steps.values()
    )
    return is_plain and leads_on and not is_named and step.code in plan.main[1:]


def _leave_out(body: dict[str, Any], code: str) -> None:
    gone = next(step for step in body["steps"] if step["code"] == code)
    onward = gone["choices"][0]["next"]
    body["steps"] = [step for step in body["steps"] if step["code"] != code]
    _redirect(body, code, onward)


def _redirect(body: dict[str, Any], old: str, new: str) -> None:
    for step in body["steps"]:
        for choice in step.get("choices", ()):
            if choice["next"] == old:
                choice["next"] = new


def _put_in(body: dict[str, Any], added: NewStep) -> None:
    codes = [step["code"] for step in body["steps"]]
    at, code = codes.index(added.before), _free("own_step", codes)
    _redirect(body, added.before, code)
    forward = {
        "code": "agree",
        "title": "同意",
        "title_en": "Agree",
        "next": added.before,
        "needs_opinion": True,
    }
    step: dict[str, Any] = {
        "code": code,
        "title": added.title[0],
        "title_en": added.title[1],
        "permission": added.permission,
        "limit": {"days": added.days},
        "choices": [forward],
    }
    if added.evidence:
        step["evidence"] = _papers((), added.evidence)
    if added.by_another:
        beside = {track for given in body["steps"] for track in given.get("beside", ())}
        step["apart_from"] = [OPENED, *(c for c in codes[:at] if c not in beside)]
    body["steps"].insert(at, step)
