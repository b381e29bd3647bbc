"""Modules without a comparison: attributes, walks, state, containers, text, initialisation."""

from __future__ import annotations

import copy
import math
import pickle
from collections import OrderedDict
from typing import Any

import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(pb.ones(2))
        self.register_buffer("mean", pb.zeros(2))
        self.register_buffer("scratch", pb.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.second(pb.relu(self.first(x))) * self.scale + self.mean


NAMES = ["scale", "first.weight", "first.bias", "second.weight"]


# --- Parameter ---


def test_a_parameter_is_a_leaf_that_shares_memory() -> None:
    data = pb.zeros(2)
    p = nn.Parameter(data)
    with pb.no_grad():
        p[0] = 5.0
    assert data.tolist() == [5.0, 0.0]
    assert (p.requires_grad, p.is_leaf, p.grad_fn) == (True, True, None)
    assert isinstance(p, pb.Tensor)
    assert type(p) is nn.Parameter
    assert type(p * 2) is pb.Tensor
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)


def test_a_parameter_requires_grad_inside_no_grad_too() -> None:
    with pb.no_grad():
        assert nn.Parameter(pb.ones(1)).requires_grad


def test_a_parameter_gets_a_gradient() -> None:
    p = nn.Parameter(pb.tensor([1.0, 2.0]))
    (p * p).sum().backward()
    assert p.grad.tolist() == [2.0, 4.0]


def test_parameter_text() -> None:
    assert repr(nn.Parameter(pb.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("requires_grad", [True, False])
def test_copies_of_a_parameter(again: Any, requires_grad: bool) -> None:
    p = nn.Parameter(pb.tensor([1.0, 2.0]), requires_grad)
    q = again(p)
    assert type(q) is nn.Parameter
    assert (q.requires_grad, q.tolist()) == (requires_grad, [1.0, 2.0])
    with pb.no_grad():
        q[0] = 9.0
    assert p.tolist() == [1.0, 2.0]


# --- attributes ---


def test_names_of_parameters_buffers_and_modules() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "second"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    assert len(list(net.parameters())) == 4
    assert len(list(net.buffers())) == 2
    assert list(net.modules()) == [net, net.first, net.second]
    assert {"first", "scale", "mean", "forward"} <= set(dir(net))


def test_shared_parameters_and_modules_are_named_once() -> None:
    net = Net()
    net.again = net.first
    net.tied = net.scale
    assert [name for name, _ in net.named_parameters()] == NAMES
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    assert names == ["scale", "tied", *NAMES[1:], "again.weight", "again.bias"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]


def test_assigning_sorts_by_kind() -> None:
    net = Net()
    net.mean = pb.ones(2)
    assert dict(net.named_buffers())["mean"].tolist() == [1.0, 1.0]
    net.scale = None
    assert net.scale is None
    assert "scale" not in dict(net.named_parameters())
    net.first = None
    assert net.first is None
    net.plain = pb.ones(1)
    assert "plain" not in dict(net.named_buffers())
    net.plain = nn.Parameter(pb.ones(1))
    assert "plain" in dict(net.named_parameters())
    with pytest.raises(TypeError, match="as parameter 'plain'"):
        net.plain = nn.ReLU()
    del net.plain
    net.plain = nn.ReLU()
    assert "plain" in dict(net.named_children())
    net.plain = nn.Parameter(pb.ones(1))
    assert "plain" not in dict(net.named_children())
    del net.plain
    assert not hasattr(net, "plain")
    del net.scratch, net.scale, net.first
    assert "scratch" not in dict(net.named_buffers())


def test_wrong_assignments_are_refused() -> None:
    net = Net()
    with pytest.raises(TypeError, match="as parameter 'scale'"):
        net.scale = pb.ones(2)
    with pytest.raises(TypeError, match="as child module 'first'"):
        net.first = 3
    with pytest.raises(TypeError, match="as buffer 'mean'"):
        net.mean = 3
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'absent'"):
        _ = net.absent
    with pytest.raises(AttributeError):
        del net.absent


def test_assigning_before_init_is_refused() -> None:
    class Early(nn.Module):
        def __init__(self, value: Any) -> None:
            self.value = value

    with pytest.raises(AttributeError, match=r"cannot assign parameters before Module.__init__"):
        Early(nn.Parameter(pb.ones(1)))
    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__"):
        Early(nn.ReLU())
    assert Early(3).value == 3


def test_wrong_registrations_are_refused() -> None:
    net = Net()
    leaf = nn.Parameter(pb.ones(1))
    with pytest.raises(KeyError, match="already exists"):
        net.register_parameter("forward", leaf)
    with pytest.raises(KeyError, match="contain"):
        net.register_parameter("a.b", leaf)
    with pytest.raises(KeyError, match="empty string"):
        net.add_module("", nn.ReLU())
    with pytest.raises(TypeError, match="name should be a string"):
        net.register_buffer(3, pb.ones(1))
    with pytest.raises(TypeError, match="object to parameter"):
        net.register_parameter("w", pb.ones(1))
    with pytest.raises(TypeError, match="object to buffer"):
        net.register_buffer("b", [1.0])
    with pytest.raises(TypeError, match="not a Module subclass"):
        net.add_module("m", 3)


def test_lookup_by_dotted_name() -> None:
    net = nn.Sequential(Net())
    assert net.get_submodule("") is net
    assert net.get_submodule("0.first") is net[0].first
    assert net.get_parameter("0.first.weight") is net[0].first.weight
    assert net.get_buffer("0.mean") is net[0].mean
    with pytest.raises(AttributeError, match="no attribute `third`"):
        net.get_submodule("0.third")
    with pytest.raises(AttributeError, match=r"not an nn\.Module"):
        net.get_submodule("0.scale")
    with pytest.raises(AttributeError, match=r"not an nn\.Parameter"):
        net.get_parameter("0.mean")
    with pytest.raises(AttributeError, match="not a buffer"):
        net.get_buffer("0.scale")


# --- the tree ---


def test_train_and_eval_reach_the_whole_tree() -> None:
    net = nn.Sequential(Net(), nn.Dropout())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())
    with pytest.raises(ValueError, match="boolean"):
        net.train(1)


def test_apply_visits_children_first() -> None:
    seen: list[nn.Module] = []
    net = Net()
    assert net.apply(seen.append) is net
    assert seen == [net.first, net.second, net]


def test_freezing_and_zero_grad() -> None:
    net = Net()
    net.first.requires_grad_(False)
    net(pb.ones(5, 3)).sum().backward()
    assert net.first.weight.grad is None
    kept = net.scale.grad
    assert kept is not None
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is kept
    assert kept.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert net.scale.grad is None


def test_conversion_keeps_the_parameters() -> None:
    net = Net()
    net.register_buffer("count", pb.tensor(3))
    before = list(net.parameters())
    net(pb.ones(1, 3)).sum().backward()
    assert net.double() is net
    assert all(p is q for p, q in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {pb.float64}
    assert net.scale.grad.dtype == pb.float64
    assert (net.mean.dtype, net.count.dtype) == (pb.float64, pb.int64)
    net(pb.ones(1, 3, dtype=pb.float64)).sum().backward()
    assert net.to("cpu").to("cpu", pb.float32).scale.dtype == pb.float32
    assert net.to(pb.ones(1, dtype=pb.float64)).scale.dtype == pb.float64
    assert net.to(dtype=pb.float32).cpu().scale.dtype == pb.float32
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(pb.int64)


def test_a_module_without_forward_says_so() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Module \[Empty\] is missing the required"):
        Empty()(1)


def test_copies_of_a_module() -> None:
    net = Net()
    x = pb.ones(2, 3)
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(nn.Sequential(net.first)))):
        assert all(p is not q for p in net.parameters() for q in again.parameters())
    assert copy.deepcopy(net)(x).tolist() == net(x).tolist()


