#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: status_table
short_description: Print what the status module found, as a table, and write it as JSON
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on the controller alone, once for all hosts.
  - The table has a row for each host and app, and below it a line for each thing that wants attention.
    Where it has one row, the kept releases follow.
options:
  hosts:
    description: What M(slipway.flask.status) returned, by host. A host without C(apps) is shown as one that gave no answer.
    type: dict
    required: true
  balancers:
    description: What M(slipway.flask.pool) told of its balancer's hosts, by balancer. They have a table of their own.
    type: dict
    default: {}
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
- name: Ask what serves
  slipway.flask.status:
    apps: "{{ slipway_apps | list }}"
  register: status

- name: Show it
  slipway.flask.status_table:
    hosts: "{{ {inventory_hostname: status} }}"
    file: status.json
"""

RETURN = r"""
table:
  description: The table, a line each.
  returned: success
  type: list
  elements: str
"""
