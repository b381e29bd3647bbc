"""Names of leaves in drawings, explanations, reports and errors, and that boxes hold their text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

import pullback as pb
from pullback import nn
from pullback.diagnosis._names import name_of, names_of


def make_model() -> Any:
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))


def test_a_drawing_has_the_names_of_the_model() -> None:
    model = make_model()
    loss = model(pb.ones(4, 2)).sum()
    text = pb.draw(loss, model).text()
    for name in ("0.weight (3, 2)", "0.bias (3,)", "2.weight (1, 3)", "2.bias (1,)"):
        assert name in text
    assert pb.draw(loss, dict(model.named_parameters())).text() == text
    assert "0.weight" in pb.draw(model[0].weight, model).text()


def test_a_drawing_finds_the_model() -> None:
    model = make_model()
    text = pb.draw(model(pb.ones(4, 2)).sum()).text()
    assert "0.weight (3, 2)" in text
    assert "leaf" not in text


def test_what_is_no_model() -> None:
    with pytest.raises(TypeError, match="argument 'names' must be a Module or a mapping"):
        pb.draw(pb.ones(2, requires_grad=True) * 2, 3)


def test_leaves_of_no_module_have_no_name() -> None:
    model = make_model()
    w = pb.ones(2, requires_grad=True)
    assert name_of(w) == ""
    assert name_of(model[0].bias) == "0.bias"
    assert "leaf (2,)" in pb.draw(w * 2).text()


def test_leaves_of_two_models_say_which() -> None:
    model = make_model()
    other = nn.Linear(2, 3)
    names = names_of([model[0].weight, other.weight])
    assert names[id(model[0].weight)] == "Sequential.0.weight"
    assert names[id(other.weight)] == "Linear.weight"


def test_the_largest_module_gives_the_name() -> None:
    model = make_model()
    whole = nn.Sequential(model)
    assert name_of(model[2].bias) == "0.2.bias"
    del whole
    assert name_of(model[2].bias) == "2.bias"


def test_explanations_have_names() -> None:
    model = make_model()
    loss = model[0](pb.ones(4, 2)).sum()
    assert "does not depend on 2.weight" in pb.why_none(model[2].weight, loss).text
    assert "0.weight (3, 2)" in pb.why_none(model[2].weight, loss).text
    with pb.no_grad():
        model[2].weight.fill_(float("inf"))
    assert "2.weight of shape (1, 3) holds inf" in pb.explain(model(pb.ones(1, 2)).sum()).text


def test_reports_have_names() -> None:
    model = make_model()
    x = pb.ones(4, 2, requires_grad=True)  # so that the weight is saved
    report = pb.memory.report(model(x).sum())
    names = {row.name for row in report.rows if row.parameter}
    assert "0.weight" in names
    assert "(0.weight)" in str(report)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda model: model[0].bias.add_(1),
        lambda model: model[0].bias[:1].add_(1),
        lambda model: model[0].bias.numpy(),
        lambda model: model[0].bias.item(),
        lambda model: pb.add(1, pb.ones(3), out=model[0].bias),
        lambda model: pb.autograd.grad(model[2](pb.ones(1, 3)).sum(), model[0].bias),
    ],
)
def test_errors_have_names(misuse: Any) -> None:
    model = make_model()
    with pytest.raises(
        (RuntimeError, TypeError), match=r"It is the parameter 0\.bias\. It was made"
    ):
        misuse(model)


def test_every_line_stands_in_its_box() -> None:
    """A letter of a sans-serif font is about 0.55 of its size wide."""
    model = make_model()
    picture = pb.draw(model(pb.ones(4096, 2)).sum(), model, gradients=True)
    space = "{http://www.w3.org/2000/svg}"
    box: dict[str, float] = {}
    lines = 0
    for element in ET.fromstring(picture.svg()):
        if element.tag == space + "rect":
            box = {k: float(element.attrib[k]) for k in ("x", "y", "width", "height")}
        elif element.tag == space + "text":
            size, at = float(element.attrib["font-size"]), float(element.attrib["y"])
            assert box["y"] + size <= at
            assert at + 0.4 * size <= box["y"] + box["height"]
            assert len(element.text or "") * size * 0.55 <= box["width"]
            lines += bool(element.text)
    assert lines > 20
