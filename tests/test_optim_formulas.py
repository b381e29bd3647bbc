"""Every optimizer of the core against its formula in NumPy, as the papers have it.

The formulas are written by vectors over the whole history or step by step, without the core's words
and rounding; `PAPERS` says whose they are. tests/parity/test_optim.py compares with PyTorch.
"""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.optim import _rules

ROOT = Path(__file__).resolve().parent.parent
STEPS = 12


def grads_of(p: Any, t: int) -> Any:
    """A gradient that changes sign now and then."""
    return np.sin(3 * p + 0.7 * t) + 0.3 * p


class Formula:
    """A run: ``step(p, g, t)`` with the settings as attributes gives the next parameter."""

    def __init__(self, p: Any, settings: dict[str, Any]) -> None:
        self.__dict__.update(settings)
        zeros = np.zeros_like(p)
        self.m, self.v, self.top, self.u = zeros, zeros, zeros, zeros
        self.first = True
        self.product = 1.0
        self.begin(p)

    def begin(self, p: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:  # settings, by name
        raise AttributeError(name)

    def decayed(self, p: Any, g: Any) -> Any:
        return (-g if self.maximize else g) + self.weight_decay * p

    def moments(self, g: Any, t: int) -> tuple[Any, Any]:
        b1, b2 = self.betas
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g * g
        return self.m / (1 - b1**t), self.v / (1 - b2**t)


class SGD(Formula):
    """I. Sutskever et al., ICML 2013, in the form of torch's documentation."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = self.decayed(p, g)
        if self.momentum:
            self.m = g if t == 1 else self.momentum * self.m + (1 - self.dampening) * g
            g = g + self.momentum * self.m if self.nesterov else self.m
        return p - self.lr * g


class Adam(Formula):
    """Kingma and Ba, ICLR 2015, algorithm 1; Reddi et al., ICLR 2018, algorithm 2."""

    decoupled = False

    def step(self, p: Any, g: Any, t: int) -> Any:
        if self.decoupled or self.__dict__.get("decoupled_weight_decay"):
            p, g = p - self.lr * self.weight_decay * p, -g if self.maximize else g
        else:
            g = self.decayed(p, g)
        m, v = self.moments(g, t)
        if self.amsgrad:
            self.top = np.maximum(self.top, self.v)
            v = self.top / (1 - self.betas[1] ** t)
        return p - self.lr * m / (np.sqrt(v) + self.eps)


class AdamW(Adam):
    """Loshchilov and Hutter, ICLR 2019, algorithm 2."""

    decoupled = True


class Adamax(Formula):
    """Kingma and Ba, ICLR 2015, algorithm 2."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = self.decayed(p, g)
        b1, b2 = self.betas
        self.m = b1 * self.m + (1 - b1) * g
        self.u = np.maximum(b2 * self.u, abs(g) + self.eps)
        return p - self.lr / (1 - b1**t) * self.m / self.u


class NAdam(Formula):
    """Dozat, ICLR workshop 2016, algorithm 2, with the schedule of momentum of its section 3."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        if self.decoupled_weight_decay:
            p, g = p - self.lr * self.weight_decay * p, -g if self.maximize else g
        else:
            g = self.decayed(p, g)
        _, v = self.moments(g, t)
        mu, after = (
            self.betas[0] * (1 - 0.96 ** (n * self.momentum_decay) / 2) for n in (t, t + 1)
        )
        self.product *= mu
        ahead = after * self.m / (1 - self.product * after) + (1 - mu) * g / (1 - self.product)
        return p - self.lr * ahead / (np.sqrt(v) + self.eps)


class RAdam(Formula):
    """Liu et al., ICLR 2020, algorithm 2 (with 5 instead of 4, as in its reference code)."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        if self.decoupled_weight_decay:
            p, g = p - self.lr * self.weight_decay * p, -g if self.maximize else g
        else:
            g = self.decayed(p, g)
        m, _ = self.moments(g, t)
        b2 = self.betas[1]
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2**t / (1 - b2**t)
        if rho <= 5:
            return p - self.lr * m
        r = math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
        return p - self.lr * r * m * math.sqrt(1 - b2**t) / (np.sqrt(self.v) + self.eps)


class Adagrad(Formula):
    """Duchi, Hazan and Singer, JMLR 12 (2011), the diagonal form."""

    def begin(self, p: Any) -> None:
        self.v = np.full_like(p, self.initial_accumulator_value)

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = self.decayed(p, g)
        self.v = self.v + g * g
        return p - self.lr / (1 + (t - 1) * self.lr_decay) * g / (np.sqrt(self.v) + self.eps)


class Adadelta(Formula):
    """Zeiler, arXiv:1212.5701, algorithm 1."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = self.decayed(p, g)
        self.v = self.rho * self.v + (1 - self.rho) * g * g
        d = np.sqrt(self.u + self.eps) / np.sqrt(self.v + self.eps) * g
        self.u = self.rho * self.u + (1 - self.rho) * d * d
        return p - self.lr * d


class RMSprop(Formula):
    """Tieleman and Hinton, lecture 6.5, 2012; Graves, arXiv:1308.0850, equations 38 to 41."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = self.decayed(p, g)
        self.v = self.alpha * self.v + (1 - self.alpha) * g * g
        self.m = self.alpha * self.m + (1 - self.alpha) * g
        step = g / (np.sqrt(self.v - (self.m**2 if self.centered else 0)) + self.eps)
        self.u = self.momentum * self.u + step
        return p - self.lr * self.u


class ASGD(Formula):
    """Polyak and Juditsky, SIAM J. Control Optim. 30 (1992), with Bottou's falling rate."""

    def step(self, p: Any, g: Any, t: int) -> Any:
        eta = np.float32(self.lr / (1 + self.lambd * self.lr * (t - 1)) ** self.alpha)
        g = self.decayed(p, g)
        p = p - float(eta) * (g + self.lambd * p)
        n = t - 1 - self.t0
        self.m = p if n <= 1 else self.m + (p - self.m) * float(np.float32(1 / n))
        return p


class Rprop(Formula):
    """Igel and Huesken, NC 2000: iRprop-, element by element."""

    def begin(self, p: Any) -> None:
        self.u = np.full_like(p, self.lr)

    def step(self, p: Any, g: Any, t: int) -> Any:
        g = (-g if self.maximize else g).copy()
        p = p.copy()
        for i in np.ndindex(p.shape):
            if g[i] * self.m[i] > 0:
                self.u[i] = min(self.u[i] * self.etas[1], self.step_sizes[1])
            elif g[i] * self.m[i] < 0:
                self.u[i] = max(self.u[i] * self.etas[0], self.step_sizes[0])
                g[i] = 0
            p[i] -= np.sign(g[i]) * self.u[i]
        self.m = g
        return p


FORMULAS = {f.__name__: f for f in globals().values() if isinstance(f, type) and "step" in dir(f)}
GRID: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True},
    ],
    "Adam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.1, "amsgrad": True},
        {"lr": 0.1, "decoupled_weight_decay": True, "weight_decay": 0.2, "maximize": True},
    ],
    "AdamW": [{}, {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True}],
    "Adamax": [{}, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.1}],
    "NAdam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.7), "momentum_decay": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "decoupled_weight_decay": True, "weight_decay": 0.2, "maximize": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1},
        {"lr": 0.1, "decoupled_weight_decay": True, "weight_decay": 0.2, "maximize": True},
    ],
    "Adagrad": [{}, {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.5}],
    "Adadelta": [{}, {"lr": 9.0, "rho": 0.5, "eps": 0.01, "weight_decay": 0.1}],
    "RMSprop": [
        {},
        {"alpha": 0.5, "momentum": 0.5, "centered": True, "eps": 0.1, "weight_decay": 0.1},
        {"alpha": 0.5, "centered": True, "eps": 0.1, "maximize": True},
        {"alpha": 0.5, "momentum": 0.9},
    ],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.3, "alpha": 0.5, "t0": 3, "weight_decay": 0.1}],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.3, 1.6), "step_sizes": (0.02, 0.2), "maximize": True}],
}


