# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_errors
short_description: What keeps Nginx from working with the nginx role's variables
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Looks at the rules that types do not hold, such as a domain that leads to one site alone and a value that cannot end its directive.
options:
  _input:
    description: The role's variables by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ __nginx_variables | slipway.flask.nginx_errors }}"
"""

RETURN = r"""
_value:
  description: One text for each error, led by its variable. Empty when all is well.
  type: list
  elements: str
  sample: ["nginx_sites[0].domains: expected host names, found 'a b'; write for example www.example.com"]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.nginx_settings import errors


class FilterModule:
    def filters(self):
        return {"nginx_errors": errors}
