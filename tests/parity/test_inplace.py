"""In-place writes and views, written once and run with both libraries.

Each snippet leaves what is compared in `out`; an exception is compared by its type and the first
words of its message.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

SNIPPETS = {
    "base learns of a write through a view": """
        w = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(2, 3)
        x[0, :2].mul_(0).add_(w)
        x.pow(2).sum().backward()
        out = [w.grad, x.grad_fn.name(), x._version]
    """,
    "views of views": """
        a = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        x = a * 1
        v = x.t()[0].view(2, 1)
        u = x[1]
        v.mul_(3)
        (u * u).sum().backward()
        out = [a.grad, v.grad_fn.name(), u.grad_fn.name(), u._base is x, v._base is x]
    """,
    "a changed base": """
        a = ones(3, requires_grad=True)
        x = a * 1
        v = x[1:]
        x.mul_(tensor([2.0, 3.0, 4.0]))
        (v * v).sum().backward()
        out = [a.grad, v.grad_fn.name()]
    """,
    "twice through the graph": """
        a = tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = a * a
        x[1:].mul_(a[:2])
        g, = autograd.grad((x * x).sum(), a, create_graph=True)
        out = [g, autograd.grad((g * g).sum(), a)[0]]
    """,
    "index assignment": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(3, 2)
        x[1] = a
        x[tensor([0, 2])] = a * 2
        x[x == 0] = 7.0
        x[..., 0] = 0.5
        (x * x).sum().backward()
        out = [x, a.grad]
    """,
    "index assignment by a mask": """
        a = tensor(2.0, requires_grad=True)
        x = ones(3)
        x[tensor([True, False, True])] = a
        x.prod().backward()
        out = [x, a.grad]
    """,
    "copy_ broadcasts": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(3, 2)
        x.copy_(a)
        x.sum().backward()
        out = [x, a.grad]
    """,
    "copy_ casts": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(2, dtype=float64)
        x.copy_(a)
        (x * x).sum().backward()
        out = [x, a.grad, a.grad.dtype == float32]
    """,
    "leaf": "x = ones(3, requires_grad=True)\n        x.add_(1)",
    "view of a leaf": "x = ones(3, requires_grad=True)\n        x[0].add_(1)",
    "item of a leaf": "x = ones(3, requires_grad=True)\n        x[0] = 1.0",
    "leaf without recording": """
        x = ones(3, requires_grad=True)
        with no_grad():
            x[0] = 5.0
            x.mul_(2)
        out = [x, x.requires_grad, x.is_leaf, x._version]
    """,
    "one of many": "x = ones(3, requires_grad=True) * 1\n        x.unbind()[1].add_(1)",
    "one of a split": "x = ones(4, requires_grad=True) * 1\n        x.split(2)[1].add_(1)",
    "one of a chunk": "x = ones(4, requires_grad=True) * 1\n        x.chunk(2)[0].zero_()",
    "one of many, without gradient": """
        x = ones(3)
        a, b, c = x.unbind()
        a.add_(1)
        out = [x]
    """,
    "one of many, base written": """
        x = ones(3, requires_grad=True) * 1
        a = x.unbind()[0]
        x.mul_(2)
        a * 2
    """,
    "view made under no_grad": """
        x = ones(3, requires_grad=True) * 1
        with no_grad():
            v = x[0]
        v.mul_(2)
    """,
    "view made in inference mode": """
        x = ones(3)
        with inference_mode():
            v = x[0]
        v.mul_(ones(1, requires_grad=True)[0])
    """,
    "inference tensor": """
        with inference_mode():
            x = ones(3)
        x.add_(1)
    """,
    "inference tensor saved": """
        with inference_mode():
            x = ones(3)
        x * ones(3, requires_grad=True)
    """,
    "inference tensor in inference mode": """
        with inference_mode():
            x = ones(3)
            x.add_(1)
        out = [x, x.is_inference(), x.requires_grad]
    """,
    "integers cannot take floats": "x = zeros(3, dtype=int64)\n        x.add_(1.5)",
    "bool cannot take integers": "x = zeros(3, dtype=bool)\n        x.add_(1)",
    "shape cannot grow": "x = zeros(3)\n        x.add_(ones(2, 3))",
    "saved by exp": """
        x = ones(3, requires_grad=True)
        y = x.exp()
        y.add_(1)
        y.sum().backward()
    """,
    "saved operand": """
        x = ones(3, requires_grad=True)
        w = ones(3)
        y = x * w
        w.add_(1)
        y.sum().backward()
    """,
    "not saved": """
        x = ones(3, requires_grad=True)
        y = x + 1
        y.mul_(2)
        y.sum().backward()
        out = [x.grad]
    """,
    "detach shares the version": """
        x = ones(3, requires_grad=True) * 1
        y = (x * x).sum()
        x.detach().mul_(2)
        y.backward()
    """,
    "data does not": """
        x = ones(3, requires_grad=True)
        y = (x * 2).exp()
        z = y.sum()
        y.data.zero_()
        z.backward()
        out = [x.grad, y._version]
    """,
    "versions": """
        x = zeros(4)
        v = x[1:]
        seen = [x._version]
        v.add_(1); seen.append(x._version)
        x.detach().add_(1); seen.append(v._version)
        x.data.add_(1); seen.append(x._version)
        x[0] = 3.0; seen.append(x._version)
        x.copy_(x); seen.append(x._version)
        out = [seen, x]
    """,
    "retain_grad follows": """
        a = ones(3, requires_grad=True)
        x = a * 2
        x.retain_grad()
        x.mul_(3)
        (x * x).sum().backward()
        out = [x.grad, a.grad]
    """,
    "retain_grad of a view": """
        a = ones(3, requires_grad=True)
        x = a * 2
        v = x[:2]
        v.retain_grad()
        x.retain_grad()
        v.mul_(3)
        (x * x).sum().backward()
        out = [x.grad, a.grad, v.grad is None]
    """,
    "hooks stay with the old history": """
        a = ones(3, requires_grad=True)
        x = a * 2
        seen = []
        x.register_hook(lambda g: seen.append(g.sum().item()))
        x.mul_(3)
        x.register_hook(lambda g: seen.append(-g.sum().item()))
        x.sum().backward()
        out = [seen, a.grad]
    """,
    "fill_ and zero_": """
        a = ones(3, requires_grad=True)
        x = a * 2
        y = x[:2]
        y.fill_(4.0)
        (x * x).sum().backward()
        out = [a.grad, x]
    """,
    "fill_ with a tensor": """
        a = tensor(3.0, requires_grad=True)
        x = zeros(2, 2)
        x[0].fill_(a)
        (x * x).sum().backward()
        out = [a.grad, x]
    """,
    "random numbers": """
        a = ones(3, requires_grad=True)
        x = a * 2
        x.uniform_()
        out = [x.grad_fn.name()]
        x.sum().backward()
        out.append(a.grad)
    """,
    "comparison": """
        a = ones(3, requires_grad=True)
        x = a * 2
        x.ge_(1)
        out = [x, x.grad_fn.name()]
        x.sum().backward()
        out.append(a.grad)
    """,
    "comparison of a view": """
        a = ones(2, 3, requires_grad=True)
        x = a * 2
        v = x[1]
        v.ge_(1)
        v[0].greater_(v[1])
        out = [x, x.grad_fn.name(), v.grad_fn.name()]
        x.sum().backward()
        out.append(a.grad)
    """,
    "names of comparisons": """
        out = []
        for name in ["eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal"]:
            for other in [1, ones(3)]:
                x = ones(3, requires_grad=True) * 2
                getattr(x, name + "_")(other)
                out.append(x.grad_fn.name())
    """,
    "random numbers in a view": """
        a = ones(2, 3, requires_grad=True)
        x = a * 2
        v = x[1]
        v.uniform_()
        x[0].bernoulli_(0.5)
        x[0, 1:].zero_()
        out = [x.grad_fn.name(), v.grad_fn.name()]
        x.sum().backward()
        out.append(a.grad)
    """,
    "float_power_ of float32": "x = ones(3)\n        x.float_power_(2)",
    "float_power_ of float64": "x = ones(3, dtype=float64)\n        x.float_power_(2); out = [x]",
    "addmm_ of another shape": "x = ones(2)\n        x.addmm_(ones(3, 2), ones(2, 2))",
    "lerp_ of other dtypes": "x = ones(2)\n        x.lerp_(ones(2, dtype=float64), 0.5)",
    "expanded": "x = zeros(1).expand(3)\n        x.add_(1)",
    "overlap": "x = zeros(4)\n        x[1:].add_(x[:-1])",
    "overlap of copy_": "x = zeros(4)\n        x[1:].copy_(x[:-1])",
    "overlap of out": "x = zeros(4)\n        add(x[1:], 1, out=x[:-1])",
    "overlap of scatter_": "x = zeros(4)\n        x.scatter_(0, tensor([0]), x[:1])",
    **{
        f"overlap: {code}": f"""
        a = arange(12.0, requires_grad={leaf})
        x = a.reshape(3, 4) * 1
        {code}
        out = [x, x._version, x.requires_grad and x.grad_fn.name()]
        if {leaf}:
            x.sum().backward()
            out.append(a.grad)
    """
        for leaf in (False, True)
        for code in (
            *("x[:2] = x[1]", "x[...] = x[0]", "x[:] = x[0, 1]", "x[:, 1:3] = x[:, :1]"),
            *("x[0:2] = x[1:3]", "x[0:1] = x[0]", "x[0:1, :3] = x[0, 1:4]", "x[0] = x[0]"),
            *("x[x > 1] = x[0, 1]", "x[x[:, 0] > 1] = x[0, 1]", "x[x > 100] = x[0, :1]"),
            *("x[[0, 1]] = x[0]", "x[[0, 1]] = x[0, 1]", "x[[0, 1]] = x[1:3]"),
            *("x.fill_(x[0, 1])", "x[1].fill_(x[0, 1])", "x.copy_(x[0])", "x.copy_(x[0, 1])"),
            *("x.masked_fill_(x > 1, x[0, 1])", "x[0].masked_fill_(x[0] > 1, x[0, 2])"),
            *("x.masked_scatter_(x > 1, x[0])", "x[:2].masked_scatter_(x[:2] >= 0, x[1:])"),
            *("x.masked_scatter_(x > 7, x[2])", "x.add_(x[0])", "x.mul_(x[0, 1])"),
        )
    },
    "mask that overlaps": "x = zeros(2, 2) > 0\n        x.masked_fill_(x[0], True)",
    "mask that is the target": "x = arange(2) > 0\n        x.masked_fill_(x, False); out = [x]",
    "with itself": "x = arange(4.0)\n        x.add_(x)\n        out = [x]",
    "out requires a gradient": "add(ones(2), 1, out=ones(2, requires_grad=True))",
    "out of what requires a gradient": "add(ones(2, requires_grad=True), 1, out=ones(2))",
    "requires_grad_ of a result": """
        x = ones(2, requires_grad=True) * 1
        x.requires_grad_(False)
    """,
    "detach_": """
        a = ones(3, requires_grad=True)
        x = a * 2
        x.detach_()
        out = [x.requires_grad, x.is_leaf]
    """,
    "detach_ of a view": "x = (ones(3, requires_grad=True) * 1)[0]\n        x.detach_()",
    "an operator that needs what it overwrites": """
        a = tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = a * 1
        x.cumprod_(0)
        x.sum().backward()
        out = [a.grad]
    """,
    "augmented assignment": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = a * 1
        x += 1; x *= a; x -= 2; x /= 3; x **= 2
        x.sum().backward()
        out = [x, a.grad]
    """,
    "augmented assignment of an item": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(3)
        x[1] += a[0]
        x[0:2] *= a
        (x * x).sum().backward()
        out = [x, a.grad]
    """,
    "index_put_, index_add_, scatter_ through a view": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = zeros(3, 2)
        x[0].index_put_((tensor([1]),), a[:1])
        x[1].index_add_(0, tensor([0, 0]), a)
        x[2].scatter_(0, tensor([1, 0]), a)
        (x * x).sum().backward()
        out = [x, a.grad]
    """,
    "masked_fill_ through a view": """
        a = ones(2, 2, requires_grad=True)
        x = a * 1
        x[0].masked_fill_(tensor([True, False]), 5.0)
        x.prod().backward()
        out = [x, a.grad]
    """,
    "transposed base": """
        a = arange(6.0).reshape(2, 3).requires_grad_()
        x = (a * 1).t().clone(memory_format=preserve_format)
        x[0].mul_(3)
        (x * x).sum().backward()
        out = [a.grad, x]
    """,
    "what is overwritten is saved through a view": """
        a = tensor(2.0, requires_grad=True)
        x = a * 1
        x.scatter_reduce_(0, tensor([0]), tensor([3.0]), "prod")
        (x * x).backward()
        out = [x, a.grad]
    """,
    "empty": """
        a = ones(3, requires_grad=True)
        x = a * 1
        x[3:].mul_(2)
        x.sum().backward()
        out = [a.grad, x.grad_fn.name()]
    """,
    "nan and infinity": """
        a = tensor([1.0, 2.0], requires_grad=True)
        x = a * 1
        x[0] = nan
        x[1:].mul_(inf)
        x.sum().backward()
        out = [a.grad, x]
    """,
    "loop of writes": """
        a = tensor([0.5, 0.25, 0.125, 1.0], requires_grad=True)
        x = zeros(4)
        x[0] = a[0]
        for i in range(1, 4):
            x[i] = x[i - 1].clone() * a[i] + x[0].clone()
        x.sum().backward()
        out = [x, a.grad]
    """,
}


def plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):
        return value.detach().tolist()
    return value


def outcome(lib: Any, snippet: str) -> Any:
    public = [name for name in dir(lib) if not name.startswith("__") and name != "range"]
    names = {name: getattr(lib, name) for name in public}
    text = "\n".join(line[8:] if line.startswith(" " * 8) else line for line in snippet.split("\n"))
    try:
        exec(text, names)
        return plain(names.get("out"))
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        words = str(error).split(".")[0].split(":")[0].split()
        return [type(error).__name__, words[:9]]
    finally:
        names.clear()  # hooks see these globals, which hold the tensors


def same(ours: Any, theirs: Any) -> None:
    if isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs), (ours, theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    elif isinstance(ours, float) and isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1.3e-6, abs=1e-5, nan_ok=True)
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_same_happens(name: str) -> None:
    same(outcome(pb, SNIPPETS[name]), outcome(torch, SNIPPETS[name]))
