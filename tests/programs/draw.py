"""Programs by number, and how one that fails is made short."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from . import copies, custom, modes, operators, passes, rows, transforms, views, writes
from .lines import Step

# How often lines of a kind are drawn: in the program, and in functions that transforms call.
WEIGHTS = {
    "smooth": (12, 20),
    "any": (12, 16),
    "views": (18, 20),
    "in_place": (12, 14),
    "items": (6, 8),
    "shapes": (3, 1),
    "out": (4, 2),
    "modes": (3, 0),
    "leave": (3, 0),
    "inside": (3, 3),
    "copies": (4, 1),
    "passes": (9, 0),
    "gradients": (6, 0),
    "hooks": (6, 0),
    "checkpoints": (3, 1),
    "forward": (3, 0),
    "custom": (6, 5),
    "reverse": (4, 4),
    "forward mode": (4, 3),
    "vmap": (4, 3),
}
# Programs from this number on draw these, too: every row of the operator table, narrow dtypes.
FIRST_OF_ROWS = 100_000
ROWS = WEIGHTS | {"rows": (36, 24), "narrow": (3, 1)}
KINDS = {
    kind: [line for line in lines.splitlines() if line]
    for module in (operators, views, writes, modes, copies, passes, custom, transforms, rows)
    for kind, lines in module.LINES.items()
}
LEAVES = [
    "{new} = T.tensor(%r, dtype=T.float64, requires_grad=True)",
    "{new} = T.tensor(%r, dtype=T.float64, requires_grad=True)",
    "{new} = T.tensor(%r, dtype=T.float64)",
    "{new} = T.tensor(%r, dtype=T.float32, requires_grad=True)",
    "{new} = T.tensor(%r, dtype={dtype})",
    "{new} = T.tensor(%r, dtype=T.complex128, requires_grad=True) * (1 + 0.5j)",
    "{new} = T.complex(*[T.tensor(%r, dtype=T.float64)] * 2).requires_grad_({bit})",
    "{new} = T.zeros({shape}, dtype=T.float64)",
]
VALUES = [
    [0.5, 1.5, 0.75],
    [[1.0, 0.5, 2.0], [0.25, 1.25, 0.75]],
    1.25,
    [[0.5], [2.0]],
    [[0.5, 1.5, 1.0]],
]


@dataclass
class Program:
    steps: list[Step]
    watch: bool  # everything is looked at after every line, not the values alone


def draw(seed: int) -> Program:
    rng = random.Random(seed)
    steps = [Step(leaf(rng), numbers(rng)) for _ in range(rng.randint(1, 3))]
    weights = ROWS if seed >= FIRST_OF_ROWS else WEIGHTS
    steps += [draw_step(rng, 0, weights) for _ in range(rng.randint(2, 14))]
    return Program(steps, rng.random() < 0.5)


def leaf(rng: random.Random) -> str:
    line = rng.choice(LEAVES)
    return line % (rng.choice(VALUES),) if "%r" in line else line


def numbers(rng: random.Random) -> tuple[int, ...]:
    return tuple(rng.randrange(12) for _ in range(8))


def draw_step(rng: random.Random, depth: int, weights: dict[str, tuple[int, int]]) -> Step:
    often = [weight[min(depth, 1)] for weight in weights.values()]
    kind = rng.choices(list(weights), often)[0]
    line = rng.choice(KINDS[kind])
    while depth > 1 and "{def" in line:
        line = rng.choice(KINDS["smooth"])
    body = []
    if "{def:hook" in line:  # what a hook may do with a gradient is read it
        body = [Step(rng.choice(KINDS["smooth"]), numbers(rng)) for _ in range(rng.randint(1, 3))]
    elif "{def" in line:
        body = [draw_step(rng, depth + 1, weights) for _ in range(rng.randint(1, 6))]
    return Step(line, numbers(rng), body, kind)


def shorten(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A program that still fails, from which no line can be taken away."""
    best, again = program, True
    while again:
        again = False
        for smaller in smaller_lists(best.steps):
            tried = Program(smaller, best.watch)
            if fails(tried):
                best, again = tried, True
                break
    return best


def smaller_lists(steps: list[Step]) -> Iterator[list[Step]]:
    """Lists with something taken away or made simpler, the largest changes first."""
    size = len(steps) // 2
    while size:
        for first in range(0, len(steps), size):
            yield steps[:first] + steps[first + size :]
        size //= 2
    for k, step in enumerate(steps):
        for body in smaller_lists(step.body):
            yield [*steps[:k], replace(step, body=body), *steps[k + 1 :]]
    for k, step in enumerate(steps):
        for j, number in enumerate(step.numbers):
            if number:
                for less in (0, number // 2):
                    fewer = (*step.numbers[:j], less, *step.numbers[j + 1 :])
                    yield [*steps[:k], replace(step, numbers=fewer), *steps[k + 1 :]]
