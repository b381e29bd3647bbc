"""Memory shared with NumPy, the buffer protocol and DLPack; NumPy operands that differentiate."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import pullback as pb

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- NumPy from a tensor ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_shares_memory(dtype: str) -> None:
    x = pb.ones(2, 3, dtype=getattr(pb, dtype))
    a = x.numpy()
    assert (a.dtype, a.shape, a.strides) == (np.dtype(dtype), (2, 3), x.numpy().strides)
    a[0, 1] = 0
    assert x[0, 1].item() == 0
    x.zero_()
    assert not a.any()


def test_numpy_keeps_strides_and_shape() -> None:
    x = pb.arange(6).reshape(2, 3)
    assert x.t().numpy().strides == (8, 24)
    assert x.t().numpy().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert pb.tensor(5).numpy().shape == ()
    assert pb.zeros(0, 3).numpy().shape == (0, 3)
    assert x[:, ::2].numpy().tolist() == [[0, 2], [3, 5]]
    assert pb.ones(1).expand(3).numpy().strides == (0,)


def test_numpy_outlives_the_tensor() -> None:
    x = pb.arange(1000)
    a = x.numpy()
    del x
    gc.collect()
    pb.zeros(1000, dtype=pb.int64)
    assert a.tolist() == list(range(1000))


def test_numpy_of_a_tensor_with_history() -> None:
    message = "Can't call numpy\\(\\) on Tensor that requires grad"
    for x in (leaf(1.0), leaf(1.0) * 2):
        with pytest.raises(RuntimeError, match=message):
            x.numpy()
        with pytest.raises(RuntimeError, match=message):
            np.asarray(x)
        assert x.detach().numpy().dtype == np.float64
        assert x.numpy(force=True).dtype == np.float64


def test_array_protocol() -> None:
    x = pb.tensor([1.5, 2.5])
    assert np.asarray(x).tolist() == [1.5, 2.5]
    assert np.asarray(x).dtype == np.float32
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.array(x).ctypes.data != x.data_ptr()
    assert np.asarray(x).ctypes.data == x.data_ptr()
    assert np.sin(x.numpy()).shape == (2,)
    assert np.mean(np.array([x.numpy(), x.numpy()])) == 2.0


# --- a tensor from NumPy ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy_shares_memory(dtype: str) -> None:
    a = np.ones((2, 3), dtype=dtype)
    x = pb.from_numpy(a)
    assert (x.dtype, x.shape) == (getattr(pb, dtype), (2, 3))
    assert x.data_ptr() == a.ctypes.data
    a[1, 2] = 0
    assert x[1, 2].item() == 0
    x.fill_(0)
    assert not a.any()


def test_from_numpy_keeps_strides_and_the_owner() -> None:
    a = np.arange(12.0).reshape(3, 4)
    x = pb.from_numpy(a.T[1:])
    assert (x.shape, x.stride()) == ((3, 3), (1, 4))
    del a
    gc.collect()
    assert x.tolist() == [[1.0, 5.0, 9.0], [2.0, 6.0, 10.0], [3.0, 7.0, 11.0]]
    assert pb.from_numpy(np.array(3.0)).shape == ()
    assert pb.from_numpy(np.zeros((0, 2))).shape == (0, 2)


def test_from_numpy_refuses() -> None:
    with pytest.raises(TypeError, match=r"expected np.ndarray"):
        pb.from_numpy([1.0])
    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type"):
        pb.from_numpy(np.array(["a"]))
    with pytest.raises(ValueError, match="negative"):
        pb.from_numpy(np.arange(3)[::-1])


def test_a_round_trip_is_the_same_memory() -> None:
    a = np.zeros(3)
    assert pb.from_numpy(a).numpy().ctypes.data == a.ctypes.data


def test_tensor_copies_and_as_tensor_shares() -> None:
    a = np.zeros(3)
    copied, shared = pb.tensor(a), pb.as_tensor(a)
    a += 1
    assert copied.tolist() == [0.0] * 3
    assert shared.tolist() == [1.0] * 3
    assert copied.dtype == pb.float64
    x = pb.zeros(2)
    assert pb.as_tensor(x) is x
    assert pb.as_tensor([1, 2]).dtype == pb.int64
    assert pb.as_tensor(a, dtype=pb.float32).dtype == pb.float32
    assert pb.as_tensor(np.float32(2.0)).dtype == pb.float32


def test_numpy_scalars_in_lists_and_as_operands() -> None:
    assert pb.tensor([np.float64(1.5), 2]).tolist() == [1.5, 2.0]
    assert pb.tensor(np.int64(3)).dtype == pb.int64
    x = pb.ones(2)
    assert (x * np.float64(2.0)).dtype == pb.float32
    assert (x + np.int64(2)).tolist() == [3.0, 3.0]


# --- gradients through NumPy operands ---


def test_ndarray_times_tensor() -> None:
    a, x = np.array([2.0, 3.0]), leaf(5.0, 7.0)
    for y in (a * x, x * a):
        assert isinstance(y, pb.Tensor)
        assert y.tolist() == [10.0, 21.0]
        x.grad = None
        y.sum().backward()
        assert x.grad.tolist() == [2.0, 3.0]


def test_every_operator_with_an_ndarray_in_front() -> None:
    a, x = np.array([8.0, 9.0]), leaf(2.0, 3.0)
    cases = [
        (a + x, [10.0, 12.0], [1.0, 1.0]),
        (a - x, [6.0, 6.0], [-1.0, -1.0]),
        (a / x, [4.0, 3.0], [-2.0, -1.0]),
        (a @ x, 43.0, [8.0, 9.0]),
    ]
    for y, value, slope in cases:
        assert isinstance(y, pb.Tensor)
        assert y.tolist() == value
        assert pb.autograd.grad(y.sum(), x)[0].tolist() == slope
    assert isinstance(a**x, pb.Tensor)
    assert (a > x).tolist() == [True, True]
    assert (np.float64(2.0) * x).tolist() == [4.0, 6.0]
    assert isinstance(np.float64(2.0) * x, pb.Tensor)
    broadcast = np.ones((3, 1)) * x
    assert broadcast.shape == (3, 2)
    assert broadcast.requires_grad


# --- buffer protocol and DLPack ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_buffer_protocol(dtype: str) -> None:
    x = pb.ones(2, 3, dtype=getattr(pb, dtype))
    view = memoryview(x)
    assert (view.shape, view.ndim, view.itemsize) == ((2, 3), 2, x.element_size())
    assert np.asarray(view).dtype == np.dtype(dtype)
    np.asarray(view)[0, 0] = 0
    assert x[0, 0].item() == 0
    assert memoryview(x.t()).strides == (x.element_size(), 3 * x.element_size())


def test_a_buffer_of_a_tensor_with_history_is_refused() -> None:
    with pytest.raises((RuntimeError, BufferError)):
        memoryview(leaf(1.0))


def test_a_buffer_outlives_the_tensor() -> None:
    x = pb.tensor([1.0, 2.0], dtype=pb.float64)
    view = memoryview(x)
    del x
    gc.collect()
    assert view.tolist() == [1.0, 2.0]
    view.release()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_to_numpy(dtype: str) -> None:
    x = pb.ones(2, 3, dtype=getattr(pb, dtype))
    a = np.from_dlpack(x)
    assert (a.dtype, a.ctypes.data) == (np.dtype(dtype), x.data_ptr())
    assert x.__dlpack_device__() == (1, 0)
    assert np.from_dlpack(x.t()).shape == (3, 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_from_numpy(dtype: str) -> None:
    a = np.ones((2, 3), dtype=dtype)
    x = pb.from_dlpack(a)
    assert (x.dtype, x.data_ptr(), x.tolist()) == (getattr(pb, dtype), a.ctypes.data, a.tolist())
    del a
    gc.collect()
    assert x.shape == (2, 3)
    assert bool(x.all())


def test_dlpack_within() -> None:
    x = pb.arange(6.0).reshape(2, 3).t()
    y = pb.from_dlpack(x)
    assert (y.data_ptr(), y.shape, y.stride()) == (x.data_ptr(), (3, 2), (1, 3))
    y.add_(1)
    assert x[0, 0].item() == 1.0


def test_dlpack_capsules_that_are_not_used_are_freed() -> None:
    x = pb.ones(3)
    capsule = x.__dlpack__()
    versioned = x.__dlpack__(max_version=(1, 0))
    del capsule, versioned
    y = pb.from_dlpack(x.__dlpack__())
    assert y.data_ptr() == x.data_ptr()


def test_dlpack_refuses_history() -> None:
    with pytest.raises((RuntimeError, BufferError), match="require"):
        leaf(1.0).__dlpack__()
