"""Forms of small functions beside PyTorch: values, classes of containers, types of errors."""

from __future__ import annotations

import collections
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")


class Listed(list):  # type: ignore[type-arg]
    """A list that may have attributes."""


def marked() -> Listed:
    made = Listed([np.ones(1)])
    made.tag = 5  # type: ignore[attr-defined]
    return made


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - torch's test is for _fields

CALLS = """
lib.jit.isinstance([1, 2], typing.List[int])
lib.jit.isinstance([1], typing.Union[typing.List[int], str])
lib.jit.isinstance(['a'], typing.Union[typing.List[int], str])
lib.jit.isinstance([None, 1], typing.List[typing.Optional[int]])
lib.jit.isinstance([['a'], [2]], typing.List[typing.List[int]])
lib.jit.isinstance({'a': [1]}, typing.Dict[str, typing.List[int]])
lib.jit.isinstance((1, None), typing.Tuple[int, typing.Optional[str]])
lib.jit.isinstance((), typing.Tuple[()])
lib.jit.isinstance((1,), typing.Tuple[()])
lib.jit.isinstance({1}, typing.Set[int])
lib.jit.isinstance([1], typing.Sequence[int])
lib.jit.isinstance([{1}], typing.List[typing.Set[int]])
lib.jit.isinstance(1, int | str)
lib.jit.isinstance(1, 'int')
lib.jit.isinstance([1], [int])
lib.jit.isinstance(1, 3)
lib.jit.isinstance([1, 'a'], typing.List[int])
lib.jit.isinstance([1, 'a'], typing.List[typing.Union[int, str]])
lib.jit.isinstance(1, typing.Union[int, str])
lib.jit.isinstance(1.0, typing.Union[int, str])
lib.jit.isinstance(None, typing.Optional[int])
lib.jit.isinstance('a', typing.Optional[int])
lib.jit.isinstance({'a': 1}, typing.Dict[str, int])
lib.jit.isinstance({'a': 'b'}, typing.Dict[str, int])
lib.jit.isinstance((1, 'a'), typing.Tuple[int, str])
lib.jit.isinstance((1, 2), typing.Tuple[int, str])
lib.jit.isinstance((1, 2, 3), typing.Tuple[int, str])
lib.jit.isinstance([lib.ones(2)], typing.List[lib.Tensor])
lib.jit.isinstance([[1], ['a']], typing.List[typing.List[int]])
lib.jit.isinstance([1], list)
lib.jit.isinstance({}, dict)
lib.jit.isinstance(1, (int, str))
lib.jit.isinstance([1], (typing.List[int], typing.List[str]))
lib.jit.isinstance(1, int | str)
lib.jit.isinstance([1], list[int])
lib.jit.isinstance([1], typing.Any)
collate([collections.defaultdict(int, a=1), collections.defaultdict(int, a=2)])
collate([Listed([1, 2]), Listed([3, 4])])
collate([collections.deque([1, 2], maxlen=4), collections.deque([3, 4], maxlen=4)])
collate([collections.OrderedDict(a=1), collections.OrderedDict(a=2)])
collate([Pair(1, 2), Pair(3, 4)])
vars(collate([marked(), marked()]))
convert(collections.defaultdict(int, a=np.ones(1)))
convert(collections.deque([np.ones(1)], maxlen=3))
convert(marked())
vars(convert(marked()))
lib.ones(2).untyped_storage().copy_(3)
lib.ones(2).storage().copy_(3)
lib.ones(2).untyped_storage()['a']
lib.ones(2).untyped_storage()[1.5]
lib.ones(2).untyped_storage()[99]
lib.ones(2).untyped_storage().__setitem__('a', 1)
lib.ones(2).untyped_storage().__setitem__(0, 'a')
lib.ones(2).untyped_storage().__setitem__(99, 1)
lib.ones(2).untyped_storage().fill_('a')
lib.ones(2).untyped_storage().resize_('a')
lib.UntypedStorage.from_buffer(b'abcd', dtype='x')
lib.UntypedStorage.from_buffer(b'abcd', dtype=lib.float32)
lib.UntypedStorage.from_buffer(b'abcdefgh', byte_order='native', dtype=3)
lib.broadcast_shapes((2,), (3, 1), (1, 1, 1))
lib.broadcast_shapes()
lib.broadcast_shapes(3, (2, 1))
lib.broadcast_shapes((2,), (3,))
lib.broadcast_shapes((-1,), (3,))
lib.broadcast_shapes((0,), (1,))
lib.broadcast_shapes((0,), (2,))
lib.range(1, 3)
lib.range(3)
lib.range(0, 1, 0.25)
lib.range(3, 1, -1, dtype=lib.int64)
lib.range(0, 3, 0)
lib.range(0, 3, -1)
lib.range(1, 2, 0.3, dtype=lib.float64)
lib.ones(2)[lib.newaxis].shape
lib.is_signed(lib.ones(2))
lib.is_signed(lib.ones(2, dtype=lib.uint8))
lib.is_inference(lib.ones(2))
lib.is_same_size(lib.ones(2), lib.ones(3))
lib.is_distributed(lib.ones(2))
lib.get_float32_matmul_precision()
lib.set_float32_matmul_precision('foo')
lib.set_num_interop_threads(0)
lib.set_deterministic_debug_mode('foo')
lib.is_warn_always_enabled()
lib.quantile(lib.ones(2, dtype=lib.int64), 0.5)
lib.quantile(lib.ones(0), 0.5)
lib.quantile(lib.ones(2), 1.5)
lib.quantile(lib.ones(2), lib.tensor([0.5, 1.5]))
lib.quantile(lib.ones(2), 0.5, interpolation='foo')
lib.quantile(lib.tensor([1.0, float('nan'), 3.0]), 0.5)
lib.nanquantile(lib.tensor([[1.0, float('nan'), 3.0], [float('nan')] * 3]), 0.5, dim=1)
lib.tensor([3.0, 1.0, 2.0]).quantile(lib.tensor([0.25, 1.0]), keepdim=True)
lib.cov(lib.ones(2, 3, 4))
lib.cov(lib.tensor([[1, 2, 4], [3, 5, 1]]))
lib.cov(lib.ones(2, 1))
lib.cov(lib.ones(2, 3), fweights=lib.ones(3))
lib.cov(lib.ones(2, 3), fweights=lib.tensor([1, -1, 1]))
lib.corrcoef(lib.tensor([1.0, 2.0, 4.0]))
lib.special.digamma(lib.tensor([0.25, 0.5]))
lib.special.erf(lib.tensor([0.25, 0.5]))
lib.special.erfc(lib.tensor([0.25, 0.5]))
lib.special.erfinv(lib.tensor([0.25, 0.5]))
lib.special.exp2(lib.tensor([0.25, 0.5]))
lib.special.expit(lib.tensor([0.25, 0.5]))
lib.special.expm1(lib.tensor([0.25, 0.5]))
lib.special.gammaln(lib.tensor([0.25, 0.5]))
lib.special.log1p(lib.tensor([0.25, 0.5]))
lib.special.logit(lib.tensor([0.25, 0.5]))
lib.special.psi(lib.tensor([0.25, 0.5]))
lib.special.round(lib.tensor([0.25, 0.5]))
lib.special.sinc(lib.tensor([0.25, 0.5]))
lib.special.logit(lib.tensor([0.0, 0.5]), eps=0.1)
lib.nn.modules.utils._pair(3)
lib.nn.modules.utils._triple((1, 2))
lib.nn.modules.utils._reverse_repeat_tuple((1, 2), 2)
lengths([2, 2])
lengths([.5, .5])
lengths([.6, .6])
lengths([5.0])
lengths([2, 3.0])
lengths([1.5, 3.5])
lengths([0.1, 0.2])
lengths([True, 4])
lengths([0, 5])
lengths(None)
lib.autocast('foo')
lib.autocast(3)
lib.amp.custom_fwd(min)
lib.amp.custom_bwd(min)
lib.amp.custom_fwd(device_type=3)
lib.amp.custom_bwd(device_type=3)
""".strip().splitlines()


def outcome(lib: Any, call: str) -> tuple[Any, ...]:
    data = lib.utils.data

    def lengths(wanted: Any) -> list[int]:
        return [len(part) for part in data.random_split(range(5), wanted)]

    names = {"lib": lib, "collate": data.default_collate, "convert": data.default_convert}
    try:
        found = eval(call, globals() | names | {"lengths": lengths})
    except Exception as error:  # noqa: BLE001 - the type is compared
        return type(error).__name__, len(str(error)) > 10
    options = [getattr(found, name, None) for name in ("maxlen", "default_factory")]
    return type(found).__name__, repr(found), *options


@pytest.mark.parametrize("call", CALLS)
def test_the_same(call: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert outcome(pb, call) == outcome(torch, call)
