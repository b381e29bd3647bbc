"""Casts, facade methods and top-level names side by side with torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


def outcome(call: Callable[[Any], Any], lib: Any) -> str:
    """What the call prints as, or the type of what it raises."""
    try:
        return repr(call(lib))
    except Exception as error:  # noqa: BLE001 - the type is compared
        return type(error).__name__


def same(call: Callable[[Any], Any]) -> None:
    assert outcome(call, pb) == outcome(call, torch)


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_casts(source: str, target: str) -> None:
    def cast(lib: Any) -> Any:
        x = lib.tensor([0, 1, 2, 100], dtype=getattr(lib, source))
        return x.to(getattr(lib, target))

    same(cast)


def test_cast_values_at_the_edges() -> None:
    for values in ([1.9, -1.9, 0.5], [0.0, -0.0, 3.0]):
        for target in ("int32", "int64", "bool", "float32"):
            same(lambda lib, v=values, t=target: lib.tensor(v).to(getattr(lib, t)))
    same(lambda lib: lib.tensor([300, 256]).byte())


METHODS = [
    lambda lib, x: x.to(lib.float64),
    lambda lib, x: x.to("cpu"),
    lambda lib, x: x.to("cpu", lib.float64),
    lambda lib, x: x.to("cpu", lib.float64, True, True),
    lambda lib, x: x.to(None, lib.int32),
    lambda lib, x: x.to(lib.ones(1, dtype=lib.int64)),
    lambda lib, x: x.to(dtype=lib.float64, device="cpu", non_blocking=True),
    lambda lib, x: x.to(lib.float32, copy=True),
    lambda lib, x: x.to(float),
    lambda lib, x: x.to(dtype=3),
    lambda lib, x: x.to(lib.float32, 3),
    lambda lib, x: x.to(lib.float32, wrong=3),
    lambda lib, x: x.type(),
    lambda lib, x: x.long().type(),
    lambda lib, x: x.type(lib.float64),
    lambda lib, x: x.type("torch.LongTensor"),
    lambda lib, x: x.type("LongTensor"),
    lambda lib, x: x.type(3),
    lambda lib, x: x.type_as(lib.ones(1, dtype=lib.float64)),
    lambda lib, x: x.type_as(3),
    lambda lib, x: x.float(),
    lambda lib, x: x.double(),
    lambda lib, x: x.int(),
    lambda lib, x: x.long(),
    lambda lib, x: x.bool(),
    lambda lib, x: x.byte(),
    lambda lib, x: x.cpu(),
    lambda lib, x: x.cuda(),
    lambda lib, x: (x.is_cuda, x.is_cpu, x.is_sparse, x.is_quantized, x.layout, x.device),
    lambda lib, x: (x.is_complex(), x.is_signed(), x.byte().is_signed(), x.get_device()),
    lambda lib, x: (x.is_contiguous(), x.t().is_contiguous(), x.t().contiguous().stride()),
    lambda lib, x: x.t().clone().stride(),
    lambda lib, x: x.t().clone(memory_format=lib.contiguous_format).stride(),
    lambda lib, x: x.t().to(lib.float64, memory_format=lib.contiguous_format).stride(),
    lambda lib, x: lib.zeros_like(x.t(), memory_format=lib.contiguous_format).stride(),
    lambda lib, x: lib.ones_like(x.t()).stride(),
    lambda lib, x: lib.zeros(2, layout=lib.strided),
    lambda lib, x: x.new_tensor([1, 2]),
    lambda lib, x: x.new_tensor([1.0, 2.0], dtype=lib.int32),
    lambda lib, x: x.new_tensor([1.0], requires_grad=True),
    lambda lib, x: x.new_tensor([1], dtype=lib.int32, requires_grad=True),
    lambda lib, x: x.clone().copy_(lib.ones(3)),
    lambda lib, x: x.clone().copy_(lib.ones(2)),
    lambda lib, x: lib.ones(3).copy_(x),
    lambda lib, x: x.clone().copy_(2),
    lambda lib, x: x.clone().copy_("a"),
    lambda lib, x: x.clone().copy_(lib.tensor([[True], [False]])),
    lambda lib, x: x.clone().fill_(2),
    lambda lib, x: x.clone().fill_(lib.tensor(2)),
    lambda lib, x: x.clone().fill_(lib.ones(2)),
    lambda lib, x: lib.fill(x, 2.5),
    lambda lib, x: x.clone().zero_(),
    lambda lib, x: x.t().clone().zero_().stride(),
    lambda lib, x: (x.element_size(), x.nelement(), len(x), bool(x[0, 1])),
    lambda lib, x: lib.is_tensor(x),
    lambda lib, x: (lib.is_floating_point(x), lib.is_complex(x), lib.numel(x)),
    lambda lib, x: lib.typename(x),
    lambda lib, x: lib.typename(3),
    lambda lib, x: lib.get_default_device(),
    lambda lib, x: (lib.contiguous_format, lib.preserve_format, lib.channels_last, lib.strided),
    lambda lib, x: (lib.inf, lib.nan, lib.pi, lib.e),
    lambda lib, x: lib.cuda.is_available(),
    lambda lib, x: lib.manual_seed(-1).initial_seed(),
    lambda lib, x: (lib.manual_seed(7), lib.initial_seed())[1],
    lambda lib, x: lib.manual_seed(2**64),
    lambda lib, x: lib.set_num_threads(0),
    lambda lib, x: lib.set_num_threads("a"),
    lambda lib, x: lib.tensor(None),
    lambda lib, x: lib.tensor("a"),
    lambda lib, x: lib.tensor(["a"]),
    lambda lib, x: lib.asarray([1, 2], dtype=lib.float32),
    lambda lib, x: lib.asarray(x) is x,
    lambda lib, x: lib.asarray([1.0], copy=False),
    lambda lib, x: lib.asarray(x, dtype=lib.int32, copy=False),
    lambda lib, x: lib.asarray(x, requires_grad=True),
    lambda lib, x: lib.as_tensor(x) is x,
    lambda lib, x: lib.as_tensor([1, 2], dtype=lib.float32),
    lambda lib, x: lib.as_tensor(x, dtype=lib.int32),
    lambda lib, x: lib.frombuffer(bytearray(b"abcdefgh"), dtype=lib.int32),
    lambda lib, x: lib.frombuffer(bytearray(b"abcdefgh"), dtype=lib.int32, offset=4, count=1),
    lambda lib, x: lib.frombuffer(bytearray(b"abcdefgh"), dtype=lib.int32, offset=3),
    lambda lib, x: lib.frombuffer(bytearray(b"abcdefgh"), dtype=lib.int32, offset=8),
    lambda lib, x: lib.frombuffer(bytearray(b"abcdefgh"), dtype=lib.int32, offset=4, count=2),
    lambda lib, x: lib.frombuffer(bytearray(), dtype=lib.int32),
    lambda lib, x: (lib.finfo(lib.float32), lib.finfo(lib.float64), lib.finfo()),
    lambda lib, x: (lib.iinfo(lib.uint8), lib.iinfo(lib.int32), lib.iinfo(lib.int64)),
    lambda lib, x: lib.finfo(lib.int32),
    lambda lib, x: lib.iinfo(lib.float32),
    lambda lib, x: lib.iinfo(lib.bool),
    lambda lib, x: lib.finfo(3),
    lambda lib, x: lib.iinfo(),
]


@pytest.mark.parametrize("call", METHODS, ids=range(len(METHODS)))
def test_same_result_or_error(call: Callable[[Any, Any], Any]) -> None:
    same(lambda lib: call(lib, lib.tensor([[0.0, 1.5, 2.5], [3.5, 4.5, 5.5]])))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"]
)
def test_finfo(dtype: str, name: str) -> None:
    ours, theirs = pb.finfo(getattr(pb, dtype)), torch.finfo(getattr(torch, dtype))
    assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
@pytest.mark.parametrize("name", ["bits", "max", "min", "dtype"])
def test_iinfo(dtype: str, name: str) -> None:
    ours, theirs = pb.iinfo(getattr(pb, dtype)), torch.iinfo(getattr(torch, dtype))
    assert getattr(ours, name) == getattr(theirs, name)


HISTORIES = [
    lambda lib, x: (x * 1).copy_(x.detach()),
    lambda lib, x: lib.zeros(2, 3).copy_(x[0]),
    lambda lib, x: lib.zeros(2, 3, dtype=lib.float32).copy_(x),
    lambda lib, x: lib.zeros(2, 3, dtype=lib.int64).copy_(x),
    lambda lib, x: (x * 1).fill_(2.0),
    lambda lib, x: (x * 1).fill_(x[0, 0]),
    lambda lib, x: lib.zeros(2).fill_(x[1, 1]),
    lambda lib, x: lib.fill(x, 2.0),
    lambda lib, x: lib.fill(x, x[0, 0]),
    lambda lib, x: (x * 1).zero_(),
    lambda lib, x: x.to(lib.float32),
    lambda lib, x: x.to(lib.float64, copy=True),
    lambda lib, x: x.float(),
    lambda lib, x: x.type_as(lib.zeros(1)),
    lambda lib, x: x.to(lib.int64),
    lambda lib, x: x.t().clone(memory_format=lib.contiguous_format),
    lambda lib, x: x.t().contiguous(),
]


@pytest.mark.parametrize("call", HISTORIES, ids=range(len(HISTORIES)))
def test_same_history_and_gradient(call: Callable[[Any, Any], Any]) -> None:
    seen = []
    for lib in (pb, torch):
        x = lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=lib.float64, requires_grad=True)
        y = call(lib, x)
        name = y.grad_fn and y.grad_fn.name().removeprefix("torch::autograd::")
        if y.requires_grad:
            (y * y).sum().backward()
        seen.append((name, repr(y.detach()), x.grad if x.grad is None else x.grad.tolist()))
    assert seen[0] == seen[1]


def test_same_refusals_to_write() -> None:
    for write in ("copy_", "fill_", "zero_"):

        def call(lib: Any, write: str = write) -> Any:
            x = lib.ones(2, requires_grad=True)
            arguments = {"copy_": (lib.zeros(2),), "fill_": (0.0,), "zero_": ()}[write]
            return getattr(x, write)(*arguments)

        same(call)
        for lib in (pb, torch):
            with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
                call(lib)
            with lib.no_grad():
                call(lib)


BAD_ARRAYS = [
    np.array(["a"]),
    np.array([None]),
    np.array(["2020"], dtype="M8[D]"),
    np.ones(2, dtype=">f8"),
    np.arange(3)[::-1],
    [1.0],
    np.zeros(2, dtype="f8,i4")["f0"],
]


@pytest.mark.parametrize("array", BAD_ARRAYS, ids=range(len(BAD_ARRAYS)))
def test_same_refusals_of_arrays(array: Any) -> None:
    messages = []
    for lib in (pb, torch):
        with pytest.raises((TypeError, ValueError)) as caught:
            lib.from_numpy(array)
        messages.append((caught.type, str(caught.value).split(". The only")[0].strip()))
    assert messages[0] == messages[1]
