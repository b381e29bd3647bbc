"""Every row of the operator table beside an independent function: references/__init__.py.

Values, shapes and kinds of dtypes, in every dtype of the row. Floating results are compared more
narrowly than with PyTorch, since the references have more digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from samples import DType
from table import OPS, Case, array, cases, each, results

pytest.importorskip("mpmath")
pytest.importorskip("scipy")

from references import APPROXIMATE, DRAWN, NONE, REFERENCES, expected, key

# Relative and absolute, by the dtype of the result.
NARROW = {"float64": (1e-13, 1e-13), "float32": (1.3e-6, 1e-5)}

COMPARED = cases(but=lambda case: key(case.op) not in REFERENCES)


def plain(value: Any) -> Any:
    """A dtype by its name, and other results that are no tensors."""
    return str(np.dtype(value)) if isinstance(value, (pb.dtype, np.dtype)) else value


def floating_dtype(case: Case) -> str:
    """Of floating results: as the sample says, as its floating tensors, or the default."""
    named = [a.name for a in (*case.sample.args, *case.sample.kwargs.values()) if is_dtype(a)]
    if named or case.op.name == "float_power":
        return named[0] if named else "float64"
    return case.dtype if any(leaf.floating for leaf in case.sample.leaves) else "float32"


def is_dtype(value: Any) -> bool:
    return isinstance(value, DType)


def compare(case: Case, found: Any, wanted: Any) -> None:
    tensors = results(pb, found)
    if not tensors:
        assert plain(found) == plain(wanted)
        return
    several = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    assert len(tensors) == len(several)
    for k, (tensor, one) in enumerate(zip(tensors, map(np.asarray, several), strict=True)):
        ours = array(tensor)
        assert ours.shape == one.shape
        if ours.dtype.kind not in "fc":
            assert ours.dtype == one.dtype
            assert (ours == one).all()
            continue
        assert one.dtype.kind == ours.dtype.kind
        assert ours.real.dtype == floating_dtype(case)
        ours = case.op.checks.settled(ours, one, k)
        rtol, atol = case.op.checks.tolerance.get(ours.dtype.name) or NARROW[ours.real.dtype.name]
        rtol = APPROXIMATE.get(case.op.name, rtol)
        np.testing.assert_allclose(ours.astype(one.dtype), one, rtol, atol)


@each(COMPARED)
def test_values(case: Case) -> None:
    found = case.call(pb)(*case.tensors(pb))
    compare(case, found, expected(case.op, case.sample, case.dtype))


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_distributions(name: str, dtype: str) -> None:
    DRAWN[name](pb, getattr(pb, dtype))


# --- the references themselves ---


def test_every_row_has_a_reference_or_a_reason() -> None:
    tables = [set(REFERENCES), set(DRAWN), set(NONE)]
    known = set.union(*tables)
    assert sum(map(len, tables)) == len(known), "a name stands in two tables"
    assert {key(op) for op in OPS} == known
    assert {key(op) for op in OPS if op.random} == set(DRAWN)
    assert all(NONE.values())


@pytest.mark.parametrize("name", REFERENCES)
def test_something_is_compared(name: str) -> None:
    """Samples without elements alone would prove nothing."""
    rows = [op for op in OPS if key(op) == name]
    wanted = [expected(op, sample, "float64") for op in rows for sample in op.samples]
    parts = [p for w in wanted for p in (w if isinstance(w, (list, tuple)) else [w])]
    assert any(np.size(part) for part in parts)


def wrong_value(out: Any) -> Any:
    return out + 1e-9


def wrong_shape(out: Any) -> Any:
    return out[None]


def wrong_kind(out: Any) -> Any:
    return out > 0


def one_more(out: Any) -> Any:
    return out, out


@pytest.mark.parametrize("change", [wrong_value, wrong_shape, wrong_kind, one_more])
@pytest.mark.parametrize("name", ["exp", "sum", "mm", "transpose"])
def test_what_is_wrong_is_noticed(name: str, change: Any) -> None:
    case = next(case for case in COMPARED if case.op.name == name)
    out, wanted = case.call(pb)(*case.tensors(pb)), expected(case.op, case.sample, case.dtype)
    compare(case, out, wanted)
    with pytest.raises(AssertionError):
        compare(case, change(out), wanted)
