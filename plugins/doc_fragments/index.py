# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  index:
    description: Where packages come from. Certificates are checked against the host's own store.
    type: dict
    suboptions:
      url:
        description: Address of the package index. Empty for the installer's own, PyPI.
        type: str
        default: ''
      extra_urls:
        description: Further indexes. uv asks them before O(index.url) and takes a package from the first that has it.
        type: list
        elements: str
        default: []
      find_links:
        description: Folders on the host, or pages, that hold packages.
        type: list
        elements: str
        default: []
      http_proxy:
        description: Address of the proxy for HTTP.
        type: str
        default: ''
      https_proxy:
        description: Address of the proxy for HTTPS.
        type: str
        default: ''
      no_proxy:
        description: Hosts to reach without a proxy, separated by commas.
        type: str
        default: ''
"""
