#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bench_report
short_description: Show what was measured of an app, as a table, as JSON and as a page with plots
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on the controller alone.
  - The page holds all that it needs, and asks nothing of any other place.
options:
  plan:
    description: What M(slipway.flask.bench_plan) returned as V(plan). Its V(report) is the path of what is written, without an ending.
    type: dict
    required: true
  found:
    description: What M(slipway.flask.bench) found on the host.
    type: dict
    required: true
  serving:
    description: What it measured of what serves.
    type: dict
    required: true
  watched:
    description: What it took of its host, where another host asked and V(serving) does not know.
    type: dict
    default: {}
  ladder:
    description: Its answers for each way of serving, in the order of the plan.
    type: list
    elements: dict
    default: []
  browser:
    description: What a browser measured, V(quiet) and under V(load), and its V(version).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It prints and writes in check mode too, as nothing on a host depends on it.
  diff_mode:
    support: none
    description: Changes nothing on a host, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Show what was measured
  slipway.flask.bench_report:
    plan: "{{ slipway_plan.plan }}"
    found: "{{ slipway_found.found }}"
    serving: "{{ slipway_serving.measured }}"
"""

RETURN = r"""
table:
  description: The table, a line each.
  returned: success
  type: list
  elements: str
written:
  description: Paths of what was written.
  returned: success
  type: list
  elements: str
results:
  description: All that was measured, as it was written.
  returned: success
  type: dict
"""
