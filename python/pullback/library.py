"""``torch.library``: operators of a program's own, in Python, with their derivatives.

``custom_op`` makes one of a function; ``Library``, ``define`` and ``impl`` do it in steps. How an
operator is called is in ``_ops.py``, schemas are in ``_schema.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _ops
from pullback._missing import refusing
from pullback._pytree import tree_leaves, tree_map
from pullback._schema import infer_schema, parsed

__all__ = [
    "CustomOpDef",
    "Library",
    "custom_op",
    "define",
    "fallthrough_kernel",
    "get_ctx",
    "impl",
    "impl_abstract",
    "infer_schema",
    "opcheck",
    "register_autocast",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_torch_dispatch",
    "register_vmap",
    "triton_op",
    "wrap_triton",
]

_Function = Callable[..., Any]


def _or_decorator(register: Callable[[_Function], None], function: _Function | None) -> Any:
    """Registers a function, or gives the decorator that does."""

    def decorator(function: _Function) -> _Function:
        register(function)
        return function

    return decorator if function is None else decorator(function)


class CustomOpDef:
    """An operator that ``custom_op`` made: it is called like its function."""

    def __init__(self, operator: _ops.Operator, function: _Function) -> None:
        self._operator = operator
        self._init_fn = function
        self.__name__ = getattr(function, "__name__", operator._name)
        self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._operator.qualname})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the operator gives."""
        return self._operator(*args, **kwargs)

    @property
    def _opoverload(self) -> _ops.Operator:
        return self._operator

    def register_autograd(
        self, backward: _Function, /, *, setup_context: _Function | None = None
    ) -> None:
        """Give it a derivative.

        Args:
            backward: ``backward(ctx, *grads)`` gives a gradient or None for every argument, a list
                for a list of tensors.
            setup_context: ``setup_context(ctx, inputs, output)`` saves what ``backward`` needs;
                with arguments by name only it takes ``keyword_only_inputs``, too.
        """
        self._operator.backward = backward
        self._operator.setup_context = setup_context

    def register_fake(self, fn: _Function, /) -> _Function:
        """Note a function that gives results without values; nothing calls it here."""
        self._operator.fake = fn
        return fn

    def register_kernel(
        self, device_types: str | Sequence[str] | None, fn: _Function | None = None, /
    ) -> Any:
        """Give it another function for some devices, of which there is "cpu"."""
        return register_kernel(self, device_types, fn)

    def register_vmap(self, func: _Function | None = None) -> Any:
        """Give it a rule for ``vmap``: ``func(info, in_dims, *args)`` gives result and out_dims."""
        return register_vmap(self, func)


