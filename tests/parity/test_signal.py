"""``fft``, ``stft``, ``istft`` and windows beside PyTorch: arguments, refusals, names of nodes.

The values of the samples are compared by ``test_ops.py``; here is what samples cannot say. Both
libraries run the same line; of errors the kinds are compared.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pullback as pb
from parity_both import same

torch = pytest.importorskip("torch")

BEGIN = """
x = torch.tensor(np.random.RandomState(0).standard_normal((4, 6)))
z = torch.view_as_complex(torch.tensor(np.random.RandomState(1).standard_normal((4, 6, 2))))
s = torch.tensor(np.random.RandomState(2).standard_normal(40))
w = torch.hann_window(8, dtype=torch.float64)
c = torch.ones(8, dtype=torch.complex128)
S = torch.stft(s, 8, window=w, return_complex=True)
Z = torch.stft(s + 0j, 8, window=w)
F, W = torch.fft, torch.signal.windows
"""

CALLS = """
F.fft(x, n=0) | F.fft(x, n=-1) | F.fft(x, dim=2) | F.fft(x, norm='foo') | F.fft(torch.tensor(1.))
F.rfft(z) | F.irfft(x) | F.irfft(x, n=1) | F.irfft(x[:, :1]) | F.irfft(x[:, :0]) | F.hfft(x) | F.hfft(z)
F.ihfft(z) | F.ihfft(x).resolve_conj() | F.fft(x.half()) | F.rfft(x.bfloat16()) | F.irfft(x.half()) | F.hfftn(x.half())
F.fft(torch.arange(3)) | F.fft(torch.ones(3, dtype=torch.bool)) | F.irfft(torch.arange(3))
F.fft(x[:, :0]) | F.fftn(torch.tensor(1.)) | F.fftn(torch.tensor(1. + 0j)) | F.fft2(x, s=(2,))
F.fft2(x, s=2) | F.fft2(x, s=(2, 3), dim=(0,)) | F.fftn(x, s=(1, 2, 3)) | F.fftn(x, s=(3,))
F.fftn(x, dim=(0, 0)) | F.fftn(x, dim=(0, -2)) | F.fftn(x, dim=()) | F.fftn(x, s=()) | F.rfftn(x, dim=())
F.irfftn(x, dim=()) | F.hfftn(x, dim=()) | F.ihfftn(x, dim=()) | F.rfftn(torch.tensor(1.))
F.fftn(x, s=(-1, 3)) | F.fftn(x, s=(0, 3)) | F.fftn(x, s=(-2, 3)) | F.fft2(torch.ones(3)) | F.fft(x.T)
F.ihfftn(z) | F.rfftn(z) | F.fftn(x, dim=1) | F.fft(x, 6, -1, 'ortho') | F.fft(x, 2.0) | F.fft(3)
F.fft(x, n=torch.tensor(3)) | F.fftn(x, (3, 3), (0, 1), 'forward') | F.fftn(x, norm='bad')
F.hfft(x, n=0) | F.hfft(x, n=1) | F.ihfft(x, n=3).resolve_conj() | F.irfft(x, n=-1) | F.irfft(x, n=9) | F.rfft(x, n=-1)
F.irfftn(x, s=(3, 9)) | F.irfftn(x, s=(-1, -1)) | F.hfftn(x, s=(0, 1)) | F.hfft2(torch.ones(3))
F.irfftn(torch.ones(3, 1)) | F.ihfftn(x, s=(3,)).resolve_conj() | F.fft(x, out=torch.empty(0)) | F.fft(input=x, n=3)
F.fft(x, out=torch.empty(0, dtype=torch.complex64)) | F.irfft(z, out=torch.empty(0))
F.fftfreq(5) | F.fftfreq(6, d=0.5)
F.fftfreq(0) | F.fftfreq(-1) | F.fftfreq(5, d=0) | F.fftfreq(5, dtype=torch.int64) | F.fftfreq(5.)
F.fftfreq(5, dtype=torch.complex64) | F.fftfreq(5, dtype=torch.float16) | F.rfftfreq(5, 0.1)
F.fftfreq(5, out=torch.empty(0, dtype=torch.float64)) | F.fftshift(x, 1) | F.fftshift(x, (0, 5))
F.fftshift(x, dim=()) | F.ifftshift(x, dim=0) | F.ifftshift(x) | F.fftshift(torch.tensor(1.))
torch.stft(s, 8) | torch.stft(s, 8, return_complex=False) | torch.stft(s, 8, return_complex=True)
torch.stft(s, 8, window=w, return_complex=True) | torch.stft(s + 0j, 8) | torch.stft(s, 8, window=c)
torch.stft(s + 0j, 8, return_complex=False) | torch.stft(s + 0j, 8, onesided=True)
torch.stft(s, 8, window=c, onesided=True) | torch.stft(s, 0, return_complex=True)
torch.stft(s, 100, return_complex=True) | torch.stft(s, 100, center=False, return_complex=True)
torch.stft(s, 8, 0, return_complex=True) | torch.stft(s, 8, win_length=0, return_complex=True)
torch.stft(s, 8, win_length=9, return_complex=True) | torch.stft(s, 8, win_length=5, return_complex=True)
torch.stft(s, 8, win_length=4, window=w, return_complex=True) | torch.stft(s, 8, window=w[None])
torch.stft(s.reshape(2, 2, 10), 8, return_complex=True) | torch.stft(s[0], 8, return_complex=True)
torch.stft(torch.arange(40), 8, return_complex=True) | torch.stft(s.half(), 8, return_complex=True)
torch.stft(s, 8, pad_mode='constant', return_complex=True) | torch.stft(s, 8, pad_mode='foo')
torch.stft(s, 8, pad_mode='replicate', return_complex=True) | s.stft(8, window=w, return_complex=True)
torch.stft(s, 8, align_to_window=True, return_complex=True) | torch.stft(s, 9, return_complex=True)
torch.stft(s, 8, win_length=5, center=False, align_to_window=True, return_complex=True)
torch.stft(s, 8, win_length=5, center=False, align_to_window=False, return_complex=True)
torch.stft(s, 8, onesided=False, return_complex=True) | torch.stft(s, 8, normalized=True, window=c)
torch.stft(s.float(), 8, window=w, return_complex=True) | torch.stft(s, 40, center=False, window=c)
torch.istft(S, 8) | torch.istft(S, 8, window=w) | torch.istft(s, 8) | torch.istft(S.real, 8)
torch.istft(S[0], 8) | torch.istft(S[None, None], 8) | torch.istft(S[:, :0], 8) | torch.istft(S, 9)
torch.istft(S, 10) | torch.istft(S, 8, onesided=False) | torch.istft(Z, 8, window=w)
torch.istft(Z, 8, onesided=False) | torch.istft(Z, 8, return_complex=True, window=w)
torch.istft(Z, 8, return_complex=True, onesided=True) | torch.istft(S, 8, 0) | torch.istft(S, 8, 9)
torch.istft(S, 8, win_length=9) | torch.istft(S, 8, win_length=0) | torch.istft(S, 8, win_length=4)
torch.istft(S, 8, win_length=4, window=w) | torch.istft(S, 8, window=w[None]) | torch.istft(S, 8, window=c)
torch.istft(Z, 8, window=c, return_complex=True) | torch.istft(S, 8, length=30) | torch.istft(S, 0)
torch.istft(S, 8, length=60) | torch.istft(S, 8, length=-3) | torch.istft(S, 8, length=0)
torch.istft(S, 8, window=0 * w) | torch.istft(S, 8, center=False, window=w) | S.istft(8, window=w)
torch.istft(S, 8, center=False, window=w + 1) | torch.istft(S, 8, normalized=True, window=w)
torch.istft(S, 8, 8, window=w + 1) | torch.istft(S[None], 8, window=w, length=33)
torch.hann_window(0) | torch.hann_window(1) | torch.hann_window(-1) | torch.hann_window(5, False)
torch.hann_window(5, dtype=torch.int64) | torch.hann_window(5, dtype=torch.complex64)
torch.hamming_window(5) | torch.hann_window(5.)
torch.hamming_window(5, True, 0.5, 0.3) | torch.hamming_window(5, alpha=0.5) | torch.hann_window(5, True, 1)
torch.hamming_window(5, True, 0.5) | torch.hamming_window(5, periodic=False, alpha=0.5, beta=0.3)
torch.kaiser_window(5) | torch.kaiser_window(5, True, 3.) | torch.kaiser_window(5, beta=3)
torch.kaiser_window(5, True, -3.) | torch.kaiser_window(6, periodic=False, beta=3) | torch.bartlett_window(1)
torch.blackman_window(0, dtype=torch.float64) | torch.hann_window(5, requires_grad=True).requires_grad
torch.hann_window(5, out=torch.empty(0)) | torch.hann_window(window_length=5, device='cpu')
W.hann(0) | W.hann(-1) | W.hann(1) | W.hann(5, sym=False) | W.hann(5, dtype=torch.int32) | W.hann(5.)
W.hann(5, dtype=torch.float16) | W.exponential(5, center=1) | W.exponential(5, center=1, sym=False)
W.exponential(5, tau=0) | W.gaussian(5, std=0) | W.kaiser(5, beta=-1) | W.general_cosine(5, a=.5)
W.general_cosine(5, a=[]) | W.general_cosine(5) | W.nuttall(5) | W.nuttall(5, a=3) | W.hann('a')
W.bartlett(2, sym=False) | W.cosine(5, sym=False) | W.gaussian(5, sym=False) | W.blackman(5) | W.kaiser(1)
W.exponential(5, sym=False) | W.hann(5, requires_grad=True).requires_grad | W.kaiser(5, sym=False)
W.exponential(0, tau=-1) | W.kaiser(0, beta=-1) | W.hann(0, dtype=torch.int32) | sorted(W.__all__)
"""
LINES = [call.strip() for line in CALLS.strip().splitlines() for call in line.split(" | ")]


@pytest.mark.parametrize("line", LINES)
def test_calls(line: str) -> None:
    same(BEGIN + line, ("fft", "signal"))


GRADIENTS = """
fft(x) | ifft(x) | rfft(x) | ihfft(x) | hfft(x) | irfft(x) | fft(z) | ifft(z, norm='ortho') | irfft(z, n=5)
hfft(z, n=4, dim=0) | fftn(x) | rfftn(x) | ihfftn(x) | fft2(z) | irfft2(z) | hfft2(z, s=(3, 5)) | rfft(x, n=9)
irfftn(z, norm='forward') | irfft(x, n=3) | fftshift(z, 1) | rfft2(x, dim=(1, 0)) | fftn(z, s=(2, 9))
"""
DERIVED = [call.strip() for line in GRADIENTS.strip().splitlines() for call in line.split(" | ")]


@pytest.mark.parametrize("line", DERIVED)
def test_gradients_and_nodes(line: str) -> None:
    """First and second gradients, by PyTorch's convention for Hermitian inputs."""
    found = []
    for lib in (pb, torch):
        random = np.random.RandomState(3)
        x = lib.tensor(random.standard_normal((4, 6)), requires_grad=True)
        pairs = random.standard_normal((4, 6, 2))
        z = lib.view_as_complex(lib.tensor(pairs)).detach().requires_grad_()
        y = eval(f"lib.fft.{line}", {"lib": lib, "x": x, "z": z})
        operand = x if "(x" in line else z
        weight = lib.tensor(random.standard_normal(tuple(y.shape)))
        loss = (weight * (y.abs() ** 3)).sum()
        (first,) = lib.autograd.grad(loss, operand, create_graph=True)
        (second,) = lib.autograd.grad((first.abs() ** 2).sum(), operand)
        name = y.grad_fn.name() if callable(y.grad_fn.name) else y.grad_fn.name
        found.append((name, y.stride(), first.detach().numpy(), second.numpy()))
    ours, theirs = found
    assert ours[:2] == theirs[:2]
    np.testing.assert_allclose(ours[2], theirs[2], 1e-9, 1e-9)
    np.testing.assert_allclose(ours[3], theirs[3], 1e-9, 1e-9)


