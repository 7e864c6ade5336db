#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Build a release of an app beside the one that serves
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - A release is a folder C(HOME/releases/ID) with the app's tree in C(src), its virtual environment in C(venv) and
    its static files in C(public). Nobody writes to it once it is built.
  - Static files have their compressed forms beside them, by gzip, and by Brotli where the host has C(brotli).
  - The static files of all releases that are kept are in C(HOME/assets) too, for browsers with another release's page.
  - Its ID comes from all that goes into it, so the same input is the same release, and a second run changes nothing.
  - The controller packs the tree, whatever its source, and sends it as one archive. Hosts need no access to a
    repository.
  - A release that asks for the same as one that is there (requirements, interpreter, server, and what the project depends
    on) has that one's virtual environment by hard links. The project in it is installed anew, nothing else. What the
    requirements leave open stays as it was first installed; change or lock them to have others.
  - The app's system user, C(flask-NAME), is made where it is missing. It cannot log in and owns nothing of the code.
  - The build runs as a user of its own, C(flask-build), who owns nothing of it in the end. A build that fails or is
    cut short leaves nothing that a later run would take for a release.
options:
  source:
    description:
      - Where the app comes from, one of C(path), C(git), C(archive) and C(package); the app role's C(app_source) says
        it in full.
      - Required. Read on the controller.
    type: dict
  requirements:
    description: What to install, as the app role's C(app_requirements) says it. Read on the controller.
    type: dict
  python:
    description: Version of Python such as V(3.13), which the host must have. Empty for the distribution's C(python3).
    type: str
    default: ''
  wsgi:
    description: What is served, C(module:callable). Its module says where static files are looked for.
    type: str
    default: ''
  static:
    description:
      - URL prefix to folder. A folder lies in the tree, or in an installed package (C(package:NAME/FOLDER)), or in a
        shared folder (C(shared:FOLDER)). When not given, the C(static) folder of the served module is looked for.
    type: dict
  protected:
    description:
      - URL prefix to folder, as O(static). Nginx serves what lies there only where the app's answer says so, by the header
        C(X-Accel-Redirect).
    type: dict
    default: {}
  static_group:
    description: Group that may read shared folders with static files, Nginx's.
    type: str
    default: www-data
  shared:
    description:
      - Folders of the tree that the app writes. They lie in C(HOME/shared) and outlive releases; what the tree ships
        in them is copied once.
      - With V(instance) the instance folder of an installed project leads there too.
    type: list
    elements: str
    default: []
  server:
    description: What the app's server needs, unless the app's own requirements bring it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the distribution.
        type: str
        required: true
      requirement:
        description: The requirement to install when no distribution of that name is there.
        type: str
        required: true
  build_timeout:
    description: Seconds that the whole build may take.
    type: int
    default: 900
  wheelhouse:
    description:
      - Whether the controller collects all wheels that the app, its server and its build system need on this host, and the
        host installs them without asking an index.
      - Everything must be there as a wheel. The controller chooses with uv, which it gets where it is missing, and keeps
        what it has downloaded. A project whose dependencies are known only when it is built is built there too.
      - Of O(index) the controller uses C(url) and C(extra_urls).
    type: bool
    default: false
  wheels_id:
    description: What tells the wheels from others; filled in by the action.
    type: str
    default: ''
  wheels:
    description: The wheels on the host, where it does not have them yet; filled in by the action.
    type: path
    default: ''
  tree:
    description: What the controller found at O(source); filled in by the action.
    type: dict
    default: {}
  plan:
    description: The steps of the installation; filled in by the action.
    type: list
    elements: dict
    default: []
  requirement:
    description: The requirement that is the app, for a package as O(source); filled in by the action.
    type: str
    default: ''
  archive:
    description: The packed tree on the host; filled in by the action.
    type: path
    default: ''
  packed:
    description: The packed tree itself in base64, where it is small; filled in by the action.
    type: str
    default: ''
extends_documentation_fragment: [slipway.flask.app, slipway.flask.index]
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: full
    description: Shows ID, source and interpreter of the release that serves and of the one that would be built.
"""

EXAMPLES = r"""
- name: Build a release of the checkout on the controller
  slipway.flask.release:
    name: hello
    source:
      path: sample_app
    wsgi: hello:create_app()
    server:
      - name: gunicorn
        requirement: gunicorn==27.0.1
  register: release

- name: Build a tag
  slipway.flask.release:
    name: hello
    source:
      git: git@git.example.com:team/hello.git
      version: v1.2.0
"""

RETURN = r"""
id:
  description: The release's ID.
  returned: success
  type: str
  sample: 3f9c0a6be21d
