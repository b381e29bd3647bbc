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
