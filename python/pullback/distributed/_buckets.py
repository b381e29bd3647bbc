"""Gradient buckets: gradients that travel together, and when they do.

NOTE [Reducer]: parameters are in buckets, each one vector of one type. The hook that runs when a
parameter's ``.grad`` is complete, and its own hooks have run, copies it into its bucket; a full
bucket is all-reduced while the pass goes on, bucket after bucket in the same order everywhere. At
the end of the pass the rest is waited for and written back. After the first pass buckets are made
anew in the order in which the gradients came, as the first process saw it. The end of a pass is
known by a hook at the outputs of the module, so that passes inside of the pass (checkpoints) do not
count as one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.autograd import Variable, graph
from pullback.distributed import _collectives
from pullback.distributed._group import ProcessGroup
from pullback.distributed._reduce_op import ReduceOp
from pullback.distributed._work import Work
from pullback.futures import Future

__all__ = ["GradBucket", "Reducer"]

_MIB = 1 << 20


class GradBucket:
    """Gradients that travel together, as a communication hook gets them.

    The buffer has the gradients of this process, which are not divided by anything.
    """

    def __init__(self, index: int, bucket: _Bucket, parameters: list[Tensor], last: bool) -> None:
        self._index = index
        self._bucket = bucket
        self._parameters = parameters
        self._last = last

    def index(self) -> int:
        """Its place among the buckets."""
        return self._index

    def buffer(self) -> Tensor:
        """The gradients in one vector."""
        return self._bucket.buffer

    def set_buffer(self, buffer: Tensor) -> None:
        """Put other values in the place of the vector's."""
        with pb.no_grad():
            self._bucket.buffer.copy_(buffer)

    def gradients(self) -> list[Tensor]:
        """The parts of the vector, in the shapes of the parameters."""
        return list(self._bucket.views)

    def parameters(self) -> list[Tensor]:
        """Whose gradients they are."""
        return list(self._parameters)

    def is_last(self) -> bool:
        """Whether no bucket comes after it."""
        return self._last


class _Bucket:
    """One vector and the parameters, by their places, whose gradients are its parts."""

    def __init__(self, places: Sequence[int], params: Sequence[Tensor]) -> None:
        self.places = list(places)
        sizes = [params[place].numel() for place in places]
        self.buffer = pb.zeros(sum(sizes), dtype=params[places[0]].dtype)
        parts = self.buffer.split(sizes)
        self.views = [
            part.view(params[place].shape) for part, place in zip(parts, places, strict=True)
        ]
        self.left = len(places)
        self.work: Work | None = None
        self.future: Future[Any] | None = None


