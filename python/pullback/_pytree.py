"""Nested containers of tensors taken apart and put together again.

A tree is a tuple, list, dict, OrderedDict, defaultdict, named tuple, deque or registered container
of trees; everything else is a leaf. ``tree_flatten`` gives the leaves in order and a ``TreeSpec``
that knows the rest. Names and printed form are those of ``torch.utils._pytree``, which adds paths
in ``utils/_pytree.py``. Start at ``_flatten_into``.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pullback import Tensor

__all__ = [
    "TreeSpec",
    "register_pytree_node",
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


_IsLeaf = Callable[[Any], bool] | None


class Registered(NamedTuple):
    """How a registered container is taken apart and made."""

    flatten: Callable[[Any], tuple[Any, Any]]
    unflatten: Callable[[Any, Any], Any]
    flatten_with_keys: Callable[[Any], tuple[Any, Any]] | None


REGISTERED: dict[type, Registered] = {}


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Any, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable[[Any], Any] | None = None,
    from_dumpable_context: Callable[[Any], Any] | None = None,
    flatten_with_keys_fn: Callable[[Any], tuple[Any, Any]] | None = None,
) -> None:
    """From now on objects of the class are containers.

    Args:
        cls: the class itself; subclasses stay leaves.
        flatten_fn: gives the children, and what else ``unflatten_fn`` needs.
        unflatten_fn: makes an object of children and that.
        serialized_type_name: not used, as the next two: specs are not written to files.
        to_dumpable_context: not used.
        from_dumpable_context: not used.
        flatten_with_keys_fn: as ``flatten_fn``, with pairs of a key and a child.

    Raises:
        ValueError: the class is a container already.

    Example:
        >>> from pullback.utils import _pytree
        >>> class Pair:
        ...     def __init__(self, a, b):
        ...         self.a, self.b = a, b
        >>> _pytree.register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda c, _: Pair(*c))
        >>> _pytree.tree_leaves([Pair(1, 2), 3])
        [1, 2, 3]
    """
    del serialized_type_name, to_dumpable_context, from_dumpable_context
    if cls in REGISTERED or cls in _BUILT_IN:
        raise ValueError(f"{cls} is already registered as pytree node.")
    REGISTERED[cls] = Registered(flatten_fn, unflatten_fn, flatten_with_keys_fn)


_BUILT_IN = (tuple, list, dict, OrderedDict, defaultdict, deque)


class TreeSpec:
    """The containers of a tree without its leaves; a leaf has ``type`` None."""

    __slots__ = ("children_specs", "context", "num_leaves", "type")

    def __init__(self, type: Any, context: Any, children_specs: list[TreeSpec]) -> None:
        self.type = type
        self.context = context
        self.children_specs = children_specs
        self.num_leaves: int = sum(child.num_leaves for child in children_specs) if type else 1

    def is_leaf(self) -> bool:
        """Whether this is the spec of a leaf."""
        return self.type is None

    @property
    def num_children(self) -> int:
        """The number of trees in the outermost container."""
        return len(self.children_specs)

    @property
    def num_nodes(self) -> int:
        """The number of containers and leaves."""
        return 1 + sum(child.num_nodes for child in self.children_specs)

    def children(self) -> list[TreeSpec]:
        """The specs of the trees in the outermost container."""
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        """One of them."""
        return self.children_specs[index]

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """What a tree, which may be deeper than the spec, has in the places of the leaves.

        Raises:
            ValueError: a container is another one, or of another length.
        """
        found: list[Any] = []
        _flatten_up_to(self, tree, found)
        return found

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of these leaves."""
        return tree_unflatten(leaves, self)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (
            self.type is other.type
            and self.context == other.context
            and self.children_specs == other.children_specs
        )

    def __hash__(self) -> int:
        return hash((self.type, repr(self.context), tuple(self.children_specs)))

    def __repr__(self) -> str:
        return self._show(0)

    def _show(self, indent: int) -> str:
        if self.type is None:
            return "*"
        indent += 2
        children = f",\n{' ' * indent}".join(child._show(indent) for child in self.children_specs)
        named = hasattr(self.type, "_fields") and self.type not in REGISTERED
        name = "namedtuple" if named else self.type.__name__
        return f"TreeSpec({name}, {self.context}, [{children}])"


LEAF = TreeSpec(None, None, [])


def _is_named_tuple(kind: type) -> bool:
    # Those of typing and collections, and the results of operators (struct sequences).
    return issubclass(kind, tuple) and (hasattr(kind, "_fields") or hasattr(kind, "n_fields"))


