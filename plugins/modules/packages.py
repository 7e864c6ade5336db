#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Have packages of the distribution on a host
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Installs what is missing and leaves what is there at its version. Where nothing is missing that costs one look at dpkg's list.
  - Needs nothing on the host but Python and apt-get, in check mode too.
  - Waits up to five minutes while another process, such as Debian's own updates, has the package database.
  - Package lists are fetched when they are missing or older than a day, and when what they name cannot be had.
options:
  names:
    description: Names of the packages.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: full
    description: Names the packages that were missing.
"""

EXAMPLES = r"""
- name: Install Nginx
  slipway.flask.packages:
    names: [nginx]
"""

RETURN = r"""
missing:
  description: Those of O(names) that were not on the host.
  returned: success
  type: list
  elements: str
  sample: [nginx]
"""

import glob
import os
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

LISTS = "/var/lib/apt/lists"
LISTS_SECONDS = 86400
LOCK_SECONDS = 300
COMMAND_SECONDS = 1800
# A config file that an administrator has edited stays as it is.
KEEP = ["-o", "DPkg::Options::=--force-confdef", "-o", "DPkg::Options::=--force-confold"]
OPTIONS = ["--quiet", "--yes", "--no-install-recommends", "--no-upgrade", *KEEP]
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


class PackagesError(Exception):
    """What apt-get could not do; ``str()`` says why."""


def run(argv: list[str]) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(
            argv, env={**os.environ, **ENVIRONMENT}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackagesError(str(error)) from None


def apt_get(*words: str) -> str:
    """What apt-get said. Raises :class:`PackagesError` when it failed; it waits for whoever holds the lock."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = run(["apt-get", *OPTIONS, *words])
        if done.returncode == 0:
            return done.stdout
        if "Could not get lock" not in done.stdout or time.monotonic() > deadline:
            said = [line for line in done.stdout.splitlines() if line and not line.endswith("...")]
            last = "\n".join(said[-10:])
            raise PackagesError(f"`apt-get {' '.join(words)}` ended with {done.returncode}:\n{last}")
        time.sleep(2)


def missing(names: list[str]) -> list[str]:
    """Those of ``names`` that are not installed."""
    shown = run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]).stdout
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def has_lists() -> bool:
    """Whether the package lists are there and no older than a day."""
    return bool(glob.glob(f"{LISTS}/*Release")) and time.time() - os.stat(LISTS).st_mtime < LISTS_SECONDS


def install(names: list[str]) -> str:
    """Install them; what apt-get said."""
    if has_lists():
        try:
            return apt_get("install", *names)
        except PackagesError:
            pass  # The lists may name a version that has been replaced, or not know a source that was added.
    updated = apt_get("update")
    try:
        return apt_get("install", *names)
    except PackagesError as error:
        faults = [line for line in updated.splitlines() if line.startswith(("W:", "E:"))]
        raise PackagesError("\n".join([str(error), *faults])) from None


def main() -> None:
    module = AnsibleModule({"names": {"type": "list", "elements": "str", "required": True}}, supports_check_mode=True)
    lacking, said = [], ""
    try:
        lacking = missing(module.params["names"])
        if lacking and not module.check_mode:
            said = install(lacking)
        elif lacking and has_lists():
            said = apt_get("--simulate", "install", *lacking)
    except PackagesError as error:
        module.fail_json(msg=str(error))
    # A name may be of what another package provides, which is there already.
    if "\n0 upgraded, 0 newly installed, 0 to remove" in said:
        lacking = []
    diff = {
        "before_header": "packages",
        "after_header": "packages",
        "before": "",
        "after": "".join(f"{name}\n" for name in lacking),
    }
    module.exit_json(changed=bool(lacking), missing=lacking, diff=diff)


if __name__ == "__main__":
    main()