path:
  description: The release's folder.
  returned: success
  type: str
  sample: /srv/hello/releases/3f9c0a6be21d
seconds:
  description: How long the build took.
  returned: when a release was built
  type: float
  sample: 3.4
"""

import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import index, users
from ansible_collections.slipway.flask.plugins.module_utils.build import Release, identity, is_complete, modules
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.home import make_home, refuse_foreign_home
from ansible_collections.slipway.flask.plugins.module_utils.interpreter import interpreter, target
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, locked
from ansible_collections.slipway.flask.plugins.module_utils.proc import this_gives_way

SERVER = {"name": {"type": "str", "required": True}, "requirement": {"type": "str", "required": True}}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "source": {"type": "dict"},
    "requirements": {"type": "dict"},
    "python": {"type": "str", "default": ""},
    "wsgi": {"type": "str", "default": ""},
    "static": {"type": "dict"},
    "protected": {"type": "dict", "default": {}},
    "static_group": {"type": "str", "default": "www-data"},
    "shared": {"type": "list", "elements": "str", "default": []},
    "server": {"type": "list", "elements": "dict", "options": SERVER, "default": []},
    "index": {"type": "dict", "options": index.OPTIONS, "apply_defaults": True},
    "build_timeout": {"type": "int", "default": 900},
    "wheelhouse": {"type": "bool", "default": False},
    "wheels_id": {"type": "str", "default": ""},
    "wheels": {"type": "path", "default": ""},
    "tree": {"type": "dict", "default": {}},
    "plan": {"type": "list", "elements": "dict", "default": []},
    "requirement": {"type": "str", "default": ""},
    "archive": {"type": "path", "default": ""},
    "packed": {"type": "str", "default": "", "no_log": True},
}


def release_of(module: AnsibleModule, layout: Layout) -> Release:
    """The release that the parameters ask for, whether it is there or not."""
    params = module.params
    python, version = interpreter(params["python"])
    if not version and not module.check_mode:
        raise BuildError(
            f"expected Python at {python}, found none; let the python role install it (python_versions), "
            "or leave the app's key python out for the distribution's own"
        )
    inputs = {key: params[key] for key in ("plan", "requirement", "server", "shared", "static", "protected")}
    inputs |= {key: params["tree"].get(key, "") for key in ("digest", "scm_version")}
    release_id = identity({**inputs, "python": [python, version], "module": modules(params["wsgi"])[:1]})
    # What the ID would be is known once that Python is there.
    return Release(layout, release_id if version else "unknown", params, (python, version))


def diff_of(release: Release) -> dict:
    """The release that serves, and this one."""
    try:
        with open(os.path.join(release.layout.current, "release.json"), encoding="utf-8") as file:
            before = {key: value for key, value in json.load(file).items() if key not in ("created", "needs")}
    except (OSError, ValueError):
        before = {}
    after = {"id": release.id, **release.description()}
    texts = ["".join(f"{key}: {value}\n" for key, value in record.items()) for record in (before, after)]
    return {
        "before_header": release.layout.current,
        "after_header": release.path,
        "before": texts[0],
        "after": texts[1],
    }


def run(module: AnsibleModule, layout: Layout) -> dict:
    """What the module returns."""
    refuse_foreign_home(layout)
    release = release_of(module, layout)
    userless = not users.exists(layout.user)
    if userless and not module.check_mode:
        users.make(layout.user, "/nonexistent")
    result = {"changed": userless, "id": release.id, "path": release.path}
    if is_complete(release.path):
        return result
    diff = diff_of(release)
    if module.check_mode:
        return {**result, "changed": True, "diff": diff}
    missing = {}
    if not any(module.params[key] for key in ("archive", "packed", "requirement")):
        missing["needs_tree"] = True
    if module.params["wheelhouse"] and not module.params["wheels_id"]:
        there = os.listdir(layout.wheels) if os.path.isdir(layout.wheels) else []
        missing["needs_wheels"] = {"target": target(release.python[1]), "there": there}
    if missing:
        return {**result, **missing}
    make_home(layout)
    with locked(layout.lock, f"build of {layout.name}, release {release.id}"):
        if is_complete(release.path):
            return result
        start = time.monotonic()
        release.build()
    return {**result, "changed": True, "diff": diff, "seconds": round(time.monotonic() - start, 2)}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    layout = Layout(module.params["name"], module.params["root"])
    # What serves comes first.
    try:
        with this_gives_way():
            result = run(module, layout)
    except (BuildError, Busy, OSError) as error:
        module.fail_json(msg=f"{layout.name}: no release was built, what serves is untouched: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
