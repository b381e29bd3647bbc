"""NumPy's functions on tensors beside torch, and beside what torch refuses: gradients through them.

For plain tensors torch lets NumPy compute and wraps the result; so do we, except that bools stay
bools (torch wraps them as bytes).
"""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb
from expressions import check_same, outcomes

torch = pytest.importorskip("torch")

UFUNCS = sorted({f.__name__ for f in vars(np).values() if isinstance(f, np.ufunc)})
SETUP = """
r = T.tensor([1.0, 2.0], requires_grad=True)
v, w, i, j = T.tensor([1.0, 2.0]), T.tensor([0.5, 0.25]), T.tensor([1, 2]), T.tensor([3, 4])
b, s, m, d = T.tensor([True, False]), T.tensor(2.0), T.ones(2, 2), T.tensor([1.0, 2.0]).double()
u, n, e = T.tensor([1, 2], dtype=T.uint8), T.tensor([1, 2], dtype=T.int32), T.zeros(0)
av, af = np.array([1.0, 2.0]), np.array([1.0, 2.0], dtype=np.float32)
ai, ab = np.array([1, 2]), np.array([True, False])
z = r * 1
"""
UNARY = ["v", "i", "b", "s", "d", "u", "n", "e", "m"]
BINARY = [
    *("v, w", "v, 2", "2, v", "v, 2.5", "2.5, v", "i, j", "i, 2", "3, i", "i, 2.5", "v, i", "b, b"),
    *("b, True", "v, av", "av, v", "v, af", "af, v", "v, ai", "ai, v", "i, av", "i, ai", "u, n"),
    *("u, 2", "u, 300", "v, d", "v, np.float64(2)", "v, np.array(2.0)", "v, [1.0, 2.0]", "v, None"),
    *(
        "[1.0, 2.0], v",
        "v, 'a'",
        "v, (1, 2)",
        "s, v",
        "m, v",
        "m, m",
        "v, T.ones(3)",
        "v, s",
        "s, 2",
    ),
    *(
        "s, s",
        "e, e",
        "v, True",
        "v, np.int64(2)",
        "n, 2",
        "n, 2**40",
        "b, 1",
        "b, 2.5",
        "v, 1e300",
    ),
]


def digits(text: str) -> str:
    """The text with bools and bytes alike."""
    text = text.replace("True", "1").replace("False", "0")
    return re.sub(r"\s|,\s*dtype=torch\.(uint8|bool)", "", text)


@pytest.mark.parametrize("name", UFUNCS)
def test_a_universal_function_of_plain_tensors(name: str) -> None:
    arguments = {1: UNARY, 2: BINARY}.get(getattr(np, name).nin, [])
    cases = [f"np.{name}({each})" for each in arguments]
    for code, ours, theirs in zip(
        cases, *(outcomes(cases, lib, SETUP) for lib in (pb, torch)), strict=True
    ):
        if "torch.uint8" in theirs and "uint8" not in ours:
            assert digits(ours) == digits(theirs), code
        else:
            assert ours == theirs, code


RECORDED = {
    "add": "x + 2", "subtract": "x - 2", "multiply": "x * 2", "divide": "x / 2", "power": "x ** 2",
    "maximum": "T.maximum(x, T.tensor(2.0))", "minimum": "T.minimum(x, T.tensor(2.0))",
    "fmax": "T.fmax(x, T.tensor(2.0))", "fmin": "T.fmin(x, T.tensor(2.0))",
    "arctan2": "T.atan2(x, T.tensor(2.0))", "hypot": "T.hypot(x, T.tensor(2.0))",
    "logaddexp": "T.logaddexp(x, T.tensor(2.0))", "logaddexp2": "T.logaddexp2(x, T.tensor(2.0))",
    "copysign": "T.copysign(x, T.tensor(2.0))", "fmod": "T.fmod(x, 2)",
    "remainder": "T.remainder(x, 2)", "float_power": "x.double() ** 2.0",
}  # fmt: skip
ALONE = {
    "absolute": "abs", "fabs": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arctanh": "atanh", "rint": "round", "degrees": "rad2deg",
    "radians": "deg2rad", "ceil": "ceil", "cos": "cos", "cosh": "cosh", "exp": "exp",
    "exp2": "exp2", "expm1": "expm1", "floor": "floor", "log": "log", "log10": "log10",
    "log1p": "log1p", "log2": "log2", "negative": "neg", "positive": "positive",
    "reciprocal": "reciprocal", "sign": "sign", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt",
    "square": "square", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}  # fmt: skip


