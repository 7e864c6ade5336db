"""Who may come in, by address and by password."""

import pytest
from door import play

WORLD, HOUSE, BANNED = (("--interface", f"127.0.0.{number}") for number in (2, 3, 66))
ANN, BOB, WRONG = ("--user", "ann:harbour"), ("--user", "bob:beacon"), ("--user", "ann:wrong")


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/", WORLD, 200),
        ("/", BANNED, 403),
        ("/members", WORLD, 401),
        ("/members/list", WORLD, 401),
        ("/members/list", ANN, 200),
        ("/members/list", WRONG, 401),
        ("/members/list", BOB, 401),
        ("/members/bob/", ANN, 401),
        ("/members/bob/", BOB, 200),
        ("/membership", WORLD, 200),
        ("/%6dembers/list", WORLD, 401),
        ("//members/list", WORLD, 401),
        ("/./members/list", WORLD, 401),
        ("/members/../other", WORLD, 400),
        ("/members%2f%2e./other", WORLD, 400),
        ("/?next=/../members", WORLD, 200),
        ("/inside", WORLD, 403),
        ("/inside", HOUSE, 200),
        ("/both", HOUSE, 401),
        ("/both", (*WORLD, *ANN), 403),
        ("/both", (*HOUSE, *ANN), 200),
        ("/either", WORLD, 401),
        ("/either", HOUSE, 200),
        ("/either", (*WORLD, *ANN), 200),
    ],
)
def test_who_comes_in(guarded, path, options, status):
    assert guarded.get(path, "--path-as-is", *options)[0] == status


def test_an_address_that_a_client_claims_opens_nothing(guarded):
    assert guarded.get("/inside", "--header", "X-Forwarded-For: 127.0.0.3", *WORLD)[0] == 403


def test_only_root_and_nginx_read_the_hashes(guarded):
    modes = guarded.run("stat --format='%a %U %G' /etc/nginx/slipway/passwords /etc/nginx/slipway/passwords/*")
    assert set(modes.splitlines()) == {"750 root www-data", "640 root www-data"}


def test_no_run_shows_a_hash(guarded):
    """As verbose as it gets, with one that changes."""
    changed = "$6$newcanary$" + 86 * "x"
    shown = play("site.yml", guarded, "-vvv", "--diff", "--check", nginx_passwords={"ann": changed, "bob": changed})
    assert shown.ok and shown.changed, shown.output
    assert "canary" not in shown.output
