"""Which apps a playbook is about."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.chosen import chosen


@pytest.mark.parametrize(
    ("only", "expected"),
    [([], ["hello", "shop"]), (["shop"], ["shop"]), (["shop", "hello"], ["hello", "shop"])],
    ids=["all", "one", "two"],
)
def test_apps_are_chosen_in_their_own_order(only, expected):
    assert chosen({"hello": {}, "shop": {}}, only) == expected


def test_an_unknown_app_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"slipway_only: expected hello or shop.*, found blog"):
        chosen(["hello", "shop"], ["hello", "blog"])
