"""Optimizers without a comparison: groups, state, checks, and steps small enough to do by hand."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import pullback as pb
from pullback.optim import SGD, Adam, AdamW, Optimizer
from pullback.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    required,
)


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def with_grad(values: list[float], grad: list[float]) -> Any:
    p = leaf(*values)
    p.grad = pb.tensor(grad, dtype=pb.float64)
    return p


# --- SGD by hand ---


def test_plain_step() -> None:
    p = with_grad([1.0, 2.0], [10.0, -10.0])
    optimizer = SGD([p], lr=0.5)
    assert optimizer.step() is None
    assert p.tolist() == [-4.0, 7.0]
    assert (p.is_leaf, p.requires_grad, p.grad_fn) == (True, True, None)
    assert p.grad.tolist() == [10.0, -10.0]
    assert not optimizer.state


def test_momentum() -> None:
    p = with_grad([0.0], [1.0])
    optimizer = SGD([p], lr=1.0, momentum=0.5, dampening=0.25)
    optimizer.step()
    assert p.tolist() == [-1.0]
    buffer = optimizer.state[p]["momentum_buffer"]
    assert buffer.tolist() == [1.0]
    p.grad.fill_(4.0)
    assert buffer.tolist() == [1.0]
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"] is buffer
    assert buffer.tolist() == [3.5]
    assert p.tolist() == [-4.5]


def test_nesterov_weight_decay_and_maximize() -> None:
    p = with_grad([2.0], [1.0])
    SGD([p], lr=1.0, momentum=0.5, nesterov=True).step()
    assert p.tolist() == [0.5]
    p = with_grad([2.0], [1.0])
    SGD([p], lr=1.0, weight_decay=0.5, maximize=True).step()
    assert p.tolist() == [2.0]


def test_what_a_user_puts_into_the_state_counts() -> None:
    p = with_grad([0.0], [1.0])
    optimizer = SGD([p], lr=1.0, momentum=1.0)
    optimizer.state[p]["momentum_buffer"] = pb.tensor([9.0], dtype=pb.float64)
    optimizer.step()
    assert p.tolist() == [-10.0]
    optimizer.state.clear()
    optimizer.step()
    assert p.tolist() == [-11.0]


def test_changed_settings_count() -> None:
    p = with_grad([0.0], [1.0])
    optimizer = SGD([p], lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert p.tolist() == [-0.5]


def test_learning_rate_as_a_tensor() -> None:
    p = with_grad([0.0], [1.0])
    SGD([p], lr=pb.tensor(0.5)).step()
    assert p.tolist() == [-0.5]


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, 0.9), lambda p: Adam(p, 0.1)])
def test_parameters_without_gradient_are_left_alone(make: Any) -> None:
    idle, p = leaf(1.0), with_grad([1.0], [1.0])
    optimizer = make([idle, p])
    optimizer.step()
    assert idle.tolist() == [1.0]
    assert p.tolist() != [1.0]
    assert [id(key) for key in optimizer.state] == [id(p)]
    idle.grad = pb.tensor([1.0], dtype=pb.float64)
    p.grad = None
    before = p.tolist()
    optimizer.step()
    assert idle.tolist() != [1.0]
    assert p.tolist() == before


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, 0.9), lambda p: Adam(p, 0.1)])
def test_views_and_dtypes(make: Any) -> None:
    whole = pb.zeros(3, 4)
    p = whole.t()[1:].requires_grad_()
    q = pb.zeros(3, dtype=pb.float64, requires_grad=True)
    scalar = pb.tensor(0.0, requires_grad=True)
    empty = pb.zeros(0, requires_grad=True)
    (p.sum() + q.sum() + scalar + empty.sum()).backward()
    optimizer = make([p, q, scalar, empty])
    optimizer.step()
    optimizer.step()
    assert whole[:, 0].tolist() == [0.0] * 3
    assert len(set(p.reshape(-1).tolist())) == 1
    assert float(p[0, 0].detach()) == pytest.approx(float(scalar.detach()))
    assert q.tolist() == pytest.approx([float(scalar.detach())] * 3)
    assert optimizer.state[q][next(iter(optimizer.state[q]))] is not None


def test_a_step_counts_as_a_change_of_the_parameter() -> None:
    p = leaf(1.0, 2.0)
    loss = (p * p).sum()
    version = p._version
    p.grad = pb.ones(2, dtype=pb.float64)
    SGD([p], 0.1).step()
    assert p._version > version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_closure() -> None:
    p = leaf(1.0)
    for optimizer in (SGD([p], 0.1), Adam([p], 0.1)):

        def closure(optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        with pb.no_grad():
            before = float(p.detach())
            loss = optimizer.step(closure)
        assert float(loss.detach()) == before**2
        assert float(p.detach()) < before


# --- Adam by hand ---


def test_first_step_of_adam_is_the_learning_rate() -> None:
    p = with_grad([0.0, 0.0, 0.0], [3.0, -0.01, 1.0])
    optimizer = Adam([p], lr=0.5, eps=0.0)
    optimizer.step()
    assert p.tolist() == pytest.approx([-0.5, 0.5, -0.5])
    state = optimizer.state[p]
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"]
    assert float(state["step"]) == 1.0
    assert state["step"].shape == ()
    assert state["exp_avg"].tolist() == pytest.approx([0.3, -0.001, 0.1])
    assert state["exp_avg_sq"].tolist() == pytest.approx([9e-3, 1e-7, 1e-3])


def test_decay_of_adam_and_adamw() -> None:
    p = with_grad([1.0], [0.0])
    Adam([p], lr=0.1, weight_decay=0.5, eps=0.0).step()
    assert p.tolist() == pytest.approx([0.9])
    p = with_grad([1.0], [0.0])
    AdamW([p], lr=0.1, weight_decay=0.5).step()
    assert p.tolist() == pytest.approx([0.95])


# --- training ---


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, lr=0.05),
        lambda p: SGD(p, lr=0.02, momentum=0.9, nesterov=True),
        lambda p: Adam(p, lr=0.1),
        lambda p: AdamW(p, lr=0.1, weight_decay=0.0, amsgrad=True),
    ],
)
def test_each_optimizer_finds_a_minimum(make: Any) -> None:
    p = leaf(3.0, -2.0)
    target = pb.tensor([0.5, 1.5], dtype=pb.float64)
    optimizer = make([p])
    for _ in range(400):
        optimizer.zero_grad()
        ((p - target) ** 2).sum().backward()
        optimizer.step()
    assert p.tolist() == pytest.approx([0.5, 1.5], abs=1e-3)


def test_frozen_parameters_stay() -> None:
    net = pb.nn.Sequential(pb.nn.Linear(2, 3), pb.nn.Tanh(), pb.nn.Linear(3, 1))
    net[0].requires_grad_(False)
    before = net[0].weight.tolist()
    optimizer = SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        net(pb.ones(4, 2)).sum().backward()
        optimizer.step()
    assert net[0].weight.tolist() == before
    assert net[0].weight.grad is None


# --- groups ---


def test_zero_grad() -> None:
    p, q = with_grad([1.0], [2.0]), leaf(1.0)
    optimizer = SGD([p, q], 0.1)
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept
    assert kept.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None
    assert q.grad is None


def test_zero_grad_of_a_recorded_gradient() -> None:
    p = leaf(2.0)
    (p.grad,) = pb.autograd.grad((p**3).sum(), p, create_graph=True)
    assert p.grad.requires_grad
    SGD([p], 0.1).zero_grad(set_to_none=False)
    assert (p.grad.tolist(), p.grad.requires_grad) == ([0.0], False)


def test_groups_have_settings_of_their_own() -> None:
    p, q, r = (with_grad([0.0], [1.0]) for _ in range(3))
    optimizer = SGD([{"params": p}, {"params": [q], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": iter([r]), "weight_decay": 0.3})
    optimizer.step()
    assert [x.tolist() for x in (p, q, r)] == [[-0.1], [-0.5], [-0.1]]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0, 0, 0.3]


def test_named_parameters() -> None:
    net = pb.nn.Linear(2, 1)
    optimizer = SGD(net.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is net.weight
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [leaf(1.0)]})
    with pytest.raises(ValueError, match="Some param names are missing"):
        SGD([("a", leaf(1.0)), leaf(1.0)])


def test_text() -> None:
    assert repr(SGD([leaf(1.0)], lr=0.1, momentum=0.9)).split("\n") == [
        "SGD (",
        "Parameter Group 0",
        "    dampening: 0",
        "    differentiable: False",
        "    foreach: None",
        "    fused: None",
        "    lr: 0.1",
        "    maximize: False",
        "    momentum: 0.9",
        "    nesterov: False",
        "    weight_decay: 0",
        ")",
    ]


# --- state ---


@pytest.mark.parametrize(
    "make",
    [lambda p: SGD(p, 0.1, momentum=0.9), lambda p: Adam(p, 0.1, amsgrad=True)],
)
def test_state_can_be_saved_and_taken_over(make: Any) -> None:
    def train(p: Any, optimizer: Any, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()

    p, q = leaf(1.0, 2.0), leaf(1.0, 2.0)
    first = make([p])
    train(p, first, 3)
    saved = pickle.loads(pickle.dumps(first.state_dict()))
    assert saved["param_groups"][0]["params"] == [0]
    assert list(saved["state"]) == [0]
    with pb.no_grad():
        q.copy_(p)
    second = make([q])
    second.param_groups[0]["lr"] = 7.0
    second.load_state_dict(saved)
    assert second.param_groups[0]["lr"] == 0.1
    train(p, first, 3)
    train(q, second, 3)
    assert p.tolist() == q.tolist()
    both = copy.deepcopy({"p": p, "optimizer": first})
    train(both["p"], both["optimizer"], 2)
    assert p.tolist() == q.tolist()
    train(p, first, 2)
    assert both["p"].tolist() == p.tolist()


def test_state_takes_the_dtype_of_the_parameter() -> None:
    p = with_grad([1.0], [1.0])
    optimizer = Adam([p])
    optimizer.step()
    saved = optimizer.state_dict()
    q = pb.ones(1, requires_grad=True)
    other = Adam([q])
    other.load_state_dict(saved)
    assert other.state[q]["exp_avg"].dtype == pb.float32
    assert float(other.state[q]["step"]) == 1.0
    saved["state"][0]["step"] = 4
    other.load_state_dict(saved)
    q.grad = pb.ones(1)
    other.step()
    assert float(other.state[q]["step"]) == 5.0


def test_state_that_does_not_fit_is_refused() -> None:
    saved = SGD([leaf(1.0), leaf(2.0)], 0.1).state_dict()
    with pytest.raises(ValueError, match="doesn't match the size"):
        SGD([leaf(1.0)], 0.1).load_state_dict(saved)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        SGD([{"params": leaf(1.0)}, {"params": leaf(2.0)}], 0.1).load_state_dict(saved)


# --- checks ---


def test_wrong_parameters_are_refused() -> None:
    p = leaf(1.0)
    for params, error, text in (
        (p, TypeError, "should be an iterable of Tensors or dicts"),
        ([], ValueError, "empty parameter list"),
        ([3.0], TypeError, "can only optimize Tensors"),
        ([p * 2], ValueError, "can't optimize a non-leaf Tensor"),
        ([{"params": {p}}], TypeError, "ordered collections"),
        ([{"params": [p]}, {"params": [p]}], ValueError, "more than one parameter group"),
    ):
        with pytest.raises(error, match=text):
            SGD(params, lr=0.1)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([p, p], lr=0.1)
    with pytest.raises(TypeError, match="param_group must be a dict"):
        SGD([p], lr=0.1).add_param_group([p])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: SGD(p, lr=-1), "Invalid learning rate: -1"),
        (lambda p: SGD(p, lr=pb.ones(2)), "1-element"),
        (lambda p: SGD(p, momentum=-1), "Invalid momentum value: -1"),
        (lambda p: SGD(p, weight_decay=-1), "Invalid weight_decay value: -1"),
        (lambda p: SGD(p, nesterov=True), "Nesterov momentum requires"),
        (lambda p: Adam(p, lr=float("nan")), "Invalid learning rate: nan"),
        (lambda p: Adam(p, eps=-1), "Invalid epsilon value: -1"),
        (lambda p: Adam(p, betas=(1.0, 0.9)), "Invalid beta parameter at index 0: 1.0"),
        (lambda p: Adam(p, betas=(0.9, -0.1)), "Invalid beta parameter at index 1: -0.1"),
        (lambda p: Adam(p, betas=(0, 0.9)), "both floats or both Tensors"),
        (lambda p: AdamW(p, weight_decay=-1), "Invalid weight_decay value: -1"),
    ],
)
def test_wrong_settings_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make([leaf(1.0)])


def test_what_cannot_be_done_is_refused() -> None:
    p = with_grad([1.0], [1.0])
    with pytest.raises(AssertionError, match="capturable=True"):
        Adam([p], capturable=True).step()
    assert p.tolist() == [1.0]
    with pytest.raises(RuntimeError, match="cannot be `True` together"):
        SGD([p], foreach=True, fused=True)
    with pytest.raises(RuntimeError, match="does not support `differentiable`"):
        SGD([p], differentiable=True, fused=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        SGD([p], differentiable=True).step()
    with pytest.raises(KeyError, match="exp_avg"):
        optimizer = Adam([p])
        optimizer.state[p]["step"] = pb.tensor(1.0)
        optimizer.step()


def test_an_optimizer_of_ones_own() -> None:
    class Signs(Optimizer):
        def __init__(self, params: Any, lr: Any = required) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            with pb.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        self.state[p]["seen"] = True
                        p.sub_(p.grad.sign() * group["lr"])

    p = with_grad([1.0], [-5.0])
    optimizer = Signs([p], lr=0.5)
    optimizer.step()
    assert (p.tolist(), optimizer.state[p]) == ([1.5], {"seen": True})
    with pytest.raises(ValueError, match="didn't specify a value of required"):
        Signs([p])
    with pytest.raises(NotImplementedError):
        Optimizer([p], {}).step()


# --- hooks ---


def test_hooks_of_a_step() -> None:
    seen: list[str] = []

    def note(text: str) -> Any:
        return lambda *args: seen.append(f"{text} {len(args)}")

    p = with_grad([1.0], [1.0])
    first, second = SGD([p], lr=0.5), Adam([p], lr=0.5)
    with (
        first.register_step_pre_hook(note("before")),
        first.register_step_post_hook(note("after")),
        register_optimizer_step_pre_hook(note("all before")),
        register_optimizer_step_post_hook(note("all after")),
    ):
        first.step()
        assert seen == ["all before 3", "before 3", "after 3", "all after 3"]
        del seen[:]
        second.step(lambda: seen.append("closure"))
        assert seen == ["all before 3", "closure", "all after 3"]
    del seen[:]
    first.step()
    assert seen == []


def test_a_hook_replaces_what_a_step_is_given() -> None:
    optimizer = SGD([with_grad([1.0], [1.0])], lr=0.5)
    with optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: "other"), kwargs)):
        assert optimizer.step() == "other"
        assert optimizer.step(lambda: "given") == "other"
    with (
        optimizer.register_step_pre_hook(lambda *_: 3),
        pytest.raises(RuntimeError, match="must return None or a tuple"),
    ):
        optimizer.step()
    assert optimizer.step(lambda: "given") == "given"
    with pytest.raises(TypeError, match="argument 'hook'"):
        optimizer.register_step_pre_hook(3)  # type: ignore[arg-type]


def test_hooks_run_once_around_a_step_in_a_step() -> None:
    seen = []

    class Twice(SGD):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            return super().step()

    p = with_grad([2.0], [1.0])
    optimizer = Twice([p], lr=0.5)
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    SGD([p], lr=0.5).step()
    optimizer.step()
    assert (seen, p.tolist()) == ([1], [0.5])

    class Fails(Optimizer):
        def step(self, closure: Any = None) -> Any:
            raise ArithmeticError

    failing = Fails([p], {})
    failing.register_step_pre_hook(lambda *_: seen.append(2))
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            failing.step()
    assert seen == [1, 2, 2]


def test_hooks_of_the_state() -> None:
    seen = []
    optimizer = SGD([leaf(1.0)], lr=0.5)
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_state_dict_post_hook(
        lambda o, state: seen.append(sorted(state)), prepend=True
    )
    state = optimizer.state_dict()
    assert (state["more"], seen) == (1, ["save", ["param_groups", "state"]])

    def halved(o: Any, state: dict[str, Any]) -> None:
        state["param_groups"] = [{**group, "lr": 0.25} for group in state["param_groups"]]

    optimizer.register_load_state_dict_pre_hook(halved)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert (seen[-1], state["param_groups"][0]["lr"]) == (0.25, 0.5)


@pytest.mark.parametrize(
    "name", sorted({n for n in pb.optim.__all__ if n[0].isupper()} - {"Optimizer"})
)
def test_copies_and_pickles(name: str) -> None:
    """Settings, state and class; hooks stay behind, as in torch."""
    p = pb.eye(2, dtype=pb.float64).requires_grad_()
    optimizer = getattr(pb.optim, name)([p])
    optimizer.register_step_pre_hook(lambda *_: None)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    if name != "SparseAdam":
        optimizer.step(closure)
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert type(other) is type(optimizer)
        assert repr(other) == repr(optimizer)
        assert not other._optimizer_step_pre_hooks
        (q,) = other.param_groups[0]["params"]
        assert q is not p
        q.grad = p.grad.clone() if p.grad is not None else None
        assert [list(values) for values in other.state.values()] == [
            list(values) for values in optimizer.state.values()
        ]
        if name not in ("LBFGS", "SparseAdam"):
            other.step()
            assert q.tolist() != p.tolist()


# --- misuse that reaches the core ---


def test_groups_that_were_broken_by_hand() -> None:
    p = with_grad([1.0], [1.0])
    optimizer = Adam([p])
    del optimizer.param_groups[0]["eps"]
    with pytest.raises(KeyError, match="eps"):
        optimizer.step()
    optimizer.param_groups[0]["eps"] = "small"
    with pytest.raises(TypeError, match="Adam: eps is a str, expected a number"):
        optimizer.step()
    optimizer.param_groups[0]["eps"] = 1e-8
    optimizer.param_groups[0]["betas"] = None
    with pytest.raises(TypeError, match="betas is a NoneType, expected a tuple of numbers"):
        optimizer.step()
    optimizer.param_groups[0]["betas"] = (0.9,)
    with pytest.raises(ValueError, match="betas has 1 numbers, expected 2"):
        optimizer.step()
    optimizer.param_groups[0]["betas"] = (0.9, 0.99)
    optimizer.state[p] = {"step": pb.zeros(2), "exp_avg": p.grad, "exp_avg_sq": p.grad}
    with pytest.raises(RuntimeError, match="step has size"):
        optimizer.step()
    optimizer.state[p] = {"step": pb.zeros(()), "exp_avg": pb.ones(3), "exp_avg_sq": p.grad}
    with pytest.raises(RuntimeError, match="exp_avg does not match its parameter"):
        optimizer.step()
    optimizer.state[p] = 3
    with pytest.raises(TypeError, match="state of a parameter is a int"):
        optimizer.step()
    optimizer.param_groups.append(3)  # type: ignore[arg-type]
    del optimizer.state[p]
    with pytest.raises(TypeError, match="parameter group is a int"):
        optimizer.step()
    assert p.grad.tolist() == [1.0]
