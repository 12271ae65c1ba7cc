"""What was planted, and what the platform found of it: planted, found, missed, falsely named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from django.db.models import Sum

from demo import prefecture
from demo.county import truth
from demo.lines import Errors, Row, share
from demo.scene import Scene
from yuchang.core.models import AuditEntry
from yuchang.registry.models import Household


def of_prefecture(scene: Scene) -> tuple[list[Row], Errors]:
    """The lines of a prefecture's report."""
    errors = Errors()
    folders = sorted((scene.options.folder / "truth").iterdir())
    rows = _people(scene, folders, errors)
    return rows, errors


def _people(scene: Scene, folders: list[Path], errors: Errors) -> list[Row]:
    known = [truth.read(folder, "households") for folder in folders]
    households = sum(len(one["number"]) for one in known)
    forgotten = sum(int((~one["is_reported"]).sum()) for one in known)
    poor = sum(int(one["is_poor"].sum()) for one in known)
    hidden = sum(int((one["is_poor"] & ~one["is_reported"]).sum()) for one in known)
    right = sum(int((one["is_poor"] & (one["cause"] == one["reported_cause"])).sum()) for one in known)
    within = Household.objects.filter(prefecture_id=scene.county_place.prefecture_id)
    marks = AuditEntry.objects.filter(action=prefecture.MARK).count()
    people = int(within.aggregate(n=Sum("size"))["n"] or 0)
    size = sum(int(np.sum(one["size"])) for one in known)
    for one in known:
        for number in one["number"][one["is_poor"] & ~one["is_reported"]].tolist():
            errors.add("漏报的贫困户", str(number), "干部没有上报,平台无从得知")
    return [
        Row("县", str(len(folders)), str(marks)),
        Row("农户", f"{households:,}(其中漏报 {forgotten:,})", f"{within.count():,}"),
        Row("人口", f"{size:,}", f"{people:,}"),
        Row("漏报的贫困户", "0", share(hidden, poor)),
        Row("主要致贫原因正确", f"{poor:,}", share(right, poor)),
    ]
