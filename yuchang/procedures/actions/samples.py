"""Spot checks: draw reproducibly, note what each check found."""

from __future__ import annotations

import secrets
from datetime import date

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts import actions as accounts
from yuchang.accounts.doors import open_door
from yuchang.accounts.models import Assignment
from yuchang.accounts.queries import LEVEL_COLUMNS, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Refused, invalid
from yuchang.core.phrases import said
from yuchang.messages import actions as messages
from yuchang.places.models import Place, keys_of
from yuchang.procedures import queries
from yuchang.procedures.actions.steps import CASE_KIND
from yuchang.procedures.models import Case, Sample, SampleCheck, SampleRow
from yuchang.procedures.rules import samples

SAMPLE_KIND = "procedures.sample"


def draw_sample(
    actor: Actor, *, code: str, step: str, place: Place, share_percent: int | None = None
) -> Sample:
    """Draw among all cases of a procedure that stand in a step of a place (``procedures.sample`` there).

    The seed is random, nobody chooses it; the draws of a step and place are counted. ``share_percent``
    defaults to the definition's, and may not be less. The drawn households open to whoever holds the
    sample's scope (an evaluator). Raises Conflict when no case stands there.
    """
    place = open_door(Place.objects.all(), actor, "procedures.sample", place.pk)
    with write("procedures.draw_sample", actor) as audit:
        _one_draw_at_a_time(code, step, place)
        rows = Case.objects.filter(code=code, step=step, state=Case.State.OPEN)
        rows = rows.filter(**{LEVEL_COLUMNS[place.level]: place.pk})
        population = sorted(rows.values_list("pk", flat=True))
        if not population:
            raise Conflict(_("该地没有处于这一步骤的事项。"), remedy=_("请在有事项到达后再抽取。"))
        share = _share(rows.order_by("-definition__number").first(), step, share_percent)
        seed = secrets.token_hex(16)
        ordered = samples.order(seed, population)
        sample = Sample.objects.create(
            place=place,
            **keys_of(place),
            code=code,
            step=step,
            share_percent=share,
            seed=seed,
            population=len(population),
            size=samples.size_of(len(population), share),
            population_hash=samples.population_hash(population),
            draw=Sample.objects.filter(code=code, step=step, place=place).count() + 1,
            drawn_by_id=actor.user_id,
            drawn_at=clock.now(),
        )
        _store_rows(sample, ordered)
        opened = {"household": queries.sampled_households(sample), CASE_KIND: queries.sampled_cases(sample)}
        accounts.open_sample(actor=actor, permission="procedures.sample", sample_id=sample.pk, objects=opened)
        audit.add(
            "sample", sample.pk, place_id=place.pk, seed=seed, share=share, population=len(population),
            population_hash=sample.population_hash, size=sample.size, draw=sample.draw,
        )  # fmt: skip
    return sample


def _one_draw_at_a_time(code: str, step: str, place: Place) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sample:{code}:{step}:{place.pk}"]
        )


def _share(case: Case | None, step: str, asked: int | None) -> int:
    assert case is not None  # noqa: S101 - the population is not empty
    least = queries.plan_of(case.definition).steps[step].sample_percent
    share = asked if asked is not None else (least or 10)
    if not max(1, least) <= share <= 100:
        raise invalid(
            "share_percent", _("抽查比例应在 %(least)s%% 至 100%% 之间。") % {"least": max(1, least)}
        )
    return share


def _store_rows(sample: Sample, ordered: list[int]) -> None:
    rows = ((sample.pk, case_id, rank, rank <= sample.size) for rank, case_id in enumerate(ordered, start=1))
    copy_rows("procedures_samplerow", ("sample_id", "case_id", "rank", "is_drawn"), rows)


def give_sample(actor: Actor, *, sample_id: int, user_id: int, valid_to: date | None = None) -> Assignment:
    """Give a sample to an evaluator (``procedures.sample`` in its place), who is told of it.

    The drawn households and cases open to the evaluator until ``valid_to``.
    Raises Refused, Hidden, Invalid, Conflict.
    """
    with write("procedures.give_sample", actor) as audit:
        sample = open_door(
            Sample.objects.select_related("place"),
            actor,
            "procedures.sample",
            sample_id,
            within=place_filter(actor, "procedures.sample"),
        )
        row = accounts.give_sample(
            actor=actor,
            permission="procedures.sample",
            sample_id=sample.pk,
            place=sample.place,
            user_id=user_id,
            valid_to=valid_to,
        )
        messages.send(
            actor,
            to_user_ids=[user_id],
            kind="task",
            title=said("请检查抽查样本 %(number)s", number=sample.pk),
            body=said("%(place)s，抽中 %(count)s 件。", place=sample.place.name, count=sample.size),
            link=reverse("procedures:sample", args=[sample.pk]),
            due_on=valid_to,
            place=sample.place,
            reference_kind=SAMPLE_KIND,
            reference_id=sample.pk,
        )
        audit.add("sample", sample.pk, place_id=sample.place_id, evaluator=user_id)
    return row


def check_sampled(actor: Actor, *, row_id: int, is_sound: bool, note: str) -> SampleCheck:
    """Note what the check of a drawn case found (``procedures.check``), as an evaluator of the sample or in
    one's own places.

    Raises Refused for who acted in the case, Conflict for one that was not drawn or is checked, Invalid
    without a note, Hidden outside the area.
    """
    if len(note.strip()) < 2:
        raise invalid("note", _("请写明检查情况。"))
    with write("procedures.check_sampled", actor) as audit:
        rows = SampleRow.objects.select_related("sample", "case")
        within = queries.sample_filter(actor, "procedures.check", prefix="sample__")
        row = open_door(rows, actor, "procedures.check", row_id, within=within)
        if not row.is_drawn or SampleCheck.objects.filter(row=row).exists():
            raise Conflict(_("该事项未被抽中,或已登记检查结果。"), remedy=_("请刷新抽查页面。"))
        if row.case.records.filter(by_id=actor.user_id).exists():
            raise Refused(_("办理过该事项的人不能检查它。"), remedy=_("请由另一名同事检查。"))
        check = SampleCheck.objects.create(
            row=row, is_sound=is_sound, note=note.strip()[:500], by_id=actor.user_id, at=clock.now()
        )
        audit.add("case", row.case_id, place_id=row.case.place_id, sample=row.sample_id, is_sound=is_sound)
        if not queries.unfinished_rows().filter(sample=row.sample_id).exists():
            messages.settle(actor, reference_kind=SAMPLE_KIND, reference_id=row.sample_id)
    return check
