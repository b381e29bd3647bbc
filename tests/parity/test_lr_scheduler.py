"""Learning-rate schedules compared with PyTorch: the same rates, epoch by epoch."""

from __future__ import annotations

import importlib
import math
import re
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

SCHEDULES: dict[str, list[dict[str, Any]]] = {
    "StepLR": [{"step_size": 3, "gamma": 0.3}],
    "MultiStepLR": [{"milestones": [2, 5, 5, 11], "gamma": 0.3}],
    "ExponentialLR": [{"gamma": 0.9}],
    "CosineAnnealingLR": [{"T_max": 7, "eta_min": 0.01}, {"T_max": 1}],
    "LambdaLR": [
        {"lr_lambda": lambda epoch: 1 / (1 + epoch)},
        {"lr_lambda": [lambda epoch: 0.5**epoch, lambda epoch: epoch]},
    ],
    "MultiplicativeLR": [
        {"lr_lambda": lambda epoch: 1 / (1 + epoch)},
        {"lr_lambda": [lambda epoch: 0.9, lambda epoch: 1.1]},
    ],
    "ConstantLR": [{}, {"factor": 0.25, "total_iters": 3}, {"total_iters": 0}],
    "LinearLR": [{}, {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 9}],
    "PolynomialLR": [{}, {"total_iters": 9, "power": 2.5}],
    "CosineAnnealingWarmRestarts": [
        {"T_0": 3},
        {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
        {"T_0": 1, "T_mult": 3},
    ],
    "CyclicLR": [
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3},
        {"base_lr": [0.1, 0.2], "max_lr": [1.0, 2.0], "step_size_up": 3, "step_size_down": 5},
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 2, "mode": "triangular2"},
        {"base_lr": 0.1, "max_lr": 1, "step_size_up": 2, "mode": "exp_range", "gamma": 0.9},
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 2, "cycle_momentum": False},
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 4, "scale_fn": lambda x: 1 / (1 + x)},
        {
            "base_lr": 0.1,
            "max_lr": 1.0,
            "step_size_up": 4,
            "scale_fn": lambda x: 0.9**x,
            "scale_mode": "iterations",
            "base_momentum": [0.1, 0.2],
            "max_momentum": [0.5, 0.6],
        },
    ],
    "OneCycleLR": [
        {"max_lr": 2.0, "total_steps": 40},
        {"max_lr": [2.0, 3.0], "epochs": 5, "steps_per_epoch": 8, "anneal_strategy": "linear"},
        {"max_lr": 2.0, "total_steps": 41, "three_phase": True, "pct_start": 0.25},
        {"max_lr": 2.0, "total_steps": 40, "div_factor": 5.0, "final_div_factor": 10.0},
        {"max_lr": 2.0, "total_steps": 40, "cycle_momentum": False},
    ],
    "SWALR": [
        {"swa_lr": 0.05},
        {"swa_lr": [0.05, 1.0], "anneal_epochs": 4, "anneal_strategy": "linear"},
        {"swa_lr": 0.05, "anneal_epochs": 0},
    ],
}
CASES = [(name, settings) for name, grid in SCHEDULES.items() for settings in grid]


def named(part: Any) -> str:
    """The same in every process: a function without its address."""
    return re.sub(r"<function <lambda> at \w+>", "f", str(part))


def space_of(lib: Any, name: str) -> Any:
    module = "swa_utils" if name == "SWALR" else "lr_scheduler"
    return importlib.import_module(f"{lib.__name__}.optim.{module}")


def optimizer_of(lib: Any, kind: str = "SGD", tensor: bool = False) -> Any:
    rates = [lib.tensor(r, dtype=lib.float64) if tensor else r for r in (0.1, 3.0)]
    groups = [{"params": [lib.ones(1, requires_grad=True)], "lr": rate} for rate in rates]
    more = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(lib.optim, kind)(groups, **more)


def made(lib: Any, name: str, kind: str = "SGD", tensor: bool = False, **settings: Any) -> Any:
    return getattr(space_of(lib, name), name)(optimizer_of(lib, kind, tensor), **settings)