def gradient(lib: Any, code: str) -> tuple[list[float], list[float], str]:
    x = lib.tensor([0.5, 0.25], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = eval(code, {"T": lib, "np": np, "x": x})
    (grad,) = lib.autograd.grad(y.sum(), x)
    return y.tolist(), grad.tolist(), str(y.dtype)


@pytest.mark.parametrize("name", [*RECORDED, *ALONE])
def test_a_universal_function_is_recorded(name: str) -> None:
    """Value, dtype and gradient are those of the function that torch has for it."""
    ours = gradient(pb, f"np.{name}(x, 2)" if name in RECORDED else f"np.{name}(x)")
    theirs = gradient(torch, RECORDED.get(name) or f"T.{ALONE[name]}(x)")
    assert ours[2] == theirs[2]
    np.testing.assert_allclose(ours[:2], theirs[:2], rtol=1e-5)


@pytest.mark.parametrize(
    "other", ["2", "2.5", "True", "av", "af", "ai", "ab", "np.float64(2)", "i"]
)
@pytest.mark.parametrize("name", ["add", "power", "maximum", "hypot", "arctan2", "matmul", "equal"])
def test_what_is_recorded_has_the_value_and_dtype_of_numpy(name: str, other: str) -> None:
    if name == "matmul" and other in ("2", "2.5", "True", "np.float64(2)"):
        other = "d"
    forms = [f"np.{name}({{}}, {other})"]
    if not other.startswith("np.float64"):  # in front it is one of Python
        forms.append(f"np.{name}({other}, {{}})")
    for form in forms:
        recorded, plain = outcomes([form.format("z"), form.format("z.detach()")], pb, SETUP)
        assert re.sub(r", grad_fn=<\w+>", "", recorded).replace("leaf=False", "leaf=True") == plain


REFUSED = [
    *("np.cbrt(z)", "np.modf(z)", "np.spacing(z)", "np.multiply.outer(z, z)"),
    *("np.add(z, 1, dtype=np.float64)", "np.add(z, 1, where=ab)", "np.exp(z, out=np.zeros(2))"),
    *("np.add(v, v, out=v)", "np.add(v, v, v)", "np.add(av, av, out=w)", "np.add.at(v, [0], 1.0)"),
    *("np.add(v)", "np.exp(v, foo=1)", "np.asarray(z)", "np.array([z, z])"),
    *("z.__array__()", "z.numpy()", "av.__setitem__(slice(None), z)", "np.concatenate([v, z])"),
]
METHODS = [
    *("np.add.reduce(v)", "np.add.reduce(m, axis=1)", "np.add.reduce(v, keepdims=True)"),
    *("np.add.accumulate(v)", "np.add.reduceat(v, [0, 1])", "np.maximum.reduce(m)"),
    *(
        "np.add.at(ai, i - 1, i)\nai",
        "np.add(v, v, out=av)",
        "np.add(v, v, out=(av,))",
        "np.exp(v, av)",
    ),
    *(
        "np.add(v, 1, dtype=np.float64)",
        "np.add(v, v, casting='unsafe')",
        "np.add(v, v, order='F')",
    ),
    *("np.add(v, 1, where=ab, out=np.zeros(2))", "np.add(v, 1, where=b, out=np.zeros(2))"),
    *("np.divmod(v, 2)", "np.modf(v)", "np.frexp(v)", "np.multiply.reduce(m, axis=(0, 1))"),
    *("np.add.reduce(n)", "np.add.reduce(i)", "np.maximum.reduce(n)", "np.minimum(s, 1)"),
]


@pytest.mark.parametrize("code", [*REFUSED, *METHODS])
def test_methods_and_arguments_of_universal_functions(code: str) -> None:
    check_same([code], torch, SETUP)


def test_what_torch_refuses_or_wraps_as_bytes() -> None:
    assert outcomes(["np.equal(v, 1)", "av > v", "v < av", "np.isnan(s)"], pb, SETUP) == [
        "Tensor tensor([ True, False]) (2,) (1,) leaf=True",
        "Tensor tensor([False, False]) (2,) (1,) leaf=True",
        "Tensor tensor([False, False]) (2,) (1,) leaf=True",
        "Tensor tensor(False) () () leaf=True",
    ]


def test_the_message_names_what_the_user_called() -> None:
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"numpy.add: got a Tensor to write into"):
        np.add(np.ones(2), 1, out=pb.zeros(2))
    with pytest.raises(TypeError, match="bitwise_and"):
        np.bitwise_and(x, 2)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        np.cbrt(x)


