# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_packages
short_description: The distribution's packages that certificates need
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - OpenSSL for all of them, certbot where one comes by ACME, and nothing where there are none.
options:
  _input:
    description: The requests, as the certificate role has them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what to install
  ansible.builtin.debug:
    msg: "{{ certificate_requests | slipway.flask.certificate_packages }}"
"""

RETURN = r"""
_value:
  description: Names of packages.
  type: list
  elements: str
  sample: [openssl, certbot]
"""

from ansible_collections.slipway.flask.plugins.plugin_utils.certificate_settings import packages


class FilterModule:
    def filters(self):
        return {"certificate_packages": packages}
