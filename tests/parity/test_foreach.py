"""``_foreach_*`` beside PyTorch: values, gradients, what is returned, types of errors."""

from __future__ import annotations

import inspect

import pytest

import pullback as pb
from parity_both import same
from pullback import _foreach

torch = pytest.importorskip("torch")

NAMES = sorted(name for name in dir(torch) if name.startswith("_foreach_"))

# The lists and numbers of the calls below.
DATA = """
def leaf(*numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
def made():
    return [leaf(0.25, 0.5), leaf(0.125, 0.75, 0.5)]
a, b, c = made(), [leaf(0.25, 0.75), leaf(0.5, 0.25, 0.5)], made()
s = torch.tensor(2.0, dtype=torch.float64)
"""
# What follows the first list; the others take nothing.
_NUMBERS = ("0.5", "[0.5, 0.25]", "scalar=2", "scalars=[1, 2]", "s")
_OTHER = ("b", "other=b", *_NUMBERS)
_SCALED = ("b, c", "b, c, 2", "b, c, [2, 3]", "b, c, value=0.5", "b, c, scalars=[1, 2]")
FORMS = {
    **dict.fromkeys(["add", "sub"], (*_OTHER, "other=b, alpha=2")),
    **dict.fromkeys(["mul", "div", "maximum", "minimum", "clamp_min", "clamp_max"], _OTHER),
    "pow": ("b", "2.5", "[1.5, 2.5]", "exponent=b", "exponent=2", "s"),
    "lerp": ("b, c", "b, 0.25", "b, [0.25, 0.75]", "b, weight=0.5", "tensors1=b, weights=c"),
    **dict.fromkeys(["addcmul", "addcdiv"], _SCALED),
    "norm": ("", "1", "ord=3.0", "2, dtype=torch.float64", "float('inf')"),
    "powsum": ("", "3", "ord=2"),
    "mm": (),
    "copy_": ("b", "b, True", "src=b"),
}
# PyTorch has no derivative of these: values alone are compared.
NO_DERIVATIVE = {f"_foreach_{name}" for name in ("copy_", "maximum_", "minimum_", "powsum")}


def calls() -> list[str]:
    return [
        f"{name}|{arguments}"
        for name in NAMES
        for part in [name.removeprefix("_foreach_")]
        for arguments in FORMS.get(part, FORMS.get(part.rstrip("_"), ("",)))
    ]


def test_every_name_is_here_and_no_other() -> None:
    here = sorted(n for n, v in vars(_foreach).items() if n[:9] == "_foreach_" and callable(v))
    assert here == NAMES
    assert all(inspect.isfunction(getattr(pb, name)) for name in NAMES)


@pytest.mark.parametrize("call", calls())
def test_values_and_gradients(call: str) -> None:
    name, _, arguments = call.partition("|")
    backward = "" if name in NO_DERIVATIVE else "sum(x.sum() for x in found).backward()"
    gradients = "[None if x.grad is None else x.grad for x in [*a, *b, *c]]"
    if name.endswith("_"):
        code = f"""
first = [x.clone() for x in a]
found = torch.{name}(first, {arguments})
assert found is first
{backward}
[found, [x._version for x in found], {gradients}]
"""
    else:
        code = f"""
found = torch.{name}(a, {arguments})
assert type(found) is tuple
{backward}
[found, {gradients}]
"""
    same(DATA + code)


MORE = """
torch._foreach_mm([torch.ones(2, 3)], [torch.ones(3, 4)])
torch._foreach_pow(2, a)
torch._foreach_norm(a, 0)
torch._foreach_addcmul(a, b, c, torch.tensor([2.0, 3.0]))
torch._foreach_addcdiv_([x.detach() for x in a], b, c, torch.tensor([2.0, 3.0]))
torch._foreach_add((torch.ones(2, dtype=torch.int64),), [2.5])
torch._foreach_clone(a, memory_format=torch.contiguous_format)
torch._foreach_zero_([torch.ones(0), torch.ones(())])
torch._foreach_norm([torch.ones(0)])
torch._foreach_maximum([torch.tensor([1.0, float('nan')])], 0.5)
torch._foreach_add_(a, 1)
torch._foreach_add(a, [b[0]])
torch._foreach_add([], 1)
torch._foreach_sqrt([])
torch._foreach_add(a, [1.0])
torch._foreach_add(a, torch.ones(3))
torch._foreach_add(a, b[::-1])
torch._foreach_add(3, 1)
torch._foreach_add(a, 'a')
torch._foreach_add(a, None)
torch._foreach_add(a)
torch._foreach_add(a, b, 1)
torch._foreach_add(a, other=b, scalar=1)
torch._foreach_add(a, 2, alpha=2)
torch._foreach_add(a, [1, 2], alpha=2)
torch._foreach_mul(a, b, alpha=2)
torch._foreach_sqrt(a[0])
torch._foreach_sqrt([a[0], 3])
torch._foreach_copy_(a, 3)
torch._foreach_norm(a, 'a')
torch._foreach_max([torch.ones(0)])
torch._foreach_addcmul(a, b, c, [1.0])
torch._foreach_addcmul(a, b, [c[0]])
torch._foreach_lerp(a, b)
torch._foreach_lerp(a, b, [0.5])
""".strip().splitlines()


@pytest.mark.parametrize("call", MORE)
def test_edges_and_errors(call: str) -> None:
    same(DATA + call)
