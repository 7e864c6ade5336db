"""Side by side and walled off: no app reads, reaches or sees anything of another."""

from __future__ import annotations


def inside(app, command: str) -> list[str]:
    """Lines of a command's output in a worker's view of the system, as its user."""
    user, group = app.run("id --user %s", app.user), app.run("id --group %s", app.user)
    words = "nsenter --target=%s --mount setpriv --reuid=%s --regid=%s --clear-groups sh -c %s"
    return app.host.run(words, str(app.workers[0]), user, group, command).stdout.splitlines()


def test_every_app_has_a_user_of_its_own(apps):
    users = [app.run("ps --no-headers -o user:40 --pid %s", str(app.workers[0])).strip() for app in apps]
    assert users == [app.user for app in apps]
    assert len(set(users)) == len(apps)


def test_an_app_sees_its_own_home_alone(app):
    assert inside(app, "ls /srv") == [app.name]


def test_an_app_reads_no_file_of_another_and_none_of_the_secrets(app):
    folders = "/srv /etc/slipway /var/lib/flask-* /var/cache/slipway /tmp /dev/shm"
    own = f"! -path '/srv/{app.name}/*'"
    found = inside(app, f"find {folders} -type f -readable {own}")
    assert f"/etc/slipway/{app.name}/{app.slot}/gunicorn.conf.py" in found, "expected what is its own"
    allowed = (f"/etc/slipway/{app.name}/", f"/var/lib/{app.user}/", "/tmp/")
    assert [path for path in found if not path.startswith(allowed) or path.endswith(("/env", "/secrets"))] == []


def test_an_app_writes_nothing_of_another(app):
    found = inside(app, "find /srv /etc /var /run /opt -writable ! -type l")
    allowed = (f"/srv/{app.name}/shared", f"/var/lib/{app.user}", "/var/tmp", "/run/lock")
    assert [path for path in found if not path.startswith(allowed)] == []


def test_an_app_sees_no_process_of_another(app):
    uids = set(inside(app, "stat --format=%u /proc/[0-9]*"))
    assert uids == {app.run("id --user %s", app.user)}
