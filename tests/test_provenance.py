"""Autograd errors name the file and line that recorded the node."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import pullback as pb
from pullback import nn


def leaf() -> Any:
    return pb.tensor([1.0, 2.0], dtype=pb.float64, requires_grad=True)


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def message(run: Any) -> str:
    with pytest.raises(RuntimeError) as caught:
        run()
    return str(caught.value)


def test_a_modified_value_names_the_line_that_saved_it() -> None:
    x = leaf()
    y = x * 1
    line = here() + 1
    z = y * y
    y.add_(1)
    assert f"{__file__}:{line} in test_a_modified_value" in message(z.sum().backward)


def test_a_modified_output_names_the_line_that_made_it() -> None:
    x = leaf()
    line = here() + 1
    y = x.exp()
    y.add_(1)
    assert f"{__file__}:{line}" in message(y.sum().backward)


def test_a_released_node_names_its_line() -> None:
    x = leaf()
    line = here() + 1
    y = (x * x).sum()
    y.backward()
    assert f"{__file__}:{line} in test_a_released_node" in message(y.backward)


def test_every_way_to_record() -> None:
    """Operator, function, method, in-place, indexing."""
    x = leaf()
    for record in (
        lambda: x * x,
        lambda: pb.exp(x),
        lambda: x.exp(),
        lambda: (x * 1).pow_(2),
        lambda: pb.mul(x, x),
    ):
        y = record()
        line = record.__code__.co_firstlineno
        y.sum().backward()
        assert f"{__file__}:{line} in <lambda>" in message(y.sum().backward)


def test_the_line_is_the_users_not_the_librarys() -> None:
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    line = here() + 1
    y = layer(pb.ones(1, 2))
    y.sum().backward()
    text = message(y.sum().backward)
    assert f"{__file__}:{line}" in text
    assert "container.py" not in text


def test_a_statement_over_several_lines() -> None:
    x = leaf()
    start = here() + 1
    y = (
        x
        * x
    )  # fmt: skip
    y.sum().backward()
    text = message(y.sum().backward)
    assert any(f"{__file__}:{line}" in text for line in range(start, start + 4))


def test_code_without_a_file() -> None:
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("def f():\n\n  return (x * x).sum()\n", "<typed in>", "exec"), names)
    y = names["f"]()
    y.backward()
    assert "<typed in>:3 in f" in message(y.backward)


def test_create_graph_names_the_line_of_the_second_pass() -> None:
    x = leaf()
    line = here() + 1
    (slope,) = pb.autograd.grad((x**3).sum(), x, create_graph=True)
    slope.sum().backward()
    assert f"{__file__}:{line}" in message(slope.sum().backward)


def test_the_code_object_outlives_its_function() -> None:
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("y = (x * x).sum()", "gone.py", "exec"), names)
    y = names.pop("y")
    names.clear()
    y.backward()
    assert "gone.py:1 in <module>" in message(y.backward)
