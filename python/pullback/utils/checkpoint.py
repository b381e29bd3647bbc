"""Checkpointing: a part of the forward pass keeps its inputs only and is run again for backward.

NOTE [Checkpoints]
Without reentrance (``use_reentrant=False``) a checkpoint is a pair of saved-tensor hooks around the
function. What would be saved becomes a slot, an empty object that knows its number; the inputs are
saved by a node of their own, outside these hooks, so that an enclosing checkpoint keeps them in its
way. The first slot that backward opens runs the function again, under hooks which put what is saved
this time into the slots of the same numbers. A slot gives its tensor away once for each pass.
With reentrance the function is a custom function whose backward runs it again, recorded, and calls
``backward`` on the result.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pullback
from pullback import _arguments, _core
from pullback._grad_mode import enable_grad, no_grad
from pullback._level_kinds import GRAD, LINEAR
from pullback.autograd.forward_ad import set_forward_grad_enabled
from pullback.autograd.function import Function
from pullback.autograd.graph import saved_tensors_hooks
from pullback.random import fork_rng
from pullback.utils import _selective
from pullback.utils._checkpoint_parts import (
    check_backward_validity,
    detach_variable,
    get_device_states,
    set_device_states,
)
from pullback.utils._selective import *  # noqa: F403

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]
__all__ += _selective.__all__

_REVERSE = {GRAD, LINEAR}
_Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class CheckpointError(RuntimeError):
    """The function did something else when it was run again."""


class _Settings:
    early_stop: bool | None = None
    debug: bool | None = None


@contextlib.contextmanager
def _override(name: str, value: bool | None) -> Iterator[None]:
    before = getattr(_Settings, name)
    setattr(_Settings, name, value)
    try:
        yield
    finally:
        setattr(_Settings, name, before)


def set_checkpoint_early_stop(enable: bool | None) -> AbstractContextManager[None]:
    """Whether running again stops when all that is needed is there, for checkpoints made inside.

    None leaves it to each checkpoint's argument ``early_stop``.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import checkpoint, set_checkpoint_early_stop
        >>> calls = []
        >>> def f(x):
        ...     y = x.sin()
        ...     calls.append("end")
        ...     return y
        >>> with set_checkpoint_early_stop(False):
        ...     y = checkpoint(f, pb.ones(1, requires_grad=True), use_reentrant=False)
        >>> y.backward()
        >>> calls
        ['end', 'end']
    """
    _arguments.flags("set_checkpoint_early_stop", enable=enable)
    return _override("early_stop", enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> AbstractContextManager[None]:
    """Override the argument ``debug`` of all checkpoints made inside; None does not.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import checkpoint, set_checkpoint_debug_enabled
        >>> with set_checkpoint_debug_enabled(True):
        ...     y = checkpoint(pb.sin, pb.ones(1, requires_grad=True), use_reentrant=False)
    """
    _arguments.flags("set_checkpoint_debug_enabled", enabled=enabled)
    return _override("debug", enabled)


def noop_context_fn() -> _Contexts:
    """Two contexts that do nothing: the default of ``context_fn``.

    Example:
        >>> from pullback.utils.checkpoint import noop_context_fn
        >>> forward, again = noop_context_fn()
        >>> with forward, again:
        ...     pass
    """
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], _Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function and keep only its inputs; backward runs it again.

    Args:
        function: any function of tensors; it must do the same when it is run again.
        args: its arguments; tensors among them are kept.
        use_reentrant: False is the better way, see below; to be passed explicitly.
        preserve_rng_state: a keyword argument, True by default: random numbers are drawn again as
            they were.
        context_fn: gives two contexts, for the call and for running again.
        determinism_check: "default" compares shapes and dtypes of what was saved both times, "none"
            does not.
        debug: an error of this check shows the lines that saved tensors, both times.
        early_stop: running again stops as soon as all that backward needs is there.
        kwargs: keyword arguments of the function (``use_reentrant=False`` only).

    With ``use_reentrant=True`` the function is not recorded, its tensor arguments must be among
    ``args``, and only ``backward()`` without ``inputs`` works.

    Raises:
        CheckpointError: a RuntimeError; when running again saved other tensors.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import checkpoint
        >>> x = pb.tensor(2.0, requires_grad=True)
        >>> checkpoint(lambda x: (x * x).exp(), x, use_reentrant=False).backward()
        >>> x.grad
        tensor(218.3926)
    """
    _arguments.functions("checkpoint", function=function, context_fn=context_fn)
    _arguments.flags("checkpoint", use_reentrant=use_reentrant, debug=debug, early_stop=early_stop)
    if use_reentrant is None:
        _warn_about_reentrance("checkpoint")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve, *args)
    if _Settings.debug is not None:
        debug = _Settings.debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    forward_context, again_context = context_fn()
    if not _core.is_grad_enabled() or _keeps_nothing((*args, *kwargs.values())):
        return function(*args, **kwargs)
    frame = _Frame(function, kwargs, again_context, preserve)
    frame.compares = determinism_check == "default"
    frame.early_stop = early_stop if _Settings.early_stop is None else _Settings.early_stop
    frame.debug = debug
    frame.keep(args)
    with frame.first_hooks(), forward_context:
        result = function(*args, **kwargs)
        frame.complete = True
    if not frame.complete:
        raise RuntimeError(
            "torch.utils.checkpoint: the forward context provided by context_fn suppressed an "
            "exception raised during the checkpointed forward. This is not supported because "
            "checkpoint cannot return a value for a failed forward."
        )
    return result


