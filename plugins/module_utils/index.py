# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from: an option of modules, and the environment that tells uv and pip."""

from __future__ import annotations

import os
import re

# Addresses may hold passwords: they go by environment, never by argument, and no log shows them.
OPTIONS = {
    "url": {"type": "str", "default": "", "no_log": True},
    "extra_urls": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "find_links": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "http_proxy": {"type": "str", "default": "", "no_log": True},
    "https_proxy": {"type": "str", "default": "", "no_log": True},
    "no_proxy": {"type": "str", "default": ""},
}

# The system's certificate store as one file, by distribution family: Debian, Red Hat, SUSE.
_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")


def environment(index: dict) -> dict[str, str]:
    """Variables that make uv and pip take packages from ``index``, trusting what the system trusts."""
    links = " ".join(index["find_links"])
    variables = {
        "UV_DEFAULT_INDEX": index["url"],
        "PIP_INDEX_URL": index["url"],
        "UV_INDEX": " ".join(index["extra_urls"]),
        "PIP_EXTRA_INDEX_URL": " ".join(index["extra_urls"]),
        "UV_FIND_LINKS": links,
        "PIP_FIND_LINKS": links,
        "UV_SYSTEM_CERTS": "1",
    }
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        variables[name] = variables[name.upper()] = index[name]
    store = next(filter(os.path.exists, _STORES), "")
    variables["SSL_CERT_FILE"] = variables["PIP_CERT"] = store
    return {name: value for name, value in variables.items() if value}


def mask(text: str) -> str:
    """``text`` without the user and password of any address in it."""
    return re.sub(r"(?<=://)[^/\s]+@", "***@", text)
