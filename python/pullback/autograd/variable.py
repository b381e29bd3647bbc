"""``Variable``: what tensors with a history were called once, and the engine under its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback import _arguments, _core
from pullback._core import Tensor

__all__ = ["Variable"]


class _Engine:
    """``Variable._execution_engine``."""

    @staticmethod
    def queue_callback(function: Callable[[], Any]) -> None:
        """Call ``function()`` when all gradients of the pass under way are there.

        Raises:
            RuntimeError: no pass runs on this thread.

        Example:
            >>> import pullback as pb
            >>> x = pb.ones(1, requires_grad=True)
            >>> def hook(grad):
            ...     engine = pb.autograd.Variable._execution_engine
            ...     engine.queue_callback(lambda: print(x.grad))
            >>> _ = x.register_hook(hook)
            >>> (x * 2).backward()
            tensor([2.])
        """
        _core._queue_callback(function)

    @staticmethod
    def is_checkpoint_valid() -> bool:
        """Whether the pass under way takes gradients of all leaves, as ``backward()`` does."""
        return not _core._pass_selects_inputs()


class _VariableMeta(type):
    """Makes tensors of calls, and tensors instances, as when variables were a type of their own."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, _core.Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        _arguments.tensors("Variable", data=data)
        _arguments.flags("Variable", requires_grad=requires_grad, volatile=volatile)
        if volatile:
            _core._warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead."
            )
            if requires_grad:
                raise ValueError("Variable can't be volatile and require_grad at the same time!")
        return data.detach().requires_grad_(requires_grad)


class Variable(metaclass=_VariableMeta):
    """Torch's old wrapper: the tensor itself, over the same memory.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.Variable(pb.ones(1), requires_grad=True)
        tensor([1.], requires_grad=True)
    """

    _execution_engine = _Engine()
