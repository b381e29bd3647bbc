"""Lazy modules, buffers and parameters without a shape, beside PyTorch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LAZY = {
    "LazyLinear(3)": (2, 5),
    "LazyLinear(3, bias=False)": (5,),
    "LazyConv1d(4, 3, padding=1)": (2, 3, 5),
    "LazyConv2d(4, 3, 2, 1, groups=2)": (2, 6, 5, 5),
    "LazyConv2d(4, 3, padding='same', bias=False, padding_mode='circular')": (3, 5, 5),
    "LazyConv3d(4, 2)": (2, 3, 4, 4, 4),
    "LazyConvTranspose1d(4, 3, 2, 1, 1)": (2, 3, 5),
    "LazyConvTranspose2d(4, 3, groups=2)": (2, 6, 5, 5),
    "LazyConvTranspose3d(4, 2)": (2, 3, 4, 4, 4),
    "LazyBatchNorm1d()": (4, 3),
    "LazyBatchNorm2d(momentum=None, bias=False)": (2, 3, 5, 5),
    "LazyBatchNorm3d(affine=False)": (2, 3, 2, 2, 2),
    "LazyInstanceNorm1d()": (2, 3, 5),
    "LazyInstanceNorm2d(track_running_stats=False)": (2, 3, 5, 5),
    "LazyInstanceNorm3d(0.1, affine=False)": (2, 3, 2, 2, 2),
}


def arrays(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value.detach().numpy() for key, value in state.items()}


def input_of(lib: Any, shape: tuple[int, ...]) -> Any:
    return lib.tensor(np.linspace(-1, 2, int(np.prod(shape))).reshape(shape), dtype=lib.float32)


def seen(lib: Any, text: str, shape: tuple[int, ...]) -> list[Any]:
    """What can be seen of a lazy module before and after its first call."""
    lib.manual_seed(3)
    module = eval(text, vars(lib.nn))
    found = [repr(module), type(module).__name__]
    found += [(key, type(value).__name__) for key, value in module.state_dict().items()]
    found.append(module.has_uninitialized_params())
    module(input_of(lib, shape))
    found += [repr(module), type(module).__name__, len(module._forward_pre_hooks)]
    return [found, arrays(module.state_dict())]


@pytest.mark.parametrize("text", LAZY)
def test_a_lazy_module_becomes_the_module_of_torch(text: str) -> None:
    (ours, our_state), (theirs, their_state) = (seen(lib, text, LAZY[text]) for lib in (pb, torch))
    assert ours == theirs
    assert list(our_state) == list(their_state)
    for key, value in our_state.items():
        np.testing.assert_allclose(value, their_state[key], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("text", LAZY)
def test_a_lazy_module_takes_the_shapes_of_a_state(text: str) -> None:
    """In PyTorch a norm that was loaded has no channels, and refuses the input when affine."""
    first, second = (eval(text, vars(pb.nn)) for _ in range(2))
    x = input_of(pb, LAZY[text])
    expected = first.eval()(x)
    before = type(second)
    assert repr(second.load_state_dict(first.state_dict())) == "<All keys matched successfully>"
    assert type(second) is before
    assert pb.equal(second.eval()(x), expected)
    assert type(second) is type(first)
    assert repr(second) == repr(first)


def test_the_gradients_of_a_lazy_module_arrive() -> None:
    model = pb.nn.Sequential(pb.nn.LazyLinear(3), pb.nn.ReLU(), pb.nn.LazyLinear(1))
    parameters = list(model.parameters())
    optimizer = pb.optim.SGD(parameters, lr=0.1)
    loss = model(pb.ones(4, 5)).sum()
    loss.backward()
    before = [p.detach().clone() for p in parameters]
    optimizer.step()
    assert [tuple(p.shape) for p in parameters] == [(3, 5), (3,), (1, 3), (1,)]
    assert not bool((before[3] == parameters[3]).all())
    assert next(iter(model.parameters())) is parameters[0]


def buffers_of(lib: Any) -> Any:
    class Counter(lib.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen = lib.nn.Buffer(lib.ones(2))
            self.scratch = lib.nn.Buffer(lib.zeros(1), persistent=False)
            self.scale = lib.nn.Parameter(lib.ones(1))

    return Counter()


def of_lazy(lib: Any) -> Any:
    return lib.nn.LazyLinear(3)


def two_inputs(lib: Any) -> Any:
    module = of_lazy(lib)
    module(lib.ones(1, 2))
    return module(lib.ones(1, 3))


def attribute(name: str) -> Callable[[Any], Any]:
    return lambda lib: repr(getattr(of_lazy(lib).weight, name))


def set_buffer(lib: Any) -> Any:
    module = buffers_of(lib)
    module.scratch = lib.nn.Buffer(lib.ones(3))
    module.seen = lib.ones(1)
    return list(module.state_dict()), type(module.seen) is lib.Tensor, len(module._buffers)


def buffer_over(name: str, value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def case(lib: Any) -> Any:
        module = buffers_of(lib)
        setattr(module, name, value(lib))
        setattr(module, name, lib.nn.Buffer(lib.ones(1)))
        return list(module._buffers), name in vars(module)

    return case


def materialized(kind: str, **given: Any) -> Callable[[Any], Any]:
    def case(lib: Any) -> Any:
        made = getattr(lib.nn, kind)(**given)
        text = repr(made)
        made.materialize((2, 3))
        return (
            text,
            type(made).__name__,
            tuple(made.shape),
            made.requires_grad,
            str(made.dtype)[-7:],
        )

    return case


def mine(initialize: Any) -> Callable[[Any], Any]:
    def case(lib: Any) -> Any:
        class Mine(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.weight = lib.nn.UninitializedParameter()

            def forward(self, x: Any) -> Any:
                return x @ self.weight

            if initialize is not None:
                initialize_parameters = initialize

        module = Mine()
        return (
            module(lib.ones(1, 2)).tolist(),
            type(module).__name__,
            len(module._forward_pre_hooks),
        )

    return case


def fill(self: Any, x: Any) -> None:
    self.weight.materialize((x.shape[1], 2))
    self.weight.data.fill_(3)


def nothing(self: Any, x: Any) -> None:
    pass


CASES: dict[str, Callable[[Any], Any]] = {
    **{name: attribute(name) for name in ("shape", "dtype", "grad", "data", "ndim", "is_leaf")},
    "size": lambda lib: tuple(of_lazy(lib).weight.size()),
    "repr": lambda lib: (repr(of_lazy(lib).weight), str(of_lazy(lib).weight)),
    "sum": lambda lib: of_lazy(lib).weight.sum(),
    "add": lambda lib: of_lazy(lib).weight + 1,
    "clone": lambda lib: of_lazy(lib).weight.clone(),
    "detach": lambda lib: of_lazy(lib).weight.detach(),
    "numel": lambda lib: of_lazy(lib).weight.numel(),
    "function": lambda lib: lib.exp(of_lazy(lib).weight),
    "requires_grad_": lambda lib: of_lazy(lib).weight.requires_grad_(False),
    "init": lambda lib: lib.nn.init.ones_(of_lazy(lib).weight),
    "is_floating_point": lambda lib: of_lazy(lib).weight.is_floating_point(),
    "kinds": lambda lib: (
        isinstance(of_lazy(lib).weight, lib.nn.Parameter),
        lib.nn.parameter.is_lazy(of_lazy(lib).weight),
        lib.nn.parameter.is_lazy(lib.ones(1)),
    ),
    "double": lambda lib: str(of_lazy(lib).double().weight.dtype)[-7:],
    "to": lambda lib: type(of_lazy(lib).to(lib.float64).weight).__name__,
    "share_memory": lambda lib: of_lazy(lib).share_memory(),
    "deepcopy": lambda lib: repr(copy.deepcopy(of_lazy(lib)).weight),
    "pickle": lambda lib: repr(pickle.loads(pickle.dumps(of_lazy(lib))).weight),
    "lazy into lazy": lambda lib: repr(of_lazy(lib).load_state_dict(of_lazy(lib).state_dict())),
    "lazy into not": lambda lib: lib.nn.Linear(2, 3).load_state_dict(of_lazy(lib).state_dict()),
    "nothing into lazy": lambda lib: of_lazy(lib).load_state_dict({}),
    "other channels": lambda lib: lib.nn.LazyConv2d(4, 3, groups=2)(lib.ones(1, 3, 5, 5)),
    "other dims": lambda lib: lib.nn.LazyConv2d(4, 3)(lib.ones(2, 3)),
    "batch dims": lambda lib: lib.nn.LazyBatchNorm2d()(lib.ones(2, 3)),
    "other input later": two_inputs,
    "buffers": lambda lib: (
        list(buffers_of(lib).state_dict()),
        [name for name, _ in buffers_of(lib).named_buffers()],
        type(buffers_of(lib).seen) is lib.Tensor,
    ),
    "is a buffer": lambda lib: (
        isinstance(lib.nn.Buffer(lib.ones(1)), lib.nn.Buffer),
        isinstance(lib.ones(1), lib.nn.Buffer),
        isinstance(copy.deepcopy(lib.nn.Buffer(lib.ones(1))), lib.nn.Buffer),
        isinstance(pickle.loads(pickle.dumps(lib.nn.Buffer(lib.ones(1)))), lib.nn.Buffer),
        lib.nn.Buffer(lib.ones(1), persistent=False).persistent,
        lib.nn.Buffer(lib.ones(1, requires_grad=True)).requires_grad,
        tuple(lib.nn.Buffer().shape),
    ),
    "another buffer": set_buffer,
    "buffer over parameter": buffer_over("scale", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "buffer over attribute": buffer_over("other", lambda lib: lib.ones(1)),
    "buffer over module": buffer_over("part", lambda lib: lib.nn.ReLU()),
    "materialize": materialized("UninitializedParameter", requires_grad=False),
    "materialize a buffer": materialized("UninitializedBuffer"),
    "no initialize_parameters": mine(None),
    "initialize_parameters": mine(fill),
    "initialize_parameters that does nothing": mine(nothing),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_comes_of_it(name: str) -> None:
    outcomes = []
    for lib in (pb, torch):
        try:
            outcomes.append(CASES[name](lib))
        except Exception as error:  # noqa: BLE001
            outcomes.append((type(error), str(error)[:14]))
    ours, theirs = outcomes
    assert ours == theirs or repr(ours).replace("pullback", "torch") == repr(theirs)
