# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same app served in several ways, each by transient units beside what serves, as the app's user in its sandbox."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import socket
import time
from collections.abc import Iterator

from ansible_collections.slipway.flask.plugins.module_utils.bench import Target
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError, CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.layout import UNITS, Layout, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.systemd import (
    journal,
    last_lines,
    run,
    sandbox_of,
    unit_states,
)

RUNGS = ("development", "server", "nginx", "cache", "static")
# What is started gives way to what serves; wrk, which asks it, does as well.
NICE = 5
_START_SECONDS = 60

_NGINX = """\
# As the nginx role has it, on loopback and with nothing but what is compared.
worker_processes auto;
daemon off;
pid {run}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path {run}/body;
    proxy_temp_path {run}/proxy;
    fastcgi_temp_path {run}/other;
    uwsgi_temp_path {run}/other;
    scgi_temp_path {run}/other;
    log_format slipway '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                       '"$http_referer" "$http_user_agent" '
                       'host=$host time=$request_time upstream=$upstream_response_time id=$request_id';
    access_log /dev/null slipway;
    sendfile on;
    tcp_nopush on;
    gzip on;
    gzip_proxied any;
    gzip_min_length 1024;
    gzip_types text/css application/javascript application/json image/svg+xml;
    proxy_http_version 1.1;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Proto {scheme};
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header Connection close;
    proxy_cache_path {run}/cache keys_zone=bench:4m max_size=64m use_temp_path=off;
    upstream app {{
        server unix:{run}/app.sock max_fails=0;
        server unix:{run}/app.sock max_fails=0 backup;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://app; }}
    }}
    server {{
        listen 127.0.0.1:{cache_port};
        location / {{
            proxy_pass http://app;
            proxy_cache bench;
            proxy_cache_key $request_uri;
            proxy_cache_valid 200 301 302 308 404 1s;
            proxy_cache_lock on;
            proxy_cache_background_update on;
            proxy_cache_use_stale updating;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
    server {{
        listen 127.0.0.1:{static_port};
        root {public};
        location / {{ try_files $uri =404; gzip_static on; }}
    }}
}}
"""


