"""How installers hear of an index."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import index

NONE = {"url": "", "extra_urls": [], "find_links": [], "http_proxy": "", "https_proxy": "", "no_proxy": ""}


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_both_installers_hear_of_the_index(variable):
    assert (
        index.environment({**NONE, "url": "https://pypi.example.com/simple"})[variable]
        == "https://pypi.example.com/simple"
    )


@pytest.mark.parametrize("variable", ["UV_INDEX", "PIP_EXTRA_INDEX_URL"])
def test_both_installers_hear_of_further_indexes(variable):
    urls = ["https://one.example.com", "https://two.example.com"]
    assert index.environment({**NONE, "extra_urls": urls})[variable] == " ".join(urls)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_a_proxy_is_named_in_the_two_usual_ways(variable):
    assert (
        index.environment({**NONE, "https_proxy": "http://proxy.example.com"})[variable] == "http://proxy.example.com"
    )


def test_what_is_not_set_is_left_to_the_installer():
    assert not [name for name in index.environment(NONE) if "INDEX" in name or "proxy" in name.lower()]


@pytest.mark.parametrize(
    "secret",
    ["https://user:word@pypi.example.com/x", "https://token@pypi.example.com/x", "https://u:a@b@pypi.example.com/x"],
)
def test_credentials_of_an_address_are_masked(secret):
    assert index.mask(f"cannot fetch {secret} today") == "cannot fetch https://***@pypi.example.com/x today"


@pytest.mark.parametrize("text", ["https://pypi.example.com/@scope/x", "mail a@b.example.com"])
def test_what_is_no_credential_is_shown(text):
    assert index.mask(text) == text
