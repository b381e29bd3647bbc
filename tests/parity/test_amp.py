"""``GradScaler`` and ``autocast`` beside torch, as far as there is a CPU only."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def trained(t: Any, losses: list[float], **options: Any) -> list[Any]:
    """What a scaler does over steps whose loss has these factors."""
    x = t.ones(3, requires_grad=True)
    optimizer = t.optim.SGD([x], lr=0.1)
    scaler = t.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2, **options)
    seen = []
    for factor in losses:
        optimizer.zero_grad()
        scaler.scale((x * x).sum() * factor).backward()
        if factor == 2.0:
            scaler.unscale_(optimizer)
            seen.append(x.grad.tolist())
        scaler.step(optimizer)
        scaler.update()
        seen += [scaler.get_scale(), x.tolist(), scaler.state_dict()]
    return seen


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("factor", [1.0, 2.0, math.inf, math.nan])
def test_steps(enabled: bool, factor: float) -> None:
    losses = [1.0, factor, 1.0, 1.0, 1.0, 1.0]
    found, expected = (trained(t, losses, enabled=enabled) for t in (pb, torch))
    assert repr(found) == repr(expected)  # NaN where it is NaN


MISUSE = {
    "twice": "s.scale(y).backward(); s.step(o); s.step(o)",
    "unscaled twice": "s.scale(y).backward(); s.unscale_(o); s.unscale_(o)",
    "unscaled late": "s.scale(y).backward(); s.step(o); s.unscale_(o)",
    "nothing found": "s.scale(y); s.update()",
    "never scaled, stepped": "y.backward(); s.step(o)",
    "never scaled, unscaled": "y.backward(); s.unscale_(o)",
    "never scaled, updated": "s.update()",
    "no gradient": "s.scale(y); s.step(o)",
    "half": "s.scale(h.sum()).backward(); s.unscale_(t.optim.SGD([h], lr=1.0))",
    "a generator": "list(s.scale(each for each in [y, y]))",
    "a number": "s.scale(3)",
    "growth": "t.amp.GradScaler('cpu', growth_factor=1.0)",
    "backoff": "t.amp.GradScaler('cpu', backoff_factor=1.0)",
    "empty state": "s.load_state_dict({})",
    "closure": "s.step(o, closure=lambda: y)",
    "several": "print(s.scale([y, (y,)]))",
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name: str) -> None:
    said = []
    for t in (pb, torch):
        x = t.ones(2, requires_grad=True)
        half = t.ones(2, dtype=t.float16, requires_grad=True)
        names = {
            "h": half,
            "t": t,
            "s": t.amp.GradScaler("cpu"),
            "o": t.optim.SGD([x], lr=1.0),
            "y": x.sum(),
        }
        try:
            exec(MISUSE[name], names)
            said.append(None)
        except (RuntimeError, AssertionError, ValueError) as error:
            said.append(type(error))
    assert said[0] == said[1]


def test_the_factor_stays_in_float32() -> None:
    found = []
    for t in (pb, torch):
        scaler = t.amp.GradScaler("cpu", init_scale=3e38, growth_interval=1)
        x = t.zeros(1, requires_grad=True)
        scaler.scale((x * x).sum()).backward()
        scaler.step(t.optim.SGD([x], lr=1.0))
        scaler.update()
        found.append(scaler.get_scale())
    assert found[0] == pytest.approx(found[1])


def test_state_goes_on() -> None:
    for t in (pb, torch):
        scaler = t.amp.GradScaler("cpu", init_scale=4.0, growth_interval=7)
        other = t.amp.GradScaler("cpu")
        other.load_state_dict(scaler.state_dict())
        assert other.state_dict() == scaler.state_dict()
        assert other.get_scale() == 4.0


def test_devices_that_are_not_here_warn_and_do_nothing() -> None:
    for t in (pb, torch):
        with pytest.warns(UserWarning, match="[Dd]isabling"):
            scaler = t.amp.GradScaler("cuda")
        assert not scaler.is_enabled()
        with pytest.warns(UserWarning, match="[Dd]isabling"):
            context = t.autocast("cuda")
        with context:
            assert (t.ones(2, 2) @ t.ones(2, 2)).dtype == t.float32


def test_autocast_on_the_cpu_is_off_or_refused() -> None:
    with pb.autocast("cpu", enabled=False):
        assert not pb.is_autocast_enabled()

    @pb.autocast("cpu", enabled=False)
    def total(x: Any) -> Any:
        return x.sum()

    assert total(pb.ones(2)).item() == 2.0
    with pytest.raises(NotImplementedError, match="expected enabled=False"):
        pb.autocast("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pb.amp.custom_fwd(total, device_type="cpu") is total
