"""The engines of a host, asked from it or from another one. The password never stands in a command, which would be logged."""

from __future__ import annotations

import json
import socket

from served import wait_for

NEIGHBOUR = {"debian12": "debian13", "debian13": "debian12"}
BOUND = 16 << 20

# Words to a server and how it answers, from stdin: a client that every host has.
TALK = """
import json, socket, sys
address, port, text = json.loads(sys.stdin.read())
with socket.create_connection((address, port), timeout=3) as connection:
    connection.sendall(text.encode())
    print(connection.recv(4096).decode())
"""


class Engine:
    port = 0

    def __init__(self, host) -> None:
        self.host = host
        self.machine = host.backend.get_hostname()
        self.address = host.check_output("hostname -I").split()[0]

    def show(self, name: str) -> str:
        return self.host.check_output("systemctl show --value --property=%s %s", name, self.unit)

    @property
    def main(self) -> int:
        return int(self.show("MainPID"))

    def signal(self, name: str) -> None:
        self.host.check_output("kill -%s %s", name, str(self.main))

    def stop(self) -> None:
        self.host.check_output("systemctl stop %s", self.unit)

    def back(self) -> None:
        if pid := self.main:
            self.host.run("kill -CONT %s", str(pid))
        self.host.check_output("systemctl start %s", self.unit)
        wait_for(self.answers, f"{self.unit} answers")

    def told(self, asker, text: str) -> str:
        """What it answers to ``asker``, a host; nothing to one that it does not hear."""
        words = json.dumps([self.address, self.port, text])
        return asker.run("printf %%s %s | python3 -c %s", words, TALK).stdout

    def open_to_controller(self) -> bool:
        return reachable(self.address, self.port)


class Redis(Engine):
    port = 6379

    def __init__(self, host) -> None:
        super().__init__(host)
        self.name = "valkey" if host.exists("valkey-server") else "redis"
        self.unit = f"{self.name}-server.service"
        self.secret = f"/etc/{self.name}/slipway-password.conf"

    def cli(self, *words: str) -> str:
        """With the password, on its own host."""
        command = f"REDISCLI_AUTH=$(cut -d'\"' -f2 {self.secret}) {self.name}-cli " + " ".join(["%s"] * len(words))
        return self.host.check_output(command, *words)

    def info(self, name: str) -> int:
        lines = dict(line.split(":", 1) for line in self.cli("info").splitlines() if ":" in line)
        return int(lines[name])

    def answers(self) -> bool:
        return self.cli("ping") == "PONG"

    def greeting(self, asker) -> str:
        return self.told(asker, "PING\r\n")


class Memcached(Engine):
    port, unit = 11211, "memcached.service"

    def answers(self) -> bool:
        return "VERSION" in self.told(self.host, "version\r\n")

    def greeting(self, asker) -> str:
        return self.told(asker, "version\r\n")

    def stat(self, name: str) -> int:
        lines = [line.split() for line in self.told(self.host, "stats\r\n").splitlines()]
        return next(int(line[2]) for line in lines if line[:2] == ["STAT", name])


def reachable(address: str, port: int) -> bool:
    """Whether this machine, which is no web host, gets a connection."""
    try:
        with socket.create_connection((address, port), timeout=1.5):
            return True
    except OSError:
        return False
