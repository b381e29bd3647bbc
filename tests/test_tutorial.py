# ruff: noqa: E501 - the expected text is what is printed, line for line
"""The program of the autograd tutorial, statement by statement, prints what PyTorch prints.

parity/test_tutorial.py runs the same programs with PyTorch itself and compares the characters.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest

import pullback as pb

PROGRAMS: dict[str, tuple[str, str]] = {
    "scalars": (
        """
a=torch.tensor(2.0,requires_grad=True)
b= torch.tensor(6.0,requires_grad=True)
print((a+b,a-b,a*b,b/a))
Q = 3*a**3 - b**2
print(Q)
print(Q.backward())
print(a.grad.data)
print(b.grad.data)
print(9*a**2 == a.grad)
print(-2*b == b.grad)
print(a, b)
print(Q.grad_fn.name(), [f.name() for f, _ in Q.grad_fn.next_functions])
""",
        """\
(tensor(8., grad_fn=<AddBackward0>), tensor(-4., grad_fn=<SubBackward0>), \
tensor(12., grad_fn=<MulBackward0>), tensor(3., grad_fn=<DivBackward0>))
tensor(-12., grad_fn=<SubBackward0>)
None
tensor(36.)
tensor(-12.)
tensor(True)
tensor(True)
tensor(2., requires_grad=True) tensor(6., requires_grad=True)
SubBackward0 ['MulBackward0', 'PowBackward0']
""",
    ),
    "variables": (
        """
a = Variable(torch.tensor(2.0), requires_grad=True)
b = Variable(torch.tensor(6.0), requires_grad=True)
c = Variable(torch.tensor(1.0))
print(a, b, c, isinstance(a, torch.Tensor), type(a) is torch.Tensor)
Q = 3*a**3 - b**2 + c
Q.backward()
print(a.grad, b.grad, c.grad)
""",
        """\
tensor(2., requires_grad=True) tensor(6., requires_grad=True) tensor(1.) True True
tensor(36.) tensor(-12.) None
""",
    ),
    "vectors with a gradient": (
        """
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
print(Q)
external_grad = torch.tensor([1., 1.])
Q.backward(gradient=external_grad)
print(9*a**2 == a.grad)
print(-2*b == b.grad)
print(a.grad, b.grad)
""",
        """\
tensor([-12.,  65.], grad_fn=<SubBackward0>)
tensor([True, True])
tensor([True, True])
tensor([36., 81.]) tensor([-12.,  -8.])
""",
    ),
    "vectors and a sum": (
        """
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
print(Q.sum())
Q.sum().backward()
print(a.grad)
print(b.grad)
""",
        """\
tensor(53., grad_fn=<SumBackward0>)
tensor([36., 81.])
tensor([-12.,  -8.])
""",
    ),
    "a training step": (
        """
w1 = torch.tensor([[0.5, -0.25], [1.0, 0.75], [-0.5, 0.125]], requires_grad=True)
w2 = torch.tensor([[1.0, -1.0, 0.5]], requires_grad=True)
frozen = torch.tensor([0.25], requires_grad=True)
frozen.requires_grad_(False)
data = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
labels = torch.tensor([[1.0], [0.0]])
optim = torch.optim.SGD([w1, w2, frozen], lr=0.01, momentum=0.9)
for step in range(2):
    prediction = (data @ w1.t()).relu() @ w2.t() + frozen
    loss = ((prediction - labels) ** 2).sum()
    print(loss)
    optim.zero_grad()
    loss.backward()
    optim.step()
    print(w1.grad, w2.grad, frozen.grad)
    print(w1, w2, frozen)
""",
        """\
tensor(10.6250, grad_fn=<SumBackward0>)
tensor([[-1.5000,  0.5000],
        [ 8.0000, 12.5000],
        [ 0.0000,  0.0000]]) tensor([[ -0.8750, -17.3750,   0.0000]]) None
tensor([[ 0.5150, -0.2550],
        [ 0.9200,  0.6250],
        [-0.5000,  0.1250]], requires_grad=True) tensor([[ 1.0087, -0.8263,  0.5000]], requires_grad=True) tensor([0.2500])
tensor(6.5321, grad_fn=<SumBackward0>)
tensor([[ -3.2942, -10.8492],
        [  2.6982,   8.8864],
        [  0.0000,   0.0000]]) tensor([[ 1.0608, -9.7263,  0.0000]]) None
tensor([[ 0.5614, -0.1510],
        [ 0.8210,  0.4236],
        [-0.5000,  0.1250]], requires_grad=True) tensor([[ 1.0060, -0.5726,  0.5000]], requires_grad=True) tensor([0.2500])
""",
    ),
}


def output(library: Any, program: str) -> str:
    printed = io.StringIO()
    names = {"torch": library, "Variable": library.autograd.Variable}
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "<tutorial>", "exec"), names)
    return printed.getvalue()


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_prints_this(name: str) -> None:
    program, expected = PROGRAMS[name]
    assert output(pb, program) == expected


def test_the_notation_of_the_tutorial() -> None:
    """``import pullback as torch``, as a program of its own."""
    names: dict[str, Any] = {}
    exec(
        "import pullback as torch\n"
        "from pullback.autograd import Variable\n"
        "a = Variable(torch.tensor(2.0), requires_grad=True)\n"
        "(3 * a**3).backward()\n"
        "text = repr(a.grad.data)\n",
        names,
    )
    assert names["text"] == "tensor(36.)"
