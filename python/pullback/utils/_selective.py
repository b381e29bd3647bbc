"""Selective checkpoints: which results of a checkpoint are kept instead of computed again.

Two function modes (``overrides.TorchFunctionMode``) see the calls of the function, the first time
and again. The first keeps the results that the policy wants kept, and lets these operators save
what they save outside the checkpoint; the second gives the kept results in the place of the calls,
so the slots of the checkpoint have the same numbers both times.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from pullback import _arguments, _core
from pullback.autograd.graph import saved_tensors_hooks
from pullback.overrides import DisableTorchFunction, TorchFunctionMode, resolve_name
from pullback.utils._pytree import tree_map

__all__ = [
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "create_selective_checkpoint_contexts",
]


class CheckpointPolicy(enum.Enum):
    """What becomes of the result of a call inside a checkpoint.

    ``MUST_SAVE`` and ``PREFER_SAVE`` keep it, ``MUST_RECOMPUTE`` and ``PREFER_RECOMPUTE`` compute
    it again.

    Example:
        >>> from pullback.utils.checkpoint import CheckpointPolicy
        >>> [policy.name for policy in CheckpointPolicy]
        ['MUST_SAVE', 'PREFER_SAVE', 'MUST_RECOMPUTE', 'PREFER_RECOMPUTE']
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3


_KEPT = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)


class SelectiveCheckpointContext:
    """What a policy is told beside the call: ``is_recompute``, whether it is run again.

    Example:
        >>> from pullback.utils.checkpoint import SelectiveCheckpointContext
        >>> SelectiveCheckpointContext(is_recompute=True).is_recompute
        True
    """

    def __init__(self, *, is_recompute: bool) -> None:
        """Whether the function is run again."""
        _arguments.flags("SelectiveCheckpointContext", is_recompute=is_recompute)
        self.is_recompute = is_recompute


_Policy = Callable[..., CheckpointPolicy | bool]
# Names of Python's that make no tensors.
_WORDS = "get set delete setitem len bool int float index repr contains iter"
_NO_OPERATORS = frozenset(f"__{name}__" for name in _WORDS.split())


def _operator(function: Any) -> str | None:
    """The name of an operator that makes new tensors: of `x @ y` it is "matmul", too."""
    name = (resolve_name(function) or "").rpartition(".")[2]
    if name.startswith("__"):  # of Python's operators those that no method stands for
        return name.strip("_") if name not in _NO_OPERATORS else None
    return None if name.endswith("_") else name or None


class _Kept:
    """A result: its tensors without history, whether each had one, and their versions."""

    def __init__(self, result: Any) -> None:
        self.tensors: list[Any] = []
        self.result = result
        self.version_of: list[int] = []
        self.required: list[bool] = []
        self.result = tree_map(self._take, result)

    def _take(self, value: Any) -> Any:
        if not isinstance(value, _core.Tensor):
            return value
        self.tensors.append(value.detach())
        self.version_of.append(value._version)
        self.required.append(value.requires_grad)
        return _Place(len(self.tensors) - 1)

    def give(self, mutable: bool) -> Any:
        """The result as leaves, which is enough: what is run again is never differentiated."""

        def put(value: Any) -> Any:
            if not isinstance(value, _Place):
                return value
            tensor = self.tensors[value.number]
            if tensor._version != self.version_of[value.number] and not mutable:
                raise RuntimeError(
                    "Tensor cached during selective activation checkpoint has been mutated"
                )
            return tensor.detach().requires_grad_(self.required[value.number])

        return tree_map(put, self.result)


class _Place:
    def __init__(self, number: int) -> None:
        self.number = number


def _held(tensor: Any) -> tuple[Any, int]:
    return tensor.detach(), tensor._version


def _as_held(held: tuple[Any, int]) -> Any:
    tensor, version = held
    if tensor._version != version:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace "
            f"operation: a tensor of shape {tuple(tensor.shape)} that an operator saved in a "
            f"selective checkpoint is at version {tensor._version}; expected version {version} "
            "instead. Write into a clone of it."
        )
    return tensor


