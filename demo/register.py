"""The register's part of the loop: people, organisations, workbook, second person, notice, survey."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from demo import cast
from demo.cast import PARTS, Part, SignIn
from demo.county import reporting, truth, workbook
from demo.county.economy import Organisation as MadeUp
from demo.progress import Line
from demo.scene import NEXT_COUNTY, Scene
from yuchang.accounts.rules import Role
from yuchang.core.money import yuan_to_fen
from yuchang.exchange.actions import sync_categories
from yuchang.partners import actions as partners
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.registry import actions as registry
from yuchang.registry.models import Household, Notice, NoticeEntry, Objection, Source
from yuchang.sheets import actions as sheets
from yuchang.sheets.models import ImportBatch, StagedGroup

KIND = "registry.households"
PRINTED_PARTNERS = {"firm-0": "partner", "canteen-0": "buyer"}
WORKBOOK, CORRECTION, SUPPLEMENT = "workbook.xlsx", "correction.xlsx", "supplement.xlsx"
FOUND_LATER = 0.6
"""The share of the forgotten poor whom the autumn visits find."""


def write_files(scene: Scene, line: Line) -> str:
    """Generate the county, keep its truth apart, and write the workbook the county sends in."""
    folder = scene.options.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    truth.write(folder / "truth", scene.county, scene.report)
    rows = workbook.write(folder / WORKBOOK, scene.report.columns)
    return f"{scene.options.households:,} 户的真相另存;工作簿 {rows:,} 行"


def open_county(scene: Scene, line: Line) -> str:
    """Mark the database simulated and make the people who work in the county."""
    on = scene.set_clock(1, 5)
    lines: list[SignIn] = []
    for number, part in enumerate(PARTS):
        place = _scope(scene, part)
        user, one_time = cast.enter(part, place)
        lines.append(cast.sign_in(part, cast.choose_password(user, one_time), place.name))
        line.step(number + 1, len(PARTS))
    cast.remember(scene.options.folder, lines)
    sync_categories(actor=scene.officer)
    return f"{len(lines)} 人,模拟日期 {on}"


def _scope(scene: Scene, part: Part) -> Place:
    county = scene.county_place
    village = next(iter(scene.villages.values()))
    if part.scope == "next county":
        return Place.objects.get(code=_next_county(scene), valid_to__isnull=True)
    keys = {
        "province": county.province_id,
        "prefecture": county.prefecture_id,
        "county": county.pk,
        "township": village.township_id,
        "village": village.pk,
    }
    return Place.objects.get(pk=keys[part.scope] or 0)


def _next_county(scene: Scene) -> str:
    if scene.options.county_code != NEXT_COUNTY:
        same = Place.objects.filter(code=NEXT_COUNTY, prefecture_id=scene.county_place.prefecture_id)
        if same.exists():
            return NEXT_COUNTY
    others = Place.objects.filter(
        prefecture_id=scene.county_place.prefecture_id, level=Place.Level.COUNTY, valid_to__isnull=True
    )
    return others.exclude(pk=scene.county_place.pk).order_by("code").values_list("code", flat=True)[0]


def enter_organisations(scene: Scene, line: Line) -> str:
    """One officer proposes the organisations, another vets them; each gets a person who acts for it."""
    made_up = scene.county.organisations
    townships = sorted({v.township_id for v in scene.villages.values()}, key=lambda pk: str(pk))
    rows = [_facts(scene, one, townships) for one in made_up]
    stored = partners.propose_organisations(actor=scene.officer, rows=rows)
    partners.vet_organisations(
        actor=scene.second, organisation_ids=[row.pk for row in stored], note="模拟核验"
    )
    acting: dict[str, list[tuple[MadeUp, Organisation]]] = {}
    for one, row in zip(made_up, stored, strict=True):
        if one.demands:
            acting.setdefault(clerk_of(one), []).append((one, row))
    for number, (username, mine) in enumerate(acting.items()):
        cast.remember(scene.options.folder, _clerk(username, mine))
        line.step(number + 1, len(acting))
    return f"{len(stored)} 家单位已核验"


def _facts(scene: Scene, one: MadeUp, townships: Sequence[int | None]) -> partners.OrganisationFacts:
    seat = scene.county_place.pk if one.township is None else townships[one.township]
    if one.seat_code:
        seat = Place.objects.get(code=one.seat_code, valid_to__isnull=True).pk
    return partners.OrganisationFacts(
        name=one.name,
        kind=one.kind,
        place_id=seat or scene.county_place.pk,
        host_id=scene.county_place.pk,
        credit_code=one.credit_code,
        contact_name=one.contact,
        phone=one.phone,
        introduction="模拟单位,并不存在。",
    )


def clerk_of(one: MadeUp) -> str:
    """The sign-in name of the person who acts for an organisation; two of them have one of their own."""
    agents = {"enterprise": "agent", "canteen": "agent2"}
    return PRINTED_PARTNERS.get(one.key, agents[one.kind])


def _clerk(username: str, mine: Sequence[tuple[MadeUp, Organisation]]) -> list[SignIn]:
    """The person who acts for these organisations; returns the line to print, if any."""
    one, row = mine[0]
    part = Part(username, "赵企业" if username == "partner" else one.contact, Role.PARTNER, one.name)
    user, one_time = cast.enter(part, organisation_id=row.pk)
    for _other, further in mine[1:]:
        cast.add_organisation(user, further.pk)
    if username not in PRINTED_PARTNERS.values():
        return []
    return [cast.sign_in(part, cast.choose_password(user, one_time), one.name)]


def import_workbook(scene: Scene, line: Line) -> str:
    """王专员 sends the official workbook through the same steps as a real county."""
    batch = _import(scene, line, scene.options.folder / WORKBOOK)
    counts = batch.counts
    return (
        f"写入 {counts.get('created', 0):,} 户;退回 {counts.get('rejected', 0)} 户,"
        f"带提醒 {counts.get('with_warning', 0):,} 户"
    )


def import_correction(scene: Scene, line: Line) -> str:
    """The rejected households come again, corrected."""
    first = ImportBatch.objects.get(county_id=scene.county_place.pk, file_name=WORKBOOK)
    rejected = first.groups.filter(state=StagedGroup.State.REJECTED).values_list("key", flat=True)
    columns = reporting.corrected(scene.county, scene.report, set(rejected))
    path = scene.options.folder / CORRECTION
    workbook.write(path, columns)
    batch = _import(scene, line, path)
    return f"更正后写入 {batch.counts.get('created', 0)} 户,仍退回 {batch.counts.get('rejected', 0)} 户"


def _import(scene: Scene, line: Line, path: Path) -> ImportBatch:
    """Upload, accept the mapping, check, confirm, write; each taken up where an earlier run left it."""
    officer, county = scene.officer, scene.county_place
    batch = ImportBatch.objects.filter(county_id=county.pk, file_name=path.name).order_by("-id").first()
    if batch is None:
        batch = sheets.start_import(
            actor=officer,
            kind=KIND,
            area_id=county.pk,
            file_name=path.name,
            content=path.read_bytes(),
            observed_on=scene.county.recipe.on,
        )
    if batch.state == ImportBatch.State.UPLOADED:
        batch = sheets.confirm_mapping(actor=officer, batch_id=batch.pk, version=batch.version)
    line.step(1, 10)
    sheets.check_import(batch.pk)
    batch.refresh_from_db()
    line.step(5, 10)
    if batch.state == ImportBatch.State.CHECKED:
        batch = sheets.confirm_import(actor=officer, batch_id=batch.pk, version=batch.version)
    sheets.write_import(batch.pk)
    batch.refresh_from_db()
    if batch.state != ImportBatch.State.DONE:
        raise RuntimeError(f"import {path.name} ended as {batch.state}: {batch.message}")
    return batch


def find_doubles(scene: Scene, line: Line) -> str:
    """周专员 lets the register be searched for people who are entered twice under different numbers."""
    done = registry.find_likenesses(actor=scene.second, area=scene.county_place)
    return f"比对 {done.people:,} 人,很可能重复 {done.likely} 对,可能重复 {done.possible} 对"


def verify(scene: Scene, line: Line) -> str:
    """A second person looks at every entry: the reviewer at one township, 周专员 at the rest."""
    on = scene.set_clock(1, 12)
    reviewed = registry.verify_households(actor=cast.actor("reviewer"))
    line.step(1, 2)
    rest = registry.verify_households(actor=scene.second)
    return f"{on} 张审核 {reviewed:,} 户,周专员 {rest:,} 户"


def publish_notices(scene: Scene, line: Line) -> str:
    """A masked notice in every village, seven days long."""
    on = scene.set_clock(1, 14)
    made = registry.publish_notices(actor=scene.second, opens_on=on, days=7, county_id=scene.county_place.pk)
    return f"{on} 起 {made} 个村公示"


def hear_objections(scene: Scene, line: Line) -> str:
    """Villagers object to some of the favoured, and to some without reason; 周专员 decides each."""
    scene.set_clock(1, 18)
    rng = scene.rng("objections")
    ids = scene.household_ids
    favoured = [i for i in np.flatnonzero(scene.report.is_favoured).tolist() if i in ids]
    heard = [i for i in favoured if rng.random() < 0.3]
    others = rng.choice(sorted(ids), max(2, len(heard) // 4), replace=False).tolist()
    entries = dict(
        NoticeEntry.objects.filter(household_id__in=[ids[i] for i in heard + others]).values_list(
            "household_id", "id"
        )
    )
    upheld = 0
    for i in dict.fromkeys(heard + others):
        if ids[i] not in entries:
            continue
        doubt = "该户家境较好,与登记收入不符。" if i in heard else "听说该户有人在外打工。"
        objection = registry.raise_objection(actor=scene.officer, entry_id=entries[ids[i]], text=doubt)
        registry.decide_objection(
            actor=scene.second,
            objection_id=objection.pk,
            version=objection.version,
            upheld=i in heard,
            reason="入户核查,收入明显高于登记。" if i in heard else "入户核查,登记属实。",
        )
        upheld += i in heard
    return f"{Objection.objects.count()} 件异议,{upheld} 件成立"


def close_notices(scene: Scene, line: Line) -> str:
    """After the last day the notices close: who stood the test is listed."""
    on = scene.set_clock(1, 23)
    closed = registry.close_notices(actor=scene.second)
    removed = _strike_off(scene)
    listed = Household.objects.filter(county_id=scene.county_place.pk, state=Household.State.LISTED).count()
    left = Notice.objects.filter(county_id=scene.county_place.pk, state=Notice.State.OPEN).count()
    return f"{on} 结束 {closed} 个公示({left} 个未结),纳入 {listed:,} 户,异议成立注销 {removed} 户"


def _strike_off(scene: Scene) -> int:
    """What an upheld objection means for the register: the household is struck off, its history stays."""
    withheld = NoticeEntry.objects.filter(
        household__county_id=scene.county_place.pk, outcome=NoticeEntry.Outcome.WITHHELD
    ).select_related("household")
    for entry in withheld:
        registry.remove_household(
            actor=scene.officer,
            household_id=entry.household_id,
            version=entry.household.version,
            reason="公示异议成立,不符合条件。",
        )
    return len(withheld)


def supplement(scene: Scene, line: Line) -> str:
    """The autumn visits find most of the forgotten poor: they come in a workbook of their own."""
    on = scene.set_clock(11, 13)
    forgotten = np.flatnonzero(scene.county.is_poor & ~scene.report.is_reported)
    drawn = scene.rng("found later").random(len(forgotten))
    found = {str(scene.report.household_number[i]) for i in forgotten[drawn < FOUND_LATER].tolist()}
    if not found:
        return f"{on} 没有补录"
    path = scene.options.folder / SUPPLEMENT
    workbook.write(path, reporting.corrected(scene.county, scene.report, found))
    batch = _import(scene, line, path)
    return f"{on} 补录 {batch.counts.get('created', 0)} 户漏报户"


def notice_again(scene: Scene, line: Line) -> str:
    """What came in late is verified by the second person and stands under public notice at the end."""
    on = scene.set_clock(11, 16)
    county = scene.county_place.pk
    waiting = Household.objects.filter(county_id=county, state=Household.State.ENTERED)
    if not waiting.exists():
        return f"{on} 没有待公示的户"
    verified = registry.verify_households(actor=scene.second)
    made = registry.publish_notices(actor=scene.second, opens_on=on, days=7, county_id=county)
    return f"{on} 核实 {verified} 户,{made} 个村正在公示"


SURVEY_COLUMNS = (
    "net_income_per_head_fen",
    "wage_income_fen",
    "business_income_fen",
    "transfer_income_fen",
    "property_income_fen",
    "production_expense_fen",
    "compliant_medical_spending_fen",
    "arable_land_mu_tenths",
    "house_area_sqm",
    "debt_fen",
)


def survey(scene: Scene, line: Line) -> str:
    """The winter visit: income by source, medical spending, land and house of every registered household.

    It sees through rounding, and still believes who keeps wages quiet or is a friend.
    """
    on = scene.set_clock(2, 10)
    ids = scene.household_ids
    rows = survey_rows(scene, ids, 0)
    count = registry.record_facts_set(
        actor=scene.officer, observed_on=on, source=Source.VISIT, columns=SURVEY_COLUMNS, rows=rows
    )
    return f"{on} {count:,} 户的收入构成"


def survey_rows(scene: Scene, ids: dict[int, int], year: int) -> list[tuple[int | None, ...]]:
    homes, income = scene.county.households, scene.county.incomes[year]
    size = homes.size
    reported = np.where(year == 0, scene.report.reported_net, income.net_per_head)
    gap = (income.net_per_head - reported) * size  # what the household did not tell, or was written for it
    wage = np.maximum(income.wage - np.maximum(gap, 0.0), 0.0)
    return [
        (
            ids[i],
            yuan_to_fen(round(float(reported[i]), 2)),
            yuan_to_fen(round(float(wage[i]), 2)),
            yuan_to_fen(float(income.business_gross[i])),
            yuan_to_fen(float(income.transfer[i])),
            yuan_to_fen(float(income.property[i])),
            yuan_to_fen(float(income.expense[i])),
            yuan_to_fen(float(income.medical_spending[i])),
            round(float(homes.land_mu[i]) * 10),
            round(float(homes.floor_area[i])),
            yuan_to_fen(float(homes.debt_yuan[i])),
        )
        for i in sorted(ids)
    ]