def test_every_rule_has_a_formula_and_settings() -> None:
    names = {row["name"] for row in _rules.ROWS}
    assert names == FORMULAS.keys() - {"Formula"}
    assert names == GRID.keys()


@pytest.mark.parametrize(
    ("name", "settings"), [(name, each) for name, grid in GRID.items() for each in grid], ids=str
)
def test_steps_follow_the_formula(name: str, settings: dict[str, Any]) -> None:
    cls = getattr(pb.optim, name)
    start = np.linspace(-2.0, 2.0, 6).reshape(2, 3)
    p = pb.tensor(start.tolist(), dtype=pb.float64, requires_grad=True)
    optimizer = cls([p], **settings)
    formula = FORMULAS[name](start, optimizer.param_groups[0])
    expected = start
    for t in range(1, STEPS + 1):
        p.grad = pb.tensor(grads_of(expected, t).tolist(), dtype=pb.float64)
        optimizer.step()
        expected = formula.step(expected, grads_of(expected, t), t)
        # NAdam keeps the product of its momenta in float32, as torch does.
        np.testing.assert_allclose(p.tolist(), expected, rtol=1e-6 if name == "NAdam" else 1e-12)
    if name == "ASGD":
        np.testing.assert_allclose(optimizer.state[p]["ax"].tolist(), formula.m, rtol=1e-12)


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_narrow_parameters(name: str, dtype: str) -> None:
    """One step from numbers that the dtype has, rounded once."""
    start = np.array([-2.0, -0.5, 0.25, 1.0])
    g = np.array([0.5, -0.25, 2.0, -1.0])
    kind = getattr(pb, dtype)
    p = pb.tensor(start.tolist(), dtype=kind, requires_grad=True)
    p.grad = pb.tensor(g.tolist(), dtype=kind)
    optimizer = getattr(pb.optim, name)([p])
    expected = FORMULAS[name](start, optimizer.param_groups[0]).step(start, g, 1)
    optimizer.step()
    assert p.dtype == kind
    eps = pb.finfo(kind).eps
    np.testing.assert_allclose(p.tolist(), expected, rtol=eps, atol=eps / 4)
    like = [v for v in optimizer.state[p].values() if v.dim()]
    assert all(v.dtype == kind for v in like)


