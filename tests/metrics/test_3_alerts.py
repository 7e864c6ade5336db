"""What goes wrong is said, and of nothing else."""

from __future__ import annotations

import time

from served import wait_for


def test_workers_that_die_and_answers_that_are_errors_are_told_of(host, prometheus, unruly):
    wait_for(lambda: not any(app == "hello" for _, app in prometheus.alerts()), "nothing is wrong with the other app")
    exits = f'slipway_worker_exits_total{{app="Unruly!",slot="{unruly.slot}"}}'
    before = prometheus.scrape()[exits]
    for _ in range(10):
        # The request dies with its worker.
        assert unruly.get("/die")[0] == 502
        unruly.get("/status/500")
        time.sleep(1.2)
    assert prometheus.scrape()[exits] - before >= 8
    wanted = {("SlipwayWorkersDie", "Unruly!"), ("SlipwayErrors", "Unruly!")}
    wait_for(lambda: wanted <= prometheus.alerts(), f"alerts {wanted}", 30)
    assert not any(app == "hello" for _, app in prometheus.alerts())


def test_a_server_that_was_replaced_is_no_fault(host, prometheus, hello):
    """Its workers go with it."""
    exits = f'slipway_worker_exits_total{{app="hello",slot="{hello.slot}"}}'
    before = prometheus.scrape()[exits]
    host.check_output("systemctl restart flask-hello")
    time.sleep(6)  # What is told may be of five seconds ago.
    told = f'slipway_workers{{app="hello",slot="{hello.slot}"}}'
    wait_for(lambda: prometheus.scrape()[told] == len(hello.workers) > 0, "the new ones are told of", 20)
    assert prometheus.scrape()[exits] == before


def test_a_target_that_is_gone_is_told_of(host, prometheus):
    host.check_output("systemctl stop prometheus-nginx-exporter")
    try:
        wait_for(lambda: ("SlipwayTargetDown", "") in prometheus.alerts(), "an alert of the target that is gone", 20)
    finally:
        host.check_output("systemctl start prometheus-nginx-exporter")
    wait_for(lambda: ("SlipwayTargetDown", "") not in prometheus.alerts(), "the alert is over", 20)
