# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rollback_errors
short_description: What keeps a fleet from going back by one release together
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Where an app's last deploy went live on some hosts and was refused on others, the release before the live one is not the same.
    Those that refused it serve the older release already, and would go back behind it.
options:
  _input:
    description: What M(slipway.flask.status) returned, by host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ {'www1': status_of_www1, 'www2': status_of_www2} | slipway.flask.rollback_errors }}"
"""

RETURN = r"""
_value:
  description: One text for each app whose hosts differ. Empty when all is well.
  type: list
  elements: str
"""


def rollback_errors(hosts: dict[str, dict]) -> list[str]:
    live, failed = {}, {}
    for host, answer in hosts.items():
        for app in answer.get("apps", []):
            if app["last"]:
                ended = live if app["last"]["outcome"] == "live" else failed
                ended.setdefault(app["name"], []).append(host)
    return [
        f"{name}: its last deploy went live on {', '.join(live[name])} and failed on {', '.join(hosts)}, which would go back behind "
        f"what it served all along. Write --limit {','.join(live[name])}, or name a release that all have: -e slipway_release=ID."
        for name, hosts in failed.items()
        if name in live
    ]


class FilterModule:
    def filters(self):
        return {"rollback_errors": rollback_errors}
