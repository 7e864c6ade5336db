"""Names that users, units and paths do not all allow, names that are alike, and names that the system has already."""

import re

import pytest

NAMES = {
    "root": "root",
    "www-data": "www-data",
    "a_b": "a_b",
    "A B": r"a-b-[0-9a-f]{8}",
    "My Shop 2.0!": r"my-shop-2-0-[0-9a-f]{8}",
    "my shop 2.0?": r"my-shop-2-0-[0-9a-f]{8}",
    "Bücher": r"b-cher-[0-9a-f]{8}",
    "100%the name of an app that someone wanted to be very sure of": r"app-100-the-name-[0-9a-f]{8}",
}


@pytest.mark.parametrize("name", NAMES)
def test_an_app_of_any_name_runs_as_a_user_of_its_own(served, name):
    app = served(name)
    shown = app.json("/")
    assert shown["app"] == name
    assert re.fullmatch(f"flask-{NAMES[name]}", shown["user"])
    assert shown["folder"].startswith(f"/srv/{app.name}/releases/")


@pytest.mark.parametrize("name", NAMES)
def test_an_app_s_user_cannot_log_in_and_has_no_other_group(served, name):
    user = served(name).host.user(served(name).user)
    assert (user.shell, user.home, user.groups) == ("/usr/sbin/nologin", "/nonexistent", [user.name])
    assert 0 < user.uid < 1000


@pytest.mark.parametrize("name", NAMES)
def test_an_app_s_units_show_its_name(served, name):
    app = served(name)
    assert app.show(app.service, "Description") == f"Flask app {name}, slot {app.slot} (Gunicorn)"


def test_names_that_clean_to_the_same_stay_apart(served):
    assert served("My Shop 2.0!").json("/")["user"] != served("my shop 2.0?").json("/")["user"]


@pytest.mark.parametrize(
    ("name", "account"),
    [("root", "root:x:0:0:root:/root:/bin/bash"), ("www-data", "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin")],
)
def test_the_system_s_own_users_are_untouched(host, name, account):
    assert host.check_output("getent passwd %s", name) == account
    assert host.check_output("id --name --groups %s", name) == name
