"""Averaged models compared with PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

FUNCTIONS: dict[str, Any] = {
    "mean": lambda u: {},
    "avg_fn": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "multi_avg_fn": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "ema": lambda u: {"avg_fn": u.get_ema_avg_fn(0.75)},
    "multi_ema": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.75)},
    "own": lambda u: {"avg_fn": lambda mean, new, n: mean * 0.5 + new + n},
}


def model_of(lib: Any, integers: bool = True) -> Any:
    model = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Linear(3, 1)).double()
    model[0].register_buffer("seen", lib.zeros(2, dtype=lib.float64))
    if integers:
        model[0].register_buffer("count", lib.tensor(0))
    return model


def fill(lib: Any, model: Any, step: int) -> None:
    with lib.no_grad():
        for number, each in enumerate([*model.parameters(), *model.buffers()]):
            each.fill_(number + step * step if each.dtype == lib.int64 else number + 0.3 * step**2)


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("which", FUNCTIONS)
def test_averages(which: str, use_buffers: bool) -> None:
    found = []
    for lib in (pb, torch):
        # torch's own function for lists refuses integers.
        model = model_of(lib, integers=which != "multi_avg_fn")
        utils = lib.optim.swa_utils
        mean = utils.AveragedModel(model, use_buffers=use_buffers, **FUNCTIONS[which](utils))
        for step in range(4):
            fill(lib, model, step)
            mean.update_parameters(model)
        state = mean.state_dict()
        found.append({key: value.tolist() for key, value in state.items()})
        assert mean(lib.ones(1, 2, dtype=lib.float64)).shape == (1, 1)
    assert list(found[0]) == list(found[1])
    for key, value in found[1].items():
        assert _flat(found[0][key]) == pytest.approx(_flat(value), rel=1e-13), key


def _flat(value: Any) -> list[float]:
    if not isinstance(value, list):
        return [value]
    return [each for item in value for each in _flat(item)]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, u: u.get_ema_avg_fn(1.5),
        lambda lib, u: u.get_ema_multi_avg_fn(-0.5),
        lambda lib, u: u.AveragedModel(
            model_of(lib), avg_fn=u.get_swa_avg_fn(), multi_avg_fn=u.get_swa_multi_avg_fn()
        ),
        lambda lib, u: u.SWALR(lib.optim.SGD([lib.ones(1)]), 0.1, anneal_epochs=-1),
        lambda lib, u: u.SWALR(lib.optim.SGD([lib.ones(1)]), 0.1, anneal_strategy="other"),
        lambda lib, u: u.SWALR(lib.optim.SGD([lib.ones(1)]), [0.1, 0.2]),
    ],
)
def test_errors(make: Any) -> None:
    found = []
    for lib in (pb, torch):
        with pytest.raises(Exception) as error:
            make(lib, lib.optim.swa_utils)
        found.append((error.type, str(error.value)))
    assert found[0] == found[1]


def test_update_bn() -> None:
    found = []
    for lib in (pb, torch):
        model = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.BatchNorm1d(3)).double()
        with lib.no_grad():
            for number, p in enumerate(model.parameters()):
                p.fill_(0.5 + number)
        batches = [lib.tensor([[1.0, i], [3.0, -i]], dtype=lib.float64) for i in range(4)]
        lib.optim.swa_utils.update_bn([(b, None) for b in batches], model)
        found.append([b.tolist() for b in model.buffers()] + [model[1].momentum])
    for mine, other in zip(*found, strict=True):
        assert mine == pytest.approx(other, rel=1e-13)
