# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_rules
short_description: What a host offers to whom, by the groups that it is in
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Hosts of C(web) and C(balancer) offer the ports that Nginx listens on, hosts of C(cache) the ports of their engines to the web hosts.
  - Where there are balancers, web hosts offer their ports to these alone.
  - With C(slipway_metrics) web hosts offer the exporters' ports to the networks of C(metrics_allow), unless these listen on loopback.
options:
  _input:
    description: The addresses of the hosts of the groups C(web) and C(balancer), by group.
    type: dict
    required: true
  groups:
    description: The groups that the host is in.
    type: list
    elements: str
    required: true
  variables:
    description: The host's variables, of which those that say where Nginx, the engines and the exporters listen are read.
    type: dict
    required: true
positional: groups, variables
"""

EXAMPLES = r"""
- name: Show what this host offers
  ansible.builtin.debug:
    msg: >-
      {{ {'web': ['192.0.2.10'], 'balancer': []} | slipway.flask.firewall_rules(group_names, hostvars[inventory_hostname]) }}
"""

RETURN = r"""
_value:
  description: Rules as the role firewall has them in C(firewall_allow).
  type: list
  elements: dict
  sample: [{name: web, ports: [80, 443]}]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.firewall_rules import rules


class FilterModule:
    def filters(self):
        return {"firewall_rules": rules}
