"""Levels of transforms, and checks that several transforms share.

A transform enters a level, hands its function tensors that belong to the level, and takes from the
results what belongs to it; NOTE [Levels] in csrc/graph/level.h says why nested ones cannot mix up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback import Tensor, _core
from pullback._element_types import is_differentiable
from pullback._pytree import TreeSpec, tree_flatten, tree_unflatten

# As in csrc/graph/level.h.
RANDOMNESS = {"error": 0, "same": 1, "different": 2}

Argnums = int | tuple[int, ...]


class Entered:
    """A level for the time of a ``with`` block, which gets its number."""

    __slots__ = ("arguments", "number")

    def __init__(self, kind: int, batch: int = 0, randomness: int = 0) -> None:
        self.arguments = (kind, batch, randomness)
        self.number = 0

    def __enter__(self) -> int:
        self.number = _core._level_enter(*self.arguments)
        return self.number

    def __exit__(self, *error: object) -> None:
        _core._level_exit(self.number)


def check_randomness(randomness: str) -> int:
    if randomness not in RANDOMNESS:
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. "
            f"Got {randomness}"
        )
    return RANDOMNESS[randomness]


def as_tensor_leaf(leaf: Any) -> Tensor:
    if not isinstance(leaf, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
    return leaf


def grad_input(leaf: Any, level: int) -> Tensor:
    """A fresh tensor to differentiate by."""
    tensor = as_tensor_leaf(leaf)
    if not is_differentiable(tensor.dtype):
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    entered: Tensor = _core._grad_enter(tensor, level)
    return entered


def leave_grad(tree: Any, level: int) -> Any:
    """The tree of tensors without what belongs to the level."""
    if isinstance(tree, Tensor):
        return _core._grad_leave(tree, level)
    leaves, spec = tree_flatten(tree)
    return tree_unflatten([_core._grad_leave(leaf, level) for leaf in leaves], spec)


def backward(
    outputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    level: int,
    retain_graph: bool = True,
) -> list[Tensor]:
    """Gradients of the inputs, zeros where an output does not depend on one.

    With a level they are recorded for the levels around it, with 0 for all under way.
    """
    pairs = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    if not pairs:
        return [_zeros_like(i) for i in inputs]
    roots, vectors = zip(*pairs, strict=True)
    found = _core._level_backward(roots, vectors, tuple(inputs), retain_graph, level)
    return [_zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)]


def _zeros_like(tensor: Tensor) -> Tensor:
    return tensor.new_zeros(tensor.shape)


def check_argnums(argnums: Any, count: int) -> None:
    """Raises what torch raises for positions that ``count`` arguments do not have."""
    if type(argnums) is int and -count <= argnums < count:
        return
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(numbers, tuple) or not all(isinstance(n, int) for n in numbers):
        if isinstance(numbers, tuple):
            wrong = next(n for n in numbers if not isinstance(n, int))
            raise RuntimeError(f"argnum must be int, got: {type(wrong)}")
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for number in numbers:
        if not -count <= number < count:
            raise RuntimeError(f"Got argnum={number}, but only {count} positional inputs")
    places = tuple(number % count for number in numbers)
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {places}")


class Chosen:
    """The arguments that are differentiated by: taken apart, and put back among the others."""

    __slots__ = ("argnums", "args", "leaves", "spec")

    def __init__(self, args: tuple[Any, ...], argnums: Argnums | None) -> None:
        """``argnums`` None stands for all arguments."""
        if argnums is None:
            chosen: Any = args
        else:
            check_argnums(argnums, len(args))
            chosen = args[argnums] if isinstance(argnums, int) else tuple(args[n] for n in argnums)
        self.args = args
        self.argnums = argnums
        self.leaves, self.spec = tree_flatten(chosen)

    def replaced(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """All arguments, with these leaves in place of the chosen ones."""
        tree = tree_unflatten(leaves, self.spec)
        if self.argnums is None:
            return tuple(tree)
        args = list(self.args)
        if isinstance(self.argnums, int):
            args[self.argnums] = tree
        else:
            for number, value in zip(self.argnums, tree, strict=True):
                args[number] = value
        return tuple(args)


def check_seeds(seeds: Sequence[Any]) -> None:
    for seed in seeds:
        if not isinstance(seed, Tensor) and seed is not None:
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(seed).__name__}"
            )


def check_real(api: str, kind: str, trees: Sequence[Any]) -> None:
    """What a Jacobian is made of: by or of complex numbers it is no matrix of numbers."""
    for tree in trees:
        if type(tree) is not Tensor or tree.dtype.is_complex:
            break
    else:
        return
    for at, leaf in enumerate(tree_flatten(trees)[0]):
        if isinstance(leaf, Tensor) and leaf.dtype.is_complex:
            raise RuntimeError(
                f"{api}: Expected all {kind}s to be real but received complex tensor at flattened "
                f"{kind} idx: {at}. Differentiate by real tensors: see view_as_real."
            )


def split_aux(result: Any, api: str) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{api}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


def check_aux(aux: Any) -> None:
    for leaf in tree_flatten(aux)[0]:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")


def only_tensors(
    result: Any, api: str, function: str, may_be_empty: bool = False
) -> tuple[list[Tensor], TreeSpec]:
    """The leaves of what the user's function returned."""
    leaves, spec = tree_flatten(result)
    if not may_be_empty and (not leaves or (len(leaves) == 1 and leaves[0] is None)):
        raise RuntimeError(
            f"{api}: Expected f to be a function that has non-empty output (got output = {leaves})"
        )
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{api}: expected {function} to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves, spec


def name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))
