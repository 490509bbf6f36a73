"""How pytest-xdist shares out the tests: those that share a running service stay together.

pytest-xdist 3.8 has `--dist=loadgroup` for this, which pytest 9.2 silently ignores (it renames
nodes by an attribute that no longer exists), so every process would start every service.
"""

from __future__ import annotations

import re

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

TOGETHER = (
    re.compile(r"tests/end_to_end/.*\[(embedded|cluster)"),  # one deployment of each kind
    re.compile(r"(tests/client/test_end_to_end\.py)"),
)


class TogetherScheduling(LoadScopeScheduling):
    """Each test alone goes to whoever is free, except those that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((found[1] for rule in TOGETHER if (found := rule.match(nodeid))), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return TogetherScheduling(config, log)