# --- state ---


def test_state_dict_names_and_sharing() -> None:
    net = Net()
    state = net.state_dict()
    assert list(state) == ["scale", "mean", *NAMES[1:]]
    assert not any(tensor.requires_grad for tensor in state.values())
    state["scale"][0] = 7.0
    assert net.scale.tolist() == [7.0, 1.0]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"


def test_load_state_dict_copies() -> None:
    net, other = Net(), Net()
    before = list(net.parameters())
    result = net.load_state_dict(other.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert all(p is q for p, q in zip(before, net.parameters(), strict=True))
    x = pb.ones(2, 3)
    assert net(x).tolist() == other(x).tolist()
    with pb.no_grad():
        other.scale.fill_(4.0)
    assert net.scale.tolist() == [1.0, 1.0]


def test_load_state_dict_assigns_on_demand() -> None:
    net = Net()
    net.scale.requires_grad_(False)
    state = OrderedDict((k, v.clone()) for k, v in Net().state_dict().items())
    net.load_state_dict(state, assign=True)
    assert not net.scale.requires_grad
    state["scale"][0] = 8.0
    assert net.scale.tolist() == [8.0, 1.0]
    assert net.mean is state["mean"]


def test_load_state_dict_lists_what_does_not_fit() -> None:
    net = Net()
    state = dict(net.state_dict())
    del state["first.bias"]
    state["first.extra"] = pb.ones(1)
    state["third.weight"] = pb.ones(1)
    state["scale"] = pb.ones(3)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "first.bias". \n'
        '\tUnexpected key(s) in state_dict: "third.weight", "first.extra". \n'
        f"\tsize mismatch for scale: copying a param with shape {pb.ones(3).shape} from "
        f"checkpoint, the shape in current model is {pb.ones(2).shape}."
    )
    del state["scale"]
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["scale", "first.bias"]
    assert result.unexpected_keys == ["third.weight", "first.extra"]
    with pytest.raises(RuntimeError, match="but received <class 'int'>"):
        net.load_state_dict({**net.state_dict(), "scale": 3})
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


