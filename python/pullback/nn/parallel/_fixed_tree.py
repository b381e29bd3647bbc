"""Gradients as sums over single examples in a fixed tree.

NOTE [Fixed tree]: the examples of the whole batch are leaves of a binary tree that depends on their
number alone. The root has all of them in order, its children those at even and at odd places, and
so on down. Process r of k has the examples r, r + k, r + 2k, ...: if k is a power of two that is
one subtree. Each example goes through the module alone, since products of matrices round
differently for other numbers of rows, with parameters of its own that are aliases: below them is a
tree of aliases, so the sums of the backward pass are the tree's. Sums of the largest subtrees that
belong to one process travel: each process gets a part of all of them, adds them up the rest of the
tree, and gives the result to all. So the same additions are made in the same order, whatever k is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.autograd.function import Function
from pullback.distributed import _exchanges
from pullback.distributed._calls import Call, named
from pullback.distributed._group import ProcessGroup
from pullback.distributed._work import Agreement
from pullback.func import functional_call
from pullback.nn.modules.batchnorm import _BatchNorm
from pullback.nn.modules.module import Module
from pullback.utils import _pytree

__all__ = ["FixedTree", "subtrees", "tree_sum"]

Places = tuple[int, ...]


def halves(places: Places) -> tuple[Places, Places]:
    """The children of a node."""
    return places[0::2], places[1::2]


def subtrees(count: int, processes: int) -> list[list[Places]]:
    """For each process the largest subtrees of a tree over ``count`` leaves that it has alone."""
    found: list[list[Places]] = [[] for _ in range(processes)]
    open_: list[Places] = [tuple(range(count))]
    while open_:
        node = open_.pop()
        owner = node[0] % processes
        if all(place % processes == owner for place in node):
            found[owner].append(node)
        else:
            open_ += halves(node)
    return [sorted(each) for each in found]


def tree_sum(places: Places, known: dict[Places, Tensor]) -> Tensor:
    """The sum of a node, from sums of nodes below it."""
    if places in known:
        return known[places]
    left, right = halves(places)
    return tree_sum(left, known) + tree_sum(right, known)


class _Reduced(Function):
    """Aliases of the parameters, one set for each subtree; the derivative is the sum of all."""

    @staticmethod
    def forward(ctx: Any, tree: FixedTree, count: int, nodes: int, *params: Tensor) -> Any:
        ctx.tree, ctx.count, ctx.nodes = tree, count, nodes
        ctx.shapes = [each.shape for each in params]
        return tuple(each.view_as(each) for _ in range(nodes) for each in params)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        if any(each.requires_grad for each in grads):
            raise RuntimeError(
                "DistributedDataParallel: derivatives of averaged gradients are not supported with "
                "deterministic=True. Use distributed.nn.functional.all_reduce."
            )
        width = len(ctx.shapes)
        totals: list[Any] = [None] * width
        kinds: dict[Any, list[int]] = {}
        for place in range(width):
            kinds.setdefault(grads[place].dtype, []).append(place)
        for same in kinds.values():
            rows = pb.stack(
                [
                    pb.cat([grads[node * width + place].reshape(-1) for place in same])
                    for node in range(ctx.nodes)
                ]
            )
            total = ctx.tree.reduced(rows, ctx.count)
            parts = total.split([ctx.shapes[place].numel() for place in same])
            for place, part in zip(same, parts, strict=True):
                totals[place] = part.view(ctx.shapes[place]).clone()
        return None, None, None, *totals


class FixedTree:
    """Forward by single examples, and sums of their gradients; see NOTE [Fixed tree].

    Args:
        module: the module.
        names: of the parameters that require a gradient.
        params: these.
        group: the processes.
        average: whether the sum is divided by the number of processes.
    """

    def __init__(
        self,
        module: Module,
        names: Sequence[str],
        params: Sequence[Tensor],
        group: ProcessGroup,
        average: bool,
    ) -> None:
        for name, each in module.named_modules():
            if isinstance(each, _BatchNorm):
                raise ValueError(
                    "DistributedDataParallel: deterministic=True calls the module with one example "
                    f"at a time, and {name or 'the module'} is a {type(each).__name__}, which "
                    "mixes them. Use another norm, or deterministic=False."
                )
        self._module = module
        self._names = list(names)
        self._params = list(params)
        self._group = group
        self._average = average

    def forward(self, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The module's result of a batch.

        Raises:
            ValueError: inputs without a batch, or with several sizes of it.
            DistBackendError: the processes have batches of different sizes.
        """
        leaves, spec = _pytree.tree_flatten((inputs, kwargs))
        size = _batch_size(leaves)
        group = self._group
        call = Call("DistributedDataParallel.forward", f"a batch of {size}", str(size))
        Agreement(group, call).wait(group._seconds)
        processes, rank = group.size(), group.rank()
        count = size * processes
        nodes = subtrees(count, processes)[rank]
        aliases = _Reduced.apply(self, count, len(nodes), *self._params)
        width = len(self._params)
        own: dict[int, Sequence[Tensor]] = {}
        for place, node in enumerate(nodes):
            self._spread(node, aliases[place * width : (place + 1) * width], own)
        outputs = []
        for example in range(size):
            values = dict(zip(self._names, own[example * processes + rank], strict=True))
            args, others = _pytree.tree_unflatten([_row(each, example) for each in leaves], spec)
            outputs.append(functional_call(self._module, values, args, others))
        return _joined(outputs)

    def _spread(
        self, node: Places, aliases: Sequence[Tensor], own: dict[int, Sequence[Tensor]]
    ) -> None:
        """Aliases of aliases down to the leaves, so that gradients are added up as in the tree."""
        if len(node) == 1:
            own[node[0]] = aliases
            return
        for half in halves(node):
            self._spread(half, [each.view_as(each) for each in aliases], own)

    def reduced(self, rows: Tensor, count: int) -> Tensor:
        """The sum over all processes of sums of subtrees: [subtrees, elements] to [elements]."""
        group = self._group
        processes = group.size()
        nodes = subtrees(count, processes)
        elements = rows.shape[1]
        part = -(-elements // processes)
        with named("DistributedDataParallel's derivative"):
            padded = pb.cat([rows, rows.new_zeros(len(rows), part * processes - elements)], 1)
            go = padded.view(len(rows), processes, part).transpose(0, 1).reshape(-1)
            sizes = [len(each) * part for each in nodes]
            come = rows.new_empty(sum(sizes))
            _exchanges.all_to_all_single(come, go, sizes, [len(rows) * part] * processes, group)
            all_nodes = [node for each in nodes for node in each]
            known = dict(zip(all_nodes, come.view(-1, part).unbind(), strict=True))
            total = tree_sum(tuple(range(count)), known)
            if self._average:
                total = total / processes
            whole = rows.new_empty(part * processes)
            _exchanges.all_gather_into_tensor(whole, total, group)
        return whole[:elements]


def _batch_size(leaves: Sequence[Any]) -> int:
    sizes = {each.shape[0] for each in leaves if isinstance(each, Tensor) and each.dim()}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(
            "DistributedDataParallel: deterministic=True divides inputs into examples along their "
            f"first dimension, which must be of one size and not empty: got sizes {sorted(sizes)}."
        )
    (size,) = sizes
    return int(size)


def _row(value: Any, example: int) -> Any:
    if isinstance(value, Tensor) and value.dim():
        return value[example : example + 1]
    return value


def _joined(outputs: Sequence[Any]) -> Any:
    """Outputs of single examples as one of the batch."""
    flat = [_pytree.tree_flatten(each) for each in outputs]
    columns = list(zip(*(leaves for leaves, _ in flat), strict=True))
    results = []
    for column in columns:
        if not all(isinstance(each, Tensor) and each.dim() and len(each) == 1 for each in column):
            raise ValueError(
                "DistributedDataParallel: with deterministic=True outputs must be tensors with one "
                f"row for each example: got {column[0]!r} of one."
            )
        results.append(pb.cat(column))
    return _pytree.tree_unflatten(results, flat[0][1])
