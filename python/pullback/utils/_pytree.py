"""``torch.utils._pytree``: trees of containers, and the paths of their leaves.

Taking apart and putting together is in ``pullback/_pytree.py``; here are the keys that lead from a
tree to a leaf (``tree_flatten_with_path``, ``keystr``), and the forms for leaves of some types.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from pullback._pytree import (
    LEAF,
    REGISTERED,
    TreeSpec,
    broadcast_prefix,
    chosen,
    parts,
    register_pytree_node,
    tree_all,
    tree_any,
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_map_,
    tree_map_only,
    tree_structure,
    tree_unflatten,
)

__all__ = [
    "Context",
    "GetAttrKey",
    "KeyEntry",
    "KeyPath",
    "LeafSpec",
    "MappingKey",
    "PyTree",
    "PyTreeSpec",
    "SequenceKey",
    "TreeSpec",
    "is_namedtuple",
    "is_namedtuple_class",
    "is_namedtuple_instance",
    "is_structseq",
    "is_structseq_class",
    "is_structseq_instance",
    "key_get",
    "keystr",
    "register_pytree_node",
    "tree_all",
    "tree_all_only",
    "tree_any",
    "tree_any_only",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_is_leaf",
    "tree_iter",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_only_",
    "tree_map_with_path",
    "tree_structure",
    "tree_unflatten",
    "treespec_dumps",
    "treespec_loads",
    "treespec_pprint",
]

PyTree = Any
Context = Any
PyTreeSpec = TreeSpec
_IsLeaf = Callable[[Any], bool] | None
_register_pytree_node = register_pytree_node


def LeafSpec() -> TreeSpec:  # noqa: N802 - torch's class
    """The spec of a leaf."""
    return LEAF


@dataclass(frozen=True)
class SequenceKey:
    """A place in a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """What stands there."""
        return sequence[self.idx]


@dataclass(frozen=True)
class MappingKey:
    """A key of a dict."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """What stands there."""
        return mapping[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    """The name of a field."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """What the field holds."""
        return getattr(obj, self.name)


KeyEntry = Any
KeyPath = tuple[Any, ...]


def _keyed(tree: Any) -> tuple[Any, Any, list[tuple[Any, Any]]] | None:
    """Type, context, and keys with children of a container; None for a leaf."""
    kind = type(tree)
    if kind in REGISTERED:
        with_keys = REGISTERED[kind].flatten_with_keys
        if with_keys is None:
            raise ValueError(
                f"Did not find a flatten_with_keys_fn for type: {kind}. Please pass a "
                "flatten_with_keys_fn argument to register_pytree_node."
            )
        pairs, context = with_keys(tree)
        return kind, context, list(pairs)
    found = parts(tree)
    if found is None:
        return None
    children = list(found[2])
    keys: list[Any]
    if kind in (dict, OrderedDict, defaultdict):
        keys = [MappingKey(key) for key in tree]
    elif hasattr(kind, "_fields"):
        keys = [GetAttrKey(name) for name in kind._fields]
    else:
        keys = [SequenceKey(index) for index in range(len(children))]
    return kind, found[1], list(zip(keys, children, strict=True))


def _walk(tree: Any, path: KeyPath, is_leaf: _IsLeaf, found: list[tuple[KeyPath, Any]]) -> TreeSpec:
    own = None if is_leaf is not None and is_leaf(tree) else _keyed(tree)
    if own is None:
        found.append((path, tree))
        return LEAF
    kind, context, pairs = own
    return TreeSpec(
        kind, context, [_walk(child, (*path, key), is_leaf, found) for key, child in pairs]
    )


def tree_flatten_with_path(
    tree: Any, is_leaf: _IsLeaf = None
) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """Pairs of path and leaf, and the spec.

    Example:
        >>> from pullback.utils import _pytree
        >>> leaves, _ = _pytree.tree_flatten_with_path({"a": [1, 2]})
        >>> [(_pytree.keystr(path), leaf) for path, leaf in leaves]
        [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    found: list[tuple[KeyPath, Any]] = []
    spec = _walk(tree, (), is_leaf, found)
    return found, spec


def tree_leaves_with_path(tree: Any, is_leaf: _IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    """Pairs of path and leaf."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _IsLeaf = None
) -> Any:
    """The tree of ``func(path, leaf, ...)``."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten(func(*pair, *each) for pair, *each in zip(pairs, *others, strict=True))


def keystr(kp: KeyPath) -> str:
    """A path as one would write it behind the name of the tree."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What stands at the end of a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


def tree_iter(tree: Any, is_leaf: _IsLeaf = None) -> Iterable[Any]:
    """The leaves, one after the other."""
    yield from tree_leaves(tree, is_leaf)


def tree_is_leaf(tree: Any, is_leaf: _IsLeaf = None) -> bool:
    """Whether it is no container."""
    return (is_leaf is not None and is_leaf(tree)) or parts(tree) is None


def tree_map_only_(
    kinds: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: _IsLeaf = None
) -> Any:
    """Calls ``func`` for the leaves of these types and returns the tree itself."""
    tree_map_only(kinds, func, tree, is_leaf)
    return tree


def tree_all_only(
    kinds: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: _IsLeaf = None
) -> bool:
    """Whether ``pred`` holds for every leaf of these types."""
    wanted = chosen(kinds)
    return all(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if wanted(leaf))


def tree_any_only(
    kinds: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: _IsLeaf = None
) -> bool:
    """Whether ``pred`` holds for some leaf of these types."""
    wanted = chosen(kinds)
    return any(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if wanted(leaf))


def _broadcast_to_and_flatten(
    tree: Any, treespec: TreeSpec, is_leaf: _IsLeaf = None
) -> list[Any] | None:
    del is_leaf
    return broadcast_prefix(tree, treespec)


def is_namedtuple_class(cls: type) -> bool:
    """Whether it is a class of named tuples."""
    fields = getattr(cls, "_fields", None)
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(fields, tuple)


def is_namedtuple_instance(obj: object) -> bool:
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj: Any) -> bool:
    """Whether it is a named tuple or a class of such."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: type) -> bool:
    """Whether it is a class of struct sequences, as the results of ``max`` and ``sort`` are."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "n_sequence_fields")


def is_structseq_instance(obj: object) -> bool:
    """Whether it is a struct sequence."""
    return is_structseq_class(type(obj))


def is_structseq(obj: Any) -> bool:
    """Whether it is a struct sequence or a class of such."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


class _Star:
    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: TreeSpec) -> str:
    """The containers with a star for each leaf.

    Example:
        >>> from pullback.utils import _pytree
        >>> _pytree.treespec_pprint(_pytree.tree_structure({"a": [1, 2]}))
        "{'a': [*, *]}"
    """
    return repr(treespec.unflatten([_Star()] * treespec.num_leaves))


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> NoReturn:
    """Raises: specs are kept in memory only."""
    raise NotImplementedError(
        "treespec_dumps: a TreeSpec is not written to text. Keep a tree of the same structure, and "
        "take its spec with tree_structure."
    )


def treespec_loads(serialized: str) -> NoReturn:
    """Raises: specs are kept in memory only."""
    del serialized
    treespec_dumps(LEAF)
