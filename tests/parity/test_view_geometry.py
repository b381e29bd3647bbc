"""Sizes, strides and offsets of every view beside PyTorch, of empty and one-element tensors too."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

BASES = """
T.ones(5) | T.ones(()) | T.ones(2, 3) | T.ones(3, 2).t() | T.ones(2, 3, 4)
T.ones(4, 3, 2).permute(2, 0, 1) | T.ones(0, 3) | T.ones(3, 0) | T.ones(0) | T.ones(2, 1, 3)
T.ones(1) | T.ones(1, 1) | T.ones(4, 6)[1:, ::2] | T.ones(3, 1).expand(3, 4)
T.ones(2, 3, 4)[:, :, 1] | T.ones(4, 5)[4:] | T.ones(6)[::3] | T.ones(2, 0, 3)
T.ones(3, 4, 5)[1:2, :, 2:4] | T.ones(3, 3)[2:, 2:]
"""
VIEWS = """
x.expand(1, 1, 5) | x.expand(1, 5) | x.expand(2, 3) | x.expand(1, 1, *x.shape)
x.expand(2, 1, *x.shape) | x.expand(1, 2, *x.shape) | x.expand(0, *x.shape)
x.expand(1, 0, 1, *x.shape) | x.expand(-1, *x.shape[1:]) | x.expand_as(T.ones(1, 1, *x.shape))
x.broadcast_to((1, *x.shape)) | T.broadcast_tensors(x, T.ones(1))
T.broadcast_tensors(x, T.ones(1, 1, 1)) | T.meshgrid(x, T.ones(2), indexing='ij')
T.meshgrid(T.ones(1), x, indexing='xy') | x.unsqueeze(0) | x.unsqueeze(-1) | x.unsqueeze(1)
x.squeeze() | x.squeeze(0) | x.squeeze(-1) | x.squeeze((0, -1)) | x.t() | x.transpose(0, -1)
x.permute(tuple(range(x.ndim - 1, -1, -1))) | x.movedim(0, -1) | x.swapaxes(0, 1) | x.mT
x.H | x.mH | x.adjoint() | T.adjoint(x)
x.T | x.view(-1) | x.view(x.shape) | x.view(1, *x.shape) | x.view(*x.shape, 1) | x.view(1, -1, 1)
x.reshape(-1) | x.reshape(1, -1) | x.flatten() | x.flatten(0, 1) | x.ravel()
x.unflatten(0, (1, -1)) | x.unflatten(0, (-1, 1)) | x.narrow(0, 0, 0) | x.narrow(0, 1, 0)
x.narrow(0, x.shape[0], 0) | x.narrow(0, 1, 1) | x.narrow(-1, 1, 1) | x.select(0, 0)
x.select(-1, 0) | x.select(0, -1) | x[0] | x[-1] | x[0:0] | x[1:1] | x[5:] | x[5:9] | x[3:1]
x[1:] | x[:1] | x[::2] | x[1::3] | x[..., 0] | x[..., None] | x[None] | x[None, ..., None]
x[:, None] | x[:, 0:0] | x[:, 1:1] | x[:, 2:] | x[:, 1] | x[...] | x[()] | x[..., 1:] | x[..., ::2]
x[..., 4:] | x[-1:] | x[:-1] | x[0:1, 0:1] | x.unfold(0, 1, 1) | x.unfold(0, 2, 1)
x.unfold(-1, 2, 2) | x.unfold(0, 0, 1) | x.diagonal() | x.diagonal(1) | x.diagonal(-1)
x.diagonal(5) | x.diagonal(-5) | x.diagonal(0, -1, 0) | x.split(1) | x.split(2) | x.split(2, -1)
x.split([1, x.shape[0] - 1]) | x.split([0, x.shape[0]]) | x.chunk(2) | x.chunk(3, -1)
x.tensor_split(2) | x.tensor_split((1, 1), -1) | x.tensor_split((7,), -1) | x.hsplit(1)
x.vsplit(1) | x.unbind() | x.unbind(-1) | x.detach() | x.view_as(x) | x.as_strided((1,), (1,))
x.as_strided((1, 1), (3, 7)) | x.as_strided((0,), (1,), 2) | x.as_strided((2, 0), (1, 1))
T.atleast_1d(x) | T.atleast_2d(x) | T.atleast_3d(x) | x.data | x.squeeze(0).unsqueeze(0)
x.expand(1, *x.shape).squeeze(0) | x.repeat_interleave(1) | x.repeat(*[1] * x.ndim) | x.tile(1)
"""


def listed(text: str) -> list[str]:
    return [each.strip() for each in text.replace("\n", "|").split("|") if each.strip()]


def geometry(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [geometry(each) for each in value]
    return tuple(value.shape), value.stride(), value.storage_offset()


def found(lib: Any, base: str, view: str) -> Any:
    x = eval(base, {"T": lib})
    try:
        return geometry(eval(view, {"T": lib, "x": x}))
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return type(error).__name__


@pytest.mark.parametrize("view", listed(VIEWS))
def test_every_view_has_the_geometry_of_torch(view: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for base in listed(BASES):
            assert found(pb, base, view) == found(torch, base, view), base
