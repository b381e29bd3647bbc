"""DLPack both ways, with the arguments of the protocol, beside torch."""

from __future__ import annotations

import pytest

from expressions import check_same

torch = pytest.importorskip("torch")

DLPACK = """
class Old:
    def __init__(self, a): self.a = a
    def __dlpack__(self, stream=None): return self.a.__dlpack__()
    def __dlpack_device__(self): return self.a.__dlpack_device__()
class NoDev:
    def __dlpack__(self, **k): return np.ones(2).__dlpack__(**k)
class Gpu:
    def __dlpack__(self, **k): raise RuntimeError("asked")
    def __dlpack_device__(self): return (2, 0)
class NotCap:
    def __dlpack__(self, **k): return 3
    def __dlpack_device__(self): return (1, 0)
class Raises:
    def __dlpack__(self, **k): raise KeyError(1)
    def __dlpack_device__(self): return (1, 0)
class RaisesT:
    def __dlpack__(self, **k): raise TypeError(1)
    def __dlpack_device__(self): return (1, 0)
def dl(*a, **k):
    x = T.ones(2); return str(x.__dlpack__(*a, **k)).split(" at")[0]
def rt(**k):
    x = T.ones(2); y = T.from_dlpack(x.__dlpack__(**k)); y.add_(1); return x, y
a = np.arange(3.)
"""

EXCHANGED = [
    "dl()",
    "dl(stream=None)",
    "dl(stream=-1)",
    "dl(stream=0)",
    "dl(stream=1)",
    'dl(stream="a")',
    "dl(stream=True)",
    "dl(stream=1.0)",
    "dl(max_version=None)",
    "dl(max_version=(1, 0))",
    "dl(max_version=(0, 8))",
    "dl(max_version=(2, 0))",
    "dl(max_version=(1,))",
    "dl(max_version=[1, 0])",
    "dl(max_version=1)",
    'dl(max_version="1")',
    "dl(max_version=(1.0, 0))",
    "dl(dl_device=(1, 0))",
    "dl(dl_device=(1, 1))",
    "dl(dl_device=(99, 0))",
    "dl(dl_device=(1,))",
    "dl(dl_device=[1, 0])",
    'dl(dl_device="cpu")',
    "dl(copy=True)",
    "dl(copy=False)",
    "dl(copy=None)",
    "dl(copy=1)",
    'dl(copy="a")',
    "dl(1)",
    "dl(wrong=1)",
    "dl(max_version=(1, 0), copy=True, dl_device=(1, 0), stream=-1)",
    "rt()",
    "rt(copy=True)",
    "rt(copy=False)",
    "rt(max_version=(1, 0), copy=True)",
    "rt(max_version=(1, 0), dl_device=(1, 0))",
    "T.ones(2, requires_grad=True).__dlpack__()",
    "T.ones(2, requires_grad=True).detach().__dlpack__() is not None",
    "(T.ones(2, requires_grad=True)*2).__dlpack__()",
    "T.ones(2).__dlpack_device__() == (1, 0)",
    "T.from_dlpack(a)",
    "T.from_dlpack(T.ones(2))",
    "T.from_dlpack(T.ones(2, requires_grad=True))",
    "T.from_dlpack(1)",
    "T.from_dlpack(None)",
    'T.from_dlpack("a")',
    "T.from_dlpack([1, 2])",
    "T.from_dlpack(Old(a))",
    "T.from_dlpack(Old(a), copy=True)",
    "T.from_dlpack(Old(a), copy=False)",
    "T.from_dlpack(NoDev())",
    "T.from_dlpack(Gpu())",
    "T.from_dlpack(NotCap())",
    "T.from_dlpack(Raises())",
    "T.from_dlpack(RaisesT())",
    'T.from_dlpack(a, device="cpu")',
    'T.from_dlpack(a, device=T.device("cpu"))',
    'T.from_dlpack(a, device="cuda")',
    'T.from_dlpack(a, device="bad")',
    'T.from_dlpack(a, device="cpu:0")',
    'T.from_dlpack(a, device="cpu:1")',
    "T.from_dlpack(a, copy=True)",
    "T.from_dlpack(a, copy=False)",
    "T.from_dlpack(a, copy=1)",
    'T.from_dlpack(a, copy="a")',
    "T.from_dlpack(a, True)",
    "T.from_dlpack(ext_tensor=a)",
    "T.from_dlpack(a, wrong=1)",
    "T.from_dlpack()",
    'T.from_dlpack(np.array(["a"]))',
    'T.from_dlpack(np.ones(2, ">f4"))',
    "T.from_dlpack(a[::2])",
    "T.from_dlpack(np.ones((2, 3)).T)",
    "T.from_dlpack(np.array(1.5))",
    "T.from_dlpack(np.array([]))",
    "T.from_dlpack(np.ones((2, 0)))",
    "T.from_dlpack(np.ones(2, bool))",
    'T.from_dlpack(np.ones(2, "i8"))',
    "T.from_dlpack(T.ones(2).__dlpack__(), copy=True)",
    'T.from_dlpack(T.ones(2).__dlpack__(), device="cpu")',
    "c = T.ones(2).__dlpack__(); T.from_dlpack(c)\nT.from_dlpack(c)",
    "np.from_dlpack(T.ones(2))",
    "np.from_dlpack(T.ones(2), copy=True)",
    'np.from_dlpack(T.ones(2), device="cpu")',
    "np.from_dlpack(T.ones(2, requires_grad=True))",
    "np.from_dlpack(T.ones(2, dtype=T.bool))",
    "np.from_dlpack(T.ones(2, 3).T)",
    "np.from_dlpack(T.ones(2, 3)).flags.writeable",
    "np.from_dlpack(T.empty(0))",
    "T.float32 == np.float32",
    "np.zeros_like(T.ones(2))",
    "np.empty_like(T.ones(2)).shape",
]


def test_dlpack_goes_both_ways_as_in_torch() -> None:
    check_same(EXCHANGED, torch, DLPACK)
