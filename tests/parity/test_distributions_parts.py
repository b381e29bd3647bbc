"""Transforms, constraints and registries beside torch; and that no name of torch is missing."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LIBRARIES = (pb, torch)
MODULES = [
    "distributions",
    "distributions.constraints",
    "distributions.transforms",
    "distributions.kl",
    "distributions.constraint_registry",
    "distributions.utils",
]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_torch_is_there(module: str) -> None:
    ours = importlib.import_module(f"pullback.{module}")
    theirs = importlib.import_module(f"torch.{module}")
    wanted = getattr(theirs, "__all__", [])
    assert [name for name in wanted if not hasattr(ours, name)] == []
    assert set(wanted) <= set(getattr(ours, "__all__", wanted))


def test_every_module_of_torch_is_there() -> None:
    import pkgutil

    found = [m.name for m in pkgutil.iter_modules(torch.distributions.__path__)]
    for name in found:
        theirs = importlib.import_module(f"torch.distributions.{name}")
        ours = importlib.import_module(f"pullback.distributions.{name}")
        missing = [n for n in getattr(theirs, "__all__", []) if not hasattr(ours, n)]
        assert missing == [], name


def test_every_public_member_is_there() -> None:
    for name in torch.distributions.__all__:
        theirs = getattr(torch.distributions, name)
        ours = getattr(pb.distributions, name)
        if isinstance(theirs, type):
            wanted = {m for m in dir(theirs) if not m.startswith("_")}
            assert wanted <= set(dir(ours)) | {"loc", "scale"}, name


# An expression and an argument for it.
TRANSFORMS = {
    "T.ExpTransform()": [0.3, -1.0, 2.0],
    "T.PowerTransform(t(2.0))": [0.3, 1.0, 2.0],
    "T.PowerTransform(t([2.0, 0.5, -1.0]))": [0.3, 1.0, 2.0],
    "T.SigmoidTransform()": [0.3, -1.0, 2.0],
    "T.TanhTransform()": [0.3, -1.0, 2.0],
    "T.SoftplusTransform()": [0.3, -1.0, 2.0],
    "T.AffineTransform(1.0, -2.0)": [0.3, -1.0, 2.0],
    "T.AffineTransform(t([1.0, 2.0, 3.0]), t(2.0))": [0.3, -1.0, 2.0],
    "T.AffineTransform(0.0, t([1.0, 2.0, 3.0]), event_dim=1)": [[0.3, -1.0, 2.0]],
    "T.StickBreakingTransform()": [[0.3, -1.0, 2.0], [0.0, 1.0, -1.0]],
    "T.SoftmaxTransform()": [[0.3, -1.0, 2.0]],
    "T.CorrCholeskyTransform()": [[0.3, -1.0, 2.0], [0.0, 1.0, -1.0]],
    "T.LowerCholeskyTransform()": [[0.3, -1.0], [0.2, 2.0]],
    "T.PositiveDefiniteTransform()": [[0.3, -1.0], [0.2, 2.0]],
    "T.AbsTransform()": [0.3, -1.0, 2.0],
    "T.ComposeTransform([T.ExpTransform(), T.AffineTransform(0.0, 2.0)])": [0.3, -1.0],
    "T.ComposeTransform([T.AffineTransform(0.0, 2.0), T.StickBreakingTransform()])": [[0.3, -1.0]],
    "T.ComposeTransform([T.StickBreakingTransform(), T.AffineTransform(0.0, 2.0)])": [[0.3, -1.0]],
    "T.IndependentTransform(T.ExpTransform(), 1)": [[0.3, -1.0], [1.0, 2.0]],
    "T.ReshapeTransform((2,), (2, 1))": [[0.3, -1.0], [1.0, 2.0]],
    "T.CatTransform([T.ExpTransform(), T.TanhTransform()], 0, [1, 2])": [0.3, -1.0, 2.0],
    "T.CatTransform([T.ExpTransform(), T.TanhTransform()], -1, [1, 2])": [[0.3, -1.0, 2.0]],
    "T.StackTransform([T.ExpTransform(), T.TanhTransform()], -1)": [[0.3, -1.0]],
    "T.CumulativeDistributionTransform(D.Normal(0.0, 1.0))": [0.3, -1.0],
    "T.identity_transform": [0.3, -1.0],
}


def made(lib: Any, expression: str) -> Any:
    d = lib.distributions
    return eval(expression, {"D": d, "T": d.transforms, "C": d.constraints, "t": lib.tensor})


def attribute(transform: Any, name: str) -> str:
    try:
        return repr(getattr(transform, name))
    except NotImplementedError:
        return "NotImplementedError"


def walk(lib: Any, transform: Any, argument: Any) -> list[Any]:
    """Values, inverses, slopes and gradients."""
    x = lib.tensor(argument, requires_grad=True)
    y = transform(x)
    back = transform.inv(y)
    found = [y, back, lib.autograd.grad(y.sum(), x, retain_graph=True)[0]]
    try:
        slope = transform.log_abs_det_jacobian(x, y)
    except NotImplementedError:
        slope = None
    if slope is not None:
        found += [slope, transform.inv.log_abs_det_jacobian(y, back)]
        if slope.requires_grad:
            found.append(lib.autograd.grad(slope.sum(), x)[0])
    shapes = [transform.forward_shape(x.shape), transform.inverse_shape(y.shape)]
    return [v.detach().numpy() for v in found] + [np.array(tuple(s)) for s in shapes]


@pytest.mark.parametrize("expression", TRANSFORMS)
def test_transforms(expression: str) -> None:
    ours, theirs = (made(lib, expression) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    for name in ("domain", "codomain", "bijective", "sign", "inv"):
        assert attribute(ours, name) == attribute(theirs, name), name
    pairs = zip(
        *(
            walk(lib, t, TRANSFORMS[expression])
            for lib, t in zip(LIBRARIES, (ours, theirs), strict=True)
        ),
        strict=True,
    )
    for index, (a, b) in enumerate(pairs):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6, err_msg=f"{expression} {index}")
    again = pickle.loads(pickle.dumps(ours))
    x = pb.tensor(TRANSFORMS[expression])
    assert bool((again(x) == ours(x)).all())
    equal = (ours == made(pb, expression), theirs == made(torch, expression))
    assert equal[0] == equal[1]


@pytest.mark.parametrize("expression", [e for e in TRANSFORMS if e != "T.identity_transform"])
def test_a_cache_gives_back_the_same_tensors(expression: str) -> None:
    for lib in LIBRARIES:
        transform = made(lib, expression).with_cache(1)
        x = lib.tensor(TRANSFORMS[expression])
        y = transform(x)
        assert transform(x) is y
        assert transform.inv(y) is x
        assert transform.with_cache(1) is transform
        assert transform.inv.inv is transform


CONSTRAINTS = {
    "C.boolean": [0.0, 1.0, 0.5],
    "C.one_hot": [[1.0, 0.0], [1.0, 1.0], [0.5, 0.5]],
    "C.nonnegative_integer": [0.0, 2.0, -1.0, 0.5],
    "C.positive_integer": [0.0, 2.0, 0.5],
    "C.integer_interval(0, 2)": [0.0, 2.0, 3.0, 0.5],
    "C.real": [0.0, float("nan"), float("inf")],
    "C.real_vector": [[0.0, float("nan")], [1.0, 2.0]],
    "C.positive": [0.0, 1.0, -1.0],
    "C.nonnegative": [0.0, 1.0, -1.0],
    "C.greater_than(1.0)": [0.0, 1.0, 2.0],
    "C.greater_than_eq(t(1.0))": [0.0, 1.0, 2.0],
    "C.less_than(1.0)": [0.0, 1.0, 2.0],
    "C.unit_interval": [0.0, 1.0, 2.0],
    "C.interval(-1.0, 1.0)": [0.0, 1.0, 2.0],
    "C.half_open_interval(-1.0, 1.0)": [-1.0, 1.0, 2.0],
    "C.simplex": [[0.5, 0.5], [0.5, 0.4], [1.5, -0.5]],
    "C.multinomial(3)": [[1.0, 2.0], [1.0, 1.0], [4.0, -1.0]],
    "C.lower_triangular": [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 1.0], [2.0, 1.0]]],
    "C.lower_cholesky": [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [2.0, -1.0]]],
    "C.corr_cholesky": [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.9]]],
    "C.square": [[1.0, 0.0], [2.0, 1.0]],
    "C.symmetric": [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [2.0, 1.0]]],
    "C.positive_definite": [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]],
    "C.positive_semidefinite": [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]],
    "C.independent(C.positive, 1)": [[1.0, 2.0], [1.0, -2.0]],
    "C.cat([C.positive, C.real], -1, [1, 2])": [[1.0, -2.0, 1.0], [-1.0, 2.0, 0.0]],
    "C.stack([C.positive, C.real], -1)": [[1.0, -2.0], [-1.0, 2.0]],
    "C.MixtureSameFamilyConstraint(C.positive)": [1.0, -1.0],
}


@pytest.mark.parametrize("expression", CONSTRAINTS)
def test_constraints(expression: str) -> None:
    ours, theirs = (made(lib, expression) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    for name in ("is_discrete", "event_dim"):
        assert getattr(ours, name) == getattr(theirs, name)
    value = CONSTRAINTS[expression]
    assert ours.check(pb.tensor(value)).tolist() == theirs.check(torch.tensor(value)).tolist()


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("expression", CONSTRAINTS)
def test_registries(expression: str, registry: str) -> None:
    found = []
    for lib in LIBRARIES:
        constraint = made(lib, expression)
        try:
            transform = getattr(lib.distributions, registry)(constraint)
        except NotImplementedError as error:
            found.append([str(error)])
            continue
        sizes = {2: (3, 3), 1: (3,)}.get(transform.domain.event_dim, (2,))
        sizes = (2, 3) if "cat" in expression else (2,) if "stack" in expression else sizes
        x = lib.linspace(-1.0, 1.0, int(np.prod(sizes))).reshape(sizes)
        y = transform(x)
        assert bool(constraint.check(y).all())
        found.append([repr(transform), y.numpy().round(4).tolist()])
    assert found[0] == found[1]


def test_a_constraint_of_ones_own_is_registered() -> None:
    for lib in LIBRARIES:
        d = lib.distributions

        class Even(d.constraints.Constraint):  # type: ignore[misc, name-defined]
            pass

        @d.biject_to.register(Even)
        def to_even(constraint: Any, d: Any = d) -> Any:
            return d.transforms.AffineTransform(0, 2)

        assert d.biject_to(Even())(lib.tensor(3.0)) == 6
        del d.biject_to._registry[Even]
