# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: pool_addresses
short_description: Where a fleet's hosts reach each other
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - C(slipway_address) of each host, else C(ansible_host) where that is an address, else nothing.
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: All hosts' variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show it
  ansible.builtin.debug:
    msg: "{{ groups['balancer'] | slipway.flask.pool_addresses(hostvars) }}"
"""

RETURN = r"""
_value:
  description: Addresses by name of the host.
  type: dict
  sample: {"lb1": "10.0.0.5"}
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.balancer_settings import addresses


class FilterModule:
    def filters(self):
        return {"pool_addresses": addresses}
