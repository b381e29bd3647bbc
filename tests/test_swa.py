"""Averaged models, by hand."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import pullback as pb
from pullback import nn
from pullback.optim import swa_utils


def model_of(value: float = 0.0) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False).double()
    model.register_buffer("seen", pb.zeros(1))
    return set_to(model, value)


def set_to(model: Any, value: float) -> Any:
    with pb.no_grad():
        model.weight.fill_(value)
        model.seen.fill_(value)
    return model


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1.0, 1.5, 3.0]),
        ({"avg_fn": swa_utils.get_swa_avg_fn()}, [1.0, 1.5, 3.0]),
        ({"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}, [1.0, 1.5, 3.0]),
        ({"avg_fn": swa_utils.get_ema_avg_fn(0.75)}, [1.0, 1.25, 2.4375]),
        ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.75)}, [1.0, 1.25, 2.4375]),
        ({"avg_fn": lambda mean, new, n: mean + new * n}, [1.0, 3.0, 15.0]),
    ],
)
def test_means(settings: dict[str, Any], expected: list[float], use_buffers: bool) -> None:
    model = model_of()
    mean = swa_utils.AveragedModel(model, use_buffers=use_buffers, **settings)
    for value, wanted in zip((1.0, 2.0, 6.0), expected, strict=True):
        mean.update_parameters(set_to(model, value))
        assert mean.module.weight.item() == pytest.approx(wanted, rel=1e-7)
        assert mean.module.seen.item() == pytest.approx(wanted if use_buffers else value)
    assert (model.weight.item(), int(mean.n_averaged)) == (6.0, 3)
    assert mean(pb.ones(1, 1, dtype=pb.float64)).item() == pytest.approx(expected[-1], rel=1e-7)
    assert all(not p.grad_fn and p.requires_grad for p in mean.parameters())


def test_integers_have_means_too() -> None:
    for update, wanted in (
        (swa_utils.get_swa_multi_avg_fn(), 2),
        (swa_utils.get_ema_multi_avg_fn(0.5), 3),
    ):
        mean = pb.tensor([1])
        update([mean], [pb.tensor([5])], pb.tensor(3))
        assert (mean.tolist(), mean.dtype) == ([wanted], pb.int64)


def test_states_and_copies() -> None:
    mean = swa_utils.AveragedModel(model_of())
    for value in (1.0, 3.0):
        mean.update_parameters(model_of(value))
    again = swa_utils.AveragedModel(model_of())
    again.load_state_dict(pickle.loads(pickle.dumps(mean.state_dict())))
    third = copy.deepcopy(mean)
    for each in (mean, again, third):
        each.update_parameters(model_of(8.0))
        assert each.module.weight.item() == pytest.approx(4.0)
    assert list(mean.state_dict()) == ["n_averaged", "module.weight", "module.seen"]


def test_update_bn() -> None:
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Identity()).eval()
    norm = model[0]
    norm.running_mean.fill_(99.0)
    batches = [pb.tensor([[1.0], [3.0]]), (pb.tensor([[6.0], [8.0]]), "label")]
    swa_utils.update_bn(batches, model, device="cpu")
    assert norm.running_mean.tolist() == [4.5]
    assert norm.running_var.tolist() == [2.0]
    assert (norm.momentum, norm.training, int(norm.num_batches_tracked)) == (0.1, False, 2)
    swa_utils.update_bn(iter(()), nn.Identity())


def test_misuse() -> None:
    with pytest.raises(AssertionError, match="Only one of"):
        swa_utils.AveragedModel(model_of(), avg_fn=max, multi_avg_fn=max)
    with pytest.raises(TypeError, match="argument 'model' must be Module"):
        swa_utils.AveragedModel(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Invalid decay value 2"):
        swa_utils.get_ema_avg_fn(2)
    with pytest.raises(ValueError, match="anneal_strategy must be"):
        swa_utils.SWALR(pb.optim.SGD([pb.ones(1)]), 0.1, anneal_strategy="up")
