#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: files
short_description: Write a set of files that are right together, or none of them
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Makes a set of files, folders and absences true in one run. Each file is replaced by a rename, so that no reader ever sees half of it.
  - When anything changed, O(validate) looks at the whole. If it fails, every path gets back what it was before, content, mode and
    owner, and the module fails with what the command said.
  - A path that is a symlink is replaced, what it points to is left alone.
options:
  files:
    description: The paths and what must stand there. A folder that is missing needs an entry of its own before those within it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      state:
        description: What must stand there.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: The file's text. Else it must stand in O(secrets).
        type: str
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      mode:
        description: Permissions in octal, V(0644) when not given, of a folder V(0755).
        type: str
  secrets:
    description: Texts that no log and no diff may show, by the path of their file, which O(files) names without O(files[].content).
    type: dict
    default: {}
  purge:
    description: Patterns of the shell's kind. Files that match one and that O(files) does not name are removed.
    type: list
    elements: str
    default: []
  validate:
    description: Command that looks at the whole set after it was written, as a list of words. It may take a minute.
    type: list
    elements: str
    default: []
  service:
    description:
      - Name of the systemd service that reads the files. It is enabled and started, and reloaded when any of them changed,
        or restarted where it knows no reload.
      - What it has not taken yet is kept in C(/run/slipway-SERVICE.pending), so that a run that was killed before the reload is made
        up for by the next.
    type: str
  take_by:
    description: How O(service) takes what changed. One that cannot reload is restarted.
    type: str
    choices: [reload, restart]
    default: reload
    version_added: 1.1.0
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any. O(validate) is not run and O(service) left alone.
  diff_mode:
    support: full
    description: Shows each changed file before and after.
"""

EXAMPLES = r"""
- name: Write the site, checked by Nginx together with all others
  slipway.flask.files:
    files:
      - path: /etc/nginx/sites-enabled/hello.conf
        content: "{{ lookup('ansible.builtin.template', 'hello.conf.j2') }}"
      - path: /etc/nginx/sites-enabled/default
        state: absent
    validate: [nginx, -t]
    service: nginx
"""

RETURN = r"""
paths:
  description: What changed, or changed in an earlier run and was not taken by O(service).
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/sites-enabled/hello.conf]
output:
  description: What the command of O(validate) said.
  returned: when it ran
  type: str
  sample: "nginx: configuration file /etc/nginx/nginx.conf test is successful"
"""

import contextlib
import glob
import grp
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule

VALIDATE_TIMEOUT = 60
SYSTEMCTL_TIMEOUT = 120
PENDING = "/run/slipway-{}.pending"

ARGUMENTS = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
            "content": {"type": "str"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str"},
        },
    },
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "purge": {"type": "list", "elements": "str", "default": []},
    "validate": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "str"},
    "take_by": {"type": "str", "choices": ["reload", "restart"], "default": "reload"},
}


class FilesError(Exception):
    """Why the set cannot be written."""


class State(NamedTuple):
    """What stands at a path. ``content`` is a file's bytes, or what a symlink points to."""

    kind: str
    content: bytes = b""
    owner: int = -1
    group: int = -1
    mode: int = 0


ABSENT = State("absent")