# --- containers ---


def test_sequential() -> None:
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Tanh()
    net = nn.Sequential(a, b)
    assert (len(net), net[0], net[-1], list(net)) == (2, a, b, [a, b])
    assert net.append(c) is net
    assert list(net[1:]) == [b, c]
    net[1] = c
    assert list(net) == [a, c, c]
    del net[0]
    assert list(net._modules) == ["0", "1"]
    net.insert(0, a)
    assert list(net + nn.Sequential(b)) == [a, c, c, b]
    assert list(nn.Sequential(b) * 2) == [b, b]
    net += nn.Sequential(b)
    assert net.pop(-1) is b
    x = pb.ones(1, 2)
    assert net(x).tolist() == pb.tanh(pb.tanh(a(x))).tolist()
    named = nn.Sequential(OrderedDict(lin=a, act=b))
    assert named.lin is a
    with pytest.raises(IndexError, match="index 9 is out of range"):
        _ = net[9]


def test_module_list() -> None:
    a, b = nn.Linear(2, 2), nn.ReLU()
    modules = nn.ModuleList([a])
    modules.extend([b])
    modules += [b]
    modules.insert(0, b)
    assert list(modules) == [b, a, b, b]
    assert list(modules[1:3]) == [a, b]
    assert list(modules + nn.ModuleList([a])) == [b, a, b, b, a]
    assert modules.pop(1) is a
    assert list(modules._modules) == ["0", "1", "2"]
    with pytest.raises(TypeError, match="iterable"):
        modules.extend(3)
    with pytest.raises(NotImplementedError):
        modules(1)


def test_module_dict() -> None:
    a, b = nn.Linear(2, 2), nn.ReLU()
    modules = nn.ModuleDict({"a": a})
    modules["b"] = b
    modules.update([("c", a)])
    assert (list(modules), list(modules.values())) == (["a", "b", "c"], [a, b, a])
    assert "b" in modules
    assert modules.pop("b") is b
    assert [k for k, _ in modules.items()] == list(modules.keys()) == ["a", "c"]
    modules.clear()
    assert len(modules) == 0
    with pytest.raises(ValueError, match="2 is required"):
        modules.update([("x", a, b)])


# --- text ---


def test_module_text() -> None:
    net = nn.Sequential(
        nn.Linear(2, 3, bias=False),
        nn.ModuleList([nn.ReLU(inplace=True), nn.ReLU(inplace=True), nn.GELU()]),
        nn.Sequential(),
    )
    assert repr(net).split("\n") == [
        "Sequential(",
        "  (0): Linear(in_features=2, out_features=3, bias=False)",
        "  (1): ModuleList(",
        "    (0-1): 2 x ReLU(inplace=True)",
        "    (2): GELU(approximate='none')",
        "  )",
        "  (2): Sequential()",
        ")",
    ]


# --- functions ---


def test_dropout() -> None:
    x = pb.ones(10_000, requires_grad=True)
    assert F.dropout(x, training=False) is x
    assert F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).any()
    pb.manual_seed(0)
    y = F.dropout(x, 0.25)
    assert {round(value, 5) for value in y.tolist()} == {0.0, round(1 / 0.75, 5)}
    assert abs(float((y == 0).sum()) / 10_000 - 0.25) < 0.02
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    with pytest.raises(ValueError, match=r"has to be between 0 and 1, but got 1.5"):
        F.dropout(x, 1.5)
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        nn.Dropout(-0.1)
    assert nn.Dropout().eval()(x) is x


