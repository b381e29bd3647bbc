"""Schedules that go up and down, or start anew: ``CyclicLR``, ``OneCycleLR``, warm restarts.

``CyclicLR``: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017.
``OneCycleLR``: L. N. Smith, N. Topin, "Super-Convergence", arXiv:1708.07120. Warm restarts:
I. Loshchilov, F. Hutter, "SGDR", ICLR 2017.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from pullback import Tensor, _arguments
from pullback.optim.lr_scheduler._base import LRScheduler, _format_param, assign, check_optimizer
from pullback.optim.optimizer import Optimizer


class _WithMomentum(LRScheduler):
    """What moves the momentum of the optimizer, or the first of its betas, against the rate."""

    cycle_momentum: bool
    use_beta1: bool

    def _begin_momentum(self, most: Any, least: Any, last_epoch: int) -> tuple[Any, Any]:
        """The bounds of each group; the upper one is set."""
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in defaults
        mosts = _format_param("max_momentum", self.optimizer, most)
        leasts = _format_param("base_momentum", self.optimizer, least)
        if last_epoch == -1:
            groups = self.optimizer.param_groups
            for upper, lower, group in zip(mosts, leasts, groups, strict=True):
                self._set_momentum(group, upper)
                group["max_momentum"] = upper
                group["base_momentum"] = lower
        return mosts, leasts

    def _set_momentum(self, group: dict[str, Any], momentum: Any) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """Up from ``base_lr`` to ``max_lr`` and down again, over and over (Smith, WACV 2017).

    Args:
        optimizer: whose rates are set.
        base_lr: lower bound, one or one a group.
        max_lr: upper bound of the first cycle, one or one a group.
        step_size_up: steps up.
        step_size_down: steps down; None stands for as many as up.
        mode: "triangular", "triangular2" (half the height every cycle) or "exp_range" (the height
            times ``gamma`` to the power of the step).
        gamma: see there.
        scale_fn: a function that gives the height instead of ``mode``.
        scale_mode: whether that is a function of the "cycle" or of the "iterations".
        cycle_momentum: move the momentum the other way, between the two bounds.
        base_momentum: its lower bound, one or one a group.
        max_momentum: its upper bound, one or one a group.
        last_epoch: -1 to begin.

    Raises:
        ValueError: an unknown mode, values that do not fit the groups, or an optimizer without
            momentum when ``cycle_momentum`` is on.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
        >>> schedule = pb.optim.lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2)
        >>> for _ in range(4):
        ...     optimizer.step()
        ...     schedule.step()
        ...     print(schedule.get_last_lr())
        [0.5]
        [1.0]
        [0.5]
        [0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        name = "CyclicLR"
        check_optimizer(name, optimizer)
        _arguments.numbers(name, step_size_up=step_size_up, gamma=gamma)
        _arguments.texts(name, mode=mode, scale_mode=scale_mode)
        _arguments.flags(name, cycle_momentum=cycle_momentum)
        _one_or_many(
            name,
            base_lr=base_lr,
            max_lr=max_lr,
            base_momentum=base_momentum,
            max_momentum=max_momentum,
        )
        if step_size_down is not None:
            _arguments.numbers(name, step_size_down=step_size_down)
        if scale_fn is not None:
            _arguments.functions(name, scale_fn=scale_fn)
        self.optimizer = optimizer
        base_lrs = _format_param("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for rate, group in zip(base_lrs, optimizer.param_groups, strict=True):
                assign(group, rate)
        self.max_lrs = _format_param("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.max_momentums, self.base_momentums = self._begin_momentum(
                max_momentum, base_momentum, last_epoch
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of a cycle, or at an iteration."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[Any]:
        """The rates of the step ``last_epoch``, one a group; sets the momenta."""
        self._warn_outside_of_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        share = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            momenta = [most - (most - least) * share * scale for least, most in bounds]
            for group, momentum in zip(self.optimizer.param_groups, momenta, strict=True):
                self._set_momentum(group, momentum)
        return [
            least + (most - least) * share * scale
            for least, most in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of ``scale_fn``, only the state of an object."""
        state = super().state_dict()
        function = self._scale_fn_custom
        is_plain = function is None or isinstance(function, types.FunctionType)
        state["_scale_fn_custom"] = None if is_plain else dict(function.__dict__)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        rest = dict(state_dict)
        state = rest.pop("_scale_fn_custom")
        if state is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(state)
        super().load_state_dict(rest)


class OneCycleLR(_WithMomentum):
    """Up from ``max_lr / div_factor`` to ``max_lr`` and down to far below, once (Smith and Topin).

    Args:
        optimizer: whose rates are set.
        max_lr: upper bound, one or one a group.
        total_steps: length of the cycle; or ``epochs`` times ``steps_per_epoch``.
        epochs: see there.
        steps_per_epoch: see there.
        pct_start: share of the cycle in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move the momentum the other way, between the two bounds.
        base_momentum: its lower bound, one or one a group.
        max_momentum: its upper bound, one or one a group.
        div_factor: ``max_lr`` divided by the first rate.
        final_div_factor: the first rate divided by the last.
        three_phase: go down to the first rate as fast as up, and then to the last.
        last_epoch: -1 to begin.

    Raises:
        ValueError: no length, a value outside of its domain, an optimizer without momentum when
            ``cycle_momentum`` is on; or ``step``, after the end of the cycle.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
        >>> schedule = pb.optim.lr_scheduler.OneCycleLR(
        ...     optimizer, max_lr=1.0, total_steps=10, anneal_strategy="linear", pct_start=0.5
        ... )
        >>> for _ in range(4):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr(), optimizer.param_groups[0]["momentum"]
        ([1.0], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        name = "OneCycleLR"
        check_optimizer(name, optimizer)
        _arguments.numbers(
            name, pct_start=pct_start, div_factor=div_factor, final_div_factor=final_div_factor
        )
        _arguments.texts(name, anneal_strategy=anneal_strategy)
        _arguments.flags(name, cycle_momentum=cycle_momentum, three_phase=three_phase)
        _one_or_many(name, max_lr=max_lr, base_momentum=base_momentum, max_momentum=max_momentum)
        for key, value in (
            ("total_steps", total_steps),
            ("epochs", epochs),
            ("steps_per_epoch", steps_per_epoch),
        ):
            if value is not None:
                _arguments.numbers(name, **{key: value})
        self.optimizer = optimizer
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        up = float(pct_start * self.total_steps) - 1
        # Where each part ends, and its rates and momenta by name: ends[i] to ends[i + 1].
        ends: list[float] = [up, self.total_steps - 1]
        rates, momenta = ["initial_lr", "max_lr", "min_lr"], ["max", "base", "max"]
        if three_phase:
            ends.insert(1, float(2 * pct_start * self.total_steps) - 2)
            rates.insert(2, "initial_lr")
            momenta.append("max")
        self._schedule_phases: list[dict[str, Any]] = [
            {
                "end_step": end,
                "start_lr": rates[i],
                "end_lr": rates[i + 1],
                "start_momentum": f"{momenta[i]}_momentum",
                "end_momentum": f"{momenta[i + 1]}_momentum",
            }
            for i, end in enumerate(ends)
        ]
        self._anneal_func_type = anneal_strategy
        max_lrs = _format_param("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for most, group in zip(max_lrs, optimizer.param_groups, strict=True):
                group["initial_lr"] = most / div_factor
                group["max_lr"] = most
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(max_momentum, base_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: Any, end: Any, share: float) -> Any:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start

    def get_lr(self) -> list[Any]:
        """The rates of the step ``last_epoch``, one a group; sets the momenta."""
        self._warn_outside_of_step()
        step, start = self.last_epoch, 0.0
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        *early, phase = self._schedule_phases
        for each in early:
            if step <= each["end_step"]:
                phase = each
                break
            start = each["end_step"]
        share = (step - start) / (phase["end_step"] - start)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(*ends, share))
        return [
            self._between(group[phase["start_lr"]], group[phase["end_lr"]], share)
            for group in self.optimizer.param_groups
        ]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Down to ``eta_min`` along half a cosine, then from the first rate again.

    Loshchilov and Hutter, ICLR 2017.

    Args:
        optimizer: whose rates are set.
        T_0: epochs until the first restart.
        T_mult: how much longer each cycle is than the one before.
        eta_min: the smallest rate.
        last_epoch: -1 to begin.

    Raises:
        ValueError: a length that is no positive integer; or ``step`` to a negative epoch.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> for _ in range(3):
        ...     print(round(schedule.get_last_lr()[0], 4))
        ...     optimizer.step()
        ...     schedule.step()
        1.0
        0.5
        1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: Any = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("CosineAnnealingWarmRestarts", optimizer)
        _arguments.numbers("CosineAnnealingWarmRestarts", T_0=T_0, T_mult=T_mult)
        if not isinstance(eta_min, Tensor):
            _arguments.numbers("CosineAnnealingWarmRestarts", eta_min=eta_min)
        _positive("T_0", T_0)
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        height = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, which may be a fraction, and set its rates."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        else:
            self._jump(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_rates(self._rates_for_step())

    def _jump(self, epoch: float) -> None:
        """The cycle that an epoch is in: the lengths are a geometric series."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            longer = self.T_mult - 1
            cycle = int(math.log(epoch / self.T_0 * longer + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**cycle - 1) / longer
            self.T_i = self.T_0 * self.T_mult**cycle


def _one_or_many(name: str, /, **values: Any) -> None:
    for key, value in values.items():
        if not isinstance(value, (list, tuple)):
            _arguments.numbers(name, **{key: value})


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value
