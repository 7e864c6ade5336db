"""What apps are told: config files, environment, commands before they start."""

import pytest


def test_config_files_are_there_when_the_app_is_imported(served, settings):
    wanted = {"title": settings["shapes_title"], "local": {"from": "files", "text": settings["shapes_title"]}}
    assert served("configured").json("/") == wanted


def test_config_files_are_the_app_s_alone(served):
    configured = served("configured")
    assert configured.run("cat /etc/shape.ini") == ""
    assert "the tree" in configured.run("cat /srv/configured/current/src/conf/local.json")


@pytest.mark.parametrize("kind", ["ENV", "SECRET"])
def test_values_arrive_unchanged(served, settings, kind):
    shown = served("environment").json("/")
    wanted = {f"{kind}_{name}": str(value) for name, value in settings["shapes_oddities"].items()}
    assert {name: value for name, value in shown.items() if name.startswith(f"{kind}_")} == wanted


def test_an_app_may_write_its_home_and_temporary_files_while_it_is_imported(served):
    environment = served("environment")
    written = environment.json("/written")
    assert written["home"] == "/var/lib/flask-environment"
    assert environment.run("cat /var/lib/flask-environment/cache/fonts") == "found"
    assert written["scratch"].startswith("/tmp/")
    assert not environment.host.file(written["scratch"]).exists, "expected a /tmp of the app's own"


def test_before_switch_runs_once_in_the_fleet_and_before_any_worker(served):
    """As the app's user; a text is the shell's."""
    migrated = served("migrated")
    first = migrated.machine == "debian12"
    assert migrated.json("/")["switched"] == (["flask-migrated 0 hello there 50%i"] if first else [])


def test_before_start_runs_on_every_host_and_before_any_worker(served):
    """As the app's user; a list of words is nobody's to change."""
    assert served("migrated").json("/")["started"] == ["flask-migrated 0 $GREETING 50%i"]
