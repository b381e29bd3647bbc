"""Schedules that are a function of the epoch: constant, linear, by steps, powers and cosines."""

from __future__ import annotations

import math
import types
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pullback import _arguments
from pullback.optim.lr_scheduler._base import LRScheduler, check_optimizer
from pullback.optim.optimizer import Optimizer


class _Functions(LRScheduler):
    """A function of the epoch, or one a group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        groups = len(optimizer.param_groups)
        many = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(many) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(many)}")
        for each in many:
            _arguments.functions(name, lr_lambda=each)
        self.lr_lambdas: list[Callable[[int], float]] = many
        super().__init__(optimizer, last_epoch)

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


class LambdaLR(_Functions):
    """The first rate times a function of the epoch; one function, or one a group.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        return [
            base * function(self.last_epoch)
            for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)
        ]


class MultiplicativeLR(_Functions):
    """Every epoch times a function of it; one function, or one a group.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self._is_initial:
            return self._rates()
        return [
            group["lr"] * function(self.last_epoch)
            for function, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)
        ]


class StepLR(LRScheduler):
    """Times ``gamma`` every ``step_size`` epochs.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> for _ in range(4):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

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

    def _get_closed_form_lr(self) -> list[Any]:
        return self._from_base(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """Times ``gamma`` at each of the epochs ``milestones``.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
        >>> for _ in range(4):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        _arguments.numbers("MultiStepLR", gamma=gamma)
        milestones = _arguments.elements("MultiStepLR", "milestones", milestones, "integers")
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        times = self.milestones[self.last_epoch]
        return self._scaled(self.gamma**times) if times else self._rates()

    def _get_closed_form_lr(self) -> list[Any]:
        times = sum(n for epoch, n in self.milestones.items() if epoch <= self.last_epoch)
        return self._from_base(self.gamma**times)


class ConstantLR(LRScheduler):
    """Times ``factor`` until the epoch ``total_iters``.

    Raises:
        ValueError: ``factor`` is not between 0 and 1.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
        >>> for _ in range(3):
        ...     print(schedule.get_last_lr())
        ...     optimizer.step()
        ...     schedule.step()
        [0.5]
        [0.5]
        [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        _arguments.numbers("ConstantLR", factor=factor, total_iters=total_iters)
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return (
            self._scaled(1.0 / self.factor)
            if self.last_epoch == self.total_iters
            else (self._rates())
        )

    def _get_closed_form_lr(self) -> list[Any]:
        over = self.last_epoch >= self.total_iters
        return self._from_base(self.factor + over * (1 - self.factor))


class LinearLR(LRScheduler):
    """Times a factor that goes from ``start_factor`` to ``end_factor`` in ``total_iters`` epochs.

    Raises:
        ValueError: a factor is not between 0 and 1, or ``start_factor`` is 0.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> for _ in range(3):
        ...     print(schedule.get_last_lr())
        ...     optimizer.step()
        ...     schedule.step()
        [0.5]
        [0.75]
        [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        _arguments.numbers(
            "LinearLR", start_factor=start_factor, end_factor=end_factor, total_iters=total_iters
        )
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                "to 1."
            )
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _get_closed_form_lr(self) -> list[Any]:
        rise = self.end_factor - self.start_factor
        passed = min(self.total_iters, self.last_epoch)
        return self._from_base(self.start_factor + rise * passed / self.total_iters)


class ExponentialLR(LRScheduler):
    """Times ``gamma`` every epoch.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        _arguments.numbers("ExponentialLR", gamma=gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        return self._rates() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[Any]:
        return self._from_base(self.gamma**self.last_epoch)


class PolynomialLR(LRScheduler):
    """Down to 0 in ``total_iters`` epochs along a power of the epochs that are left.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2.0)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        _arguments.numbers("PolynomialLR", total_iters=total_iters, power=power)
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the epoch ``last_epoch``, one a group."""
        self._warn_outside_of_step()
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        return self._scaled(
            (self._left(self.last_epoch) / self._left(self.last_epoch - 1)) ** self.power
        )

    def _left(self, epoch: int) -> float:
        return 1.0 - epoch / self.total_iters

    def _get_closed_form_lr(self) -> list[Any]:
        return self._from_base(self._left(min(self.total_iters, self.last_epoch)) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Down to ``eta_min`` in ``T_max`` epochs along half a cosine, and up again.

    Loshchilov and Hutter, "SGDR", ICLR 2017, without the restarts.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     schedule.step()
        >>> round(schedule.get_last_lr()[0], 4)
        0.25
    """

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
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        groups = self.optimizer.param_groups
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # From the minimum, where the ratio below would be 0 / 0.
            rise = 1 - math.cos(math.pi / self.T_max)
            return [
                group["lr"] + (base - self.eta_min) * rise / 2
                for base, group in zip(self.base_lrs, groups, strict=True)
            ]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [ratio * (group["lr"] - self.eta_min) + self.eta_min for group in groups]

    def _get_closed_form_lr(self) -> list[Any]:
        height = self._height(self.last_epoch)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)
