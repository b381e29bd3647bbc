"""Everything that can stand between the brackets, read and written beside torch: sequences of every
kind, arrays, NumPy's numbers, objects with ``__index__``, and what is no index.
"""

from __future__ import annotations

import pytest

from expressions import check_same

torch = pytest.importorskip("torch")

SETUP = """
import array, collections, decimal, enum, fractions
class Sequence:
    def __init__(self, *items): self.items = items
    def __len__(self): return len(self.items)
    def __getitem__(self, i): return self.items[i]
class Failing:
    def __len__(self): return 2
    def __getitem__(self, i): raise ValueError("failing")
class Endless:
    def __len__(self): raise ValueError("endless")
    def __getitem__(self, i): return 0
class AsIndex:
    def __index__(self): return 1
class AsNoIndex:
    def __index__(self): raise ValueError("no index")
class AsFloat:
    def __float__(self): return 1.0
class Number(enum.IntEnum):
    one = 1
class List(list): pass
class Tuple(tuple): pass
Pair = collections.namedtuple("Pair", "a b")
D, L = collections.deque, collections.UserList
def t(*values, **kind): return T.tensor(*values, **kind)
"""
SEQUENCES = [
    *("range(2)", "range(1, 3)", "range(0)", "range(40)", "D([0, 1])", "D([])", "L([0, 1])"),
    *("Sequence(0, 1)", "Sequence()", "List([0, 1])", "Tuple((0, 1))", "Pair(0, 1)", "L([])"),
    *("D([[0, 1], [1, 0]])", "D([slice(1)])", "D([None, 0])", "Sequence([0, 1], [1, 0])"),
    *("Pair([0], [1])", "array.array('i', [0, 1])", "array.array('d', [0.0, 1.0])"),
    *("memoryview(b'\\0\\1')", "bytearray([0, 1])", "bytes([0, 1])", "'a'", "''", "b''"),
    *(
        "Failing()",
        "Endless()",
        "[0]",
        "[0, 1]",
        "[[0]]",
        "[[0, 1], [1, 0]]",
        "[0, [1]]",
        "[[0], 1]",
    ),
    *("[[0, 1], [1]]", "[]", "[[]]", "()", "((),)", "([],)", "((0, 1),)", "((0, 1), (1, 0))"),
    *("[(0, 1), (1, 0)]", "[None]", "[...]", "[slice(1)]", "[slice(1), 0]", "[True, False]"),
    *("[True]", "[True, False, True, False]", "[1, True]", "[True, 1]", "[1.5]", "[0.0, 1.0]"),
    *("[[0.5]]", "[2**40]", "[0] * 31", "[0] * 32", "[[0]] * 32", "list(range(2)) * 20"),
    *("[[0, 1]] * 2", "[slice(None)] * 3", "T.Size([0, 1])", "[T.Size([0, 1])]", "x.shape[:1]"),
    *("[AsIndex()]", "[Number.one]", "[object()]", "[{}]", "['a']", "('a',)", "[T.float32]"),
    *(
        "[range(2)]",
        "[range(2), 0]",
        "(range(2), range(2))",
        "(0, range(2))",
        "(range(2), None, 0)",
    ),
    *("(slice(None), range(2))", "(..., range(2))", "(..., D([0, 1]))", "(range(2), t([0, 1]))"),
]
TENSORS = [
    *("t(0)", "t(1.0)", "t([1.0])", "t(True)", "t([0, 1])", "t([0, 1], dtype=T.int32)"),
    *("[t(0)]", "[t(0), t(1)]", "[t([0, 1])]", "[t([0, 1]), t([1, 0])]", "([t(0), t(1)],)"),
    *("[[t(0), t(1)]]", "[[t(0)], [t(1)]]", "(t(0), [0])", "[0, t(1)]", "[t(0), 1]", "[t(1.0)]"),
    *("[t(True)]", "[t([True, False])]", "([0, 1], [t(0), 1])", "([1], t([0]), 0)"),
]
ARRAYS = [
    *("np.array([0, 1])", "np.array(0)", "np.array(1.0)", "np.array(True)", "np.array([0.0, 1.0])"),
    *("np.array([0, 1], dtype=np.int32)", "np.array([0, 1], dtype=np.int16)", "np.array([])"),
    *("np.array([0, 1], dtype=np.uint16)", "np.array([0, 1], dtype=np.int8)", "np.array(['a'])"),
    *("np.array([[0, 1], [1, 0]])", "np.array([0], dtype=object)", "np.array([1, 0])[::-1]"),
    *("np.array([0, 1], dtype='>i8')", "np.array([0.5], dtype=np.float16)", "np.zeros((0, 2))"),
    *("[np.array(0), np.array(1)]", "[np.array([0, 1])]", "[np.array([0, 1]), np.array([1, 0])]"),
    *(
        "(np.array([0, 1]), np.array([1, 0]))",
        "(np.array([0, 1]), 0)",
        "[np.int64(0), np.int64(1)]",
    ),
    *(
        "np.int64(1)",
        "np.int8(1)",
        "np.uint64(1)",
        "np.float64(1)",
        "np.float32(1.0)",
        "[np.bool_(1)]",
    ),
    *("np.ma.masked_array([0, 1])", "np.matrix([[0, 1]])", "np.array([True, False])"),
    *("(np.int64(0), np.int64(1))", "[np.float64(0)]", "np.str_('a')", "np.datetime64('2020')"),
]
OTHERS = [
    *("True", "False", "(True,)", "(True, False)", "None", "(None,) * 5", "...", "(..., ...)"),
    *("{0, 1}", "{0: 1}", "frozenset([0])", "iter([0])", "(i for i in [0])", "object()", "1.5"),
    *("1j", "AsIndex()", "AsNoIndex()", "AsFloat()", "Number.one", "fractions.Fraction(1)"),
    *("decimal.Decimal(1)", "2**63", "-2**63", "2**70", "-1", "T.float32", "int", "(0,) * 9"),
    *("slice(t(0), t(2))", "slice(np.int64(0), np.int64(2))", "slice(0.0, 1.0)", "slice('a')"),
    *("slice(None, None, t(2))", "slice(0, t(1.0))", "slice(True)", "slice(AsIndex())"),
    *("slice(0, 3, -1)", "slice(0, 3, 0)", "slice(2**63)", "slice(-2**70, 2**70)", "slice(None)"),
]
TARGETS = {
    "matrix": "T.arange(16.0).reshape(4, 4)",
    "vector": "T.arange(5.0)",
    "cube": "T.arange(24.0).reshape(2, 3, 4)",
    "leaf": "T.arange(6.0).reshape(2, 3).requires_grad_()",
    "empty": "T.zeros(0, 3)",
    "number": "T.tensor(3.0)",
}
# torch counts the dimensions of a number before it looks at what stands there.
BAD_DATA = [
    *("'a'", "''", "b''", "bytes([0, 1])", "Failing()", "Endless()", "['a']"),
    *("('a',)", "[AsIndex()]", "[object()]", "[{}]", "[T.float32]", "np.array(['a'])"),
    *("np.array([0], dtype=object)", "np.array([1, 0])[::-1]", "np.array([0, 1], dtype='>i8')"),
    *("np.array(True)", "np.str_('a')"),
]


