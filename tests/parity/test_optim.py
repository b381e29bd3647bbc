"""Optimizers compared with PyTorch: the same numbers, step by step, from the same start."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

SHAPES = [(4, 3), (3,), (), (2, 0)]

SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.001, "momentum": 0.5, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.7, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.01, "maximize": True, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.7}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.7, "centered": True, "weight_decay": 0.05}),
    ("RMSprop", {"lr": 0.001, "centered": True, "maximize": True, "foreach": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.2, "lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.2, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 3.0, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.4, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.95), "momentum_decay": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("NAdam", {"lr": 0.01, "momentum_decay": 0, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 4, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.001, "t0": 0, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.15)}),
    ("Rprop", {"lr": 0.001, "maximize": True}),
]


def start(dtype: str) -> tuple[list[Any], list[Any]]:
    torch.manual_seed(0)
    theirs = [torch.randn(shape, dtype=getattr(torch, dtype)) for shape in SHAPES]
    ours = [pb.tensor(t.tolist(), dtype=getattr(pb, dtype)).reshape(tuple(t.shape)) for t in theirs]
    return [p.requires_grad_() for p in ours], [p.requires_grad_() for p in theirs]


def loss_of(params: list[Any]) -> Any:
    a, b, c, d = params
    return ((a * b).sin() * c).sum() + (c * c).cos() + (b**3).sum() * 0.1 + d.sum()


def assert_close(ours: Any, theirs: Any, dtype: str) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
    tol = 1e-13 if dtype == "float64" else 1e-6
    ours = torch.tensor(ours.tolist(), dtype=torch.float64).reshape(theirs.shape)
    torch.testing.assert_close(ours, theirs.detach().double(), rtol=tol, atol=tol)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
def test_step_by_step(name: str, settings: dict[str, Any], dtype: str) -> None:
    ours, theirs = start(dtype)
    mine = getattr(pb.optim, name)(ours, **settings)
    other = getattr(torch.optim, name)(theirs, **settings)
    assert repr(mine) == repr(other)
    for step in range(20):
        mine.zero_grad()
        other.zero_grad()
        loss_of(ours).backward()
        loss_of(theirs).backward()
        if dtype == "float32":
            # A last bit of a sine would grow over the steps: here both get the same gradients.
            for p, q in zip(ours, theirs, strict=True):
                p.grad = pb.tensor(q.grad.tolist(), dtype=pb.float32).reshape(p.shape)
        if step == 3:
            # From here on with a parameter that has no gradient.
            ours[1].grad = theirs[1].grad = None
        if step == 7:
            mine.param_groups[0]["lr"] *= 0.5
            other.param_groups[0]["lr"] *= 0.5
        mine.step()
        other.step()
        for p, q in zip(ours, theirs, strict=True):
            assert_close(p, q, dtype)
    state, expected = mine.state_dict(), other.state_dict()
    assert state["param_groups"] == expected["param_groups"]
    assert list(state["state"]) == list(expected["state"])
    for number, values in expected["state"].items():
        assert list(state["state"][number]) == list(values)
        for key, tensor in values.items():
            assert_close(state["state"][number][key], tensor, dtype)


def test_groups() -> None:
    ours, theirs = start("float64")
    mine = pb.optim.SGD(
        [{"params": ours[:2], "lr": 0.3}, {"params": ours[2:], "momentum": 0.8}], lr=0.1
    )
    other = torch.optim.SGD(
        [{"params": theirs[:2], "lr": 0.3}, {"params": theirs[2:], "momentum": 0.8}], lr=0.1
    )
    for _ in range(5):
        for optimizer, params in ((mine, ours), (other, theirs)):
            optimizer.zero_grad()
            loss_of(params).backward()
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        assert_close(p, q, "float64")
    assert repr(mine) == repr(other)


@pytest.mark.parametrize("name", [*sorted({name for name, _ in SETTINGS}), "Optimizer"])
def test_parameters_of_the_constructors(name: str) -> None:
    ours = inspect.signature(getattr(pb.optim, name).__init__).parameters.values()
    theirs = inspect.signature(getattr(torch.optim, name).__init__).parameters.values()
    assert [(p.name, p.default, p.kind) for p in ours] == [
        (p.name, p.default, p.kind) for p in theirs
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, p: lib.optim.SGD(p),
        lambda lib, p: lib.optim.SGD([]),
        lambda lib, p: lib.optim.SGD([3]),
        lambda lib, p: lib.optim.SGD([p], lr=-1.0),
        lambda lib, p: lib.optim.SGD([p], momentum=-1.0),
        lambda lib, p: lib.optim.SGD([p], nesterov=True),
        lambda lib, p: lib.optim.SGD([p * 1]),
        lambda lib, p: lib.optim.SGD([{"params": {p}}]),
        lambda lib, p: lib.optim.SGD([{"params": p}, {"params": p}]),
        lambda lib, p: lib.optim.Adam([p], betas=(0.9, 1.0)),
        lambda lib, p: lib.optim.Adam([p], eps=-1.0),
        lambda lib, p: lib.optim.Adam([p], betas=(0, 0)),
        lambda lib, p: lib.optim.AdamW([p], weight_decay=-1.0),
    ],
)
def test_errors(make: Any) -> None:
    caught = []
    for lib in (pb, torch):
        with pytest.raises((TypeError, ValueError)) as error:
            make(lib, lib.ones(2, requires_grad=True))
        text = str(error.value).split("but ")[0].split(" the ordering")[0]
        caught.append((error.type, text.split(". Recorded by ")[0]))
    assert caught[0] == caught[1]
