"""`out=` of another shape and of the operators that take it, beside PyTorch, warnings included."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def both(t: Any, call: Callable[[Any], Any], out: Any) -> list[Any]:
    """Shapes, values, versions, and the first sentence of each warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = call(out)
    outs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    makes = tuple(made) if isinstance(made, (tuple, list)) else (made,)
    assert all(a is b for a, b in zip(makes, outs, strict=True))
    # PyTorch says it twice when it also casts.
    said = sorted({(w.category.__name__, str(w.message).split(". ")[0]) for w in caught})
    values = [[round(v, 5) for v in each.double().flatten().tolist()] for each in outs]
    return [[tuple(each.shape), each._version] for each in outs] + [values, said]


def matrix(t: Any) -> Any:
    return t.arange(6.0).reshape(2, 3) - 2.5


CALLS: dict[str, Callable[[Any], list[Any]]] = {
    "another shape": lambda t: both(t, lambda o: t.add(matrix(t), 1, out=o), t.zeros(7)),
    "a larger shape": lambda t: both(t, lambda o: t.add(matrix(t), 1, out=o), t.zeros(2)),
    "a product": lambda t: both(
        t, lambda o: t.matmul(matrix(t), matrix(t).t(), out=o), t.zeros(2, 3)
    ),
    "two results": lambda t: both(
        t, lambda o: t.max(matrix(t), 1, out=o), (t.zeros(3), t.zeros(3, dtype=t.int64))
    ),
    "a list of results": lambda t: both(
        t, lambda o: t.max(matrix(t), 1, out=o), [t.zeros(3), t.zeros(3, dtype=t.int64)]
    ),
    "one of two results": lambda t: both(
        t, lambda o: t.sort(matrix(t), 1, out=o), (t.zeros(2, 3), t.zeros(3, dtype=t.int64))
    ),
    "another dtype": lambda t: both(
        t, lambda o: t.add(matrix(t), 1, out=o), t.zeros(7, dtype=t.float64)
    ),
    "a reduction": lambda t: both(t, lambda o: t.sum(matrix(t), 0, out=o), t.zeros(2, 2)),
    "a part of its memory": lambda t: both(
        t, lambda o: t.add(matrix(t), 1, out=o), t.zeros(9)[1:8]
    ),
    "nonzero": lambda t: both(
        t, lambda o: t.nonzero(matrix(t) > 0, out=o), t.empty(0, dtype=t.int64)
    ),
    "nonzero of another shape": lambda t: both(
        t, lambda o: t.nonzero(matrix(t) > 0, out=o), t.zeros(9, dtype=t.int64)
    ),
    "slice_scatter": lambda t: both(
        t, lambda o: t.slice_scatter(matrix(t), t.ones(1, 3), 0, 1, 2, out=o), t.empty(0)
    ),
    "gelu": lambda t: both(t, lambda o: t.nn.functional.gelu(matrix(t), out=o), t.empty(0)),
    "softplus": lambda t: both(t, lambda o: t.nn.functional.softplus(matrix(t), out=o), t.empty(0)),
    "softshrink": lambda t: both(
        t, lambda o: t.nn.functional.softshrink(matrix(t), out=o), t.empty(0)
    ),
    "logsigmoid": lambda t: both(
        t, lambda o: t.nn.functional.logsigmoid(matrix(t), out=o), t.empty(0)
    ),
    "linear": lambda t: both(
        t, lambda o: t.nn.functional.linear(matrix(t), t.ones(4, 3), t.ones(4), out=o), t.empty(0)
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_as_torch(name: str) -> None:
    assert CALLS[name](pb) == CALLS[name](torch)


def test_an_operand_that_gets_another_shape_is_read_before() -> None:
    x = pb.tensor([1.0, 2.0])
    y = pb.tensor([[1.0, 1.0], [2.0, 3.0]])
    with pytest.warns(UserWarning, match="was resized since it had shape"):
        pb.add(x, y, out=x)
    assert x.tolist() == [[2, 3], [3, 5]]


def test_what_others_look_at_does_not_grow() -> None:
    x = pb.zeros(2)
    view = x[:1]
    with pytest.raises(RuntimeError, match="other tensors share the memory"):
        pb.add(pb.ones(5), 1, out=x)
    assert view.tolist() == [0]


def test_a_dtype_that_cannot_hold_the_result_is_refused_before_it_is_resized() -> None:
    for lib in (pb, torch):
        x = lib.zeros(7, dtype=lib.int64)
        with pytest.raises(RuntimeError, match="result type Float can't be cast"):
            lib.add(matrix(lib), 1, out=x)
        assert tuple(x.shape) == (7,)


def test_what_cannot_be_the_results() -> None:
    wrong: tuple[Callable[[Any], Any], ...] = (
        lambda t: [t.zeros(2)],
        lambda t: (t.zeros(2), t.zeros(2), t.zeros(2)),
        lambda t: [t.zeros(2), "a"],
        lambda t: t.zeros(2),
        lambda t: iter([t.zeros(2), t.zeros(2)]),
        lambda t: "ab",
        lambda t: [],
    )
    for function in ("max", "sort", "mode", "cummax"):
        for out in wrong:
            messages = []
            for lib in (pb, torch):
                with pytest.raises((TypeError, RuntimeError)) as error:
                    getattr(lib, function)(matrix(lib), 0, out=out(lib))
                text = str(error.value)
                messages.append((error.type, text[:28] if text.startswith("expected") else ""))
            assert messages[0] == messages[1]
