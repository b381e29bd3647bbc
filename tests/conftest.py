"""What every test gets: a fixed seed, and the proof that it leaves no object of the core behind.

The number of live tensors, storages and nodes must not be larger after a test than before it; the
garbage collector runs only if it is. A test that must keep objects says so with the mark
``keeps_objects``. A test that hangs prints where, after ``HANGS`` seconds or a little more.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import pullback as pb
from pullback import _core

PASSED = pytest.StashKey[bool]()
HANGS = 300
REARMED_AFTER = 60
FROZEN_AFTER = 50


class Housekeeper:
    """What need not be done for every test.

    pytest's faulthandler_timeout would start and join a thread for each.
    """

    def __init__(self) -> None:
        self.stderr = os.dup(2)  # that of now: within a test pytest has another one
        self.armed = 0.0
        self.tests = 0

    def look(self) -> None:
        now = time.monotonic()
        if now - self.armed > REARMED_AFTER:
            self.armed = now
            faulthandler.dump_traceback_later(HANGS + REARMED_AFTER, file=self.stderr)

        # What is left, reports of tests above all, need not be looked at again.
        if self.tests % FROZEN_AFTER == 0:
            gc.collect()
            gc.freeze()
        self.tests += 1

    def stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        os.close(self.stderr)


HOUSEKEEPER = pytest.StashKey[Housekeeper]()


def _refuse_to_fork() -> int:
    raise RuntimeError(
        "A child of fork may find AddressSanitizer's allocator locked by a thread that it does not "
        "have, and wait for ever: .ci/run has to leave this test out."
    )


if "libasan" in os.environ.get("LD_PRELOAD", ""):
    os.fork = _refuse_to_fork


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests have the same names in every process, or they could not be shared among several."""
    changing = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if changing:
        raise pytest.UsageError(f"addresses in the names of tests: {changing[:5]}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: large graphs and inputs; left out under sanitizers")
    config.addinivalue_line("markers", "keeps_objects: objects of the core may outlive the test")
    config.stash[HOUSEKEEPER] = Housekeeper()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[HOUSEKEEPER].stop()


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
    request.config.stash[HOUSEKEEPER].look()
    before = _core.live_objects()
    yield
    passed = request.node.stash.get(PASSED, False)  # a failure keeps its frames
    if passed and request.node.get_closest_marker("keeps_objects") is None and grown(before):
        gc.collect()
        assert grown(before) == {}


def grown(before: dict[str, int]) -> dict[str, int]:
    """How many there are of what there is more of than before."""
    return {kind: n for kind, n in _core.live_objects().items() if n > before[kind]}
