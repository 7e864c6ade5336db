"""Where apps come from and what they ask to be installed."""

import re


def test_every_app_answers(app):
    status, body = app.get("/")
    assert status == 200, body


def test_a_factory_gets_its_arguments_as_they_are_written(served):
    assert served("quotes").json("/") == {"greeting": 'it\'s "quoted"', "debug": False}


def test_an_archive_s_only_folder_is_the_tree(served):
    assert "factory.py" in served("quotes").run("ls /srv/quotes/current/src")


def test_a_folder_of_an_archive_and_listed_packages(served):
    assert served("listed").json("/") == {"singular": "shape"}


def test_an_app_that_is_not_installed_runs_from_its_tree(served):
    shown = served("checkout").json("/")
    assert re.fullmatch(r"/srv/checkout/releases/\w{12}/src/app\.py", shown["file"])
    assert shown["file"] == f"{shown['folder']}/app.py"


def test_a_project_is_installed_at_the_tag_s_version(served):
    shown = served("project").json("/")
    assert shown["version"] == "1.2"
    assert "/site-packages/shape_project/" in shown["file"]


def test_a_project_has_the_data_files_that_its_repository_has(served):
    assert served("project").get("/page") == (200, "<h1>Version 1.2</h1>")


def test_the_instance_folder_of_an_installed_project_is_shared(served):
    project = served("project")
    note = f"{project.json('/instance')['path']}/note"
    assert project.run("cat %s", "/srv/project/shared/instance/note") == "kept"
    # Where Flask looks for it when the app is installed.
    assert project.run("readlink --canonicalize %s", note) == "/srv/project/shared/instance/note"


def test_declared_dependencies_and_extras_on_the_python_that_is_named(served):
    declared = served("declared")
    wanted = {"debian12": "3.11", "debian13": "3.13"}[declared.machine]
    shown = declared.json("/")
    assert shown["plural"] == "shapes"
    assert shown["python"].startswith(f"{wanted}.")
    assert declared.run("readlink /srv/declared/current/venv/bin/python") == f"/usr/bin/python{wanted}"


def test_requirements_with_hashes_are_installed_as_they_are_locked(served):
    locked = served("locked")
    assert locked.json("/") == {"locked": True}
    text = locked.run("cat /srv/locked/current/src/requirements.txt")
    wanted = {line.split()[0] for line in text.splitlines() if "==" in line and "win32" not in line}
    there = locked.run(
        "/srv/locked/current/venv/bin/python -c "
        "'import importlib.metadata as m; [print(d.name.lower(), d.version, sep=\"==\") for d in m.distributions()]'"
    )
    assert wanted <= set(there.splitlines())
