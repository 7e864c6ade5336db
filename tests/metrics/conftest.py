from __future__ import annotations

import json
import re
import shlex

import pytest
from served import Served


class Prometheus:
    """The Prometheus on a host, and the exporter that it asks."""

    def __init__(self, host) -> None:
        self.host = host

    def api(self, path: str, **query: str):
        words = " ".join(f"--data-urlencode {shlex.quote(f'{key}={value}')}" for key, value in query.items())
        answer = self.host.check_output(
            f"curl --silent --fail --max-time 10 --get {words} http://127.0.0.1:9090/api/v1/{path}"
        )
        return json.loads(answer)["data"]

    def query(self, query: str) -> dict[str, float]:
        """Values by the labels that tell samples apart."""
        return {
            ",".join(
                f"{key}={value}" for key, value in sorted(one["metric"].items()) if key not in ("instance", "job")
            ): float(one["value"][1])
            for one in self.api("query", query=query)["result"]
        }

    def alerts(self) -> set[tuple[str, str]]:
        """Names of the alerts that fire, each with its app."""
        return {
            (one["labels"]["alertname"], one["labels"].get("app", ""))
            for one in self.api("alerts")["alerts"]
            if one["state"] == "firing"
        }

    def scrape(self) -> dict[str, float]:
        """What the apps' exporter says at this moment, by name and labels."""
        text = self.host.check_output("curl --silent --fail --max-time 10 http://127.0.0.1:9180/metrics")
        return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}

    def requests(self, app: str) -> int:
        return int(
            sum(
                value
                for name, value in self.scrape().items()
                if name.startswith(f'slipway_requests_total{{app="{app}"')
            )
        )


@pytest.fixture
def hello(host) -> Served:
    """The sample app."""
    return Served(host)


@pytest.fixture
def unruly(host) -> Served:
    """The app that does what it is told, whose name users and units do not allow."""
    return Served(host, "unruly-8d0f71a4", "unruly.example.com")


@pytest.fixture
def prometheus(host) -> Prometheus:
    return Prometheus(host)
