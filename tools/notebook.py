"""Executes the tutorial and writes it with its results as the notebook docs/tutorial.ipynb.

The cells stand in this file, as text.  They run in one namespace, in order; a cell shows what it
prints and the value of its last expression, as in Jupyter, which is not needed for it.
`python tools/notebook.py --check` fails when the notebook is not what the cells give today.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"

# A cell is text when it starts with "#:", else code.
CELLS = [
    """#:# The autograd tutorial

Every output below is what PyTorch prints for the same program; only the imports differ.""",
    """import pullback as torch
from pullback.autograd import Variable""",
    """#:## Scalars

Operations on a tensor that requires a gradient are recorded. `grad_fn` names the operation.""",
    """a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(6.0, requires_grad=True)
a + b, a - b, a * b, b / a""",
    """Q = 3 * a**3 - b**2
Q""",
    """#:The graph of `Q`. Gradients flow downwards, from `Q` to the leaves `a` and `b`.""",
    """torch.draw(Q, names={"a": a, "b": b})""",
    """#:`backward` adds the derivatives to `.grad` of the leaves: $9a^2$ and $-2b$.""",
    """Q.backward()
a.grad.data, b.grad.data""",
    """print(9 * a**2 == a.grad)
print(-2 * b == b.grad)""",
    """#:## Vectors

A tensor with several elements needs the vector of the vector-Jacobian product, or a sum.""",
    """a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
Q = 3 * a**3 - b**2
Q.backward(gradient=torch.tensor([1.0, 1.0]))
print(9 * a**2 == a.grad)
print(-2 * b == b.grad)""",
    """a.grad = b.grad = None
Q = 3 * a**3 - b**2
Q.sum().backward()
a.grad, b.grad""",
    """#:`Variable` is the old name of a tensor that requires a gradient.""",
    """Variable(torch.ones(2), requires_grad=True)""",
    """#:## One step of training

Forward pass, loss, backward pass, one step of gradient descent. The first layer is frozen: it
gets no gradient and does not change.""",
    """from pullback import nn, optim

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
for parameter in model[0].parameters():
    parameter.requires_grad = False
data, labels = torch.rand(16, 4), torch.randint(0, 3, (16,))

before = nn.functional.cross_entropy(model(data), labels)
before.backward()
optimizer = optim.SGD(model[2].parameters(), lr=0.01, momentum=0.9)
optimizer.step()
after = nn.functional.cross_entropy(model(data), labels)
print("the loss fell:", bool(after < before))
print("frozen:", model[0].weight.grad)
print("trained:", model[2].weight.grad.shape)""",
]


def run_cell(source: str, namespace: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The outputs of one cell in the notebook format."""
    tree = ast.parse(source)
    name = f"cell-{number}"
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        if last is not None:
            expression = ast.Expression(last.value)
            value = eval(compile(expression, name, "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())}
        )
    if value is not None:
        data = {"text/plain": lines(repr(value))}
        if hasattr(value, "_repr_svg_"):
            data = {"image/svg+xml": lines(value._repr_svg_()), "text/plain": lines(str(value))}
        outputs.append(
            {
                "data": data,
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def lines(text: str) -> list[str]:
    """The form in which notebooks hold text."""
    return text.splitlines(keepends=True)


def build() -> str:
    """The notebook as text."""
    namespace: dict[str, Any] = {}
    cells: list[dict[str, Any]] = []
    number = 0
    for index, source in enumerate(CELLS):
        cell: dict[str, Any] = {"id": f"cell-{index}", "metadata": {}}
        if source.startswith("#:"):
            cell |= {"cell_type": "markdown", "source": lines(source[2:])}
        else:
            number += 1
            cell |= {
                "cell_type": "code",
                "execution_count": number,
                "outputs": run_cell(source, namespace, number),
                "source": lines(source),
            }
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Write the notebook, or compare it with what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    text = build()
    if not parser.parse_args().check:
        NOTEBOOK.write_text(text, encoding="utf-8")
    elif NOTEBOOK.read_text(encoding="utf-8") != text:
        print("docs/tutorial.ipynb is not current: run python tools/notebook.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
