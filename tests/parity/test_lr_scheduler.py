"""Learning-rate schedules compared with PyTorch: the same rates, epoch by epoch."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

SCHEDULES = {
    "StepLR": {"step_size": 3, "gamma": 0.3},
    "MultiStepLR": {"milestones": [2, 5, 5, 11], "gamma": 0.3},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 7, "eta_min": 0.01},
    "LambdaLR": {"lr_lambda": lambda epoch: 1 / (1 + epoch)},
}


def made(lib: Any, name: str, **settings: Any) -> Any:
    groups = [{"params": [lib.ones(1, requires_grad=True)], "lr": rate} for rate in (0.1, 3.0)]
    return getattr(lib.optim.lr_scheduler, name)(lib.optim.SGD(groups), **settings)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    ours, theirs = (made(lib, name, **SCHEDULES[name]) for lib in (pb, torch))
    for epoch in range(40):
        assert ours.get_last_lr() == theirs.get_last_lr(), epoch
        for schedule in (ours, theirs):
            schedule.optimizer.step()
            schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in (3, 17, 4):
            ours.step(epoch)
            theirs.step(epoch)
            assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-15)


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


@pytest.mark.parametrize("name", [*SCHEDULES, "ReduceLROnPlateau", "LRScheduler"])
def test_parameters_of_the_constructors(name: str) -> None:
    ours, theirs = (
        inspect.signature(getattr(lib.optim.lr_scheduler, name)).parameters.values()
        for lib in (pb, torch)
    )
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]
