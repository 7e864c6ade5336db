# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: addresses
short_description: The addresses from which hosts of the inventory come
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Gives for each host the addresses of its facts, and those of its variables C(slipway_address) and C(ansible_host). Those of loopback
    and of one link alone are left out.
  - Fails for a host of which nothing is known, since leaving it out would lock it out.
options:
  _input:
    description: Variables of the hosts.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where the web hosts come from
  ansible.builtin.debug:
    msg: "{{ groups['web'] | map('extract', hostvars) | slipway.flask.addresses }}"
"""

RETURN = r"""
_value:
  description: Addresses and networks, in order, each once.
  type: list
  elements: str
  sample: [192.0.2.10, 192.0.2.11]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.flask.plugins.plugin_utils.addresses import UnknownAddressError, addresses


def of_hosts(hosts):
    try:
        return addresses(hosts)
    except UnknownAddressError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"addresses": of_hosts}
