"""Who gets requests, and what the kernel is told of it."""

from __future__ import annotations

import json
import os
import pwd
import socket
import threading

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import pool
from ansible_collections.slipway.flask.plugins.module_utils.pool import Settings, Streak, Watched, judge
from ansible_collections.slipway.flask.plugins.modules import pool as pool_module

CONFIG = {
    "hosts": {"www1": "10.0.0.11", "www2": "10.0.0.12", "www3": "2001:db8::13"},
    "apps": [{"name": "hello", "host": "hello.example.com", "path": "/readyz"}],
    "interval": 0.25, "timeout": 0.7, "fails": 2, "passes": 3, "app_interval": 1, "app_timeout": 3,
    "user": pwd.getpwuid(os.getuid()).pw_name,
}  # fmt: skip


@pytest.fixture
def settings():
    return Settings(CONFIG)


@pytest.fixture
def hosts(settings):
    return [Watched(name, address, settings) for name, address in settings.hosts.items()]


def verdicts(hosts, *drained):
    return {name: verdict[:3] for name, verdict in judge(hosts, set(drained)).items()}


def fail(streak, why="no answer"):
    for _ in range(streak.fails):
        streak.add(why)


IN = (True, "", False)


def test_all_that_answer_get_requests(hosts):
    assert verdicts(hosts) == {"www1": IN, "www2": IN, "www3": IN}


def test_one_bad_answer_is_none():
    streak = Streak(2, 3)
    streak.add("late")
    assert streak.good and not streak.sure
    streak.add("")
    streak.add("late")
    assert streak.good


def test_it_takes_several_good_answers_to_come_back():
    streak = Streak(2, 3)
    fail(streak)
    for good in (False, False, True):
        streak.add("")
        assert streak.good is good


def test_a_host_that_does_not_answer_is_gone_with_all_it_holds(hosts):
    fail(hosts[1].alive)
    assert verdicts(hosts)["www2"] == (False, "no answer", True)


def test_a_drained_host_keeps_what_it_holds(hosts):
    assert verdicts(hosts, "www2")["www2"] == (False, "drained", False)


def test_a_drained_host_that_hangs_is_gone(hosts):
    fail(hosts[1].alive)
    assert verdicts(hosts, "www2")["www2"].__getitem__(2) is True


def test_what_no_host_has_does_not_count(hosts):
    for host in hosts:
        fail(host.alive)
    assert {verdict[0] for verdict in verdicts(hosts).values()} == {True}


def test_an_app_that_fails_on_one_host_takes_it_out_and_lets_its_requests_end(hosts):
    fail(hosts[0].apps["hello"], "hello: GET /readyz answered 502")
    assert verdicts(hosts)["www1"] == (False, "hello: GET /readyz answered 502", False)


def test_an_app_that_fails_on_all_hosts_takes_none_out(hosts):
    for host in hosts:
        fail(host.apps["hello"])
    assert {verdict[0] for verdict in verdicts(hosts).values()} == {True}


def test_an_app_that_is_well_on_a_drained_host_alone_is_well_nowhere(hosts):
    for host in hosts[:2]:
        fail(host.apps["hello"])
    found = verdicts(hosts, "www3")
    assert found["www1"][0] and found["www2"][0] and not found["www3"][0]


def test_the_rule_is_for_new_connections_of_nginx_alone(settings):
    text = pool.ruleset(settings, ["10.0.0.12", "2001:db8::13"])
    assert text.startswith("table inet slipway_balancer {}\ndelete table inet slipway_balancer\n")
    rules = [line.strip() for line in text.splitlines() if "reject" in line]
    new = f"meta skuid {os.getuid()} {{}} tcp dport {{{{ 80, 443 }}}} tcp flags & (syn | ack) == syn reject with tcp reset"
    assert rules == [new.format("ip daddr 10.0.0.12"), new.format("ip6 daddr 2001:db8::13")]


def test_the_table_is_empty_where_nobody_is_out(settings):
    assert "reject" not in pool.ruleset(settings, [])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0B00000A", "10.0.0.11"),
        ("0000000000000000FFFF00000B00000A", "10.0.0.11"),
        ("B80D0120000000000000000013000000", "2001:db8::13"),
    ],
)
def test_the_kernel_s_addresses_are_read(text, address):
    assert str(pool._address(text)) == address


@pytest.fixture
def listening():
    """A port of this machine, and what answers there: what it sends, or None to hang."""
    server = socket.create_server(("127.0.0.1", 0))
    answers: list[bytes | None] = []
    held = []

    def answer():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            if answers and answers[0] is not None:
                connection.recv(1000)
                connection.sendall(answers[0])
                connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    yield server.getsockname()[1], answers
    # Closed alone, it would leave the thread waiting for the next one.
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for connection in held:
        connection.close()


def test_any_answer_of_nginx_will_do(listening):
    port, answers = listening
    answers.append(b"")
    assert pool.ask_nginx("127.0.0.1", port, 2) == ""


def test_a_host_that_hangs_accepts_and_is_silent(listening):
    assert pool.ask_nginx("127.0.0.1", listening[0], 0.1) == "no answer of its Nginx within 0.1 s"


def test_a_host_without_nginx_refuses(listening):
    assert "refused" in pool.ask_nginx("127.0.0.1", 1, 0.5)


