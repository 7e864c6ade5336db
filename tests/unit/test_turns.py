"""Hosts of a fleet refuse a release or are lost, before their turn and in it: the playbooks' own tasks, with hosts that are files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent / "turns"
COLLECTION = Path("ansible_collections/slipway/flask")
DEPLOY, SERVED = ROOT / "playbooks/deploy.yml", HERE / "served.yml"
OLD, NEW = "r1", "r2"


class Fleet:
    """Web hosts www1 and so on behind balancers, all of them files. Each app's database is moved by ``before_switch``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.web, self.balancers, self.apps = folder, [], [], []
        self.inventory, self.output = {}, ""

    def has(
        self, hosts: int, balancers: int = 1, apps: tuple[str, ...] = ("hello",), before_switch: bool = True
    ) -> Fleet:
        self.web, self.balancers, self.apps = _names("www", hosts), _names("lb", balancers), list(apps)
        everyone = {
            name: {"slipway_address": f"10.0.0.{number}"} for number, name in enumerate(self.web + self.balancers, 1)
        }
        source = self.folder / "source"
        source.mkdir()
        app = {
            "source": {"path": str(source)},
            "wsgi": "hello:app",
            "before_switch": ["migrate"] if before_switch else [],
        }
        inventory = {
            "web": {
                "hosts": {name: everyone[name] for name in self.web},
                "vars": {"slipway_apps": {name: {**app, "domains": [f"{name}.example.com"]} for name in apps}},
            },
            "balancer": {"hosts": {name: everyone[name] for name in self.balancers}},
            "all": {
                "vars": {
                    "fleet": str(self.folder), "release": NEW, "ansible_connection": "local", "ansible_become": False,
                    "ansible_python_interpreter": sys.executable,
                },
            },
        }  # fmt: skip
        self.inventory = inventory
        for name in self.web:
            for app in apps:
                path = self.folder / "hosts" / name / app
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({"live": "blue", "blue": OLD, "green": ""}))
        for name in self.balancers:
            (self.folder / "pools" / name).mkdir(parents=True)
        (self.folder / "lost").mkdir()
        return self

    def find(self, name: str) -> None:
        (self.folder / "lost" / name).unlink()

    def deploy(
        self, faults: dict[str, str], *words: str, playbook: Path = DEPLOY, absent: str = "", **variables
    ) -> bool:
        """Whether it ended well. ``faults``: what goes wrong, see action/world.py; ``absent``: a host that was never there."""
        nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        self.inventory["all"]["hosts"] = {absent: nowhere} if absent else {}
        (self.folder / "inventory.json").write_text(json.dumps(self.inventory))
        (self.folder / "faults").write_text(json.dumps(faults))
        (self.folder / "events").write_text("")
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        environment = {name: value for name, value in os.environ.items() if name in kept} | {
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder.parent), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_FORKS": "3", "ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        }  # fmt: skip
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "inventory.json", "-e", json.dumps(variables), playbook, *words],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        self.output = done.stdout
        print(self.output)
        return done.returncode == 0

    @property
    def events(self) -> list[str]:
        return (self.folder / "events").read_text().splitlines()

    def did(self, what: str) -> list[str]:
        """Where, of each event that is called so."""
        return [line.partition(" ")[2] for line in self.events if line.startswith(f"{what} ")]

    @property
    def released(self) -> dict[str, str]:
        """What serves, by host; of several apps with blanks between."""
        return {name: " ".join(self._release(name, app) for app in self.apps) for name in self.web}

    def _release(self, name: str, app: str) -> str:
        slots = json.loads((self.folder / "hosts" / name / app).read_text())
        return slots[slots["live"]]

    @property
    def out(self) -> list[str]:
        """Hosts that a balancer leaves out."""
        return sorted({path.name for path in self.folder.glob("pools/*/*")})

    @property
    def message(self) -> str:
        """The last one that a run ended with, without the names of those that ended so."""
        return re.sub(r"\s+", " ", self.output.rpartition("fatal: ")[2].partition("PLAY RECAP")[0])


