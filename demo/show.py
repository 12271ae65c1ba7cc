"""One build from beginning to end: the stages, the report, the sign-ins."""

from __future__ import annotations

import sys
import time

from demo import cast, ground
from demo.loop import PREFECTURE, STAGES
from demo.report import make, make_prefecture
from demo.scene import Options, Scene
from demo.stages import OtherSimulation, run_stages
from yuchang.core import clock
from yuchang.places.models import Place
from yuchang.registry.models import Household

SMALLEST = 60


def build(
    *,
    county_code: str,
    households: int,
    villages: int | None,
    seed: int,
    address: str,
    started: float,
    is_prefecture: bool = False,
) -> int:
    """Build, report, print. Returns the exit code."""
    if Household.objects.exists() and not clock.is_simulated():
        return _refuse("这个数据库里有未标记为模拟的农户。模拟只能建在空库或模拟库中,请换一个数据库。")
    if not Place.objects.filter(code=county_code, level=Place.Level.COUNTY, valid_to__isnull=True).exists():
        return _refuse(f"区划中没有现行的县 {county_code[:6]}。请用 6 位县级代码,例如 621221。")
    if households < SMALLEST:
        return _refuse(f"至少要 {SMALLEST} 户,才放得下各种错填。")
    scene = Scene(Options(county_code, households, seed, villages))
    stages, report = (PREFECTURE, make_prefecture) if is_prefecture else (STAGES, make)
    try:
        seconds = run_stages(stages, scene, scene.options.recipe, ground.refresh_statistics)
    except OtherSimulation as other:
        return _refuse(
            f"这个数据库里已有另一次模拟({other}),与本次({scene.options.recipe})不同,请换一个数据库。"
        )
    except KeyboardInterrupt:
        return _refuse("已中断。再运行一次会接着做,已完成的阶段不会重做。")
    made = report(scene, seconds)
    print(made.text)
    print(f"\n报告:{scene.options.folder / 'report.html'}")
    print(f"本次用时 {time.monotonic() - started:.0f} 秒,各阶段累计 {sum(seconds.values()):.0f} 秒\n")
    print(cast.publish(scene.options.folder, address, clock.today()))
    return 0 if made.is_sound else 1


def _refuse(message: str) -> int:
    print(f"✕ {message}", file=sys.stderr)
    return 2
