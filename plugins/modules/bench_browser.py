#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bench_browser
short_description: Time a page in a browser without a window
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Opens a page with Chromium, each time with an empty cache, and clicks once. What it times are the time to the first byte (TTFB), until
    the largest content is painted (LCP), and from the click to the next picture (INP), as browsers define them.
  - Needs nothing but the browser and Python's standard library. Root runs no browser, C(nobody) does in its place.
options:
  url:
    description: The page. Whose certificate it is does not matter.
    type: str
    required: true
  address:
    description: Address at which the host of O(url) is found, whatever its name leads to.
    type: str
    required: true
  click:
    description: What to click, as CSS selects it. It should not lead to another page. V(body) is a corner of the page.
    type: str
    default: body
  visits:
    description: Visits that count, after one that does not. V(0) only looks for the browser.
    type: int
    default: 3
  delay:
    description: Seconds to wait before the first visit that counts, for a load to begin.
    type: int
    default: 0
  timeout:
    description: Seconds that the browser has for each step.
    type: int
    default: 30
attributes:
  check_mode:
    support: partial
    description: Can run in check mode.
    details: Opens no page in check mode.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Time the first page
  slipway.flask.bench_browser:
    url: https://www.example.com/
    address: 192.0.2.10
"""

RETURN = r"""
program:
  description: Path of the browser, empty where there is none.
  returned: success
  type: str
seen:
  description:
    - V(ttfb), V(lcp) and V(inp), each with its median V(p50), V(min) and V(max) in milliseconds, empty where the browser had none.
    - Further V(visits), and V(version) of the browser.
  returned: when there were visits
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import devtools
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "click": {"type": "str", "default": "body"},
    "visits": {"type": "int", "default": 3},
    "delay": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 30},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    asked = module.params
    program = devtools.program()
    if not asked["visits"] or module.check_mode:
        module.exit_json(changed=False, program=program)
    try:
        seen = devtools.measure(
            asked["url"], asked["address"], asked["click"], asked["visits"], asked["timeout"], asked["delay"]
        )
    except (BenchError, OSError) as error:
        module.fail_json(msg=f"bench_browser: {error}")
    module.exit_json(changed=False, program=program, seen=seen)


if __name__ == "__main__":
    main()
