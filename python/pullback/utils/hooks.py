"""Handles of hooks: what ``register_hook`` and its like return.

Hooks are kept in an ``OrderedDict`` from the number of a handle to the function, and a handle
refers to that dictionary weakly: it keeps nothing alive, and what it belonged to may be gone.
"""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pullback import _core

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]

F = TypeVar("F", bound=Callable[..., Any])


class RemovableHandle:
    """Takes a hook away, by ``remove()`` or at the end of a ``with`` block.

    Args:
        hooks_dict: the dictionary that has the hook under ``self.id``.
        extra_dict: one dictionary or several with more entries of the same number.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor(1.0, requires_grad=True)
        >>> with x.register_hook(lambda grad: grad * 10):
        ...     (x * 2).backward()
        >>> x.grad
        tensor(20.)
        >>> x._backward_hooks
        OrderedDict()
    """

    id: int
    next_id: int = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extra = () if extra_dict is None else extra_dict
        extra = extra if isinstance(extra, (list, tuple)) else (extra,)
        self.extra_dict_ref = tuple(weakref.ref(each) for each in extra)

    def remove(self) -> None:
        """Take the hook away; does nothing the second time."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> Any:
        return self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref)

    def __setstate__(self, state: Any) -> None:
        hooks, self.id, *rest = state
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks is None else hooks)
        extra = rest[0] if rest else ()
        self.extra_dict_ref = tuple(
            weakref.ref(OrderedDict() if each is None else each) for each in extra
        )
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _register(hooks: Any, hook: Any) -> tuple[Any, RemovableHandle]:
    """Put ``hook`` into the dictionary, a new one for None; the dictionary and the handle."""
    if hooks is None:
        hooks = OrderedDict()
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    _core._track_held(hook)
    return hooks, handle


def unserializable_hook(f: F) -> F:
    """Mark a hook that may be lost without a warning when its tensor is pickled.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.hooks import unserializable_hook
        >>> @unserializable_hook
        ... def double(gradient):
        ...     return gradient * 2
        >>> handle = pb.ones(1, requires_grad=True).register_hook(double)
    """
    vars(f)["__torch_unserializable__"] = True
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """Warn about the hooks of a tensor that is being pickled.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.hooks import warn_if_has_hooks
        >>> warn_if_has_hooks(pb.ones(1))
    """
    for hook in (tensor._backward_hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the function with @torch.utils.hooks.unserializable_hook to "
                "suppress this warning",
                stacklevel=2,
            )
