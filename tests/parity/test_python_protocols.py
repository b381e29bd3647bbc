"""What Python asks of a tensor, beside torch: its text, conversions to numbers, membership, length,
and operators with operands of other types on either side.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

import pullback as pb
from expressions import check_same, outcomes

torch = pytest.importorskip("torch")

SETUP = """
import cmath, copy, decimal, fractions, math, operator
"""
TENSORS = {
    "number": "T.tensor(3.25)",
    "leaf": "T.tensor(3.25, requires_grad=True)",
    "result": "T.tensor(2.0, requires_grad=True) * 2",
    "parameter": "T.nn.Parameter(T.tensor(1.5))",
    "whole": "T.tensor(7)",
    "truth": "T.tensor(True)",
    "byte": "T.tensor(3, dtype=T.uint8)",
    "double": "T.tensor(2.5, dtype=T.float64)",
    "not a number": "T.tensor(math.nan)",
    "one": "T.ones(1)",
    "one leaf": "T.ones(1, 1, requires_grad=True)",
    "whole one": "T.tensor([2])",
    "two": "T.tensor([1.0, 2.0])",
    "two leaves": "T.tensor([1.0, 2.0], requires_grad=True)",
    "whole two": "T.tensor([1, 2])",
    "mask": "T.tensor([True, False])",
    "empty": "T.zeros(0)",
    "matrix": "T.ones(2, 2)",
}

FORMATS = [
    "",
    ".4f",
    "d",
    "x",
    "b",
    ".2e",
    "%",
    "z",
    ">10",
    "010",
    "+",
    "10s",
    "s",
    ",",
    "n",
    "c",
    "!",
]
TEXTS = [
    *(f"format(x, {spec!r})" for spec in FORMATS),
    *(f"'{{:{spec}}}'.format(x)" for spec in FORMATS[:4]),
    "f'{x}'",
    "f'{x!r:>60}'",
    "f'{x!s}'",
    "'%s' % x",
    "'%r' % (x,)",
    "'%.2f' % x",
    "'%d' % x",
    "str(x)",
    "repr(x)",
    "str([x])",
]
NUMBERS = [
    f"{function}(x)"
    for function in (
        *("bool", "int", "float", "complex", "operator.index", "len", "list", "tuple", "iter"),
        *("abs", "round", "-", "+", "~", "not ", "sum", "max", "min", "any", "all", "reversed"),
        *("math.floor", "math.ceil", "math.trunc", "math.sqrt", "math.isnan", "math.factorial"),
        *("math.log", "cmath.sqrt", "range", "chr", "hex", "np.float64", "np.int64", "np.asarray"),
        *("fractions.Fraction", "decimal.Decimal", "operator.length_hint", "sorted", "dict"),
        *("copy.copy", "divmod", "'a'*", "[0]*", "[5, 6, 7, 8].__getitem__", "next"),
    )
    if function != "iter"
] + [
    *("next(iter(x))", "list(reversed(x))", "round(x, 1)", "round(x, ndigits=1)", "pow(x, 2)"),
    *("pow(x, 2, 3)", "pow(2, x, 3)", "divmod(x, 2)", "divmod(7, x)", "hash(x) == hash(x)"),
    *("2 in x", "1.0 in x", "True in x", "'a' in x", "None in x", "x in x", "[1] in x", "1j in x"),
    *("(1 + 0j) in x", "np.float64(1) in x", "x in [x]", "x is x", "x[:]", "x[...]", "x[None]"),
    *("x[0]", "[1, 2, 3, 4][x]", "[1, 2, 3][:x]", "range(10)[x]", "'abcdefgh'[x]"),
    *("iter(x) is iter(x)", "x.__len__()", "x.__bool__()", "x.__float__()", "x.__index__()"),
]


# A bool is a position for torch only: docs/differences.md.
POSITIONS = [
    *("operator.index(x)", "math.factorial(x)", "range(x)", "chr(x)", "hex(x)", "'a'*(x)"),
    *("[0]*(x)", "[5, 6, 7, 8].__getitem__(x)", "[1, 2, 3, 4][x]", "[1, 2, 3][:x]"),
    *("range(10)[x]", "'abcdefgh'[x]", "x.__index__()"),
]


@pytest.mark.parametrize("name", TENSORS)
def test_text_and_numbers(name: str) -> None:
    cases = TEXTS + NUMBERS
    if name == "truth":
        cases = [code for code in cases if code not in POSITIONS]
    check_same(cases, torch, SETUP, f"x = {TENSORS[name]}")


def test_a_mask_is_no_position() -> None:
    """In torch a bool serves as 0 or 1, so that an array gives an element and not a part."""
    cases = ["np.arange(1)[x]", "[5, 6][x]", "[5, 6][x[0]]"]
    ours = outcomes(cases, pb, "x = T.tensor([True])")
    assert ours == ["ndarray int64 (1,) [0]", "raises TypeError", "raises TypeError"]


@pytest.fixture
def torch_warns_always() -> Iterator[None]:
    """It warns once in a process."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("torch_warns_always")
