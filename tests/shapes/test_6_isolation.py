"""Side by side and walled off: no app reads, reaches or sees anything of another."""

from __future__ import annotations

import shlex
from collections import defaultdict

import pytest

# What a worker sees, told by a process in its view of the system and of its user; a kind and a value in each line.
LOOK = r"""
cd /
ls /srv | sed 's/^/home /'
find /srv /etc/slipway /var/lib/flask-* /var/cache/slipway /tmp /dev/shm -type f -readable -printf 'readable %p\n'
find /srv /etc /var /opt /run/flask-* ! -type l -writable -printf 'writable %p\n'
stat --format='process %U' /proc/[0-9]*
"""
# All of them at once: a question by SSH for each would take minutes.
LOOK_AROUND = r"""
for slug; do
  slot=$(basename "$(readlink "/srv/$slug/active.sock")" .sock)
  worker=$(pgrep --newest --parent "$(systemctl show --value --property=MainPID "flask-$slug@$slot.service")")
  { ps --no-headers -o user:40 --pid "$worker" | sed 's/^/user /'
    nsenter --target="$worker" --mount \
      setpriv --reuid="flask-$slug" --regid="flask-$slug" --clear-groups sh -c "$LOOK" 2> /dev/null
  } | sed "s/^/$slug /"
done
"""


@pytest.fixture(scope="module")
def views(host, slugs) -> dict[str, dict[str, list[str]]]:
    """What every app's worker sees, by the app's slug and kind."""
    script = f"LOOK={shlex.quote(LOOK)}\n{LOOK_AROUND}"
    seen = defaultdict(lambda: defaultdict(list))
    for line in host.check_output(" ".join(["sh -c %s sh", *slugs]), script).splitlines():
        slug, kind, value = line.split(" ", 2)
        seen[slug][kind].append(value.strip())
    return seen


@pytest.fixture
def view(views, app) -> dict[str, list[str]]:
    return views[app.name]


def test_an_app_runs_as_a_user_of_its_own(app, view):
    assert view["user"] == [app.user]


def test_an_app_sees_its_own_home_alone(app, view):
    assert view["home"] == [app.name]


def test_an_app_reads_no_file_of_another_and_no_secrets(app, view):
    assert f"/etc/slipway/{app.name}/{app.slot}/gunicorn.conf.py" in view["readable"], "expected what is its own"
    # Where a host has a CA of its own, its certificate is for all to trust.
    own = (f"/srv/{app.name}/", f"/etc/slipway/{app.name}/", f"/var/lib/{app.user}/", "/tmp/")
    others = [path for path in view["readable"] if not path.startswith(own)]
    assert others in ([], ["/etc/slipway/certificates/ca.pem"])
    assert [path for path in view["readable"] if path.endswith(("/env", "/secrets"))] == []


def test_an_app_writes_to_its_shared_folders_its_home_and_scratch_alone(app, view):
    own = (f"/srv/{app.name}/shared", f"/var/lib/{app.user}", "/var/tmp")
    assert f"/var/lib/{app.user}" in view["writable"]
    assert [path for path in view["writable"] if not path.startswith(own)] == []


def test_an_app_sees_no_process_of_another(app, view):
    assert set(view["process"]) == {app.user}
