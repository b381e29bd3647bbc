"""Learning-rate schedules, by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import pullback as pb
from pullback.optim import SGD, lr_scheduler


def optimizer(*rates: float) -> SGD:
    groups = [{"params": [pb.ones(1, requires_grad=True)], "lr": rate} for rate in rates]
    return SGD(groups, lr=1.0)


def follow(schedule: Any, epochs: int) -> list[float]:
    """The rate of the first group at the start and after each epoch."""
    rates = [schedule.optimizer.param_groups[0]["lr"]]
    for _ in range(epochs):
        schedule.optimizer.step()
        schedule.step()
        rates.append(schedule.optimizer.param_groups[0]["lr"])
        assert schedule.get_last_lr()[0] == rates[-1]
    return rates


@pytest.mark.parametrize(
    ("make", "rates"),
    [
        (lambda o: lr_scheduler.StepLR(o, 2, 0.5), [8.0, 8.0, 4.0, 4.0, 2.0]),
        (lambda o: lr_scheduler.MultiStepLR(o, [3, 1, 3], 0.5), [8.0, 4.0, 4.0, 1.0, 1.0]),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [8.0, 4.0, 2.0, 1.0, 0.5]),
        (lambda o: lr_scheduler.LambdaLR(o, lambda e: 1 / (1 + e)), [8.0, 4.0, 8 / 3, 2.0, 1.6]),
        (
            lambda o: lr_scheduler.CosineAnnealingLR(o, 2, 2.0),
            [8.0, 5.0, 2.0, 5.0, 8.0, 5.0, 2.0],
        ),
    ],
)
def test_schedules(make: Any, rates: list[float]) -> None:
    assert follow(make(optimizer(8.0)), len(rates) - 1) == pytest.approx(rates)
    schedule = make(optimizer(8.0))
    schedule.optimizer.step()
    for epoch in (4, 1, 3):
        with pytest.warns(UserWarning, match="epoch parameter"):
            schedule.step(epoch)
        assert schedule.get_last_lr() == pytest.approx([rates[epoch]])


def test_rates_of_every_group() -> None:
    two = optimizer(1.0, 10.0)
    schedule = lr_scheduler.LambdaLR(two, [lambda e: 0.5**e, lambda e: 1.0])
    two.step()
    schedule.step()
    assert [group["lr"] for group in two.param_groups] == [0.5, 10.0]
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        lr_scheduler.LambdaLR(two, [lambda e: 1.0])


def test_rates_changed_by_hand_are_kept() -> None:
    one = optimizer(1.0)
    schedule = lr_scheduler.ExponentialLR(one, 0.5)
    one.param_groups[0]["lr"] = 100.0
    assert follow(schedule, 1) == [100.0, 50.0]


def test_a_rate_that_is_a_tensor_stays_the_same_tensor() -> None:
    p = pb.zeros(1, requires_grad=True)
    p.grad = pb.ones(1)
    rate = pb.tensor(1.0)
    one = SGD([p], lr=rate)
    schedule = lr_scheduler.ExponentialLR(one, 0.5)
    one.step()
    schedule.step()
    one.step()
    assert one.param_groups[0]["lr"] is rate
    assert (float(rate), p.tolist()) == (0.5, [-1.5])


def test_wrong_order_is_noticed() -> None:
    schedule = lr_scheduler.StepLR(optimizer(1.0), 2)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        schedule.step()


def test_going_on() -> None:
    one = optimizer(1.0)
    with pytest.raises(KeyError, match="'initial_lr' is not specified"):
        lr_scheduler.StepLR(one, 2, last_epoch=3)
    schedule = lr_scheduler.StepLR(one, 2, 0.5)
    follow(schedule, 3)
    two = optimizer(1.0)
    again = lr_scheduler.StepLR(two, 7)
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    again.load_state_dict(schedule.state_dict())
    assert follow(again, 3) == follow(schedule, 3)


def test_state_of_functions() -> None:
    class Decay:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, epoch: int) -> float:
            return self.rate**epoch

    first = lr_scheduler.LambdaLR(optimizer(1.0), Decay(0.5))
    second = lr_scheduler.LambdaLR(optimizer(1.0), Decay(0.1))
    second.load_state_dict(first.state_dict())
    assert follow(second, 2) == [1.0, 0.5, 0.25]


def test_no_optimizer_no_schedule() -> None:
    for make in (
        lambda o: lr_scheduler.StepLR(o, 2),
        lambda o: lr_scheduler.LambdaLR(o, lambda e: 1.0),
        lr_scheduler.ReduceLROnPlateau,
    ):
        with pytest.raises(TypeError, match="int is not an Optimizer"):
            make(3)


# --- ReduceLROnPlateau ---


def plateau(values: list[float], **settings: Any) -> list[float]:
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer(1.0), factor=0.5, **settings)
    rates = []
    for value in values:
        schedule.step(pb.tensor(value))
        rates.append(schedule.get_last_lr()[0])
    return rates


def test_plateau() -> None:
    assert plateau([5, 4, 4, 4, 4, 4], patience=1) == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
    assert plateau([5, 4, 3, 2], patience=0) == [1.0] * 4
    assert plateau([5, 4, 3, 2], patience=0, mode="max") == [1.0, 0.5, 0.25, 0.125]
    assert plateau([4] * 5, patience=0, cooldown=2) == [1.0, 0.5, 0.5, 0.5, 0.25]
    assert plateau([4] * 4, patience=0, min_lr=0.4) == [1.0, 0.5, 0.4, 0.4]
    assert plateau([4, 3.5, 3], patience=0, threshold=0.6, threshold_mode="abs") == [1.0, 0.5, 0.5]
    assert plateau([4, 3.5, 3], patience=0, threshold=0.2) == [1.0, 0.5, 0.5]
    assert plateau([4, 4.5, 5], patience=0, threshold=0.2, mode="max") == [1.0, 0.5, 0.5]
    assert plateau([4] * 4, patience=0, eps=0.3) == [1.0, 0.5, 0.5, 0.5]


def test_plateau_checks() -> None:
    for settings, text in (
        ({"factor": 1.0}, "Factor should be"),
        ({"mode": "up"}, "mode up is unknown"),
        ({"threshold_mode": "up"}, "threshold mode up is unknown"),
        ({"min_lr": [0.1, 0.2]}, "expected 1 min_lrs, got 2"),
    ):
        with pytest.raises(ValueError, match=text):
            lr_scheduler.ReduceLROnPlateau(optimizer(1.0), **settings)
