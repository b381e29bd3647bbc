"""Names that programs take from places of PyTorch that are not public."""

from __future__ import annotations

import functools
import subprocess
import sys
import types

import pytest

import pullback as pb
from pullback._tensor import _CONSTANTS
from pullback._vmap_internals import _vmap
from pullback.optim.lbfgs import _cubic_interpolate, _strong_wolfe


def test_lists_of_tensors_in_one_call() -> None:
    x, y = pb.ones(2, requires_grad=True), pb.full((3,), 2.0)
    doubled, squared = pb._foreach_mul([x, y], [2, 3]), pb._foreach_pow([y], 2)
    assert [each.tolist() for each in doubled] == [[2.0, 2.0], [6.0] * 3]
    assert squared[0].tolist() == [4.0] * 3
    pb._foreach_addcmul([x], [y[:2]], [x], value=3)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [7.0, 7.0]
    many = [y, pb.ones(())]
    assert pb._foreach_lerp_(many, [pb.zeros(3), pb.zeros(())], 0.5) is many
    assert [each.tolist() for each in many] == [[1.0] * 3, 0.5]


def test_lists_that_do_not_fit_change_nothing() -> None:
    x = pb.ones(2)
    with pytest.raises(RuntimeError, match="same number of tensors, got 1 and 2"):
        pb._foreach_add_([x], [x, x])
    with pytest.raises(TypeError, match=r"_foreach_add_\(\): argument 'other' must be"):
        pb._foreach_add_([x], "a")
    with pytest.raises(AttributeError, match="_foreach_fly"):
        pb._foreach_fly  # noqa: B018
    assert x.tolist() == [1.0, 1.0]


def test_histograms_have_no_gradient() -> None:
    x = pb.tensor([0.5, 1.0, 1.5, 3.0], requires_grad=True)
    found = pb.histogram(x, 2, range=(0.0, 2.0))
    assert found.hist.tolist() == [1.0, 2.0]
    assert found.bin_edges.tolist() == [0.0, 1.0, 2.0]
    assert isinstance(found, pb.return_types.histogram)
    with pytest.raises(RuntimeError, match="aten::histogram is not implemented"):
        found.hist.sum().backward()
    with pytest.raises(RuntimeError):
        pb.func.jvp(lambda t: pb.histogram(t, 2).hist, (x.detach(),), (pb.ones(4),))
    with pytest.raises(RuntimeError):
        pb.vmap(lambda t: pb.histogram(t, 2).hist)(pb.ones(3, 4))


@pytest.mark.parametrize("name", sorted(_CONSTANTS))
def test_attributes_of_all_tensors_are_descriptors(name: str) -> None:
    asked = []

    class Asks(pb.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            asked.append(func)
            return super().__torch_function__(func, types, args, kwargs)

    get = getattr(pb.Tensor, name).__get__
    assert get(pb.ones(2)) == getattr(pb.ones(2), name) == _CONSTANTS[name]
    assert getattr(pb.ones(2).as_subclass(Asks), name) == _CONSTANTS[name]
    assert get in asked
    with pytest.raises(AttributeError):
        setattr(pb.ones(2), name, True)


def test_vmap_under_its_old_path() -> None:
    assert _vmap(pb.dot)(pb.ones(3, 2), pb.ones(3, 2)).tolist() == [2.0] * 3
    x, unused = pb.ones(3, 2), pb.ones(3)
    pair = _vmap(lambda a, _: (a.sum(), None), allow_none_pass_through=True)(x, unused)
    assert pair[0].tolist() == [2.0] * 3
    assert pair[1] is None
    assert _vmap(lambda a: None, allow_none_pass_through=True)(x) is None
    assert _vmap(lambda a: a.sum(), allow_none_pass_through=True)(x).tolist() == [2.0] * 3
    with pytest.raises(ValueError, match="None"):
        _vmap(lambda a: (a.sum(), None))(x)


def test_parts_of_a_jacobian() -> None:
    inside = pb.autograd.functional
    outputs = (pb.ones(2), pb.ones(1, dtype=pb.float64))
    first, second = inside._construct_standard_basis_for(outputs, (2, 1))
    assert (first.tolist(), second.tolist()) == ([[1, 0], [0, 1], [0, 0]], [[0], [0], [1]])
    assert (first.dtype, second.dtype) == (pb.float32, pb.float64)
    assert inside._as_tuple(outputs[0], "inputs", "f") == (False, outputs[:1])
    assert inside._tuple_postprocess(((1,), (2,)), (True, False)) == (1, 2)
    assert inside._tuple_postprocess((1,), False) == 1
    kept = inside._grad_postprocess((pb.ones(1, requires_grad=True) * 2,), create_graph=False)
    assert not kept[0].requires_grad


@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d"])
def test_forward_needs_no_more_than_the_attributes(name: str) -> None:
    """Programs make functions of modules: objects with their attributes, that call forward."""
    kind = getattr(pb.nn, name)
    module = kind(1, 2, 3) if "Conv" in name else kind(2)
    bare = types.SimpleNamespace(**vars(module), **dict(module.named_parameters()))
    # Called by forward, the last two in PyTorch, too.
    for method in ("_extra", "_conv_forward", "_output_padding"):
        if hasattr(kind, method):
            setattr(bare, method, functools.partial(getattr(kind, method), bare))
    x = pb.randn(1, 1, 6, 6)
    assert pb.equal(kind.forward(bare, x), module(x))


def test_the_line_search_of_lbfgs_alone() -> None:
    def loss(x: pb.Tensor, t: float, d: pb.Tensor) -> tuple[float, pb.Tensor]:
        at = x + t * d
        return float(at.square().sum()), 2 * at

    x, d = pb.tensor([2.0, 0.0]), pb.tensor([-1.0, 0.0])
    value, grad, step, calls = _strong_wolfe(loss, x, 0.5, d, 4.0, 2 * x, pb.tensor(-4.0), c2=0.1)
    assert (value, float(step), calls) == (0.0, 2.0, 2)
    assert grad.tolist() == [0.0, 0.0]
    found = _cubic_interpolate(0.0, 4.0, pb.tensor(-4.0), 3.0, 1.0, pb.tensor(2.0))
    assert float(found) == 2.0


def test_torch_is_an_attribute_of_itself() -> None:
    code = "import torch; assert torch.torch is torch; from torch import torch as t; t.ones(2)"
    done = subprocess.run(
        [sys.executable, "-m", "pullback", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
