"""A second opinion on every operator of the table, without PyTorch.

``REFERENCES`` are functions written independently, in NumPy, mpmath or plain Python, that take the
arguments of a sample as arrays; ``DRAWN`` checks of what a random operator draws. Each row of the
table has one of these, or stands in ``NONE`` with the reason. An operator whose meaning depends on
the module has the name with its module first: ``linalg.norm``. Start reading at ``expected``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from references import (
    indexing,
    kinds,
    layers,
    losses,
    matrices,
    networks,
    pointwise,
    products,
    reductions,
    shapes,
    special,
    spectra,
    transforms,
)
from references.drawn import DRAWN
from samples import COMPLEX_OF, DTYPES, Sample

__all__ = ["APPROXIMATE", "DRAWN", "NONE", "REFERENCES", "expected", "key"]

APPROXIMATE = pointwise.APPROXIMATE

MODULES = (
    indexing,
    kinds,
    layers,
    losses,
    matrices,
    networks,
    pointwise,
    products,
    reductions,
    shapes,
    special,
    spectra,
    transforms,
)

NONE = {
    "empty": "its values are those that the memory had",
    "empty_like": "the same",
    "new_empty": "the same",
}

# What reads the bytes of its tensors gets them as they are.
OF_BYTES = {"view", "result_type"}


def _gathered() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for module in MODULES:
        named = {name: module.REFERENCES[other] for name, other in module.OTHER_NAMES.items()}
        for name, reference in (module.REFERENCES | named).items():
            assert name not in found, f"two references for {name}"
            found[name] = reference
    return found


REFERENCES = _gathered()
WIDE = {"f": np.longdouble, "c": np.clongdouble}
NAMES = SimpleNamespace(**{name: np.dtype(name) for name in (*DTYPES, *COMPLEX_OF.values())})


def key(op: Any) -> str:
    """The name in one of the tables: with the module, if there is one of this name."""
    with_module = f"{(op.space or '').split('.')[0]}.{op.name}"
    return with_module if with_module in REFERENCES else op.name


def expected(op: Any, sample: Sample, dtype: str) -> Any:
    """What the operator should give for the sample with floating tensors of this dtype."""
    arrays = [leaf.values(dtype) for leaf in sample.leaves]
    if op.name not in OF_BYTES:
        arrays = [a.astype(WIDE[a.dtype.kind]) if a.dtype.kind in WIDE else a for a in arrays]
    args, kwargs = sample.fill(NAMES, arrays)
    if op.name not in {"can_cast", "promote_types"}:
        kwargs.pop("dtype", None)  # only where it is that of the sample
    with np.errstate(all="ignore"):
        return REFERENCES[key(op)](*args, **kwargs)
