"""What a definition must be, and why a step may not be left."""

from copy import deepcopy

import pytest

from yuchang.procedures.library import shipped
from yuchang.procedures.rules.adapting import NewStep, adapted, may_be_left_out
from yuchang.procedures.rules.machine import (
    Attempt,
    Faulty,
    Kind,
    Refusal,
    loosened,
    objections_to,
    pairs_of,
    parse,
    tracks_of,
    waits_of,
)

BODY = {
    "open_permission": "procedures.open",
    "outcomes": {"yes": ["是", "yes"]},
    "steps": [
        {
            "code": "first",
            "title": "一",
            "title_en": "one",
            "permission": "procedures.village",
            "beside": ["aside"],
            "evidence": [{"code": "paper", "title": "纸", "title_en": "paper"}],
            "choices": [
                {"code": "on", "title": "报", "title_en": "on", "next": "second", "needs_opinion": True}
            ],
        },
        {
            "code": "second",
            "title": "二",
            "title_en": "two",
            "permission": "procedures.county",
            "apart_from": ["first", "opened"],
            "waits_for": ["aside"],
            "needs_document": True,
            "sample_percent": 20,
            "choices": [{"code": "yes", "title": "是", "title_en": "yes", "next": "end:yes"}],
        },
        {
            "code": "aside",
            "title": "旁",
            "title_en": "aside",
            "kind": "notice",
            "limit": {"days": 5, "unit": "calendar"},
        },
    ],
}


def changed(**at):
    body = deepcopy(BODY)
    for path, value in at.items():
        number, key = path.split("__")
        body["steps"][int(number[1:])][key] = value
    return body


def lacks(above, own):
    """The safeguards that are lacking, in one line each."""
    return [
        f"{lack.step.code}: {' '.join((lack.kind, *lack.about))}" if lack.step else str(lack.kind)
        for lack in loosened(above, own)
    ]


def reasons(step, **attempt):
    plan = parse(BODY)
    given = {"choice": "on", "by": 7} | attempt
    return {(o.reason, o.about) for o in objections_to(plan, plan.steps[step], Attempt(**given))}


def test_every_shipped_definition_works_and_is_numbered_once():
    keys = [(s.code, s.place_code, s.number) for s in shipped()]
    assert len(set(keys)) == len(keys) >= 12
    for s in shipped():
        assert s.columns["digest"] and s.source and s.certainty in ("text", "local", "memory", "ours")


def test_a_plan_knows_its_main_line_and_what_runs_beside():
    plan = parse(BODY)
    assert plan.main == ("first", "second") and plan.first.code == "first"
    assert [t.code for t in tracks_of(plan, plan.first)] == ["aside"]
    assert plan.steps["aside"].kind is Kind.NOTICE
    assert pairs_of(plan) == {"second": ["first", "opened"]} and waits_of(plan) == {"second": ["aside"]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (changed(s0__choices=[]), "a main step needs a choice"),
        (changed(s0__apart_from=["nowhere"]), "unknown step nowhere"),
        (changed(s1__apart_from=["second"]), "apart from itself"),
        (changed(s0__permission=""), "nobody may act"),
        (changed(s2__limit=None), "a notice needs its period"),
        (changed(s2__limit={"days": 999, "unit": "calendar"}), "limit of 999 days"),
        (
            changed(s1__choices=[{"code": "x", "title": "x", "title_en": "x", "next": "end:no"}]),
            "unknown outcome no",
        ),
        (
            changed(s1__choices=[{"code": "x", "title": "x", "title_en": "x", "next": "first"}]),
            "no choice ends",
        ),
        (
            changed(s0__choices=[{"code": "x", "title": "x", "title_en": "x", "next": "end:yes"}]),
            "cannot be reached",
        ),
        ({"steps": []}, "KeyError"),
    ],
)
def test_a_faulty_definition_says_what_is_wrong(body, words):
    with pytest.raises(Faulty, match=words):
        parse(body)


