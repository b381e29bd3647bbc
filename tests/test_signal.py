"""Windows, short-time transforms, and the transforms where the table's samples do not reach.

Long, prime and strided lines, several dimensions in every order, many threads, the library that
NumPy 1.x gives, and the identities that hold for every input.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.autograd import gradcheck, gradgradcheck
from same_bits import assert_same_bits

windows = pytest.importorskip("scipy.signal.windows")
special = pytest.importorskip("scipy.special")

W = pb.signal.windows
NAMED: dict[str, Any] = {
    "bartlett": windows.bartlett,
    "blackman": windows.blackman,
    "cosine": windows.cosine,
    "hamming": windows.hamming,
    "hann": windows.hann,
    "nuttall": windows.nuttall,
    "exponential": windows.exponential,
    "gaussian": lambda M, sym: windows.gaussian(M, 1.0, sym),
    "kaiser": lambda M, sym: windows.kaiser(M, 12.0, sym),
    "general_hamming": lambda M, sym: windows.general_hamming(M, 0.54, sym),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("M", [0, 1, 2, 3, 8, 51])
def test_windows(name: str, M: int, sym: bool) -> None:
    found = getattr(W, name)(M, sym=sym, dtype=pb.float64)
    np.testing.assert_allclose(found.numpy(), NAMED[name](M, sym=sym), 1e-12, 1e-14)
    single = getattr(W, name)(M, sym=sym)
    assert single.dtype is pb.float32
    np.testing.assert_allclose(single.numpy(), found.numpy(), 1e-5, 1e-5)


def test_parameters_of_windows() -> None:
    double = {"dtype": pb.float64}
    for ours, scipys in (
        (W.exponential(7, center=1, tau=2.5, sym=False, **double), ("exponential", 1, 2.5)),
        (W.gaussian(7, std=2.0, sym=False, **double), ("gaussian", 2.0)),
        (W.kaiser(7, beta=3.5, sym=False, **double), ("kaiser", 3.5)),
        (W.general_cosine(7, a=[0.4, 0.5, 0.1], sym=False, **double), None),
        (W.general_hamming(7, alpha=0.6, sym=False, **double), ("general_hamming", 0.6)),
    ):
        wanted = windows.get_window(scipys, 7) if scipys else None
        if wanted is None:
            wanted = windows.general_cosine(7, [0.4, 0.5, 0.1], sym=False)
        np.testing.assert_allclose(ours.numpy(), wanted, 1e-12, 1e-14)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: W.hann(-1), ValueError, "general_cosine requires non-negative window length, got"),
        (
            lambda: W.bartlett(5, dtype=pb.int32),
            ValueError,
            "expects float32 or float64 dtypes",
        ),
        (
            lambda: W.cosine(5, dtype=pb.float16),
            ValueError,
            "expects float32 or float64 dtypes",
        ),
        (lambda: W.exponential(5, tau=0), ValueError, "Tau must be positive"),
        (lambda: W.exponential(5, center=1), ValueError, "Center must be None"),
        (lambda: W.gaussian(5, std=-1), ValueError, "Standard deviation must be positive"),
        (lambda: W.kaiser(5, beta=-1), ValueError, "beta must be non-negative"),
        (
            lambda: W.general_cosine(5, a=0.5),
            TypeError,
            "must be a list or tuple of numbers",
        ),
        (lambda: W.general_cosine(5, a=[]), ValueError, "Coefficients cannot be empty"),
        (lambda: W.nuttall(5, b=3), TypeError, "unexpected keyword argument 'b'"),
        (lambda: pb.hann_window(-1), RuntimeError, "requires non-negative window_length"),
        (lambda: pb.hann_window(5, dtype=pb.int64), RuntimeError, "expects floating point dtypes"),
        (lambda: pb.fft.fftfreq(5, dtype=pb.int64), RuntimeError, "requires a floating point or"),
    ],
)
def test_refusals_of_windows(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def numbers(*shape: int, dtype: str = "complex128", seed: int = 0) -> np.ndarray:
    random = np.random.RandomState(seed)
    values = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    return (values.real if dtype.startswith("float") else values).astype(dtype)


def direct(x: np.ndarray, sign: int) -> np.ndarray:
    """Along the last dimension, by the definition, in long double."""
    n = x.shape[-1]
    turns = (np.outer(np.arange(n), np.arange(n)) % n).astype(np.longdouble) / n
    angle = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) * turns
    return x.astype(np.clongdouble) @ (np.cos(angle) + sign * 1j * np.sin(angle))


LENGTHS = [1, 2, 3, 4, 5, 7, 8, 16, 31, 97, 100, 127, 128, 251, 256, 509, 510, 1009]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize(("dtype", "ulp"), [("complex128", 1e-15), ("complex64", 4e-7)])
def test_lengths(n: int, dtype: str, ulp: float) -> None:
    """Errors in units of the largest result grow with the logarithm of the length."""
    x = numbers(3, n, dtype=dtype)
    bound = ulp * max(math.log2(n), 1)
    for function, sign in ((pb.fft.fft, -1), (pb.fft.ifft, 1)):
        wanted = direct(x, sign) / (n if sign > 0 else 1)
        found = function(pb.tensor(x)).numpy()
        assert found.dtype == dtype
        assert abs(found - wanted).max() <= bound * abs(wanted).max()
    real = x.real.copy()
    wanted = direct(real, -1)
    half = pb.fft.rfft(pb.tensor(real))
    assert abs(half.numpy() - wanted[:, : n // 2 + 1]).max() <= bound * abs(wanted).max()
    assert abs(pb.fft.fft(pb.tensor(real)).numpy() - wanted).max() <= bound * abs(wanted).max()
    back = pb.fft.irfft(half, n=n).numpy()
    assert back.dtype == real.dtype
    assert abs(back - real).max() <= 2 * bound * abs(real).max()


SHAPE = (3, 4, 5, 6)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (3,), (0, 2), (3, 1), (2, 3), (3, 0, 1)])
def test_layouts(order: tuple[int, ...], dims: tuple[int, ...]) -> None:
    """Any strides, any dimensions, in any order: the values of a row-major copy."""
    inverse = np.argsort(order)
    x = np.ascontiguousarray(numbers(*SHAPE).transpose(order)).transpose(inverse)
    apart = np.zeros((*[2 * n for n in SHAPE],), complex)
    apart[tuple(slice(None, None, 2) for _ in SHAPE)] = x
    gaps = pb.tensor(apart)[tuple(slice(None, None, 2) for _ in SHAPE)]
    reverse = pb.tensor(np.ascontiguousarray(x.transpose(order))).permute(tuple(inverse.tolist()))
    wanted = np.fft.fftn(x, axes=dims)
    halves = np.fft.rfftn(x.real, axes=dims)
    for tensor in (reverse, gaps):
        np.testing.assert_allclose(pb.fft.fftn(tensor, dim=dims).numpy(), wanted, 1e-12, 1e-12)
        found = pb.fft.rfftn(tensor.real, dim=dims)
        np.testing.assert_allclose(found.numpy(), halves, 1e-12, 1e-12)
        back = pb.fft.irfftn(found, s=[SHAPE[d] for d in dims], dim=dims)
        np.testing.assert_allclose(back.numpy(), x.real, 1e-12, 1e-12)


def test_broadcast_and_empty_inputs() -> None:
    row = pb.tensor(numbers(1, 8))
    found = pb.fft.fft(row.expand(4, 8))
    assert found.shape == (4, 8)
    np.testing.assert_allclose(found.numpy(), np.fft.fft(row.numpy()).repeat(4, 0), 1e-13)
    column = pb.tensor(numbers(4, 1)).expand(4, 8)
    np.testing.assert_allclose(pb.fft.fft(column).numpy(), np.fft.fft(column.numpy()), 1e-13, 1e-13)
    for function in (pb.fft.fft, pb.fft.rfft):
        assert function(pb.zeros(0, 3)).shape[0] == 0
    for function in (pb.fft.fft, pb.fft.ifft, pb.fft.hfft):
        with pytest.raises(RuntimeError, match="Invalid number of data points"):
            function(pb.zeros(3, 0))


def test_values_that_are_not_finite_stay_in_their_line() -> None:
    x = pb.ones(3, 8)
    x[1, 2] = math.nan
    y = pb.view_as_real(pb.fft.fft(x))
    assert y.isnan().any(2).any(1).tolist() == [False, True, False]
    x[1, 2] = math.inf
    finite = pb.view_as_real(pb.fft.fft(x)).isfinite().all(2)
    assert finite.any(1).tolist() == [True, False, True]


def test_the_same_bits_on_any_number_of_threads() -> None:
    x = pb.tensor(numbers(700, 300, dtype="complex64"))
    assert_same_bits(lambda: [pb.fft.fft(x), pb.fft.fft(x, dim=0), pb.fft.fft2(x)])


def test_from_many_threads_at_once() -> None:
    inputs = [numbers(20, 100 + k, seed=k) for k in range(8)]
    wrong = []

    def work(x: np.ndarray) -> None:
        tensor = pb.tensor(x, requires_grad=True)
        for _ in range(20):
            y = pb.fft.fft(tensor)
            y.abs().sum().backward()
            if not np.allclose(y.detach().numpy(), np.fft.fft(x)):
                wrong.append(x.shape)

    workers = [threading.Thread(target=work, args=(x,)) for x in inputs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_adjoints(n: int, norm: str) -> None:
    """<F x, y> = <x, F* y>, the vjp being F*."""
    x = pb.tensor(numbers(3, n, dtype="float64"), requires_grad=True)
    z = pb.tensor(numbers(3, n // 2 + 1, seed=1), requires_grad=True)
    for operand, result in ((x, pb.fft.rfft(x, norm=norm)), (z, pb.fft.irfft(z, n=n, norm=norm))):
        kind = "complex128" if result.is_complex() else "float64"
        other = pb.tensor(numbers(*result.shape, dtype=kind, seed=2))
        (gradient,) = pb.autograd.grad(result, operand, other)
        left = (result.conj() * other).sum().real.item()
        right = (operand.conj() * gradient).sum().real.item()
        assert left == pytest.approx(right, rel=1e-12, abs=1e-12)


def test_derivatives_of_the_inversion() -> None:
    x = pb.tensor(numbers(2, 24, dtype="float64"), requires_grad=True)
    window = pb.hann_window(8, dtype=pb.float64).requires_grad_()

    def there_and_back(x: Any, window: Any) -> Any:
        spectra = pb.stft(x, 8, window=window, return_complex=True)
        return pb.istft(spectra * spectra.abs(), 8, window=window, length=24)

    assert gradcheck(there_and_back, (x, window))
    assert gradgradcheck(there_and_back, (x, window))


@pytest.mark.parametrize("hop", [1, 2, 3, 4])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
def test_istft_inverts_stft(hop: int, center: bool, normalized: bool) -> None:
    x = pb.tensor(numbers(3, 40, dtype="float64"))
    window = pb.hann_window(8, periodic=False, dtype=pb.float64) + 0.1
    given = {"hop_length": hop, "window": window, "center": center, "normalized": normalized}
    spectra = pb.stft(x, 8, return_complex=True, **given)
    back = pb.istft(spectra, 8, **given)
    np.testing.assert_allclose(back.numpy(), x.numpy()[:, : back.shape[1]], 1e-12, 1e-12)


def test_words_of_frames() -> None:
    x = pb.ones(40)
    with pytest.raises(RuntimeError, match="stft requires the return_complex parameter"):
        pb.stft(x, 8, window=pb.ones(8))
    with pytest.warns(UserWarning, match="return_complex=False is deprecated"):
        pairs = pb.stft(x, 8, window=pb.ones(8), return_complex=False)
    assert pairs.shape == (5, 21, 2)
    with pytest.warns(UserWarning, match="A window was not provided"):
        spectrum = pb.stft(x, 8, return_complex=True)
    with pytest.warns(UserWarning, match="A window was not provided"):
        pb.istft(spectrum, 8)
    with pytest.warns(UserWarning, match="shorter than the length parameter"):
        assert pb.istft(spectrum, 8, window=pb.ones(8), length=60).shape == (60,)
    with pytest.raises(RuntimeError, match="window overlap add min: 0"):
        pb.istft(spectrum, 8, window=pb.zeros(8))
    with pytest.raises(RuntimeError, match=r"window=torch.FloatTensor\{\[1, 8\]\}, normalized=0"):
        pb.stft(x, 8, window=pb.ones(1, 8), return_complex=True)


PUBLIC = """
import sys
sys.modules["numpy.fft._pocketfft_umath"] = None  # as if NumPy were older
import numpy as np, pullback as pb
random = np.random.RandomState(0)
for real in (np.float32, np.float64):
    z = (random.standard_normal((5, 7, 6)) + 1j * random.standard_normal((5, 7, 6)))
    z = z.astype(np.result_type(real, np.complex64))
    x, tolerance = z.real.copy(), dict(rtol=0, atol=50 * np.finfo(real).eps)
    for dim in range(3):
        for n in (None, 9):
            for name, operand in dict(fft=z, ifft=z, rfft=x, irfft=z, hfft=z, ihfft=x).items():
                found = getattr(pb.fft, name)(pb.tensor(operand), n, dim).numpy()
                wide = operand.astype(complex if operand is z else float)
                wanted = getattr(np.fft, name)(wide, n, dim)
                assert found.real.dtype == real
                np.testing.assert_allclose(found, wanted, **tolerance)
y = pb.ones(4, requires_grad=True)
pb.fft.rfft(y).abs().sum().backward()
assert y.grad.isfinite().all()
print("right")
"""


def test_the_public_functions_of_numpy_serve_where_its_loops_are_not_found() -> None:
    program = PUBLIC
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        # numpy.fft needs its loops itself: they are hidden after it has been imported.
        program = program.replace("import sys\n", "import sys, numpy.fft\n", 1)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(pb.__file__).parent.parent)},
    )
    assert done.stdout == "right\n", done.stderr


@pytest.mark.parametrize("beta", [0.0, 3.5, 700.0, 1000.0, 1e5])
def test_a_kaiser_window_does_not_overflow(beta: float) -> None:
    """Bessel's function does from 714 on; the quotient of two is 1 at most."""
    u = np.linspace(-1, 1, 9)
    x = beta * np.sqrt(1 - u * u)
    right = np.exp(x - beta) * special.ive(0, x) / special.ive(0, beta)
    found = pb.kaiser_window(9, False, beta, dtype=pb.float64)
    np.testing.assert_allclose(found.numpy(), right, 1e-13)
