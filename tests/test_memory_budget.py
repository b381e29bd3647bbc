"""Memory budgets: the same bits, the bound, and what cannot be dropped; the report."""

from __future__ import annotations

import contextlib
import gc
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from programs import draw
from programs import run as run_program
from pullback import _core
from pullback.utils.checkpoint import checkpoint
from threads import together

Program = Callable[[Any, Any], Any]
CASES: list[Program] = []


def case(run: Program) -> Program:
    CASES.append(run)
    return run


@case
def pointwise(x: Any, w: Any) -> Any:
    return ((x.sin() * 2).exp() / (1 + x * x)).tanh().sigmoid().sqrt()


@case
def products(x: Any, w: Any) -> Any:
    for _ in range(4):
        x = (x @ w).tanh() + x
    return x


@case
def views(x: Any, w: Any) -> Any:
    y = (x.exp().t() * 2).reshape(-1).view(16, -1)[1:, ::2]
    return (y.sin() * y.unsqueeze(0).squeeze(0)).transpose(0, 1).exp().tanh()


@case
def layouts(x: Any, w: Any) -> Any:
    y = x.t().exp()  # columns first
    return (y.sin() * y).sum(0).exp() + y.cos().mean(1).tanh().sum()


@case
def reductions(x: Any, w: Any) -> Any:
    y = x.softmax(1) * x.log_softmax(0)
    return (y - y.mean(1, keepdim=True)) / (y.var(1, keepdim=True) + 1).sqrt() + y.cumsum(0)


@case
def parts(x: Any, w: Any) -> Any:
    a, b, c, d = x.exp().chunk(4, 1)
    e = pb.cat([a * b, c.sin() * d], 1)
    values, _ = e.sort(1)
    return pb.stack([values.exp(), e.tanh()]) * e.cos()


@case
def gathered(x: Any, w: Any) -> Any:
    index = pb.arange(16).flip(0)
    y = x.exp().index_select(0, index)
    return (y[index % 5] * y.gather(1, (index.unsqueeze(1) % 3))).tanh()


@case
def masks(x: Any, w: Any) -> Any:
    y = (x * (pb.rand(16, 16) > 0.5) * 2).exp()
    return pb.where(y > 1, y.sin(), y * y).clamp(-0.5, 0.5) * x.relu().exp()


@case
def in_place(x: Any, w: Any) -> Any:
    y = x * 2
    y.sin_()
    z = y.exp() * 1
    z.mul_(y).add_(x.exp())
    z = z.tanh() * 1
    z.relu_()
    return (z * z).exp() + (z @ w).relu_()


@case
def in_place_through_views(x: Any, w: Any) -> Any:
    y = x.exp() * 1
    y[2:4] = x[:2].sin()
    y[:, 1].mul_(3)
    return (y * y).sin().exp() * y.t().tanh()


