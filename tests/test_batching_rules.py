"""Every operator of the table inside vmap: one call gives what a loop over the examples gives.

Each leaf of every sample is batched alone, and all are together, along the first, second and last
dimension, in every form of the operator; then in two levels. An operator without a rule fails here
unless it stands in ``batches.REFUSED``. The same beside PyTorch: parity/test_batching_rules.py.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from batches import (
    REFUSED,
    SIZE,
    batchings,
    examples,
    forms,
    in_dims,
    refuses_masks,
    stacked,
    tensors_of,
)
from table import OPS, Case, Op, array, cases, each, same

Tensor = pb.Tensor

# Read memory as it lies, which for examples along another dimension is not that of the loop.
OF_MEMORY = {"as_strided", "as_strided_", "view", "view_as", "view_as_complex"}
OF_MEMORY |= {"as_strided_copy"}
LEFT_OUT = {"result_type": "gives a dtype"}


def is_refused(op: Op) -> bool:
    return op.no_batch and not op.random


PLAIN = cases(
    without=["factory", "random"], but=lambda c: c.op.name in LEFT_OUT or not c.sample.leaves
)
TAKEN = [case for case in PLAIN if not is_refused(case.op)]


def loop(call: Any, case: Case, where: dict[int, int]) -> list[tuple[Any, ...]]:
    parts = [examples(leaf, k, case.dtype) for k, leaf in enumerate(case.sample.leaves)]
    plain = stacked(pb, case.sample, {}, case.dtype)
    return [
        call(*[pb.tensor(parts[k][b]) if k in where else plain[k] for k in range(len(plain))])
        for b in range(SIZE)
    ]


def test_only_what_is_listed_is_refused() -> None:
    assert {op.name for op in OPS if is_refused(op)} == set(REFUSED)
    assert all(REFUSED.values())


@each([case for case in PLAIN if is_refused(case.op)])
def test_a_refusal_says_why(case: Case) -> None:
    sample = case.sample
    for where in batchings(sample):
        for form in forms(case.op, pb).values():
            call = tensors_of(case.op, pb, sample, form)
            with pytest.raises(RuntimeError, match=r"vmap|aten::"):
                pb.vmap(call, in_dims(sample, where))(*stacked(pb, sample, where, case.dtype))


@pytest.mark.parametrize(
    "op", [op for op in OPS if op.random and op.no_batch and not op.factory], ids=str
)
def test_no_batch_is_refused_where_random_numbers_are_drawn(op: Op) -> None:
    """Without ``randomness=``, whose meaning is in test_vmap.py."""
    sample = next(sample for sample in op.samples if sample.leaves)
    where = dict.fromkeys(range(len(sample.leaves)), 0)
    call = tensors_of(op, pb, sample, op.forms(pb)[0])
    with pytest.raises(RuntimeError, match="vmap"):
        pb.vmap(call, in_dims(sample, where))(*stacked(pb, sample, where))


def test_the_page_lists_every_operator() -> None:
    page = Path(__file__).parents[1] / "docs" / "batching.md"
    listed = [line.split("`")[1] for line in page.read_text().splitlines() if line[:3] == "| `"]
    assert listed == sorted({op.name for op in OPS if any(s.leaves for s in op.samples)})
    for name, reason in REFUSED.items():
        assert any(
            f"`{name}` | " in line and reason.split(":")[0] in line
            for line in page.read_text().splitlines()
        )


def test_the_page_is_what_the_tool_writes() -> None:
    """Without PyTorch: its column stays as it is."""
    path = Path(__file__).parents[1] / "tools" / "batching.py"
    spec = importlib.util.spec_from_file_location("batching_tool", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.page(None) == tool.PAGE.read_text()


def loops_too(call: Any, case: Case, where: dict[int, int]) -> list[tuple[Any, ...]] | None:
    """What the loop gives, or None where the operator refuses the example, or sizes differ."""
    try:
        expected = loop(call, case, where)
    except (RuntimeError, TypeError, IndexError):
        return None
    shapes = [[r.shape for r in each] for each in expected]
    return expected if all(s == shapes[0] for s in shapes) else None


def ways(case: Case) -> Iterator[tuple[str, Any, dict[int, int]]]:
    """Forms of the operator, and which tensors are batched along which dimension."""
    for where in batchings(case.sample):
        if case.op.name in OF_MEMORY and any(where.values()):
            continue
        for name, form in forms(case.op, pb).items():
            # What is the same for all examples cannot be written.
            if name != "in place" or 0 in where:
                yield name, tensors_of(case.op, pb, case.sample, form), where


@each(TAKEN)
def test_a_batch_is_a_loop(case: Case) -> None:
    sample, compared = case.sample, 0
    for name, call, where in ways(case):
        batch = stacked(pb, sample, where, case.dtype)
        if refuses_masks(case.op, sample, where):
            with pytest.raises(RuntimeError, match="vmap"):
                pb.vmap(call, in_dims(sample, where))(*batch)
            compared += 1
            continue
        expected = loops_too(call, case, where)
        if expected is None:
            continue
        found = pb.vmap(call, in_dims(sample, where))(*batch)
        assert len(found) == len(expected[0])
        for b in range(SIZE):
            for all_of, one in zip(found, expected[b], strict=True):
                assert all_of.dtype == one.dtype
                same(array(all_of)[b], array(one), *case.tolerance, what=f"{name}, {where}")
                compared += 1
    assert compared


def has_one_size(case: Case) -> bool:
    """All examples give results of one size, so that there is a batch of them."""
    where = dict.fromkeys(range(len(case.sample.leaves)), 0)
    if case.op.name in OF_MEMORY or refuses_masks(case.op, case.sample, where):
        return False
    call = tensors_of(case.op, pb, case.sample, case.op.forms(pb)[0])
    return loops_too(call, case, where) is not None


@each([case for case in TAKEN if case.dtype == "float64" and has_one_size(case)])
def test_a_batch_of_batches_is_a_loop(case: Case) -> None:
    """The first leaf in both levels, the others in the outer or in the inner one."""
    sample = case.sample
    count = len(sample.leaves)
    call = tensors_of(case.op, pb, sample, case.op.forms(pb)[0])
    outer = dict.fromkeys(range(count), 0)
    inner = {k: 0 for k in range(count) if k % 2 == 0}
    batch = stacked(pb, sample, outer)
    for k in inner:
        # The inner batch holds rotations of the outer one.
        batch[k] = pb.stack([batch[k], batch[k].roll(1, 0)], 1)
    one = pb.vmap(call, in_dims(sample, inner))
    expected = [one(*[t[b] for t in batch]) for b in range(SIZE)]
    found = pb.vmap(one, in_dims(sample, outer))(*batch)
    for b in range(SIZE):
        for all_of, single in zip(found, expected[b], strict=True):
            same(array(all_of)[b], array(single), what=f"outer {outer}, inner {inner}")


# --- in place ---


def test_in_place_views() -> None:
    x = pb.arange(24.0).view(2, 3, 4)
    expected = x.transpose(1, 2).contiguous()
    found = pb.vmap(lambda row: row.t_())(x)
    assert pb.equal(found, expected)
    assert x.shape == (2, 4, 3)  # the tensor of all examples, as in PyTorch
    y = pb.arange(24.0).view(3, 2, 4)
    found = pb.vmap(lambda row: row.unsqueeze_(0).squeeze_(0).transpose_(0, 1), in_dims=1)(y)
    assert pb.equal(found, pb.arange(24.0).view(3, 2, 4).permute(1, 2, 0))


def test_in_place_views_are_recorded() -> None:
    def power(row: Tensor) -> Tensor:
        doubled = row * 2
        doubled.t_()
        assert doubled.shape == (4, 3)
        doubled[0].mul_(3)
        return (doubled**2)[0].sum()

    x = pb.arange(24.0).view(2, 3, 4)
    expected = pb.zeros(2, 3, 4)
    expected[:, :, 0] = 72 * x[:, :, 0]
    assert pb.allclose(pb.vmap(pb.func.grad(power))(x), expected)
    assert pb.allclose(pb.func.grad(lambda x: pb.vmap(power)(x).sum())(x), expected)
    _, slope = pb.func.jvp(pb.vmap(power), (x,), (x,))
    assert pb.allclose(slope, (expected * x).sum((1, 2)))


def test_an_in_place_view_of_a_leaf_is_refused() -> None:
    x = pb.zeros(2, 3, 4, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        pb.vmap(lambda row: row.t_())(x)
    assert x.shape == (2, 3, 4)


# --- what the samples do not say ---


def test_as_strided_within_an_example() -> None:
    x = pb.arange(24.0).view(2, 3, 4)
    second = pb.vmap(lambda row: row[1:].as_strided((2, 2), (4, 1)))(x)
    assert pb.equal(second, x[:, 1:, :2])
    last = pb.vmap(lambda row: row.as_strided((2,), (0,)), in_dims=2)(x)
    assert pb.equal(last, x[0, 0, :, None].expand(4, 2))
    with pytest.raises(RuntimeError, match="can access memory outside of `tensor`"):
        pb.vmap(lambda row: row.as_strided((3, 4), (4, 1), 2))(x)
    nested = pb.vmap(pb.vmap(lambda row: row.as_strided((2, 2), (1, 2))))(x)
    assert pb.equal(nested, x.view(2, 3, 2, 2).transpose(2, 3))


def test_derivatives_of_as_strided() -> None:
    def windows(row: Tensor) -> Tensor:
        return (row.as_strided((3, 2), (1, 1)) ** 2).sum()

    x = pb.rand(2, 4)
    expected = 2 * x * pb.tensor([1.0, 2.0, 2.0, 1.0])
    assert pb.allclose(pb.vmap(pb.func.grad(windows))(x), expected)
    assert pb.allclose(pb.func.grad(lambda x: pb.vmap(windows)(x).sum())(x), expected)
    _, slope = pb.func.jvp(pb.vmap(windows), (x,), (x,))
    assert pb.allclose(slope, (expected * x).sum(1))


def test_a_mask_for_each_example() -> None:
    x, source = pb.rand(3, 4), pb.rand(3, 5)
    mask = pb.tensor([[True, False, True, True], [False] * 4, [True, True, False, False]])

    def scattered(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
        return (x.masked_scatter(mask, source) ** 2).sum()

    found = pb.vmap(pb.func.grad(scattered, (0, 2)))(x, mask, source)
    for b in range(3):
        expected = pb.func.grad(scattered, (0, 2))(x[b], mask[b], source[b])
        for ours, one in zip(found, expected, strict=True):
            assert pb.allclose(ours[b], one)


def test_results_that_differ_in_size_are_refused() -> None:
    counts = pb.tensor([[0, 1, 1], [3, 0, 0]])
    for function, sizes in (
        (pb.bincount, r"\[2\] at entry 0 and \[4\] at entry 1"),
        (pb.argwhere, r"\[2, 1\] at entry 0 and \[1, 1\] at entry 1"),
        (pb.repeat_interleave, r"\[2\] at entry 0 and \[3\] at entry 1"),
    ):
        with pytest.raises(
            RuntimeError, match="stack expects each tensor to be equal size, but.*" + sizes
        ):
            pb.vmap(function)(counts)
    found = pb.vmap(lambda row: pb.bincount(row, minlength=5))(counts)
    assert found.tolist() == [[1, 2, 0, 0, 0], [2, 0, 0, 1, 0]]


def test_the_refusal_of_a_shared_target_names_the_operator() -> None:
    for name, write in {
        "inplace arithmetic": lambda t, row: t.add_(row),
        "aten::pow_": lambda t, row: t.pow_(row),
        "index_add_": lambda t, row: t.index_add_(0, pb.tensor([0, 1]), row),
    }.items():
        match = rf"vmap: {name}\(self, \*extra_args\) is not possible"
        with pytest.raises(RuntimeError, match=match):
            pb.vmap(lambda row, write=write: write(pb.zeros(2), row))(pb.ones(3, 2))


def test_chances_for_each_example() -> None:
    chances = pb.tensor([[0.0, 1.0], [1.0, 0.0]])

    def draw(p: Tensor) -> Tensor:
        return pb.zeros_like(p).bernoulli_(p)

    assert pb.equal(pb.vmap(draw, randomness="different")(chances), chances)
    with pytest.raises(RuntimeError, match="same randomness with a batched tensor"):
        pb.vmap(draw, randomness="same")(chances)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        pb.vmap(draw)(chances)
    with pytest.raises(RuntimeError, match="inplace bernoulli"):
        pb.vmap(lambda p: pb.zeros(2).bernoulli_(p), randomness="different")(chances)


def test_random_numbers_into_out() -> None:
    with pytest.raises(RuntimeError, match="calling out variants of random operations"):
        pb.vmap(lambda x: pb.rand(2, out=pb.zeros(2)), randomness="same")(pb.ones(3))


def test_detach_in_place_cuts_every_level() -> None:
    w = pb.ones(2, requires_grad=True)
    found = pb.vmap(lambda row: (row * w).detach_() * w)(pb.ones(3, 2))
    found.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]
