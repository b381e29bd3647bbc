"""The ten real element types beside PyTorch: what does not depend on the operator.

Creation, casts from and to each, promotion of every pair with numbers and tensors of no dimensions,
arithmetic, comparison, reductions, indexing, printing, NumPy, DLPack, pickling, the random fills,
modules and optimisers. Operator by operator: test_types_of_operators.py.
"""

from __future__ import annotations

import copy
import io
import operator
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
DTYPES = ("bool", *INTEGERS, *FLOATS)
NARROW = ("int8", "int16", "float16", "bfloat16")
EDGES = [0.0, -0.0, 1.5, -1.5, 127.9, 128.0, 255.5, 256.0, 300.0, -129.0, 32768.0, 65504.0, 65519.9]
EDGES += [65520.0, 70000.0, 2.0**31, 3e9, 2.0**32 + 5, -3e9, 1e10, 9.3e18, 1e19, 3.39e38, 1e39]
EDGES += [2.0**-14, 2.0**-24, 2.0**-25, 1.5 * 2.0**-25, 1e-40, 1.0009765, 1.0004883, 1.00390625]
EDGES += [float("inf"), float("-inf"), float("nan")]

pairs = pytest.mark.parametrize("other", DTYPES)
every = pytest.mark.parametrize("dtype", DTYPES)
narrow = pytest.mark.parametrize("dtype", NARROW)


def of(lib: Any, name: str) -> Any:
    return getattr(lib, name)


def name_of(tensor: Any) -> str:
    return str(tensor.dtype).split(".")[-1]


