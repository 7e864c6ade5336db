# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions tell people: on the terminal, which a callback would do in its own way, with quotes and escapes, and in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ansible.utils.display import Display


class NotWrittenError(ValueError):
    """A file that cannot be written. ``str()`` begins with the variable that names it."""


def write(path: str, text: str, variable: str) -> Path:
    """Write a file of this machine, and its folder where that is missing. Raises NotWrittenError."""
    file = Path(path).expanduser()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWrittenError(
            f"{variable}: expected a file of this machine that can be written, found {file} ({error.strerror})"
        ) from None
    return file


def answers(hosts: Mapping[str, Mapping], *keys: str) -> dict[str, dict]:
    """Of what each host answered these, and why it did not. One that could not be reached has nothing."""
    return {host: {key: answer[key] for key in (*keys, "msg") if key in answer} for host, answer in hosts.items()}


def tell(table: str, found: dict, path: str, variable: str) -> dict:
    """Print a table, and write what is in it to ``path`` as JSON where one is given; the result of the task."""
    Display().display(table)
    try:
        if path:
            write(path, json.dumps(found, indent=2) + "\n", variable)
    except NotWrittenError as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": False, "table": table.splitlines()}