@pytest.mark.parametrize("name", GRID)
def test_settings_are_those_of_the_signature(name: str) -> None:
    cls = getattr(pb.optim, name)
    p = pb.ones(2, requires_grad=True)
    optimizer = cls([p])
    given = dict(inspect.signature(cls).parameters)
    assert given.pop("params").default is inspect.Parameter.empty
    assert optimizer.defaults.keys() | {"decoupled_weight_decay"} == given.keys() | {
        "decoupled_weight_decay"
    }
    for key, parameter in given.items():
        assert optimizer.param_groups[0][key] == parameter.default
    assert repr(optimizer).startswith(f"{name} (\nParameter Group 0\n")


@pytest.mark.parametrize("row", _rules.ROWS, ids=lambda row: row["name"])
def test_each_check_refuses_what_it_says(row: dict[str, Any]) -> None:
    """Every check of a rule has a case that it refuses, in torch's words."""
    bad: dict[str, dict[str, Any]] = {
        "Invalid learning rate": {"lr": -1.0},
        "Invalid momentum value": {"momentum": -1.0},
        "Invalid weight_decay": {"weight_decay": -1.0},
        "Nesterov momentum": {"nesterov": True},
        "lr as a Tensor": {"lr": pb.tensor(0.1), "foreach": True},
        "Invalid epsilon": {"eps": -1.0},
        "Invalid beta parameter at index 0": {"betas": (1.0, 0.9)},
        "Invalid beta parameter at index 1": {"betas": (0.9, 1.0)},
        "betas must be either": {"betas": (0, 0.9)},
        "Invalid rho": {"rho": 2.0},
        "Invalid lr_decay": {"lr_decay": -1.0},
        "Invalid initial_accumulator_value": {"initial_accumulator_value": -1.0},
        "Invalid momentum_decay": {"momentum_decay": -1.0},
        "Invalid alpha": {"alpha": -1.0},
        "Invalid eta values": {"etas": (1.5, 1.2)},
    }
    cls = getattr(pb.optim, row["name"])
    for _, message in row["checks"]:
        (settings,) = [v for k, v in bad.items() if message.startswith(k)]
        with pytest.raises(ValueError, match=message.split("{")[0].rstrip(": ")):
            cls([pb.ones(2, requires_grad=True)], **settings)
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        cls([pb.ones(2, requires_grad=True)], lr=pb.ones(2))


# --- steps that are recorded ---


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
        ("AdamW", {}),
        ("Adamax", {"maximize": True}),
        ("NAdam", {}),
        ("RAdam", {"betas": (0.5, 0.6)}),
        ("Adagrad", {}),
        ("Adadelta", {}),
        ("RMSprop", {"centered": True, "momentum": 0.5, "eps": 0.1}),
        ("ASGD", {"lambd": 0.1}),
        ("Rprop", {}),
    ],
)
def test_a_recorded_step_has_the_same_values_and_the_right_derivative(
    name: str, settings: dict[str, Any]
) -> None:
    cls = getattr(pb.optim, name)

    def run(p: Any, g: Any, recorded: bool) -> Any:
        optimizer = cls([p], differentiable=recorded, **settings)
        for scale in (1.0, 0.5, 2.0):
            p.grad = g * scale
            optimizer.step()
        return p

    start = pb.tensor([1.0, -2.0, 0.5], dtype=pb.float64)
    g = pb.tensor([0.3, -0.6, 1.1], dtype=pb.float64, requires_grad=True)
    plain = run(start.clone().requires_grad_(), g.detach(), False)

    def of(p0: Any, g: Any) -> Any:
        return run(p0.clone(), g, True)

    p0 = start.clone().requires_grad_()
    assert of(p0, g).tolist() == pytest.approx(plain.tolist(), rel=1e-12)
    assert pb.autograd.gradcheck(of, (p0, g), rtol=1e-4)


