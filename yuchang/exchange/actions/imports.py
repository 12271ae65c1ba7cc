"""A workbook of postings as a kind of import: judged row by row, written in portions, taken back whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.queries import LEVEL_COLUMNS, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.actions.postings import LIVE_MAX, post_many, supersede
from yuchang.exchange.models import UNSETTLED, Category, Match, Posting
from yuchang.exchange.rules import PostingFacts, content_key, posting_flaws
from yuchang.exchange.words import FLAWS
from yuchang.exchange.workbook import COLUMNS, Read, read_row
from yuchang.places.models import Place
from yuchang.registry.models import Household
from yuchang.sheets.cells import as_text
from yuchang.sheets.kinds import Column, FindingDraft, Group, Report, Row
from yuchang.sheets.models import ImportBatch, StagedGroup

POSTINGS = "exchange.postings"
MESSAGES: dict[str, tuple[Promise, Promise]] = {
    "unknown word": (gettext_lazy("不认识“%(text)s”。"), gettext_lazy("请按空白工作簿中的写法填写。")),
    "no category": (gettext_lazy("没有“%(text)s”这个品类。"), gettext_lazy("请用品类表中的名称或俗名。")),
    "many categories": (
        gettext_lazy("“%(text)s”是几个品类共用的名称。"),
        gettext_lazy("请写出更具体的名称。"),
    ),
    "no whole number": (gettext_lazy("“%(text)s”不是整数。"), gettext_lazy("请填写整数，不带单位。")),
    "unit mismatch": (
        gettext_lazy("%(n)s %(from)s不能折算为整数的%(to)s。"),
        gettext_lazy("请改用该品类的单位。"),
    ),
    "no price": (gettext_lazy("“%(text)s”不是价格。"), gettext_lazy("请填写元，最多两位小数。")),
    "no day": (gettext_lazy("“%(text)s”不是日期。"), gettext_lazy("请写成 2026-12-01。")),
    "no owner": (
        gettext_lazy("没有找到这个户或村，或不在导入范围内。"),
        gettext_lazy("请填写户编号，或 12 位村代码。"),
    ),
    "twin": (gettext_lazy("与第 %(row)s 行完全相同。"), gettext_lazy("请合并数量，只留一行。")),
    "too many": (gettext_lazy("同一主体的供需超过 %(n)s 条。"), gettext_lazy("请合并数量。")),
    "changed_since_check": (
        gettext_lazy("检查之后，该主体已有相同的供需，或已不在范围内。"),
        gettext_lazy("请重新上传检查。"),
    ),
}


class PostingWorkbook:
    """One row, one posting of a household or village of the area."""

    name = POSTINGS
    permission = "exchange.post"
    columns: Sequence[Column] = COLUMNS

    @property
    def title(self) -> str:
        return _("供需工作簿")

    def message(self, code: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """The words of a finding."""
        message, remedy = MESSAGES.get(code) or FLAWS[code]
        return str(message) % arguments if arguments else str(message), str(remedy)

    def check(
        self, *, actor: Actor, batch: ImportBatch, rows: Sequence[Row], report: Report
    ) -> Iterator[Group]:
        """Judge every row; one that is posted already is left unchanged, so twice the same does nothing."""
        owners = _Owners(actor, batch, rows)
        leaves = dict(Category.objects.filter(is_leaf=True).values_list("code", "unit"))
        named = _names()
        judge = _Judge(owners, leaves, clock.today())
        groups = [judge.group(row, read_row(row.cells, named, leaves)) for row in rows]
        judge.leave_live_alone(groups)
        report(len(rows), len(rows))
        yield from groups

    def write(self, *, actor: Actor, batch: ImportBatch, first: int, last: int) -> None:
        """Post the rows of a portion that nothing has overtaken since the check."""
        span = batch.groups.filter(number__range=(first, last), outcome="").exclude(state="rejected")
        span.filter(plan="unchanged").update(outcome="unchanged")
        staged = batch.staged.filter(group_number__in=span.filter(plan="created").values("number"))
        facts = {row.group_number: facts_from(row.content) for row in staged.order_by("group_number")}
        late = _overtaken(actor, facts)
        _skip(batch, sorted(late))
        good = {number: one for number, one in facts.items() if number not in late}
        post_many(actor=actor, rows=good.values(), import_batch_id=batch.pk)
        keys = {content_key(one): number for number, one in good.items()}
        stored = Posting.objects.filter(import_batch_id=batch.pk, content_key__in=keys)
        _note(batch, {keys[key]: pk for pk, key in stored.values_list("pk", "content_key")})

    def undo(self, *, actor: Actor, batch: ImportBatch) -> int:
        """Withdraw what the batch posted. Raises Conflict when somebody has built on one of them."""
        rows = Posting.objects.filter(import_batch_id=batch.pk).order_by("pk")
        ids = list(rows.select_for_update().values_list("pk", flat=True))
        _refuse_if_used(ids)
        with write("exchange.withdraw_posting", actor) as audit:
            execute(
                "UPDATE exchange_posting SET state = 'withdrawn', version = version + 1, updated_at = now()"
                " WHERE id = ANY(%s) AND state IN ('draft', 'open')",
                [ids],
            )
            supersede(ids)
            return audit.add_bulk(
                "posting",
                "SELECT id::text, place_id, jsonb_build_object('import', import_batch_id)"
                " FROM exchange_posting WHERE id = ANY(%s)",
                [ids],
            )


def _refuse_if_used(ids: Sequence[int]) -> None:
    busy = Match.objects.filter(Q(offer_id__in=ids) | Q(need_id__in=ids), state__in=["talking", "agreed"])
    used = busy.order_by("pk").first()
    if used is not None:
        number = used.offer_id if used.offer_id in set(ids) else used.need_id
        raise Conflict(
            _("编号 %(id)d 的供需已有洽谈或协议,不能撤销整批导入。") % {"id": number},
            remedy=_("请逐条撤回其余的。"),
        )


def _names() -> dict[str, list[str]]:
    """The leaf categories by every name they go by."""
    found: dict[str, list[str]] = {}
    for row in Category.objects.filter(is_leaf=True).order_by("position"):
        for name in {row.name_zh.lower(), row.code, *(alias.lower() for alias in row.aliases)}:
            found.setdefault(name, []).append(row.code)
    own = {row.name_zh.lower(): [row.code] for row in Category.objects.filter(is_leaf=True)}
    return {**found, **own}


class _Owners:
    """The households and villages that the rows name, as far as they lie in the area and in reach."""

    def __init__(self, actor: Actor, batch: ImportBatch, rows: Sequence[Row]) -> None:
        within = Q(**{LEVEL_COLUMNS[batch.place.level]: batch.place_id}) if batch.place.level else Q()
        within &= place_filter(actor, "exchange.post")
        numbers = {as_text(row.cells.get("household")) for row in rows} - {""}
        codes = {as_text(row.cells.get("village")) for row in rows} - {""}
        live = Household.objects.filter(within, number__in=numbers).exclude(state="removed")
        self.households = {n: (pk, place) for n, pk, place in live.values_list("number", "pk", "place_id")}
        villages = Place.objects.filter(within, code__in=codes, level=5, valid_to=None)
        self.villages = dict(villages.values_list("code", "pk"))
        self.only = batch.place_id if batch.place.level == 5 else None

    def of(self, row: Row) -> dict[str, int]:
        """The owner as a keyword of ``PostingFacts``; empty when there is none."""
        if number := as_text(row.cells.get("household")):
            found = self.households.get(number)
            return {"household_id": found[0]} if found else {}
        village = self.villages.get(as_text(row.cells.get("village")), self.only)
        if as_text(row.cells.get("village")) and as_text(row.cells.get("village")) not in self.villages:
            village = None
        return {"village_id": village} if village else {}


class _Judge:
    """Judges rows one after the other; remembers what earlier rows said."""

    def __init__(self, owners: _Owners, leaves: Mapping[str, str], today: date) -> None:
        self.owners, self.leaves, self.today = owners, dict(leaves), today
        self.seen: dict[str, int] = {}
        self.counts: Counter[tuple[str, int]] = Counter()

    def group(self, row: Row, read: Read) -> Group:
        """One row as a group of its own."""
        owner = self.owners.of(row)
        findings = [FindingDraft(row.number, f, "rejected", code, args) for f, code, args in read.faults]
        if not owner:
            findings.append(FindingDraft(row.number, "household", "rejected", "no owner"))
        group = Group(key=str(row.number), rows=1, findings=findings, plan="created", numbers=[row.number])
        if findings:
            return group
        facts = PostingFacts(**read.said, **owner)  # type: ignore[arg-type]
        for flaw in posting_flaws(facts, self.leaves, self.today):
            findings.append(
                FindingDraft(row.number, _FIELDS.get(flaw.field, flaw.field), "rejected", flaw.code)
            )
        if findings:
            return group
        self._remember(row, facts, findings)
        group.content_hash = bytes.fromhex(content_key(facts))
        group.contents = [(row.number, json.dumps(_plain(facts), ensure_ascii=False))]
        return group

    def _remember(self, row: Row, facts: PostingFacts, findings: list[FindingDraft]) -> None:
        first = self.seen.setdefault(content_key(facts), row.number)
        if first != row.number:
            findings.append(FindingDraft(row.number, "category", "rejected", "twin", {"row": first}))
        who = next((k, v) for k, v in (("h", facts.household_id), ("v", facts.village_id)) if v is not None)
        self.counts[who] += 1
        if self.counts[who] > LIVE_MAX:
            findings.append(FindingDraft(row.number, "household", "rejected", "too many", {"n": LIVE_MAX}))

    def leave_live_alone(self, groups: Sequence[Group]) -> None:
        """What is live already stays as it is."""
        keys = [g.content_hash.hex() for g in groups if g.content_hash]
        live = Posting.objects.filter(content_key__in=keys, state__in=UNSETTLED)
        known = set(live.values_list("content_key", flat=True))
        for group in groups:
            if group.content_hash and group.content_hash.hex() in known:
                group.plan = "unchanged"


_FIELDS = {"limit": "limit", "radius_km": "radius", "owner": "household", "repeat_until": "repeats"}
_DAYS = ("window_from", "window_to")


def _plain(facts: PostingFacts) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in vars(facts).items()}


def facts_from(content: Mapping[str, Any]) -> PostingFacts:
    """What ``check`` staged."""
    days = {name: date.fromisoformat(content[name]) for name in _DAYS}
    return PostingFacts(**{**content, **days, "certificates": tuple(content["certificates"])})


def _overtaken(actor: Actor, facts: Mapping[int, PostingFacts]) -> set[int]:
    """Rows that somebody posted meanwhile, or whose owner is gone."""
    keys = {content_key(one): number for number, one in facts.items()}
    live = Posting.objects.filter(content_key__in=keys, state__in=UNSETTLED)
    late = {keys[key] for key in live.values_list("content_key", flat=True)}
    reach = place_filter(actor, "exchange.post")
    wanted = {one.household_id for one in facts.values() if one.household_id is not None}
    there = Household.objects.filter(reach, pk__in=wanted).exclude(state="removed")
    gone = wanted - set(there.values_list("pk", flat=True))
    return late | {number for number, one in facts.items() if one.household_id in gone}


def _skip(batch: ImportBatch, numbers: Sequence[int]) -> None:
    batch.groups.filter(number__in=numbers).update(outcome=StagedGroup.Outcome.SKIPPED)
    rows = dict(batch.staged.filter(group_number__in=numbers).values_list("group_number", "row"))
    batch.findings.bulk_create(
        batch.findings.model(
            batch=batch, group_number=n, row=rows[n], level="rejected", code="changed_since_check"
        )
        for n in numbers
    )


def _note(batch: ImportBatch, stored: Mapping[int, int]) -> None:
    """Which group became which posting."""
    execute(
        "UPDATE sheets_stagedgroup g SET outcome = 'created', object_id = s.id, object_version = 1"
        " FROM unnest(%s::int[], %s::bigint[]) AS s(number, id)"
        " WHERE g.batch_id = %s AND g.number = s.number",
        [list(stored), list(stored.values()), batch.pk],
    )


KIND = PostingWorkbook()
