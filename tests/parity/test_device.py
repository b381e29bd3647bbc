"""Devices that are there and that are not, beside torch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

MADE: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("cpu",), {}),
    (("cuda",), {}),
    (("cuda:0",), {}),
    (("cuda", 1), {}),
    (("cpu", 1), {}),
    (("cpu:3",), {}),
    (("mps",), {}),
    (("meta",), {}),
    (("xla:1",), {}),
    (("privateuseone",), {}),
    ((b"cpu",), {}),
    (("cuda", None), {}),
    ((), {"type": "cuda", "index": 2}),
    ((), {"type": "cpu"}),
    ((), {"device": "cuda:1"}),
    ((), {"index": 1, "type": "mps"}),
]
REFUSED: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((None,), {}),
    ((1.0,), {}),
    ((True,), {}),
    ((0,), {}),
    ((-1,), {}),
    (("",), {}),
    (("foo",), {}),
    (("CPU",), {}),
    (("cpu:",), {}),
    (("cpu:x",), {}),
    (("cpu:01",), {}),
    (("cpu:0:1",), {}),
    (("cuda:-1",), {}),
    (("cuda:1", 1), {}),
    (("cuda", -1), {}),
    (("cuda", "0"), {}),
    (("cuda", 1.0), {}),
    ((), {"type": "cpu:0"}),
    ((), {"index": 1}),
    ((), {"wrong": 1}),
]


@pytest.mark.parametrize("case", MADE, ids=str)
def test_a_device(case: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    args, kwargs = case
    ours, theirs = pb.device(*args, **kwargs), torch.device(*args, **kwargs)
    assert (ours.type, ours.index) == (theirs.type, theirs.index)
    assert (repr(ours), str(ours)) == (repr(theirs), str(theirs))
    assert pickle.loads(pickle.dumps(ours)) == ours == copy.deepcopy(ours) == pb.device(ours)
    assert hash(pickle.loads(pickle.dumps(ours))) == hash(ours)
    assert [ours == pb.device(*a, **k) for a, k in MADE] == [
        theirs == torch.device(*a, **k) for a, k in MADE
    ]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_is_no_device(case: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    args, kwargs = case
    with pytest.raises(Exception) as theirs:
        torch.device(*args, **kwargs)
    with pytest.raises(theirs.type):
        pb.device(*args, **kwargs)


def test_comparison_with_other_objects() -> None:
    for lib in (pb, torch):
        cpu = lib.device("cpu")
        assert cpu != "cpu"
        assert cpu != lib.device("cpu:0")
        assert {cpu: 1}[lib.device("cpu")] == 1
        assert isinstance(lib.ones(1).device, lib.device)
        with pytest.raises(TypeError):
            _ = cpu < cpu


USES: dict[str, Callable[[Any, Any], Any]] = {
    "zeros": lambda t, d: t.zeros(1, device=d),
    "arange": lambda t, d: t.arange(3, device=d),
    "rand": lambda t, d: t.rand(1, device=d).shape,
    "zeros_like": lambda t, d: t.zeros_like(t.ones(1), device=d),
    "new_zeros": lambda t, d: t.ones(1).new_zeros(1, device=d),
    "tensor": lambda t, d: t.tensor([1.0], device=d),
    "new_tensor": lambda t, d: t.ones(1).new_tensor([1.0], device=d),
    "as_tensor": lambda t, d: t.as_tensor([1.0], device=d),
    "to": lambda t, d: t.ones(1).to(d),
    "to, device=": lambda t, d: t.ones(1).to(device=d),
    "to, dtype": lambda t, d: t.ones(1).to(d, t.float64),
    "Module.to": lambda t, d: t.nn.Linear(1, 1).to(d).bias.shape,
    "Linear": lambda t, d: t.nn.Linear(1, 1, device=d).bias.shape,
}
NAMES = [
    "cpu",
    "cpu:0",
    "cpu:1",
    "cuda",
    "cuda:0",
    "mps",
    "xpu",
    "xla",
    "vulkan",
    "foo",
    "",
    "cuda:x",
]


@pytest.mark.parametrize("use", USES)
def test_use(use: str) -> None:
    def outcome(t: Any, device: Any) -> Any:
        try:
            return repr(USES[use](t, device))
        except Exception as error:  # noqa: BLE001 - the type is compared
            return type(error).__name__

    for name in NAMES:
        assert outcome(pb, name) == outcome(torch, name), name
        if name in NAMES[:9]:
            assert outcome(pb, pb.device(name)) == outcome(torch, torch.device(name)), name
    for wrong in (3, 1.0, [], True):
        if not (use.startswith(("to", "Module")) and isinstance(wrong, float | bool)):
            assert outcome(pb, wrong) == outcome(torch, wrong), wrong


def test_what_a_refusal_says() -> None:
    with pytest.raises(AssertionError, match=r"Torch not compiled with CUDA enabled.*zeros\(\)"):
        pb.zeros(1, device="cuda")
    with pytest.raises(NotImplementedError, match=r"'mps'.*expected 'cpu'"):
        pb.zeros(1, device=pb.device("mps"))


def test_a_device_as_context() -> None:
    for lib in (pb, torch):
        with lib.device("cpu") as device:
            assert lib.zeros(1).device == device
    with pytest.raises(AssertionError, match="CUDA"), pb.device("cuda"):
        pass