def custom_op(
    name: str,
    fn: _Function | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Make an operator of a function: what happens inside of it is not recorded.

    Args:
        name: ``"namespace::name"``; it is found as ``torch.ops.namespace.name``.
        fn: the function, with annotations; used as a decorator without it.
        mutates_args: the names of arguments that it writes to.
        device_types: the devices that it is for; None for all.
        schema: its schema; by default from the annotations.
        tags: not used.

    Returns:
        A ``CustomOpDef``.

    Raises:
        ValueError: the name or an annotation is wrong.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> @pb.library.custom_op("docs::sine", mutates_args=())
        ... def sine(x: pb.Tensor) -> pb.Tensor:
        ...     return pb.from_numpy(np.sin(x.detach().numpy()))
        >>> sine.register_autograd(
        ...     lambda ctx, grad: grad * ctx.saved_tensors[0].cos(),
        ...     setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
        ... )
        >>> x = pb.zeros(2, requires_grad=True)
        >>> sine(x).sum().backward()
        >>> x.grad, pb.ops.docs.sine(pb.zeros(1))
        (tensor([1., 1.]), tensor([0.]))
    """
    del tags

    def make(function: _Function) -> CustomOpDef:
        _ops.split(name)
        own = schema or infer_schema(function, mutates_args=mutates_args)
        operator = _ops.define(name, own)
        made = CustomOpDef(operator, function)
        register_kernel(made, device_types, function)
        return made

    return make if fn is None else make(fn)


def define(qualname: str, schema: str, *, lib: Any = None, tags: Any = ()) -> None:
    """A new operator, of which only the schema is known.

    Args:
        qualname: ``"namespace::name"``.
        schema: ``"(Tensor x) -> Tensor"``.
        lib: not used.
        tags: not used.
    """
    del lib, tags
    _ops.define(qualname, schema)


_KEYS = {"cpu": "CPU", "default": "CompositeExplicitAutograd"}


def impl(
    qualname: str, types: str | Sequence[str], func: _Function | None = None, *, lib: Any = None
) -> Any:
    """Give an operator its function for some devices.

    Args:
        qualname: ``"namespace::name"``.
        types: "cpu", "default" for all, or another device.
        func: the function; used as a decorator without it.
        lib: not used.
    """
    del lib
    return register_kernel(qualname, types, func)


def register_kernel(
    op: Any,
    device_types: str | Sequence[str] | None,
    func: _Function | None = None,
    /,
    *,
    lib: Any = None,
) -> Any:
    """Give an operator another function for some devices.

    Args:
        op: an operator or its name.
        device_types: "cpu", or another device; None for all.
        func: the function; used as a decorator without it.
        lib: not used.
    """
    del lib
    listed = [device_types] if isinstance(device_types, str) else device_types or ["default"]

    def register(function: _Function) -> None:
        for each in listed:
            _ops.find(op).kernels[_KEYS.get(each, each)] = function

    return _or_decorator(register, func)


def register_autograd(
    op: Any, backward: _Function, /, *, setup_context: _Function | None = None, lib: Any = None
) -> None:
    """Give an operator a derivative, see ``CustomOpDef.register_autograd``.

    Args:
        op: an operator or its name.
        backward: the formula.
        setup_context: saves what it needs.
        lib: not used.
    """
    del lib
    operator = _ops.find(op)
    operator.backward, operator.setup_context = backward, setup_context


def register_fake(op: Any, func: _Function | None = None, /, **_: Any) -> Any:
    """Note a function that gives results without values; nothing calls it here.

    Args:
        op: an operator or its name.
        func: the function; used as a decorator without it.
    """

    def register(function: _Function) -> None:
        _ops.find(op).fake = function

    return _or_decorator(register, func)


impl_abstract = register_fake


def register_vmap(op: Any, func: _Function | None = None, /, *, lib: Any = None) -> Any:
    """Give an operator a rule for ``vmap``: ``func(info, in_dims, *args)``.

    Args:
        op: an operator or its name.
        func: gives the result and its ``out_dims``; used as a decorator without it.
        lib: not used.
    """
    del lib

    def register(function: _Function) -> None:
        _ops.find(op).vmap = function

    return _or_decorator(register, func)


class Library:
    """The operators that a program puts into one namespace.

    Args:
        ns: the namespace.
        kind: "DEF" for a new one, "IMPL" or "FRAGMENT" for one that may be there.
        dispatch_key: for which ``impl`` is meant by default.

    Example:
        >>> import pullback as pb
        >>> library = pb.library.Library("docs2", "DEF")
        >>> library.define("twice(Tensor x) -> Tensor")
        'twice'
        >>> library.impl("twice", lambda x: 2 * x, "CPU")
        >>> pb.ops.docs2.twice(pb.ones(1))
        tensor([2.])
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("DEF", "IMPL", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("aten", "prim") and kind == "DEF":
            raise ValueError(
                f"{ns} is a reserved namespace. Please try creating a library with another name."
            )
        self.ns = ns
        self.kind = kind
        self.dispatch_key = dispatch_key

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """A new operator from ``"name(Tensor x) -> Tensor"``; gives its name."""
        del alias_analysis, tags
        name, _ = parsed(schema)
        if not name:
            raise ValueError(f"Library.define: got {schema!r}, expected a name before the bracket.")
        _ops.define(f"{self.ns}::{name}", schema)
        return name

    def impl(self, op_name: Any, fn: _Function, dispatch_key: str = "", **_: Any) -> None:
        """Give an operator of the namespace its function for a dispatch key of PyTorch."""
        if not callable(fn):
            raise TypeError(
                f"Input function is required to be a callable but found type {type(fn)}"
            )
        name = op_name if not isinstance(op_name, str) else f"{self.ns}::{op_name.split('::')[-1]}"
        key = dispatch_key or self.dispatch_key or "CompositeImplicitAutograd"
        _ops.find(name).kernels[key] = fn

    def _destroy(self) -> None:
        """The operators stay."""


class OpCheckError(Exception):
    """What ``opcheck`` found."""


_CHECKS = ("test_schema", "test_autograd_registration")


def opcheck(
    op: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: str | Sequence[str] = _CHECKS,
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> dict[str, str]:
    """Look whether an operator does what its schema says, and has a derivative where it needs one.

    Args:
        op: the operator.
        args: arguments to try it with.
        kwargs: named arguments.
        test_utils: "test_schema": it writes only where the schema says, and its results have memory
            of their own; "test_autograd_registration": a gradient can flow through it.
        raise_exception: whether what is found is raised.
        atol: not used.
        rtol: not used.

    Returns:
        "SUCCESS", or what was found, by the names of the tests.

    Raises:
        OpCheckError: a test failed.
        NotImplementedError: another test is asked for: there are no fake tensors and no compiler.
    """
    del atol, rtol
    operator = _ops.find(op)
    tests = [test_utils] if isinstance(test_utils, str) else list(test_utils)
    found: dict[str, str] = {}
    for test in tests:
        if test not in _CHECKS:
            raise NotImplementedError(
                f"opcheck: got the test {test!r}, expected some of {_CHECKS}: there are no fake "
                "tensors and no compiler to try the operator with."
            )
        run = _try_schema if test == "test_schema" else _try_autograd
        try:
            run(operator, args, kwargs or {})
            found[test] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise OpCheckError(f"opcheck(op, ...): {test} failed with {error}") from error
            found[test] = str(error)
    return found


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def _try_schema(operator: _ops.Operator, args: Any, kwargs: Any) -> None:
    values = operator._bound(args, kwargs)
    used = tree_map(_copied, values)
    operator._computed(operator.kernel()[0], used)
    for each, before, after in zip(operator.parameters, values, used, strict=True):
        pairs = zip(tree_leaves(before), tree_leaves(after), strict=True)
        changed = any(isinstance(a, Tensor) and not _is_same(a.detach(), b) for a, b in pairs)
        if changed and not each.writes:
            raise RuntimeError(
                f"Argument {each.name} is not defined as mutable but was mutated: "
                f"{operator._schema}"
            )


def _try_autograd(operator: _ops.Operator, args: Any, kwargs: Any) -> None:
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    if not wanted:
        return
    results = [r for r in tree_leaves(operator(*args, **kwargs)) if isinstance(r, Tensor)]
    floating = [r for r in results if r.is_floating_point() and r.requires_grad]
    if floating:
        pb.autograd.grad([r.sum() for r in floating], wanted, allow_unused=True)


fallthrough_kernel = refusing("library.fallthrough_kernel")
get_ctx = refusing("library.get_ctx")
register_autocast = refusing("library.register_autocast")
register_torch_dispatch = refusing("library.register_torch_dispatch")
triton_op = refusing("library.triton_op")
wrap_triton = refusing("library.wrap_triton")
