# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: switched
short_description: What a run may have switched so far in a fleet
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - What the playbooks remembered of each host in C(slipway_switched) when its turn began. Whether a slot is live, the host knows.
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
    msg: "{{ ansible_play_hosts | slipway.flask.switched(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The slots that those turns make live, the latest first.
  type: list
  elements: dict
  sample: [{"host": "www1", "app": "hello", "slot": "green"}]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.balancer_settings import switched


class FilterModule:
    def filters(self):
        return {"switched": switched}
