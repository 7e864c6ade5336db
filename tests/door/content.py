"""The scenario's apps `content` and `sockets`, and other releases of them."""

from __future__ import annotations

import base64
import functools
import os
import re
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from door import play
from playbook import ROOT, Played
from served import Served

APPS = yaml.safe_load(
    (ROOT / "molecule/door/inventory/group_vars/web/content.yml").read_text(encoding="utf-8")
)["door_content_apps"]  # fmt: skip
TREES = ROOT / "tests/door/apps"


class Content(Served):
    """An app that is asked with headers in view, and deployed with another tree."""

    def ask(self, path: str, *options: str) -> tuple[int, dict[str, str], str]:
        """Status, headers by their names in small letters, and body."""
        words = " ".join(f"'{option}'" for option in ("-H", f"Host: {self.domain}", *options))
        answer = self.run(f"curl --silent --show-error --include --max-time 20 {words} 'http://127.0.0.1{path}'")
        head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.split("\n")
        return (
            int(first.split()[1]),
            {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)},
            body,
        )

    def deploy(self, tree: Path) -> Played:
        app = {**APPS[self.name], "source": {"path": str(tree)}}
        return play("playbooks/deploy.yml", self, slipway_apps={self.name: app})

    def restore(self) -> Played:
        return self.deploy(TREES / self.name)

    def copy(self, folder: Path) -> Path:
        """Its tree, to be changed."""
        return Path(shutil.copytree(TREES / self.name, folder / "tree"))

    @functools.cached_property
    def address(self) -> tuple[str, int]:
        url = urlsplit(self.url)
        return url.hostname, url.port or 80

    def connect(self) -> socket.socket:
        """A connection from outside, to be slow on."""
        return socket.create_connection(self.address, timeout=20)


class WebSocket:
    """As much of RFC 6455 as an echo needs: short texts."""

    def __init__(self, app: Content, path: str) -> None:
        self.connection = app.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {app.domain}", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self._read = self.connection.makefile("rb")
        self.status = int(re.match(rb"HTTP/1\.1 (\d+)", self._read.readline())[1])
        while self._read.readline().strip():
            pass

    def say(self, text: str) -> str:
        """What comes back; '' when the other side has closed."""
        content, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
        try:
            self.connection.sendall(bytes([0x81, 0x80 | len(content)]) + mask + masked)
            head = self._read.read(2)
            return self._read.read(head[1] & 0x7F).decode() if head[:1] == b"\x81" else ""
        except ConnectionError:
            return ""

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *error) -> None:
        self.connection.close()