@pytest.mark.parametrize("name", TARGETS)
def test_keys(name: str) -> None:
    keys = SEQUENCES + TENSORS + ARRAYS + OTHERS
    if name == "number":
        keys = [key for key in keys if key not in BAD_DATA]
    cases = [f"x[{key}]" for key in keys]
    if name == "leaf":
        cases += [f"x = x * 1\nx[{key}] = 7\nx, x._version" for key in keys]
    else:
        cases += [f"x[{key}] = 7\nx, x._version" for key in keys]
    check_same(cases, torch, SETUP, f"x = {TARGETS[name]}")


VALUES = [
    *("7", "7.5", "True", "None", "'a'", "[1, 2, 3]", "(1.0, 2.0, 3.0)", "[True] * 3", "[]"),
    *("range(3)", "D([1, 2, 3])", "b'abc'", "bytearray(b'abc')", "np.ones(3)", "np.array(5.0)"),
    *("np.float64(5)", "np.int64(5)", "t([1.0, 2.0, 3.0])", "t(5.0)", "t([5])", "t([[5]])", "t(5)"),
    *(
        "t([5.0], dtype=T.float64)",
        "t(True)",
        "[t(1.0), t(2.0), t(3.0)]",
        "fractions.Fraction(1, 2)",
    ),
    *("decimal.Decimal(1)", "AsIndex()", "AsFloat()", "object()", "{}", "2**63", "2**70", "1e400"),
    *("float('nan')", "-1", "T.float32", "slice(1)", "iter([1])", "np.array(['a'])", "t([5, 6])"),
    *("t([[1.0, 2.0, 3.0]])", "t(5.0, requires_grad=True)", "[t(1.0, requires_grad=True), 2, 3]"),
]
PLACES = [
    *("0", "...", "[0]", "[0, 1]", "slice(0, 2)", "mask", "(mask,)", "(..., mask)", "t([[0]])"),
    *("mask.byte()", "(slice(None), None)", "True", "t(0)", "None", "range(2)"),
]
RECEIVERS = {
    "floats": "T.arange(3.0)",
    "integers": "T.arange(3)",
    "bools": "T.tensor([True, False, True])",
    "doubles": "T.arange(3.0, dtype=T.float64)",
    "result": "T.ones(3, requires_grad=True) * 1",
}


@pytest.mark.parametrize("name", RECEIVERS)
def test_values(name: str) -> None:
    values = VALUES
    if name in ("integers", "bools"):
        values = [value for value in VALUES if "requires_grad" not in value]  # torch marks integers
    cases = [f"x[{place}] = {value}\nx, x._version" for place in PLACES for value in values]
    check_same(cases, torch, SETUP, f"x = {RECEIVERS[name]}; mask = t([True, False, True])")
