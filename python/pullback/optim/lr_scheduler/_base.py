"""``LRScheduler``, and what all schedules share.

``get_lr`` of a schedule gives the rates of the epoch ``last_epoch``, as a rule out of the rates in
force, so that rates changed by hand are kept; ``_get_closed_form_lr``, where there is one, gives
them out of the rates at the start, for a jump to an epoch. Attributes have PyTorch's names, since
they are what ``state_dict`` gives.
"""

from __future__ import annotations

import weakref
from typing import Any

from pullback import Tensor, _arguments, _core
from pullback.optim.optimizer import Optimizer

__all__ = ["LRScheduler"]

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` is deprecated: call it without."
)


class LRScheduler:
    """Base class: a schedule defines ``get_lr``.

    Args:
        optimizer: whose rates are set.
        last_epoch: -1 to begin; the epoch to go on from, with ``initial_lr`` in every group.

    Raises:
        TypeError: ``optimizer`` is none.
        KeyError: a group lacks ``initial_lr`` when going on.

    Example:
        >>> import pullback as pb
        >>> class Alternating(pb.optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [base * (1 + self.last_epoch % 2) for base in self.base_lrs]
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=0.5)
        >>> schedule = Alternating(optimizer)
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     schedule.step()
        ...     print(schedule.get_last_lr())
        [1.0]
        [0.5]
        [1.0]
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(type(self).__name__, optimizer)
        _arguments.integers(type(self).__name__, last_epoch=last_epoch)
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] "
                    "when resuming scheduler with last_epoch >= 0. Load the state of the "
                    "optimizer first, or begin with last_epoch=-1."
                )
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        watch_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, and set its rates."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                _core._warn(
                    "Seems like `optimizer.step()` has been overridden after learning rate "
                    "scheduler initialization. Call `optimizer.step()` before "
                    "`lr_scheduler.step()`.",
                )
            elif not getattr(self.optimizer, "_opt_called", False):
                _core._warn(
                    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them "
                    "in the opposite order: otherwise the first value of the schedule is skipped.",
                )
        self._step_count += 1
        if epoch is not None:
            _core._warn(EPOCH_DEPRECATION_WARNING)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set_rates(self._rates_for_step() if closed is None else closed())

    def _rates_for_step(self) -> list[Any]:
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set_rates(self, rates: list[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, rate)
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
        return [copied(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[Any]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _from_base(self, factor: float) -> list[Any]:
        return [base * factor for base in self.base_lrs]


class _LRScheduler(LRScheduler):
    """The old name of the class, for ``isinstance``."""


def check_optimizer(name: str, optimizer: object) -> None:
    if not isinstance(optimizer, Optimizer):
        got = type(optimizer).__name__
        raise TypeError(
            f"{got} is not an Optimizer: {name}(): argument 'optimizer' must be Optimizer, not "
            + got
        )


def copied(rate: Any) -> Any:
    return rate.clone() if isinstance(rate, Tensor) else rate


def assign(group: dict[str, Any], rate: Any) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


def _format_param(name: str, optimizer: Optimizer, param: Any) -> list[Any]:
    """A value for each group, from one or a list of them."""
    groups = len(optimizer.param_groups)
    many = param if isinstance(param, (list, tuple)) else [param] * groups
    if len(many) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(many)} values, param_groups has {groups}."
        )
    return [copied(value) for value in many]


def watch_steps(optimizer: Optimizer) -> None:
    """Let the optimizer remember that it made a step; only one that has a scheduler pays for it."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    # The optimizer must not hold itself: it would not be freed when the last name goes.
    weak = weakref.ref(optimizer)
    plain = optimizer.step.__func__ if hasattr(optimizer.step, "__func__") else None

    def step(*args: Any, **kwargs: Any) -> Any:
        owner = weak()
        if owner is None:
            raise ReferenceError("Optimizer.step: the optimizer of this method is gone.")
        owner.__dict__["_opt_called"] = True
        function = type(owner).step if plain is None else plain
        return function(owner, *args, **kwargs)

    vars(step)["_wrapped_by_lr_sched"] = True
    optimizer.__dict__["step"] = step
