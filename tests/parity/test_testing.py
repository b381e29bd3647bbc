"""torch.testing: what assert_close says, word for word, and the numbers of make_tensor."""

from __future__ import annotations

import pytest

import pullback as pb
from parity_both import close, outcome, plain, same

torch = pytest.importorskip("torch")

HEAD = """
T, inf, nan = torch.tensor, float('inf'), float('nan')
bf = torch.bfloat16
c = torch.testing.assert_close
"""

# The arguments of assert_close; types and messages are the same.
CALLS = """
T([1., 2]), T([1., 2.1])
T([1 + 2j]), T([1 + 3j])
T([1 + 2j, 1]), T([1 + 2.000001j, 1])
T([1 + 2j], dtype=torch.complex128), T([1 + 2.000001j], dtype=torch.complex128)
T([1 + 2j]), T([1]), check_dtype=False
T(1.), T(1.1)
T([[1., 2], [3, 4]]), T([[1., 2], [3, 5]])
T([True, False]), T([True, True])
T([1, 2]), T([1, 3])
T([1, 2]), T([1., 2.])
T([1, 2]), T([1., 2.]), check_dtype=False
T([1, 2]), T([1., 2.5]), check_dtype=False
T([1.]), T([1., 2])
T([1.]), T([1.], dtype=torch.float64)
T([nan]), T([nan])
T([nan]), T([nan]), equal_nan=True
T([1., inf]), T([1., -inf])
T([1., inf, -inf]), T([1., inf, -inf])
T([inf, 1.]), T([inf, 2.])
T([]), T([])
T([0., 0.]), T([0., 1e-3])
T([1.]), T([0.])
T([2, -3], dtype=torch.int8), T([100, 3], dtype=torch.int8)
T([1.], dtype=bf), T([1.1], dtype=bf)
T([1.], dtype=torch.float16), T([1.01], dtype=torch.float16)
T([1.], dtype=torch.float64), T([1.000001], dtype=torch.float64)
T([1.]), T([1.1]), msg='hello'
T([1.]), T([1.1]), msg=lambda m: 'X' + m
T([1.]), T([1.1]), rtol=0.1
T([1.]), T([1.1]), atol=0.1
T([1.]), T([1.1]), rtol=0.01, atol=0.
T([1.]), T([1.1]), rtol=0, atol=0
T([1.]), T([1.1]), rtol=0.5, atol=0.5
torch.ones(2, 2).t()[:, :1], torch.ones(2, 1), check_stride=True
torch.ones(2, 3), torch.ones(3, 2).t()
1, 2
0, 1
1., 1.1
1, 1.0
1, 1.0, check_dtype=False
1., nan
nan, nan
nan, nan, equal_nan=True
inf, inf
inf, 1.
True, True
True, False
'a', 'a'
'a', 'b'
None, None
None, 1
1, None
[], []
[1, 2], [1, 2, 3]
[1, 2.5], [1, 2.]
[T([1.])], (T([1.]),)
(1, 2), [1, 2]
[[1, [2, T([1.])]]], [[1, [2, T([2.])]]]
{'a': 1}, {'b': 1}
{'a': 1, 'b': T([1., 3.])}, {'b': T([1., 2.]), 'a': 1}
{1: 2.0}, {1: 3.0}
{1, 2}, {1, 2}
T([1.]), [1.]
1, T(1)
T(1.), 1.0
object(), object()
T([1.]), object()
torch.nn.Parameter(T([1.])), T([1.])
torch.nn.Parameter(T([1.])), T([1.]), allow_subclasses=False
torch.ones(2, requires_grad=True), torch.ones(2)
np.ones(2), np.ones(2)
np.ones(2), np.zeros(2)
np.ones(2), np.ones(3)
np.ones(2), np.ones(2, dtype=np.float32)
np.ones(2), [1., 1.]
np.float32(1), np.float32(1)
np.float64(1), np.float64(2)
torch.zeros(3, 0), torch.zeros(3, 0)
torch.eye(3).expand(2, 3, 3), torch.zeros(2, 3, 3)
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_assert_close(call: str) -> None:
    same(f"{HEAD}c({call})", ("testing",), words=True)


def test_a_bool_is_no_number() -> None:
    """In torch this is an internal error."""
    with pytest.raises((AssertionError, TypeError), match="bool"):
        pb.testing.assert_close(True, 1)
    with pytest.raises(TypeError, match="'rtol' must be float, not str"):
        pb.testing.assert_close(pb.ones(1), pb.ones(1), rtol="a", atol=1.0)


def test_the_old_form_warns() -> None:
    for library in (pb, torch):
        with pytest.warns(FutureWarning, match="deprecated since 1.12"):
            library.testing.assert_allclose(library.ones(2), library.ones(2) + 1e-5)
        with pytest.warns(FutureWarning), pytest.raises(AssertionError, match="not close"):
            library.testing.assert_allclose(library.ones(2), library.ones(2) + 1e-3)


@pytest.mark.parametrize("name", sorted(map(str, pb.testing._comparison._TOLERANCES)))
def test_tolerances_of_dtypes(name: str) -> None:
    """As close as the tolerance allows is equal, a bit more is not."""
    dtype = name.removeprefix("torch.")
    for factor in (0.5, 4.0):
        code = (
            f"x = torch.tensor([1000.], dtype=torch.{dtype})\n"
            f"r, a = {pb.testing._comparison._TOLERANCES[getattr(pb, dtype)]}\n"
            f"torch.testing.assert_close(x, (x.double() * (1 + {factor} * r)).to(x.dtype))"
        )
        same(code, ("testing",), words=True)


SHAPES = ["", "0", "5", "2, 3", "(2, 3)", "2, 0", "[4]", "2, 3, 4, 2"]
KEYWORDS = [
    "",
    "low=0, high=1",
    "low=-2.5, high=2.5",
    "low=1",
    "high=-20",
    "low=3, high=3",
    "low=3, high=1",
    "low=nan",
    "low=-inf, high=inf",
    "low=300, high=500",
    "noncontiguous=True",
    "exclude_zero=True",
    "requires_grad=True",
    "low=0, high=1, exclude_zero=True",
    "memory_format=torch.contiguous_format",
    "noncontiguous=True, memory_format=torch.contiguous_format",
]
DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"]


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "complex64", "complex128"])
@pytest.mark.parametrize("keywords", KEYWORDS)
def test_make_tensor(dtype: str, keywords: str) -> None:
    for shape in SHAPES:
        code = (
            "inf, nan = float('inf'), float('nan')\n"
            "torch.manual_seed(3)\n"
            f"x = torch.testing.make_tensor({shape}{', ' if shape else ''}dtype=torch.{dtype}, "
            f"device='cpu', {keywords})\n"
            "x, x.stride(), x.requires_grad, x.is_contiguous()"
        )
        same(code, ("testing",))


def test_make_tensor_of_no_dtype() -> None:
    same("torch.testing.make_tensor(2, dtype='a', device='cpu')", ("testing",))


def test_the_comparison_itself_fails() -> None:
    """A different outcome is seen by what these tests compare with."""
    assert not close(plain(pb.ones(2)), plain(torch.zeros(2)))
    assert outcome("pullback", "1 / 0").startswith("ZeroDivisionError")