def _names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(1, count + 1)]


@pytest.fixture(scope="session")
def collections(tmp_path_factory) -> Path:
    """The collection, but that its actions on hosts are those of the folder turns."""
    top = tmp_path_factory.mktemp("collections")
    actions = top / COLLECTION / "plugins" / "action"
    actions.mkdir(parents=True)
    for part in ("roles", "meta", "galaxy.yml"):
        (top / COLLECTION / part).symlink_to(ROOT / part)
    for part in ("modules", "module_utils", "plugin_utils", "filter", "doc_fragments"):
        (actions.parent / part).symlink_to(ROOT / "plugins" / part)
    for path in (HERE / "action").glob("*.py"):
        (actions / path.name).symlink_to(path)
    (actions / "settings.py").symlink_to(ROOT / "plugins/action/settings.py")
    (actions / "real_release.py").symlink_to(ROOT / "plugins/action/release.py")
    return top


@pytest.fixture
def fleet(collections, tmp_path_factory, request) -> Fleet:
    folder = collections / re.sub(r"\W", "_", request.node.name)
    folder.mkdir()
    return Fleet(folder)


def all_on(fleet: Fleet, release: str) -> bool:
    return set(fleet.released.values()) == {" ".join([release] * len(fleet.apps))}


def test_where_the_first_host_cannot_be_reached_the_next_one_runs_what_comes_before(fleet):
    fleet.has(3)
    assert not fleet.deploy({}, absent="www1", slipway_serial=1)
    assert fleet.did("prepared") == ["www2 hello"]
    assert fleet.released == {"www1": OLD, "www2": NEW, "www3": NEW} and fleet.out == []


def test_nothing_is_switched_without_what_comes_before(fleet):
    fleet.has(2)
    assert not fleet.deploy({"prepared www1 hello": "lose"}, slipway_serial=1)
    assert all_on(fleet, OLD) and fleet.did("live") == [] and fleet.out == []
    assert "www1 is gone" in fleet.output


def test_where_what_comes_before_one_app_fails_no_app_is_switched(fleet):
    fleet.has(3, apps=("first", "second"))
    assert not fleet.deploy({"prepared www1 second": "refuse"}, slipway_serial=2)
    assert all_on(fleet, OLD) and fleet.did("live") == fleet.out == []
    assert "prepared www1 second: refused" in fleet.message


def test_where_one_refuses_those_before_it_return_and_those_after_it_have_no_turn(fleet):
    fleet.has(3)
    assert not fleet.deploy({"live www2 hello": "refuse"}, slipway_serial=1)
    assert all_on(fleet, OLD) and fleet.out == []
    assert fleet.did("live") == ["www1 hello"]
    assert fleet.did("returned") == ["www2 hello the same", "www1 hello"]
    assert "www2: live www2 hello: refused" in fleet.message
    assert "returned to what served before: www1." in fleet.message


def test_one_that_fails_after_its_switch_returns_too(fleet):
    fleet.has(2)
    assert not fleet.deploy({"live www2 hello": "fail after"}, slipway_serial=1)
    assert all_on(fleet, OLD) and fleet.out == []
    assert "returned to what served before: www1, www2." in fleet.message


def test_one_that_cannot_be_returned_keeps_nobody_from_the_pool_and_is_named(fleet):
    fleet.has(3)
    assert not fleet.deploy({"live www2 hello": "refuse", "returned www1 hello": "lose"}, slipway_serial=1)
    assert fleet.released == {"www1": NEW, "www2": OLD, "www3": OLD} and fleet.out == []
    assert "www2: live www2 hello: refused" in fleet.message
    assert "returned to what served before: no host." in fleet.message
    assert "www1: hello was not returned: " in fleet.message and "www1 is gone" in fleet.message


