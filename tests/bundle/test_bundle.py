"""A bundle installs and serves on a machine without network; a damaged one is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.environment import ROOT
from tools.make_bundle import make

OFFLINE = Path(__file__).with_name("offline.py")


@pytest.fixture(scope="module")
def bundle() -> Iterator[Path]:
    """The unpacked bundle: ``YUCHANG_BUNDLE`` names one made before, else it is made (that needs the network)."""
    with tempfile.TemporaryDirectory(prefix="yc-", dir="/tmp") as folder:
        given = os.environ.get("YUCHANG_BUNDLE")
        archive = Path(given) if given else make(Path(folder) / "dist", (), None, None)
        shutil.unpack_archive(archive, folder)
        Path(folder).chmod(0o755)
        yield next(Path(folder).glob("yuchang-*/install.sh")).parent


def without_network() -> list[str]:
    """A network of one's own without any way out, where the machine allows it; dead proxies do the rest."""
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    allowed = shutil.which("unshare") and subprocess.run([*command, "true"], check=False).returncode == 0
    return command if allowed else []


@pytest.mark.nightly
def test_it_installs_and_serves_without_network(bundle: Path) -> None:
    target = bundle.parent / "installed"
    command = [*without_network(), sys.executable, str(OFFLINE), str(bundle), str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    print(done.stdout[-6000:])
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.nightly
def test_a_changed_file_is_refused_and_named(bundle: Path) -> None:
    with (bundle / "source.tar.gz").open("ab") as handle:
        handle.write(b"x")
    command = ["sh", str(bundle / "install.sh"), str(bundle.parent / "refused")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "source.tar.gz" in done.stdout
    assert "copy the bundle again" in done.stderr
    assert not (bundle.parent / "refused" / "manage.py").exists()


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "install.sh"), str(tmp_path / "to")],
        env={"PATH": os.environ["PATH"], "PYTHON": str(old)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


def test_a_bundle_for_another_python_is_told_so(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tools" / "install.sh", tmp_path)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "psycopg_binary-3.3.9-cp39-cp39-manylinux_2_28_sparc.whl").touch()
    command = ["sh", str(tmp_path / "install.sh"), str(tmp_path / "to")]
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "no wheels for this Python" in done.stderr
