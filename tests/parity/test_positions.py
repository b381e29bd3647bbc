"""Positions in keys and index tensors, and numbers that are read from tensors, beside torch."""

from __future__ import annotations

import pytest

from expressions import check_same

torch = pytest.importorskip("torch")

INDICES = r"""
T.asarray(q) is q
T.asarray(q, requires_grad=True) is q
T.asarray(q, requires_grad=False)
T.asarray(q, copy=True)
T.asarray(q, copy=False) is q
T.asarray(q, dtype=T.float64)
T.asarray(leaf) is leaf
T.asarray(leaf, requires_grad=False)
T.asarray(leaf, requires_grad=False) is leaf
T.asarray(leaf, copy=True)
T.asarray(T.ones(2), requires_grad=True)
T.asarray([1, 2], requires_grad=True)
T.index_add(T.ones(2), 0, T.tensor([3]), T.ones(1))
T.ones(2).index_add_(0, T.tensor([3]), T.ones(1))
T.ones(2).index_add_(0, T.tensor([-1]), T.ones(1))
T.index_add(T.ones(2, 2), 0, T.tensor([3]), T.ones(1, 2))
T.index_add(T.ones(2, 2), 2, T.tensor([0]), T.ones(1, 2))
T.index_copy(T.ones(2), 0, T.tensor([3]), T.ones(1))
T.index_fill(T.ones(2), 0, T.tensor([3]), 1.)
T.index_select(T.ones(2), 0, T.tensor([3]))
T.index_select(T.ones(2, 2), 0, T.tensor([3]))
T.index_select(T.ones(2, 2), 2, T.tensor([0]))
T.gather(T.ones(2), 0, T.tensor([3]))
T.take(T.ones(2), T.tensor([3]))
T.scatter(T.ones(2), 0, T.tensor([3]), 1.)
T.scatter_add(T.ones(2), 0, T.tensor([3]), T.ones(1))
T.ones(2).put_(T.tensor([3]), T.ones(1))
T.ones(2).select(0, 3)
T.ones(2).narrow(0, 3, 1)
T.ones(2).narrow(0, 1, 3)
T.nn.functional.nll_loss(T.ones(2, 2), T.tensor([5, 0]))
T.nn.functional.cross_entropy(T.ones(2, 2), T.tensor([5, 0]))
T.nn.functional.one_hot(T.tensor([5]), 2)
T.nn.functional.one_hot(T.tensor([-1]))
T.bincount(T.tensor([-1]))
T.bincount(T.tensor([1.5]))
float(T.ones(2))
int(T.ones(2))
x[[2**63]]
x[2**63]
x[2**64]
x[-2**63-1]
x[(2**63,)]
x[2**63:]
x[:2**70]
x[[2**64]]
x[[0, 2**63]]
x[np.uint64(2**63)]
x[1.0]
x[[1.0]]
x[[1.7]]
x["a"]
x[["a"]]
x[b"a"]
x[[b"a"]]
x[[None]]
x[[[0, 1]]]
x[[[0, 1], [1, 2]]]
x[[T.tensor(0), T.tensor(1)]]
x[[T.tensor([0, 1]), T.tensor([1, 2])]]
x[[0, T.tensor(1)]]
x[[T.tensor([1]), 0]]
x[[0, T.tensor([1, 0])]]
x[[True, False, True]]
x[[True, False]]
x[(True, False, True)]
x[[0, True]]
x[[0.5, 1]]
x[[np.int64(0), 1]]
x[[np.bool_(True), np.bool_(False), np.bool_(True)]]
x[np.bool_(True)]
x[np.array([True, False, True])]
x[np.array(1)]
x[np.array(1.0)]
x[np.array([1.0])]
x[np.array([0, 1], "i2")]
x[np.array([0, 1], "u2")]
x[np.array([0, 1], "u8")]
x[np.array(["a"])]
x[np.float64(1)]
x[np.float32(1)]
x[Idx()]
x[[Idx()]]
x[[0, Idx()]]
x[{0}]
x[{}]
x[{0: 1}]
x[object()]
x[None]
x[...]
x[..., 0]
x[..., ...]
x[()]
x[[]]
x[[[]]]
x[:, []]
x[[], []]
x[::-1]
x[::0]
x[1.5:]
x["a":]
x[Idx():]
x[T.tensor(1):]
x[T.tensor([1]):]
x[T.tensor(1.0):]
x[np.int64(1):]
x[True:]
x[1j]
x[range(2)]
x[range(2), range(2)]
x[0, 0, 0]
x[T.tensor(True)]
x[T.tensor([True, False, True])]
x[T.tensor([1], dtype=T.int32)]
x[T.tensor([1.])]
x[T.tensor(1.)]
x[T.tensor([5])]
x[T.tensor([-4])]
x[T.tensor([[0, 1], [1, 0]])]
x[T.tensor([True])]
x[T.tensor([True, False, True, False])]
x[:, T.tensor([True, False, True, False])]
x[slice(None), None, [0, 1]]
x[[0, 1], :, None]
x[(0, [1, 2])]
x[[[0, 1], slice(None)]]
x[[slice(None), 0]]
x[[None, 0]]
x[[Ellipsis, 0]]
x[[(0, 1), (1, 2)]]
x[T.tensor([], dtype=T.int64)]
x[T.tensor([])]
x[[[[0]]]]
x[[[0, 1], 2]]
x[[0, [1, 2]]]
x[([0, 1], 2)]
""".strip().split("\n")

INDEXED = """
q = T.ones(2, requires_grad=True) * 2
leaf = T.ones(2, requires_grad=True)
ro = np.ones(2); ro.flags.writeable = False
x = T.arange(12.).reshape(3, 4)
class Idx:
    def __index__(self): return 1
"""


def test_positions_are_read_as_in_torch() -> None:
    check_same(INDICES, torch, INDEXED)