class _First(TorchFunctionMode):
    def __init__(self, policy: _Policy, kept: dict[str, list[_Kept]]) -> None:
        super().__init__()
        self.policy = policy
        self.kept = kept

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _operator(func)
        context = SelectiveCheckpointContext(is_recompute=False)
        if name is None or _decided(self.policy, context, func, args, kwargs) not in _KEPT:
            return func(*args, **kwargs)
        with saved_tensors_hooks(_held, _as_held):
            result = func(*args, **kwargs)
        with DisableTorchFunction():
            self.kept[name].append(_Kept(result))
        return result


class _Again(TorchFunctionMode):
    def __init__(self, policy: _Policy, kept: dict[str, list[_Kept]], mutable: bool) -> None:
        super().__init__()
        self.policy = policy
        self.kept = kept
        self.mutable = mutable

    def __enter__(self) -> Any:
        self.given: dict[str, int] = defaultdict(int)
        return super().__enter__()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _operator(func)
        context = SelectiveCheckpointContext(is_recompute=True)
        if name is None or _decided(self.policy, context, func, args, kwargs) not in _KEPT:
            return func(*args, **kwargs)
        number = self.given[name]
        if number >= len(self.kept[name]):
            raise RuntimeError(
                f"{resolve_name(func)} encountered during backward, but not found in storage: the "
                "policy, or the function, did something else the first time."
            )
        self.given[name] += 1
        with DisableTorchFunction():
            return self.kept[name][number].give(self.mutable)


def _decided(policy: _Policy, context: Any, func: Any, args: Any, kwargs: Any) -> CheckpointPolicy:
    decision = policy(context, func, *args, **kwargs)
    if isinstance(decision, bool):
        return CheckpointPolicy.MUST_SAVE if decision else CheckpointPolicy.PREFER_RECOMPUTE
    if not isinstance(decision, CheckpointPolicy):
        raise TypeError(
            "create_selective_checkpoint_contexts: the policy gave "
            f"{type(decision).__name__}, expected CheckpointPolicy."
        )
    return decision


def create_selective_checkpoint_contexts(
    policy_fn_or_list: _Policy | Sequence[Callable[..., Any]],
    allow_cache_entry_mutation: bool = False,
) -> tuple[TorchFunctionMode, TorchFunctionMode]:
    """The two contexts of a checkpoint that keeps some results; for its ``context_fn``.

    Args:
        policy_fn_or_list: a function ``(context, function, *args, **kwargs)`` that gives a
            :class:`CheckpointPolicy` for every call of an operator; or a list of functions, such as
            ``pb.matmul``, whose results are kept however they are called.
        allow_cache_entry_mutation: a kept result may have been written into since.

    Raises:
        TypeError: it is neither.
        ValueError: something in the list is no operator.

    Example:
        >>> import functools
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
        >>> x = pb.ones(2, 2, requires_grad=True)
        >>> context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.matmul])
        >>> y = checkpoint(lambda x: (x @ x).sin(), x, use_reentrant=False, context_fn=context_fn)
        >>> y.sum().backward()
        >>> x.grad
        tensor([[-1.6646, -1.6646],
                [-1.6646, -1.6646]])
    """
    _arguments.flags(
        "create_selective_checkpoint_contexts",
        allow_cache_entry_mutation=allow_cache_entry_mutation,
    )
    if isinstance(policy_fn_or_list, list):
        names = set()
        for function in policy_fn_or_list:
            name = _operator(function) if callable(function) else None
            if name is None:
                raise ValueError(
                    f"Expected op in `op_list` to be an operator, such as torch.matmul, but got: "
                    f"{function} of type {type(function)}."
                )
            names.add(name)

        def policy(context: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
            del context, args, kwargs
            kept = _operator(function) in names
            return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        _arguments.refuse(
            "create_selective_checkpoint_contexts",
            "policy_fn_or_list",
            "a function or a list of operators",
            policy_fn_or_list,
        )
    kept: dict[str, list[_Kept]] = defaultdict(list)
    return _First(policy, kept), _Again(policy, kept, allow_cache_entry_mutation)