class Ladder:
    """The rungs of one app on this host."""

    def __init__(
        self, layout: Layout, slot: str, release: str, wsgi: str, host: str, scheme: str, seconds: float
    ) -> None:
        self.layout, self.slot, self.wsgi, self.host, self.scheme, self.seconds = (
            layout,
            slot,
            wsgi,
            host,
            scheme,
            seconds,
        )
        self.release = ReleaseLayout(layout.release(release))
        self.python = os.path.join(layout.link(slot), "venv", "bin", "python")
        self.folder = f"/run/slipway-bench-{layout.slug}"
        with open(os.path.join(UNITS, layout.service(slot)), encoding="utf-8") as file:
            unit = file.read()
        self.sandbox = sandbox_of(unit, slot)
        self.server = command_of(unit, slot)

    @contextlib.contextmanager
    def rung(self, name: str, path: str, timeout: float) -> Iterator[tuple[Target, dict[str, list[int]]]]:
        """Where the rung is asked, and its first processes. All of it is gone afterwards."""
        self.clear()
        account = pwd.getpwnam(self.layout.user)
        os.mkdir(self.folder, 0o700)
        os.chown(self.folder, account.pw_uid, account.pw_gid)
        ports = free_ports(3)
        try:
            if name == "development":
                self._start("app", [self.python, "-m", "flask", "--app", self.wsgi, "run", "--no-reload", "--no-debugger",
                                    "--host", "127.0.0.1", "--port", str(ports[0])])  # fmt: skip
            elif name == "server":
                if any("granian" in word for word in self.server):
                    raise BenchError("Granian takes a unix socket of systemd's, which wrk cannot ask")
                self._start("app", self.server, f"127.0.0.1:{ports[0]}")
            else:
                if name != "static":
                    self._start("app", self.server, f"{self.folder}/app.sock")
                config = os.path.join(self.folder, "nginx.conf")
                with open(config, "w", encoding="utf-8") as file:
                    file.write(_NGINX.format(run=self.folder, port=ports[0], cache_port=ports[1], static_port=ports[2],
                                             public=self.release.public, scheme=self.scheme))  # fmt: skip
                os.chmod(config, 0o644)
                self._start("nginx", [shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-c", config])
            target = Target("127.0.0.1", ports[{"cache": 1, "static": 2}.get(name, 0)], self.host)
            self._wait(target, path, timeout)
            yield target, self._mains()
        finally:
            self.clear()

    def clear(self) -> None:
        """Nothing of a ladder is left, of an earlier one that was cut off either."""
        units = [self._unit(part) for part in ("app", "nginx")]
        units.append(units[0].replace(".service", ".socket"))
        run(["systemctl", "stop", *units], 30)
        run(["systemctl", "reset-failed", *units], 30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unit(self, part: str) -> str:
        return f"slipway-bench-{self.layout.slug}-{part}.service"

    def _start(self, part: str, argv: list[str], listen: str = "") -> None:
        """Start a part; with ``listen``, systemd holds its socket, as it does for a slot."""
        command = ["systemd-run", "--quiet", f"--unit={self._unit(part)}", "--service-type=exec", f"--nice={NICE}"]
        if listen:
            owner = [f"SocketUser={self.layout.user}", "SocketMode=0600"] if listen.startswith("/") else []
            command += [f"--socket-property={entry}" for entry in (f"ListenStream={listen}", "Backlog=4096", *owner)]
        command += [f"--property={entry}" for entry in self.sandbox]
        command += [
            f"--property=ReadWritePaths={self.folder}",
            # A server may keep something there; what it keeps for the slot is the slot's.
            f"--property=RuntimeDirectory={os.path.basename(self.folder)}-{part}",
            "--property=TimeoutStopSec=3",
            f"--property=RuntimeMaxSec={self.seconds:.0f}",
            "--",
        ]
        commands = [[*command, "/usr/bin/env", *(word.replace("$", "$$") for word in argv)]]
        # Not by the first connection: what does not start says so now.
        commands += [["systemctl", "start", self._unit(part)]] if listen else []
        for each in commands:
            done = run(each, _START_SECONDS)
            if done.returncode:
                raise BenchError(f"it did not start: {' '.join(done.stdout.split())[-300:]}")

    def _wait(self, target: Target, path: str, timeout: float) -> None:
        began, last = time.monotonic(), ""
        request = {"method": "GET", "path": path, "headers": {}, "body": ""}
        while time.monotonic() - began < _START_SECONDS:
            try:
                # A server may listen before its app is loaded; a status is an answer, which others look at.
                target.ask(request, timeout)
                return
            except OSError as error:
                last = str(error)
            for part, main in self._mains(missing=True).items():
                if not main[0]:
                    said = last_lines("\n".join(journal(self._unit(part), time.time() - 120)), 3)
                    raise BenchError(f"it ended at once: {' '.join(said) or last}")
            time.sleep(0.1)
        raise BenchError(f"it gave no answer within {_START_SECONDS} s ({last})")

    def _mains(self, missing: bool = False) -> dict[str, list[int]]:
        try:
            states = unit_states([self._unit(part) for part in ("app", "nginx")])
        except CutoverError as error:
            raise BenchError(str(error)) from None
        started = {part: states.get(self._unit(part), {}) for part in ("app", "nginx")}
        there = {part: state for part, state in started.items() if state.get("ActiveState") not in (None, "inactive")}
        return {
            part: [int(state.get("MainPID") or 0)] for part, state in there.items() if missing or state.get("MainPID")
        }


def command_of(service: str, slot: str) -> list[str]:
    """How a service unit starts its server in a slot."""
    line = next(line for line in service.splitlines() if line.startswith("ExecStart="))
    return shlex.split(line.partition("=")[2].replace("%i", slot).replace("%%", "%"))


def static_file(public: str, size: int) -> str | None:
    """The URL of the static file of a release that is nearest in size to an answer; None when it has none."""
    found = []
    for folder, dummy, names in os.walk(public):
        for name in names:
            path = os.path.join(folder, name)
            url = path[len(public) :]
            if (
                name.endswith((".gz", ".br"))
                or "/." in url
                or not os.path.isfile(path)
                or not url.isascii()
                or " " in url
            ):
                continue
            found.append((abs(os.path.getsize(path) - size), url))
    return min(found)[1] if found else None


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for dummy in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
