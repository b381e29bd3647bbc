"""What every test gets: a fixed seed, and the proof that it leaves no object of the core behind.

The number of live tensors, storages and nodes, once the garbage collector has run, must not be
larger after a test than before it. A test that must keep objects says so with the mark
``keeps_objects``.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import pullback as pb
from pullback import _core

PASSED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: large graphs; left out under sanitizers")
    config.addinivalue_line("markers", "keeps_objects: objects of the core may outlive the test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    pb.manual_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    gc.collect()
    gc.freeze()  # what is left, reports of tests above all, need not be looked at again
    before = _core.live_objects()
    yield
    passed = request.node.stash.get(PASSED, False)  # a failure keeps its frames
    if passed and request.node.get_closest_marker("keeps_objects") is None:
        gc.collect()
        after = _core.live_objects()
        assert {kind: n for kind, n in after.items() if n > before[kind]} == {}
