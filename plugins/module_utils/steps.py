# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a build, run in its tree as another user than root, and ended when its time is up."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
import time

from ansible_collections.slipway.flask.plugins.module_utils import index, users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_HOME, BUILD_USER, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.proc import BUILD, session_gives_way


class Steps:
    """Runs the steps of one build, ``timeout`` seconds of them in all.

    ``packages`` says where packages come from (``index.OPTIONS``), ``scm_version`` what git would say of the tree.
    """

    def __init__(self, release: ReleaseLayout, packages: dict, scm_version: str, timeout: int) -> None:
        self._release, self._index, self._scm_version, self._timeout = release, packages, scm_version, timeout
        self._deadline = 0.0

    def begin(self) -> None:
        """From here on the time counts."""
        self._deadline = time.monotonic() + self._timeout

    def environment(self) -> dict[str, str]:
        """A step's whole environment."""
        return {
            "HOME": BUILD_HOME,
            "TMPDIR": self._release.tmp,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "UV_CACHE_DIR": os.path.join(BUILD_HOME, "uv"),
            "UV_LINK_MODE": "copy",  # A hard link's owner and mode would be those of the cache too.
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_CACHE_DIR": os.path.join(BUILD_HOME, "pip"),
            **index.environment(self._index),
            **scm_environment(self._scm_version),
        }

    def run(self, step: str, argv: list[str], check: bool = True, user: str = BUILD_USER) -> None:
        """Run a command in the tree as ``user``; killed with all it started when the build's time is up."""
        with tempfile.TemporaryFile(dir=self._release.path) as output:
            process = subprocess.Popen(
                argv, cwd=self._release.src, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, umask=0o022, **_as(users.account(user)),
            )  # fmt: skip
            try:
                session_gives_way(process.pid, BUILD)
                process.wait(self._left())
            except subprocess.TimeoutExpired:
                end = f"was not done when the build's {self._timeout} s were over (build_timeout)"
            else:
                end = f"failed with exit status {process.returncode}" if check and process.returncode else ""
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if end:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()[-30:]
                raise BuildError(index.mask("\n".join([f"{step} {end}. Last lines:", *lines])))

    def output(self, argv: list[str]) -> bytes:
        """What a command that the build can do without prints; nothing where it fails."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(
                argv, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                timeout=self._left(), check=True, **_as(users.account(BUILD_USER)),
            ).stdout  # fmt: skip
        return b""

    def _left(self) -> float:
        """Seconds that the next command may take."""
        return max(1, self._deadline - time.monotonic())

    def kill_leftovers(self) -> None:
        """Kill every process that a step left running: it could still write to the release."""
        mark = os.fsencode(f"TMPDIR={self._release.tmp}")
        for dummy in range(20):
            left = [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and mark in _environ(entry)]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def scm_environment(version: str) -> dict[str, str]:
    """Variables that tell build systems the version that they would ask git for."""
    names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION")
    names += ("POETRY_DYNAMIC_VERSIONING_BYPASS", "UV_DYNAMIC_VERSIONING_BYPASS")
    return dict.fromkeys(names, version) if version else {}


def _environ(pid: str) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _as(user: pwd.struct_passwd) -> dict:
    """Arguments of Popen for another user than this one."""
    if user.pw_uid == os.geteuid():
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
