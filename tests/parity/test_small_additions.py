"""Late names beside torch: runs, settings of autocast, files, ``out=`` of compositions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def outcome(call: Callable[[Any], Any], t: Any) -> Any:
    """The values, or the type of the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = call(t)
        except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
            return type(error).__name__
    return str(found.tolist() if hasattr(found, "tolist") else found)


SEGMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "lengths": lambda t: {"lengths": t.tensor([3, 0, 2])},
    "initial": lambda t: {"lengths": t.tensor([3, 0, 2]), "initial": 3.0},
    "int32": lambda t: {"lengths": t.tensor([1, 4], dtype=t.int32)},
    "offsets": lambda t: {"offsets": t.tensor([0, 3, 3, 5]), "initial": 2},
    "unsafe": lambda t: {"lengths": t.tensor([2, 1]), "unsafe": True},
    "from 1": lambda t: {"offsets": t.tensor([1, 3, 5]), "unsafe": True},
    "too short": lambda t: {"lengths": t.tensor([2, 1])},
    "negative": lambda t: {"lengths": t.tensor([-1, 6])},
    "float": lambda t: {"lengths": t.tensor([5.0])},
    "nothing": lambda t: {},
    "indices": lambda t: {"indices": t.tensor([0, 0, 0, 1, 1])},
    "axis": lambda t: {"lengths": t.tensor([3, 0, 2]), "axis": 1},
    "another axis": lambda t: {"lengths": t.tensor([5]), "axis": 2},
}
DATA = [[1.0, 0.5], [3.0, -2.0], [3.0, 4.0], [2.0, 0.25], [5.0, -1.0]]


@pytest.mark.parametrize("reduce", ["sum", "mean", "prod", "max", "min", "other"])
@pytest.mark.parametrize("form", SEGMENTS)
def test_runs(form: str, reduce: str) -> None:
    def values(t: Any) -> Any:
        data = t.tensor(DATA, dtype=t.float64, requires_grad=True)
        return t.segment_reduce(data, reduce, **SEGMENTS[form](t))

    def slopes(t: Any) -> Any:
        data = t.tensor(DATA, dtype=t.float64, requires_grad=True)
        found = t.segment_reduce(data, reduce, **SEGMENTS[form](t))
        weight = t.arange(1.0, found.numel() + 1, dtype=t.float64).reshape(found.shape)
        return t.autograd.grad(found, data, weight)[0] + 0  # no -0

    assert outcome(values, pb) == outcome(values, torch)
    assert outcome(slopes, pb) == outcome(slopes, torch)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "int64", "complex64"])
def test_runs_of_rows_and_of_no_number(dtype: str) -> None:
    def rows(t: Any) -> Any:
        data = t.arange(12).reshape(2, 6).to(getattr(t, dtype))
        return t.segment_reduce(data, "sum", lengths=t.tensor([[2, 4], [6, 0]]), axis=1)

    assert outcome(rows, pb) == outcome(rows, torch)
    nan = float("nan")
    for reduce in ("max", "min"):

        def with_nan(t: Any, reduce: str = reduce) -> Any:
            data = t.tensor([1.0, nan, 3.0])
            return t.segment_reduce(data, reduce, lengths=t.tensor([2, 1]), initial=2)

        assert outcome(with_nan, pb) == outcome(with_nan, torch)


def test_runs_have_second_derivatives() -> None:
    data = pb.linspace(-1, 2, 10, dtype=pb.float64).reshape(5, 2).requires_grad_()
    for reduce in ("sum", "mean", "prod", "max"):
        assert pb.autograd.gradgradcheck(
            lambda x, r=reduce: pb.segment_reduce(x, r, lengths=pb.tensor([3, 2])), data
        )


SETTINGS: list[Callable[[Any], Any]] = [
    lambda t: [t.get_autocast_dtype(d) for d in ("cpu", "cuda", "mps", "xla", "hpu")],
    lambda t: t.get_autocast_dtype("meta"),
    lambda t: t.get_autocast_dtype("cpx"),
    lambda t: t.get_autocast_dtype(3),
    lambda t: t.is_autocast_enabled("cpx"),
    lambda t: t.is_autocast_enabled("cpu"),
    lambda t: t.set_autocast_enabled("cpu", False),
    lambda t: t.set_autocast_enabled(False),
    lambda t: t.set_autocast_enabled("cpu", 1),
    lambda t: t.set_autocast_enabled(1),
    lambda t: t.set_autocast_cache_enabled(2),
    lambda t: t.set_autocast_dtype("cpu", 3),
    lambda t: t.is_autocast_cache_enabled(),
    lambda t: t.clear_autocast_cache(),
    lambda t: t.is_autocast_cpu_enabled(),
    lambda t: t.set_autocast_cpu_enabled(False),
    lambda t: t.get_autocast_cpu_dtype(),
    lambda t: t.set_anomaly_enabled(1),
    lambda t: t.set_anomaly_enabled(True, 2),
    lambda t: t.set_anomaly_enabled(False, check_nan=True),
]


@pytest.mark.parametrize("call", SETTINGS, ids=range(len(SETTINGS)))
def test_settings(call: Callable[[Any], Any]) -> None:
    assert outcome(call, pb) == outcome(call, torch)


