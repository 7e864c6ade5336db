"""What benchmarks share that bring a throw-away host of their own: the host, Ansible on it, the sample app, and a page to fill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE, HOSTS = ROOT / ".cache", ROOT / "script" / "hosts"
SSH = ["ssh", "-F", CACHE / "hosts" / "ssh_config"]
NAME = Path(sys.argv[0]).name


class Failure(SystemExit):
    """A command failed; not caught, it ends the benchmark with what that said."""


def run(*argv: str | Path, timeout: float = 600, text: str = "", progress: bool = False) -> str:
    """What a command printed; with ``progress`` its stderr goes to the terminal as it comes."""
    environment = {
        **os.environ,
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(CACHE / "cp"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, input=text, stdout=subprocess.PIPE, stderr=None if progress else subprocess.PIPE,
        text=True, timeout=timeout, check=False,
    )  # fmt: skip
    if done.returncode:
        words = " ".join(map(str, argv))[:300]
        raise Failure(f"{NAME}: {words} failed:\n{done.stdout[-3000:]}{(done.stderr or '')[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def host(name: str) -> Iterator[None]:
    """A host, removed afterwards if it was not there before, however this ends."""
    there = f" {name}: " in run(HOSTS, "list")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"{NAME}: told to end"))
    try:
        run(HOSTS, "up", name, timeout=1200)
        yield
    finally:
        if not there:
            run(HOSTS, "down", name)


def hello(name: str, **keys) -> dict:
    """The sample app as ``slipway_apps`` describes it, with some keys changed."""
    return {
        "source": {"path": str(ROOT / "sample_app")},
        "wsgi": "hello:create_app()",
        "domains": [f"{name}.example.com"],
        "shared": ["instance"],
        "env": {"HELLO_PROXIES": "1"},
        "secrets": {"HELLO_SECRET_KEY": "for tests only"},
        "before_start": ["flask --app hello init-db"],
        "health": {"path": "/readyz"},
        **keys,
    }


def inventory(name: str, apps: dict) -> Path:
    """An inventory with this one host, called `bench` there, which serves the apps."""
    path = CACHE / f"{NAME}.inventory.json"
    variables = {"ansible_host": name, "ansible_ssh_common_args": f'-F "{SSH[-1]}"', "slipway_apps": apps}
    path.write_text(json.dumps({"web": {"hosts": {"bench": variables}}}), encoding="utf-8")
    return path


def play(playbook: str, inventory: Path, **variables) -> str:
    words = ["-i", inventory, playbook, "--limit", "bench", "-e", json.dumps(variables)]
    return run("ansible-playbook", *words, timeout=1200)


def fill(page: Path, text: str) -> None:
    """Put a text between a page's marks, which bear the benchmark's name."""
    before, start, end = page.read_text(encoding="utf-8"), f"<!-- {NAME} -->\n", f"<!-- /{NAME} -->"
    whole = before[: before.index(start)] + start + "\n" + text + "\n" + before[before.index(end) :]
    page.write_text(whole.replace("\n\n\n", "\n\n"), encoding="utf-8")
