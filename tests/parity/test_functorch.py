"""functorch, and the younger functions of torch.func, beside torch's."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from parity_both import close, plain, same
from pullback import functorch as ours

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    theirs = importlib.import_module("functorch")

REARRANGE = [
    ((2, 3, 4), "a b c -> (c a) b", {}),
    ((2, 6), "a (b c) -> b (a c)", {"c": 2}),
    ((2, 6), "a (b c) -> b a c", {"b": 2}),
    ((2, 3, 4), "a ... -> ... a", {}),
    ((2, 3, 4), "a ... -> (...) a", {}),
    ((2,), "a ... -> ... a", {}),
    ((2, 3, 1), "a b () -> a b", {}),
    ((2, 3, 4), "a b c -> a b c", {}),
    ((2, 3, 4), "... -> ...", {}),
]


# Patterns that do not fit; torch's errors are of several kinds.
UNFITTING = [
    ((2, 3), "a b -> a", {}),
    ((2, 3), "a b c -> a b c", {}),
    ((2, 3), "a (b c) -> a b c", {}),
    ((2, 3), "a b", {}),
    ((2, 3), "a a -> a", {}),
    ((2, 3), "a b -> b a", {"c": 2}),
    ((2, 3), "a b -> b a _", {}),
]


@pytest.mark.parametrize(("shape", "pattern", "sizes"), REARRANGE)
def test_rearrange(shape: tuple[int, ...], pattern: str, sizes: dict[str, int]) -> None:
    call = f"torch.arange({pb.Size(shape).numel()}.).view({shape})"
    same(f"torch.func.rearrange({call}, {pattern!r}, **{sizes})")


@pytest.mark.parametrize(("shape", "pattern", "sizes"), UNFITTING)
def test_rearrange_refuses(shape: tuple[int, ...], pattern: str, sizes: dict[str, int]) -> None:
    for library, kind in ((torch, Exception), (pb, ValueError)):
        with pytest.raises(kind, match=r"\w"):
            library.func.rearrange(library.zeros(shape), pattern, **sizes)


def test_rearrange_beyond_torch() -> None:
    """A 1 on the right, and three names in one dimension of which one is inferred."""
    assert pb.func.rearrange(pb.ones(2, 3, 1), "a b 1 -> a 1 b").shape == (2, 1, 3)
    x = pb.func.rearrange(pb.arange(12), "(a b c) -> c b a", a=2, c=3)
    assert x.equal(pb.arange(12).view(2, 2, 3).permute(2, 1, 0))


def test_rearrange_of_a_list_and_its_gradient() -> None:
    x = pb.ones(2, 3, requires_grad=True)
    y = pb.func.rearrange([x, 2 * x], "n a b -> a (n b)")
    assert y.shape == (2, 6)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0] * 3] * 2


@pytest.mark.parametrize(
    "pattern", ["a (b -> a b", "a b) -> a b", "((a) b) -> a b", "(a ...) -> a"]
)
def test_patterns_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"rearrange|dimensions"):
        pb.func.rearrange(pb.ones(2, 3), pattern)


def models(library: Any, n: int = 3) -> list[Any]:
    library.manual_seed(0)
    return [
        library.nn.Sequential(library.nn.Linear(2, 3), library.nn.Tanh(), library.nn.Linear(3, 1))
        for _ in range(n)
    ]


def both(run: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert close(plain(run(pb, ours)), plain(run(torch, theirs)))


def test_make_functional() -> None:
    def run(library: Any, functorch: Any) -> Any:
        model = models(library)[0]
        f, params = functorch.make_functional(model)
        x = library.ones(4, 2)
        grads = functorch.grad(lambda p: f(p, x).square().sum())(params)
        kept = params[0] is model[0].weight
        g, params2, buffers = functorch.make_functional_with_buffers(model, True)
        again = g(params2, buffers, x)
        wants = [p.requires_grad for p in (*params, *params2)]
        return f(params, x), grads, kept, f.param_names, again, wants, len(buffers)

    both(run)


def test_make_functional_with_buffers_of_a_module() -> None:
    def run(library: Any, functorch: Any) -> Any:
        class Shift(library.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.weight = library.nn.Parameter(library.ones(2))
                self.tied = self.weight
                self.register_buffer("shift", library.ones(2))

            def forward(self, x: Any) -> Any:
                return x * self.weight + self.tied + self.shift

        f, params, buffers = functorch.make_functional_with_buffers(Shift())
        try:
            functorch.make_functional(Shift())
            refused = False
        except RuntimeError:
            refused = True
        x = library.arange(2.0)
        return len(params), f([2 * p for p in params], [3 * b for b in buffers], x), refused

    both(run)


def test_an_ensemble() -> None:
    def run(library: Any, functorch: Any) -> Any:
        f, params, buffers = functorch.combine_state_for_ensemble(models(library))
        out = functorch.vmap(f, (0, 0, None))(params, buffers, library.ones(4, 2))
        return out, [p.requires_grad for p in params], [p.is_leaf for p in params], buffers

    both(run)
    with pytest.raises(RuntimeError, match="at least one model"):
        ours.combine_state_for_ensemble([])
    with pytest.raises(RuntimeError, match="of the same class"):
        ours.combine_state_for_ensemble([pb.nn.Linear(1, 1), pb.nn.Tanh()])
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        ours.combine_state_for_ensemble([pb.nn.Tanh(), pb.nn.Tanh().eval()])


@pytest.mark.parametrize("chunks", [1, 2, 3, 7])
def test_chunk_vmap(chunks: int) -> None:
    def run(library: Any, functorch: Any) -> Any:
        apis = importlib.import_module(
            "pullback._functorch.apis" if library is pb else "torch._functorch.apis"
        )
        f = apis.chunk_vmap(library.dot, in_dims=(0, None), chunks=chunks)
        return f(library.arange(10.0).view(5, 2), library.ones(2))

    both(run)


def test_functionalize() -> None:
    same("torch.func.functionalize(lambda x: (x + 1).mul_(2))(torch.ones(2))")
    same("torch.func.functionalize(lambda x: x, remove='a')(torch.ones(1))")
    call = "torch.func.functionalize(lambda x: x.clone().mul_(x).sum())"
    same(f"torch.func.grad({call})(torch.ones(2))")
    with pytest.raises(TypeError, match="func"):
        pb.func.functionalize(3)


def test_debug_unwrap() -> None:
    for recurse in (True, False):
        same(
            "seen = []\n"
            "def f(x):\n"
            f"    seen.append(torch.func.debug_unwrap(x, recurse={recurse}).shape)\n"
            "    return x\n"
            "out = torch.vmap(torch.vmap(f))(torch.ones(2, 3, 4))\n"
            "list(seen[0]), torch.func.debug_unwrap(torch.ones(2))"
        )


def test_graphs_are_refused() -> None:
    from pullback.functorch import compile

    for f in (ours.make_fx, *(getattr(compile, name) for name in compile.__all__)):
        with pytest.raises(NotImplementedError, match=r"torch\.functorch\..*it runs eagerly"):
            f(abs)


def test_every_name_is_here() -> None:
    assert set(theirs.__all__ if hasattr(theirs, "__all__") else ()) <= set(dir(ours))
    known = {n for n, v in vars(theirs).items() if n[0] != "_" and callable(v)}
    assert known <= set(dir(ours))
    assert set(torch.func.__all__) <= set(pb.func.__all__)
    modules = ("apis", "vmap", "eager_transforms", "functional_call", "make_functional")
    for module in (*modules, "batch_norm_replacement", "deprecated", "python_key"):
        assert importlib.import_module(f"pullback._functorch.{module}").__all__
        assert importlib.import_module(f"torch._functorch.{module}")


def test_the_package_of_an_installed_torch_is_not_picked_up() -> None:
    """Also where pullback is put in place of torch by hand, ``functorch`` is pullback's."""
    code = (
        "import sys\n"
        "import pullback\n"
        "sys.modules['torch'] = pullback\n"
        "import torch.nn\n"
        "import functorch\n"
        "assert 'pullback' in functorch.__file__\n"
        "print(functorch.grad(lambda x: x ** 2)(pullback.tensor(3.0)).item())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(pb.__file__).parent.parent)},
    )
    assert (done.stdout, done.stderr) == ("6.0\n", "")
