"""Tensors made by a type, form by form beside torch: ``Tensor(2)``, ``LongTensor([1])``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

# ``t`` is the library, ``T`` a class derived from its Tensor.
FORMS = """
t.Tensor().shape
t.Tensor(2,3).shape
t.Tensor(3).shape
t.Tensor([1,2])
t.Tensor((2,3))
t.Tensor(t.Size([2,3])).shape
t.Tensor(3.0)
t.Tensor([[1,2],[3,4]])
t.Tensor([True,False])
t.Tensor(np.arange(3))
t.Tensor(np.float64(3))
t.Tensor(np.int64(3)).shape
t.Tensor(t.tensor([1.,2.]))
t.Tensor(t.tensor([1,2]))
t.Tensor(t.tensor(3.0))
t.Tensor(t.tensor(3))
t.Tensor(True)
t.Tensor('a')
t.Tensor(None)
t.Tensor([])
t.Tensor([],).dtype
t.Tensor(2,'a')
t.Tensor(2,-1)
t.Tensor(-1)
t.Tensor(device='cpu').shape
t.Tensor(2,3,device='cpu').shape
t.Tensor(2,dtype=t.float64)
t.Tensor([1,2],device='cpu')
t.Tensor(*[2,3]).shape
t.Tensor(range(3))
t.Tensor(iter([1,2]))
t.Tensor({1:2})
t.Tensor([1,'a'])
t.Tensor([[1],[1,2]])
t.Tensor([t.tensor(1.),t.tensor(2.)])
t.Tensor(0).shape
t.Tensor(2.5,3)
t.Tensor(data=[1,2])
t.Tensor(size=(2,3)).shape
t.Tensor(t.tensor([1.,2.],requires_grad=True)).requires_grad
t.Tensor([1.0]).requires_grad
t.FloatTensor([1,2])
t.FloatTensor(2,3).shape
t.FloatTensor().shape
t.FloatTensor(t.tensor([1.,2.]))
t.FloatTensor(t.tensor([1.,2.],dtype=t.float64))
t.DoubleTensor([1,2])
t.LongTensor([1,2])
t.LongTensor([1.5,2])
t.LongTensor(3).shape
t.LongTensor(np.array([1,2]))
t.LongTensor(np.array([1.5,2]))
t.LongTensor(2,2).dtype
t.IntTensor([1])
t.ByteTensor([1,255])
t.ByteTensor([256])
t.ByteTensor([-1])
t.BoolTensor([1,0])
t.BoolTensor([True])
t.FloatTensor(np.array([1.0,2.0]))
t.FloatTensor(np.array([1.0,2.0],dtype=np.float32))
t.FloatTensor([[1,2]],device='cpu')
t.FloatTensor(size=(1,2)).shape
isinstance(t.ones(2), t.FloatTensor)
isinstance(t.ones(2), t.LongTensor)
isinstance(t.ones(2,dtype=t.int64), t.LongTensor)
isinstance(t.ones(2), t.Tensor)
isinstance(3, t.FloatTensor)
isinstance(t.nn.Parameter(t.ones(2)), t.FloatTensor)
t.ones(2).type()
t.ones(2,dtype=t.bool).type()
t.ones(2).type(t.LongTensor)
t.ones(2).type('torch.LongTensor')
t.ones(2).type(t.DoubleTensor).dtype
t.ones(2).type(t.float64).dtype
t.ones(2).type('a')
t.ones(2).type(t.ones(2).type())
t.FloatTensor.dtype
t.LongTensor.__name__
repr(t.LongTensor)
str(t.FloatTensor)
t.FloatTensor.__module__
issubclass(t.FloatTensor, t.Tensor)
t.FloatTensor.layout
t.typename(t.ones(2))
t.typename(t.LongTensor([1]))
t.ones(2).new(3).shape
t.ones(2).new([1,2])
t.ones(2,dtype=t.int64).new([1,2])
t.ones(2).new().shape
t.ones(2).new(2,3).shape
t.ones(2).new(t.ones(3))
t.ones(2).new(t.ones(3).long())
t.ones(2,dtype=t.float64).new(2,3).dtype
t.ones(2).new(np.arange(2))
t.ones(2).new(size=(2,)).shape
t.ones(2).new_tensor([1]).dtype
t.tensor(t.FloatTensor([1]))
t.ones(2).type_as(t.LongTensor([1])).dtype
t.Tensor.__new__(t.Tensor, [1,2])
t.ones(2).is_floating_point()
type(T([1,2])).__name__
T(2,3).shape
type(T(t.ones(2))).__name__
type(t.ones(2).as_subclass(T)).__name__
type(t.Tensor._make_subclass(T, t.ones(2))).__name__
t.Tensor._make_subclass(T, t.ones(2), True).requires_grad
type(T([1,2]).numpy()).__name__
type(T([1,2]).grad).__name__
t.Tensor(t.Size([])).shape
t.Tensor(np.array(3.0))
t.Tensor(np.zeros((2,2),dtype=np.float32)).sum()
t.Tensor(b'ab')
t.Tensor(bytearray(b'ab'))
t.Tensor(2**70)
t.Tensor([2**70])
t.LongTensor([2**70])
t.LongTensor([True,2])
type(t.FloatTensor).__name__
t.HalfTensor([1])
t.ShortTensor([1, 2]).dtype
t.CharTensor([1]).dtype
t.BFloat16Tensor([1.5]).dtype
t.ones(2).type(t.HalfTensor)
t.ones(2, dtype=t.int8).type()
isinstance(t.ones(2, dtype=t.int16), t.ShortTensor)
t.typename(t.FloatTensor)
t.zeros(2, dtype=t.FloatTensor)
t.Tensor.__new__(T, 2).shape
t.ones(2).new(data=[1]).dtype
t.Tensor(other=t.ones(1))
t.Tensor(t.ones(1), 2)
t.Tensor([1], [2])
t.Tensor(2, size=3)
t.Tensor([1], wrong=2)
"""


def outcome(lib: Any, form: str) -> str:
    """What it gives as text; of an error the type."""
    names = {"t": lib, "T": type("T", (lib.Tensor,), {}), "np": np}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of arrays of objects
            return repr(eval(form, names))
    except (TypeError, ValueError, RuntimeError) as error:
        return type(error).__name__


@pytest.mark.parametrize("form", FORMS.strip().splitlines())
def test_forms(form: str) -> None:
    assert outcome(pb, form) == outcome(torch, form)


@pytest.fixture
def default_dtype() -> Iterator[None]:
    yield
    for lib in (pb, torch):
        lib.set_default_dtype(lib.float32)


@pytest.mark.usefixtures("default_dtype")
@pytest.mark.parametrize("given", ["t.DoubleTensor", "'torch.DoubleTensor'", "t.LongTensor", "3"])
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
def test_the_default_type(given: str) -> None:
    found = []
    for t in (pb, torch):
        try:
            t.set_default_tensor_type(eval(given, {"t": t}))
        except TypeError as error:
            found.append(str(error))
        found.append([str(x.dtype) for x in (t.Tensor([1]), t.ones(1), t.Tensor(2), t.tensor(1.0))])
    half = len(found) // 2
    assert found[:half] == found[half:]


def test_memory_and_history_of_what_is_made_of_a_tensor() -> None:
    for t in (pb, torch):
        x = t.ones(2, requires_grad=True)
        for made in (t.Tensor(x), t.FloatTensor(x), x.new(x), x.as_subclass(t.nn.Parameter)):
            assert made.grad_fn.name() == "AliasBackward0"
            assert made.data_ptr() == x.data_ptr()
        t.Tensor(x).sum().backward()
        assert x.grad.tolist() == [1.0, 1.0]


def test_a_class_of_its_own() -> None:
    class Points(pb.Tensor):
        def total(self) -> float:
            return float(self.sum())

    points = Points([1, 2])
    assert type(points) is Points
    assert points.total() == 3.0
    with pytest.raises(TypeError, match="got type, expected a class derived from Tensor"):
        pb.ones(2).as_subclass(int)
