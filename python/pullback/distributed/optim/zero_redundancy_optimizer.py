"""``ZeroRedundancyOptimizer``: each process keeps the state of its share of the parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed import _collectives, _objects
from pullback.distributed._calls import named
from pullback.distributed._group import ProcessGroup, default_group
from pullback.distributed.algorithms.join import Join, Joinable, JoinHook
from pullback.optim.optimizer import Optimizer

__all__ = ["ZeroRedundancyOptimizer"]


class _ZeROJoinHook(JoinHook):
    def __init__(self, optimizer: ZeroRedundancyOptimizer) -> None:
        self._optimizer = optimizer

    def main_hook(self) -> None:
        self._optimizer.step()


class ZeroRedundancyOptimizer(Optimizer, Joinable):
    """Any optimizer, with its state divided among the processes.

    Each parameter belongs to one process, the largest first to who has least. A step updates the
    parameters of this process and gives them to all others, so all have the same values as with the
    optimizer itself, and each has about one k-th of its state.

    Args:
        params: the parameters, or groups of them; the same in all processes, with gradients that
            are the same, as after the backward pass of ``DistributedDataParallel``.
        optimizer_class: the optimizer; it must treat parameters one by one.
        process_group: the processes, None for all.
        parameters_as_bucket_view: False.
        overlap_with_ddp: False.
        defaults: the settings of the optimizer.

    Raises:
        ValueError: an argument that is not supported.
    """

    def __init__(
        self,
        params: Iterable[Any],
        optimizer_class: type[Optimizer],
        process_group: Any = None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        **defaults: Any,
    ) -> None:
        for name, value in (
            ("parameters_as_bucket_view", parameters_as_bucket_view),
            ("overlap_with_ddp", overlap_with_ddp),
        ):
            if value:
                raise ValueError(f"ZeroRedundancyOptimizer: got {name}=True, expected False.")
        self.process_group = default_group() if process_group is None else process_group
        if not isinstance(self.process_group, ProcessGroup):
            raise ValueError("ZeroRedundancyOptimizer: this process is not in the process group.")
        self.rank = self.process_group.rank()
        self.world_size = self.process_group.size()
        self._optim_constructor = optimizer_class
        self._optim_defaults = defaults
        self._loads = [0] * self.world_size
        self._owners: list[list[int]] = []  # for each group and parameter
        self._all_states: list[Any] = []
        Joinable.__init__(self)
        super().__init__(params, defaults)
        self.optim = optimizer_class(
            [self._own(place) for place in range(len(self.param_groups))], **defaults
        )
        # Settings that are defaults of the optimizer and were not given.
        for group, own in zip(self.param_groups, self.optim.param_groups, strict=True):
            for key, value in own.items():
                group.setdefault(key, value)

    def _own(self, place: int) -> dict[str, Any]:
        """The share of this process of a group."""
        group = self.param_groups[place]
        kept = {key: value for key, value in group.items() if key not in {"params", "param_names"}}
        pairs = zip(group["params"], self._owners[place], strict=True)
        return {**kept, "params": [p for p, owner in pairs if owner == self.rank]}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; every process does it.

        Args:
            param_group: "params" and settings.
        """
        super().add_param_group(param_group)
        params = self.param_groups[-1]["params"]
        owners = [0] * len(params)
        for place in sorted(range(len(params)), key=lambda p: -params[p].numel()):
            owners[place] = self._loads.index(min(self._loads))
            self._loads[owners[place]] += params[place].numel()
        self._owners.append(owners)
        if hasattr(self, "optim"):
            self.optim.add_param_group(self._own(len(self.param_groups) - 1))

    def _settings_to_own(self) -> None:
        for group, own in zip(self.param_groups, self.optim.param_groups, strict=True):
            own.update(
                {key: value for key, value in group.items() if key in own.keys() - {"params"}}
            )

    def step(self, closure: Callable[[], Any] | None = None, **kwargs: Any) -> Any:
        """Update the parameters of this process, and give all processes those of all.

        Args:
            closure: computes the loss again, see ``Optimizer.step``.
            kwargs: given to the optimizer's ``step``.

        Returns:
            What the closure returned.
        """
        Join.notify_join_context(self)
        self._settings_to_own()
        loss = self.optim.step(closure, **kwargs) if closure else self.optim.step(**kwargs)
        self._give_to_all()
        return loss

    def _give_to_all(self) -> None:
        """One message for each owner and type."""
        shares: dict[tuple[int, Any], list[Tensor]] = {}
        for group, owners in zip(self.param_groups, self._owners, strict=True):
            for param, owner in zip(group["params"], owners, strict=True):
                shares.setdefault((owner, param.dtype), []).append(param)
        with pb.no_grad(), named("ZeroRedundancyOptimizer.step"):
            for (owner, _), params in shares.items():
                flat = pb.cat([each.detach().reshape(-1) for each in params])
                _collectives.broadcast(flat, group=self.process_group, group_src=owner)
                if owner == self.rank:
                    continue
                parts = flat.split([each.numel() for each in params])
                for each, part in zip(params, parts, strict=True):
                    each.copy_(part.view(each.shape))

    # --- state ---

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Bring the states of all processes to one of them, for its ``state_dict``.

        Args:
            to: the rank in the group of who gets them.
        """
        self._settings_to_own()
        everyone: list[Any] = [None] * self.world_size
        mine = self.rank == to
        with named("ZeroRedundancyOptimizer.consolidate_state_dict"):
            _objects.gather_object(
                self.optim.state_dict(),
                everyone if mine else None,
                group=self.process_group,
                group_dst=to,
            )
        self._all_states = everyone if mine else []

    def state_dict(self) -> dict[str, Any]:
        """The state of all parameters, in the process that ``consolidate_state_dict`` named.

        Raises:
            RuntimeError: the states were not brought here.
        """
        if not self._all_states:
            raise RuntimeError(
                "Optimizer state has not been consolidated on this rank. Please call "
                f"`consolidate_state_dict(to={self.rank})` on all ranks beforehand if you meant to "
                "save the global state."
            )
        result = super().state_dict()
        for owner, state in enumerate(self._all_states):
            for place, index in self._places_of(owner).items():
                if place in state["state"]:
                    result["state"][index] = state["state"][place]
        return result

    def _places_of(self, owner: int) -> dict[int, int]:
        """Numbers of the parameters of one process: its own to that in the whole list."""
        owners = [each for group in self._owners for each in group]
        return dict(enumerate(index for index, each in enumerate(owners) if each == owner))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the settings in a state of all parameters, and this process's share of it.

        Args:
            state_dict: the same in all processes.
        """
        whole = copy.copy(state_dict)
        places = self._places_of(self.rank)
        own = self.optim.state_dict()
        own["state"] = {
            place: state_dict["state"][index]
            for place, index in places.items()
            if index in state_dict["state"]
        }
        for group, given in zip(own["param_groups"], state_dict["param_groups"], strict=True):
            group.update({k: v for k, v in given.items() if k not in {"params", "param_names"}})
        self.optim.load_state_dict(own)
        super().load_state_dict({**whole, "state": {}})
        self._all_states = []

    # --- uneven inputs ---

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What happens in processes that have no more inputs: they make steps, too."""
        del kwargs
        return _ZeROJoinHook(self)

    @property
    def join_device(self) -> Any:
        """The CPU."""
        return pb.device("cpu")

    @property
    def join_process_group(self) -> ProcessGroup:
        """The processes."""
        group: ProcessGroup = self.process_group
        return group
