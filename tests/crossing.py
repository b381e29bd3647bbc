"""What the processes of ``test_multiprocessing.py`` run; a fresh process can import it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pullback as pb
import pullback.multiprocessing


class Points(pb.Tensor):
    """A subclass that crosses."""


def add_one(x: Any) -> Any:
    """In place, and as a result."""
    x += 1
    return x


def write_and_answer(inbox: Any, outbox: Any) -> None:
    """Writes into what arrives, answers with a tensor of its own, and ends at once."""
    for x in iter(inbox.get, None):
        x[0] = 7
        outbox.put(x.sum())


def wait_to_be_killed(x: Any, ready: Any) -> None:
    x[0] = 1
    ready.put(pb.ones(1000))
    time.sleep(600)


def descend(index: int, parameters: list[Any]) -> None:
    """A step of Hogwild."""
    x = parameters[index]
    (x * x).sum().backward()
    with pb.no_grad():
        x -= 0.5 * x.grad


def fail(index: int, how: str) -> None:
    if index == 0:
        time.sleep(600)
    if how == "raise":
        raise ValueError("from a process")
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)
