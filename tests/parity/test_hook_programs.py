"""Random graphs with hooks everywhere, one of which raises, beside torch.

Compared are the order in which hooks are called, what has been accumulated and kept when the error
reaches the caller, and what a second pass does after it.
"""

from __future__ import annotations

import random
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

PROGRAMS = 200
KINDS = ("hook", "before", "after", "leaf hook", "accumulated", "before leaf", "after leaf")


class MineError(Exception):
    pass


def values(tensor: Any) -> Any:
    return None if tensor is None else [f"{each:.6g}" for each in tensor.tolist()]


def graph(t: Any, draw: random.Random) -> tuple[list[Any], list[Any], Any]:
    """Leaves, what was computed from them, and a loss."""
    leaves = [t.tensor([0.1 + k, 0.2 - k], dtype=t.float64, requires_grad=True) for k in range(4)]
    made = list(leaves)
    for _ in range(10):
        a, b = draw.choice(made[-6:]), draw.choice(made)
        step = draw.randrange(6)
        if step == 0:
            made.append(a * b)
        elif step == 1:
            made.append(a + b)
        elif step == 2:
            made.append(a.tanh())
        elif step == 3:
            made.append(a - b * 2)
        elif step == 4:
            made.append(t.cat([a, b])[1:3])
        else:
            made += a.clamp(min=0.1).view(2, 1).repeat(1, 2).unbind(1)
    loss = sum(each.sum() for each in made[-3:])
    return leaves, made[len(leaves) :], loss


def plant(kind: str, leaf: Any, victim: Any, hook: Any) -> None:
    """The hook that is going to raise."""
    if kind == "hook":
        victim.register_hook(hook)
    elif kind == "before":
        victim.grad_fn.register_prehook(hook)
    elif kind == "after":
        victim.grad_fn.register_hook(hook)
    elif kind == "leaf hook":
        leaf.register_hook(hook)
    elif kind == "accumulated":
        leaf.register_post_accumulate_grad_hook(hook)
    else:
        leaf.place = (leaf * 1).grad_fn.next_functions[0][0]
        before = kind == "before leaf"
        (leaf.place.register_prehook if before else leaf.place.register_hook)(hook)


def program(t: Any, seed: int) -> list[Any]:
    draw = random.Random(seed)
    leaves, made, loss = graph(t, draw)
    log: list[Any] = []
    kind = draw.choice(KINDS)

    def boom(*_: Any) -> None:
        log.append(kind)
        if log.count(kind) == 1 and not found:
            raise MineError

    for number, tensor in enumerate(leaves + made):
        tensor.register_hook(lambda g, number=number: log.append(number))
    kept = made[::3]
    for tensor in kept:
        tensor.retain_grad()
    plant(kind, draw.choice(leaves), draw.choice(made), boom)
    retain = draw.random() < 0.5
    found: list[Any] = []
    for _ in range(2):
        try:
            loss.backward(retain_graph=retain)
            outcome = "done"
        except Exception as error:  # noqa: BLE001 - the type is compared
            outcome = type(error).__name__
        found += [outcome, list(log), [values(each.grad) for each in leaves + kept]]
        log.clear()
    return found


@pytest.mark.parametrize("first", range(0, PROGRAMS, 50))
def test_hooks_and_an_error_in_one_of_them(first: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(first, first + 50):
            ours, theirs = program(pb, seed), program(torch, seed)
            assert ours == theirs, f"program {seed}"
