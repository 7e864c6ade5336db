#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bench_plan
short_description: Check what is to be measured, say what load it makes, and refuse it where it may do harm
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on the controller alone.
  - A load needs one app and one host, which the play must be limited to.
  - It may do harm where others than the host itself have asked for the app within ten minutes, where it writes, and where little memory
    is free. It then takes O(confirm).
options:
  bench:
    description:
      - What to measure. V(app) is the app. V(requests) is a list of V(path), V(method) (C(GET)), V(weight) (1), V(headers), one of
        V(body), V(json) and V(form), and V(status), which it must answer before the load begins (any below 400).
      - V(clients) (32), V(seconds) (10), V(most) (500000) and V(timeout) (10) bound each load.
      - V(from) is the host of the inventory that makes the load, when not given the host itself over loopback, V(url) where it finds
        the app, and V(address) the host's where it is not its C(ansible_host).
      - V(ladder) names the ways of serving to compare, C(development), C(server), C(nginx), C(cache) and C(static), all when not given.
        With V(ladder_writes) these get requests that write, too. V(static) is the path of the static file.
      - V(browser) measures a page with Chromium, V(page) (C(/)), V(click) for what is clicked (C(body)), V(visits) (3), V(on) for the
        host that has the browser (C(localhost)).
      - V(report) is the path of the report without its ending, empty for none.
    type: dict
    default: {}
  apps:
    description: The apps of the play with all their keys, as M(slipway.flask.settings) returned them.
    type: dict
    required: true
  found:
    description: What M(slipway.flask.bench) found on the host. Without it, nothing is said and nothing but the settings is checked.
    type: dict
  confirm:
    description: Whether to make the load even where it may do harm.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Check what is to be measured
  slipway.flask.bench_plan:
    bench: {app: hello, requests: [{path: /}], clients: 16}
    apps: "{{ slipway_settings.apps }}"
"""

RETURN = r"""
plan:
  description: What to measure with all its keys, less headers and bodies of requests.
  returned: success
  type: dict
packed:
  description: The whole requests, for M(slipway.flask.bench).
  returned: success
  type: str
load:
  description: What will be asked, for a person.
  returned: success
  type: list
  elements: str
harm:
  description: Why that may do harm. Empty where it does not.
  returned: success
  type: list
  elements: str
browser_seconds:
  description: Seconds that the load lasts that a browser is measured under.
  returned: success
  type: int
"""
