"""``LBFGS``: J. Nocedal, S. Wright, "Numerical Optimization", second edition, 2006.

The direction is that of algorithm 7.4, the line search that of algorithms 3.5 and 3.6 with the
minimum of the cubic of equation 3.59 and the safeguards of M. Schmidt's minFunc. Values are kept as
0-d tensors of the parameters' dtype where PyTorch keeps them so, so that the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pullback as pb
from pullback import Tensor, _arguments
from pullback.optim._settings import check_settings, evaluated
from pullback.optim.optimizer import Optimizer

__all__ = ["LBFGS"]

# Of the conditions of Wolfe: the share of the promised decrease, and of the slope.
_DECREASE, _CURVATURE = 1e-4, 0.9
_IN_STATE = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last gradients (Nocedal and Wright, 2006, chapter 7).

    A ``step`` makes up to ``max_iter`` iterations and calls ``closure`` in each: a function that
    clears the gradients, computes the loss and its gradients, and returns the loss.

    Args:
        params: tensors of one floating dtype and any shape, or named tensors (pairs); one group.
        lr: length of a step; with a line search that of its first trial.
        max_iter: iterations of a step.
        max_eval: calls of the closure in a step; None stands for ``max_iter * 5 // 4``.
        tolerance_grad: end when no element of the gradient is larger.
        tolerance_change: end when the step or the change of the loss is smaller.
        history_size: number of gradients that are kept.
        line_search_fn: None or "strong_wolfe".

    Its state stands with the first parameter: the numbers of iterations and calls, and the history.

    Raises:
        ValueError: a negative rate, or several groups.
        RuntimeError: another ``line_search_fn``, by ``step``.

    Example:
        >>> import pullback as pb
        >>> w = pb.tensor([-1.5, 2.0], dtype=pb.float64, requires_grad=True)
        >>> optimizer = pb.optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> for _ in range(4):
        ...     loss = optimizer.step(closure)
        >>> w
        tensor([1.0000, 1.0000], dtype=torch.float64, requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        settings = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        kinds = {**dict.fromkeys(settings, "number"), "line_search_fn": ""}
        kinds["max_eval"] = "" if max_eval is None else "number"
        check_settings(type(self).__name__, settings, kinds)
        if line_search_fn is not None:
            _arguments.texts(type(self).__name__, line_search_fn=line_search_fn)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if max_eval is None:
            settings["max_eval"] = max_iter * 5 // 4
        super().__init__(params, settings)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Iterate; the loss that the first call of ``closure`` gives."""
        with pb.no_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        (group,) = self.param_groups
        rate, least_change = float(group["lr"]), group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = evaluated(closure)
        loss, calls = float(first_loss), 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if _largest(grad) <= group["tolerance_grad"]:
            return first_loss
        history = _History(state, group["history_size"])
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            is_first = state["n_iter"] == 1
            direction = history.start(grad) if is_first else history.direction(grad)
            history.before(grad, loss)
            length: Any = min(1.0, 1.0 / grad.abs().sum()) if is_first else 1.0
            length = length * rate
            history.t = length
            slope = grad.dot(direction)
            if slope > -least_change:
                break
            last_loss, new_calls = loss, 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                at = self._line(closure, direction)
                start = _Point(0, loss, grad, slope)
                found, new_calls = _line_search(
                    at, direction, start, length, group["max_eval"] - calls
                )
                history.t, loss, grad = found.step, found.value, found.grad
                self._move(direction, history.t)
            else:
                self._move(direction, length)
                if iterations != group["max_iter"]:
                    loss = float(evaluated(closure))
                    grad = self._flat_grad()
                    new_calls = 1
            calls += new_calls
            state["func_evals"] += new_calls
            if (
                iterations == group["max_iter"]
                or calls >= group["max_eval"]
                or _largest(grad) <= group["tolerance_grad"]
                or _largest(direction * history.t) <= least_change
                or abs(loss - last_loss) < least_change
            ):
                break
        history.save()
        return first_loss

    @property
    def _params(self) -> list[Any]:
        params: list[Any] = self.param_groups[0]["params"]
        return params

    def _flat_grad(self) -> Tensor:
        return pb.cat(
            [
                _reals(p.new_zeros(p.shape) if p.grad is None else p.grad).reshape(-1)
                for p in self._params
            ]
        )

    def _move(self, direction: Tensor, step: Any) -> None:
        start = 0
        for p in map(_reals, self._params):
            p.add_(direction[start : start + p.numel()].reshape(p.shape), alpha=float(step))
            start += p.numel()

    def _line(self, closure: Callable[[], Any], direction: Tensor) -> Callable[[Any], _Point]:
        """The loss along the direction; the parameters are put back."""
        places = [p.clone() for p in self._params]

        def at(step: Any) -> _Point:
            self._move(direction, step)
            value = float(evaluated(closure))
            grad = self._flat_grad()
            for p, place in zip(self._params, places, strict=True):
                p.copy_(place)
            return _Point(step, value, grad, grad.dot(direction))

        return at


