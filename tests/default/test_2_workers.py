"""The workers: how many, of which class, as whom, and behind which walls."""

import re

import pytest


def status(hello, field: str) -> list[str]:
    """A field of /proc/PID/status of every worker."""
    texts = [hello.run("cat /proc/%s/status", str(pid)) for pid in hello.workers]
    return [re.search(rf"^{field}:\s*(.*)$", text, re.MULTILINE)[1] for text in texts]


def test_workers_are_sized_to_the_cpus(hello):
    assert len(hello.workers) == max(2, int(hello.run("nproc")) + 1)


def test_the_class_is_gthread(hello):
    """Gunicorn says so when it starts, and a worker that has answered has threads."""
    said = hello.run("journalctl --quiet --output=cat --unit=%s", hello.service)
    assert said.rpartition("Using worker: ")[2].split()[0] == "gthread"
    assert hello.get("/healthz")[0] == 200
    assert max(int(count) for count in status(hello, "Threads")) > 1


def test_they_run_as_the_app_s_user_without_any_privilege(hello):
    uid = hello.run("id --user flask-hello")
    assert {line.split()[0] for line in status(hello, "Uid")} == {uid}
    assert set(status(hello, "CapEff")) | set(status(hello, "CapBnd")) == {"0000000000000000"}
    assert set(status(hello, "NoNewPrivs")) == {"1"}
    assert set(status(hello, "Seccomp")) == {"2"}


def test_the_exposure_is_low(hello):
    words = hello.run("systemd-analyze security --no-pager %s", hello.service).splitlines()[-1]
    assert float(re.search(r": ([\d.]+)", words)[1]) <= 1.2


def inside(hello, command: str):
    """Run a command in a worker's view of the system, as its user."""
    uid = hello.run("id --user flask-hello")
    return hello.host.run(
        "nsenter --target=%s --mount setpriv --reuid=%s --clear-groups sh -c %s", str(hello.workers[0]), uid, command
    )


@pytest.mark.parametrize(
    "path", ["/srv/hello/current/src", "/srv/hello/current/venv", "/usr", "/etc", "/srv/hello", "/srv"]
)
def test_a_worker_cannot_write_what_is_not_its_own(hello, path):
    assert inside(hello, f"touch {path}/made-by-test").rc != 0


@pytest.mark.parametrize("path", ["/srv/hello/shared/instance", "/tmp", "/var/lib/flask-hello"])
def test_a_worker_can_write_what_is_its_own(hello, path):
    assert inside(hello, f"touch {path}/made-by-test && rm {path}/made-by-test").rc == 0


@pytest.mark.parametrize(
    "path", ["/etc/slipway/hello/blue/secrets", "/etc/slipway/hello/green/secrets", "/root", "/home/admin"]
)
def test_a_worker_cannot_read_what_is_secret(hello, path):
    assert inside(hello, f"cat {path} || ls {path}/.").rc != 0


def test_the_app_owns_none_of_its_code_and_nobody_but_root_can_change_it(hello):
    assert hello.run("find /srv/hello/releases /etc/slipway/hello ! -user root") == ""
    assert hello.run("find /srv/hello/releases /etc/slipway/hello ! -type l -perm /022") == ""


def test_secrets_are_in_the_app_s_environment_and_in_no_file_that_others_may_read(hello):
    environment = hello.run("tr '\\0' '\\n' < /proc/%s/environ", str(hello.workers[0]))
    assert "HELLO_SECRET_KEY=for tests only" in environment
    folders = "/etc /srv /run/systemd /run/flask-hello /var/log /var/lib/flask-hello"
    # Not as it is: Ansible logs this very command.
    found = hello.host.run(f"find {folders} -type f -perm /077 -exec grep -l 'for tests onl[y]' {{}} +")
    assert found.stdout == ""


def test_the_access_log_is_in_the_journal_with_the_request_s_time(hello):
    since = hello.now()
    assert hello.get("/wait?ms=300")[0] == 200
    (line,) = re.findall(
        r'^127\.0\.0\.1 "GET /wait\?ms=300 HTTP/1\.\d" 200 \d+ (\d+)ms ', hello.journal(since), re.MULTILINE
    )
    assert 300 <= int(line) < 3000