def _keeps_nothing(values: Sequence[Any]) -> bool:
    """Whether the call is one of examples inside vmap without a gradient; refuses transforms.

    What a transform records belongs to a level that has ended when backward would run again.
    """
    if not _REVERSE.isdisjoint(_core._level_kinds()):
        raise RuntimeError(
            "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. A "
            "checkpoint is made of them: put the transform inside of it."
        )
    batches = [_core._batch_of(x) for x in values if isinstance(x, _core.Tensor)]
    inside = [batch[1] for batch in batches if batch is not None]
    for examples in inside:
        while (further := _core._batch_of(examples)) is not None:
            examples = further[1]
        if examples.requires_grad:
            raise RuntimeError(
                "checkpoint: got an example inside vmap that requires a gradient, expected one "
                "without. Put vmap inside of the checkpoint."
            )
    return bool(inside)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Call functions one after the other, in so many segments; all but the last are checkpoints.

    Args:
        functions: an ``nn.Sequential`` or a list of functions of one argument.
        segments: in how many parts to cut it.
        input: the argument of the first.
        use_reentrant: as for :func:`checkpoint`; so is ``preserve_rng_state``, by keyword.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import checkpoint_sequential
        >>> x = pb.tensor(1.0, requires_grad=True)
        >>> steps = [pb.sin, pb.exp, pb.cos, pb.tanh]
        >>> checkpoint_sequential(steps, 2, x, use_reentrant=False).backward()
        >>> x.grad
        tensor(-0.5961)
    """
    _arguments.integers("checkpoint_sequential", segments=segments)
    _arguments.flags("checkpoint_sequential", use_reentrant=use_reentrant)
    if use_reentrant is None:
        _warn_about_reentrance("checkpoint_sequential")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if hasattr(functions, "children"):
        functions = functions.children()
    steps = _arguments.elements(
        "checkpoint_sequential", "functions", functions, "a Sequential or a list of functions"
    )
    size = len(steps) // segments
    if size == 0 and segments > 1:
        raise ValueError(
            f"range() arg 3 must not be zero: checkpoint_sequential got {segments} segments for "
            f"{len(steps)} functions, expected at most as many segments as functions."
        )

    def chain(part: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
        def run(value: Any) -> Any:
            for step in part:
                value = step(value)
            return value

        return run

    last = size * (segments - 1)
    for start in range(0, last, size or 1):
        input = checkpoint(
            chain(steps[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return chain(steps[last:])(input)


def _warn_about_reentrance(name: str) -> None:
    prefix = "torch.utils.checkpoint" + (".checkpoint_sequential" * (name != "checkpoint"))
    warnings.warn(
        f"{prefix}: the use_reentrant parameter should be passed explicitly. Starting in PyTorch "
        "2.9, calling checkpoint without use_reentrant will raise an exception. "
        "use_reentrant=False is recommended, but if you need to preserve the current default "
        "behavior, you can pass use_reentrant=True.",
        stacklevel=3,
    )


# --- with reentrance ---


class CheckpointFunction(Function):
    """The custom function behind ``use_reentrant=True``."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        """Run the function without recording."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.random = _core.default_generator.get_state() if preserve_rng_state else None
        ctx.others = [None if isinstance(x, _core.Tensor) else x for x in args]
        ctx.save_for_backward(*(x if isinstance(x, _core.Tensor) else None for x in args))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Run the function again, recorded, and walk its graph."""
        if _core._pass_selects_inputs():
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        saved = zip(ctx.saved_tensors, ctx.others, strict=True)
        inputs = detach_variable(tuple(o if t is None else t for t, o in saved))
        with _as_it_was(ctx.random), enable_grad():
            outputs = ctx.run_function(*inputs)
        if isinstance(outputs, _core.Tensor):
            outputs = (outputs,)
        pairs = [
            (y, g)
            for y, g in zip(outputs, gradients, strict=False)
            if isinstance(y, _core.Tensor) and y.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        pullback.autograd.backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, *(getattr(x, "grad", None) for x in inputs))


@contextlib.contextmanager
def _as_it_was(random: Any) -> Iterator[None]:
    """Draw random numbers from this state inside; from the present one when it is None."""
    with fork_rng(enabled=random is not None):
        if random is not None:
            pullback.set_rng_state(random)
        yield


# --- without ---


class _EnoughError(Exception):
    """Raised inside the function that is run again, when all slots are full."""


class _Slot:
    """The place of one tensor that the first run would have saved."""

    __slots__ = ("__weakref__", "number", "values")

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[int, Any] = {}  # by pass; None when it was given away


class _KeepInputs(Function):
    """Saves tensors and gives nothing."""

    @staticmethod
    def forward(*inputs: Any) -> Any:
        return inputs[0].detach()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], *_: Any) -> None:
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        del ctx
        raise AssertionError("Did not expect to backward on this graph")


# Numbers of reads that no pass makes; those of passes are positive.
_outside = itertools.count(-1, -1)


def _that_requires(tensor: Any, wanted: bool) -> Any:
    """The tensor, or one like it if requires_grad_ was called on it since."""
    return tensor if tensor.requires_grad == wanted else tensor.detach().requires_grad_(wanted)


class _Frame:
    """One checkpoint, as its slots see it."""

    complete = False
    compares = True
    early_stop = True
    debug = False

    def __init__(
        self,
        function: Callable[..., Any],
        kwargs: dict[str, Any],
        context: AbstractContextManager[Any],
        preserve_rng_state: bool,
    ) -> None:
        self.function = function
        self.kwargs = kwargs
        self.context = context
        self.random = _core.default_generator.get_state() if preserve_rng_state else None
        self.slots: list[weakref.ref[_Slot]] = []
        self.kinds: list[tuple[Any, Any]] = []
        self.lines: list[str] = []
        self.passes: set[int] = set()
        self.inputs: Any = None
        self.others: list[Any] = []
        self.wanted: list[bool] = []  # for each argument whether it required a gradient

    def keep(self, args: tuple[Any, ...]) -> None:
        """Save the arguments outside the hooks of this checkpoint."""
        self.others = [None if isinstance(x, _core.Tensor) else x for x in args]
        self.wanted = [isinstance(x, _core.Tensor) and x.requires_grad for x in args]
        anchor = pullback.empty(0, requires_grad=True)
        tensors = (x if isinstance(x, _core.Tensor) else None for x in args)
        with set_forward_grad_enabled(False):
            self.inputs = _KeepInputs.apply(anchor, *tensors).grad_fn

    def first_hooks(self) -> saved_tensors_hooks:
        def pack(tensor: Any) -> _Slot:
            slot = _Slot(len(self.slots))
            self.slots.append(weakref.ref(slot))
            self.kinds.append((tensor.shape, tensor.dtype))
            if self.debug:
                self.lines.append(_user_line())
            return slot

        return saved_tensors_hooks(pack, self.open)

    def open(self, slot: _Slot) -> Any:
        """The tensor of a slot, for a pass or for somebody who looks."""
        number = _core._current_graph_task_id()
        if number == -1:
            number = next(_outside)
        if number not in self.passes:
            self.run_again(number)
        value = slot.values[number]
        if value is None:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already "
                "unpacked once. If you are calling ctx.saved_tensors in backward, make sure to do "
                "so only once."
            )
        slot.values[number] = None
        return value

    def run_again(self, number: int) -> None:
        run = _Run(self, number)
        kept = zip(self.inputs.saved_tensors, self.others, self.wanted, strict=True)
        args = [
            other if tensor is None else _that_requires(tensor, wanted)
            for tensor, other, wanted in kept
        ]
        enough = contextlib.suppress(_EnoughError)
        with enough, _as_it_was(self.random), self.context, run.hooks(), enable_grad():
            self.function(*args, **self.kwargs)
        self.passes.add(number)
        run.check()


class _Run:
    """Running the function of a frame again, for one pass."""

    def __init__(self, frame: _Frame, number: int) -> None:
        self.frame = frame
        self.number = number
        self.count = 0
        self.surplus_allowed = False
        self.differences: list[tuple[int, Any, Any]] = []
        self.lines: list[str] = []

    def hooks(self) -> saved_tensors_hooks:
        return saved_tensors_hooks(self.fill, lambda tensor: tensor)

    def fill(self, tensor: Any) -> Any:
        if tensor.requires_grad:
            tensor = tensor.detach()
        frame, position = self.frame, self.count
        self.count += 1
        if frame.debug:
            self.lines.append(_user_line())
        if position >= len(frame.slots):
            if not frame.complete:
                # A backward inside the function: what comes after it was not saved yet.
                self.surplus_allowed = True
                return tensor
            raise self.error(
                "torch.utils.checkpoint: trying to save more tensors during recomputation than "
                "during the original forward pass."
            )
        slot = frame.slots[position]()
        if slot is not None:
            kind = (tensor.shape, tensor.dtype)
            if frame.compares and kind != frame.kinds[position]:
                self.differences.append((position, frame.kinds[position], kind))
            slot.values[self.number] = tensor
        if frame.early_stop and self.count == len(frame.slots):
            raise _EnoughError
        return tensor

    def check(self) -> None:
        frame = self.frame
        if self.count != len(frame.slots) and not self.surplus_allowed:
            raise self.error(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(frame.slots)}\n"
                f"Number of tensors saved during recomputation: {self.count}."
            )
        if self.differences:
            text = "".join(
                f"tensor at position {position}:\n"
                f"saved metadata: {_describe(first)}\n"
                f"recomputed metadata: {_describe(again)}\n"
                for position, first, again in self.differences
            )
            raise self.error(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass.\n{text}"
            )

    def error(self, message: str) -> CheckpointError:
        if not self.frame.debug:
            return CheckpointError(
                f"{message}\n\nTip: To see a more detailed error message, pass `debug=True` to "
                "checkpoint: it shows the lines that saved tensors, both times."
            )
        pairs = itertools.zip_longest(self.frame.lines, self.lines, fillvalue="nothing")
        lines = "".join(
            f"\n{position}: {first if first == again else f'{first}, then {again}'}"
            for position, (first, again) in enumerate(pairs)
        )
        return CheckpointError(
            f"{message}\nTensors were saved by the original forward, then by "
            f"the recomputation, at:{lines}"
        )


def _describe(kind: tuple[Any, Any]) -> dict[str, Any]:
    return {"shape": kind[0], "dtype": kind[1], "device": pullback.device("cpu")}


def _user_line() -> str:
    """Where the code outside this package is."""
    directory = pullback.__file__.removesuffix("__init__.py")
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(directory):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