@case
def custom(x: Any, w: Any) -> Any:
    class Cube(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.save_for_backward(v)
            return v * v * v

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (v,) = ctx.saved_tensors
            return 3 * v * v * g

    return Cube.apply(x.sin()).exp().tanh() * x


@case
def losses(x: Any, w: Any) -> Any:
    target = pb.arange(16) % 4
    y = pb.nn.functional.cross_entropy((x @ w).tanh(), target, reduction="none")
    return y.exp() + pb.nn.functional.gelu(x @ w).norm(dim=1)


@case
def checkpoints(x: Any, w: Any) -> Any:
    return checkpoint(lambda v: (v @ w).exp().sin(), x.tanh(), use_reentrant=False).tanh().exp()


@case
def broadcast(x: Any, w: Any) -> Any:
    row = x[0].exp()
    return (x * row).sin() * (row.unsqueeze(1) + 0.5).exp() + row.double().sin().float()


@case
def attention(x: Any, w: Any) -> Any:
    attend = pb.nn.functional.scaled_dot_product_attention
    q, k, v = ((x @ w).tanh().view(2, 8, 16) * factor for factor in (1, 2, 3))
    y = attend(q, k.exp(), v.sin(), is_causal=True)
    pb.manual_seed(3)
    return attend(q, k, v, x[:8, :8].sin() * 1, dropout_p=0.3).exp() + y.tanh()


@case
def normalised(x: Any, w: Any) -> Any:
    f = pb.nn.functional
    y = f.layer_norm(x.exp(), (16,), w[0], w[1]).tanh()
    z = f.group_norm(y.view(4, 8, 8).sin(), 2, w[2, :8] * 2)
    return f.batch_norm(z.exp(), None, None, w[3, :8], None, True).tanh().exp()


@case
def convolved(x: Any, w: Any) -> Any:
    f = pb.nn.functional
    y = f.conv2d(x.view(1, 4, 8, 8).tanh(), w.view(4, 4, 4, 4) * 1, padding=1)
    y = f.conv_transpose2d(f.max_pool2d(y.sin(), 2).exp() * 1, w.view(4, 4, 4, 4).sin(), stride=2)
    y = f.pad(y.tanh(), (2, 2, 1, 1), "reflect").sin()
    return f.interpolate(y, scale_factor=0.5, mode="bilinear").tanh()


@case
def recurrent(x: Any, w: Any) -> Any:
    found = []
    for kind in (pb.nn.LSTM, pb.nn.GRU, pb.nn.RNN):
        pb.manual_seed(5)
        found.append(kind(16, 4)((x @ w).tanh().view(4, 4, 16))[0].exp())
    return pb.cat(found, -1).tanh()


@case
def spectra(x: Any, w: Any) -> Any:
    y = pb.fft.rfft(x.sin() @ w)
    z = pb.fft.irfft(y * y, n=16).tanh()
    window = pb.hann_window(16)
    return pb.stft((z * x).view(-1).exp(), 16, window=window, return_complex=True).abs().tanh()


def make() -> tuple[Any, Any]:
    pb.manual_seed(1)
    x = pb.randn(16, 16, requires_grad=True)
    return x, (pb.randn(16, 16) / 4).requires_grad_()


def test_random_programs() -> None:
    """In-place writes, views, transforms and modes included; see tests/programs."""

    def notes(number: int) -> str:
        machine = run_program(draw(number), pb)
        text = repr(machine.notes)
        machine.clear()
        return text

    compared = 0
    for number in range(150):
        expected = notes(number)
        if any("disable_saved_tensors_hooks" in step.line for step in draw(number).steps):
            continue  # which a budget does not let pass
        with pb.memory_budget([0, 60, 150, 400][number % 4]) as limit:
            found = notes(number)
        if limit.stats()["refused"] == 0:
            assert found == expected, f"program {number}"
            compared += 1
    assert compared > 75


class TooMuchError(Exception):
    """The program saves more that cannot be dropped."""


def gradients(run: Program, budget: int | None) -> tuple[list[list[float]], dict[str, int]]:
    x, w = make()
    stats: dict[str, int] = {}
    if budget is None:
        y = run(x, w).sum()
    else:
        try:
            with pb.memory_budget(budget) as limit:
                y = run(x, w).sum()
        except RuntimeError as error:
            raise (TooMuchError if "cannot stay under" in str(error) else error) from None
        stats = limit.stats()
        assert stats["held"] <= budget
    y.backward()
    if budget is not None:
        stats = limit.stats()
        assert stats["held"] == 0
        assert stats["peak"] <= budget
    return [[] if t.grad is None else t.grad.flatten().tolist() for t in (x, w)], stats


@pytest.mark.parametrize("run", CASES)
def test_the_bits_are_those_without_a_budget(run: Program) -> None:
    expected, _ = gradients(run, None)
    used, dropped = [], 0
    for budget in (10**9, 12000, 6000, 3000, 1100, 0):
        with contextlib.suppress(TooMuchError):
            found, stats = gradients(run, budget)
            assert found == expected
            assert (stats["recomputed"] > 0) == (stats["dropped"] > 0)
            used.append(budget)
            dropped += stats["dropped"]
    assert 12000 in used
    assert dropped > 0 or run is custom


def test_second_derivatives() -> None:
    def run(budget: float) -> Any:
        x, w = make()
        with pb.memory_budget(budget):
            y = products(x, w).sin().sum()
            (first,) = pb.autograd.grad(y, x, create_graph=True)
        return pb.autograd.grad(first.sum(), (x, w))

    for a, b in zip(run(1e9), run(9000), strict=True):
        assert a.tolist() == b.tolist()


def test_several_passes() -> None:
    x, w = make()
    with pb.memory_budget(3000) as budget:
        y = products(x, w).sum()
    (first,) = pb.autograd.grad(y, x, retain_graph=True)
    (second,) = pb.autograd.grad(y, x, retain_graph=True)
    assert first.tolist() == second.tolist()
    assert budget.stats()["held"] <= 3000
    y.backward()
    assert x.grad.tolist() == first.tolist()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_two_results_of_one_graph() -> None:
    def run(budget: float) -> Any:
        x, w = make()
        with pb.memory_budget(budget):
            shared = (x @ w).exp()
            a, b = (shared * shared).sin().sum(), (shared.cos() * shared).sum()
        a.backward(retain_graph=True)
        b.backward()
        return x.grad.tolist(), w.grad.tolist()

    assert run(1e9) == run(1100)


def test_what_was_overwritten_without_being_recorded_is_never_computed_wrongly() -> None:
    def run(budget: float) -> Any:
        x, _ = make()
        with pb.memory_budget(budget):
            y = x.exp() * 1
            with pb.no_grad():
                y.add_(1)
            z = (y * y).sin().exp().sum()  # of the new value
        z.backward()
        return x.grad.tolist()

    expected = run(1e9)
    assert run(3100) == expected
    with pytest.raises(RuntimeError, match="cannot stay under"):
        run(1000)


def test_an_argument_that_was_overwritten_is_an_error() -> None:
    x, w = make()
    with pb.memory_budget(0):
        y = (x.sin() * w.exp()).tanh().exp().sum()
    with pb.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.backward()
    assert f"{__file__}:" in str(caught.value)


def test_held_values_are_checked_like_any_other() -> None:
    x, _ = make()
    with pb.memory_budget(10**9):
        y = x.exp()
        z = y * y
    y.detach().add_(1)
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0"):
        z.sum().backward()


def test_random_numbers_are_not_drawn_again() -> None:
    x, _ = make()
    with pb.memory_budget(5000) as budget:
        y = pb.nn.functional.dropout(x.exp(), 0.5) if hasattr(pb.nn.functional, "dropout") else x
        y = (y * pb.rand(16, 16)).sin().exp().tanh().exp()
    state = pb.get_rng_state()
    y.sum().backward()
    assert (pb.get_rng_state() == state).all()
    assert budget.stats()["recomputed"] > 0


def test_the_error_names_shape_size_and_line() -> None:
    x, _ = make()
    constant = pb.ones(16, 16)
    with pytest.raises(RuntimeError, match="cannot stay under") as caught, pb.memory_budget("1kB"):
        x * constant
    message = str(caught.value)
    assert "got 1024 bytes that cannot be computed again, expected at most 1000" in message
    assert "shape [16, 16] without history" in message

    def record() -> Any:
        y = x.exp()
        y[:, 1].mul_(3)
        return y * y

    with pytest.raises(RuntimeError, match="cannot stay under") as caught, pb.memory_budget(1000):
        record()
    line = inspect.getsourcelines(record)[1] + 2
    assert f"CopySlices at {__file__}:{line}" in str(caught.value)


def test_an_error_leaves_the_mode_and_nothing_else() -> None:
    before = _core.live_objects()
    x, w = make()
    with pytest.raises(RuntimeError, match="cannot stay under"), pb.memory_budget(0):
        x * pb.ones(16, 16)
    y = (x * pb.ones(16, 16)).sum()
    y.backward()
    del x, w, y
    gc.collect()
    assert _core.live_objects() == before


def test_hooks_inside_a_budget_come_first() -> None:
    seen = []
    x, _ = make()
    hooks = pb.autograd.graph.saved_tensors_hooks(lambda t: (seen.append(1), t.detach())[1], id)
    hooks.unpack_hook = lambda t: t
    with pb.memory_budget(3100):
        y = x.exp()
        with hooks:
            y = y.sin()
        y = y.exp().tanh()
    y.sum().backward()
    plain = x.grad.tolist()
    x.grad = None
    x.exp().sin().exp().tanh().sum().backward()
    assert (seen, plain) == ([1], x.grad.tolist())


def test_budgets_nest_and_are_refused_where_hooks_are() -> None:
    x, _ = make()
    with pb.memory_budget(10**9) as outer, pb.memory_budget(2000) as inner:
        y = x.exp().sin().exp().sin().sum()
    assert (outer.stats()["held"], inner.stats()["held"] <= 2000) == (0, True)
    y.backward()
    graph = pb.autograd.graph
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not he"):
        pb.memory_budget(10).__enter__()


def test_a_long_chain() -> None:
    x = pb.ones(100, requires_grad=True)
    with pb.memory_budget(400 * 60) as budget:
        y = x
        for _ in range(2000):
            y = (y * 1.001).sin()
    y.sum().backward()
    (expected,) = (x.grad.clone(),)
    x.grad = None
    y = x
    for _ in range(2000):
        y = (y * 1.001).sin()
    y.sum().backward()
    assert x.grad.tolist() == expected.tolist()
    assert budget.stats()["peak"] <= 400 * 60


def test_threads_have_budgets_of_their_own() -> None:
    expected, _ = gradients(products, None)

    def work(_: int) -> None:
        for _ in range(10):
            x = pb.rand(16, requires_grad=True)
            with pb.memory_budget(100):
                y = x.exp().sin().exp().tanh().sum()
            y.backward()
            (again,) = pb.autograd.grad(x.exp().sin().exp().tanh().sum(), x)
            assert x.grad.tolist() == again.tolist()

    together(work)
    assert gradients(products, 3000)[0] == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1000, 1000),
        (1.5e3, 1500),
        ("1000", 1000),
        ("12 B", 12),
        ("500MB", 500_000_000),
        ("1.5 GiB", 3 * 2**29),
        ("2k", 2000),
        ("1TiB", 2**40),
    ],
)
def test_sizes(size: Any, expected: int) -> None:
    assert pb.memory_budget(size).size == expected


