"""Which line applies: nearest region, day, what was known, and which marks may decide."""

from __future__ import annotations

import shutil
from datetime import date

import pytest
from django.conf import settings as project

from tests.people import county, villages, wang
from yuchang.core.errors import Conflict, Invalid
from yuchang.places.models import Place
from yuchang.policy.actions import decide_household, run_policy
from yuchang.policy.library import NATION, ParameterValue, load_library
from yuchang.policy.models import RunResult
from yuchang.policy.queries import line_for
from yuchang.policy.rules import compile_pack, resolve
from yuchang.policy.tests.households import DAY, WORKER, household, simulated
from yuchang.rulelang.errors import RuleError

ILL = WORKER | {"health": ["serious"]}


def value(region, fen, certainty="text", start="2026-01-01", end="2026-12-31", recorded="2026-01-01", **more):
    dates = [date.fromisoformat(d) if d else None for d in (start, end, recorded)]
    return ParameterValue("line", region, fen, None, *dates, "", certainty, "test", **more)


def found(values, regions=("village", "county", NATION), on=DAY, **how):
    result = resolve(values, "line", regions, on, simulated=how.pop("simulated", False), **how)
    return result.value if result else None


def test_the_nearest_region_wins():
    values = [value(NATION, 1), value("county", 2), value("elsewhere", 3)]
    assert found(values) == 2
    assert found([*values, value("village", 4)]) == 4
    assert found(values, regions=("other", NATION)) == 1


def test_the_first_and_last_day_of_application_count():
    values = [value(NATION, 1, start="2025-01-01", end="2025-12-31"), value(NATION, 2, end=None)]
    assert [found(values, on=date(2025, m, d)) for m, d in ((1, 1), (12, 31))] == [1, 1]
    assert found(values, on=date(2026, 1, 1)) == found(values, on=date(2040, 1, 1)) == 2
    assert found(values, on=date(2024, 12, 31)) is None


def test_what_was_known_by_a_day_can_be_asked():
    values = [value(NATION, 1), value(NATION, 2, recorded="2026-05-01")]
    assert found(values) == 2
    assert found(values, known_by=date(2026, 4, 30)) == 1
    assert found(values, known_by=date(2025, 4, 30)) is None


@pytest.mark.parametrize(
    "entry",
    [
        value(NATION, 1, certainty="mem"),
        value(NATION, 1, certainty="secondary"),
        value(NATION, None),
        value(NATION, 1, start=None),
        value("", 1),
        value(NATION, 1, income_concept="disposable"),
        value(NATION, 1, certainty="simulated", is_simulated=True),
    ],
)
def test_an_unconfirmed_or_incomplete_value_never_decides(entry):
    assert found([entry], regions=(NATION, "")) is None


def test_a_simulated_value_counts_only_in_a_simulated_database():
    entry = value(NATION, 1, certainty="simulated", is_simulated=True)
    assert found([entry], simulated=True) == 1


def test_the_shipped_lines_stand_as_the_sources_say(db):
    values = load_library(project.POLICIES_DIR).values
    real = {
        (v.parameter, v.region, v.income_year or v.applied_from.year): v for v in values if not v.is_simulated
    }
    expected = {
        ("poverty_line", NATION, 2010): (230_000, "text"),
        ("poverty_line", NATION, 2013): (273_600, "mem"),
        ("poverty_line", NATION, 2014): (280_000, "text"),
        ("poverty_line", NATION, 2015): (285_500, "text"),
        ("poverty_line", NATION, 2016): (295_200, "code"),
        ("poverty_line", NATION, 2018): (299_500, "mem"),
        ("poverty_line", NATION, 2019): (321_800, "mem"),
        ("poverty_line", NATION, 2020): (400_000, "mem"),
        ("poverty_line", "650000000000", 2014): (273_600, "text"),
        ("poverty_line", "650000000000", 2015): (280_000, "text"),
        ("poverty_line", "650000000000", 2016): (285_500, "text"),
        ("poverty_line", "650000000000", 2017): (302_600, "text"),
        ("monitoring_range", "430921000000", 2019): (500_000, "text"),
        ("monitoring_range", "340000000000", 2020): (None, "text"),
        ("monitoring_range", "610824000000", 2021): (600_000, "text"),
        ("monitoring_range", "410581000000", 2023): (750_000, "text"),
        ("monitoring_range", "350121000000", 2023): (1_056_000, "text"),
        ("monitoring_range", "530000000000", 2025): (870_000, "text"),
        ("monitoring_range", "", 2024): (880_000, "mem"),
    }
    assert {key: (v.value, v.certainty) for key, v in real.items()} == expected


def test_a_page_gets_the_line_of_a_place_and_day(db):
    assert line_for(county(), DAY) is None
    simulated()
    line = line_for(villages()[0], DAY)
    assert (line.fen, line.region_code, line.certainty) == (855_000, NATION, "simulated")
    assert line_for(county(), DAY, "poverty_line").fen == 570_000
    assert line_for(county(), date(2019, 1, 1)) is None