def found(path: str) -> State:
    """What stands at ``path`` now."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    attributes = (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode))
    if stat.S_ISDIR(info.st_mode):
        return State("directory", b"", *attributes)
    if stat.S_ISLNK(info.st_mode):
        return State("link", os.fsencode(os.readlink(path)), *attributes)
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as stream:
            return State("file", stream.read(), *attributes)
    return State("special file")


def wanted(entry: dict, check_mode: bool) -> State:
    """What ``entry`` asks for. Raises FilesError when this host cannot have it."""
    if entry["state"] == "absent":
        return ABSENT
    if entry["state"] == "file" and entry["content"] is None:
        raise FilesError(f"{entry['path']}: expected content, or a text in secrets, found neither.")
    mode = entry["mode"] or {"file": "0644", "directory": "0755"}[entry["state"]]
    if not re.fullmatch("[0-7]{3,4}", mode):
        raise FilesError(f"{entry['path']}: expected a mode such as '0644', found {mode!r}.")
    ids = []
    for kind, ask in (
        ("owner", lambda name: pwd.getpwnam(name).pw_uid),
        ("group", lambda name: grp.getgrnam(name).gr_gid),
    ):
        try:
            ids.append(ask(entry[kind]))
        except KeyError:
            # In check mode an earlier task may only have said that it would make this user.
            if not check_mode:
                raise FilesError(f"{entry['path']}: this host has no {kind} {entry[kind]!r}.") from None
            ids.append(-1)
    return State(entry["state"], (entry["content"] or "").encode(), *ids, int(mode, 8))


class Change:
    """What stands at a path and what must; in steps, each of which can be undone."""

    def __init__(self, path: str, before: State, after: State, secret: bool = False) -> None:
        self.path, self.before, self.after, self.secret = path, before, after, secret
        self.new, self.old = beside(path)
        self.applied = False

    def stage(self) -> None:
        """What may fail for want of space or rights, while nothing has changed yet."""
        if self.after.kind == "file":
            with open(self.new, "xb") as stream:
                os.fchmod(stream.fileno(), self.after.mode)
                os.fchown(stream.fileno(), self.after.owner, self.after.group)
                stream.write(self.after.content)
                stream.flush()
                os.fsync(stream.fileno())
        if self.before != ABSENT:
            os.link(self.path, self.old, follow_symlinks=False)

    def apply(self) -> None:
        if self.after.kind == "file":
            os.replace(self.new, self.path)
        else:
            os.unlink(self.path)
        self.applied = True

    def undo(self) -> None:
        if self.applied and self.before == ABSENT:
            os.unlink(self.path)
        elif self.applied:
            os.replace(self.old, self.path)

    def diff(self) -> dict:
        """The contents, or owner and mode where only they differ."""
        same = (self.before.kind, self.before.content) == (self.after.kind, self.after.content)
        before, after = (attributes(state) if same else shown(state) for state in (self.before, self.after))
        if not same and (self.secret or closed(self.before) or closed(self.after)):
            before, after = "", "(changed; its text is secret)\n"
        return {"before_header": self.path, "after_header": self.path, "before": before, "after": after}


class FolderChange(Change):
    """The same of a folder, which must stand before what goes into it can be staged."""

    def stage(self) -> None:
        if self.before == ABSENT:
            os.mkdir(self.path)
        self.applied = True
        self.give(self.after)

    def apply(self) -> None:
        """Nothing is left to do."""

    def undo(self) -> None:
        if self.applied and self.before == ABSENT:
            os.rmdir(self.path)
        elif self.applied:
            self.give(self.before)

    def give(self, state: State) -> None:
        os.chown(self.path, state.owner, state.group)
        os.chmod(self.path, state.mode)


def attributes(state: State) -> str:
    return f"owner {state.owner}, group {state.group}, mode {state.mode:04o}\n"


def closed(state: State) -> bool:
    """Whether not everyone may read the file: its text is none for a log then, when it is removed neither."""
    return state.kind == "file" and not state.mode & stat.S_IROTH


def shown(state: State) -> str:
    if state.kind == "link":
        return f"(symlink to {os.fsdecode(state.content)})\n"
    if state.kind == "directory":
        return "(folder) " + attributes(state)
    return state.content.decode(errors="replace")


def beside(path: str) -> list[str]:
    """Where a path's new and old file stand during the change: a rename away, and where no `include *` reads them."""
    folder, name = os.path.split(path)
    return [os.path.join(folder, f".{name}.slipway-{which}") for which in ("new", "old")]


def needed(files: list[dict], secrets: dict[str, str], purge: list[str], check_mode: bool) -> list[Change]:
    """The changes that make ``files`` and ``purge`` true. Raises FilesError when they cannot be."""
    targets = {}
    for entry in files:
        if not os.path.isabs(entry["path"]):
            raise FilesError(f"files: expected absolute paths, found {entry['path']!r}.")
        if entry["path"] in targets:
            raise FilesError(f"{entry['path']} stands in files twice.")
        if entry["content"] is None:
            entry = {**entry, "content": secrets.get(entry["path"])}
        targets[entry["path"]] = wanted(entry, check_mode)
    if unnamed := sorted(set(secrets) - set(targets)):
        raise FilesError(f"secrets: expected paths that files names, found {', '.join(unnamed)}.")
    for pattern in purge:
        for path in sorted(glob.glob(pattern)):
            targets.setdefault(path, ABSENT)

    changes = []
    for path, after in targets.items():
        before = found(path)
        if before == after:
            continue
        folder = after.kind == "directory"
        if before.kind not in (("absent", "directory") if folder else ("absent", "file", "link")):
            raise FilesError(f"{path}: expected {after.kind}, found a {before.kind}; move it away.")
        parent = os.path.dirname(path)
        if not check_mode and not os.path.isdir(parent) and targets.get(parent, ABSENT).kind != "directory":
            raise FilesError(
                f"{path}: its folder does not exist; before it, give {parent} an entry with state: directory."
            )
        changes.append((FolderChange if folder else Change)(path, before, after, path in secrets))
    return changes