@pytest.mark.parametrize(
    ("status", "why"), [("404 Not Found", ""), ("502 Bad Gateway", "hello: GET /readyz answered 502")]
)
def test_an_app_is_asked_by_its_host_s_name(listening, status, why):
    port, answers = listening
    answers.append(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    settings = Settings({**CONFIG, "port": port})
    assert pool.ask_app("127.0.0.1", settings, settings.apps[0]) == why


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What the service says, in its file."""
    monkeypatch.setattr(pool, "STATE", str(tmp_path / "state.json"))
    monkeypatch.setattr(pool, "DRAINED", str(tmp_path / "drained"))

    def told(**inside):
        seen = {
            name: {"address": "10.0.0.1", "in": is_in, "why": "", "sure": True, "asked": 1e12}
            for name, is_in in inside.items()
        }
        (tmp_path / "state.json").write_text(json.dumps({"hosts": seen}))

    return told


def test_the_last_host_is_not_taken_out(settings, told):
    told(www1=True, www2=False, www3=False)
    with pytest.raises(pool.PoolError, match="www1 is the last host that gets requests"):
        pool.drain(settings, "www1", 1)
    assert pool.marks() == set()


def test_of_two_that_are_taken_out_at_once_the_last_one_stays_in(settings, told):
    """The service needs a moment for what the first one asks, in which the second one looks, too."""
    told(www1=True, www2=True, www3=False)
    applied = threading.Timer(
        0.3, lambda: told(www1="www1" not in pool.marks(), www2="www2" not in pool.marks(), www3=False)
    )
    applied.start()
    refused = []

    def drain(name):
        try:
            pool.drain(settings, name, 1)
        except pool.PoolError as error:
            refused.append(str(error))

    both = [threading.Thread(target=drain, args=(name,)) for name in ("www1", "www2")]
    for one in both:
        one.start()
    for one in [*both, applied]:
        one.join()
    assert len(refused) == 1 and "is the last host that gets requests" in refused[0]
    assert len(pool.marks()) == 1


def test_one_that_takes_hosts_out_and_does_not_end_is_not_waited_for_for_ever(settings, told, monkeypatch):
    monkeypatch.setattr(pool, "_OTHERS", 0.1)
    told(www1=True, www2=True)
    os.makedirs(pool.DRAINED)
    with pool.taking_out(), pytest.raises(pool.PoolError, match="others take hosts out"):
        pool.drain(settings, "www1", 1)
    assert pool.marks() == set()


def test_a_mark_says_who_made_it(settings, told):
    told(www1=False, www2=False, www3=True)
    pool.drain(settings, "www1", 1, turn=True)
    pool.drain(settings, "www2", 1)
    assert pool.marks() == {"www1", "www2"}
    assert pool.left() == ["www1"]


def test_a_service_that_does_nothing_is_noticed(settings, told, monkeypatch):
    monkeypatch.setattr(pool, "_APPLIED", 0.1)
    told(www1=True, www2=True)
    with pytest.raises(pool.PoolError, match="the service did not take it out"):
        pool.drain(settings, "www1", 1)


def test_a_host_that_holds_nothing_is_drained_at_once(settings, told):
    told(www1=False, www2=True)
    assert pool.drain(settings, "www1", 1) == 0
    assert pool.marks() == {"www1"}


def test_a_host_is_back_when_its_apps_were_asked_since(told):
    told(www1=True)
    assert pool.undrain("www1", 0.2) == ""


def test_why_a_host_is_not_back_is_told(told):
    told(www1=False)
    assert pool.undrain("www1", 0.1) == "its apps were not asked in time"


def test_where_no_service_runs_its_unit_is_named(told):
    with pytest.raises(pool.PoolError, match="systemctl status slipway-balancer"):
        pool.state()


class Ended(Exception):
    """What the module said at its end."""


@pytest.fixture
def module(monkeypatch):
    """Runs the module with options, and gives its end."""

    class Module:
        check_mode = False

        def __init__(self, options, **words):
            self.params = {name: given.get(name, option.get("default")) for name, option in options.items()}

        def warn(self, text):
            warnings.append(text)

        def exit_json(self, **result):
            raise Ended(result)

        fail_json = exit_json

    given: dict = {}
    warnings: list[str] = []
    monkeypatch.setattr(pool_module, "AnsibleModule", Module)
    monkeypatch.setattr(pool.Settings, "read", classmethod(lambda cls: Settings(CONFIG)))

    def module(check_mode=False, **options):
        given.update(options)
        Module.check_mode = check_mode
        with pytest.raises(Ended) as ended:
            pool_module.main()
        return ended.value.args[0], warnings

    return module


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_last_host_stays_in_for_its_turn_which_goes_on(module, told, check_mode):
    told(www1=True, www2=False, www3=False)
    result, warnings = module(check_mode, host="www1", state="out", turn=True)
    assert result == {"changed": False, "held": 0} and pool.marks() == set()
    assert "www1 is the last host that gets requests" in warnings[0]


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_last_host_is_not_taken_out_by_hand(module, told, check_mode):
    told(www1=True, www2=False, www3=False)
    result, _ = module(check_mode, host="www1", state="out")
    assert "www1 is the last host that gets requests; put another one back first" in result["msg"]


def test_who_was_left_out_by_a_deploy_is_told(module, told):
    told(www1=False, www2=True)
    module(host="www1", state="out", turn=True)
    assert module(state="told")[0]["left"] == ["www1"]
    os.unlink(pool.STATE)
    told_without_service = module(state="told")[0]
    assert told_without_service["left"] == ["www1"] and "is not watched" in told_without_service["msg"]


def test_a_host_that_is_no_balancer_yet_knows_of_none(module, told, monkeypatch):
    monkeypatch.setattr(pool.Settings, "read", classmethod(lambda cls: None))
    assert module(state="told")[0] == {"changed": False, "hosts": {}, "left": []}


def test_who_was_drained_by_hand_stays_out_in_its_turn_and_after_it(module, told):
    told(www1=False, www2=True)
    module(host="www1", state="out")
    for state in ("out", "in"):
        assert module(host="www1", state=state, turn=True)[0]["changed"] is False
        assert module(state="told")[0]["left"] == [] and pool.marks() == {"www1"}
