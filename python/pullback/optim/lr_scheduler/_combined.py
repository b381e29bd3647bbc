"""Schedules of schedules: one after the other, and several at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from pullback import _arguments
from pullback.optim.lr_scheduler._base import LRScheduler, assign, check_optimizer
from pullback.optim.lr_scheduler._plateau import ReduceLROnPlateau
from pullback.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    _schedulers: Sequence[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of the schedules, their states."""
        state = super().state_dict()
        state["_schedulers"] = [schedule.state_dict() for schedule in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        rest = dict(state_dict)
        for schedule, state in zip(self._schedulers, rest.pop("_schedulers"), strict=True):
            schedule.load_state_dict(state)
        super().load_state_dict(rest)


def _check_schedules(name: str, schedules: Sequence[Any], optimizer: Any) -> None:
    for at, schedule in enumerate(schedules):
        if not hasattr(schedule, "optimizer"):
            raise TypeError(
                f"{name} at index {at} should have `optimizer` as its attribute: {name}(): "
                f"argument 'schedulers' must be schedulers, not {type(schedule).__name__}"
            )
        if isinstance(schedule, ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional "
                "kwargs to be specified when calling `step`, "
                f"but got one at index {at} in the given schedulers sequence."
            )
        if schedule.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                f"{type(schedule).__name__} at index {at} has {schedule.optimizer}, which is "
                f"different from {type(optimizer).__name__}."
            )


class SequentialLR(_Combined):
    """One schedule until each of the epochs ``milestones``, then the next one.

    Raises:
        ValueError: schedules of other optimizers, or not one more than milestones.

    Example:
        >>> import pullback as pb
        >>> from pullback.optim import lr_scheduler
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> first = lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=9)
        >>> then = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> schedule = lr_scheduler.SequentialLR(optimizer, [first, then], milestones=[2])
        >>> for _ in range(4):
        ...     print(schedule.get_last_lr())
        ...     optimizer.step()
        ...     schedule.step()
        [0.5]
        [0.5]
        [1.0]
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        _arguments.sized(name, schedulers=schedulers, milestones=milestones)
        _arguments.integers(name, last_epoch=last_epoch)
        if len(schedulers) < 1:
            raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
        _check_schedules(name, schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                "the number of milestone points, but got number of schedulers "
                f"{len(schedulers)} and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # All schedules set their first rates when they were made: back to the start.
        for group in optimizer.param_groups:
            assign(group, group["initial_lr"])
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Put all schedules in ``sched``, this one by default, an epoch back."""
        waiting = [self if sched is None else sched]
        while waiting:
            schedule: Any = waiting.pop()
            if hasattr(schedule, "_schedulers"):
                waiting += schedule._schedulers
            elif hasattr(schedule, "last_epoch"):
                schedule.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch and set its rates."""
        self.last_epoch += 1
        at = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[at]
        if at > 0 and self._milestones[at - 1] == self.last_epoch:
            schedule._update_lr(0)
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()


class ChainedScheduler(_Combined):
    """All schedules at every step, so that their factors are multiplied.

    Raises:
        ValueError: no schedules, or schedules of other optimizers.

    Example:
        >>> import pullback as pb
        >>> from pullback.optim import lr_scheduler
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = lr_scheduler.ChainedScheduler(
        ...     [lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.StepLR(optimizer, 1, 0.1)]
        ... )
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.05]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        name = type(self).__name__
        _arguments.sized(name, schedulers=schedulers)
        if optimizer is not None:
            check_optimizer(name, optimizer)
        if len(schedulers) < 1:
            raise ValueError(
                f"{name} expects at least one scheduler to be chained, but got no scheduler."
            )
        first = getattr(schedulers[0], "optimizer", None) if optimizer is None else optimizer
        _check_schedules(name, schedulers, first)
        assert first is not None
        self._schedulers = schedulers
        self.optimizer = first
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        """Let every schedule make its step."""
        for schedule in self._schedulers:
            schedule.step()
        self._last_lr = self._rates()
