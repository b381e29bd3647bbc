"""Type promotion: the whole table of two dimensioned tensors, and the three categories."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
]

# Of two tensors with dimensions; row and column in the order of DTYPES.
_FLOATS = "float16 bfloat16 float32 float64"
TABLE = {
    "bool": DTYPES,
    "uint8": f"uint8 uint8 int16 int16 int32 int64 {_FLOATS}".split(),
    "int8": f"int8 int16 int8 int16 int32 int64 {_FLOATS}".split(),
    "int16": f"int16 int16 int16 int16 int32 int64 {_FLOATS}".split(),
    "int32": f"int32 int32 int32 int32 int32 int64 {_FLOATS}".split(),
    "int64": f"int64 int64 int64 int64 int64 int64 {_FLOATS}".split(),
    "float16": ["float16"] * 6 + ["float16", "float32", "float32", "float64"],
    "bfloat16": ["bfloat16"] * 6 + ["float32", "bfloat16", "float32", "float64"],
    "float32": ["float32"] * 9 + ["float64"],
    "float64": ["float64"] * 10,
}
CATEGORY = {name: 2 if "float" in name else 1 if "int" in name else 0 for name in DTYPES}
SCALARS = [(True, 0, "bool"), (2, 1, "int64"), (2.5, 2, "float32")]


def dt(name: str) -> Any:
    return getattr(pb, name)


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", DTYPES)
def test_two_tensors(a: str, b: str) -> None:
    expected = dt(TABLE[a][DTYPES.index(b)])
    x, y = pb.ones(2, dtype=dt(a)), pb.ones(2, dtype=dt(b))
    assert pb.promote_types(dt(a), dt(b)) == expected
    assert pb.result_type(x, y) == expected
    assert (x * y).dtype == expected
    assert (x == y).dtype == pb.bool
    assert (x / y).dtype == (expected if expected.is_floating_point else pb.float32)
    assert pb.can_cast(dt(a), dt(b)) == (CATEGORY[a] <= CATEGORY[b])


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", DTYPES)
def test_a_0d_tensor_counts_only_by_its_category(a: str, b: str) -> None:
    x, y = pb.ones(2, dtype=dt(a)), pb.ones((), dtype=dt(b))
    expected = dt(b) if CATEGORY[b] > CATEGORY[a] else dt(a)
    assert pb.result_type(x, y) == pb.result_type(y, x) == expected
    assert (x * y).dtype == (y * x).dtype == expected
    both = pb.ones((), dtype=dt(a)) * y
    assert both.dtype == dt(TABLE[a][DTYPES.index(b)])


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize(("number", "category", "dtype"), SCALARS)
def test_a_number_counts_less_than_a_0d_tensor(
    a: str, number: Any, category: int, dtype: str
) -> None:
    expected = dt(dtype) if category > CATEGORY[a] else dt(a)
    for x in (pb.ones(2, dtype=dt(a)), pb.ones((), dtype=dt(a))):
        assert pb.result_type(x, number) == pb.result_type(number, x) == expected
        assert (x * number).dtype == (number * x).dtype == expected


def test_numbers_alone() -> None:
    assert pb.result_type(1, 2) == pb.int64
    assert pb.result_type(1, 2.5) == pb.float32
    assert pb.result_type(True, False) == pb.bool


def test_the_rows_users_ask_about() -> None:
    i = pb.tensor([1, 2])
    assert (i + 1.5).tolist() == [2.5, 3.5]
    assert (i / i).dtype == pb.float32
    assert (pb.ones(2) + pb.tensor(2.0, dtype=pb.float64)).dtype == pb.float32
    assert (i // 2).dtype == pb.int64
    assert (i**2).dtype == pb.int64
    assert (i**2.0).dtype == pb.float32
    assert i.sum().dtype == pb.tensor([True]).sum().dtype == pb.int64
    assert pb.tensor([1, 2], dtype=pb.int32).sum().dtype == pb.int64
    assert pb.tensor([True, True]).sum().item() == 2
    assert i.exp().dtype == pb.float32
    assert (i > 1.5).tolist() == [False, True]
    assert pb.where(pb.tensor([True, False]), i, 0.5).dtype == pb.float32
    assert pb.cat([i, pb.ones(1)]).dtype == pb.float32
    assert pb.tensor([200], dtype=pb.uint8).add(100).tolist() == [44]


def test_in_place_keeps_the_category() -> None:
    i = pb.tensor([1, 2])
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        i += 1.5
    with pytest.raises(RuntimeError, match="can't be cast"):
        i.div_(2)
    i += True
    assert i.tolist() == [2, 3]
    x = pb.ones(2)
    x += pb.ones(2, dtype=pb.float64)
    assert (x.dtype, x.tolist()) == (pb.float32, [2.0, 2.0])
    b = pb.tensor([True])
    with pytest.raises(RuntimeError, match="can't be cast"):
        b += 1


@pytest.mark.parametrize(
    "run",
    [
        lambda: pb.tensor([1, 2]).mean(),
        lambda: pb.tensor([True]).mean(),
        lambda: pb.tensor([True]) - pb.tensor([True]),
        lambda: pb.tensor([True]) - True,
        lambda: 1 - pb.tensor([True]),
        lambda: -pb.tensor([True]),
        lambda: pb.ones(2, 2).mm(pb.ones(2, 2, dtype=pb.float64)),
        lambda: pb.ones(2).dot(pb.ones(2, dtype=pb.float64)),
        lambda: pb.tensor([1.5]) & pb.tensor([1]),
        lambda: pb.tensor([1.5]) << 1,
        lambda: ~pb.tensor([1.5]),
        lambda: pb.tensor([1, 2]).std(),
        lambda: pb.tensor([2]) ** -1,
    ],
)
def test_what_refuses(run: Any) -> None:
    with pytest.raises((RuntimeError, TypeError)):
        run()


def test_gradients_have_the_dtype_of_their_tensor() -> None:
    x = pb.ones(2, requires_grad=True)
    y = pb.ones(2, dtype=pb.float64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (pb.float32, pb.float64)
    i = pb.tensor([2, 3])
    x.grad = None
    (x * i).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (pb.float32, [2.0, 3.0])