def test_a_number_of_what_requires_a_gradient_warns() -> None:
    for lib in (pb, torch):
        x = lib.tensor(2.0, requires_grad=True)
        with pytest.warns(UserWarning, match="requires_grad=True to a scalar"):
            assert float(x) == 2.0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (f"{x:.2f}", f"{x * 2}", int(x)) == ("2.00", "4.0", 2)


FOREIGN = [
    *(
        "2",
        "0",
        "-3",
        "2.5",
        "True",
        "None",
        "'a'",
        "b'a'",
        "[1.0, 2.0]",
        "(1.0, 2.0)",
        "{}",
        "{1}",
    ),
    *("np.float64(2)", "np.float32(2.5)", "np.float16(2)", "np.longdouble(2)", "np.int64(2)"),
    *("np.int8(2)", "np.uint64(2)", "F", "D", "object()", "other", "Float(2)", "AsFloat()"),
    *("AsIndex()", "T.float32", "slice(1)", "...", "range(2)", "2**70", "nan", "1e300", "0.1"),
    *("np.str_('2')", "np.bytes_(b'2')", "np.float64(0.1)"),
]
ARRAYS = [
    *("np.array([1.0, 2.0])", "np.array([1, 2])", "np.array([1, 2], dtype=np.int32)"),
    *(
        "np.array([1.5, 2], dtype=np.float32)",
        "np.array(2.0)",
        "np.array(2)",
        "np.array([[1], [2]])",
    ),
    *("np.array(['a', 'b'])", "np.array([1, 2], dtype=np.uint8)", "np.ones(3)"),
]
LEFT = """
import decimal, fractions
nan = float("nan")
F, D = fractions.Fraction(3, 2), decimal.Decimal("1.5")
class Other:
    def __radd__(self, x): return "radd"
    def __rmul__(self, x): return "rmul"
    def __rsub__(self, x): return "rsub"
    def __rmatmul__(self, x): return "rmatmul"
    def __rpow__(self, x): return "rpow"
    def __rand__(self, x): return "rand"
    def __eq__(self, x): return "eq"
    def __lt__(self, x): return "lt"
    def __gt__(self, x): return "gt"
class Float(float): pass
class AsFloat:
    def __float__(self): return 2.0
class AsIndex:
    def __index__(self): return 2
other = Other()
"""
LEFTS = {
    "floats": "T.tensor([1.0, 2.0])",
    "leaf": "T.tensor([1.0, 2.0], requires_grad=True)",
    "result": "T.tensor([1.0, 2.0], requires_grad=True) * 1",
    "ints": "T.tensor([1, 2])",
    "bools": "T.tensor([True, False])",
    "number": "T.tensor(2.0)",
    "doubles": "T.tensor([0.1, 2.0], dtype=T.float64)",
}
ARITHMETIC = ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"]
COMPARISONS = ["<", ">=", "=="]


def unlike(code: str, name: str) -> bool:
    """What differs on purpose: docs/differences.md, and derivatives that torch lacks."""
    bytes_and_buffer = code.startswith(("b'a' +", "np.bytes_(b'2') +"))
    remainder = "%" in code and name in ("leaf", "result") and not code.startswith("x %")
    # torch divides by a tensor in two steps, and asks the foreign operand for the second.
    return bytes_and_buffer or remainder or code == "other / x"


@pytest.mark.parametrize("name", LEFTS)
def test_operators_with_foreign_operands(name: str) -> None:
    cases = [f"x {o} {f}" for o in ARITHMETIC + COMPARISONS for f in FOREIGN]
    cases += [f"{f} {o} x" for o in ARITHMETIC + COMPARISONS for f in FOREIGN]
    cases = [code for code in cases if not unlike(code, name)]
    check_same(cases, torch, LEFT, f"x = {LEFTS[name]}")


def is_a_float(foreign: str) -> bool:
    return "float" in foreign.lower() or foreign in (
        "2.5",
        "nan",
        "1e300",
        "0.1",
        "np.longdouble(2)",
    )


@pytest.mark.parametrize("name", [name for name in LEFTS if name != "leaf"])
def test_in_place_operators_with_foreign_operands(name: str) -> None:
    cases = []
    for o in ARITHMETIC:
        for foreign in FOREIGN:
            # A float is refused for bits in both, with an error of another type.
            if o in "&|^<<>>" and is_a_float(foreign):
                continue
            cases.append(f"w = x\nw {o}= {foreign}\n(w, w is x, x._version)")
    check_same(cases, torch, LEFT, f"x = {LEFTS[name]}")


@pytest.mark.parametrize("name", ["floats", "ints", "number", "doubles"])
def test_arrays_behind_an_operator(name: str) -> None:
    """NumPy answers, in its dtypes; `x += array` makes a new tensor."""
    cases = [f"x {o} {a}" for o in ARITHMETIC for a in ARRAYS]
    cases += [f"w = x\nw {o}= {a}\n(w, w is x, x._version)" for o in ARITHMETIC for a in ARRAYS]
    check_same(cases, torch, LEFT, f"x = {LEFTS[name]}")
