"""``DistributedDataParallel``: a module in several processes, each with a part of the batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pullback as pb
import pullback.distributed as dist
from pullback import Tensor
from pullback.distributed import _collectives
from pullback.distributed._buckets import GradBucket, Reducer
from pullback.distributed._calls import Call, named
from pullback.distributed._group import ProcessGroup, default_group
from pullback.distributed._work import Agreement, Work
from pullback.distributed.algorithms.join import Join, Joinable, JoinHook
from pullback.futures import Future
from pullback.nn.modules.module import Module
from pullback.nn.parallel._fixed_tree import FixedTree
from pullback.utils import _pytree

__all__ = ["DistributedDataParallel"]

_MIB = 1 << 20


class _DistributedDataParallelJoinHook(JoinHook):
    def __init__(self, module: DistributedDataParallel, by_initial_size: bool) -> None:
        module._by_initial_size = by_initial_size
        self._module = module

    def main_hook(self) -> None:
        module = self._module
        if module._will_sync_buffers():
            module._sync_buffers_in_join(active=False)
        module.require_forward_param_sync = module._anyone_syncs_gradients(wanted=False)
        if module.require_forward_param_sync:
            module.reducer.rebuild()
            module.reducer.shadow()

    def post_hook(self, is_last_joiner: bool) -> None:
        self._module._sync_final_state(is_last_joiner)


class DistributedDataParallel(Module, Joinable):
    """Trains a module in several processes: gradients are averaged while backward runs.

    Every process has the module and its own part of each batch; parameters and buffers of the
    first process are given to all when this is made. After ``loss.backward()`` every process has
    the mean of the gradients of all, so k processes with a batch of b step as one with k b, if the
    loss is a mean.

    Args:
        module: the module; its state is under ``module.`` in the state of this one.
        device_ids: None or empty: there is the CPU.
        output_device: None.
        dim: not used, as in PyTorch.
        broadcast_buffers: whether each forward first gives all processes the buffers of the first;
            PyTorch's new name is ``forward_sync_buffers``.
        init_sync: whether shapes are compared and values given to all at the beginning.
        process_group: the processes, None for all.
        bucket_cap_mb: MiB of gradients that travel together, 25 by default; the first bucket has 1.
        find_unused_parameters: whether a pass may leave parameters out. Those that no process used
            keep the gradient they have.
        check_reduction: not used, as in PyTorch.
        gradient_as_bucket_view: whether ``.grad`` is memory of the bucket, which saves a copy.
        static_graph: whether every pass uses the same parameters; they may be some of them.
        delay_all_reduce_named_params: None, as are the next three.
        param_to_hook_all_reduce: None.
        mixed_precision: None.
        device_mesh: None.
        skip_all_reduce_unused_params: False.
        bucket_cap_mb_list: None.
        batched_grad_copy: False.
        forward_sync_buffers: instead of ``broadcast_buffers``; buffers are given to all at the
            beginning in any case.
        deterministic: whether gradients are sums over single examples in a fixed tree, the same
            bits at any number of processes that divides the batch. The batch of process r is
            every k-th example from the r-th on, as ``DistributedSampler`` deals them. The module
            is called with one example at a time; see ``docs/distributed.md`` for what it costs.
        average: whether gradients are divided by the number of processes; False for a loss that is
            a sum, or that is divided by the size of the whole batch.

    Raises:
        RuntimeError: no parameter requires a gradient.
        ValueError: an argument that is for other devices or not supported.
        DistBackendError: the modules of the processes have other parameters.

    Shape:
        Inputs and outputs are the module's.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: Any = None,
        param_to_hook_all_reduce: Any = None,
        mixed_precision: Any = None,
        device_mesh: Any = None,
        skip_all_reduce_unused_params: bool = False,
        bucket_cap_mb_list: Any = None,
        batched_grad_copy: bool = False,
        forward_sync_buffers: bool | None = None,
        *,
        deterministic: bool = False,
        average: bool = True,
    ) -> None:
        super().__init__()
        Joinable.__init__(self)
        del check_reduction
        for name, value in (
            ("device_ids", device_ids),
            ("output_device", output_device),
            ("delay_all_reduce_named_params", delay_all_reduce_named_params),
            ("param_to_hook_all_reduce", param_to_hook_all_reduce),
            ("mixed_precision", mixed_precision),
            ("device_mesh", device_mesh),
            ("skip_all_reduce_unused_params", skip_all_reduce_unused_params),
            ("bucket_cap_mb_list", bucket_cap_mb_list),
            ("batched_grad_copy", batched_grad_copy),
        ):
            if value:
                raise ValueError(
                    f"DistributedDataParallel: got {name}={value!r}, expected the default: it is "
                    "for other devices, or not supported."
                )
        if deterministic and (find_unused_parameters or static_graph or gradient_as_bucket_view):
            raise ValueError(
                "DistributedDataParallel: deterministic=True needs no find_unused_parameters, "
                "static_graph or gradient_as_bucket_view: parameters may be left out, and there "
                "are no buckets."
            )
        if not isinstance(module, Module):
            raise TypeError(
                f"DistributedDataParallel(): argument 'module' must be Module, not "
                f"{type(module).__name__}"
            )
        self.process_group = default_group() if process_group is None else process_group
        if not isinstance(self.process_group, ProcessGroup):
            raise ValueError("DistributedDataParallel: this process is not in the process group.")
        ignored = getattr(module, "_ddp_params_and_buffers_to_ignore", ())
        found = [
            (name, param)
            for name, param in module.named_parameters()
            if param.requires_grad and name not in ignored
        ]
        if not found:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameters "
                "that require a gradient."
            )
        both = (broadcast_buffers, forward_sync_buffers)
        self.module = module
        self.dim = dim
        self.device_ids = None
        self.output_device = None
        self.device = pb.device("cpu")
        self.device_type = "cpu"
        self.broadcast_buffers = all(each is None or each for each in both)
        self.forward_sync_buffers = self.broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.static_graph = static_graph
        self.deterministic = deterministic
        self.require_backward_grad_sync = True
        self.require_forward_param_sync = True
        self.bucket_bytes_cap = int((25 if bucket_cap_mb is None else bucket_cap_mb) * _MIB)
        self._by_initial_size = True
        self._active: Work | None = None
        self._ignored = ignored
        self._averaged = [
            (name, owner, key, param if param.requires_grad else None)
            for prefix, owner in module.named_modules()
            for key, param in owner._parameters.items()
            if (name := f"{prefix}.{key}".removeprefix(".")) not in ignored and param is not None
        ]
        self._has_buffers = bool(self._buffers_now())
        if init_sync:
            self._compare_shapes()
            # The old name leaves buffers alone at the beginning, too.
            alone = broadcast_buffers is False and forward_sync_buffers is None
            without = self._buffers_now() if alone else []
            self._give_to_all([t for _, t in self._state_now() if not _is_in(t, without)], 0)
        names, params = [name for name, _ in found], [param for _, param in found]
        if deterministic:
            self._tree = FixedTree(module, names, params, self.process_group, average)
            return
        self.reducer = Reducer(
            params,
            names,
            self.process_group,
            self.bucket_bytes_cap,
            gradient_as_bucket_view,
            find_unused_parameters or static_graph,
            average,
        )

    # --- state of all processes ---

    def _buffers_now(self) -> list[Tensor]:
        """Buffers, which the module may have put others in the place of."""
        return [t for name, t in self.module.named_buffers() if name not in self._ignored]

    def _state_now(self) -> list[tuple[str, Tensor]]:
        both = [*self.module.named_parameters(), *self.module.named_buffers()]
        return [(name, tensor) for name, tensor in both if name not in self._ignored]

    def _check_what_is_averaged(self) -> None:
        for name, owner, key, param in self._averaged:
            now = owner._parameters.get(key)
            if now is not param and now is not None and now.requires_grad and now.is_leaf:
                raise RuntimeError(
                    f"The gradient of parameter {name!r} would not be averaged: it did not require "
                    "one, or was another tensor, when DistributedDataParallel was made. Make a new "
                    "one of the module."
                )

    def _compare_shapes(self) -> None:
        group = self.process_group
        shapes = ", ".join(
            f"{name}: {str(t.dtype).removeprefix('torch.')} {list(t.shape)}{t.requires_grad * '*'}"
            for name, t in self._state_now()
        )
        call = Call("DistributedDataParallel", shapes, shapes)
        Agreement(group, call).wait(group._seconds)

    def _give_to_all(self, tensors: Sequence[Tensor], root: int) -> None:
        """Values of one process, type by type in one message each."""
        group = self.process_group
        if group.size() == 1:
            return
        kinds: dict[Any, list[Tensor]] = {}
        for each in tensors:
            kinds.setdefault(each.dtype, []).append(each.detach())
        for same in kinds.values():
            with pb.no_grad(), named("DistributedDataParallel"):
                flat = pb.cat([each.reshape(-1) for each in same])
                _collectives.broadcast(flat, group=group, group_src=root)
                if group.rank() == root:
                    continue
                parts = flat.split([each.numel() for each in same])
                for each, part in zip(same, parts, strict=True):
                    each.copy_(part.view(each.shape))

    def _will_sync_buffers(self) -> bool:
        return self.require_forward_param_sync and self.broadcast_buffers and self._has_buffers

    def will_sync_module_buffers(self) -> bool:
        """Whether the next forward gives all processes the buffers of the first."""
        return self._will_sync_buffers()

    def _common_rank(self, candidate: bool) -> int:
        """The highest rank of those that are candidates."""
        rank = pb.tensor([self.process_group.rank() if candidate else -1])
        dist.all_reduce(rank, dist.ReduceOp.MAX, group=self.process_group)
        if rank.item() < 0:
            raise RuntimeError("BUG! Expected rank_cond to be true for at least one process.")
        return int(rank.item())

    def _sync_buffers_in_join(self, active: bool) -> None:
        self._give_to_all(self._buffers_now(), self._common_rank(active))

    def _anyone_syncs_gradients(self, wanted: bool) -> bool:
        count = pb.tensor([int(wanted)])
        dist.all_reduce(count, group=self.process_group)
        return bool(count.item())

    def _sync_final_state(self, is_last: bool) -> None:
        root = self._common_rank(is_last)
        self._give_to_all([t for _, t in self._state_now()], root)

    # --- forward ---

    def _divisor(self) -> float:
        """How many processes the gradients of this pass are divided by."""
        if self._by_initial_size or self._active is None:
            return self.process_group.size()
        return float(self._active.result()[0].item())

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's result, after buffers were given to all if they are."""
        wanted = pb.is_grad_enabled() and self.require_backward_grad_sync
        if wanted:
            self._check_what_is_averaged()
        if self.deterministic:
            if self._will_sync_buffers():
                self._give_to_all(self._buffers_now(), 0)
            if not wanted:
                return self.module(*inputs, **kwargs)
            return self._tree.forward(inputs, kwargs)
        self._active = Join.notify_join_context(self)
        self.reducer.divisor = self._divisor
        joining = self._join_config.enable
        if self._will_sync_buffers():
            if joining:
                self._sync_buffers_in_join(active=True)
            else:
                self._give_to_all(self._buffers_now(), 0)
        if self._anyone_syncs_gradients(wanted) if joining else wanted:
            self.reducer.rebuild()
        output = self.module(*inputs, **kwargs)
        self.require_forward_param_sync = wanted
        if wanted:
            self.reducer.prepare()
            self.reducer.watch(_pytree.tree_leaves(output))
        return output

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients of forwards inside are added up here, and are averaged with the next ones.

        Raises:
            RuntimeError: with ``deterministic=True``.
        """
        if self.deterministic:
            raise RuntimeError(
                "no_sync: with deterministic=True sums of several batches would depend on the "
                "number of processes. Give the forward the whole batch."
            )
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(
        self,
        divide_by_initial_world_size: bool = True,
        enable: bool = True,
        throw_on_early_termination: bool = False,
    ) -> Join:
        """A block in which processes may have different numbers of inputs.

        Args:
            divide_by_initial_world_size: whether gradients are divided by the number of all
                processes, or by that of those that still have inputs.
            enable: whether the block does anything.
            throw_on_early_termination: whether all raise when the first has no more inputs.
        """
        return Join(
            [self],
            enable,
            throw_on_early_termination,
            divide_by_initial_world_size=divide_by_initial_world_size,
        )

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What happens in processes that have no more inputs."""
        if self.deterministic:
            raise RuntimeError("join: with deterministic=True all processes have equal batches.")
        return _DistributedDataParallelJoinHook(
            self, kwargs.get("divide_by_initial_world_size", True)
        )

    @property
    def join_device(self) -> Any:
        """The CPU."""
        return self.device

    @property
    def join_process_group(self) -> ProcessGroup:
        """The processes."""
        return self.process_group

    def register_comm_hook(
        self, state: object, hook: Callable[[Any, GradBucket], Future[Any]]
    ) -> None:
        """Let a function average the buckets.

        Args:
            state: given to the function.
            hook: called with the state and a ``GradBucket`` whose values are not divided by
                anything; returns a ``Future`` of what is to be in its place.

        Raises:
            RuntimeError: there is a hook, or ``deterministic=True``.
            TypeError: it cannot be called.
        """
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self.deterministic:
            raise RuntimeError("register_comm_hook: there are no buckets with deterministic=True.")
        if self.reducer.hook is not None:
            raise RuntimeError(
                "register_comm_hook or register_builtin_comm_hook can only be called once."
            )
        self.reducer.hook, self.reducer.hook_state = hook, state

    def train(self, mode: bool = True) -> DistributedDataParallel:
        """Set the mode of the module, too."""
        super().train(mode)
        return self

    def __getstate__(self) -> dict[str, Any]:
        raise RuntimeError(
            "DistributedDataParallel is not copied or pickled: groups belong to running processes. "
            "Save state_dict(), or the module itself: ddp.module."
        )


def _is_in(tensor: Tensor, tensors: Sequence[Tensor]) -> bool:
    return any(tensor is each for each in tensors)
