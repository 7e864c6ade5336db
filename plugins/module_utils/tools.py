# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the package index that a host gets for its administrator, each in a virtual environment of its own."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess

from ansible_collections.slipway.flask.plugins.module_utils import index

FOLDER = "/opt/slipway"


class ToolError(Exception):
    """The program cannot be had; ``str()`` says why."""


def installed(name: str, folder: str = FOLDER) -> str:
    """Version of the program that is there, '' when there is none."""
    found = sorted(glob.glob(os.path.join(folder, f"{name}-*", "bin", name)))
    return os.path.basename(os.path.dirname(os.path.dirname(found[-1]))).removeprefix(f"{name}-") if found else ""


def install(name: str, version: str, environment: dict[str, str], wheel: str = "", folder: str = FOLDER) -> str:
    """Folder of the environment that holds this version, which is made where it is not there; other versions are removed.

    ``wheel`` is as in :func:`add`.
    """
    wanted = os.path.join(folder, f"{name}-{version}")
    new = os.path.join(folder, f".{name}-{version}")
    if not os.path.exists(os.path.join(wanted, "bin", name)):
        shutil.rmtree(wanted, ignore_errors=True)
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(folder, exist_ok=True)
        try:
            run(["/usr/bin/python3", "-m", "venv", new], 120)
            add(new, ["-m", "pip"], f"{name}=={version}", environment, wheel)
            os.rename(new, wanted)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    for other in glob.glob(os.path.join(folder, f"{name}-*")):
        if other != wanted:
            shutil.rmtree(other, ignore_errors=True)
    return wanted


def add(folder: str, pip: list[str], requirement: str, environment: dict[str, str], wheel: str = "") -> None:
    """Install a program alone in the virtual environment ``folder``, whose Python has pip as ``pip`` says.

    Only a ready-made wheel is taken, so that nothing of it runs meanwhile. ``wheel`` is a tar with it, if the host has it already.
    """
    words, wheels = [os.path.join(folder, "bin", "python"), "-B", *pip, "install"], os.path.join(folder, "wheels")
    if wheel:
        shutil.unpack_archive(wheel, wheels, "tar")
        words += ["--no-index", f"--find-links={wheels}"]
    options = "--quiet --no-input --disable-pip-version-check --no-cache-dir --retries=1 --timeout=10"
    run([*words, *options.split(), "--only-binary=:all:", "--no-deps", requirement], 300, environment)
    shutil.rmtree(wheels, ignore_errors=True)


def run(argv: list[str], timeout: float, environment: dict[str, str] | None = None) -> str:
    """Output of a command. Raises :class:`ToolError` when it fails or takes more than ``timeout`` seconds."""
    clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            argv, env={**clean, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(index.mask(str(error))) from None
    if done.returncode:
        last = "\n".join(index.mask(done.stdout).strip().splitlines()[-10:])
        raise ToolError(f"`{' '.join(argv)}` ended with {done.returncode}:\n{last}")
    return done.stdout