FUNCTIONS = [
    *("mean", "std", "var", "prod", "max", "min", "argmax", "argmin", "cumsum", "cumprod"),
    *("median", "ptp", "sort", "argsort", "unique", "nonzero", "ravel", "squeeze", "transpose"),
    *("flip", "diff", "trace", "diag", "shape", "ndim", "copy", "asarray", "array", "atleast_2d"),
    *("ascontiguousarray", "zeros_like", "round", "count_nonzero", "nan_to_num", "isscalar"),
    *("linalg.norm", "linalg.det", "linalg.inv", "linalg.eigh", "linalg.svd", "histogram"),
    *("nanmean", "average", "flatnonzero", "argwhere", "vstack", "hstack", "concatenate", "stack"),
    *("meshgrid", "gradient", "cov", "rot90", "tril", "array_str", "fft.fft", "sinc", "require"),
    *("percentile", "linalg.cholesky", "array_equal", "polyval", "float64", "int64", "dtype"),
    *("apply_along_axis", "linspace", "ones", "full", "arange", "eye", "may_share_memory"),
    *("format_float_positional", "iscomplexobj", "result_type", "ma.array", "matrix"),
]
CALLS = [
    *("np.clip(v, 1, 2)", "np.reshape(m, (4,))", "np.swapaxes(m, 0, 1)", "np.moveaxis(m, 0, 1)"),
    *("np.squeeze(m[None], axis=0)", "np.expand_dims(v, 0)", "np.expand_dims(z, 0)"),
    *("np.concatenate([v, w])", "np.stack([v, w])", "np.vstack([v, w])", "np.hstack([v, z])"),
    *("np.where(b, v, w)", "np.where(b, z, w)", "np.where(v > 1)", "np.where(v > 1, 1, 0)"),
    *("np.dot(v, w)", "np.dot(av, v)", "np.dot(z, av)", "np.inner(v, w)", "np.outer(v, w)"),
    *(
        "np.tensordot(m, m, 1)",
        "np.einsum('ij,j', m, v)",
        "np.einsum('ij,j', m, z)",
        "np.kron(v, w)",
    ),
    *("np.cross(v, w)", "np.allclose(v, w)", "np.allclose(v, z)", "np.take(v, i - 1)"),
    *(
        "np.repeat(v, 2)",
        "np.repeat(av, i)",
        "np.tile(v, 2)",
        "np.roll(v, 1)",
        "np.interp(v, av, av)",
    ),
    *(
        "np.searchsorted(av, v)",
        "np.digitize(v, av)",
        "np.percentile(v, 50)",
        "np.quantile(z, 0.5)",
    ),
    *("np.linspace(s, 4, 3)", "np.arange(s)", "np.zeros(T.tensor(3))", "np.zeros(v.shape)"),
    *("np.zeros(i)", "np.ones((T.tensor(2), 3))", "np.full(2, s)", "np.full((2,), v[0])"),
    *("np.array([v, w])", "np.array([s, s])", "np.array([z[0], z[1]])", "np.array([1.0, s])"),
    *("np.array([[s, s], [s, 1]])", "np.array((v, w), dtype=object).shape", "np.asarray([v, z])"),
    *(
        "np.asarray(v, dtype=np.float64)",
        "np.asarray(v, dtype='int32')",
        "np.asarray(v, dtype=object)",
    ),
    *("np.array(v, copy=True)", "np.array(v, copy=None)", "np.array(v, ndmin=2)", "np.asarray(b)"),
    *(
        "v.__array__(np.float64)",
        "v.__array__(dtype=np.float64)",
        "v.__array__('f8')",
        "v.__array__(3)",
    ),
    *("v.__array_wrap__(np.ones(2))", "v.__array_wrap__(np.array(2.0))", "v.__array_priority__"),
    *(
        "z.numpy(force=True)",
        "v.numpy(True)",
        "v.numpy(force=1)",
        "v.numpy(foo=1)",
        "m.t().numpy()",
    ),
    *(
        "np.put(av, i - 1, v)\nav",
        "np.copyto(av, v)\nav",
        "np.broadcast_to(v, (2, 2))",
        "np.split(v, 2)",
    ),
    *(
        "np.append(v, w)",
        "np.pad(v, 1)",
        "np.isin(v, w)",
        "np.polyfit(av, v, 1)",
        "np.convolve(v, w)",
    ),
    *("np.linalg.norm(v, axis=0)", "np.linalg.norm(z)", "np.linalg.solve(m + T.eye(2), v)"),
    *(
        "np.fromiter(v, float)",
        "np.float64(s)",
        "np.float64(v)",
        "np.bool_(b[0])",
        "np.array2string(v)",
    ),
    *("np.testing.assert_allclose(v, v)", "np.testing.assert_allclose(v, w)", "np.prod(v.shape)"),
    *(
        "np.sum([v, w])",
        "np.mean([s, s])",
        "np.mean([z[0], z[1]])",
        "sum([z, z])",
        "np.block([v, w])",
    ),
    *("np.unravel_index(T.tensor(3), (3, 3))", "np.ix_(i, i)", "np.r_[v, w]", "np.c_[v, w]"),
    *("av[i - 1]", "av[b]", "av[T.tensor(0)]", "av[v[0]]", "av[:T.tensor(1)]", "av[z.long() - 1]"),
    *("av[v.long() - 1]", "av / v", "ab == b", "np.vectorize(abs)(v)", "av.dot(v)"),
    *("av.__setitem__(0, v[0])", "av.__setitem__(slice(None), v)", "list(np.nditer(v))"),
]


