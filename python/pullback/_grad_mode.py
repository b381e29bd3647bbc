"""The switches of recording: no_grad, enable_grad, set_grad_enabled, inference_mode.

Each is a context manager and a decorator.  The state is thread-local and lives in the core; these
classes set it and put it back, also when an exception passes.  A decorated generator has the mode
while its body runs and its caller's mode in between.
"""

from __future__ import annotations

from pullback import _arguments, _core

TYPE_CHECKING = False  # importing typing costs more than the rest of pullback
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeVar

    from typing_extensions import Self

    F = TypeVar("F", bound="Callable[..., Any]")

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]

_is_enabled = _core.is_grad_enabled
_set_enabled = _core._set_grad_enabled


class _Mode:
    """A context manager that is a decorator, too; ``clone`` makes one for a single call."""

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def clone(self) -> Self:
        """A fresh context with the same setting."""
        return type(self)()

    def __call__(self, function: F) -> F:
        """Decorate a function or, which is deprecated, the ``__init__`` of a class."""
        import functools
        import inspect

        if inspect.isclass(function):
            import warnings

            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You "
                "should only decorate functions or methods. To preserve the current behavior of "
                "class decoration, you can directly decorate the `__init__` method and nothing "
                "else.",
                FutureWarning,
                stacklevel=2,
            )
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import functools

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            try:
                with self.clone():
                    response = next(generator)
                while True:
                    try:
                        request = yield response
                    except GeneratorExit:
                        with self.clone():
                            generator.close()
                        raise
                    except BaseException as error:  # noqa: BLE001 - whatever the caller threw in
                        with self.clone():
                            response = generator.throw(error)
                    else:
                        with self.clone():
                            response = generator.send(request)
            except StopIteration as stop:
                return stop.value

        return wrapper


class no_grad(_Mode):
    """Operations inside are not recorded.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(2, requires_grad=True)
        >>> with pb.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    def __new__(cls, function: Any = None) -> Any:
        """``@no_grad`` without parentheses decorates, as in torch."""
        if function is not None:
            _arguments.functions("no_grad", function=function)
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self) -> None:
        self._before = _is_enabled()
        _set_enabled(False)

    def __exit__(self, *exc: object) -> None:
        _set_enabled(self._before)


class enable_grad(_Mode):
    """Operations inside are recorded again, within ``no_grad``.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(2, requires_grad=True)
        >>> with pb.no_grad(), pb.enable_grad():
        ...     y = x * 2
        >>> y.requires_grad
        True
    """

    def __new__(cls, function: Any = None) -> Any:
        """``@enable_grad`` without parentheses decorates, as in torch."""
        if function is not None:
            _arguments.functions("enable_grad", function=function)
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self) -> None:
        self._before = _is_enabled()
        _set_enabled(True)

    def __exit__(self, *exc: object) -> None:
        _set_enabled(self._before)


class set_grad_enabled(_Mode):
    """Switches recording on or off, at once when called as a function.

    Example:
        >>> import pullback as pb
        >>> with pb.set_grad_enabled(False):
        ...     pb.is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        self._before = _is_enabled()
        self.mode = mode
        _set_enabled(mode)

    def __call__(self, function: F) -> F:
        """As a decorator it leaves the caller's mode as it was."""
        _set_enabled(self._before)
        return super().__call__(function)

    def __enter__(self) -> None:
        _set_enabled(self.mode)

    def __exit__(self, *exc: object) -> None:
        _set_enabled(self._before)

    def clone(self) -> Self:
        """A fresh context with the same setting."""
        return type(self)(self.mode)


class inference_mode(_Mode):
    """Like ``no_grad``, and tensors made inside can never take part in recording.

    Example:
        >>> import pullback as pb
        >>> with pb.inference_mode():
        ...     y = pb.ones(2) * 2
        >>> y.is_inference()
        True
    """

    def __new__(cls, mode: Any = True) -> Any:
        """``@inference_mode`` without parentheses decorates, as in torch."""
        if not isinstance(mode, bool) and not callable(mode):
            _arguments.refuse("inference_mode", "mode", "bool", mode)
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        self.mode = True
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self._before = (
            _is_enabled(),
            _core.is_inference_mode_enabled(),
            _core._is_fwd_grad_enabled(),
        )
        _core._set_inference_mode(self.mode)
        _set_enabled(not self.mode)
        _core._set_fwd_grad_enabled(not self.mode)

    def __exit__(self, *exc: object) -> None:
        grad, inference, forward = self._before
        _core._set_inference_mode(inference)
        _set_enabled(grad)
        _core._set_fwd_grad_enabled(forward)

    def clone(self) -> Self:
        """A fresh context with the same setting."""
        return type(self)(self.mode)
