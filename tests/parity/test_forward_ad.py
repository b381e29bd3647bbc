"""autograd.forward_ad beside PyTorch: the same program in both, values, tangents and refusals.

A program is a function of the library ``t`` and its module ``F``. Those of ``INSIDE`` run in a
level and get a dual tensor, too. What is compared: the outcome, or the type of the exception and
the beginning of its message.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
import pullback.autograd.forward_ad
import pullback.utils.checkpoint

torch = pytest.importorskip("torch")
pytest.importorskip("torch.autograd.forward_ad")
pytest.importorskip("torch.utils.checkpoint")

pytestmark = pytest.mark.filterwarnings("ignore")
Program = Callable[..., Any]


def X(t: Any) -> Any:
    return t.tensor([1.0, 2.0, 3.0], dtype=t.float64)


def V(t: Any) -> Any:
    return t.tensor([0.5, -1.0, 2.0], dtype=t.float64)


def level_keyword(t: Any, F: Any) -> Any:
    level = F.enter_dual_level()
    tangent = F.unpack_dual(F.make_dual(X(t), V(t), level=level), level=level).tangent
    F.exit_dual_level(level=level)
    return level, tangent


def exit_of_another(t: Any, F: Any) -> Any:
    level = F.enter_dual_level()
    try:
        F.exit_dual_level(level=level + 1)
    finally:
        F.exit_dual_level()


def entered_twice(t: Any, F: Any) -> Any:
    F.enter_dual_level()
    try:
        F.enter_dual_level()
    finally:
        F.exit_dual_level()


def nested(t: Any, F: Any) -> Any:
    with F.dual_level(), F.dual_level():
        return 1


def decorated(t: Any, F: Any) -> Any:
    @F.dual_level()
    def tripled() -> Any:
        return F.unpack_dual(F.make_dual(X(t), V(t)) * 3)

    return tripled(), tripled()


def after_the_level(t: Any, F: Any) -> Any:
    with F.dual_level():
        dual = F.make_dual(X(t), V(t))
    with F.dual_level():
        return F.unpack_dual(dual)


def after_an_exception(t: Any, F: Any) -> Any:
    try:
        with F.dual_level():
            raise ValueError
    except ValueError:
        return F.enter_dual_level(), F.exit_dual_level()


def inside_func_grad(t: Any, F: Any) -> Any:
    def slope(x: Any) -> Any:
        with F.dual_level():
            return F.unpack_dual((F.make_dual(x, V(t)) ** 3).sum()).tangent

    return t.func.grad(slope)(X(t))


OUTSIDE: dict[str, Program] = {
    "make_dual without a level": lambda t, F: F.make_dual(X(t), V(t)),
    "make_dual with a negative level": lambda t, F: F.make_dual(X(t), V(t), level=-1),
    "unpack_dual without a level": lambda t, F: F.unpack_dual(X(t)),
    "exit without a level": lambda t, F: F.exit_dual_level(),
    "fields": lambda t, F: F.UnpackedDualTensor._fields,
    **{
        f.__name__.replace("_", " "): f
        for f in (
            level_keyword,
            exit_of_another,
            entered_twice,
            nested,
            decorated,
            after_the_level,
            after_an_exception,
            inside_func_grad,
        )
    },
}


def written_through_a_view(t: Any, F: Any, d: Any) -> Any:
    d[1:].mul_(3.0)
    return F.unpack_dual(d)


def view_of_what_is_written(t: Any, F: Any, d: Any) -> Any:
    view = d[1:]
    d.mul_(2)
    return F.unpack_dual(view)


def base_of_what_is_written(t: Any, F: Any, d: Any) -> Any:
    base = t.zeros(4, dtype=t.float64)
    view = base[1:]
    view.copy_(d)
    base[2] = 7.0
    return F.unpack_dual(base), F.unpack_dual(view)


def the_primal_is_shared(t: Any, F: Any, d: Any) -> Any:
    x = X(t)
    dual = F.make_dual(x, V(t))
    x.mul_(2)
    return F.unpack_dual(dual)


def the_tangent_is_shared(t: Any, F: Any, d: Any) -> Any:
    v = V(t)
    dual = F.make_dual(X(t), v)
    v.mul_(2)
    return F.unpack_dual(dual), F.unpack_dual(dual).tangent is v


def detached_in_place(t: Any, F: Any, d: Any) -> Any:
    y = d * 1
    y.detach_()
    return F.unpack_dual(y)


def other_data(t: Any, F: Any, d: Any) -> Any:
    d.data = X(t) * 2
    return F.unpack_dual(d)


def in_a_mode(mode: str) -> Program:
    def program(t: Any, F: Any, d: Any) -> Any:
        with getattr(t, mode)():
            return F.unpack_dual(d * 2), F.unpack_dual(F.make_dual(X(t), V(t)))

    return program


def switched_off(t: Any, F: Any, d: Any) -> Any:
    with F._set_fwd_grad_enabled(False):
        return F.unpack_dual(d * 2)


def reverse_over_forward(t: Any, F: Any, d: Any) -> Any:
    v = V(t).requires_grad_()
    x = X(t).requires_grad_()
    slope = F.unpack_dual((F.make_dual(x, v) ** 3).sum()).tangent
    return t.autograd.grad(slope, (x, v))


def forward_over_reverse(create_graph: bool) -> Program:
    def program(t: Any, F: Any, d: Any) -> Any:
        x = X(t).requires_grad_()
        (g,) = t.autograd.grad((F.make_dual(x, V(t)) ** 3).sum(), x, create_graph=create_graph)
        return F.unpack_dual(g)

    return program


def forward_over_backward(t: Any, F: Any, d: Any) -> Any:
    x = X(t).requires_grad_()
    (F.make_dual(x, V(t)) ** 3).sum().backward()
    return F.unpack_dual(x.grad)


def a_dual_seed(t: Any, F: Any, d: Any) -> Any:
    x = X(t).requires_grad_()
    return [F.unpack_dual(g) for g in t.autograd.grad(x**2, x, d)]


def in_place_into_what_is_recorded(t: Any, F: Any, d: Any) -> Any:
    x = X(t).requires_grad_()
    y = x * 1
    y.mul_(d)
    (g,) = t.autograd.grad(y.sum(), x, create_graph=True)
    return F.unpack_dual(g), F.unpack_dual(y)


def a_checkpoint(t: Any, F: Any, d: Any) -> Any:
    x = X(t).requires_grad_()
    dual = F.make_dual(x, V(t))
    y = t.utils.checkpoint.checkpoint(lambda x: x.sin() * x, dual, use_reentrant=False)
    tangent = F.unpack_dual(y).tangent
    return tangent, t.autograd.grad(y.sum(), x)


def a_parameter(t: Any, F: Any, d: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    del layer.weight
    layer.weight = F.make_dual(t.ones(2, 2), t.ones(2, 2))
    return F.unpack_dual(layer(t.ones(2))).tangent


INSIDE: dict[str, Program] = {
    "a product": lambda t, F, d: F.unpack_dual(d * d),
    "no dual": lambda t, F, d: F.unpack_dual(X(t)),
    "not a tensor": lambda t, F, d: F.unpack_dual(3),
    "a level that is none": lambda t, F, d: F.make_dual(X(t), V(t), level=1),
    "unpacked at no level": lambda t, F, d: F.unpack_dual(d, level=3),
    "other shapes": lambda t, F, d: F.make_dual(X(t), V(t)[:2]),
    "other dtypes": lambda t, F, d: F.make_dual(X(t), V(t).float()),
    "integers": lambda t, F, d: F.make_dual(t.tensor([1]), t.tensor([1.0])),
    "an integer tangent": lambda t, F, d: F.make_dual(X(t), t.tensor([1, 2, 3])),
    "a dual primal": lambda t, F, d: F.make_dual(d, V(t)),
    "a dual tangent": lambda t, F, d: F.make_dual(X(t), d),
    "printed": lambda t, F, d: repr(d),
    "printed unpacked": lambda t, F, d: repr(F.unpack_dual(d)),
    "memory": lambda t, F, d: F.unpack_dual(d).primal.data_ptr() == d.data_ptr(),
    "of a leaf": lambda t, F, d: F.make_dual(X(t).requires_grad_(), V(t)).is_leaf,
    "into a constant": lambda t, F, d: F.unpack_dual(t.zeros(3, dtype=t.float64).add_(d)),
    "zeroed": lambda t, F, d: F.unpack_dual(d.zero_()),
    "filled": lambda t, F, d: F.unpack_dual(d.fill_(3.0)),
    "overwritten": lambda t, F, d: F.unpack_dual(d.copy_(X(t))),
    "into a leaf": lambda t, F, d: X(t).requires_grad_().add_(d),
    "cut off": lambda t, F, d: [F.unpack_dual(y) for y in (d.detach(), d.clone(), d.data)],
    "no_grad": in_a_mode("no_grad"),
    "inference_mode": in_a_mode("inference_mode"),
    "joined": lambda t, F, d: F.unpack_dual(t.cat([X(t), d, t.stack([d, d]).sum(0)])),
    "chosen": lambda t, F, d: F.unpack_dual(t.where(d > 1.5, d, X(t))),
    "other dtypes as results": lambda t, F, d: [
        F.unpack_dual(y) for y in (d.argmax(), d > 1, d.long(), d.float())
    ],
    "sorted": lambda t, F, d: [F.unpack_dual(y) for y in d.sort(descending=True)],
    "out=": lambda t, F, d: t.add(d, d, out=t.zeros(3, dtype=t.float64)),
    "values": lambda t, F, d: (d.sum().item(), d.tolist(), len(d), d.numpy().tolist()),
    "its elements": lambda t, F, d: [F.unpack_dual(e).tangent for e in d],
    "a copy": lambda t, F, d: F.unpack_dual(copy.deepcopy(d)),
    "func.grad": lambda t, F, d: F.unpack_dual(t.func.grad(lambda x: (x**3).sum())(d)),
    "func.vmap": lambda t, F, d: F.unpack_dual(t.func.vmap(lambda x: x**3)(d)),
    "numbers": lambda t, F, d: [F.unpack_dual(y) for y in (d * 2, 2 / d, d**2, 2**d)],
    "without dimensions": lambda t, F, d: F.unpack_dual(
        F.make_dual(t.tensor(2.0), t.tensor(3.0)).exp()
    ),
    "empty": lambda t, F, d: F.unpack_dual(F.make_dual(t.zeros(0), t.zeros(0)).sum()),
    "an expanded tangent": lambda t, F, d: F.unpack_dual(
        F.make_dual(t.ones(2, 3), t.ones(1).expand(2, 3)).mul_(2)
    ),
    "forward over reverse": forward_over_reverse(False),
    "forward over recorded reverse": forward_over_reverse(True),
    **{
        f.__name__.replace("_", " "): f
        for f in (
            written_through_a_view,
            view_of_what_is_written,
            base_of_what_is_written,
            the_primal_is_shared,
            the_tangent_is_shared,
            detached_in_place,
            other_data,
            switched_off,
            reverse_over_forward,
            forward_over_backward,
            a_dual_seed,
            in_place_into_what_is_recorded,
            a_checkpoint,
            a_parameter,
        )
    },
}


def plain(t: Any, value: Any) -> Any:
    if isinstance(value, t.Tensor):
        dtype = str(value.dtype).split(".")[-1]
        return dtype, value.requires_grad, np.array(value.detach().numpy())
    if isinstance(value, (tuple, list)):
        return [plain(t, each) for each in value]
    return value


def outcome(t: Any, program: Callable[[], Any]) -> Any:
    try:
        return "returns", plain(t, program())
    except Exception as error:  # noqa: BLE001 - whatever it is, the other must raise it too
        words = str(error).replace("pullback", "torch").split(". ")[0]
        return type(error).__name__, words[:70].rstrip(".")


def compare(a: Any, b: Any) -> None:
    if isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), f"{a} and {b}"
        for one, other in zip(a, b, strict=True):
            compare(one, other)
    else:
        assert a == b


@pytest.mark.parametrize("name", OUTSIDE)
def test_levels(name: str) -> None:
    program = OUTSIDE[name]
    ours = outcome(pb, lambda: program(pb, pb.autograd.forward_ad))
    theirs = outcome(torch, lambda: program(torch, torch.autograd.forward_ad))
    compare(ours, theirs)


@pytest.mark.parametrize("name", INSIDE)
def test_duals(name: str) -> None:
    program = INSIDE[name]

    def run(t: Any) -> Any:
        F = t.autograd.forward_ad
        with F.dual_level():
            return outcome(t, lambda: program(t, F, F.make_dual(X(t), V(t))))

    compare(run(pb), run(torch))


def test_a_write_of_a_dual_into_itself() -> None:
    """Where PyTorch reads what it has just overwritten."""
    F = pb.autograd.forward_ad
    with F.dual_level():
        dual = F.make_dual(X(pb), V(pb))
        dual.mul_(dual)
        assert F.unpack_dual(dual).tangent.tolist() == (2 * X(pb) * V(pb)).tolist()


def test_inference_mode_switches_tangents_off_and_on() -> None:
    seen = []
    for lib in (pb, torch):
        forward_ad = lib.autograd.forward_ad
        enabled = forward_ad._is_fwd_grad_enabled
        found = [enabled()]
        with lib.inference_mode():
            found.append(enabled())
            with lib.inference_mode(False):
                found.append(enabled())
            with forward_ad._set_fwd_grad_enabled(True), lib.enable_grad():
                found.append(enabled())
            found.append(enabled())
        with forward_ad._set_fwd_grad_enabled(False):
            with lib.inference_mode(False):
                found.append(enabled())
            found.append(enabled())
        seen.append([*found, enabled()])
    assert seen[0] == seen[1] == [True, False, True, True, False, True, False, True]