def test_one_that_refuses_to_return_keeps_nobody_from_the_pool(fleet):
    fleet.has(3)
    assert not fleet.deploy({"live www2 hello": "refuse", "returned www1 hello": "refuse"}, slipway_serial=2)
    assert fleet.released == {"www1": NEW, "www2": OLD, "www3": OLD} and fleet.out == []
    assert "www1: hello was not returned: returned www1 hello: refused" in fleet.message


def test_a_host_that_was_never_there_lets_no_later_batch_begin(fleet):
    fleet.has(3)
    assert not fleet.deploy({"live www1 hello": "refuse"}, absent="www2", slipway_serial=2)
    assert all_on(fleet, OLD) and fleet.out == [] and fleet.did("live") == []
    assert "www1: live www1 hello: refused" in fleet.message


@pytest.mark.parametrize(("serial", "when", "runs"), [(1, "lose", OLD), (2, "lose", OLD), (2, "lose after", NEW)])
def test_where_one_is_lost_in_its_turn_the_others_return_and_the_next_run_heals(fleet, serial, when, runs):
    fleet.has(3)
    assert not fleet.deploy({"live www2 hello": when}, slipway_serial=serial)
    assert fleet.released == {"www1": OLD, "www2": runs, "www3": OLD} and fleet.out == ["www2"]
    assert "www2: lost at hello: " in fleet.message and "www2 is gone" in fleet.message
    assert "Not reached, and perhaps out of the pools until the next run: www2." in fleet.message
    assert "returned to what served before: www1." in fleet.message
    fleet.find("www2")
    assert fleet.deploy({}, slipway_serial=serial)
    assert all_on(fleet, NEW) and fleet.out == []


def test_where_one_is_lost_at_its_nginx_the_others_return(fleet):
    fleet.has(2, before_switch=False)
    assert not fleet.deploy({"nginx www2": "lose"}, playbook=SERVED, slipway_serial=1)
    assert fleet.released == {"www1": OLD, "www2": NEW} and fleet.out == ["www2"]
    assert "www2 is gone" in fleet.message and "returned to what served before: www1." in fleet.message


def test_where_all_that_are_there_have_their_turn_nobody_is_taken_out(fleet):
    fleet.has(3)
    assert not fleet.deploy({}, absent="www3", slipway_serial="100%")
    assert fleet.released == {"www1": NEW, "www2": NEW, "www3": OLD} and fleet.did("out") == []


def test_one_that_a_balancer_does_not_take_back_is_named(fleet):
    fleet.has(2, before_switch=False)
    assert not fleet.deploy({"live www1 hello": "refuse", "in lb1 www1": "refuse"}, slipway_serial=1)
    assert all_on(fleet, OLD) and fleet.out == ["www1"]
    assert "www1 stays out of the pool of lb1: in lb1 www1: refused" in fleet.message


def test_what_a_balancer_refuses_is_told(fleet):
    fleet.has(2, before_switch=False)
    assert not fleet.deploy({"out lb1 www2": "refuse"}, slipway_serial=1)
    assert all_on(fleet, OLD) and fleet.out == []
    assert "www2: out lb1 www2: refused" in fleet.message


def test_one_whom_a_lost_balancer_left_out_is_put_back_by_the_next_run(fleet):
    fleet.has(2, balancers=2, before_switch=False)
    assert fleet.deploy({"in lb2 www1": "lose"}, slipway_serial=1)
    assert all_on(fleet, NEW) and fleet.out == ["www1"]
    assert "www1 stays out of the pools of lb2" in fleet.output
    fleet.find("lb2")
    assert fleet.deploy({}, slipway_serial=1)
    assert fleet.out == [] and fleet.did("in") == ["lb1 www1", "lb2 www1"] and fleet.did("live") == []


def test_one_that_was_drained_by_hand_is_switched_and_stays_out(fleet):
    fleet.has(2, before_switch=False)
    (fleet.folder / "pools/lb1/www2").write_text("hand")
    assert fleet.deploy({}, slipway_serial=1)
    assert all_on(fleet, NEW) and fleet.out == ["www2"] and fleet.did("in") == ["lb1 www1"]
