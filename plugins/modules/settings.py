#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: settings
short_description: Refuse apps' settings that cannot work, before anything changes
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on the controller alone.
  - Checks C(slipway_apps) against the roles' argument specs, checks the rules that hold between values, and looks whether each
    app's source can be had. Every error names its variable, what was expected, what was found and what to write.
  - Gives the apps back with all their keys. What an app does not say comes from the role's variable of the same name where the
    inventory sets it for all apps, else from the role's default.
options:
  apps:
    description: The apps' settings by name, as in C(slipway_apps). Those of the host in O(like) where that is given.
    type: raw
    default: {}
  only:
    description: Those of the apps that the play is about, all when not given. A name that is no app is refused.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  sources:
    description: Whether the apps' sources are needed, and so looked for.
    type: bool
    default: true
    version_added: 1.1.0
  root:
    description: The folder that holds the apps' homes.
    type: path
    default: /srv
  balancers:
    description: The balancers before the hosts, name to address. None when not given.
    type: dict
    default: {}
    version_added: 1.1.0
  hosts:
    description: The hosts behind them, name to address.
    type: dict
    default: {}
    version_added: 1.1.0
  like:
    description: The host whose C(slipway_apps) and whose variables of the roles count, where they are not the play's own.
    type: str
    default: ''
    version_added: 1.1.0
  trusted:
    description: What else stands in front of the hosts, as in the nginx role's nginx_trusted_proxies.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Refuse settings that cannot work
  slipway.flask.settings:
    apps: "{{ slipway_apps }}"
  register: slipway_settings
"""

RETURN = r"""
apps:
  description: The apps of O(only) with all their keys but V(secrets) and V(files), by name.
  returned: success
  type: dict
sites:
  description: All apps as the nginx role's nginx_sites wants them.
  returned: success
  type: list
  elements: dict
certificates:
  description: The certificates of all apps with V(tls), as the certificate role's certificate_requests wants them.
  returned: success
  type: list
  elements: dict
balancers:
  description: The balancers, name to address.
  returned: success
  type: dict
hosts:
  description: The hosts behind them, name to address.
  returned: success
  type: dict
proxies:
  description: O(trusted) and the balancers' addresses.
  returned: success
  type: list
  elements: str
proxy_protocol:
  description: Whether TLS comes through them as it is, with the PROXY protocol.
  returned: success
  type: bool
pools:
  description: All apps as the balancer role's balancer_pools wants them.
  returned: success
  type: list
  elements: dict
pool_certificates:
  description: The certificates that the balancers need, as the certificate role's certificate_requests wants them.
  returned: success
  type: list
  elements: dict
root:
  description: The folder that holds the apps' homes.
  returned: success
  type: str
pythons:
  description: Versions of Python that the apps ask for beside the distribution's own.
  returned: success
  type: list
  elements: str
"""