LAYOUTS = """
fft(t.transpose(0, 2)) | fft(t, dim=1) | fft(t, dim=0) | rfft(r, dim=1) | rfft(r.transpose(0, 2), dim=0)
fftn(t, dim=(0, 1)) | fftn(t.permute(2, 0, 1)) | rfftn(r) | rfftn(r, dim=(2, 0)) | irfftn(t) | irfft(t, dim=0)
irfftn(t.permute(1, 2, 0), dim=(0, 2)) | ihfft2(r) | fft(r, dim=1) | rfftn(r.permute(2, 1, 0), dim=(1, 0))
"""


@pytest.mark.parametrize(
    "line", [call.strip() for text in LAYOUTS.strip().splitlines() for call in text.split(" | ")]
)
def test_layouts_of_results(line: str) -> None:
    strides = []
    for lib in (pb, torch):
        space = {"lib": lib, "t": lib.zeros(2, 3, 4, dtype=lib.complex64), "r": lib.zeros(2, 3, 4)}
        strides.append(eval(f"lib.fft.{line}", space).stride())
    assert strides[0] == strides[1]


def test_warnings_of_frames() -> None:
    """PyTorch says them once in a process, so they are looked for in ours."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        pb.stft(pb.ones(40), 8, return_complex=False)
    assert [str(each.message).split(".")[0] for each in said] == [
        "A window was not provided",
        "stft with return_complex=False is deprecated",
    ]
