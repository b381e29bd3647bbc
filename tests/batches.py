"""Batches of the samples of the operator table, for the tests of vmap with and without PyTorch.

The examples of a batch are the sample's arrays with their elements in another order (floats are
scaled, too), so that integers, masks and probabilities stay valid. ``REFUSED`` names the operators
that vmap does not take, each with the reason; it is the only place where one may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from samples import Leaf, Sample
from table import Op, results

SIZE = 3

REFUSED = {
    "allclose": "gives a bool, which cannot differ by example",
    "equal": "gives a bool, which cannot differ by example",
    "is_nonzero": "gives a bool, which cannot differ by example",
    "nonzero": "the shape of the result depends on values",
    "where": "with a condition only: the shape of the result depends on values",
    "set_": "a batch has no memory of its own to exchange",
    "resize_": "a batch has no memory of its own to exchange",
    "resize_as_": "a batch has no memory of its own to exchange",
    "unique": "the shape of the result depends on values",
    "unique_consecutive": "the shape of the result depends on values",
}
REFUSED_MASKS = {
    "masked_select": "the shape of the result depends on the mask",
    "index_put": "the number of values depends on the mask",
}
REFUSED_POSITIONS = {
    "narrow": "a start that differs by example is a value that Python would have to read",
    "split": "the shapes of the results depend on the tensor",
    "tensor_split": "the shapes of the results depend on the tensor",
}


def examples(leaf: Leaf, seed: int, dtype: str = "float64") -> list[np.ndarray]:
    """The leaf's array and others like it, in this dtype if they are floating."""
    found = [leaf.array]
    random = np.random.RandomState(seed)
    for step in range(1, SIZE):
        flat = leaf.array.copy().ravel()
        if not leaf.symmetric:
            random.shuffle(flat)
        if leaf.floating:
            flat = flat * (1 - 0.125 * step)
        found.append(flat.reshape(leaf.array.shape).astype(leaf.array.dtype))
    return [array.astype(leaf.named(dtype)) for array in found] if leaf.floating else found


def batchings(sample: Sample) -> Iterator[dict[int, int]]:
    """Which leaves get a batch, and as which dimension: all along each, then each alone."""
    leaves = sample.leaves
    for dim in (0, 1, -1):
        if leaves and all(dim <= leaf.array.ndim for leaf in leaves):
            yield dict.fromkeys(range(len(leaves)), dim)
    for k, leaf in enumerate(leaves if len(leaves) > 1 else []):
        yield {k: min((0, 1, -1)[k % 3], leaf.array.ndim)}


def refuses_masks(op: Op, sample: Sample, where: dict[int, int]) -> bool:
    """A mask of each example has another number of true elements, or a position is read."""
    kinds = {sample.leaves[k].array.dtype.kind for k in where}
    return ("b" in kinds and op.name in REFUSED_MASKS) or (
        "i" in kinds and op.name in REFUSED_POSITIONS
    )


def stacked(lib: Any, sample: Sample, where: dict[int, int], dtype: str = "float64") -> list[Any]:
    return [
        lib.tensor(np.stack(examples(leaf, k, dtype), axis=where[k]))
        if k in where
        else leaf.make(lib, dtype if leaf.floating else None, grad=False)
        for k, leaf in enumerate(sample.leaves)
    ]


def forms(op: Op, lib: Any) -> dict[str, Callable[..., Any]]:
    """The operator as a function, as a method and in place, where it has the form."""
    found = {f"form {k}": form for k, form in enumerate(op.forms(lib))}
    if op.inplace:
        method = getattr(lib.Tensor, f"{op.name}_")

        def in_place(self: Any, *args: Any, **kwargs: Any) -> Any:
            return method(self.clone(), *args, **kwargs)

        found["in place"] = in_place
    return found


def tensors_of(op: Op, lib: Any, sample: Sample, form: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the sample's tensors that returns a tuple of tensors."""

    def call(*tensors: Any) -> tuple[Any, ...]:
        lib.manual_seed(0)
        args, kwargs = sample.fill(lib, tensors)
        if form.__name__ == "in_place" and not isinstance(args[0], lib.Tensor):
            raise TypeError("a number cannot be written")
        return tuple(results(lib, form(*args, **kwargs)))

    return call


def in_dims(sample: Sample, where: dict[int, int]) -> tuple[int | None, ...]:
    return tuple(where.get(k) for k in range(len(sample.leaves)))
