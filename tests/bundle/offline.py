"""Runs inside a network of its own that leads nowhere: install from the bundle, start, look, stop.

``python offline.py BUNDLE_FOLDER TARGET``. Prints what it did, ends with 0 when all was well.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

DEAD = "http://127.0.0.1:9"
PORTS = ("18000", "18001", "18002")


def raise_loopback() -> None:
    """A new network has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))


def must(*command: str, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout[-4000:], flush=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}"
    return done.stdout


def answer(port: str, path: str) -> str:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply,
        ):
            assert reply.status == 200
            return reply.read().decode()
        time.sleep(0.5)
    raise AssertionError(f"no answer from {port}{path}")


def main() -> None:
    bundle, target = Path(sys.argv[1]), Path(sys.argv[2])
    raise_loopback()
    keep = {
        k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_", "YUCHANG_", "PIP_", "VIRTUAL"))
    }
    environment = keep | dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), DEAD)
    environment |= {
        "no_proxy": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "YUCHANG_VAR": str(target / "var"),
    }
    os.environ["no_proxy"] = "127.0.0.1"
    started = time.monotonic()
    must("sh", str(bundle / "install.sh"), str(target), cwd=bundle, environment=environment)
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)
    python = str(target / ".venv" / "bin" / "python")
    supervisor = [python, "-m", "yuchang.supervisor"]
    ports = ["--port", PORTS[0], "--public-port", PORTS[1], "--metrics-port", PORTS[2]]
    started = time.monotonic()
    with (target / "run.log").open("w") as log:
        running = subprocess.Popen(
            [*supervisor, "run", *ports], cwd=target, env=environment, stdout=log, stderr=log
        )
    try:
        assert "password" in answer(PORTS[0], "/accounts/sign-in")
        assert "ready" in answer(PORTS[1], "/readyz")
        assert "yuchang_up 1" in answer(PORTS[2], "/metrics")
        print(f"served after {time.monotonic() - started:.0f} s", flush=True)
        must(*supervisor, "doctor", cwd=target, environment=environment)
    finally:
        print((target / "run.log").read_text()[-2000:])
        running.terminate()
        running.wait(120)


if __name__ == "__main__":
    main()
