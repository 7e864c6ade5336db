"""What the ways of serving beside what serves are made of."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import ladder


@pytest.mark.parametrize(
    ("size", "nearest"), [(90, "/static/style.css"), (5000, "/static/sub/big.svg"), (0, "/static/a.js")]
)
def test_the_static_file_is_as_large_as_an_answer(tmp_path, size, nearest):
    for name, length in (
        ("style.css", 100),
        ("style.css.gz", 90),
        ("sub/big.svg", 4000),
        (".hidden", 5000),
        ("a.js", 10),
    ):
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * length)
    assert ladder.static_file(str(tmp_path), size) == nearest


def test_a_release_may_have_no_static_file(tmp_path):
    assert ladder.static_file(str(tmp_path), 10) is None


def test_ports_are_free_and_differ():
    ports = ladder.free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("start", "argv"),
    [
        ("/srv/a/%i/venv/bin/python -m gunicorn --config /etc/a/%i/gunicorn.conf.py",
         ["/srv/a/blue/venv/bin/python", "-m", "gunicorn", "--config", "/etc/a/blue/gunicorn.conf.py"]),
        ("/srv/a/%i/venv/bin/pyuwsgi --ini '/etc/my app/50%%.ini'", ["/srv/a/blue/venv/bin/pyuwsgi", "--ini", "/etc/my app/50%.ini"]),
    ],
)  # fmt: skip
def test_a_server_is_started_as_its_unit_does(start, argv):
    assert ladder.command_of(f"[Service]\nType=notify\nExecStart={start}\nExecReload=/bin/true\n", "blue") == argv


def test_nothing_of_its_own_nginx_is_world_s():
    text = ladder._NGINX.format(run="/run/x", port=1, cache_port=2, static_port=3, public="/p", scheme="http")
    assert [line.split()[1] for line in text.splitlines() if line.strip().startswith("listen")] == [
        "127.0.0.1:1;", "127.0.0.1:2;", "127.0.0.1:3;",
    ]  # fmt: skip
    assert "{" + "run" not in text
