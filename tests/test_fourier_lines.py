"""Lines that are transformed in lanes, or as matrices, beside NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

# Of the radices 4, 2, 3, 5 alone and mixed, one number above the others, and no such product.
LENGTHS = [2, 3, 4, 5, 6, 8, 9, 12, 15, 16, 20, 25, 27, 30, 60, 64, 100, 125, 128, 243, 1000, 1024]
LENGTHS += [1125, 3125, 4096, 4100, 7, 14, 97]
# Those that are seen as matrices, squares and not, and some that are not.
LONG = [
    1024,
    1080,
    2187,
    3125,
    8192,
    10_000,
    16_384,
    30_000,
    65_536,
    19_683,
    99_991,
    100_000,
    2**17,
    21_000,
]
TOLERANCE = {"complex64": 1e-6, "complex128": 3e-15}


def numbers(*shape: int) -> np.ndarray:
    random = np.random.RandomState(sum(shape))
    return random.standard_normal(shape) + 1j * random.standard_normal(shape)


def check(found: pb.Tensor, x: np.ndarray, name: str, axis: int = -1) -> None:
    """The error in units of the mean size, since a transform mixes all elements."""
    wanted = getattr(np.fft, name)(x.astype("complex128"), axis=axis)
    size = np.sqrt(np.mean(np.abs(wanted) ** 2))
    assert np.abs(found.numpy() - wanted).max() < TOLERANCE[x.dtype.name] * size


@pytest.mark.parametrize("name", ["fft", "ifft"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", LENGTHS)
def test_many_lines(n: int, dtype: str, name: str) -> None:
    transform = getattr(pb.fft, name)
    for count in (3, 4, 8, 11, 16):
        x = numbers(count, n).astype(dtype)
        check(transform(pb.tensor(x)), x, name)
        check(transform(pb.tensor(x.T.copy()), dim=0), x.T, name, 0)
        check(transform(pb.tensor(x.T.copy()).T), x, name)
        check(transform(pb.tensor(np.repeat(x, 2, axis=1))[:, ::2]), x, name)


@pytest.mark.parametrize("name", ["fft", "ifft"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", LONG)
def test_long_lines(n: int, dtype: str, name: str) -> None:
    x = numbers(2, n).astype(dtype)
    transform = getattr(pb.fft, name)
    check(transform(pb.tensor(x)), x, name)
    check(transform(pb.tensor(x[0])), x[0], name)
    check(transform(pb.tensor(np.repeat(x, 2, axis=1))[:, ::2]), x, name)
    check(transform(pb.tensor(x.T.copy()), dim=0), x.T, name, 0)


REAL = [2, 4, 6, 8, 10, 18, 30, 54, 64, 100, 250, 400, 1000, 2048, 7, 9, 14, 22]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", REAL)
def test_many_real_lines(n: int, dtype: str) -> None:
    real = "float32" if dtype == "complex64" else "float64"
    for count in (3, 8, 11, 16):
        x = numbers(count, n).real.astype(real)
        wanted = np.fft.rfft(x.astype("float64"))
        size = np.sqrt(np.mean(np.abs(wanted) ** 2))
        wide = pb.tensor(np.hstack([x[:, :1], x]))  # lines begin at odd places
        for lines in (pb.tensor(x), wide[:, 1:], pb.tensor(x.T.copy()).T):
            found = pb.fft.rfft(lines).numpy()
            assert np.abs(found - wanted).max() < TOLERANCE[dtype] * size
            assert not found[:, 0].imag.any()
            assert n % 2 or not found[:, -1].imag.any()
        spectra = numbers(count, n // 2 + 1).astype(dtype)
        lines = np.fft.irfft(spectra.astype("complex128"), n)
        size = np.sqrt(np.mean(lines**2))
        for given in (pb.tensor(spectra), pb.tensor(spectra.T.copy()).T):
            found = pb.fft.irfft(given, n).numpy()
            assert np.abs(found - lines).max() < TOLERANCE[dtype] * size


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_lines_of_one_number_repeated(dtype: str) -> None:
    """Expanded tensors, whose elements or lines lie at one place."""
    x = numbers(9, 1).astype(dtype)
    check(pb.fft.fft(pb.tensor(x).expand(9, 12)), np.repeat(x, 12, axis=1), "fft")
    line = numbers(1, 12).astype(dtype)
    check(pb.fft.fft(pb.tensor(line).expand(9, 12)), np.repeat(line, 9, axis=0), "fft")
    found = pb.fft.rfft(pb.tensor(line.real.copy()).expand(9, 12)).numpy()
    np.testing.assert_allclose(found[8], np.fft.rfft(line.real[0]), rtol=1e-5, atol=1e-5)
    ones = pb.fft.rfft(pb.tensor(x.real.copy()).expand(9, 12)).numpy()
    np.testing.assert_allclose(ones[:, 0], 12 * x.real[:, 0], rtol=1e-5)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_line_does_not_depend_on_those_beside_it(dtype: str) -> None:
    """Also where these hold NaN, or numbers of another size."""
    x = numbers(19, 60).astype(dtype)
    other = x.copy()
    other[1::2] *= 1e20
    other[2] = np.nan
    found, beside = pb.fft.fft(pb.tensor(x)), pb.fft.fft(pb.tensor(other))
    for line in (0, 4, 6, 18):
        assert pb.equal(found[line], beside[line])
    assert pb.equal(found[:9], pb.fft.fft(pb.tensor(x[:9])))


@pytest.mark.parametrize("shape", [(40, 64), (3, 50, 30), (65_536,), (100, 8192)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_same_bits_at_any_number_of_threads(shape: tuple[int, ...], dtype: str) -> None:
    x = pb.tensor(numbers(*shape).astype(dtype))
    threads = pb.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            pb.set_num_threads(count)
            found.append(pb.fft.fftn(x))
    finally:
        pb.set_num_threads(threads)
    assert pb.equal(found[0], found[1])
    assert pb.equal(found[0], found[2])


@pytest.mark.parametrize("shape", [(16, 32), (8, 12, 20), (9, 9)])
def test_planes_and_norms(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for norm in ("backward", "ortho", "forward"):
        wanted = np.fft.ifftn(np.fft.fftn(x, norm=norm) * 2, norm=norm)
        found = pb.fft.ifftn(pb.fft.fftn(pb.tensor(x), norm=norm) * 2, norm=norm)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-13, atol=1e-13)