def seen(schedule: Any) -> list[Any]:
    """Rates and momenta, in the schedule and in the groups."""
    found = [float(rate) for rate in schedule.get_last_lr()]
    for group in schedule.optimizer.param_groups:
        found.append(float(group["lr"]))
        found.append(float(group["betas"][0] if "betas" in group else group["momentum"]))
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "settings"), CASES, ids=named)
def test_schedules(name: str, settings: dict[str, Any], kind: str) -> None:
    ours, theirs = (made(lib, name, kind, **settings) for lib in (pb, torch))
    steps = 39 if name == "OneCycleLR" else 60
    for epoch in range(steps):
        assert seen(ours) == seen(theirs), epoch
        for schedule in (ours, theirs):
            schedule.optimizer.step()
            schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in (3, 17, 4):
            ours.step(epoch)
            theirs.step(epoch)
            assert seen(ours) == pytest.approx(seen(theirs), rel=1e-15)
            assert ours.last_epoch == theirs.last_epoch


@pytest.mark.parametrize(
    ("name", "settings"),
    [case for case in CASES if not any(isinstance(value, list) for value in case[1].values())],
    ids=named,
)
def test_rates_that_are_tensors(name: str, settings: dict[str, Any]) -> None:
    ours, theirs = (made(lib, name, tensor=True, **settings) for lib in (pb, torch))
    for epoch in range(12):
        assert seen(ours) == pytest.approx(seen(theirs), rel=1e-14), epoch
        for schedule in (ours, theirs):
            schedule.optimizer.step()
            schedule.step()
    assert isinstance(ours.optimizer.param_groups[0]["lr"], pb.Tensor)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=named)
def test_states_are_those_of_torch(name: str, settings: dict[str, Any]) -> None:
    """The same keys and values; either goes on from the state of the other."""
    ours, theirs = (made(lib, name, **settings) for lib in (pb, torch))
    for schedule in (ours, theirs):
        for _ in range(5):
            schedule.optimizer.step()
            schedule.step()
    mine, other = ours.state_dict(), theirs.state_dict()
    assert set(mine) == set(other) | ({"_get_lr_called_within_step"} & set(mine))
    for key, value in other.items():
        if key not in ("_last_lr", "base_lrs"):
            assert mine[key] == value, key
    again = {lib: made(lib, name, **settings) for lib in (pb, torch)}
    again[pb].load_state_dict(dict(other))
    again[torch].load_state_dict(dict(mine))
    for lib, source in ((pb, theirs), (torch, ours)):
        for ours_group, group in zip(
            again[lib].optimizer.param_groups, source.optimizer.param_groups, strict=True
        ):
            ours_group.update({k: v for k, v in group.items() if k != "params"})
    for _ in range(3):
        for schedule in again.values():
            schedule.optimizer.step()
            schedule.step()
        assert seen(again[pb]) == seen(again[torch])


@pytest.mark.parametrize(("name", "settings"), CASES, ids=named)
def test_going_on_from_an_epoch(name: str, settings: dict[str, Any]) -> None:
    found = []
    for lib in (pb, torch):
        first = made(lib, name, **settings)
        for _ in range(4):
            first.optimizer.step()
            first.step()
        again = getattr(space_of(lib, name), name)(
            first.optimizer, **settings, last_epoch=first.last_epoch
        )
        rows = [seen(again)]
        for _ in range(4):
            again.optimizer.step()
            again.step()
            rows.append(seen(again))
        found.append(rows)
    assert found[0] == found[1]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau(mode: str, threshold_mode: str) -> None:
    settings: dict[str, Any] = {
        "mode": mode,
        "threshold_mode": threshold_mode,
        "threshold": 0.05,
        "patience": 2,
        "cooldown": 3,
        "min_lr": [1e-3, 1e-2],
        "factor": 0.4,
    }
    ours, theirs = (made(lib, "ReduceLROnPlateau", **settings) for lib in (pb, torch))
    for epoch in range(80):
        value = math.sin(epoch * 0.3) * math.exp(-epoch * 0.02)
        ours.step(value)
        theirs.step(value)
        assert ours.get_last_lr() == theirs.get_last_lr(), epoch
        assert ours.state_dict() == theirs.state_dict()
    again = [made(lib, "ReduceLROnPlateau") for lib in (pb, torch)]
    again[0].load_state_dict(theirs.state_dict())
    again[1].load_state_dict(ours.state_dict())
    for schedule in again:
        schedule.step(0.5)
    assert again[0].state_dict() == again[1].state_dict()


def combined(lib: Any, which: str) -> Any:
    space = lib.optim.lr_scheduler
    o = optimizer_of(lib)
    if which == "chained":
        return space.ChainedScheduler(
            [space.ConstantLR(o, 0.1, total_iters=4), space.ExponentialLR(o, gamma=0.9)]
        )
    if which == "chained with optimizer":
        return space.ChainedScheduler([space.LinearLR(o), space.StepLR(o, 3)], optimizer=o)
    if which == "sequence":
        return space.SequentialLR(
            o,
            [space.LinearLR(o), space.CosineAnnealingLR(o, 5), space.ExponentialLR(o, 0.5)],
            milestones=[4, 9],
        )
    if which == "sequence at once":
        return space.SequentialLR(o, [space.ConstantLR(o), space.StepLR(o, 2)], milestones=[0])
    inner = space.SequentialLR(o, [space.LinearLR(o), space.StepLR(o, 2)], milestones=[3])
    return space.SequentialLR(o, [inner, space.ExponentialLR(o, 0.9)], milestones=[8])


