# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: The app's name, the key in C(slipway_apps).
    type: str
    required: true
  root:
    description: The folder that holds the apps' homes.
    type: path
    default: /srv
"""