@pytest.fixture
def own_policies(settings, tmp_path):
    """A copy of the shipped library that a test may add to."""
    settings.POLICIES_DIR = tmp_path / "policies"
    shutil.copytree(settings.BASE_DIR / "policies", settings.POLICIES_DIR)
    return settings.POLICIES_DIR


EXTRA = """
rules:
  - id: many_members
    kind: grant
    when: size >= 6 人
    clause: 多人口户
    document: 某县〔2026〕1号
    certainty: text
    reason_zh: 家庭人口六人以上
    reason_en: six members or more
    needs: {}
"""


def test_one_more_rule_in_a_file_changes_a_decision_without_code(db, own_policies):
    simulated()
    row = household(members=[WORKER], size=6, net_income_per_head_fen=2_000_000)
    person = wang()

    def verdict():
        return decide_household(actor=person.actor, household_id=row.pk, on=DAY).verdict

    assert verdict() == "not_eligible"
    (own_policies / "local.yaml").write_text(EXTRA, encoding="utf-8")
    assert verdict() == "eligible"
    run = run_policy(actor=person.actor, county=county(), on=DAY)
    assert run.counts["verdict"] == {"eligible": 1}
    (own_policies / "local.yaml").unlink()
    assert verdict() == "not_eligible"


def test_a_township_with_its_own_line_is_treated_by_it_alone_and_in_the_run(db, own_policies):
    simulated()
    here = villages()[0]
    there = next(v for v in villages() if v.township_id != here.township_id)
    township = Place.objects.get(pk=here.township_id)
    (own_policies / "local.yaml").write_text(
        f"""values:
  - {{parameter: monitoring_range, region: "{township.code}", value: 9000, applied_from: 2026-01-01,
     recorded_on: 2026-01-01, document: 试行, certainty: text, source: test}}
""",
        encoding="utf-8",
    )
    rows = [household(village=v, members=[ILL], net_income_per_head_fen=880_000) for v in (here, there)]
    person = wang()
    alone = [decide_household(actor=person.actor, household_id=r.pk, on=DAY).verdict for r in rows]
    assert alone == ["eligible", "not_eligible"]
    run_policy(actor=person.actor, county=county(), on=DAY)
    assert list(RunResult.objects.order_by("household_id").values_list("verdict", flat=True)) == alone
    assert line_for(here, DAY).document == "试行"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size >= 6 人", "size >= 6"), "单位"),
        (("size >= 6 人", "sise >= 6 人"), "sise"),
        (("size >= 6 人", "size"), "是”或“否"),
        (("kind: grant", "kind: grand"), "grand"),
        (("needs: {}", "needs: {debt: 9}"), "debt"),
        (("size >= 6 人", "debt >= 6 元"), "debt"),
        (("id: many_members", "id: monitored"), "monitored"),
        (("rules:", "rulez:"), "rulez"),
        (("clause: 多人口户", "clause: "), "clause"),
        (("clause: 多人口户", "clause: [unclosed"), "YAML"),
    ],
)
def test_a_mistake_in_a_file_stops_every_decision_and_says_where(db, own_policies, change, message):
    simulated()
    row = household(net_income_per_head_fen=1)
    (own_policies / "local.yaml").write_text(EXTRA.replace(*change), encoding="utf-8")
    with pytest.raises(Conflict) as refusal:
        decide_household(actor=wang().actor, household_id=row.pk, on=DAY)
    assert message in refusal.value.message
    assert "local.yaml" in refusal.value.message


def test_a_line_of_another_income_concept_is_refused_with_the_reason(db, own_policies):
    (own_policies / "local.yaml").write_text(
        """values:
  - {parameter: monitoring_range, region: "621221000000", value: 9000, applied_from: 2026-01-01,
     recorded_on: 2026-01-01, certainty: text, source: test, income_concept: disposable}
""",
        encoding="utf-8",
    )
    row = household(net_income_per_head_fen=1)
    with pytest.raises(Invalid, match="可支配收入"):
        decide_household(actor=wang().actor, household_id=row.pk, on=DAY)


def test_every_shipped_rule_compiles_and_prints_in_both_languages(settings):
    from yuchang.rulelang.render import sentence

    pack = compile_pack(load_library(settings.POLICIES_DIR))
    assert len(pack.rules) >= 12
    for rule in pack.rules:
        assert sentence(rule.node, "zh")
        assert sentence(rule.node, "en").isascii() or "“" in sentence(rule.node, "en")


def test_a_rule_that_reads_a_fact_without_saying_how_old_is_refused(own_policies):
    text = EXTRA.replace("size >= 6 人", "debt > 1 元")
    (own_policies / "local.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match="最多可以多旧"):
        compile_pack(load_library(own_policies))


def test_a_command_checks_the_library_before_it_is_used(own_policies):
    from io import StringIO

    from django.core.management import CommandError, call_command

    said = StringIO()
    call_command("check_policies", stdout=said)
    assert "below_line (warn): 人均纯收入低于扶贫标准" in said.getvalue()
    (own_policies / "local.yaml").write_text(EXTRA.replace("size >= 6 人", "size >="), encoding="utf-8")
    with pytest.raises(CommandError, match=r"local\.yaml"):
        call_command("check_policies", stdout=said)
