"""How pytest-xdist shares out the tests: what shares a service together, what is long first.

pytest-xdist 3.8 has `--dist=loadgroup` for the former, which pytest 9.2 silently ignores (it
renames nodes by an attribute that no longer exists), so every process would start every service.

Its processes end with the one that started them, and their services with them.
"""

from __future__ import annotations

import os
import re

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling
from xdist.workermanage import WorkerController

from core.lifeline import die_with

SCOPES = (
    re.compile(r"tests/end_to_end/.*\[(?:.*-)?(embedded|cluster)\b"),  # one deployment of each kind
    re.compile(r"(tests/(?:operations/|api/test_(?:main|openapi)\.py).*)"),  # each alone, and long
    re.compile(r"(tests/[^:]*\.py)"),  # else a file, whose fixtures are then made once
)
# Roughly the seconds that a test takes, so that nothing long is left for the end.
SECONDS = (
    (re.compile(r"embedded|cluster"), 2.0),
    (re.compile(r"tests/(?:faults|operations/test_demo|api/test_openapi)"), 15.0),
    (re.compile(r"tests/(?:operations|client/test_(?:end_to_end|mortal)|api/test_main)"), 4.0),
    (re.compile(r"tests/(?:train|worker)/"), 0.5),
    (re.compile(r""), 0.05),
)


class LongestFirst(LoadScopeScheduling):
    """Each scope goes to whoever is free, the longest that is left."""

    def _split_scope(self, nodeid: str) -> str:
        return next((found[1] for rule in SCOPES if (found := rule.match(nodeid))), nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = max(self.workqueue, key=lambda scope: _seconds(scope, len(self.workqueue[scope])))
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


def _seconds(scope: str, tests: int) -> float:
    return tests * next(seconds for rule, seconds in SECONDS if rule.match(scope))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return LongestFirst(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["controller"] = os.getpid()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        die_with(config.workerinput["controller"])
