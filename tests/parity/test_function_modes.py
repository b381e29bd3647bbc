"""Function modes and engine callbacks beside torch: what a mode sees, and when callbacks run."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LINES = """
L.ones(2) + 1
L.tensor([1.0]).sum()
L.arange(3)[1].item()
L.zeros(2, 2).shape
L.cat([L.ones(1), L.zeros(1)])
L.nn.functional.dropout(L.ones(2), 0.0)
x * 2 - 1
x @ x.T
-x
x == x
x[0] + x[:, 1]
L.add(x, x, alpha=2)
L.stack([x, x]).mean(0)
x.requires_grad_().sum().backward()
x.clone().fill_(2)
x.view(4).tolist()
x.numel()
s + 1
s.T
L.add(s, x)
L.linspace(0, 1, 3)
L.as_tensor([1.0])
L.is_tensor(x)
L.nn.Parameter(x) + 1
""".strip().splitlines()


def _name(library: Any, func: Any) -> str:
    name = library.overrides.resolve_name(func) or getattr(func, "__name__", str(func))
    return name.replace("torch.nn.functional.", "torch.").replace("__eq__", "eq")


def seen(library: Any, line: str) -> Any:
    """The names of what a mode sees of a line, and the class of what it gives."""
    log: list[str] = []

    class Mode(library.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            log.append(_name(library, func))
            return func(*args, **(kwargs or {}))

    class S(library.Tensor):  # type: ignore[misc]
        pass

    x = library.ones(2, 2)
    names = {"L": library, "x": x, "s": x.clone().as_subclass(S)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Mode():
            value = eval(line, names)
    return type(value).__name__, log


@pytest.mark.parametrize("line", LINES)
def test_what_a_mode_sees(line: str) -> None:
    assert seen(pb, line) == seen(torch, line)


def callbacks(library: Any) -> list[Any]:
    log: list[Any] = []
    queue = library.autograd.Variable._execution_engine.queue_callback
    x = library.ones(2, requires_grad=True)
    y = x * 3

    def hook(grad: Any) -> None:
        queue(lambda: log.append(("one", x.grad.tolist())))
        queue(lambda: queue(lambda: log.append("three")))
        log.append("hook")

    y.register_hook(hook)
    x.register_post_accumulate_grad_hook(lambda p: log.append("leaf"))
    y.sum().backward()
    library.autograd.grad((x * 2).sum(), x)
    return log


def test_callbacks_at_the_end_of_a_pass() -> None:
    assert callbacks(pb) == callbacks(torch)
