"""status, rollback, and a deploy of one app of two, as a user types them."""

import json

import pytest
import yaml
from playbook import INVENTORY, play

testinfra_hosts = ["ansible://debian13"]

APPS = yaml.safe_load((INVENTORY / "group_vars" / "web.yml").read_text(encoding="utf-8"))["slipway_apps"]


@pytest.fixture
def ask(hello):
    """Run one of the playbooks on this host."""
    return lambda playbook, **variables: play(f"playbooks/{playbook}.yml", "--limit", hello.machine, **variables)


@pytest.fixture
def status(ask, tmp_path):
    """What the status playbook says of hello: its output, and the app from the file."""

    def read() -> tuple[str, dict]:
        played = ask("status", slipway_status_file=str(tmp_path / "status.json"))
        assert played.ok and played.changed == 0, played.output
        hosts = json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))["hosts"]
        return played.output, next(iter(hosts.values()))["apps"][0]

    return read


@pytest.fixture
def newer(hello, ask):
    """A release of hello that is another one though it does the same; what stood before serves again afterwards."""
    before = hello.release
    source = {**APPS["hello"]["source"], "exclude": ["tests"]}
    deployed = ask("deploy", slipway_apps={"hello": {**APPS["hello"], "source": source}})
    assert deployed.ok and hello.release != before, deployed.output
    yield hello.release
    again = ask("deploy")
    assert again.ok and hello.release == before, again.output


def test_status_tells_what_serves(hello, status):
    output, app = status()
    assert (app["live"]["release"], app["live"]["slot"]) == (hello.release, hello.slot)
    assert (app["live"]["workers"], app["live"]["socket"], app["faults"]) == (len(hello.workers), True, [])
    row = next(line for line in output.splitlines() if line.startswith(f"{hello.machine} "))
    assert row.split()[1:4] == ["hello", hello.release, hello.slot]


def test_status_names_what_is_wrong(hello, status):
    hello.run("systemctl disable %s", hello.service)
    try:
        output, app = status()
    finally:
        hello.run("systemctl enable %s", hello.service)
    told = f"{hello.service} is not enabled, so it would not come back after a reboot"
    assert app["faults"] == [told]
    assert f"{hello.machine}, hello: {told}" in output


def test_a_rollback_leads_to_the_release_before_and_loses_nothing(hello, newer, ask, status):
    previous = status()[1]["previous"]
    with hello.load() as load:
        played = ask("rollback")
    assert played.ok, played.output
    assert load.counts()["lost"] == 0, load.counts()
    assert hello.release == previous != newer
    assert status()[1]["last"]["rollback"]


def test_a_rollback_to_a_release_that_is_not_there_names_those_that_are(hello, ask):
    before = (hello.release, hello.slot, hello.master)
    played = ask("rollback", slipway_release="nonsense")
    assert not played.ok
    told = " ".join(played.output.split())
    assert "hello: there is no release nonsense to go back to. Those there: " in told
    assert f"{hello.release} (built " in told
    assert (hello.release, hello.slot, hello.master) == before


@pytest.mark.parametrize("playbook", ["deploy", "rollback", "status"])
def test_an_unknown_app_is_refused_with_those_there_are(ask, playbook):
    played = ask(playbook, slipway_only="helo")
    assert not played.ok
    assert "slipway_only: expected hello, the apps of this host, found helo;" in played.output


def test_a_deploy_of_one_app_leaves_the_others_alone(ask):
    """Whose source need not even be there."""
    apps = {**APPS, "other": {**APPS["hello"], "domains": ["other.example.com"], "source": {"path": "no_such"}}}
    assert "slipway_apps.other.source.path" in ask("deploy", slipway_apps=apps).output
    played = ask("deploy", slipway_apps=apps, slipway_only="hello")
    assert played.ok and played.changed == 0, played.output
