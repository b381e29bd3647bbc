"""Drawings: what the boxes say, and how large graphs are folded."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import pullback as pb
from pullback import nn


def test_boxes_say_operator_line_shape_and_bytes() -> None:
    w = pb.ones(3, 4, requires_grad=True)
    h = (pb.ones(2, 3) @ w).tanh()
    dot = pb.draw(h.sum(), names={"w": w}).dot()
    assert "MmBackward0" in dot
    assert "test_drawing.py:" in dot
    assert "(2, 4), saves 32 B" in dot  # tanh keeps its result
    assert 'label="w\\n(3, 4)"' in dot


def test_both_edges_of_a_square() -> None:
    x = pb.ones(2, requires_grad=True)
    assert pb.draw(x * x).text().count("leaf") == 2


def test_svg_is_well_formed_and_alone() -> None:
    x = pb.ones(2, requires_grad=True)
    picture = pb.draw((x < 3).float() * x, names={"<x>": x})
    root = ET.fromstring(picture.svg())
    assert root.tag.endswith("svg")
    assert "href" not in picture.svg()
    assert picture._repr_svg_() == picture.svg()
    assert "&lt;x&gt;" in picture.svg()


def test_a_loop_is_folded_by_line() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x
    for _ in range(1000):
        y = y * 1.01
        y = y.sin()
    text = pb.draw(y.sum()).text()
    assert len(text.splitlines()) < 10
    assert "MulBackward0 ×1000" in text
    assert "SinBackward0 ×1000" in text


def test_many_leaves_are_folded() -> None:
    parts = [pb.ones(2, requires_grad=True) for _ in range(500)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    text = pb.draw(total).text()
    assert re.search(r"leaf ×500", text)


def test_different_lines_fold_by_operator_at_last() -> None:
    x = pb.ones(2, requires_grad=True)
    names: dict[str, Any] = {"x": x}
    lines = "\n".join(f"y = {'x' if i == 0 else 'y'} * {i}" for i in range(400))
    exec(compile(lines, "long.py", "exec"), names)
    text = pb.draw(names.pop("y")).text()
    names.clear()
    assert "MulBackward0 ×400" in text


@pytest.mark.slow
def test_a_hundred_thousand_nodes() -> None:
    layer = nn.Linear(2, 2)
    h = pb.ones(1, 2)
    for _ in range(33_334):
        h = layer(h).tanh() + 0.1
    picture = pb.draw(h.sum(), names=dict(layer.named_parameters()))
    assert len(picture.text().splitlines()) < 20
    assert "weight" in picture.text()
    assert len(picture.svg()) < 20_000


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match=r"cut off from its history by detach\(\) at"):
        pb.draw(pb.ones(2, requires_grad=True).exp().detach())
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="most_boxes"):
        pb.draw(x.sin().cos().exp(), most_boxes=1)


def test_gradients_that_flow() -> None:
    x = pb.tensor([3.0, 4.0], requires_grad=True)
    y = (x * 2).square().sum()
    text = pb.draw(y, names={"x": x}, gradients=True).text()
    assert text.splitlines()[0] == "tensor ()"
    assert "SumBackward0, grad 1" in text
    assert "MulBackward0, grad 20" in text
    assert "x (2,), grad 40" in text
    assert x.grad is None
    picture = pb.draw(y, gradients=True)
    assert "grad 20" in picture.svg()
    assert "grad 20" in picture.dot()
    assert "grad" not in pb.draw(y).text()


def test_gradients_of_folded_boxes_and_bad_ones() -> None:
    x = pb.tensor([0.0], requires_grad=True)
    y = x.sqrt()
    for _ in range(300):
        y = y * 0.99
    text = pb.draw(y.sum(), gradients=True).text()
    assert "grad inf" in text
    assert " .. 1" in text


def test_gradients_of_a_freed_graph() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    assert "ExpBackward0" in pb.draw(y).text()
    with pytest.raises(RuntimeError, match=r"freed by the backward pass at .*test_drawing.py"):
        pb.draw(y, gradients=True)


def test_what_is_no_tensor() -> None:
    with pytest.raises(TypeError, match="argument 'tensor' must be Tensor, not float"):
        pb.draw(1.0)


def test_a_leaf_alone() -> None:
    w = pb.ones(2, requires_grad=True)
    assert pb.draw(w, names={"w": w}).text() == "w (2,)"


def test_signs_in_names_of_dot() -> None:
    w = pb.ones(2, requires_grad=True)
    assert 'label="a\\\\b\\"c' in pb.draw(w * 2, names={'a\\b"c': w}).dot()


def test_saving(tmp_path: Any) -> None:
    picture = pb.draw(pb.ones(2, requires_grad=True).exp())
    for ending, start in ((".svg", "<svg"), (".dot", "digraph"), (".txt", "tensor")):
        picture.save(tmp_path / f"graph{ending}")
        assert (tmp_path / f"graph{ending}").read_text().startswith(start)
    with pytest.raises(ValueError, match="ending in"):
        picture.save("graph.png")
