"""Where the time goes, of an app that serves."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as xml

import pytest

testinfra_hosts = ["ansible://debian12", "ansible://debian13"]


@pytest.fixture
def asked(app):
    """The app is asked to compute meanwhile, for half a minute at most."""
    done = threading.Event()

    def ask():
        for _ in range(10):
            if done.is_set():
                return
            words = ["curl --silent --max-time 5 --output /dev/null -H 'Host: surface.example.com'"]
            app.host.run(f"for i in $(seq 60); do {words[0]} http://127.0.0.1/compute; done")

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    done.set()
    thread.join()


def test_a_flame_graph_with_the_app_s_own_function(app, asked, tmp_path):
    before = app.stands()
    played = app.play(
        "profile", slipway_profile_seconds=5, slipway_profile_rate=20, slipway_profile_folder=str(tmp_path)
    )
    assert played.ok, played.output
    (row,) = [line for line in played.output.splitlines() if "%  spin (" in line]
    assert float(row.split()[0]) > 20, played.output
    svg = xml.parse(tmp_path / f"{app.machine}-surface.svg").getroot()
    titles = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert any(title.startswith("spin (") for title in titles), titles
    assert app.stands() == before
    assert app.run("ls /opt/slipway").split().count("py-spy-0.4.3") == 1
