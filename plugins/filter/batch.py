# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: batch
short_description: How many hosts a play takes at once
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - For C(serial) of a play. All hosts where none has C(slipway_due), else C(slipway_serial), C(25%) when not given.
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
    msg: "{{ groups['web'] | slipway.flask.batch(hostvars) }}"
"""

RETURN = r"""
_value:
  description: A number or a share.
  type: str
  sample: "25%"
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.balancer_settings import batch


class FilterModule:
    def filters(self):
        return {"batch": batch}
