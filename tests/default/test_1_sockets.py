"""The live slot's socket belongs to systemd, and Nginx alone may connect to it."""

import pytest


def test_systemd_listens_on_the_slot_s_socket(hello):
    assert hello.show(hello.socket, "Listen") == f"/run/flask-hello/{hello.slot}.sock (Stream)"
    assert hello.show(hello.socket, "ActiveState") == "active"


@pytest.mark.parametrize(("what", "expected"), [("user", "root"), ("group", "www-data"), ("mode", 0o660)])
def test_the_socket_s_owner_and_mode(hello, what, expected):
    assert getattr(hello.host.file(f"/run/flask-hello/{hello.slot}.sock"), what) == expected


def test_the_kernel_queues_as_many_connections_as_promised(hello):
    """For a listening socket, Send-Q is its backlog."""
    row = hello.run("ss --no-header --listening --unix src /run/flask-hello/%s.sock", hello.slot)
    assert int(row.split()[3]) == min(4096, int(hello.run("cat /proc/sys/net/core/somaxconn")))


@pytest.mark.parametrize(("user", "may"), [("www-data", True), ("nobody", False)])
def test_who_may_connect(hello, user, may):
    done = hello.host.run(
        "setpriv --reuid=%s --regid=%s --init-groups curl --silent --unix-socket /srv/hello/active.sock "
        "http://hello.example.com/healthz", user, hello.run("id --group --name %s", user),
    )  # fmt: skip
    assert (done.rc == 0) is may


def test_gunicorn_listens_nowhere_else(hello):
    pids = [hello.master, *hello.workers]
    listening = hello.run("ss --no-header --listening --tcp --udp --processes")
    assert not [pid for pid in pids if f"pid={pid}," in listening]


@pytest.mark.parametrize("unit", ["socket", "service", "umbrella"])
def test_the_units_come_back_after_a_reboot(hello, unit):
    name = {"socket": hello.socket, "service": hello.service, "umbrella": "flask-hello.service"}[unit]
    assert hello.show(name, "UnitFileState") == "enabled"


def test_only_one_slot_runs(hello):
    other = {"blue": "green", "green": "blue"}[hello.slot]
    assert hello.show(f"flask-hello@{other}.service", "ActiveState") in ("inactive", "failed")
    assert hello.show(f"flask-hello@{other}.socket", "ActiveState") == "inactive"
