"""Nested containers of tensors taken apart and put together again.

A tree is a tuple, list, dict, OrderedDict, defaultdict, named tuple or deque of trees; everything
else is a leaf. ``tree_flatten`` gives the leaves in order and a ``TreeSpec`` that knows the rest.
Names and printed form are those of ``torch.utils._pytree``. Start at ``_flatten_into``.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from pullback import Tensor

__all__ = [
    "TreeSpec",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]


class TreeSpec:
    """The containers of a tree without its leaves; a leaf has ``type`` None."""

    __slots__ = ("children", "context", "num_leaves", "type")

    def __init__(self, type: Any, context: Any, children: tuple[TreeSpec, ...]) -> None:
        self.type = type
        self.context = context
        self.children = children
        self.num_leaves: int = sum(child.num_leaves for child in children) if type else 1

    def is_leaf(self) -> bool:
        return self.type is None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (
            self.type is other.type
            and self.context == other.context
            and self.children == other.children
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self._show(0)

    def _show(self, indent: int) -> str:
        if self.type is None:
            return "*"
        indent += 2
        children = f",\n{' ' * indent}".join(child._show(indent) for child in self.children)
        return f"TreeSpec({self.type.__name__}, {self.context}, [{children}])"


_LEAF = TreeSpec(None, None, ())


def _is_named_tuple(kind: type) -> bool:
    # Those of typing and collections, and the results of operators (struct sequences).
    return issubclass(kind, tuple) and (hasattr(kind, "_fields") or hasattr(kind, "n_fields"))


def _flatten_into(tree: Any, leaves: list[Any]) -> TreeSpec:
    kind = type(tree)
    context: Any = None
    children: Iterable[Any]
    if kind is tuple or kind is list:
        children = tree
    elif kind is dict or kind is OrderedDict:
        context = list(tree)
        children = tree.values()
    elif kind is defaultdict:
        context = [tree.default_factory, list(tree)]
        children = tree.values()
    elif kind is deque:
        context = tree.maxlen
        children = tree
    elif _is_named_tuple(kind):
        context = kind
        children = tree
    else:
        leaves.append(tree)
        return _LEAF
    return TreeSpec(kind, context, tuple([_flatten_into(child, leaves) for child in children]))


def _build(spec: TreeSpec, leaves: Any) -> Any:
    kind = spec.type
    if kind is None:
        return next(leaves)
    children = [_build(child, leaves) for child in spec.children]
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind is dict or kind is OrderedDict:
        return kind(zip(spec.context, children, strict=True))
    if kind is defaultdict:
        return defaultdict(spec.context[0], zip(spec.context[1], children, strict=True))
    if kind is deque:
        return deque(children, spec.context)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def tree_flatten(tree: Any) -> tuple[list[Any], TreeSpec]:
    """The leaves, and what ``tree_unflatten`` needs to put them back."""
    if type(tree) is Tensor:
        return [tree], _LEAF
    leaves: list[Any] = []
    spec = _flatten_into(tree, leaves)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of these leaves; there must be as many as the spec has."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    if treespec is _LEAF:
        return leaves[0]
    return _build(treespec, iter(leaves))


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves in order."""
    return tree_flatten(tree)[0]


def tree_structure(tree: Any) -> TreeSpec:
    """The spec alone."""
    return tree_flatten(tree)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any) -> Any:
    """The tree of ``func(leaf, ...)``; the other trees must have the same structure."""
    leaves, spec = tree_flatten(tree)
    others = []
    for rest in rests:
        found, structure = tree_flatten(rest)
        if structure != spec:
            raise ValueError(f"tree_map: got trees of structure {spec} and {structure}.")
        others.append(found)
    return _build(spec, iter([func(*each) for each in zip(leaves, *others, strict=True)]))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any) -> Any:
    """Calls ``func`` for every leaf and returns the tree itself."""
    tree_map(func, tree, *rests)
    return tree


def tree_map_only(kinds: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """``tree_map`` for the leaves of these types; the others stay."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kinds) else leaf, tree)


def tree_all(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Whether ``pred`` holds for every leaf."""
    return all(map(pred, tree_leaves(tree)))


def tree_any(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Whether ``pred`` holds for some leaf."""
    return any(map(pred, tree_leaves(tree)))


def broadcast_prefix(prefix: Any, spec: TreeSpec) -> list[Any] | None:
    """One value for each leaf of the spec from a tree that may stop early; None if it does not fit.

    ``0`` fits everything, ``(0, None)`` any two trees, ``({"a": 0}, 1)`` a dict with one entry and
    any tree.
    """
    found, own = tree_flatten(prefix)
    if own == spec:
        return found
    values: list[Any] = []
    return values if _broadcast(own, spec, iter(found), values) else None


def _broadcast(own: TreeSpec, spec: TreeSpec, found: Any, values: list[Any]) -> bool:
    if own.is_leaf():
        values.extend([next(found)] * spec.num_leaves)
        return True
    if own.type is not spec.type or own.context != spec.context:
        return False
    if len(own.children) != len(spec.children):
        return False
    pairs = zip(own.children, spec.children, strict=True)
    return all(_broadcast(a, b, found, values) for a, b in pairs)
