# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: cache_errors
short_description: What keeps the cache role's variables from being met
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Looks at the rules that types do not hold, such as a password for Redis.
options:
  _input:
    description: The role's variables by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ __cache_variables | slipway.flask.cache_errors }}"
"""

RETURN = r"""
_value:
  description: One text for each error, led by its variable. Empty when all is well.
  type: list
  elements: str
  sample: ["cache_memory: expected a size, found 'much'; write for example 256m"]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.cache_settings import errors


class FilterModule:
    def filters(self):
        return {"cache_errors": errors}