def test_one_hot() -> None:
    assert F.one_hot(pb.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert F.one_hot(pb.tensor(1), 2).tolist() == [0, 1]
    assert F.one_hot(pb.zeros(0, dtype=pb.int64), 3).shape == (0, 3)
    for bad, classes, text in (
        (pb.tensor([0.5]), -1, "only applicable to index tensor"),
        (pb.tensor([-1]), -1, "must be non-negative"),
        (pb.tensor([3]), 3, "must be smaller than num_classes"),
        (pb.tensor([3]), 0, "should be positive"),
        (pb.zeros(0, dtype=pb.int64), -1, "Can not infer"),
    ):
        with pytest.raises(RuntimeError, match=text):
            F.one_hot(bad, classes)


# --- initialisation ---


def test_linear_starts_inside_its_bound() -> None:
    layer = nn.Linear(25, 400)
    for param in map(pb.Tensor.detach, layer.parameters()):
        assert float(param.abs().max()) <= 0.2
        assert float(param.abs().max()) > 0.19
        assert abs(float(param.mean())) < 0.02


@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda w: nn.init.xavier_uniform_(w), math.sqrt(2 / 500)),
        (lambda w: nn.init.xavier_normal_(w, gain=2.0), 2 * math.sqrt(2 / 500)),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), math.sqrt(2 / 200)),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / 300)),
        (lambda w: nn.init.normal_(w, 0.0, 3.0), 3.0),
        (lambda w: nn.init.uniform_(w, -1.0, 1.0), math.sqrt(1 / 3)),
        (lambda w: nn.init.trunc_normal_(w, a=-9.0, b=9.0), 1.0),
        (lambda w: nn.init.trunc_normal_(w, a=3.0, b=30.0).sub_(3.283), 0.2656),
    ],
)
def test_spread_of_initial_values(fill: Any, std: float) -> None:
    pb.manual_seed(1)
    w = pb.empty(300, 200, dtype=pb.float64, requires_grad=True)
    with pb.no_grad():
        assert fill(w) is w
    assert w.is_leaf
    assert float(w.detach().std()) == pytest.approx(std, rel=0.02)
    assert abs(float(w.detach().mean())) < 0.02 * std + 1e-3


def test_truncated_draws_stay_inside() -> None:
    for a, b in ((-1.0, 0.5), (2.0, 2.5)):
        w = nn.init.trunc_normal_(pb.empty(2000), a=a, b=b)
        assert a <= float(w.min())
        assert float(w.max()) <= b
    with pytest.warns(UserWarning, match="more than 2 std"):
        nn.init.trunc_normal_(pb.empty(5), mean=-5.0, a=0.0, b=1.0)


def test_constant_fills_and_gains() -> None:
    w = pb.empty(2, 3)
    assert nn.init.ones_(w).tolist() == [[1.0] * 3] * 2
    assert nn.init.constant_(w, 0.5).tolist() == [[0.5] * 3] * 2
    assert nn.init.eye_(w).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert nn.init.zeros_(w).tolist() == [[0.0] * 3] * 2
    assert nn.init.calculate_gain("conv_transpose2d") == 1
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1.0
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        nn.init.calculate_gain("swish")
    with pytest.raises(ValueError, match="not a valid number"):
        nn.init.calculate_gain("leaky_relu", True)
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_normal_(pb.empty(3))
    with pytest.raises(ValueError, match="Mode sideways not supported"):
        nn.init.kaiming_normal_(w, mode="sideways")
    with pytest.warns(UserWarning, match="no-op"):
        nn.init.kaiming_uniform_(pb.empty(0, 3))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_of_a_loss_are_summed_in_float32(dtype: str, reduction: str, weighted: bool) -> None:
    """The sums of such a batch are out of float16's range, and beyond bfloat16's digits."""
    pb.manual_seed(0)
    kind = getattr(pb, dtype)
    x, layer = pb.randn(20000, 8).to(kind), pb.randn(16, 8).to(kind)
    bias = pb.randn(16).to(kind)
    target = pb.arange(20000) % 16
    target[0] = -100
    weight = (pb.arange(16) / 3 + 1).to(kind) if weighted else None

    def gradients(wide: bool, options: Any) -> tuple[pb.Tensor, ...]:
        to = pb.float64 if wide else kind
        leaves = [each.to(to).requires_grad_() for each in (x, layer, bias)]
        loss = pb.nn.functional.linear_cross_entropy(
            *leaves[:2],
            target,
            linear_bias=leaves[2],
            weight=None if weight is None else weight.to(to),
            reduction=reduction,
            options=options,
        )
        total = loss.double().mean() if reduction == "none" else loss
        return loss.detach(), *pb.autograd.grad(total, leaves)

    found = gradients(False, pb.nn.LinearCrossEntropyOptions(batch_chunk_size=64))
    exact = gradients(True, None)
    digits = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5}[dtype]
    for k, (a, b) in enumerate(zip(found, exact, strict=True)):
        assert a.dtype == kind
        if k == 0 and dtype == "float16" and reduction == "sum":
            assert a.isinf().all()  # the result itself does not fit
            continue
        assert ((a.double() - b).norm() <= digits * b.norm()).item(), k
