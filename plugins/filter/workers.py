# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: workers
short_description: How many worker processes a host carries
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - Gunicorn's own advice is C(2 * CPUs + 1) for sync workers (U(https://docs.gunicorn.org/en/stable/design.html#how-many-workers)).
    A gthread or gevent worker keeps its CPU busy by itself, so one for each CPU and one to spare do.
  - At least two, so that one can be replaced while another serves. At most what half of the memory holds at 128 MiB a worker,
    since both slots run during a cutover.
options:
  _input:
    description: The host's CPUs.
    type: int
    required: true
  memory_mb:
    description: The host's memory in MiB.
    type: int
    required: true
  worker_class:
    description: Gunicorn's worker class.
    type: str
    default: gthread
"""

EXAMPLES = r"""
- name: Show the number for this host
  ansible.builtin.debug:
    msg: "{{ 4 | slipway.flask.workers(memory_mb=8192, worker_class='sync') }}"
"""

RETURN = r"""
_value:
  description: Number of workers.
  type: int
  sample: 9
"""

WORKER_MB = 128


def workers(cpus: int, memory_mb: int, worker_class: str = "gthread") -> int:
    """Workers for a host of ``cpus`` CPUs and ``memory_mb`` MiB."""
    wanted = 2 * int(cpus) + 1 if worker_class == "sync" else int(cpus) + 1
    return max(2, min(wanted, int(memory_mb) // 2 // WORKER_MB))


class FilterModule:
    def filters(self):
        return {"workers": workers}