def plain(value: Any) -> Any:
    if isinstance(value, (pb.Tensor, torch.Tensor)):
        wide = value.detach().double() if value.is_floating_point() else value.detach()
        return (name_of(value), tuple(value.shape), np.array(wide.tolist()).tolist())
    if isinstance(value, (pb.dtype, torch.dtype)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    return value


def outcome(lib: Any, work: Callable[[Any], Any]) -> Any:
    """Comparable by its text, in which a NaN is one; an error by its kind."""
    try:
        return repr(plain(work(lib)))
    except Exception as error:  # noqa: BLE001 - compared
        return type(error).__name__


def agree(work: Callable[[Any], Any]) -> None:
    assert outcome(pb, work) == outcome(torch, work)


def values(lib: Any, dtype: str, sizes: tuple[int, ...] = (3, 5), seed: int = 0) -> Any:
    drawn = np.random.RandomState(seed).uniform(0, 1, sizes)
    if dtype == "bool":
        return lib.tensor(drawn > 0.5)
    if dtype in INTEGERS:
        low, high = (0, 40) if dtype == "uint8" else (-20, 20)
        return lib.tensor((low + drawn * (high - low)).astype(int)).to(of(lib, dtype))
    return lib.tensor(drawn * 6 - 3).to(of(lib, dtype))


def test_names_and_properties() -> None:
    for name in DTYPES:
        agree(lambda lib, name=name: str(of(lib, name)))
        for what in ("itemsize", "is_floating_point", "is_complex", "is_signed"):
            agree(lambda lib, name=name, what=what: getattr(of(lib, name), what))
    for alias in ("half", "short", "float", "double", "int", "long", "char"):
        agree(lambda lib, alias=alias: str(of(lib, alias)))


@every
@pairs
def test_promotion(dtype: str, other: str) -> None:
    agree(lambda lib: lib.promote_types(of(lib, dtype), of(lib, other)))
    agree(lambda lib: lib.can_cast(of(lib, dtype), of(lib, other)))
    for a_sizes in ((2,), ()):
        for b_sizes in ((2,), ()):
            agree(
                lambda lib, a=a_sizes, b=b_sizes: lib.result_type(
                    lib.ones(a, dtype=of(lib, dtype)), lib.ones(b, dtype=of(lib, other))
                )
            )


@every
def test_promotion_with_numbers(dtype: str) -> None:
    for sizes in ((2,), ()):
        for number in (True, 2, 2.5):
            agree(
                lambda lib, sizes=sizes, number=number: lib.result_type(
                    lib.ones(sizes, dtype=of(lib, dtype)), number
                )
            )


@every
@pairs
def test_casts(dtype: str, other: str) -> None:
    def cast(lib: Any) -> Any:
        source = lib.tensor(EDGES, dtype=lib.float64)
        if dtype in INTEGERS:
            source = source[:14]
        return source.to(of(lib, dtype)).to(of(lib, other))

    agree(cast)
    agree(lambda lib: cast(lib).reshape(2, -1).t().to(of(lib, dtype)))


def test_every_half_and_bfloat16() -> None:
    """All 65536 elements, to float and back."""
    bits = np.arange(65536, dtype=np.uint16).view(np.int16)
    for name in ("float16", "bfloat16"):
        ours, theirs = pb.tensor(bits).view(of(pb, name)), torch.tensor(bits).view(of(torch, name))
        np.testing.assert_array_equal(ours.float().numpy(), theirs.float().numpy())
        back = ours.float().to(of(pb, name)).view(pb.int16)
        numbers = ~theirs.isnan().numpy()
        assert np.array_equal(back.numpy()[numbers], bits[numbers])


def test_rounding_to_half_and_bfloat16() -> None:
    bits = np.random.RandomState(0).randint(0, 2**32, 200000, dtype=np.uint64).astype(np.uint32)
    floats = bits.view(np.float32)
    ties = (np.arange(65536, dtype=np.uint32) << 16 | 0x8000).view(np.float32)
    for sample in (floats, ties):
        for name in ("float16", "bfloat16"):
            ours, theirs = (
                pb.tensor(sample).to(of(pb, name)),
                torch.tensor(sample).to(of(torch, name)),
            )
            np.testing.assert_array_equal(ours.float().numpy(), theirs.float().numpy())


@every
def test_factories(dtype: str) -> None:
    works: list[Callable[[Any, Any], Any]] = [
        lambda lib, d: lib.tensor([1, 0, 3], dtype=d),
        lambda lib, d: lib.tensor([1.5, 0.0, 300.0], dtype=d),
        lambda lib, d: lib.tensor(300, dtype=d),
        lambda lib, d: lib.tensor(-1, dtype=d),
        lambda lib, d: lib.tensor(1e6, dtype=d),
        lambda lib, d: lib.tensor([True, False], dtype=d),
        lambda lib, d: lib.zeros(2, 3, dtype=d),
        lambda lib, d: lib.ones(2, dtype=d),
        lambda lib, d: lib.full((2,), 7, dtype=d),
        lambda lib, d: lib.full((2,), 1e6, dtype=d),
        lambda lib, d: lib.full((2,), 200, dtype=d),
        lambda lib, d: lib.scalar_tensor(3, dtype=d),
        lambda lib, d: lib.eye(3, dtype=d),
        lambda lib, d: lib.arange(5, dtype=d),
        lambda lib, d: lib.arange(1, 9, 2, dtype=d),
        lambda lib, d: lib.linspace(0, 8, 5, dtype=d),
        lambda lib, d: lib.logspace(0, 2, 3, dtype=d),
        lambda lib, d: lib.zeros_like(lib.ones(2), dtype=d),
        lambda lib, d: lib.full_like(lib.ones(2, dtype=d), 3),
        lambda lib, d: lib.ones(2, dtype=d).new_full((2,), 4),
        lambda lib, d: lib.tril_indices(3, 3, dtype=d),
        lambda lib, d: lib.asarray([1, 2], dtype=d),
        lambda lib, d: lib.as_tensor(np.array([1, 2]), dtype=d),
        lambda lib, d: lib.tensor(lib.ones(2), dtype=d),
    ]
    for work in works:
        agree(lambda lib, work=work: work(lib, of(lib, dtype)))


@every
@pairs
def test_arithmetic_and_comparison(dtype: str, other: str) -> None:
    names = "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift eq ne lt le gt ge"
    for name in names.split():
        work = getattr(operator, name)
        agree(lambda lib, work=work: work(values(lib, dtype), values(lib, other, seed=1).abs() + 1))
        agree(lambda lib, work=work: work(values(lib, dtype), values(lib, other, (), seed=1)))
    for name in ("maximum", "minimum", "fmod", "copysign"):
        agree(
            lambda lib, name=name: getattr(lib, name)(
                values(lib, dtype), values(lib, other, seed=1).abs() + 1
            )
        )


@every
def test_arithmetic_with_numbers(dtype: str) -> None:
    for number in (True, 2, -3, 0.1, 3.3, 200, 1e5):
        for name in ["add", "sub", "mul", "truediv", "floordiv", "mod", "eq", "lt", "ge"]:
            work = getattr(operator, name)
            agree(lambda lib, work=work, number=number: work(values(lib, dtype), number))
            agree(lambda lib, work=work, number=number: work(number, values(lib, dtype).abs() + 1))


@every
@pairs
def test_in_place_and_out(dtype: str, other: str) -> None:
    for name in ("add_", "mul_", "sub_", "copy_", "div_"):
        agree(
            lambda lib, name=name: getattr(values(lib, dtype), name)(values(lib, other, seed=1) + 1)
        )
    agree(
        lambda lib: lib.add(
            values(lib, dtype), values(lib, dtype), out=lib.empty(3, 5, dtype=of(lib, other))
        )
    )


@every
def test_reductions(dtype: str) -> None:
    """Those with exact results; sums of floats and the like: test_types_of_operators.py."""
    names = "amax amin argmax argmin all any max min median sort argsort unique count_nonzero"
    names += " nonzero cummax cummin mean std diff"
    if dtype not in FLOATS:
        names += " sum prod cumsum cumprod"
    for name in names.split():
        for dims in ((), (1,)):
            if name in ("mean", "std") and dtype in FLOATS:
                continue
            if (name in ("unique", "nonzero") and dims) or (name.startswith("cum") and not dims):
                continue
            agree(lambda lib, name=name, dims=dims: getattr(lib, name)(values(lib, dtype), *dims))


@every
def test_indexing(dtype: str) -> None:
    index = [2, 0, 2]
    works: list[Callable[[Any, Any], Any]] = [
        lambda lib, x: x[1],
        lambda lib, x: x[:, 1:3],
        lambda lib, x: x[..., None, -1],
        lambda lib, x: x[lib.tensor(index)],
        lambda lib, x: x[x != 0],
        lambda lib, x: lib.index_select(x, 1, lib.tensor(index)),
        lambda lib, x: lib.gather(x, 1, lib.tensor([index] * 3)),
        lambda lib, x: lib.take(x, lib.tensor(index)),
        lambda lib, x: x.index_fill(1, lib.tensor(index), 1),
        lambda lib, x: x.scatter(1, lib.tensor([index] * 3), x),
        lambda lib, x: x.scatter_add(1, lib.tensor([[0, 1, 2]] * 3), x),
        lambda lib, x: x.index_add(0, lib.tensor([1, 2, 0]), x),
        lambda lib, x: lib.where(x != 0, x, 1),
        lambda lib, x: lib.masked_select(x, x != 0),
        lambda lib, x: x.masked_fill(x != 0, 1),
        lambda lib, x: lib.cat([x, x[1:]]),
        lambda lib, x: lib.stack([x, x], 1),
        lambda lib, x: lib.flip(x, (0,)),
        lambda lib, x: lib.roll(x, 1),
        lambda lib, x: x.repeat(2, 2),
        lambda lib, x: x.t().contiguous(),
        lambda lib, x: lib.tril(x),
        lambda lib, x: x.view(lib.uint8),
    ]
    for work in works:
        agree(lambda lib, work=work: work(lib, values(lib, dtype)))

    def write(lib: Any) -> Any:
        x = values(lib, dtype)
        x[1] = 1
        x[0, lib.tensor([1, 3])] = x[2, :2]
        x[x == 1] = 0
        return x

    agree(write)


@every
def test_indices_of_this_type(dtype: str) -> None:
    agree(lambda lib: lib.arange(4)[lib.tensor([1, 0], dtype=of(lib, dtype))])
    agree(lambda lib: lib.index_select(lib.arange(4), 0, lib.tensor([1, 0], dtype=of(lib, dtype))))


@every
def test_numbers(dtype: str) -> None:
    one = lambda lib: lib.tensor(1, dtype=of(lib, dtype))  # noqa: E731
    convertible = [float, int, bool, str, lambda t: t.item(), lambda t: t.tolist()]
    if dtype != "bool":
        convertible.append(operator.index)  # decided otherwise: no bool is an index
    for convert in convertible:
        agree(lambda lib, convert=convert: convert(one(lib)))
    agree(lambda lib: values(lib, dtype).tolist())


@every
def test_printing(dtype: str) -> None:
    for sizes in ((3, 5), (), (0,), (40, 40)):
        agree(lambda lib, sizes=sizes: repr(values(lib, dtype, sizes)))
    if dtype in FLOATS:
        agree(lambda lib: repr(lib.tensor([1e-5, 2.0, 3e4], dtype=of(lib, dtype))))
        agree(lambda lib: repr(lib.tensor([1.0, float("nan")], dtype=of(lib, dtype))))
        agree(lambda lib: repr(lib.ones(2, dtype=of(lib, dtype), requires_grad=True)))


LIMITS = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")


@every
def test_limits(dtype: str) -> None:
    for info in ("finfo", "iinfo"):
        agree(lambda lib, info=info: repr(getattr(lib, info)(of(lib, dtype))))
        for field in (
            "bits",
            "eps",
            "max",
            "min",
            "tiny",
            "smallest_normal",
            "resolution",
            "dtype",
        ):
            agree(lambda lib, i=info, f=field: getattr(getattr(lib, i)(of(lib, dtype)), f))


@every
def test_numpy(dtype: str) -> None:
    if dtype == "bfloat16":
        check_bfloat16_in_numpy()
        return
    for sizes in ((3, 5), (), (0, 2)):
        x = values(pb, dtype, sizes)
        array = x.numpy()
        assert array.dtype == values(torch, dtype, sizes).numpy().dtype
        assert np.shares_memory(array, pb.from_numpy(array).numpy()) or x.numel() == 0
        assert plain(pb.from_numpy(array)) == plain(x) == plain(pb.tensor(array))
        assert plain(pb.as_tensor(array, dtype=pb.float64)) == plain(x.double())
    agree(lambda lib: lib.tensor([of_numpy(dtype)(1), of_numpy(dtype)(0)]))
    agree(lambda lib: lib.from_numpy(np.exp(values(lib, dtype).numpy())))
    assert pb.from_dlpack(np.from_dlpack(values(pb, dtype))).dtype == of(pb, dtype)
    buffer = memoryview(values(pb, dtype))
    assert plain(pb.frombuffer(bytearray(buffer), dtype=of(pb, dtype))) == plain(
        values(pb, dtype).ravel()
    )


def of_numpy(dtype: str) -> Any:
    return np.dtype(dtype).type


def check_bfloat16_in_numpy() -> None:
    code = """
import sys
sys.modules["ml_dtypes"] = None
import pullback as pb
try:
    pb.ones(2, dtype=pb.bfloat16).numpy()
except TypeError as error:
    print(error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.startswith("Got unsupported ScalarType BFloat16")
    assert "ml_dtypes" in printed


@every
def test_dlpack_with_torch(dtype: str) -> None:
    ours = values(pb, dtype)
    theirs = torch.from_dlpack(ours)
    assert plain(ours) == plain(theirs)
    assert plain(pb.from_dlpack(values(torch, dtype))) == plain(values(torch, dtype))


@every
def test_copies(dtype: str) -> None:
    x = values(pb, dtype)
    for again in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert plain(again) == plain(x)
    stream = io.BytesIO()
    pickle.dump(of(pb, dtype), stream)
    assert pickle.loads(stream.getvalue()) is of(pb, dtype)


@every
@pairs
def test_conversions(dtype: str, other: str) -> None:
    agree(lambda lib: values(lib, dtype).to(of(lib, other)))
    agree(lambda lib: values(lib, dtype).type(of(lib, other)))
    agree(lambda lib: values(lib, dtype).type_as(values(lib, other)))
    agree(lambda lib: values(lib, dtype).type())


@every
def test_methods_of_conversion(dtype: str) -> None:
    for name in [
        "half",
        "bfloat16",
        "float",
        "double",
        "char",
        "short",
        "int",
        "long",
        "byte",
        "bool",
    ]:
        agree(lambda lib, name=name: getattr(values(lib, dtype), name)())
    for name in [
        "Half",
        "BFloat16",
        "Float",
        "Double",
        "Char",
        "Short",
        "Int",
        "Long",
        "Byte",
        "Bool",
    ]:
        agree(lambda lib, name=name: values(lib, dtype).type(f"torch.{name}Tensor"))


@every
def test_random_numbers(dtype: str) -> None:
    works: list[Callable[[Any, Any], Any]] = [
        lambda lib, d: lib.rand(40, dtype=d),
        lambda lib, d: lib.randint(0, 100, (40,), dtype=d),
        lambda lib, d: lib.randint(-100, 200, (40,), dtype=d),
        lambda lib, d: lib.randperm(20, dtype=d),
        lambda lib, d: lib.zeros(40, dtype=d).random_(),
        lambda lib, d: lib.zeros(40, dtype=d).random_(0, 5),
        lambda lib, d: lib.zeros(40, dtype=d).bernoulli_(0.3),
        lambda lib, d: lib.zeros(40, dtype=d).uniform_(0, 1),
        lambda lib, d: lib.zeros(40, dtype=d).uniform_(-2, 3),
        lambda lib, d: lib.zeros(40, dtype=d).exponential_(),
        lambda lib, d: lib.bernoulli(lib.full((40,), 0.25, dtype=d)),
        lambda lib, d: lib.zeros(4, 3, dtype=d).t().random_(0, 5),
        lambda lib, d: lib.zeros(7, dtype=d).normal_(),
        lambda lib, d: lib.zeros(7, dtype=d).normal_(1, 2),
    ]
    for work in works:

        def seeded(lib: Any, work: Any = work) -> Any:
            lib.manual_seed(3)
            return work(lib, of(lib, dtype))

        agree(seeded)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("count", [16, 40, 100])
def test_normal_numbers(dtype: str, count: int) -> None:
    def drawn(lib: Any) -> Any:
        lib.manual_seed(3)
        return lib.randn(count, dtype=of(lib, dtype))

    agree(drawn)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("other", FLOATS)
def test_gradients_through_casts(dtype: str, other: str) -> None:
    def gradient(lib: Any) -> Any:
        x = values(lib, dtype).requires_grad_()
        y = (x.to(of(lib, other)) * 3 + 1).sum()
        y.backward()
        x.to(of(lib, other)).sum().backward()  # accumulates
        return x.grad, y

    agree(gradient)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients(dtype: str) -> None:
    def gradient(lib: Any) -> Any:
        x = values(lib, dtype).requires_grad_()
        w = values(lib, dtype, (5, 2), 1).requires_grad_()
        x.relu().mm(w).sum().backward()
        return x.grad, w.grad

    agree(gradient)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_have_no_gradients(dtype: str) -> None:
    agree(lambda lib: lib.ones(2, dtype=of(lib, dtype), requires_grad=True))
    agree(lambda lib: values(lib, dtype).requires_grad_())
    agree(lambda lib: values(lib, dtype).mean())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_modules(dtype: str) -> None:
    for convert in (
        lambda lib, m: m.half() if dtype == "float16" else m.bfloat16(),
        lambda lib, m: m.to(of(lib, dtype)),
    ):

        def run(lib: Any, convert: Any = convert) -> Any:
            lib.manual_seed(0)
            model = convert(lib, lib.nn.Linear(5, 2))
            y = model(values(lib, dtype))
            y.sum().backward()
            return [name_of(t) for t in (y, *model.parameters(), model.weight.grad)]

        agree(run)
    agree(lambda lib: lib.nn.Linear(2, 2).to(lib.int8))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
def test_optimisers(dtype: str, kind: str) -> None:
    """Every step of PyTorch rounds several times, here once: within a few units."""

    def steps(lib: Any) -> Any:
        param = lib.nn.Parameter(values(lib, dtype))
        options = {"momentum": 0.9} if kind == "SGD" else {}
        optimiser = getattr(lib.optim, kind)([param], lr=0.1, **options)
        for _ in range(3):
            optimiser.zero_grad()
            (param * param).sum().backward()
            optimiser.step()
        return param.detach().double().numpy(), name_of(param)

    ours, theirs = steps(pb), steps(torch)
    unit = float(torch.finfo(of(torch, dtype)).eps)
    assert ours[1] == theirs[1] == dtype
    np.testing.assert_allclose(ours[0], theirs[0], atol=4 * unit, rtol=4 * unit)