def test_settings_are_kept() -> None:
    for t in (pb, torch):
        before = t.get_autocast_dtype("cpu")
        t.set_autocast_dtype("cpu", t.float16)
        assert t.get_autocast_dtype("cpu") == t.float16
        t.set_autocast_dtype("cpu", before)
        t.set_autocast_cache_enabled(False)
        assert not t.is_autocast_cache_enabled()
        t.set_autocast_cache_enabled(True)
        t.set_anomaly_enabled(True, check_nan=False)
        assert t.is_anomaly_enabled()
        assert not t.is_anomaly_check_nan_enabled()
        t.set_anomaly_enabled(False)
        assert not t.is_anomaly_enabled()
        with pytest.warns(DeprecationWarning, match="get_autocast_dtype"):
            t.get_autocast_cpu_dtype()


def test_autocast_is_not_switched_on() -> None:
    with pytest.raises(NotImplementedError, match="dtype of their operands"):
        pb.set_autocast_enabled("cpu", True)


def test_files(tmp_path: Path) -> None:
    for t in (pb, torch):
        path = str(tmp_path / t.__name__)
        with pytest.raises(RuntimeError):
            t.from_file(path, size=3)
        x = t.from_file(path, shared=True, size=3, dtype=t.float64)
        x.copy_(t.tensor([1.0, 2.0, 3.0]))
        own = t.from_file(path, size=2, dtype=t.float64)
        own[0] = 9.0
        assert t.from_file(path, False, 3, dtype=t.float64).tolist() == [1.0, 2.0, 3.0]
        with pytest.raises(RuntimeError):
            t.from_file(path, size=4, dtype=t.float64)
        assert t.from_file(path, True, 4, dtype=t.float64).tolist() == [1.0, 2.0, 3.0, 0.0]
        assert t.from_file(path, size=4, dtype=t.complex64).dtype == t.complex64
        assert t.from_file(path).shape == (0,)
        with pytest.raises(RuntimeError):
            t.from_file(path, size=-1)


OUTS: list[Callable[[Any], Any]] = [
    lambda t: t.renorm(t.ones(2, 2), 2, 0, 1.0, out=t.empty(2, 2)),
    lambda t: t.renorm(t.ones(2, 2), 2, 0, 1.0, out=t.empty(2, 2, dtype=t.float64)),
    lambda t: t.renorm(t.ones(2, 2), 2, 0, 1.0, out=t.empty(2, 2, dtype=t.int64)),
    lambda t: t.renorm(t.ones(2, 2, requires_grad=True), 2, 0, 1.0, out=t.empty(2, 2)),
    lambda t: t.renorm(t.ones(2, 2), 2, 0, 1.0, out=t.empty(0)),
    lambda t: t.ldexp(t.ones(2), t.ones(2), out=t.empty(2, requires_grad=True)),
    lambda t: t.ldexp(t.ones(2), t.ones(2), out=3),
    lambda t: t.nonzero_static(t.ones(2), size=2, out=t.empty(2, 1, dtype=t.int64)),
    lambda t: t.nonzero_static(t.ones(2), size=2, out=t.empty(2, 1)),
    lambda t: t.index_reduce(t.ones(3), 0, t.tensor([0]), t.ones(1) * 5, "prod", out=t.empty(3)),
    lambda t: t.narrow_copy(t.ones(1, dtype=t.bool), 0, 0, 1, out=t.empty(1, dtype=t.bool)),
    lambda t: t.slice_copy(t.ones(3), 0, 0, 2, out=t.empty(2)),
    lambda t: t.unfold_copy(t.ones(4), 0, 2, 2, out=t.empty(2, 2)),
    lambda t: t.view_as_complex_copy(t.ones(4, 2), out=t.empty(4, dtype=t.complex64)),
    lambda t: t.rrelu(-t.ones(3), 0.1, 0.3, True, 3),
]


@pytest.mark.parametrize("call", OUTS, ids=range(len(OUTS)))
def test_out_of_compositions(call: Callable[[Any], Any]) -> None:
    assert outcome(call, pb) == outcome(call, torch)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["rrelu", "rrelu_"])
def test_slopes_of_a_generator(name: str, dtype: str) -> None:
    def draw(t: Any) -> Any:
        x = t.arange(-30, 10).to(getattr(t, dtype)) * 0.125
        return getattr(t, name)(x, 0.1, 0.3, True, generator=t.Generator().manual_seed(3))

    assert outcome(draw, pb) == outcome(draw, torch)


def test_kernels_of_attention() -> None:
    from pullback.nn.attention import SDPBackend, sdpa_kernel

    q = pb.ones(1, 1, 2, 4)
    for kinds in (SDPBackend.MATH, [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], []):
        with sdpa_kernel(kinds):
            assert pb.nn.functional.scaled_dot_product_attention(q, q, q).shape == q.shape
    with pytest.raises(AssertionError, match="got str"), sdpa_kernel("MATH"):
        pass
    names = [n for n in dir(torch.nn.attention.SDPBackend) if n.isupper()]
    assert {n: int(SDPBackend[n]) for n in names} == {
        n: int(getattr(torch.nn.attention.SDPBackend, n)) for n in names
    }
