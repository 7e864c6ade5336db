# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: balancer_errors
short_description: What keeps the balancer role's variables from working
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Looks at the rules that types do not hold.
options:
  _input:
    description: The role's variables by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show it
  ansible.builtin.debug:
    msg: "{{ __balancer_variables | slipway.flask.balancer_errors }}"
"""

RETURN = r"""
_value:
  description: One text for each error, led by its variable. Empty when all is well.
  type: list
  sample: ["balancer_peers: expected IP addresses with balancer_floating_address, found []; write for example 10.0.0.5"]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.balancer_settings import errors


class FilterModule:
    def filters(self):
        return {"balancer_errors": errors}
