"""Functions with a derivative of their own: ``Function``, its context, ``once_differentiable``.

A call of ``apply`` and the node that calls ``backward`` are in the core
(csrc/bind/function_call.cpp, function_node.cpp); here is what a user reads and overrides.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from pullback import _arguments, _core
from pullback._level_kinds import VMAP
from pullback._pytree import tree_leaves

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "once_differentiable",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class FunctionCtx:
    """What ``forward`` and ``backward`` of one call share; attributes may be set on it freely."""

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for ``backward``, which reads them as ``ctx.saved_tensors``.

        To be called at most once. Arguments and results of ``forward`` are kept with their history,
        so that ``backward`` can be differentiated; whether a value was overwritten in between is
        checked when it is read.
        """
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for ``jvp``, which reads them as ``ctx.saved_tensors``."""
        for tensor in tensors:
            if not (tensor is None or isinstance(tensor, _core.Tensor)):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save "
                    "non-tensors as attributes on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Name the arguments that ``forward`` modified in place; each must be returned, too."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Name the results that have no derivative, such as indices."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` and ``jvp`` get zeros (the default) or None for what is missing."""
        self.materialize_grads = value

    def mark_shared_storage(self, *_pairs: Any) -> None:
        """Deprecated, as in torch: does nothing."""
        warnings.warn(
            "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically "
            "tracked. Note that calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )


class BackwardCFunction(_core._FunctionBase, FunctionCtx):  # type: ignore[misc]
    """The context of a call, and the node of its results: ``y.grad_fn``."""

    _forward_cls: Any

    def _get_user_fn(self) -> Callable[..., Any]:
        function = self._forward_cls
        backward: Callable[..., Any] = function.backward
        if function.vjp is Function.vjp:
            return backward
        if function.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        vjp: Callable[..., Any] = function.vjp
        return vjp

    def apply(self, *args: Any) -> Any:
        """Call the user's ``backward`` with gradients."""
        boxed = self._forward_cls.boxed_grads_call
        return self._get_user_fn()(self, *([list(args)] if boxed else args))

    def apply_jvp(self, *args: Any) -> Any:
        """Call the user's ``jvp`` with tangents."""
        return self._forward_cls.jvp(self, *args)


class FunctionMeta(type):
    """Gives every subclass of ``Function`` the class of its contexts, ``<Name>Backward``."""

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        super().__init__(name, bases, attrs)
        cls._backward_cls = type(
            f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls, "__module__": __name__}
        )


class Function(FunctionCtx, metaclass=FunctionMeta):
    """A function whose derivative the user writes: override ``forward`` and ``backward``.

    Both are static methods. ``forward`` gets the context and the arguments; or, when
    ``setup_context`` is overridden too, only the arguments. It is not recorded. The function is
    called by ``apply``.

    Example:
        >>> import pullback as pb
        >>> class Square(pb.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, gradient):
        ...         (x,) = ctx.saved_tensors
        ...         return 2 * x * gradient
        >>> x = pb.tensor(3.0, requires_grad=True)
        >>> y = Square.apply(x)
        >>> y
        tensor(9., grad_fn=<SquareBackward>)
        >>> y.backward()
        >>> x.grad
        tensor(6.)
    """

    generate_vmap_rule = False
    clear_saved_tensors_on_access = False
    boxed_grads_call = False

    apply: Any = classmethod(_core._apply_function)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function will raise an error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Refused: functions are called by ``apply``."""
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method. Call "
            f"{type(self).__name__}.apply(...) instead."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the results: ``forward(ctx, *args)``, or ``forward(*args)``."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Put into ``ctx`` what ``backward`` needs, when ``forward`` gets no context."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Give a gradient for each argument, from the gradients of the results."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Give a tangent for each result, from the tangents of the arguments."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Compute all examples at once: a pair of results and their batch dimensions."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or "
            "set generate_vmap_rule=True."
        )


class InplaceFunction(Function):
    """Torch's old base of functions that can work in place; it adds nothing to ``Function``.

    Example:
        >>> import pullback as pb
        >>> class Double(pb.autograd.function.InplaceFunction):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.mark_dirty(x)
        ...         return x.mul_(2)
        ...     @staticmethod
        ...     def backward(ctx, gradient):
        ...         return gradient * 2
        >>> Double.apply(pb.ones(1))
        tensor([2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


def _bind_arguments(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], separate: bool
) -> tuple[Any, ...]:
    """The positional arguments that a call of ``forward`` with keywords stands for.

    With ``separate``, ``forward`` gets no context, and missing arguments get their defaults.
    """
    signature = inspect.signature(forward)
    if separate:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            _refuse_keyword_tensors(bound.kwargs)
            _refuse_keyword(next(iter(bound.kwargs)))
        return bound.args
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in kinds][1:]
    taken = dict(zip(names, args, strict=False))
    for name in kwargs:
        if name not in names:
            _refuse_keyword(name)
        if name in taken:
            raise TypeError(f"forward() got multiple values for argument {name!r}")
    last = max(names.index(name) for name in kwargs)
    for position, name in enumerate(names[: last + 1]):
        if name not in taken and name not in kwargs:
            raise TypeError(f"forward() missing required argument: {name!r} (position {position})")
    return (*args, *(kwargs[name] for name in names[len(args) : last + 1]))


def _refuse_keyword_tensors(kwargs: dict[str, Any]) -> None:
    kinds = _core._level_kinds()
    tensors = any(isinstance(leaf, _core.Tensor) for leaf in tree_leaves(kwargs))
    if tensors and kinds and kinds[-1] == VMAP:
        raise NotImplementedError(
            "Run vmap on autograd.Function with kwarg-only Tensor args. Please do not pass "
            f"kwarg-only Tensors to autograd.Function. Got: {kwargs}"
        )


def _refuse_keyword(name: str) -> None:
    raise TypeError(f"forward() got an unexpected keyword argument {name!r}")


_core._set_function_defaults(Function, _bind_arguments)


def once_differentiable(fn: _F) -> _F:
    """Decorate a ``backward`` that cannot be differentiated: trying to is then an error.

    Example:
        >>> import pullback as pb
        >>> from pullback.autograd.function import once_differentiable
        >>> class Double(pb.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     @once_differentiable
        ...     def backward(ctx, gradient):
        ...         return pb.from_numpy(gradient.numpy() * 2)
        >>> x = pb.ones(1, requires_grad=True)
        >>> Double.apply(x).backward()
        >>> x.grad
        tensor([2.])
    """
    _arguments.functions("once_differentiable", fn=fn)

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        recording = _core.is_grad_enabled()
        _core._set_grad_enabled(False)
        try:
            outputs = fn(ctx, *args, **kwargs)
        finally:
            _core._set_grad_enabled(recording)
        if not recording or not any(getattr(arg, "requires_grad", False) for arg in args):
            return outputs
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        delayed = _core._delayed_error(
            "trying to differentiate twice a function that was marked with @once_differentiable.",
            several,
        )
        return delayed if isinstance(outputs, tuple) else delayed[0]

    return wrapper  # type: ignore[return-value]
