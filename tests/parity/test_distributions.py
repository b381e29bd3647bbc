"""Distributions beside torch, over random parameters: ``PULLBACK_DISTRIBUTIONS`` combinations."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from distribution_cases import TABLE, arguments

torch = pytest.importorskip("torch")

COUNT = int(os.environ.get("PULLBACK_DISTRIBUTIONS", "800"))
FIRST = int(os.environ.get("PULLBACK_DISTRIBUTIONS_FIRST", "0"))
EACH = max(1, COUNT // len(TABLE))

# What torch computes with a few digits only: the paths of gamma and beta numbers.
ROUGH = {
    "Beta",
    "Chi2",
    "Dirichlet",
    "FisherSnedecor",
    "Gamma",
    "InverseGamma",
    "StudentT",
}


def outcome(call: Callable[[], Any]) -> Any:
    """What it returns, or the type and the text of its error."""
    try:
        return call()
    except (ValueError, NotImplementedError, RuntimeError, TypeError) as error:
        return type(error), str(error).replace("pullback.", "torch.")


def same(ours: Any, theirs: Any, what: str, rtol: float, atol: float) -> None:
    if isinstance(theirs, tuple) and isinstance(theirs[0], type):
        assert ours == theirs, what
        return
    assert not isinstance(ours, tuple), (what, ours, theirs)
    assert str(ours.dtype) == str(theirs.dtype), what
    assert tuple(ours.shape) == tuple(theirs.shape), what
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


LIBRARIES = (pb, torch)
MOMENTS = ("mean", "mode", "variance", "stddev")
FUNCTIONS = ("entropy", "perplexity")


def tolerance(dtype: str) -> tuple[float, float]:
    return (2e-4, 2e-5) if dtype == "float32" else (1e-7, 1e-9)


def seeds(name: str) -> range:
    return range(FIRST, FIRST + EACH)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def value_for(theirs: Any, seed: int) -> np.ndarray[Any, Any]:
    """A value of the support."""
    torch.manual_seed(seed)
    shape = [(), (2,)][seed % 2]
    value: np.ndarray[Any, Any] = theirs.sample(shape).numpy()
    return value


def tensor(lib: Any, value: np.ndarray[Any, Any]) -> Any:
    made = lib.tensor(value.tolist(), dtype=getattr(lib, str(value.dtype)))
    return made.reshape(value.shape)


def called(distribution: Any, function: str, value: Any) -> Any:
    return outcome(lambda: getattr(distribution, function)(value))


@pytest.mark.parametrize("name", TABLE)
def test_values(name: str) -> None:
    for seed in seeds(name):
        case = arguments(name, seed)
        rtol, atol = tolerance(case.dtype)
        ours, theirs = case.build(pb), case.build(torch)
        what = f"{name} {seed} {theirs}"
        assert repr(ours) == repr(theirs)
        for shape in ("batch_shape", "event_shape"):
            assert tuple(getattr(ours, shape)) == tuple(getattr(theirs, shape)), what
        for moment in MOMENTS:
            pair = [outcome(lambda d=d, m=moment: getattr(d, m)) for d in (ours, theirs)]
            same(*pair, f"{what}: {moment}", rtol, atol)
        for function in FUNCTIONS:
            pair = [outcome(lambda d=d, f=function: getattr(d, f)()) for d in (ours, theirs)]
            # torch's sum for the multinomial entropy is good to six digits.
            loose = 100 if name == "Multinomial" else 10
            same(*pair, f"{what}: {function}", rtol * loose, atol * loose)
        inside = np.random.default_rng(seed).uniform(0.05, 0.95, size=tuple(theirs.batch_shape))
        at = {"log_prob": value_for(theirs, seed), "icdf": inside.astype(case.dtype)}
        for function in ("log_prob", "cdf", "icdf"):
            value = at.get(function, at["log_prob"])
            pair = [
                called(d, function, tensor(lib, value))
                for d, lib in zip((ours, theirs), LIBRARIES, strict=True)
            ]
            same(*pair, f"{what}: {function}", rtol, atol)
        if ours.has_enumerate_support:
            for full in (True, False):
                pair = [outcome(lambda d=d, e=full: d.enumerate_support(e)) for d in (ours, theirs)]
                same(*pair, f"{what}: enumerate_support", 0, 0)


@pytest.mark.parametrize("name", TABLE)
def test_samples_of_a_seed(name: str) -> None:
    for seed in seeds(name):
        case = arguments(name, seed)
        rtol, atol = tolerance(case.dtype)
        shape = [(), (3,), (2, 2), (20,)][seed % 4]
        drawn = []
        for lib in LIBRARIES:
            distribution = case.build(lib)
            lib.manual_seed(case.seed)
            drawn.append((distribution.sample(shape), lib.rand(2).tolist()))
        (ours, after), (theirs, after_theirs) = drawn
        # Normal numbers differ in the last digits; elements of Wishart matrices are differences.
        same(ours, theirs, f"{name} {seed}", rtol, max(atol, 1e-6 if name == "Wishart" else 1e-7))
        assert after == after_theirs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gamma_numbers_are_the_same(dtype: str) -> None:
    """To the last digits: a third and what is made of the shape have the precision of torch's."""
    drawn = []
    for lib in LIBRARIES:
        lib.manual_seed(3)
        shape = lib.tensor([0.05, 0.3, 0.9, 1.0, 2.5, 30.0, 1000.0], dtype=getattr(lib, dtype))
        drawn.append(lib._standard_gamma(shape.expand(500, 7)).numpy())
    np.testing.assert_allclose(*drawn, rtol=4 * np.finfo(dtype).eps)


