# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: slug
short_description: An app's name as users, units and paths can carry it
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - A name of small letters, digits, C(_) and C(-) that begins with a letter and has at most 26 characters stays as it is.
  - Any other is cleaned and made unique by a hash.
options:
  _input:
    description: The app's name, the key in C(slipway_apps).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the app's home
  ansible.builtin.debug:
    msg: "/srv/{{ 'My Shop!' | slipway.flask.slug }}"
"""

RETURN = r"""
_value:
  description: The slug.
  type: str
  sample: my-shop-3b3d3c1f
"""

from ansible_collections.slipway.flask.plugins.module_utils.layout import slug


class FilterModule:
    def filters(self):
        return {"slug": slug}