def parts(tree: Any) -> tuple[Any, Any, Iterable[Any]] | None:
    """Type, context and children of a container; None for a leaf."""
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, None, tree
    if kind is dict or kind is OrderedDict:
        return kind, list(tree), tree.values()
    if kind is defaultdict:
        return kind, [tree.default_factory, list(tree)], tree.values()
    if kind is deque:
        return kind, tree.maxlen, tree
    if kind in REGISTERED:
        children, context = REGISTERED[kind].flatten(tree)
        return kind, context, children
    return (
        (kind, kind if hasattr(kind, "_fields") else None, tree) if _is_named_tuple(kind) else None
    )


def _flatten_into(tree: Any, leaves: list[Any], is_leaf: _IsLeaf) -> TreeSpec:
    found = None if is_leaf is not None and is_leaf(tree) else parts(tree)
    if found is None:
        leaves.append(tree)
        return LEAF
    kind, context, children = found
    return TreeSpec(kind, context, [_flatten_into(each, leaves, is_leaf) for each in children])


def _flatten_up_to(spec: TreeSpec, tree: Any, found: list[Any]) -> None:
    if spec.type is None:
        found.append(tree)
        return
    own = parts(tree)
    if own is None or own[0] is not spec.type:
        raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}.")
    children = list(own[2])
    if len(children) != spec.num_children:
        raise ValueError(
            f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}."
        )
    if spec.type in (dict, OrderedDict, defaultdict):
        keys = spec.context[1] if spec.type is defaultdict else spec.context
        if set(keys) != set(tree):
            raise ValueError(f"Node keys mismatch; expected {keys}, but got {list(tree)}.")
        children = [tree[key] for key in keys]
    elif own[1] != spec.context and spec.type is not deque:
        raise ValueError(f"Node context mismatch; expected {spec.context}, but got {own[1]}.")
    for each, child in zip(spec.children_specs, children, strict=True):
        _flatten_up_to(each, child, found)


def _build(spec: TreeSpec, leaves: Any) -> Any:
    kind = spec.type
    if kind is None:
        return next(leaves)
    children = [_build(child, leaves) for child in spec.children_specs]
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
    if kind in REGISTERED:
        return REGISTERED[kind].unflatten(children, spec.context)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def tree_flatten(tree: Any, is_leaf: _IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, and what ``tree_unflatten`` needs to put them back.

    Args:
        tree: nested containers.
        is_leaf: a container for which it is true is a leaf.
    """
    if type(tree) is Tensor:
        return [tree], LEAF
    leaves: list[Any] = []
    spec = _flatten_into(tree, leaves, is_leaf)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of these leaves; there must be as many as the spec has."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type "
            f"{type(treespec)}."
        )
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    if treespec is LEAF:
        return leaves[0]
    return _build(treespec, iter(leaves))


def tree_leaves(tree: Any, is_leaf: _IsLeaf = None) -> list[Any]:
    """The leaves in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: _IsLeaf = None) -> TreeSpec:
    """The spec alone."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _IsLeaf = None) -> Any:
    """The tree of ``func(leaf, ...)``.

    Args:
        func: a function of as many arguments as there are trees.
        tree: nested containers.
        rests: more trees; where the first has a leaf they may have a tree.
        is_leaf: a container for which it is true is a leaf.

    Raises:
        ValueError: the trees have different containers.
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return _build(spec, iter([func(*each) for each in zip(leaves, *others, strict=True)]))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _IsLeaf = None) -> Any:
    """Calls ``func`` for every leaf and returns the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(
    kinds: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: _IsLeaf = None
) -> Any:
    """``tree_map`` for the leaves of these types, or for which a function is true."""
    wanted = chosen(kinds)
    return tree_map(lambda leaf: func(leaf) if wanted(leaf) else leaf, tree, is_leaf=is_leaf)


def chosen(kinds: Any) -> Callable[[Any], bool]:
    """Whether a leaf is of these types, or what a function says of it."""
    is_function = callable(kinds) and not isinstance(kinds, type)
    return kinds if is_function else lambda leaf: isinstance(leaf, kinds)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: _IsLeaf = None) -> bool:
    """Whether ``pred`` holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: _IsLeaf = None) -> bool:
    """Whether ``pred`` holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


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
    if own.num_children != spec.num_children:
        return False
    pairs = zip(own.children_specs, spec.children_specs, strict=True)
    return all(_broadcast(a, b, found, values) for a, b in pairs)
