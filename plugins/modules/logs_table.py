#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: logs_table
short_description: Print what the logs module found on several hosts, in the order of time, and write it as JSON
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on the controller alone, once for all hosts.
options:
  hosts:
    description: What M(slipway.flask.logs) returned, by host. A host without C(entries) is named below the table.
    type: dict
    required: true
  lines:
    description: How many of all to show, the newest.
    type: int
    default: 100
  file:
    description: File on the controller to write as JSON. Nothing is written when it is empty.
    type: str
    default: ''
attributes:
  check_mode:
    support: full
    description: The table is printed and the file is written in check mode too, as nothing on a host depends on them.
  diff_mode:
    support: none
    description: Changes nothing on a host, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Look for errors
  slipway.flask.logs:
    apps: "{{ slipway_apps | list }}"
    status: [5xx]
  register: logs

- name: Show them
  slipway.flask.logs_table:
    hosts: "{{ {inventory_hostname: logs} }}"
    file: logs.json
"""

RETURN = r"""
table:
  description: The table, a line each.
  returned: success
  type: list
  elements: str
"""
