"""``__torch_function__`` beside torch: what arrives, who is asked, and what comes back.

Every line is run in both libraries with classes made for it: ``T`` keeps a log of what arrives,
``S`` leaves all to Tensor, ``D`` is a class of its own that is no tensor.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

# ``x`` is a plain tensor, ``s`` of S, ``u`` of a class derived from S, ``o`` of another one, ``t``
# of T, ``i`` integers of T, ``d`` of D.
EVERYTHING = """
t + 1
1 + t
t - 1
1 - t
t * 2
2 * t
t / 2
t // 2
2 // t
t % 2
2 % t
t ** 2
2 ** t
t @ t
x @ t
x + t
x - t
x % t
-t
+t
abs(t)
t == 1
t != 1
t < 1
1 < t
t >= t
x == t
i & 1
1 & i
i | 1
1 | i
i ^ 1
1 ^ i
~i
i << 1
1 << i
i >> 1
1 >> i
t.__iadd__(1)
t.__isub__(1)
t.__imul__(2)
t.__itruediv__(2)
t.__ifloordiv__(2)
t.__imod__(2)
t.__ipow__(2)
i.__iand__(1)
i.__ior__(1)
i.__ixor__(1)
i.__ilshift__(1)
i.__irshift__(1)
t[0]
t[0, 1]
t[i[0] % 2]
t[:, None]
x[i % 2]
x[i % 2, 0]
t.__setitem__(0, 1)
x.__setitem__(0, t[0])
bool(t[0, 0])
float(t[0, 0])
int(t[0, 0])
i[0].__index__()
len(t)
t.shape
t.T
t.mT
t.H
t.grad
t.data
t.real
t.requires_grad
t.dtype
t.device
t.is_leaf
t.grad_fn
t._version
t._base is None
t.ndim
t.output_nr
t.itemsize
t.nbytes
t.retains_grad
setattr(t, 'requires_grad', True)
setattr(t, 'grad', None)
setattr(t, 'data', x)
delattr(t, 'grad')
t.size()
t.size(0)
t.stride()
t.numel()
t.dim()
t[0, 0].item()
t.tolist()
t.to(L.float64)
x.to(t)
t.float()
t.double()
t.type()
t.type_as(x)
x.type_as(t)
x.copy_(t)
t.detach()
t.clone()
t.contiguous()
t.is_contiguous()
t.element_size()
t.storage_offset()
t.requires_grad_()
t.zero_()
t.fill_(3)
t.sum()
t.sum(0)
t.sum(dim=0)
L.sum(t)
L.sum(t, dim=0, keepdim=True)
L.add(t, t, alpha=2)
L.add(x, t)
L.cat([t, t])
L.cat([x, t])
L.stack((t, x))
t.max(0)
L.max(t, 0)
t.unbind()
L.numel(t)
L.is_floating_point(t)
t.is_floating_point()
t.new_tensor([1.0])
t.new_zeros(2)
L.zeros_like(t)
L.neg(x, out=t)
L.where(t > 0, t, x)
t.__contains__(1)
reversed(t)
t.cpu()
t.unsqueeze(0)
t.view(4)
t.reshape(-1)
t.permute(1, 0)
t.is_inference()
t.is_signed()
t.get_device()
t.is_same_size(x)
x.is_same_size(t)
t.equal(x)
L.allclose(t, x)
L.isclose(t, t)
L.detach(t)
L.real(t)
L.result_type(t, 1)
t.is_complex()
L.relu(t)
L.relu_(t)
L.tanh(t)
t.is_shared()
t.is_set_to(t)
L.nn.functional.linear(t, x)
L.nn.functional.linear(x, t)
L.clamp(t, min=0.0)
t.masked_fill(t > 0, 0.0)
t.topk(1)
t.var(0)
L.gather(t, 0, L.zeros(1, 2, dtype=L.int64))
t.requires_grad_().sum().backward()
d + x
x + d
x - d
x @ d
x == d
x < d
x[d]
x.__setitem__(0, d)
L.add(x, d)
L.add(d, x)
L.sum(d)
L.sum(d, dim=0)
L.cat([x, d])
L.stack([d, d])
L.neg(x, out=d)
x.add_(d)
x.copy_(d)
x.type_as(d)
x.clamp(d)
L.numel(d)
L.nn.functional.linear(d, x)
L.zeros(d)
L.tensor(d)
L.add(d, t)
L.add(t, d)
s + 1
s + x
x + s
L.add(s, u)
u + s
s + u
s + o
L.add(s, o)
L.cat([s, o])
s.T
s.grad
s.data
s.detach()
s.shape
s[0]
s.max(0)
s.split(1)
s.sum()
s.tolist()
s == 1
s.float()
s.double()
L.neg(x, out=s)
L.zeros_like(s)
s.new_zeros(2)
L.where(s > 0, x, x)
[*s]
L.nn.functional.dropout(s, 0.0)
s.requires_grad_()
s.numel()
L.as_tensor(s)
L.tensor(s.tolist())
s.as_subclass(L.Tensor)
s.requires_grad_().sum().backward() or s.grad
L.autograd.grad(s.requires_grad_().sum(), s)
copy.copy(s)
p
p + 1
p + s
p.data
L.nn.Parameter(s)
L.nn.Parameter(s) + 1
isinstance(L.nn.Parameter(x), L.nn.Parameter)
q
q + 1
copy.deepcopy(q)
L.Tensor._make_subclass(S, x)
L.Tensor._make_subclass(S, x, True)
S([1.0, 2.0])
S(2, 3).shape
S(x)
L.Tensor.__torch_function__(L.add, (S,), (s, 1))
S.__torch_function__(L.add, (S,), (s, 1))
S.__torch_function__(L.add, (O,), (s, 1))
L._C._disabled_torch_function_impl(L.add, (S,), (s, 1), {})
""".strip().splitlines()


def _name(library: Any, func: Any) -> str:
    name = library.overrides.resolve_name(func)
    if name is None:
        name = getattr(func, "__name__", str(func))
    # One function of torch has several of these names.
    for one, other in (("__rdiv__", "__rtruediv__"), ("__pow__", "pow"), ("__ipow__", "pow_")):
        name = name.replace(one, other)
    return name.replace("__eq__", "eq").replace("torch.nn.functional.", "torch.")


def _shown(value: Any) -> Any:
    if isinstance(value, (pb.Tensor, torch.Tensor)):
        numbers = value.as_subclass(pb.Tensor if isinstance(value, pb.Tensor) else torch.Tensor)
        kind = type(value).__name__
        return kind, str(numbers.dtype), bool(numbers.requires_grad), numbers.tolist()
    if isinstance(value, (tuple, list)):
        return [_shown(each) for each in value]
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    return type(value).__name__


def world(library: Any) -> dict[str, Any]:
    """The names of the lines above in one of the libraries."""
    log: list[Any] = []

    def note(cls: Any, func: Any, types: Any, args: Any, kwargs: Any) -> None:
        log.append(
            (
                cls.__name__,
                _name(library, func),
                [each.__name__ for each in types],
                [type(each).__name__ for each in args],
                sorted(kwargs or {}),
            )
        )

    class T(library.Tensor):  # type: ignore[misc]
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            note(cls, func, types, args, kwargs)
            return super().__torch_function__(func, types, args, kwargs or {})

    class S(library.Tensor):  # type: ignore[misc]
        pass

    class U(S):
        pass

    class O(library.Tensor):  # type: ignore[misc]  # noqa: E742
        pass

    class Q(library.nn.Parameter):  # type: ignore[misc]
        pass

    class D:
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            note(cls, func, types, args, kwargs)
            return "D"

    x = library.tensor([[1.0, 2.0], [3.0, 4.0]])
    return {
        "L": library,
        "copy": copy,
        "x": x.clone(),
        "s": x.clone().as_subclass(S),
        "u": x.clone().as_subclass(U),
        "o": x.clone().as_subclass(O),
        "t": x.clone().as_subclass(T),
        "i": library.tensor([1, 2, 3]).as_subclass(T),
        "d": D(),
        "p": library.nn.Parameter(x.clone()),
        "q": Q(x.clone()),
        "S": S,
        "O": O,
        "log": log,
    }


def run(library: Any, line: str) -> Any:
    """What a line gives, or the kind of its error, and what arrived."""
    names = world(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome: Any = _shown(eval(line, names))
        except Exception as error:  # noqa: BLE001 - is compared
            outcome = type(error).__name__
    return outcome, names["log"]


@pytest.mark.parametrize("line", EVERYTHING)
def test_what_arrives_and_what_comes_back(line: str) -> None:
    ours, theirs = run(pb, line), run(torch, line)
    assert ours == theirs
