"""Uneven inputs: a process that has no more of them makes the collectives of those that do.

NOTE [Joining]: inside of ``Join`` every iteration begins with an all-reduce of how many processes
still have inputs (``notify_join_context``, called by the first of the joinables). A process that
leaves the block answers these with zero, and runs the ``main_hook`` of each joinable, which makes
the collectives of one iteration, until the sum is zero.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import pullback as pb
from pullback.distributed import _collectives
from pullback.distributed._group import ProcessGroup
from pullback.distributed._work import Work

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Join", "JoinHook", "Joinable"]

_MANY = 1000


class JoinHook:
    """What a joinable does in processes that have no more inputs."""

    def main_hook(self) -> None:
        """Make the collectives of one iteration of the others."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Called when nobody has inputs.

        Args:
            is_last_joiner: whether this process was among the last that had some.
        """


class _Settings:
    """What ``Join`` tells its joinables."""

    def __init__(self, enable: bool, throw: bool, is_first: bool) -> None:
        self.enable = enable
        self.throw_on_early_termination = throw
        self.is_first_joinable = is_first


class Joinable(ABC):
    """Something that makes collectives in every iteration."""

    _join_config: _Settings = _Settings(False, False, False)

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What it does in processes that have no more inputs."""

    @property
    @abstractmethod
    def join_device(self) -> Any:
        """Where the numbers of ``Join`` are: the CPU."""

    @property
    @abstractmethod
    def join_process_group(self) -> ProcessGroup:
        """The processes."""


class Join:
    """A block in which each process goes through its own number of inputs.

    Args:
        joinables: what makes collectives in every iteration: modules, optimizers.
        enable: whether the block does anything.
        throw_on_early_termination: whether all processes raise when the first has no more inputs.
        kwargs: given to the ``join_hook`` of each joinable.

    Raises:
        ValueError: no joinables, or of several groups.
        RuntimeError: inputs ended somewhere, with ``throw_on_early_termination``.
    """

    def __init__(
        self,
        joinables: list[Joinable],
        enable: bool = True,
        throw_on_early_termination: bool = False,
        **kwargs: Any,
    ) -> None:
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        groups = {id(each.join_process_group) for each in joinables}
        if len(groups) != 1:
            raise ValueError("Using join context manager with multiple process groups")
        self._joinables = joinables
        self._hooks = [each.join_hook(**kwargs) for each in joinables]
        self._enable = enable
        self._throw = throw_on_early_termination
        self._group = joinables[0].join_process_group

    def __enter__(self) -> Self:
        for place, each in enumerate(self._joinables):
            each._join_config = _Settings(self._enable, self._throw, place == 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._enable and kind is None:
                self._shadow()
        finally:
            for each in self._joinables:
                each._join_config = _Settings(False, False, False)

    def _shadow(self) -> None:
        is_last, iterations = True, 0
        while True:
            active = pb.zeros(1)
            _collectives.all_reduce(active, group=self._group)
            if active.item() == 0:
                break
            _tell_end(self._group, ended=self._throw)
            is_last = False
            iterations += 1
            if iterations == _MANY:
                warnings.warn(
                    f"Detected uneven input skew of greater than {_MANY}. This means that rank "
                    f"{self._group.rank()} has at least {_MANY} fewer inputs than other "
                    "currently-active ranks.",
                    stacklevel=3,
                )
            for hook in self._hooks:
                hook.main_hook()
        for hook in self._hooks:
            hook.post_hook(is_last)

    @staticmethod
    def notify_join_context(joinable: Joinable) -> Work | None:
        """Called by a joinable at the beginning of an iteration, before its collectives.

        Args:
            joinable: the one that calls it; only the first of a ``Join`` does anything.

        Returns:
            The ``Work`` of counting who has inputs; its result is the number, or None.
        """
        settings = joinable._join_config
        if not settings.enable or not settings.is_first_joinable:
            return None
        group = joinable.join_process_group
        work = _collectives.all_reduce(pb.ones(1), group=group, async_op=True)
        assert work is not None
        if settings.throw_on_early_termination:
            ended = work.result()[0].item() < group.size()
            _tell_end(group, ended)
        return work


def _tell_end(group: ProcessGroup, ended: bool) -> None:
    if ended:
        raise RuntimeError(
            f"Detected at least one rank that exhausted inputs. Throwing across all ranks: this is "
            f"rank {group.rank()}."
        )