@pytest.mark.parametrize("size", ["", "MB", "5 apples", "-3MB", -1, None, True, [5], 1e30])
def test_what_is_no_size(size: Any) -> None:
    with pytest.raises(ValueError, match="memory_budget: got"):
        pb.memory_budget(size)


def test_stats_need_an_entered_budget() -> None:
    with pytest.raises(RuntimeError, match="not entered"):
        pb.memory_budget(10).stats()


# --- the report ---


def test_the_report_names_lines() -> None:
    x = pb.rand(1000, requires_grad=True)
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    y = (x.sin() * 2).exp()
    report = pb.memory.report(y)
    (row,) = (row for row in report.rows if not row.parameter)
    assert (row.operator, row.bytes, row.shape) == ("ExpBackward0", 4000, (1000,))
    assert row.where.startswith(f"{__file__}:{line} in ")
    assert report.by("where") == {row.where: 4000}
    assert "ExpBackward0" in str(report)
    assert "(a parameter)" in str(report)


def test_shared_memory_is_counted_once() -> None:
    x = pb.rand(1000, requires_grad=True)
    y = x * 1
    z = y * y + y.view(10, 100).sin().view(-1)
    (row,) = (row for row in pb.memory.report([z, z]).rows if not row.parameter)
    assert (row.bytes, row.savers) == (4000, 3)


def test_the_report_finds_what_python_holds() -> None:
    class Holder:
        pass

    holder = Holder()
    holder.things = [{"y": pb.rand(12345, requires_grad=True).exp()}]  # type: ignore[attr-defined]
    assert 12345 * 4 in [row.bytes for row in pb.memory.report().rows]
    y = pb.rand(23456, requires_grad=True).exp()
    assert 23456 * 4 in [row.bytes for row in pb.memory.report().rows]
    y.sum().backward()
    assert 23456 * 4 not in [row.bytes for row in pb.memory.report().rows]


def test_the_report_sees_custom_functions_and_budgets() -> None:
    x, w = make()
    y = custom(x, w)
    assert "CubeBackward" in {row.operator for row in pb.memory.report(y).rows}
    with pb.memory_budget(2100) as budget:
        y = pointwise(x, w)
    assert pb.memory.report(y).total == budget.stats()["held"]


def test_an_empty_report() -> None:
    assert pb.memory.report(pb.ones(3)).rows == []
    assert pb.memory.report(()).total == 0
    assert str(pb.memory.report(())).endswith("0  in 0 tensors")
