"""torch.utils._pytree: the same trees, specs, paths and refusals in both."""

from __future__ import annotations

import pytest

from parity_both import same

HEAD = """
from collections import namedtuple, OrderedDict, defaultdict, deque
p = torch.utils._pytree
P = namedtuple('P', 'x y')
class A:
    def __init__(self, x): self.x = x
    def __repr__(self): return f'A({self.x})'
class B(A): pass
p.register_pytree_node(A, lambda a: ([a.x], 'c'), lambda c, ctx: A(*c))
p.register_pytree_node(B, lambda a: ([a.x], None), lambda c, ctx: B(*c),
    flatten_with_keys_fn=lambda a: ([(p.GetAttrKey('x'), a.x)], None))
tree = {'a': [1, (2, P(3, None))], 'b': OrderedDict(c=deque([4], maxlen=3))}
leaves, spec = p.tree_flatten(tree)
"""

LINES = [
    "leaves, spec, repr(p.tree_structure(1))",
    "spec.num_leaves, spec.num_nodes, spec.num_children, spec.children(), spec.is_leaf()",
    "p.tree_unflatten(list('abcde'), spec)",
    "p.tree_unflatten([1], spec)",
    "p.tree_unflatten([1], 3)",
    "p.tree_map(lambda a, b: a + b, [1, 2], [1])",
    "p.tree_map(lambda a, b: a + b, [1, 2], (1, 2))",
    "p.tree_map(lambda a, b: (a, b), [1, 2], [1, (2, 3)])",
    "p.tree_map(lambda a, b: a + b, {'a': 1, 'b': 2}, {'b': 1, 'a': 5})",
    "p.tree_map(lambda a: a + 1, [A(1), defaultdict(list, z=2)])",
    "p.tree_map_only(int, lambda a: a + 1, [1, 'a', 2.0])",
    "p.tree_map_only(lambda a: a == 'a', lambda a: a + 'b', [1, 'a', 2.0])",
    "p.tree_map_only((int, float), lambda a: a + 1, [1, 'a', 2.0])",
    "p.register_pytree_node(A, None, None)",
    "p.register_pytree_node(list, None, None)",
    "p.tree_flatten([A(1), B([2])])",
    "p.tree_flatten_with_path(tree)",
    "p.tree_flatten_with_path([A(1)])",
    "p.tree_flatten_with_path([B(1)])",
    "[p.keystr(k) for k, _ in p.tree_leaves_with_path([tree, B(1)])]",
    "[p.key_get(tree, k) for k, _ in p.tree_leaves_with_path(tree)]",
    "p.tree_map_with_path(lambda k, v: (p.keystr(k), v), tree)",
    "p.treespec_pprint(spec)",
    "spec.flatten_up_to(tree), spec == p.tree_structure(tree)",
    "hash(spec) == hash(p.tree_structure(tree))",
    "p._broadcast_to_and_flatten(0, spec), p._broadcast_to_and_flatten([1], spec)",
    "p.tree_all(bool, [1, 0]), p.tree_any(bool, [1, 0]), p.tree_all_only(int, bool, [1, ''])",
    "p.tree_is_leaf([1]), p.tree_is_leaf(1), p.tree_is_leaf([1], is_leaf=lambda x: True)",
    "p.tree_leaves([1, [2, 3]], is_leaf=lambda x: x == [2, 3])",
    "p.tree_flatten(torch.ones(2).max(0))",
    "p.tree_map(lambda t: t * 2, torch.ones(2).max(0)).values",
    "list(p.tree_iter([1, [2]]))",
    "p.is_namedtuple(P), p.is_namedtuple(P(1, 2)), p.is_namedtuple((1,)), p.is_namedtuple_class(P)",
    "p.is_structseq(torch.ones(2).max(0)), p.is_structseq((1,)), p.is_structseq_instance(1)",
    "p.tree_leaves(None), p.tree_leaves([]), p.tree_structure({})",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(HEAD + line, ("utils._pytree",))
