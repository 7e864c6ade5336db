#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: installer
short_description: Give a host what builds releases, uv or pip and a user for it
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Installs one version of uv into C(/opt/slipway/uv-VERSION) and makes C(/opt/slipway/uv) lead there. Other versions
    are removed.
  - Makes the system user C(flask-build), who cannot log in. Builds run as this user; its home C(/var/cache/slipway)
    holds their caches.
  - Only ready-made wheels of uv are taken, so that nothing is compiled or run while it is installed.
options:
  installer:
    description:
      - V(uv) fails where uv cannot be had. V(auto) says so in a warning, and builds use pip, which takes several
        times longer.
      - V(pip) removes uv.
    type: str
    choices: [auto, uv, pip]
    default: auto
  uv_version:
    description: Version of uv.
    type: str
    default: 0.13.8
  wheelhouse:
    description: Whether the controller downloads uv's wheel and sends it, for a host that reaches no package index.
    type: bool
    default: false
  wheel:
    description: The packed wheel on the host; filled in by the action.
    type: path
    default: ''
  wheel_error:
    description: Why the controller has no wheel; filled in by the action.
    type: str
    default: ''
extends_documentation_fragment:
  - slipway.flask.index
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: full
    description: Names the user and the installer before and after.
"""

EXAMPLES = r"""
- name: Install uv from a mirror of the package index
  slipway.flask.installer:
    index:
      url: https://pypi.example.com/simple
"""

RETURN = r"""
installer:
  description: What builds use.
  returned: success
  type: str
  sample: uv
version:
  description: Version of uv, empty when builds use pip.
  returned: success
  type: str
  sample: 0.13.8
"""

import glob
import os
import platform
import pwd
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import index, tools, users
from ansible_collections.slipway.flask.plugins.module_utils.interpreter import target
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_HOME, BUILD_USER, UV, UV_VERSION

LINK = os.path.dirname(os.path.dirname(UV))  # /opt/slipway/uv
ARGUMENTS = {
    "installer": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
    "uv_version": {"type": "str", "default": UV_VERSION},
    "wheelhouse": {"type": "bool", "default": False},
    "wheel": {"type": "path", "default": ""},
    "wheel_error": {"type": "str", "default": ""},
    "index": {"type": "dict", "options": index.OPTIONS, "apply_defaults": True},
}


def has_user() -> bool:
    return users.exists(BUILD_USER) and os.path.isdir(BUILD_HOME)


def make_user() -> None:
    if not users.exists(BUILD_USER):
        users.make(BUILD_USER, BUILD_HOME)
    user = pwd.getpwnam(BUILD_USER)
    os.makedirs(BUILD_HOME, exist_ok=True)
    os.chown(BUILD_HOME, user.pw_uid, user.pw_gid)
    os.chmod(BUILD_HOME, 0o750)


def installed() -> str:
    """Version of uv that builds use, '' when there is none."""
    return os.path.realpath(LINK).rpartition("-")[2] if os.access(UV, os.X_OK) else ""


def install(version: str, environment: dict[str, str], wheel: str = "") -> None:
    """Install uv beside the version in use, then make the link lead to it. ``wheel`` is a tar with uv's, if it is there."""
    folder = f"{LINK}-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    # Debian's python3-venv brings pip as a wheel. Unpacked, it works as well as installed, in a quarter of the time.
    wheels, pip = sorted(glob.glob("/usr/share/python-wheels/pip-*.whl")), ["-m", "pip"]
    try:
        tools.run(["/usr/bin/python3", "-m", "venv", *(["--without-pip"] if wheels else []), folder], 120)
        if wheels:
            unpacked = os.path.join(folder, "pip")
            shutil.unpack_archive(wheels[-1], unpacked, "zip")
            pip = [os.path.join(unpacked, "pip")]
        tools.add(folder, pip, f"uv=={version}", environment, wheel)
        tools.run([os.path.join(folder, "bin", "uv"), "--version"], 30)
    except tools.ToolError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    temporary = f"{LINK}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(os.path.basename(folder), temporary)
    os.replace(temporary, LINK)


def remove_others(version: str) -> None:
    """Remove every version of uv but this one, and the link when there is none."""
    parent = os.path.dirname(LINK)
    if not version and os.path.islink(LINK):
        os.unlink(LINK)
    for name in os.listdir(parent) if os.path.isdir(parent) else []:
        if name.startswith("uv-") and name != f"uv-{version}":
            shutil.rmtree(os.path.join(parent, name))


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    wanted = "" if params["installer"] == "pip" else params["uv_version"]
    before, user_missing = installed(), not has_user()
    now = before
    needs_wheel = params["wheelhouse"] and not (params["wheel"] or params["wheel_error"])
    if needs_wheel and wanted not in ("", before) and not module.check_mode:
        host = target(platform.python_version())
        module.exit_json(changed=False, needs_wheel={"requirement": f"uv=={wanted}", "target": host})
    try:
        if user_missing and not module.check_mode:
            make_user()
        if wanted != before:
            now = wanted
            if not module.check_mode:
                if params["wheel_error"]:
                    raise tools.ToolError(params["wheel_error"])
                if wanted:
                    install(wanted, index.environment(params["index"]), params["wheel"])
                remove_others(wanted)
    except (tools.ToolError, OSError) as error:
        if params["installer"] != "auto" or not has_user():
            module.fail_json(msg=f"The installer is not as wanted: {error}")
        now = before
        module.warn(f"uv {wanted} cannot be had; builds use {f'uv {before}' if before else 'pip'}. {error}")
    texts = [f"uv {version}\n" if version else "pip\n" for version in (before, now)]
    if user_missing:
        texts[1] += f"user {BUILD_USER}\n"
    diff = {"header": "installer", "before": texts[0], "after": texts[1]}
    installer = "uv" if now else "pip"
    module.exit_json(changed=user_missing or now != before, installer=installer, version=now, diff=diff)


if __name__ == "__main__":
    main()
