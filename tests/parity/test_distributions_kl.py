"""Divergences between every registered pair, beside torch and beside the definition."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb
from distribution_cases import TABLE, Arguments, arguments
from pullback.distributions.kl import _KL_REGISTRY as OURS

torch = pytest.importorskip("torch")
THEIRS = importlib.import_module("torch.distributions.kl")._KL_REGISTRY

EACH = max(3, int(os.environ.get("PULLBACK_DISTRIBUTIONS", "800")) // 100)
PAIRS = sorted((p.__name__, q.__name__) for p, q in THEIRS)
LIBRARIES = (pb, torch)
# Pairs that are covered by the rule of a type that stands for many.
GENERAL = {"ExponentialFamily", "TransformedDistribution", "Independent"}


def test_every_pair_of_torch_is_registered() -> None:
    assert {(p.__name__, q.__name__) for p, q in OURS} >= set(PAIRS)


def outcome(lib: Any, p: Any, q: Any) -> Any:
    try:
        return lib.distributions.kl_divergence(p, q)
    except (NotImplementedError, ValueError) as error:
        return type(error), str(error)


def compare(ours: Any, theirs: Any, what: str, rtol: float) -> None:
    if isinstance(theirs, tuple):
        assert ours == theirs, what
        return
    assert tuple(ours.shape) == tuple(theirs.shape), what
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=what)


def widened(name: str, case: Arguments, seed: int) -> Arguments:
    """Uniform distributions that reach beyond [0, 1], or stay inside of it."""
    if name != "Uniform":
        return case
    low, high = [(-0.5, 1.5), (0.25, 0.75), (0.1, 2.5)][seed % 3]
    return Arguments("Uniform", {"low": np.array([low]), "high": np.array([high])}, case.dtype, 0)


def built(lib: Any, cases: list[Arguments]) -> Any:
    """The divergence, or None where the shapes are refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return outcome(lib, *(c.build(lib) for c in cases))
        except (RuntimeError, IndexError):
            return None


@pytest.mark.parametrize("pair", [p for p in PAIRS if not GENERAL & set(p)], ids="-".join)
def test_pairs(pair: tuple[str, str]) -> None:
    compared = 0
    for seed in range(EACH):
        # Some of torch's rules write into masks, for which the shapes must be equal.
        whole = (4,) if seed % 2 else None
        cases = [widened(n, arguments(n, 3 * seed + i, whole), seed) for i, n in enumerate(pair)]
        cases = [Arguments(c.name, c.values, "float64", c.seed) for c in cases]
        if whole:
            for case in cases:
                if case.name == "Uniform":
                    case.values.update({k: np.repeat(v, 4) for k, v in case.values.items()})
        ours, theirs = (built(lib, cases) for lib in LIBRARIES)
        if theirs is None:
            continue
        compared += 1
        what = f"{pair} {seed} {cases}"
        assert ours is not None, what
        compare(ours, theirs, what, 2e-6)
    assert compared > 0


def made(lib: Any, kind: str) -> tuple[Any, Any]:
    d = lib.distributions
    a, b = lib.tensor([0.5, 1.5]), lib.tensor([[1.0], [2.0]])
    if kind == "independent":
        return d.Independent(d.Normal(a, 1.0), 1), d.Independent(d.Normal(b.T, 2.0), 1)
    if kind == "transformed":
        return d.LogNormal(a, b), d.LogNormal(0.5, 2.0)
    if kind == "half normal":
        return d.HalfNormal(a), d.HalfNormal(b)
    if kind == "derived":
        return d.Chi2(a), d.Chi2(b)
    if kind == "derived of one side":
        return d.Chi2(a), d.Gamma(a, b)
    if kind == "families":
        return d.Normal(a, b), d.Poisson(a)
    if kind == "unlike":
        return d.Categorical(a), d.Normal(a, b)
    if kind == "other transforms":
        return d.LogNormal(a, b), d.Gumbel(a, b)
    if kind == "other counts":
        return d.Binomial(3, a / 2), d.Binomial(2, a / 2)
    certain = lib.tensor([0.0, 1.0, 0.5, 0.0, 0.5])
    return d.Bernoulli(certain), d.Bernoulli(lib.tensor([0.0, 1.0, 0.3, 1.0, 0.0]))


KINDS = [
    "independent",
    "transformed",
    "half normal",
    "derived",
    "derived of one side",
    "families",
    "unlike",
    "other transforms",
    "other counts",
    "certain",
]


@pytest.mark.parametrize("kind", KINDS)
def test_general_rules(kind: str) -> None:
    compare(*(outcome(lib, *made(lib, kind)) for lib in LIBRARIES), kind, 1e-5)


@pytest.mark.parametrize("kind", ["independent", "transformed", "derived", "half normal"])
def test_gradients(kind: str) -> None:
    grads = []
    for lib in LIBRARIES:
        p, q = made(lib, kind)
        leaf = lib.tensor([1.3, 0.7], requires_grad=True)
        if kind == "transformed":
            p = lib.distributions.LogNormal(leaf, leaf)
        elif kind == "independent":
            p = lib.distributions.Independent(lib.distributions.Normal(leaf, leaf), 1)
        else:
            p = type(q)(leaf)
        lib.distributions.kl_divergence(p, q).sum().backward()
        grads.append(leaf.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-5)


def test_the_nearest_rule_is_used_and_ambiguity_warned_of() -> None:
    texts = []
    for lib in LIBRARIES:
        d = lib.distributions
        normal = d.Normal

        class Mine(normal):  # type: ignore[misc, valid-type]
            pass

        d.register_kl(Mine, normal)(lambda p, q: 1)
        d.register_kl(normal, Mine)(lambda p, q: 2)
        assert d.kl_divergence(Mine(0.0, 1.0), normal(0.0, 1.0)) == 1
        assert d.kl_divergence(normal(0.0, 1.0), Mine(0.0, 1.0)) == 2
        with pytest.warns(RuntimeWarning, match="Ambiguous") as found:
            assert d.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0)) == 1
        texts.append(str(found[0].message))
        registry = OURS if lib is pb else THEIRS
        del registry[Mine, normal], registry[normal, Mine]
    assert texts[0] == texts[1]


def test_names_are_tables() -> None:
    assert {p for pair in PAIRS for p in pair} <= set(TABLE) | GENERAL


def test_functions_for_a_class_beside_the_distributions() -> None:
    """Libraries register for a class of their own, which their distributions derive from, too."""
    for lib in LIBRARIES:
        d = lib.distributions

        class Own:
            pass

        class Mine(d.Exponential, Own):
            pass

        d.register_kl(Own, d.Laplace)(lambda p, q: "registered")
        assert d.kl_divergence(Mine(1.0), d.Laplace(0.0, 1.0)) == "registered"
        with pytest.raises(TypeError, match="must be a class"):
            d.register_kl(d.Normal, 3)
