"""``out=`` is taken wherever PyTorch takes it: a walk over PyTorch's functions with such a form.

``test_out_table.py`` compares what is written, for the rows of the table that take it. Here is
everything else that PyTorch has an ``out=`` overload of: rows without, and functions in Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import facade
import pullback as pb
from table import OPS, results

torch = pytest.importorskip("torch")

SPACES = {"": "", "linalg": "linalg_", "special": "special_", "fft": "fft_", "nn.functional": ""}
# How what has no sample elsewhere is called.
CALLS = {
    "affine_grid_generator": "lib.ones(1, 2, 3), [1, 1, 2, 2], False",
    "as_strided_scatter": "lib.ones(4), lib.ones(2), (2,), (1,)",
    "binary_cross_entropy_with_logits": "lib.ones(2), lib.ones(2)",
    "constant_pad_nd": "lib.ones(3), [1, 1]",
    "empty_permuted": "(2,), (0,)",
    "empty_strided": "(2,), (1,)",
    "grid_sampler_2d": "lib.ones(1, 1, 2, 2), lib.ones(1, 2, 2, 2), 0, 0, False",
    "grid_sampler_3d": "lib.ones(1, 1, 2, 2, 2), lib.ones(1, 2, 2, 2, 3), 0, 0, False",
    "narrow_copy": "lib.ones(3), 0, 1, 2",
    "native_batch_norm": "lib.ones(2, 3), None, None, None, None, True, 0.1, 1e-5",
    "native_dropout": "lib.ones(3), 0.5, True",
    "native_group_norm": "lib.ones(2, 4, 3), None, None, 2, 4, 3, 2, 1e-5",
    "native_layer_norm": "lib.ones(2, 3), [3], None, None, 1e-5",
    "nn.functional.conv_tbc": "lib.ones(3, 2, 2), lib.ones(1, 2, 2), lib.ones(2)",
    "nn.functional.channel_shuffle": "lib.ones(1, 4, 2, 2), 2",
    "nn.functional.pixel_shuffle": "lib.ones(1, 4, 2, 2), 2",
    "nn.functional.pixel_unshuffle": "lib.ones(1, 1, 2, 2), 2",
    "range": "0, 3",
    "slice_copy": "lib.ones(3), 0, 1",
    "special.expit": "lib.ones(3)",
    "special.gammaln": "lib.ones(3)",
    "special.psi": "lib.ones(3)",
    "unfold_copy": "lib.ones(3), 0, 2, 1",
    "unsafe_split": "lib.ones(3), 2",
    "unsafe_split_with_sizes": "lib.ones(3), [2, 1]",
}
# Where PyTorch takes it and we refuse, and why.
LISTS = "a form without a number of results has no out=: each part can be copied to its place"
REASONS = dict.fromkeys(["split_copy", "split_with_sizes_copy", "unbind_copy"], LISTS)
LAYERS = "only PyTorch's own modules call it, and never with out="
REASONS |= dict.fromkeys(["conv_tbc", "native_batch_norm", "native_dropout"], LAYERS)
REASONS |= dict.fromkeys(["native_group_norm", "native_layer_norm"], LAYERS)
OLD = "an old name: the norms of linalg take it"
REASONS |= dict.fromkeys(["frobenius_norm", "nuclear_norm"], OLD)


def space(lib: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        lib = getattr(lib, part)
    return lib


def overloads() -> Iterator[tuple[str, str]]:
    """The functions of both libraries whose operator in PyTorch has a form with ``out=``."""
    written = {
        schema.name.removeprefix("aten::")
        for schema in torch._C._jit_get_all_schemas()
        if schema.name.startswith("aten::") and any(a.is_out for a in schema.arguments)
    }
    for path, prefix in SPACES.items():
        for name in dir(space(torch, path)):
            if name[0] == "_" or f"{prefix}{name}" not in written:
                continue
            try:
                found = getattr(space(pb, path), name)
            except (AttributeError, ImportError):
                continue
            if callable(found):
                yield path, name


def arguments(lib: Any, path: str, name: str) -> tuple[Any, Any]:
    """Those of a call, of whatever table has one."""
    full = f"{path}.{name}".lstrip(".")
    if full in CALLS:
        return eval(f"[{CALLS[full]}]", {"lib": lib}), {}
    if full in facade.SAMPLES:
        return [], eval(f"dict({facade.SAMPLES[full]})", {**facade.WORDS, "pb": lib})
    (first, *_) = [op for op in OPS if op.name == name]
    return first.samples[0].fill(lib, first.samples[0].tensors(lib, grad=False))


def is_covered(name: str) -> bool:
    return any(op.name == name and op.out for op in OPS)


def with_out(lib: Any, path: str, name: str) -> str:
    """The error of a call with it, "" if there is none."""
    function = getattr(space(lib, path), name)
    args, kwargs = arguments(lib, path, name)
    try:
        made = function(*args, **kwargs)
        several = isinstance(made, (tuple, list))
        empty = tuple(lib.zeros_like(each) for each in results(lib, made))
        out = empty if several else empty[0]
        function(*args, **kwargs, out=out)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return ""


WALK = [(path, name) for path, name in overloads() if not is_covered(name)]


@pytest.mark.parametrize(("path", "name"), WALK)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_out_is_taken_where_pytorch_takes_it(path: str, name: str) -> None:
    theirs = with_out(torch, path, name)
    refused = "unexpected keyword argument 'out'" in theirs or "invalid combination" in theirs
    assert refused or not theirs, theirs  # a call of ours that is wrong
    ours = with_out(pb, path, name)
    full = f"{path}.{name}".lstrip(".")
    if not refused:
        assert bool(ours) == (full in REASONS), ours


def test_the_tables_name_what_is_walked() -> None:
    walked = {f"{path}.{name}".lstrip(".") for path, name in WALK}
    assert CALLS.keys() | REASONS.keys() <= walked


TARGETS = {
    "empty": "lib.zeros(0, dtype=dtype)",
    "of another size": "lib.zeros(7, dtype=dtype)",
    "with gaps": "lib.zeros([2 * n for n in shape], dtype=dtype)"
    "[tuple(slice(0, None, 2) for _ in shape)]",
    "int64": "lib.zeros(0, dtype=lib.int64)",
    "float64": "lib.zeros(0, dtype=lib.float64)",
    "complex64": "lib.zeros(0, dtype=lib.complex64)",
    "a leaf": "lib.zeros(0, requires_grad=True)",
    "no tensor": "3",
    "a tuple": "(lib.zeros(0, dtype=dtype),)",
    "None": "None",
}
WRITTEN = {
    "renorm": "lib.tensor([[3.0, 4.0], [0.3, 0.4]]), 2.0, 0, 1.0",
    "ldexp": "lib.tensor([0.5, 3.0]), lib.tensor([1.0, 2.0])",
    "index_reduce": "lib.ones(3), 0, lib.tensor([0, 0]), lib.tensor([2.0, 3.0]), 'prod'",
    "narrow_copy": "lib.arange(3.0), 0, 1, 2",
    "unfold_copy": "lib.arange(3.0), 0, 2, 1",
    "slice_copy": "lib.arange(5.0), 0, 1, None, 2",
    "view_as_complex_copy": "lib.arange(4.0).reshape(2, 2)",
    "nonzero_static": "lib.tensor([0.0, 3.0, 5.0]), size=3",
    "range": "0, 3",
}


def written(lib: Any, call: str, target: str) -> Any:
    """What is in the target after the call, and how it was said, or the type of the error."""
    function, _, inside = call.partition(" ")
    made = eval(f"lib.{function}({inside})", {"lib": lib})
    out = eval(target, {"lib": lib, "dtype": made.dtype, "shape": made.shape})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = eval(f"lib.{function}({inside}, out=out)", {"lib": lib, "out": out})
        except (RuntimeError, TypeError, NotImplementedError) as error:
            return type(error).__name__
    said = [w for w in caught if "elements was resized" in str(w.message)]
    return found is out, str(found.dtype), found.tolist(), found.stride(), len(said)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.filterwarnings("ignore:torch.range is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:index_reduce.. is in beta:UserWarning")
def test_what_is_written(name: str, target: str) -> None:
    call = f"{name} {WRITTEN[name]}"
    ours, theirs = (written(lib, call, TARGETS[target]) for lib in (pb, torch))
    if name in ("narrow_copy", "range") and target == "of another size":
        assert (ours[-1], theirs[-1]) == (1, 0)  # PyTorch does not say that it resized
        ours, theirs = ours[:-1], theirs[:-1]
    if name == "narrow_copy" and target == "with gaps":
        assert theirs[2] != ours[2] == [1, 2]  # PyTorch takes the memory for one without gaps
    else:
        assert ours == theirs


def test_ldexp_by_integers_is_cast() -> None:
    """PyTorch asserts inside."""
    out = pb.zeros(0, dtype=pb.float64)
    pb.ldexp(pb.tensor([0.5, 3.0]), pb.tensor([1, 2]), out=out)
    assert out.tolist() == [1, 12]
    with pytest.raises(RuntimeError, match="can't be cast"):
        pb.ldexp(pb.tensor([0.5]), pb.tensor([1]), out=pb.zeros(1, dtype=pb.int32))


@pytest.mark.parametrize("name", ["renorm", "ldexp", "index_reduce"])
def test_an_operand_that_is_the_target(name: str) -> None:
    found = []
    for lib in (pb, torch):
        args = eval(f"[{WRITTEN[name]}]", {"lib": lib})
        assert getattr(lib, name)(*args, out=args[0]) is args[0]
        found.append(args[0].tolist())
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_part_of_the_operand_that_is_the_target() -> None:
    x = pb.arange(5.0)
    pb.slice_copy(x, 0, 1, 4, out=x[:3])
    assert x.tolist() == [1, 2, 3, 3, 4]