class Reducer:
    """Averages the gradients of parameters over the processes of a group; see NOTE [Reducer].

    Args:
        params: those that require a gradient, in the order of the module.
        names: of them, for errors.
        group: the processes.
        bucket_bytes: how large buckets are, after the first one of 1 MiB.
        as_view: whether ``.grad`` is the part of the bucket itself.
        may_miss: whether a pass may leave parameters out.
        average: whether the sum is divided by the number of processes.
    """

    def __init__(
        self,
        params: Sequence[Tensor],
        names: Sequence[str],
        group: ProcessGroup,
        bucket_bytes: float,
        as_view: bool,
        may_miss: bool,
        average: bool,
    ) -> None:
        self.params = list(params)
        self.names = list(names)
        self.group = group
        self.as_view = as_view
        self.may_miss = may_miss
        self.average = average
        self.passes = 0
        self.hook: Callable[[Any, GradBucket], Future[Any]] | None = None
        self.hook_state: Any = None
        self.divisor: Callable[[], float] = group.size
        self._caps = (min(_MIB, bucket_bytes), bucket_bytes)
        self._expecting = self._running = self._queued = False
        # Used in passes that were not averaged since the last one that was.
        self._touched = [False] * len(params)
        self._order: list[int] = []
        self._make_buckets(range(len(params) - 1, -1, -1))
        self._reset()
        this = weakref.ref(self)

        def hook_of(place: int) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                reducer = this()
                if reducer is None:
                    return
                if reducer._expecting:
                    reducer._arrived(place)
                else:
                    reducer._touched[place] = True

            return hook

        # Hooks of the nodes that accumulate run after the hooks of the parameters, which may change
        # the gradient.
        self._nodes = [graph.get_gradient_edge(each).node for each in self.params]
        self._handles = [
            node.register_hook(hook_of(place)) for place, node in enumerate(self._nodes)
        ]

    # --- buckets ---

    def _make_buckets(self, order: Sequence[int]) -> None:
        """Fill buckets in an order, each with one type."""
        self.buckets: list[_Bucket] = []
        open_: dict[Any, tuple[list[int], int]] = {}

        def close(dtype: Any) -> None:
            self.buckets.append(_Bucket(open_.pop(dtype)[0], self.params))

        for place in order:
            param = self.params[place]
            places, size = open_.setdefault(param.dtype, ([], 0))
            places.append(place)
            size += param.numel() * param.element_size()
            open_[param.dtype] = places, size
            if size >= self._caps[bool(self.buckets)]:
                close(param.dtype)
        for dtype in list(open_):
            close(dtype)
        self._home = {
            place: (bucket, slot)
            for bucket in self.buckets
            for slot, place in enumerate(bucket.places)
        }

    def rebuild(self) -> None:
        """After the first pass: buckets in the order in which gradients came in process 0."""
        if self.passes != 1 or self.may_miss or self._rebuilt:
            return
        self._rebuilt = True
        natural = list(range(len(self.params) - 1, -1, -1))
        order = pb.tensor(self._order if len(self._order) == len(natural) else natural)
        _collectives.broadcast(order, group=self.group, group_src=0)
        kept = [each.grad for each in self.params] if self.as_view else []
        self._make_buckets(order.tolist())
        for place, grad in enumerate(kept):
            if grad is not None:
                self._move_into_view(place, grad)

    _rebuilt = False

    def _move_into_view(self, place: int, grad: Tensor) -> None:
        bucket, slot = self._home[place]
        with pb.no_grad():
            bucket.views[slot].copy_(grad)
        self.params[place].grad = bucket.views[slot]

    # --- one pass ---

    def _reset(self) -> None:
        self._ready = [False] * len(self.params)
        self._next = 0
        self._old: dict[int, Tensor] = {}
        for bucket in self.buckets:
            bucket.left = len(bucket.places)
            bucket.work = bucket.future = None

    def prepare(self) -> None:
        """Before a forward whose gradients are to be averaged.

        Raises:
            RuntimeError: the pass before is not finished.
        """
        if self._running:
            raise RuntimeError(self._unfinished())
        self._reset()
        self._order = []
        self._expecting = True
        self._queued = False  # a pass that raised has no end

    def watch(self, outputs: Sequence[Any]) -> None:
        """Learn from the outputs of the module when a pass begins, whose end is then waited for."""
        this = weakref.ref(self)

        def begins(_: Tensor) -> None:
            reducer = this()
            engine = Variable._execution_engine
            if reducer is None or not engine.is_checkpoint_valid():  # no gradients of leaves
                return
            if not reducer._expecting:
                raise RuntimeError(
                    "The gradients of this pass would not be averaged: a pass after the last "
                    "forward of DistributedDataParallel has averaged them. Run one pass for each "
                    "forward, of the sum of the losses, or all but the last one in no_sync()."
                )
            reducer._wait_for_the_end()

        for each in outputs:
            if isinstance(each, Tensor) and each.requires_grad and each.grad_fn is not None:
                each.register_hook(begins)

    def _wait_for_the_end(self) -> None:
        if self._expecting and not self._queued:
            self._queued = True
            Variable._execution_engine.queue_callback(self._finish)

    def _scale(self) -> float:
        return 1.0 / self.divisor() if self.average else 1.0

    def _arrived(self, place: int) -> None:
        if self._ready[place]:
            raise RuntimeError(
                "Expected to mark a variable ready only once. The gradient of parameter "
                f"{self.names[place]!r} came twice after one forward: call backward once for each "
                "forward, or all but the last time inside of no_sync()."
            )
        view = self._fill(place)
        self._running = True
        self._wait_for_the_end()
        self._order.append(place)
        if self.as_view:
            self.params[place].grad = view
        self._mark(place)

    def _fill(self, place: int) -> Tensor:
        """Put the gradient that a parameter has into its part of the bucket."""
        bucket, slot = self._home[place]
        view, grad = bucket.views[slot], self.params[place].grad
        if grad is not None and grad.requires_grad:
            raise RuntimeError(
                f"The gradient of parameter {self.names[place]!r} has a history of its own: "
                "derivatives of averaged gradients are not supported. Run the pass without "
                "create_graph=True: torch.autograd.grad gives gradients that are differentiated "
                "again, and the backward pass of a loss made of them is averaged."
            )
        if grad is not None and grad.dtype != view.dtype:
            raise RuntimeError(
                f"The gradient of parameter {self.names[place]!r} is {grad.dtype}, and it was "
                f"{view.dtype} when DistributedDataParallel was made. Make a new one of the module."
            )
        with pb.no_grad():
            if grad is None:
                view.zero_()
            elif self.hook is None:
                pb.mul(grad.detach(), self._scale(), out=view)
            elif grad.data_ptr() != view.data_ptr():
                view.copy_(grad)
        return view

    def _mark(self, place: int) -> None:
        self._ready[place] = True
        self._home[place][0].left -= 1
        while self._next < len(self.buckets) and self.buckets[self._next].left == 0:
            self._launch(self._next)
            self._next += 1
        self.group._poke()

    def _launch(self, index: int) -> None:
        bucket = self.buckets[index]
        if self.hook is None:
            bucket.work = _collectives.all_reduce(
                bucket.buffer, ReduceOp.SUM, self.group, async_op=True
            )
            return
        params = [self.params[place] for place in bucket.places]
        last = index == len(self.buckets) - 1
        bucket.future = self.hook(self.hook_state, GradBucket(index, bucket, params, last))

    def _unfinished(self) -> str:
        missing = [name for name, ready in zip(self.names, self._ready, strict=True) if not ready]
        return (
            "Expected to have finished reduction in the prior iteration before starting a new one. "
            "This error indicates that your module has parameters that were not used in producing "
            f"loss: {', '.join(missing)}. Give DistributedDataParallel "
            "find_unused_parameters=True, and use all outputs of the forward in the loss."
        )

    def _finish(self) -> None:
        """The end of the pass: what is left travels, and all come home."""
        self._queued = False
        if not self._expecting:
            return
        missing = [place for place, ready in enumerate(self._ready) if not ready]
        if missing and not self.may_miss:
            if not self._running:  # a pass through the outputs that reached no parameter
                return
            raise RuntimeError(self._unfinished())
        self._running = True
        for place in missing:
            self._leave_out(place)
        self._come_home(set(missing))

    def _leave_out(self, place: int) -> None:
        """A parameter that this pass did not reach gives the gradient it has from passes before."""
        bucket, slot = self._home[place]
        view, grad = bucket.views[slot], self.params[place].grad
        if grad is not None and grad.data_ptr() == view.data_ptr():
            self._old[place] = grad.clone()
        self._fill(place)
        self._mark(place)

    def _used_by_any(self, missing: set[int]) -> list[bool]:
        if not self.may_miss:
            return [True] * len(self.params)
        used = pb.tensor(
            [int(place not in missing or touched) for place, touched in enumerate(self._touched)]
        )
        _collectives.all_reduce(used, ReduceOp.SUM, self.group)
        return [count > 0 for count in used.tolist()]

    def _come_home(self, missing: set[int]) -> None:
        for bucket in self.buckets:
            self._wait(bucket)
        used = self._used_by_any(missing)
        for bucket in self.buckets:
            for place, view in zip(bucket.places, bucket.views, strict=True):
                if used[place]:
                    self._write_back(self.params[place], view)
                elif place in self._old:
                    with pb.no_grad():
                        view.copy_(self._old[place])
        self._old = {}
        self._touched = [False] * len(self.params)
        self._expecting = self._running = False
        self.passes += 1

    def _wait(self, bucket: _Bucket) -> None:
        if bucket.work is not None:
            bucket.work.wait()
        if bucket.future is None:
            return
        result = bucket.future.wait()
        if isinstance(result, (list, tuple)):
            result = result[0]
        if not isinstance(result, Tensor) or result.numel() != bucket.buffer.numel():
            raise RuntimeError(
                "The future of a communication hook must have one tensor with the "
                f"{bucket.buffer.numel()} elements of the bucket: got {result!r}."
            )
        if result.data_ptr() != bucket.buffer.data_ptr():
            with pb.no_grad():
                bucket.buffer.copy_(result.view(-1))

    def _write_back(self, param: Tensor, view: Tensor) -> None:
        if self.as_view:
            param.grad = view
        elif param.grad is None:
            param.grad = view.clone()
        else:
            with pb.no_grad():
                param.grad.copy_(view)

    # --- for a process whose inputs have come to an end ---

    def shadow(self) -> None:
        """The collectives of a pass, with zeros."""
        self._reset()
        self._touched = [False] * len(self.params)
        for index, bucket in enumerate(self.buckets):
            with pb.no_grad():
                bucket.buffer.zero_()
            self._launch(index)
        for bucket in self.buckets:
            self._wait(bucket)
        self._used_by_any(set(range(len(self.params))))
        self.passes += 1
