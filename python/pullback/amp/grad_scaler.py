"""``GradScaler``: a factor on the loss that keeps small gradients from being rounded to zero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["GradScaler"]


class GradScaler:
    """Scales the loss, takes the factor out of the gradients, and skips steps with infinite ones.

    Args:
        device: where the parameters are; on one that is not here the scaler warns and does nothing.
        init_scale: the first factor.
        growth_factor: by what it grows after ``growth_interval`` steps without infinite gradients.
        backoff_factor: by what it shrinks after a step that had some.
        growth_interval: a number of steps.
        enabled: False for a scaler that does nothing.

    Example:
        >>> import pullback as pb
        >>> scaler = pb.amp.GradScaler("cpu", init_scale=8.0)
        >>> x = pb.ones(1, requires_grad=True)
        >>> optimizer = pb.optim.SGD([x], lr=0.5)
        >>> scaler.scale(x.sum()).backward()
        >>> scaler.step(optimizer)
        >>> scaler.update()
        >>> x.tolist()
        [0.5]
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        _arguments.texts("GradScaler", device=device)
        _arguments.numbers(
            "GradScaler",
            init_scale=init_scale,
            growth_factor=growth_factor,
            backoff_factor=backoff_factor,
        )
        if enabled and device != "cpu":
            _core._warn(
                f"torch.{device}.amp.GradScaler is enabled, but {device.upper()} is not "
                "available.  Disabling."
            )
            enabled = False
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._device = device
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._good_steps = 0
        # By optimizer, since the last update; None where there was no gradient to look at.
        self._found_infinite: dict[int, bool | None] = {}
        self._stepped: set[int] = set()
        self._scaled = False  # whether `scale` was called

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def scale(self, outputs: Any) -> Any:
        """A tensor times the factor, or an iterable of such."""
        if not self._enabled:
            return outputs
        self._scaled = True
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, Iterable) and not isinstance(outputs, str):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _check_scaled(self, function: str) -> None:
        if not self._scaled:
            raise AssertionError(
                f"Attempted {function} but _scale is None.  This may indicate your script did not "
                "use scaler.scale(loss or outputs) earlier in the iteration."
            )

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the factor, in place.

        Raises:
            RuntimeError: they were divided already since the last ``update``, or stepped with.
        """
        if not self._enabled:
            return
        self._check_scaled("unscale_")
        if id(optimizer) in self._stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if id(optimizer) in self._found_infinite:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        found: list[bool] = []
        with pb.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    if parameter.grad.dtype == pb.float16:
                        raise ValueError(
                            "Attempting to unscale FP16 gradients. Keep the parameters in float32."
                        )
                    found.append(not bool(pb.isfinite(parameter.grad).all()))
                    parameter.grad.mul_(1.0 / self._scale)
        self._found_infinite[id(optimizer)] = any(found) if found else None

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(...)``, unless a gradient is infinite or no number.

        Raises:
            RuntimeError: it was called already since the last ``update``, or with ``closure``.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scaled("step")
        if id(optimizer) in self._stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if id(optimizer) not in self._found_infinite:
            self.unscale_(optimizer)
        if self._found_infinite[id(optimizer)] is None:
            raise AssertionError(
                "No inf checks were recorded for this optimizer: none of its parameters has a "
                "gradient."
            )
        self._stepped.add(id(optimizer))
        if self._found_infinite[id(optimizer)]:
            return None
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Change the factor by what the steps found, or to a new one."""
        if not self._enabled:
            return
        self._check_scaled("update")
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            if all(found is None for found in self._found_infinite.values()):
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(self._found_infinite.values()):
                self._scale *= self._backoff_factor
                self._good_steps = 0
            else:
                self._good_steps += 1
                if self._good_steps == self._growth_interval:
                    # As in torch, no factor that float32 cannot hold.
                    grown = self._scale * self._growth_factor
                    self._scale = grown if grown <= pb.finfo(pb.float32).max else self._scale
                    self._good_steps = 0
        self._found_infinite.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """The factor; 1 when it is not enabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """By what the factor grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Change by what the factor grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By what the factor shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Change by what the factor shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps it grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Change after how many good steps it grows."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The factor and what changes it; empty when it is not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave.

        Raises:
            RuntimeError: it is empty, that is of a scaler that was not enabled.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._good_steps = int(state_dict["_growth_tracker"])