@pytest.mark.parametrize(
    "which",
    ["chained", "chained with optimizer", "sequence", "sequence at once", "sequence of sequences"],
)
def test_schedules_of_schedules(which: str) -> None:
    with warnings.catch_warnings():
        # The outer sequence makes a step of the inner one.
        warnings.simplefilter("ignore")
        ours, theirs = (combined(lib, which) for lib in (pb, torch))
    states: list[Any] = []
    for epoch in range(15):
        assert seen(ours) == seen(theirs), epoch
        if epoch == 6:
            states = [ours.state_dict(), theirs.state_dict()]
            assert set(states[0]) == set(states[1])
        for schedule in (ours, theirs):
            schedule.optimizer.step()
            schedule.step()
    ours.load_state_dict(states[1])
    theirs.load_state_dict(states[0])
    assert ours.get_last_lr() == theirs.get_last_lr()
    assert getattr(ours, "last_epoch", 0) == getattr(theirs, "last_epoch", 0)


def warned(action: Any) -> list[tuple[Any, str]]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        action()
    return [(each.category, str(each.message)[:60]) for each in found]


def test_warnings() -> None:
    found = []
    for lib in (pb, torch):
        early = made(lib, "ExponentialLR", gamma=0.5)
        outside = made(lib, "ExponentialLR", gamma=0.5)
        replaced = made(lib, "ExponentialLR", gamma=0.5)
        replaced.optimizer.step = lambda: None
        jump = made(lib, "ExponentialLR", gamma=0.5)
        jump.optimizer.step()
        jump.step()
        plateau = made(lib, "ReduceLROnPlateau")
        found.append(
            [
                warned(early.step),
                warned(outside.get_lr),
                warned(replaced.step),
                [each[0] for each in warned(lambda j=jump: j.step(3))],
                [each[0] for each in warned(lambda p=plateau: p.step(1.0, 3))],
            ]
        )
    assert found[0] == found[1]
    assert all(found[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda s, o: s.LambdaLR(o, [abs]),
        lambda s, o: s.MultiplicativeLR(o, [abs]),
        lambda s, o: s.ConstantLR(o, factor=1.5),
        lambda s, o: s.LinearLR(o, start_factor=0),
        lambda s, o: s.LinearLR(o, end_factor=1.5),
        lambda s, o: s.SequentialLR(o, [], []),
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]),
        lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
        lambda s, o: s.ChainedScheduler([]),
        lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
        lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
        lambda s, o: s.ReduceLROnPlateau(o, mode="other"),
        lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="other"),
        lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
        lambda s, o: s.CyclicLR(o, 0.1, 1.0, mode="other"),
        lambda s, o: s.CyclicLR(o, [0.1], 1.0),
        lambda s, o: s.OneCycleLR(o, 1.0),
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=-1),
        lambda s, o: s.OneCycleLR(o, 1.0, epochs=-1, steps_per_epoch=3),
        lambda s, o: s.OneCycleLR(o, 1.0, epochs=1, steps_per_epoch=0),
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=9, pct_start=2.0),
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=9, anneal_strategy="other"),
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=1).step(9),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=0),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 3).step(-1),
        lambda s, o: s.StepLR(o, 3, last_epoch=4),
    ],
)
def test_errors(make: Any) -> None:
    found = []
    for lib in (pb, torch):
        with warnings.catch_warnings(), pytest.raises(Exception) as error:
            warnings.simplefilter("ignore")
            make(lib.optim.lr_scheduler, optimizer_of(lib))
        found.append((error.type, str(error.value)[:60]))
    assert found[0] == found[1]


def test_momentum_is_needed_for_a_cycle() -> None:
    for lib in (pb, torch):
        o = lib.optim.Rprop([lib.ones(1, requires_grad=True)])
        for make in (
            lambda s, o: s.CyclicLR(o, 0.1, 1.0),
            lambda s, o: s.OneCycleLR(o, 1.0, total_steps=3),
        ):
            with pytest.raises(ValueError, match="must support momentum or beta1"):
                make(lib.optim.lr_scheduler, o)
