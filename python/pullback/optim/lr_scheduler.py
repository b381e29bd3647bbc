"""Learning rates that follow a schedule.

A scheduler writes ``lr`` of its optimizer's groups when it is made and at every ``step``, which
belongs after the step of the optimizer. ``get_lr`` of a schedule gives the rates of the epoch
``last_epoch``, as a rule out of the rates in force, so that rates changed by hand are kept;
``closed_form`` gives them out of the rates at the start, for a jump to an epoch.
"""

from __future__ import annotations

import math
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from pullback import Tensor, _arguments, _core
from pullback.optim.optimizer import Optimizer

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "MultiStepLR",
    "ReduceLROnPlateau",
    "StepLR",
]


def _check(name: str, optimizer: object) -> None:
    if not isinstance(optimizer, Optimizer):
        got = type(optimizer).__name__
        raise TypeError(
            f"{got} is not an Optimizer: {name}(): argument 'optimizer' must be Optimizer, not "
            + got
        )


class LRScheduler:
    """Base class: a schedule defines ``get_lr`` and, where there is one, ``closed_form``.

    Args:
        optimizer: whose rates are set.
        last_epoch: -1 to begin; the epoch to go on from, with ``initial_lr`` in every group.

    Raises:
        TypeError: ``optimizer`` is none.
        KeyError: a group lacks ``initial_lr`` when going on.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        _check(type(self).__name__, optimizer)
        _arguments.integers(type(self).__name__, last_epoch=last_epoch)
        _check_optimizer(optimizer)
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] "
                    "when resuming scheduler with last_epoch >= 0."
                )
        self.base_lrs = [_copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _watch_steps(optimizer)
        self._step_count = 1
        self._is_initial = True
        self._advance(None)
        self._is_initial = False

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, and set its rates."""
        if self._step_count == 1 and not self.optimizer.__dict__.get("_opt_called"):
            _core._warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in "
                "the opposite order: otherwise the first value of the schedule is skipped.",
            )
        self._step_count += 1
        if epoch is not None:
            _core._warn(
                "The epoch parameter in `scheduler.step()` is deprecated: call it without.",
            )
        self._advance(epoch)

    def _advance(self, epoch: int | None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else self.closed_form()
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr() if closed is None else closed
        finally:
            self._get_lr_called_within_step = False
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            _assign(group, rate)
        self._last_lr = self._rates()

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group; for ``step``, which calls it."""
        raise NotImplementedError

    def _warn_outside_of_step(self) -> None:
        if not self._get_lr_called_within_step:
            _core._warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`."
            )

    def closed_form(self) -> list[Any] | None:
        """The same out of ``base_lrs`` alone; None if the schedule has no such form."""
        return None

    def get_last_lr(self) -> list[Any]:
        """The rates set last, one a group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self.__dict__.update(state_dict)

    def _rates(self) -> list[Any]:
        return [_copied(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[Any]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class LambdaLR(LRScheduler):
    """The first rate times a function of the epoch; one function, or one a group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        _check("LambdaLR", optimizer)
        if not isinstance(lr_lambda, (list, tuple)):
            _arguments.functions("LambdaLR", lr_lambda=lr_lambda)
        _check_optimizer(optimizer)
        groups = len(optimizer.param_groups)
        many = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(many) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(many)}")
        self.lr_lambdas: list[Callable[[int], float]] = many
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        return [
            base * function(self.last_epoch)
            for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of the functions, only the state of objects."""
        state = super().state_dict()
        state["lr_lambdas"] = [
            None if isinstance(function, types.FunctionType) else dict(function.__dict__)
            for function in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        rest = dict(state_dict)
        for function, state in zip(self.lr_lambdas, rest.pop("lr_lambdas"), strict=True):
            if state is not None:
                function.__dict__.update(state)
        super().load_state_dict(rest)


class StepLR(LRScheduler):
    """Times ``gamma`` every ``step_size`` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        _arguments.numbers("StepLR", step_size=step_size, gamma=gamma)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._rates()
        return self._scaled(self.gamma)

    def closed_form(self) -> list[Any]:
        """The same out of ``base_lrs`` alone."""
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [base * factor for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Times ``gamma`` at each of the epochs ``milestones``."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        _arguments.numbers("MultiStepLR", gamma=gamma)
        milestones = _arguments.elements("MultiStepLR", "milestones", milestones, "integers")
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        times = self.milestones.count(self.last_epoch)
        return self._scaled(self.gamma**times) if times else self._rates()

    def closed_form(self) -> list[Any]:
        """The same out of ``base_lrs`` alone."""
        times = sum(milestone <= self.last_epoch for milestone in self.milestones)
        return [base * self.gamma**times for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Times ``gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        _arguments.numbers("ExponentialLR", gamma=gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        return self._rates() if self._is_initial else self._scaled(self.gamma)

    def closed_form(self) -> list[Any]:
        """The same out of ``base_lrs`` alone."""
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Down to ``eta_min`` in ``T_max`` epochs along half a cosine, and up again."""

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        _arguments.numbers("CosineAnnealingLR", T_max=T_max, eta_min=eta_min)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self._is_initial:
            return self._rates()
        groups = self.optimizer.param_groups
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # From the minimum, where the ratio below would be 0 / 0.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                group["lr"] + (base - self.eta_min) * rise
                for base, group in zip(self.base_lrs, groups, strict=True)
            ]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [ratio * (group["lr"] - self.eta_min) + self.eta_min for group in groups]

    def closed_form(self) -> list[Any]:
        """The same out of ``base_lrs`` alone."""
        height = self._height(self.last_epoch) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)


class ReduceLROnPlateau(LRScheduler):
    """Times ``factor`` when a measured value has not become better for ``patience`` epochs.

    Args:
        optimizer: whose rates are set.
        mode: "min" if a smaller value is better, "max" if a larger one.
        factor: below 1.
        patience: epochs without improvement that are put up with.
        threshold: what counts as improvement: "rel", by this share of the best value so far;
            "abs" as ``threshold_mode``, by this amount.
        threshold_mode: see there.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: lower bound, one or one a group.
        eps: reductions by no more than this are left out.

    Raises:
        ValueError: an unknown mode, a factor of 1 or more, or bounds that do not fit the groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0,
        eps: float = 1e-8,
    ) -> None:
        _check("ReduceLROnPlateau", optimizer)
        _arguments.texts("ReduceLROnPlateau", mode=mode, threshold_mode=threshold_mode)
        _arguments.numbers(
            "ReduceLROnPlateau",
            factor=factor,
            patience=patience,
            threshold=threshold,
            cooldown=cooldown,
            eps=eps,
        )
        if not isinstance(min_lr, (list, tuple)):
            _arguments.numbers("ReduceLROnPlateau", min_lr=min_lr)
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        _check_optimizer(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(self.min_lrs)}")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self._rates()

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at present."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Look at the value of this epoch; reduce the rates if it is time to."""
        current = float(metrics)
        self.last_epoch += 1
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._rates()

    def _is_better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            bound = self.best * (1.0 - sign * self.threshold)
        else:
            bound = self.best - sign * self.threshold
        return sign * value < sign * bound

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, least)
            if old - new > self.eps:
                _assign(group, new)


def _check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def _copied(rate: Any) -> Any:
    return rate.clone() if isinstance(rate, Tensor) else rate


def _assign(group: dict[str, Any], rate: Any) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


def _watch_steps(optimizer: Optimizer) -> None:
    """Let the optimizer remember that it made a step; only one that has a scheduler pays for it."""
    if "step" in optimizer.__dict__:
        return
    # The optimizer must not hold itself: it would not be freed when the last name goes.
    weak = weakref.ref(optimizer)
    plain = type(optimizer).step

    def step(*args: Any, **kwargs: Any) -> Any:
        owner = weak()
        if owner is None:
            raise ReferenceError("Optimizer.step: the optimizer of this method is gone.")
        owner.__dict__["_opt_called"] = True
        return plain(owner, *args, **kwargs)

    optimizer.__dict__["step"] = step