def gradients(lib: Any, case: Any, loss: Callable[[Any], Any]) -> list[Any]:
    made = case.of(lib, grad=True)
    distribution = getattr(lib.distributions, case.name)(**made)
    leaves = [v for v in made.values() if isinstance(v, lib.Tensor) and v.requires_grad]
    lib.manual_seed(case.seed)
    result = loss(distribution)
    if not leaves or not result.requires_grad:
        return [None if not leaves else result.requires_grad]
    grads = lib.autograd.grad(result, leaves, allow_unused=True)
    return [g if g is None else g.numpy() for g in grads]


def compare_gradients(found: list[list[Any]], what: str, rtol: float, atol: float) -> None:
    for ours, theirs in zip(*found, strict=True):
        if theirs is None or isinstance(theirs, bool):
            assert ours is theirs, what
            continue
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


# torch's graph of a Wishart sample is broken by a write into a mask: see test_distributions.py.
@pytest.mark.parametrize("name", sorted(TABLE.keys() - {"Wishart"}))
def test_gradients_of_samples(name: str) -> None:
    for seed in seeds(name):
        case = arguments(name, seed)
        if not getattr(case.build(torch), "has_rsample", False):
            continue
        rtol, atol = tolerance(case.dtype)
        if name in ROUGH:
            rtol, atol = 1e-4, 4e-5

        def loss(distribution: Any) -> Any:
            drawn = distribution.rsample((2,)).reshape(-1)
            lib = pb if isinstance(drawn, pb.Tensor) else torch
            return (drawn * lib.linspace(-0.5, 1.5, drawn.numel(), dtype=drawn.dtype)).sum()

        found = [gradients(lib, case, loss) for lib in LIBRARIES]
        compare_gradients(found, f"{name} {seed}", rtol * 10, atol * 10)


@pytest.mark.parametrize("name", TABLE)
def test_gradients_of_log_prob(name: str) -> None:
    for seed in seeds(name):
        case = arguments(name, seed)
        rtol, atol = tolerance(case.dtype)
        value = value_for(case.build(torch), seed)
        found = []
        for lib in LIBRARIES:
            at = tensor(lib, value)
            found.append(gradients(lib, case, lambda d, at=at: d.log_prob(at).sum()))
        if "scale_tril" in case.values:
            # torch gives what is above the diagonal a gradient though nothing reads it.
            found = [[np.tril(g) if np.ndim(g) > 1 else g for g in each] for each in found]
        compare_gradients(found, f"{name} {seed}", rtol * 20, atol * 20)


def log_prob(distribution: Any, value: Any) -> Any:
    return outcome(lambda: distribution.log_prob(value))


@pytest.mark.parametrize("name", TABLE)
def test_expanded_and_pickled(name: str) -> None:
    for seed in seeds(name):
        case = arguments(name, seed)
        rtol, atol = tolerance(case.dtype)
        ours, theirs = case.build(pb), case.build(torch)
        batch = (2, *theirs.batch_shape)
        wide, theirs_wide = ours.expand(batch), theirs.expand(batch)
        assert repr(wide) == repr(theirs_wide)
        assert tuple(wide.batch_shape) == batch
        assert wide.event_shape == ours.event_shape
        value = value_for(theirs, seed)
        at = tensor(pb, value)
        found = log_prob(wide, at)
        same(found, log_prob(theirs_wide, tensor(torch, value)), f"{name} {seed}", rtol, atol)
        again = pickle.loads(pickle.dumps(ours))
        same(log_prob(again, at), log_prob(ours, at), name, 0, 0)
        assert repr(again) == repr(ours)