def test_settings_of_a_recorded_step_have_no_gradient() -> None:
    p = pb.ones(2) * 1
    p.grad = pb.ones(2)
    rate = pb.tensor(0.5, requires_grad=True)
    optimizer = pb.optim.SGD([p], lr=rate, differentiable=True)
    with pytest.raises(RuntimeError, match="lr requires a gradient"):
        optimizer.step()
    assert p.tolist() == [1.0, 1.0]
    beta = pb.tensor(0.5, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"betas\[1\] requires a gradient"):
        pb.optim.Adam([p], betas=(pb.tensor(0.5), beta), differentiable=True)
    optimizer.param_groups[0]["lr"] = rate.detach()
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_complex_element_is_two_real_ones(name: str, recorded: bool) -> None:
    pairs = pb.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=pb.float64)
    both = []
    for made in (pairs, pb.view_as_complex(pairs)):
        p = made.clone() if recorded else made.clone().requires_grad_()
        optimizer = getattr(pb.optim, name)([p], lr=0.1, differentiable=recorded)
        for scale in (1.0, -0.5):
            g = pairs.flip(0) * scale
            p.grad = g if made is pairs else pb.view_as_complex(g)
            optimizer.step()
        now = p.detach()
        both.append((now if made is pairs else pb.view_as_real(now)).tolist())
        assert all(v.dtype == p.dtype for v in optimizer.state[p].values() if v.dim())
    assert both[0] == both[1]


# --- one place ---


def test_an_optimizer_is_named_in_one_place() -> None:
    """Its file and the list; see NOTE [Optimizers]. What is generated does not count."""
    rules = ROOT / "csrc" / "kernels" / "optim" / "rules"
    if not rules.is_dir():
        pytest.skip("no sources")
    code = [
        path
        for folder in (ROOT / "csrc", ROOT / "python" / "pullback" / "optim")
        for path in folder.rglob("*")
        if path.suffix in {".h", ".cpp", ".py"} and path != rules / "all.h"
    ]
    texts = {path.name: path.read_text() for path in code}
    for name in ("Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD", "RMSprop"):
        named = re.compile(rf'"{name}"|(class|struct) {name}\b')
        found = [file for file, text in texts.items() if named.search(text)]
        assert found == [f"{name.lower()}.h"]
    for slot in ("acc_delta", "exp_inf", "mu_product", "grad_avg"):
        assert len([file for file, text in texts.items() if f'"{slot}"' in text]) == 1


# --- those that are no formula for one element ---


@pytest.mark.parametrize(
    "settings",
    [{}, {"lr": 0.5, "beta2_decay": -0.5, "eps": (0.1, 0.2), "d": 2.0, "weight_decay": 0.1}],
    ids=str,
)
@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 4), (5,), ()])
def test_adafactor(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    """Shazeer and Stern, ICML 2018: algorithms 2 (vectors), 4 (matrices) and 5 (relative steps)."""
    random = np.random.default_rng(0)
    expected = random.normal(size=shape)
    p = pb.tensor(expected.tolist(), dtype=pb.float64, requires_grad=True)
    optimizer = pb.optim.Adafactor([p], **settings)
    group = optimizer.param_groups[0]
    eps1, eps2 = group["eps"]
    eps1 = np.finfo(np.float64).eps if eps1 is None else eps1
    rows = columns = whole = 0.0

    def rms(x: Any) -> float:
        return math.sqrt((x**2).mean())

    for t in range(1, 6):
        g = random.normal(size=shape)
        p.grad = pb.tensor(g.tolist(), dtype=pb.float64)
        optimizer.step()
        beta2 = 1 - t ** group["beta2_decay"]
        alpha = max(eps2, rms(expected)) * min(group["lr"], 1 / math.sqrt(t))
        expected = expected - group["lr"] * group["weight_decay"] * expected
        if len(shape) > 1:
            rows = beta2 * rows + (1 - beta2) * (g**2).mean(-1, keepdims=True)
            columns = beta2 * columns + (1 - beta2) * (g**2).mean(-2, keepdims=True)
            whole = rows * columns / np.maximum(rows.mean(-2, keepdims=True), eps1)
        else:
            whole = beta2 * whole + (1 - beta2) * g**2
        u = g / np.sqrt(np.maximum(whole, eps1**2))
        expected = expected - alpha * u / max(1, rms(u) / group["d"])
        np.testing.assert_allclose(p.tolist(), expected, rtol=1e-10)
    kept = ["row_var", "col_var"] if len(shape) > 1 else ["variance"]
    assert list(optimizer.state[p]) == ["step", *kept]


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_muon_steps_are_nearly_orthogonal(shape: tuple[int, int]) -> None:
    """Jordan et al., 2024: U V^T of the momentum, its singular values between 0.7 and 1.2."""
    g = np.random.default_rng(0).normal(size=shape)
    p = pb.zeros(*shape, requires_grad=True)
    p.grad = pb.tensor(g.tolist())
    pb.optim.Muon([p], lr=1.0, weight_decay=0.0).step()
    step = -np.array(p.tolist()) / math.sqrt(max(1, shape[0] / shape[1]))
    u, _, v = np.linalg.svd(g, full_matrices=False)
    values = np.linalg.svd(step)[1]
    assert np.all((values > 0.6) & (values < 1.25))
    assert abs(u.T @ step @ v.T - np.diag(np.diag(u.T @ step @ v.T))).max() < 0.05


def test_muon_keeps_its_momentum() -> None:
    p = pb.eye(2).requires_grad_()
    optimizer = pb.optim.Muon([p], lr=0.0, momentum=0.75, weight_decay=0.5)
    for g in (4.0, 8.0):
        p.grad = pb.full((2, 2), g)
        optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [[2.75] * 2] * 2
    assert p.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match="only supports 2D"):
        pb.optim.Muon([pb.ones(2)])
    with pytest.raises(ValueError, match="exactly 3 values"):
        stepped_muon(ns_coefficients=(1.0, 2.0))
    with pytest.raises(ValueError, match="less than 100"):
        stepped_muon(ns_steps=100)


