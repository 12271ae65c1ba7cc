"""No stage of the loop grows with the square of the county: a small demonstration cannot show that."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.loop import Growth
from config.environment import ROOT


@pytest.mark.nightly
def test_every_stage_grows_with_the_county_and_not_with_its_square(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        done = subprocess.run([sys.executable, "-m", "bench.loop"], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("few", "many", "judged"), [(2.0, 10.0, 1.0), (2.0, 50.0, 5.0), (0.1, 1.5, 0.5), (0.1, 30.0, 10.0)]
)
def test_a_stage_is_judged_against_itself_in_a_smaller_county(few: float, many: float, judged: float) -> None:
    assert Growth("import", few, many, times=5).against_size == judged