def test_a_step_is_left_with_opinion_and_evidence_only():
    assert reasons("first") == {(Refusal.OPINION, ""), (Refusal.EVIDENCE, "paper")}
    assert not reasons("first", opinion="同意", evidence=frozenset({"paper"}))
    assert reasons("first", choice="off") == {(Refusal.CHOICE, "off")}


def test_the_second_step_refuses_the_same_person_a_running_notice_and_a_missing_sample():
    assert reasons(
        "second", choice="yes", barred=frozenset({7}), open_tracks=frozenset({"aside"}), is_sample_done=False
    ) == {
        (Refusal.ACTED_BEFORE, ""),
        (Refusal.DOCUMENT, ""),
        (Refusal.TRACK, "aside"),
        (Refusal.SAMPLE, "20"),
    }
    assert reasons("second", choice="yes", by=None, document_number="成政发〔2026〕1号") == {
        (Refusal.NOBODY, "")
    }
    assert not reasons("second", choice="yes", document_number="成政发〔2026〕1号")


@pytest.mark.parametrize(
    ("at", "lack"),
    [
        ({"s1__apart_from": ["opened"]}, "second: apart first"),
        ({"s1__sample_percent": 19}, "second: sample 20"),
        ({"s1__needs_document": False}, "second: document"),
        ({"s1__waits_for": []}, "second: waits aside"),
        ({"s1__permission": "procedures.village"}, "second: acts"),
        ({"s0__evidence": []}, "first: evidence paper"),
        ({"s2__limit": {"days": 4, "unit": "calendar"}}, "aside: notice 5"),
    ],
)
def test_a_place_loosens_no_safeguard(at, lack):
    assert lacks(parse(BODY), parse(changed(**at))) == [lack]


@pytest.mark.parametrize(
    "at",
    [
        {"s1__sample_percent": 30},
        {"s1__apart_from": ["first", "opened", "aside"]},
        {"s2__limit": {"days": 5, "unit": "working"}},
        {"s2__limit": {"days": 7, "unit": "calendar"}},
        {"s0__limit": {"days": 3}},
    ],
)
def test_a_place_may_ask_for_more_and_set_its_own_days(at):
    assert loosened(parse(BODY), parse(changed(**at))) == []


def test_a_place_leaves_no_notice_out_and_changes_nothing_that_a_domain_moves():
    short = {
        **BODY,
        "steps": [
            {
                **BODY["steps"][0],
                "beside": [],
                "choices": [{**BODY["steps"][0]["choices"][0], "next": "end:yes"}],
            }
        ],
    }
    assert lacks(parse(BODY), parse(short)) == ["second: left_out", "aside: left_out"]
    driven = parse({**BODY, "driver": "registry"})
    other = changed(s1__choices=[{"code": "ja", "title": "是", "title_en": "yes", "next": "end:yes"}])
    assert lacks(driven, parse({**other, "driver": "registry"})) == ["second: choices"]
    assert lacks(driven, parse(BODY)) == ["driver"]


def test_a_step_that_guards_nothing_is_left_out_and_one_put_in_is_passed_through():
    plain = {"code": "plain", "title": "中", "title_en": "plain", "permission": "procedures.village"}
    plain["choices"] = [{"code": "on", "title": "续", "title_en": "on", "next": "second"}]
    body = changed(s0__choices=[{"code": "on", "title": "续", "title_en": "on", "next": "plain"}])
    body["steps"].insert(1, plain)
    plan = parse(body)
    assert [code for code, step in plan.steps.items() if may_be_left_out(plan, step)] == ["plain"]
    without = parse(adapted(body, {}, left_out=["plain"]))
    assert without.main == ("first", "second") and without.steps["first"].choices[0].next == "second"
    new = NewStep("second", ("核对", "check"), "procedures.township", 3, (("表", "form"),))
    with_it = parse(adapted(BODY, {}, added=new))
    assert with_it.main == ("first", "own_step_1", "second") and not loosened(parse(BODY), with_it)
    assert with_it.steps["own_step_1"].apart_from == ("opened", "first")