class Service:
    """The service that reads the files, and the paths that it has not taken yet, kept in a file."""

    def __init__(self, name: str, take_by: str = "reload") -> None:
        self.name, self.pending, self.take_by = name, PENDING.format(name), take_by
        try:
            with open(self.pending, encoding="utf-8") as stream:
                self.untaken = stream.read().splitlines()
        except FileNotFoundError:
            self.untaken = []
        state = systemctl("show", "--property=ActiveState,UnitFileState", name).splitlines()
        # Nothing can be said of a static one: other units bring it along.
        self.enabled = "UnitFileState=enabled" in state or "UnitFileState=static" in state
        self.active = "ActiveState=active" in state

    def diff(self) -> list[dict]:
        """What it lacks besides the files."""
        lacking = ["" if self.enabled else "enabled\n", "" if self.active else "started\n"]
        return (
            [{"before_header": self.name, "after_header": self.name, "before": "", "after": "".join(lacking)}]
            if any(lacking)
            else []
        )

    def keep(self, paths: list[str]) -> None:
        """Remember ``paths`` until they are taken."""
        if not paths:
            remove(self.pending)
            return
        with open(self.pending, "w", encoding="utf-8") as stream:
            stream.write("".join(f"{path}\n" for path in paths))

    def take(self, paths: list[str]) -> None:
        """Run it, now and after every boot, with these changed files."""
        if any(path.startswith("/etc/systemd/") for path in paths):
            systemctl("daemon-reload")
        if not self.enabled:
            systemctl("enable", self.name)
        if not self.active:
            systemctl("start", self.name)
        elif paths:
            # What cannot read its files anew is restarted.
            systemctl("restart" if self.take_by == "restart" else "reload-or-restart", self.name)
        self.keep([])


def systemctl(*words: str) -> str:
    """What systemctl said. Raises FilesError when it failed."""
    return command_output(["systemctl", *words], SYSTEMCTL_TIMEOUT, "failed")


def remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def command_output(command: list[str], timeout: float, failed: str) -> str:
    """What ``command`` said. Raises FilesError when it did not succeed within ``timeout`` seconds."""
    shown_command = " ".join(command)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FilesError(f"`{shown_command}` did not run: {error}") from None
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise FilesError(f"`{shown_command}` {failed}:\n{output}")
    return output


def make(changes: list[Change], command: list[str]) -> str:
    """Make all of ``changes`` and give what ``command`` says to them. When anything fails, none is left and the error goes on."""
    try:
        for change in changes:
            change.stage()
        for change in changes:
            change.apply()
        return command_output(command, VALIDATE_TIMEOUT, "refuses them") if command else ""
    except BaseException:
        for change in reversed(changes):
            change.undo()
        raise
    finally:
        tidy(change.path for change in changes)


def tidy(paths: Iterable[str]) -> None:
    for path in paths:
        for leftover in beside(path):
            remove(leftover)


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    try:
        changes = needed(params["files"], params["secrets"], params["purge"], module.check_mode)
        service = Service(params["service"], params["take_by"]) if params["service"] else None
    except FilesError as error:
        module.fail_json(msg=str(error))
    paths = sorted({change.path for change in changes} | set(service.untaken if service else []))
    diff = [change.diff() for change in changes] + (service.diff() if service else [])
    result = {"changed": bool(paths or diff), "paths": paths, "diff": diff}
    if paths and not module.check_mode:
        result["output"] = write(module, changes, paths, service)
    if service and result["changed"] and not module.check_mode:
        try:
            service.take(paths)
        except FilesError as error:
            module.fail_json(msg=f"The files are written, {service.name} did not take them: {error}", paths=paths)
    module.exit_json(**result)


def write(module: AnsibleModule, changes: list[Change], paths: list[str], service: Service | None) -> str:
    """Make the changes; what the command that looks at them said. Ends the module when they cannot be made."""
    tidy(paths)
    if service:
        service.keep(paths)
    try:
        return make(changes, module.params["validate"])
    except (FilesError, OSError) as error:
        if service:
            service.keep(service.untaken)
        module.fail_json(
            msg=f"These files were not written; what was there before is there again.\n{error}", paths=paths
        )


if __name__ == "__main__":
    main()
