"""What optimizers share that update one parameter after the other, in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback.optim._settings import evaluated
from pullback.optim.optimizer import Optimizer


class EachOptimizer(Optimizer):
    """A subclass defines ``_update``, which runs without recording."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; the result of ``closure``, called before, if it is given."""
        loss = None if closure is None else evaluated(closure)
        with pb.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._update(p, p.grad, self.state[p], group)
        return loss

    def _update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError
