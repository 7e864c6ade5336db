# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: at_least
short_description: A regular expression for request times of at least so many seconds
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Nginx compares no numbers. Its C($request_time) always has three digits behind the point, which makes an expression of texts do.
options:
  _input:
    description: Seconds.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Show the expression for half a second and more
  ansible.builtin.debug:
    msg: "{{ 0.5 | slipway.flask.at_least }}"
"""

RETURN = r"""
_value:
  description: The regular expression.
  type: str
  sample: '^([0-9]{2,}\\.|[1-9]\\.|0\\.[6-9]|0\\.5[1-9]|0\\.50[1-9]|0\\.500)'
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.nginx_settings import at_least


class FilterModule:
    def filters(self):
        return {"at_least": at_least}
