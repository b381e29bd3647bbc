"""Learning-rate schedules, by hand."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

import pullback as pb
from pullback.optim import SGD, lr_scheduler, swa_utils


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
        (lambda o: lr_scheduler.ConstantLR(o, 0.25, 2), [2.0, 2.0, 8.0, 8.0, 8.0]),
        (lambda o: lr_scheduler.LinearLR(o, 0.25, 0.75, 2), [2.0, 4.0, 6.0, 6.0, 6.0]),
        (lambda o: lr_scheduler.PolynomialLR(o, 4, 2.0), [8.0, 4.5, 2.0, 0.5, 0.0, 0.0]),
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


def hat(step: int, up: int, down: int) -> float:
    """Smith, WACV 2017: the height in the cycle."""
    at = step % (up + down)
    return at / up if at <= up else 1 - (at - up) / down


@pytest.mark.parametrize(
    ("make", "rate", "momentum"),
    [
        (
            lambda o: lr_scheduler.CyclicLR(o, 1.0, 3.0, 2, 3),
            lambda t: 1 + 2 * hat(t, 2, 3),
            lambda t: 0.9 - 0.1 * hat(t, 2, 3),
        ),
        (
            lambda o: lr_scheduler.CyclicLR(o, 1.0, 3.0, 2, mode="triangular2"),
            lambda t: 1 + 2 * hat(t, 2, 2) * 0.5 ** (t // 4),
            lambda t: 0.9 - 0.1 * hat(t, 2, 2) * 0.5 ** (t // 4),
        ),
        (
            lambda o: lr_scheduler.CyclicLR(o, 1.0, 3.0, 2, mode="exp_range", gamma=0.9),
            lambda t: 1 + 2 * hat(t, 2, 2) * 0.9**t,
            lambda t: 0.9 - 0.1 * hat(t, 2, 2) * 0.9**t,
        ),
        (
            lambda o: lr_scheduler.CyclicLR(
                o, 1.0, 3.0, 2, scale_fn=lambda c: 1 / c, base_momentum=0.5
            ),
            lambda t: 1 + 2 * hat(t, 2, 2) / (1 + t // 4),
            lambda t: 0.9 - 0.4 * hat(t, 2, 2) / (1 + t // 4),
        ),
        (  # up in 4 steps from 2 / 4 to 2, down in the other 5 to 0.5 / 10
            lambda o: lr_scheduler.OneCycleLR(
                o,
                2.0,
                10,
                pct_start=0.5,
                anneal_strategy="linear",
                div_factor=4.0,
                final_div_factor=10.0,
            ),
            lambda t: 0.5 + 1.5 * t / 4 if t <= 4 else 2 - 1.95 * (t - 4) / 5,
            lambda t: 0.95 - 0.1 * t / 4 if t <= 4 else 0.85 + 0.1 * (t - 4) / 5,
        ),
        (  # up in 2, down to the start in 2, then to the end in 5
            lambda o: lr_scheduler.OneCycleLR(
                o,
                2.0,
                10,
                pct_start=0.3,
                div_factor=4.0,
                three_phase=True,
                cycle_momentum=False,
            ),
            lambda t: (
                between(0.5, 2, t / 2)
                if t <= 2
                else between(2, 0.5, (t - 2) / 2)
                if t <= 4
                else between(0.5, 5e-5, (t - 4) / 5)
            ),
            lambda t: 0.3,
        ),
        (
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, eta_min=2.0),
            lambda t: between(8, 2, t % 4 / 4),
            lambda t: 0.3,
        ),
        (
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, T_mult=2),
            lambda t: between(8, 0, t / 2 if t < 2 else (t - 2) / 4 if t < 6 else (t - 6) / 8),
            lambda t: 0.3,
        ),
        (
            lambda o: swa_utils.SWALR(o, 2.0, anneal_epochs=5, anneal_strategy="linear"),
            lambda t: 8 - 6 * min(t / 5, 1),
            lambda t: 0.3,
        ),
        (
            lambda o: swa_utils.SWALR(o, 2.0, anneal_epochs=5),
            lambda t: between(8, 2, min(t / 5, 1)),
            lambda t: 0.3,
        ),
    ],
)
def test_cycles(make: Any, rate: Any, momentum: Any) -> None:
    one = optimizer(8.0)
    one.defaults["momentum"] = one.param_groups[0]["momentum"] = 0.3
    schedule = make(one)
    for t in range(10):
        assert schedule.get_last_lr() == pytest.approx([rate(t)])
        assert one.param_groups[0]["momentum"] == pytest.approx(momentum(t))
        if t < 9:
            one.step()
            schedule.step()


def between(start: float, end: float, share: float) -> float:
    """Half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def test_a_cycle_ends() -> None:
    one = optimizer(1.0)
    schedule = lr_scheduler.OneCycleLR(one, 1.0, 2)
    one.step()
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        schedule.step()


