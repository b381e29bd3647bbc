"""Classes lie where PyTorch has them and descend from what PyTorch's do.

Programs ask ``isinstance(m, torch.nn.modules.conv._ConvNd)`` and import private helpers: the bases
of all modules, found by walking PyTorch's, and the helpers that public programs import.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

ABSENT = {"Container", "CrossMapLRN2d"}
MODULES = sorted(
    name
    for name, each in vars(torch.nn).items()
    if isinstance(each, type) and issubclass(each, torch.nn.Module) and name not in ABSENT
)
LIBRARIES = ("pullback", "torch")


def module(library: str, tail: str) -> ModuleType:
    """``library.tail``; where ours has no such file, the package above it, as the launcher does."""
    try:
        importlib.import_module(f"{library}.{tail}")
    except ModuleNotFoundError:
        tail = tail.rpartition(".")[0]
        importlib.import_module(f"{library}.{tail}")
    return sys.modules[f"{library}.{tail}"]


def ours_of(theirs: Any) -> Any:
    space = module("pullback", theirs.__module__.partition(".")[2])
    return getattr(space, theirs.__name__, None)


@pytest.mark.parametrize("name", MODULES)
def test_a_class_descends_from_what_it_does_in_torch(name: str) -> None:
    ours, theirs = getattr(pb.nn, name), getattr(torch.nn, name)
    for base in theirs.__mro__:
        if base.__module__.startswith("torch.nn.modules"):
            found = ours_of(base)
            assert found is not None, f"{base.__module__}.{base.__name__}"
            assert issubclass(ours, found), f"{name} is no {base.__name__}"


def test_the_bases_tell_families_apart() -> None:
    conv = importlib.import_module("pullback.nn.modules.conv")
    assert isinstance(pb.nn.Conv2d(1, 1, 1), conv._ConvNd)
    assert not isinstance(pb.nn.Conv2d(1, 1, 1), conv._ConvTransposeNd)
    assert not isinstance(pb.nn.Linear(1, 1), conv._ConvNd)
    assert isinstance(pb.nn.ReLU6(), pb.nn.Hardtanh)
    assert (pb.nn.ReLU6().min_val, pb.nn.ReLU6().max_val) == (0.0, 6.0)
    assert repr(pb.nn.ReLU6(True)) == repr(torch.nn.ReLU6(True)) == "ReLU6(inplace=True)"


HELPERS = {
    "_C": ["_LinAlgError"],
    "_dynamo": ["list_backends"],
    "accelerator": ["device_index"],
    "cuda": ["CUDAGraph", "Event", "ExternalStream", "Stream", "memory_stats", "set_rng_state"],
    "distributed.autograd": ["context", "is_available"],
    "distributed.elastic.multiprocessing.errors": ["record"],
    "distributed.rpc": ["init_rpc", "is_available"],
    "distributions.utils": ["_standard_normal", "_sum_rightmost"],
    "jit": ["TracerWarning"],
    "nn._reduction": ["get_enum", "legacy_get_enum", "legacy_get_string"],
    "nn.grad": [f"conv{d}d_{by}" for d in (1, 2, 3) for by in ("input", "weight")],
    "nn.init": ["_calculate_correct_fan", "_calculate_fan_in_and_fan_out"],
    "nn.modules.linear": ["NonDynamicallyQuantizableLinear"],
    "nn.modules.module": ["_IncompatibleKeys", "_addindent"],
    "nn.modules.transformer": [
        "_generate_square_subsequent_mask",
        "_get_activation_fn",
        "_get_clones",
    ],
    "nn.modules.utils": ["_list_with_default", "_ntuple", "_pair", "_single", "_triple"],
    "nn.utils.stateless": ["_reparametrize_module"],
    "optim.optimizer": [
        "ParamsT",
        "_default_to_fused_or_foreach",
        "_disable_dynamo_if_unsupported",
        "_get_capturable_supported_devices",
        "_get_scalar_dtype",
        "_get_value",
        "_stack_if_compiling",
        "_to_scalar",
        "_use_grad_for_differentiable",
        "_view_as_real",
    ],
    "utils.checkpoint": ["get_device_states", "set_device_states"],
}


@pytest.mark.parametrize("place", HELPERS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_helpers_that_programs_import(library: str, place: str) -> None:
    space = module(library, place)
    assert space.__name__ == f"{library}.{place}"
    assert [name for name in HELPERS[place] if not hasattr(space, name)] == []


def outcome(call: Any) -> Any:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = call()
        except (ValueError, RuntimeError, AssertionError) as error:
            result = (type(error), str(error).partition(" It was made at")[0].rstrip("."))
    return result, [str(each.message) for each in said]


CALLS: dict[str, Any] = {
    "list_with_default": lambda t, m: [
        m("nn.modules.utils")._list_with_default(*args)
        for args in ((3, [1, 2]), ([None, 2], [5, 6, 7]), ([4], [8, 9]))
    ],
    "list_too_long": lambda t, m: m("nn.modules.utils")._list_with_default([1, 2], [3]),
    "addindent": lambda t, m: m("nn.modules.module")._addindent("a\n\nb\nc", 3),
    "keys": lambda t, m: repr(m("nn.modules.module")._IncompatibleKeys(["a"], [])),
    "activation": lambda t, m: m("nn.modules.transformer")._get_activation_fn("relu").__name__,
    "no_activation": lambda t, m: m("nn.modules.transformer")._get_activation_fn("tanh"),
    "clones": lambda t, m: str(m("nn.modules.transformer")._get_clones(t.nn.Linear(1, 2), 2)),
    "mask": lambda t, m: (
        m("nn.modules.transformer")._generate_square_subsequent_mask(3, dtype=t.float64).tolist()
    ),
    "fan": lambda t, m: [
        m("nn.init")._calculate_correct_fan(t.ones(2, 3, 5), mode) for mode in ("fan_in", "FAN_OUT")
    ],
    "no_fan": lambda t, m: m("nn.init")._calculate_correct_fan(t.ones(2, 3), "fan"),
    **{
        f"reduction_{size}_{reduce}": lambda t, m, size=size, reduce=reduce: (
            m("nn._reduction").legacy_get_string(size, reduce),
            m("nn._reduction").legacy_get_enum(size, reduce, emit_warning=False),
        )
        for size in (None, True, False)
        for reduce in (None, True, False)
    },
    **{
        f"enum_{name}": lambda t, m, name=name: m("nn._reduction").get_enum(name)
        for name in ("none", "mean", "sum", "elementwise_mean", "max")
    },
    "states": lambda t, m: m("utils.checkpoint").get_device_states(t.ones(1), 2),
    "set_states": lambda t, m: m("utils.checkpoint").set_device_states([], []),
    "assert_async": lambda t, m: t._assert_async(t.ones(1)),
    "assert_async_no": lambda t, m: t._assert_async(t.zeros(())),
    "assert_async_text": lambda t, m: t._assert_async(t.zeros(1), "said"),
    "assert_async_many": lambda t, m: t._assert_async(t.zeros(2), "said"),
    "device_index": lambda t, m: m("accelerator").device_index(None).__enter__(),
    "no_device_index": lambda t, m: m("accelerator").device_index(0).__enter__(),
    "optimizer_value": lambda t, m: [
        m("optim.optimizer")._get_value(x) for x in (t.ones(()), 2, 0.5)
    ],
    "optimizer_scalar": lambda t, m: [
        list(getattr(m("optim.optimizer")._to_scalar(x), "shape", [9]))
        for x in (t.ones(1), t.ones(()), 2)
    ],
    "optimizer_dtype": lambda t, m: [
        str(m("optim.optimizer")._get_scalar_dtype(fused)) for fused in (None, False, True)
    ],
    "optimizer_devices": lambda t, m: [
        m("optim.optimizer")._get_capturable_supported_devices(xla) for xla in (True, False)
    ],
    "volatile": lambda t, m: t.autograd.Variable(t.ones(1), volatile=True).tolist(),
    "volatile_leaf": lambda t, m: t.autograd.Variable(t.ones(1), True, True),
    "memory_stats": lambda t, m: dict(t.cuda.memory_stats()),
}


@pytest.mark.parametrize("name", CALLS)
def test_helpers_answer_as_torchs(name: str) -> None:
    answers = []
    for library, t in zip(LIBRARIES, (pb, torch), strict=True):
        answers.append(
            outcome(lambda t=t, library=library: CALLS[name](t, lambda p: module(library, p)))
        )
    assert answers[0] == answers[1]


def test_complex_parameters_as_pairs() -> None:
    found = []
    for library, t in zip(LIBRARIES, (pb, torch), strict=True):
        params, grads = [t.ones(2), t.tensor([1 + 2j])], [t.ones(2), t.tensor([3j])]
        module(library, "optim.optimizer")._view_as_real(params, grads)
        found.append([x.tolist() for x in (*params, *grads)])
    assert found[0] == found[1]


def test_a_step_is_recorded_where_the_optimizer_says_so() -> None:
    for library, t in zip(LIBRARIES, (pb, torch), strict=True):
        recorded = module(library, "optim.optimizer")._use_grad_for_differentiable

        class Optimizer:
            def __init__(self, differentiable: bool) -> None:
                self.defaults = {"differentiable": differentiable}

            step = recorded(lambda self, t=t: t.is_grad_enabled())

        assert [Optimizer(flag).step() for flag in (True, False)] == [True, False]


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(
    "settings", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}]
)
def test_gradients_of_convolutions(dims: int, settings: dict[str, int]) -> None:
    rng = np.random.default_rng(dims)
    x = rng.normal(size=(2, 4, *[7] * dims))
    weight = rng.normal(size=(6, 4 // settings.get("groups", 1), *[3] * dims))
    found = []
    for library, t in zip(LIBRARIES, (pb, torch), strict=True):
        grad = module(library, "nn.grad")
        inputs = [t.tensor(a, requires_grad=True) for a in (x, weight)]
        conv = getattr(t.nn.functional, f"conv{dims}d")
        given = t.cos(conv(*inputs, **settings))
        by_input, by_weight = (
            getattr(grad, f"conv{dims}d_{by}")(*args, given, **settings)
            for by, args in (
                ("input", (x.shape, inputs[1])),
                ("weight", (inputs[0], weight.shape)),
            )
        )
        second = t.autograd.grad((by_input**2).sum() + (by_weight**2).sum(), inputs)
        with t.no_grad():
            plain = getattr(grad, f"conv{dims}d_input")(x.shape, inputs[1], given, **settings)
        assert not plain.requires_grad
        found.append([a.detach().numpy() for a in (by_input, by_weight, *second, plain)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_what_lies_on_a_gpu_cannot_be_made() -> None:
    for name in ("Stream", "Event", "CUDAGraph", "MemPool", "ExternalStream"):
        assert not isinstance(pb.ones(1), getattr(pb.cuda, name))
        with pytest.raises(AssertionError, match="not compiled with CUDA"):
            getattr(pb.cuda, name)()
    with pytest.raises(RuntimeError, match="got devices"):
        module("pullback", "utils.checkpoint").set_device_states([0], [pb.ones(1)])


def test_a_module_with_other_tensors_for_a_while() -> None:
    stateless = module("pullback", "nn.utils.stateless")
    layer = pb.nn.Linear(1, 1)
    own = layer.weight
    with stateless._reparametrize_module(layer, {"weight": pb.full((1, 1), 3.0)}):
        assert layer(pb.ones(1, 1)).item() == pytest.approx(3 + layer.bias.item())
    assert layer.weight is own