def test_functions_of_numpy() -> None:
    cases = [
        f"np.{name}({x})"
        for name in FUNCTIONS
        for x in ("v", "m", "i", "s")
        if name not in ("mean", "max", "min")
    ]
    check_same(cases + CALLS, torch, SETUP)


def test_what_numpy_asks_methods_for_with_out() -> None:
    """NumPy calls the method of a sum with out=None, which no method takes."""
    cases = ["np.sum(z)", "np.mean(v)", "np.max(m, axis=0)", "np.any(b)", "np.argmax(b)"]
    check_same([*cases, "v.add(1, out=w)", "m.max(0, out=(w, i))"], torch, SETUP)


def test_a_reduction_of_what_is_recorded() -> None:
    """In a process of its own: NumPy keeps an operand whose __array_ufunc__ raises in reduce."""
    code = "import numpy as np, pullback as pb; np.add.reduce(pb.ones(2, requires_grad=True))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: Can't call numpy() on Tensor that requires grad" in found.stderr


TRANSFORMED = [
    "x.numpy()",
    "np.asarray(x)",
    "np.array([x[0], x[1]])",
    "np.from_dlpack(x)",
    "T.from_dlpack(x)",
    "x.__array__()",
]
TRANSFORMS = {
    "grad": "T.func.grad(lambda x: ({}, x.sum())[1])(T.ones(2))",
    "vmap": "T.func.vmap(lambda x: ({}, x)[1])(T.ones(2, 2))",
    "jvp": "T.func.jvp(lambda x: ({}, x)[1], (T.ones(2),), (T.ones(2),))",
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_inside_a_transform_there_is_no_memory_to_give(name: str) -> None:
    """An array would lose what the transform follows: the derivative, or the other examples."""
    cases = [TRANSFORMS[name].format(code) for code in TRANSFORMED]
    if name == "vmap":
        cases = [code for code in cases if "dlpack" not in code]  # errors of other types
    check_same(cases, torch, SETUP)


def test_universal_functions_inside_a_transform() -> None:
    a = np.array([2.0, 3.0], dtype=np.float32)
    x, t = pb.tensor([1.0, 2.0]), pb.ones(2)
    assert (
        pb.func.grad(lambda x: (a * np.exp(x)).sum())(x).tolist()
        == (pb.tensor(a) * x.exp()).tolist()
    )
    assert pb.func.jvp(lambda x: np.maximum(x, 1.5), (x,), (t,))[1].tolist() == [0.0, 1.0]
    assert pb.func.vmap(lambda x: np.hypot(x, 4))(pb.tensor([[3.0]])).tolist() == [[5.0]]
    with pb.autograd.forward_ad.dual_level():
        dual = pb.autograd.forward_ad.make_dual(x, t)
        assert pb.autograd.forward_ad.unpack_dual(a * dual).tangent.tolist() == [2.0, 3.0]