def test_warm_restarts_jump() -> None:
    one = optimizer(8.0)
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(one, 2, T_mult=2)
    schedule.step(4.5)
    assert schedule.get_last_lr() == pytest.approx([between(8, 0, 2.5 / 4)])
    assert schedule.last_epoch == 4
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([between(8, 0, 3.5 / 4)])
    with pytest.raises(ValueError, match="non-negative"):
        schedule.step(-1)


def test_multiplied_every_epoch() -> None:
    schedule = lr_scheduler.MultiplicativeLR(optimizer(8.0), lambda epoch: 1 / epoch)
    assert follow(schedule, 4) == pytest.approx([8.0, 8.0, 4.0, 4 / 3, 1 / 3])


def test_one_after_the_other() -> None:
    one = optimizer(8.0)
    schedule = lr_scheduler.SequentialLR(
        one,
        [
            lr_scheduler.ConstantLR(one, 0.5, 9),
            lr_scheduler.StepLR(one, 1, 0.5),
            lr_scheduler.ExponentialLR(one, 0.25),
        ],
        [2, 4],
    )
    assert follow(schedule, 5) == [4.0, 4.0, 8.0, 4.0, 8.0, 2.0]
    two = optimizer(8.0)
    again = lr_scheduler.SequentialLR(
        two, [lr_scheduler.ConstantLR(two, 0.5, 9), lr_scheduler.StepLR(two, 1, 0.5)], [2]
    )
    state = again.state_dict()
    assert follow(again, 3) == [4.0, 4.0, 8.0, 4.0]
    again.load_state_dict(state)
    assert again.last_epoch == 0


def test_all_at_once() -> None:
    one = optimizer(8.0)
    schedule = lr_scheduler.ChainedScheduler(
        [lr_scheduler.StepLR(one, 2, 0.5), lr_scheduler.ExponentialLR(one, 0.1)]
    )
    assert follow(schedule, 3) == pytest.approx([8.0, 0.8, 0.04, 0.004])
    other = optimizer(1.0)
    with pytest.raises(ValueError, match="belong to the same optimizer"):
        lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(one, 2)], optimizer=other)
    with pytest.raises(TypeError, match="should have `optimizer`"):
        lr_scheduler.SequentialLR(one, [3], [])


def test_groups_that_came_later() -> None:
    one = optimizer(1.0)
    schedule = lr_scheduler.ReduceLROnPlateau(one, patience=0, factor=0.5)
    bounded = lr_scheduler.ReduceLROnPlateau(one, patience=0, factor=0.5, min_lr=[0.1])
    one.add_param_group({"params": [pb.ones(1, requires_grad=True)]})
    for value in (1.0, 1.0):
        schedule.step(value)
    assert schedule.get_last_lr() == [0.5, 0.5]
    bounded.step(1.0)
    with pytest.raises(RuntimeError, match="number of param groups"):
        bounded.step(1.0)


def test_state_of_a_scale() -> None:
    class Scale:
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, cycle: float) -> float:
            return self.by

    def cyclic(scale: Scale) -> Any:
        one = SGD([pb.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
        return lr_scheduler.CyclicLR(one, 0.0, 8.0, 1, scale_fn=scale)

    first, second = cyclic(Scale(0.5)), cyclic(Scale(0.1))
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    assert follow(second, 3) == [0.0, 4.0, 0.0, 4.0]


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