class _History:
    """What the state keeps from one iteration to the next, under PyTorch's names."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.state, self.size = state, size
        for name in _IN_STATE:
            setattr(self, name, state.get(name))

    d: Any
    t: Any
    old_dirs: Any  # changes of the gradient
    old_stps: Any  # steps
    ro: Any  # 1 / their product
    H_diag: Any
    prev_flat_grad: Any
    prev_loss: Any

    def save(self) -> None:
        for name in _IN_STATE:
            self.state[name] = getattr(self, name)

    def before(self, grad: Tensor, loss: float) -> None:
        """Remember where an iteration starts."""
        if self.prev_flat_grad is None:
            self.prev_flat_grad = grad.clone()
        else:
            self.prev_flat_grad.copy_(grad)
        self.prev_loss = loss

    def start(self, grad: Tensor) -> Tensor:
        self.old_dirs, self.old_stps, self.ro, self.H_diag = [], [], [], 1
        self.d = -grad
        result: Tensor = self.d
        return result

    def direction(self, grad: Tensor) -> Tensor:
        """Algorithm 7.4, after the newest pair was taken in."""
        change, step = grad - self.prev_flat_grad, self.d * self.t
        product = change.dot(step)
        if product > 1e-10:
            if len(self.old_dirs) == self.size:
                for kept in (self.old_dirs, self.old_stps, self.ro):
                    del kept[0]
            self.old_dirs.append(change)
            self.old_stps.append(step)
            self.ro.append(1.0 / product)
            self.H_diag = product / change.dot(change)
        weights = self.state.setdefault("al", [None] * self.size)
        q = -grad
        for i in reversed(range(len(self.old_dirs))):
            weights[i] = self.old_stps[i].dot(q) * self.ro[i]
            q.add_(self.old_dirs[i], alpha=-float(weights[i]))
        self.d = q * self.H_diag
        for i, (change, step) in enumerate(zip(self.old_dirs, self.old_stps, strict=True)):
            back = change.dot(self.d) * self.ro[i]
            self.d.add_(step, alpha=float(weights[i] - back))
        result: Tensor = self.d
        return result


class _Point(NamedTuple):
    """A place on the line: how far it is, the loss, its gradient, and the slope along the line."""

    step: Any
    value: float
    grad: Tensor
    slope: Any


def _line_search(
    at: Callable[[Any], _Point],
    direction: Tensor,
    start: _Point,
    step: Any,
    limit: int,
    decrease: float = _DECREASE,
    curvature: float = _CURVATURE,
    least_change: float = 1e-9,
) -> tuple[_Point, int]:
    """A point that fulfils the strong conditions of Wolfe, or the best; and the calls made."""

    def too_high(point: _Point) -> bool:
        promised = start.value + decrease * point.step * start.slope
        return bool(point.value > promised)

    def flat(point: _Point) -> bool:
        return bool(abs(point.slope) <= -curvature * start.slope)

    # Algorithm 3.5: go on until a minimum is enclosed.
    before, point, calls = start, at(step), 1
    while True:
        if calls > limit:
            ends = [start, point]
            break
        if too_high(point) or (calls > 2 and point.value >= before.value):
            ends = [before, point]
            break
        if flat(point):
            return point, calls
        if point.slope >= 0:
            ends = [before, point]
            break
        bounds = (point.step + 0.01 * (point.step - before.step), point.step * 10)
        step = _cubic_minimum(before, point, bounds)
        before, point = point, at(step)
        calls += 1
    # Algorithm 3.6: make the interval smaller.
    low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
    largest, is_slow = _largest(direction), False
    while calls <= limit:
        near, far = min(ends[0].step, ends[1].step), max(ends[0].step, ends[1].step)
        if abs(ends[1].step - ends[0].step) * largest < least_change:
            break
        step = _cubic_minimum(ends[0], ends[1], (near, far))
        margin = 0.1 * (far - near)
        if min(far - step, step - near) < margin:
            if is_slow or step >= far or step <= near:
                step = far - margin if abs(step - far) < abs(step - near) else near + margin
                is_slow = False
            else:
                is_slow = True
        else:
            is_slow = False
        point = at(step)
        calls += 1
        if too_high(point) or point.value >= ends[low].value:
            ends[high] = point
            low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
            continue
        is_flat = flat(point)
        if not is_flat and point.slope * (ends[high].step - ends[low].step) >= 0:
            ends[high] = ends[low]
        ends[low] = point
        if is_flat:
            break
    return ends[low], calls


def _cubic_minimum(a: _Point, b: _Point, bounds: tuple[Any, Any]) -> Any:
    """Of the cubic with the values and slopes of two points (equation 3.59), within the bounds."""
    least, most = bounds
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2.0
    d2 = square.sqrt()
    if a.step > b.step:
        a, b = b, a
    found = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(found, least), most)


def _reals(x: Tensor) -> Tensor:
    """A complex element as two real ones."""
    return pb.view_as_real(x) if x.is_complex() else x


def _largest(x: Tensor) -> Any:
    return x.abs().max()


# PyTorch's forms of the line search, which programs import.


def _strong_wolfe(
    obj_func: Callable[[Any, Any, Any], tuple[Any, Tensor]],
    x: Any,
    t: Any,
    d: Tensor,
    f: Any,
    g: Tensor,
    gtd: Any,
    c1: float = _DECREASE,
    c2: float = _CURVATURE,
    tolerance_change: float = 1e-9,
    max_ls: int = 25,
) -> tuple[Any, Tensor, Any, int]:
    """The loss, its gradient and the step of the point found, and how often the loss was asked for.

    ``obj_func(x, t, d)`` gives the loss and its gradient a step ``t`` from ``x`` along ``d``, where
    at ``x`` these are ``f`` and ``g``, and the slope along the line ``gtd``.
    """

    def at(step: Any) -> _Point:
        value, grad = obj_func(x, step, d)
        return _Point(step, value, grad, grad.dot(d))

    start = _Point(0, f, g, gtd)
    found, calls = _line_search(at, d, start, t, max_ls, c1, c2, tolerance_change)
    return found.value, found.grad, found.step, calls


def _cubic_interpolate(
    x1: Any, f1: Any, g1: Any, x2: Any, f2: Any, g2: Any, bounds: tuple[Any, Any] | None = None
) -> Any:
    """The minimum of the cubic through two points, by their places, values and slopes."""
    between = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    return _cubic_minimum(_Point(x1, f1, g1, g1), _Point(x2, f2, g2, g2), between)
