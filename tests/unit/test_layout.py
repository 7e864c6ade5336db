"""Where everything of an app lives, whatever the app is called."""

from __future__ import annotations

import re

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_USER, SLOTS, Layout, other_than, slug

ODD = [
    *("My App!", "my app", "My-App", "my/app", "../etc", "a.b", "1st", "-x", "_x", "42", "!!!", " ", "", "é", "Bücher"),
    *("日本語", "🎉", "a" * 27, "a" * 200, "A" * 200, "1" * 200, "x-" * 20, "a\nb", "hello ", "build"),
]


@pytest.mark.parametrize("name", ["hello", "a", "my-app_2", "a" * 26, "root", "www-data", "nginx", "blue", "a-"])
def test_a_plain_name_stays_as_it_is(name):
    assert slug(name) == name


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_cleaned(name):
    assert re.fullmatch(r"[a-z][a-z0-9-]*-[0-9a-f]{8}", slug(name))


@pytest.mark.parametrize("name", ODD)
def test_a_user_s_name_has_at_most_32_characters(name):
    assert len(Layout(name).user) <= 32


def test_names_that_clean_to_the_same_stay_apart():
    names = {*ODD, "my-app", "app", "a-b", "b-cher"}
    assert len({slug(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("My App!", "my-app-"), ("42", "app-42-"), ("é", "app-"), ("a.b", "a-b-"), ("A" * 200, "a" * 16 + "-")],
)
def test_a_cleaned_name_can_be_read(name, expected):
    assert slug(name)[:-8] == expected


def test_a_slug_is_the_same_on_every_host_and_day():
    assert slug("My Shop!") == "my-shop-22e214a0"


@pytest.mark.parametrize("name", ["root", "www-data", "nginx", "build", *ODD])
def test_an_app_s_user_is_no_other_s(name):
    assert Layout(name).user.startswith("flask-") and Layout(name).user != BUILD_USER


def test_everything_of_an_app_bears_its_slug():
    layout = Layout("My Shop!", "/apps")
    assert {
        value.replace(layout.slug, "SLUG")
        for value in (
            *(layout.home, layout.active, layout.current, layout.shared, layout.etc, layout.run, layout.umbrella),
            *(layout.release("r1"), layout.link("blue"), layout.settings("blue"), layout.socket_path("blue")),
            *(layout.service("blue"), layout.socket("blue")),
        )
    } == {
        *("/apps/SLUG", "/apps/SLUG/active.sock", "/apps/SLUG/current", "/apps/SLUG/shared", "/etc/slipway/SLUG"),
        *("/run/flask-SLUG", "flask-SLUG.service", "/apps/SLUG/releases/r1", "/apps/SLUG/blue"),
        *("/etc/slipway/SLUG/blue", "/run/flask-SLUG/blue.sock", "flask-SLUG@blue.service", "flask-SLUG@blue.socket"),
    }


def test_the_slots_of_an_app_share_nothing():
    layout = Layout("hello")
    for path in (layout.link, layout.settings, layout.socket_path, layout.service, layout.socket):
        assert len({path(slot) for slot in SLOTS}) == 2


@pytest.mark.parametrize(("slot", "other"), [("blue", "green"), ("green", "blue"), (None, "blue")])
def test_the_other_slot(slot, other):
    assert other_than(slot) == other