def stepped_muon(**settings: Any) -> None:
    p = pb.eye(2).requires_grad_()
    p.grad = pb.eye(2)
    pb.optim.Muon([p], **settings).step()


def minimized(loss_of: Any, start: list[float], steps: int, **settings: Any) -> tuple[Any, int]:
    p = pb.tensor(start, dtype=pb.float64, requires_grad=True)
    optimizer = pb.optim.LBFGS([p], **settings)
    calls = 0

    def closure() -> Any:
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        loss = loss_of(p)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return p.tolist(), calls


def rosenbrock(x: Any) -> Any:
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def test_lbfgs_solves_a_quadratic_in_a_few_iterations() -> None:
    """Nocedal and Wright, 2006, section 7.2: n exact steps suffice; nearly so here."""
    scales = pb.tensor([1.0, 10.0, 100.0], dtype=pb.float64)
    target = pb.tensor([1.0, -2.0, 0.5], dtype=pb.float64)
    found, calls = minimized(
        lambda x: (scales * (x - target) ** 2).sum(), [0.0] * 3, 2, line_search_fn="strong_wolfe"
    )
    assert found == pytest.approx(target.tolist(), abs=1e-6)
    assert calls < 40


def test_lbfgs_finds_the_end_of_a_valley() -> None:
    found, calls = minimized(rosenbrock, [-1.2, 1.0, -1.0], 6, line_search_fn="strong_wolfe")
    assert found == pytest.approx([1.0] * 3, abs=1e-5)
    assert calls < 200


def test_lbfgs_without_line_search_and_with_little_memory() -> None:
    def bowl(x: Any) -> Any:
        return ((x - 3.0) ** 2).sum() + (x**4).sum() * 0.01

    full, _ = minimized(bowl, [0.0, 5.0], 3, lr=0.5)
    small, _ = minimized(bowl, [0.0, 5.0], 8, lr=0.5, history_size=1, max_iter=8)
    assert full == pytest.approx(small, abs=1e-5)
    assert minimized(bowl, [0.0], 1, max_iter=1)[1] == 1
    assert minimized(bowl, [0.0], 1, max_eval=2)[1] == 2


def test_lbfgs_stops_at_once_in_a_minimum_and_keeps_parameters_without_gradient() -> None:
    p, idle = (pb.zeros(2, dtype=pb.float64, requires_grad=True) for _ in range(2))
    optimizer = pb.optim.LBFGS([p, idle])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) == 0.0
    assert optimizer.state[p] == {"func_evals": 1, "n_iter": 0}
    with pb.no_grad():
        p += 1
    optimizer.step(closure)
    assert p.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert idle.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="parameter groups"):
        pb.optim.LBFGS([{"params": [p]}, {"params": [idle]}])
    with pytest.raises(TypeError):
        optimizer.step()  # type: ignore[call-arg]
