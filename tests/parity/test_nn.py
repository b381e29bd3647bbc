"""Modules and ``nn.functional`` compared with PyTorch: values, gradients, text, error types."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _same_numbers_every_time() -> None:
    torch.manual_seed(0)


def pair(shape: tuple[int, ...], grad: bool = False) -> tuple[Any, Any]:
    """The same numbers as one tensor of ours and one of theirs."""
    theirs = torch.randn(shape, dtype=torch.float64)
    ours = pb.tensor(theirs.tolist(), dtype=pb.float64, requires_grad=grad)
    return ours, theirs.requires_grad_(grad)


def assert_close(ours: Any, theirs: Any, tol: float = 1e-12) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
    difference = torch.tensor(ours.tolist(), dtype=torch.float64) - theirs.detach().double()
    assert difference.numel() == 0 or float(difference.abs().max()) <= tol


def both(build: Any) -> tuple[Any, Any]:
    """The same module of ours and of theirs, ours with their parameters, in float64."""
    ours, theirs = build(pb.nn).double(), build(torch.nn).double()
    state = {
        name: pb.tensor(tensor.tolist(), dtype=pb.float64)
        for name, tensor in theirs.state_dict().items()
    }
    assert repr(ours.load_state_dict(state)) == "<All keys matched successfully>"
    return ours, theirs


MODULES = {
    "relu": lambda nn: nn.ReLU(),
    "leaky_relu": lambda nn: nn.LeakyReLU(0.2),
    "elu": lambda nn: nn.ELU(0.7),
    "tanh": lambda nn: nn.Tanh(),
    "sigmoid": lambda nn: nn.Sigmoid(),
    "gelu": lambda nn: nn.GELU(),
    "gelu_tanh": lambda nn: nn.GELU("tanh"),
    "silu": lambda nn: nn.SiLU(),
    "softplus": lambda nn: nn.Softplus(2, 1.5),
    "softmax": lambda nn: nn.Softmax(dim=1),
    "log_softmax": lambda nn: nn.LogSoftmax(-1),
    "log_sigmoid": lambda nn: nn.LogSigmoid(),
    "relu6": lambda nn: nn.ReLU6(),
    "selu": lambda nn: nn.SELU(),
    "celu": lambda nn: nn.CELU(0.5),
    "mish": lambda nn: nn.Mish(),
    "softsign": lambda nn: nn.Softsign(),
    "softmin": lambda nn: nn.Softmin(0),
    "hardswish": lambda nn: nn.Hardswish(),
    "hardsigmoid": lambda nn: nn.Hardsigmoid(),
    "hardtanh": lambda nn: nn.Hardtanh(-0.5, 0.75),
    "threshold": lambda nn: nn.Threshold(0.25, -1.0),
    "glu": lambda nn: nn.GLU(),
    "tanhshrink": lambda nn: nn.Tanhshrink(),
    "prelu": lambda nn: nn.PReLU(6, 0.1),
    "linear": lambda nn: nn.Linear(6, 3),
    "linear_without_bias": lambda nn: nn.Linear(6, 3, bias=False),
    "identity": lambda nn: nn.Identity(54, unused=1),
    "flatten": lambda nn: nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Flatten()),
    "unflatten": lambda nn: nn.Unflatten(-1, (3, 2)),
    "dropout_in_eval": lambda nn: nn.Dropout(0.3).eval(),
    "mlp": lambda nn: nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6), nn.ReLU()),
}


# PyTorch's gradient of hardsigmoid takes 1/6 as a float32, whatever the dtype.
GRADIENT_TOLERANCE = {"hardsigmoid": 1e-7}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    ours, theirs = both(MODULES[name])
    assert repr(ours) == repr(theirs)
    x, tx = pair((4, 6), grad=True)
    y, ty = ours(x), theirs(tx)
    assert_close(y, ty)
    (y * y).sum().backward()
    (ty * ty).sum().backward()
    assert_close(x.grad, tx.grad, GRADIENT_TOLERANCE.get(name, 1e-12))
    for (key, p), (tkey, tp) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert key == tkey
        assert_close(p.grad, tp.grad)


@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.Sequential(),
        lambda nn: nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(True)]),
        lambda nn: nn.ModuleList([nn.Sequential(nn.Tanh()), nn.Sequential(nn.Tanh())]),
        lambda nn: nn.ModuleDict({"a": nn.ELU(2.0, inplace=True), "b": nn.ModuleDict()}),
        lambda nn: nn.Sequential(nn.SiLU(True), nn.LeakyReLU(inplace=True), nn.Dropout(0.1)),
        lambda nn: nn.Sequential(nn.Softmax(), nn.Unflatten(1, (2, 3)), nn.CrossEntropyLoss()),
    ],
)
def test_text(build: Any) -> None:
    assert repr(build(pb.nn)) == repr(build(torch.nn))


@pytest.mark.parametrize(
    "name",
    [
        "Linear",
        "Dropout",
        "GELU",
        "Softmax",
        "CrossEntropyLoss",
        "MSELoss",
        "NLLLoss",
        "L1Loss",
        "BCEWithLogitsLoss",
        "ReLU",
        "Softplus",
        "Flatten",
        "Unflatten",
        "ELU",
        "LeakyReLU",
    ],
)
def test_parameters_of_the_constructors(name: str) -> None:
    ours = inspect.signature(getattr(pb.nn, name)).parameters.values()
    theirs = inspect.signature(getattr(torch.nn, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("MSELoss", {}),
        ("L1Loss", {}),
        ("SmoothL1Loss", {"beta": 0.5}),
        ("HuberLoss", {"delta": 0.5}),
        ("KLDivLoss", {"log_target": True}),
        ("BCEWithLogitsLoss", {}),
        ("BCELoss", {}),
    ],
)
def test_elementwise_losses(name: str, settings: dict[str, Any], reduction: str) -> None:
    x, tx = pair((4, 3), grad=True)
    target, ttarget = pair((4, 3))
    y, ty = x * 1, tx * 1
    if name.startswith("BCE"):
        target, ttarget = target.sigmoid(), ttarget.sigmoid()
    if name == "BCELoss":
        y, ty = x.sigmoid(), tx.sigmoid()
    loss = getattr(pb.nn, name)(reduction=reduction, **settings)(y, target)
    tloss = getattr(torch.nn, name)(reduction=reduction, **settings)(ty, ttarget)
    assert_close(loss, tloss)
    loss.sum().backward()
    tloss.sum().backward()
    assert_close(x.grad, tx.grad)


@pytest.mark.parametrize(
    "build", [lambda nn: nn.CosineSimilarity(0), lambda nn: nn.PairwiseDistance(3.0, keepdim=True)]
)
def test_distances(build: Any) -> None:
    x, tx = pair((4, 3), grad=True)
    y, ty = pair((4, 3), grad=True)
    result, expected = build(pb.nn)(x, y), build(torch.nn)(tx, ty)
    assert_close(result, expected)
    result.sum().backward()
    expected.sum().backward()
    assert_close(x.grad, tx.grad)
    assert_close(y.grad, ty.grad)


@pytest.mark.parametrize("weighted", [(False, False), (True, False), (False, True), (True, True)])
def test_binary_cross_entropy_weights(weighted: tuple[bool, bool]) -> None:
    x, tx = pair((4, 3), grad=True)
    target, ttarget = (
        pb.full((4, 3), 0.3, dtype=pb.float64),
        torch.full((4, 3), 0.3, dtype=torch.float64),
    )
    weights = [[0.5, 2.0, 1.0] if on else None for on in weighted]
    w, pos = [None if v is None else pb.tensor(v, dtype=pb.float64) for v in weights]
    tw, tpos = [None if v is None else torch.tensor(v, dtype=torch.float64) for v in weights]
    loss = pb.nn.BCEWithLogitsLoss(w, pos_weight=pos)(x, target)
    tloss = torch.nn.BCEWithLogitsLoss(tw, pos_weight=tpos)(tx, ttarget)
    assert_close(loss, tloss)
    loss.backward()
    tloss.backward()
    assert_close(x.grad, tx.grad)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("shape", [(5, 4), (4,), (3, 4, 2)])
def test_cross_entropy_with_classes(
    shape: tuple[int, ...], ignore: int, weighted: bool, smoothing: float, reduction: str
) -> None:
    x, tx = pair(shape, grad=True)
    where = shape[:1] + shape[2:] if len(shape) > 1 else ()
    classes = torch.arange(math.prod(where)).reshape(where) % 4
    target = pb.tensor(classes.tolist())
    values = [0.5, 1.5, 2.0, 1.0]
    kwargs: dict[str, Any] = {
        "ignore_index": ignore,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    w = pb.tensor(values, dtype=pb.float64) if weighted else None
    tw = torch.tensor(values, dtype=torch.float64) if weighted else None
    loss = pb.nn.CrossEntropyLoss(w, **kwargs)(x, target)
    tloss = torch.nn.CrossEntropyLoss(tw, **kwargs)(tx, classes)
    assert_close(loss, tloss)
    loss.sum().backward()
    tloss.sum().backward()
    assert_close(x.grad, tx.grad)
    if smoothing == 0.0:
        loss = pb.nn.NLLLoss(w, ignore_index=ignore, reduction=reduction)(x, target)
        tloss = torch.nn.NLLLoss(tw, ignore_index=ignore, reduction=reduction)(tx, classes)
        assert_close(loss, tloss)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_with_probabilities(weighted: bool, smoothing: float, reduction: str) -> None:
    x, tx = pair((5, 4), grad=True)
    raw, traw = pair((5, 4), grad=True)
    values = [0.5, 1.5, 2.0, 1.0]
    w = pb.tensor(values, dtype=pb.float64) if weighted else None
    tw = torch.tensor(values, dtype=torch.float64) if weighted else None
    kwargs: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    loss = pb.nn.CrossEntropyLoss(w, **kwargs)(x, pb.nn.functional.softmax(raw, dim=1))
    tloss = torch.nn.CrossEntropyLoss(tw, **kwargs)(tx, torch.softmax(traw, dim=1))
    assert_close(loss, tloss)
    loss.sum().backward()
    tloss.sum().backward()
    assert_close(x.grad, tx.grad)
    assert_close(raw.grad, traw.grad)


def test_older_reduction_arguments() -> None:
    for old in ({"size_average": False}, {"reduce": False}, {"size_average": True}):
        with pytest.warns(UserWarning, match="size_average and reduce"):
            ours = pb.nn.MSELoss(**old)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert ours.reduction == torch.nn.MSELoss(**old).reduction


def test_functions() -> None:
    x, tx = pair((4, 3), grad=True)
    F, TF = pb.nn.functional, torch.nn.functional
    for p in (1.0, 2.0, 3.0):
        assert_close(F.normalize(x, p=p, dim=0), TF.normalize(tx, p=p, dim=0))
    zeros = pb.zeros(2, 3, dtype=pb.float64)
    assert F.normalize(zeros).tolist() == [[0.0] * 3] * 2
    classes = [[0, 3], [1, 1]]
    assert_close(F.one_hot(pb.tensor(classes)), TF.one_hot(torch.tensor(classes)))
    far = [-1e4, -50.0, -1e-9, 0.0, 1e-9, 30.0, 50.0, 1e4]
    ours = pb.tensor(far, dtype=pb.float64, requires_grad=True)
    theirs = torch.tensor(far, dtype=torch.float64, requires_grad=True)
    assert_close(F.logsigmoid(ours), TF.logsigmoid(theirs))
    F.logsigmoid(ours).sum().backward()
    TF.logsigmoid(theirs).sum().backward()
    assert_close(ours.grad, theirs.grad)


def test_state_dict_keys_and_errors() -> None:
    def build(nn: Any) -> Any:
        return nn.Sequential(nn.Linear(2, 3), nn.ModuleDict({"a": nn.Linear(3, 1, bias=False)}))

    ours, theirs = build(pb.nn), build(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata
    bad = ["0.weight", "2.x", "1.a.weight", "1.a.more", "1.b", "y"]
    messages = []
    for lib, module in ((pb, ours), (torch, theirs)):
        with pytest.raises(RuntimeError) as caught:
            module.load_state_dict({key: lib.ones(3, 2) for key in bad})
        messages.append(str(caught.value).replace("torch.Size", "Size"))
    assert messages[0].replace("pullback.Size", "Size") == messages[1]


def test_gains() -> None:
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert pb.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
