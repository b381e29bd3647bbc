"""``torch.ops``: operators that programs define, by namespace and name.

A call goes to the kernel of an operator as an autograd function, so that the formula that was
registered is its derivative; without one a backward pass through it raises. Start at
``Operator.__call__``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import pullback as pb
from pullback import Tensor
from pullback._pytree import tree_flatten, tree_leaves
from pullback._schema import Parameter, parsed
from pullback.autograd import Function
from pullback.autograd.graph import increment_version

__all__ = ["Operator", "find", "ops"]

# Kernels that are put together from recorded operators: called as they are.
_COMPOSITE = ("CompositeImplicitAutograd", "Autograd", "AutogradCPU")


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


class Operator:
    """An operator of a namespace: its schema, and what was registered for it."""

    def __init__(self, namespace: str, name: str, schema: str) -> None:
        self.namespace = namespace
        self._name = name
        self.schema = schema
        self.parameters: list[Parameter] = parsed(schema)[1]
        self.kernels: dict[str, Callable[..., Any]] = {}
        self.backward: Callable[..., Any] | None = None
        self.setup_context: Callable[..., Any] | None = None
        self.vmap: Callable[..., Any] | None = None
        self.fake: Callable[..., Any] | None = None

    @property
    def qualname(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}::{self._name}"

    @property
    def default(self) -> Operator:
        """Itself: an operator has one form."""
        return self

    @property
    def _schema(self) -> str:
        return f"{self.qualname}{self.schema[self.schema.index('(') :]}"

    def __repr__(self) -> str:
        return f"{self.namespace}.{self._name}"

    # --- a call ---

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """A value for every parameter."""
        kinds = inspect.Parameter
        signature = inspect.Signature(
            [
                kinds(
                    each.name,
                    kinds.KEYWORD_ONLY if each.keyword_only else kinds.POSITIONAL_OR_KEYWORD,
                    default=each.default,
                )
                for each in self.parameters
            ]
        )
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise RuntimeError(f"{self.qualname}() {error}. Declaration: {self._schema}") from None
        bound.apply_defaults()
        for each in self.parameters:
            self._check(each, bound.arguments[each.name])
        return [bound.arguments[each.name] for each in self.parameters]

    def _check(self, parameter: Parameter, value: Any) -> None:
        wanted: dict[str, tuple[type, ...]] = {
            "Tensor": (Tensor,),
            "SymInt": (int,),
            "int": (int,),
            "float": (float, int),
            "bool": (bool,),
            "str": (str,),
        }
        kinds = wanted.get(parameter.type)
        if kinds is None:
            return
        is_bool = isinstance(value, bool) and bool not in kinds
        as_number = parameter.type in ("SymInt", "float", "int") and isinstance(value, Tensor)
        if (not isinstance(value, kinds) and not as_number) or is_bool:
            raise RuntimeError(
                f"{self.qualname}() Expected a value of type '{parameter.type}' for argument "
                f"'{parameter.name}' but instead found type '{type(value).__name__}'. "
                f"Declaration: {self._schema}"
            )

    def kernel(self) -> tuple[Callable[..., Any], bool]:
        """The function for the CPU, and whether its own operators are recorded."""
        for key in _COMPOSITE:
            if key in self.kernels:
                return self.kernels[key], True
        for key in ("CPU", "CompositeExplicitAutograd", "default"):
            if key in self.kernels:
                return self.kernels[key], False
        raise NotImplementedError(
            f"Could not run '{self.qualname}' with arguments from the 'CPU' backend: no kernel was "
            f"registered for it; there are {sorted(self.kernels)}."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the kernel gives.

        Raises:
            RuntimeError: the arguments do not fit the schema; a result shares memory with an
                argument; an argument that is written to requires a gradient.
            NotImplementedError: there is no kernel for the CPU.
        """
        values = self._bound(args, kwargs)
        function, is_composite = self.kernel()
        if is_composite:
            return self._run(function, values)
        tensors = _tensors(values)
        if pb.is_grad_enabled():
            for each, value in zip(self.parameters, values, strict=True):
                if each.writes and any(leaf.requires_grad for leaf in _tensors(value)):
                    raise RuntimeError(
                        f"{self.qualname}: the argument {each.name!r} is written to and requires a "
                        "gradient, for which an operator can have no formula. Give it a detached "
                        "tensor, or write a new one."
                    )
        if not any(t.requires_grad for t in tensors) and not self._is_in_transform(tensors):
            with pb.no_grad():
                return self._computed(function, values)
        return _applied(self, function, values)

    @staticmethod
    def _is_in_transform(tensors: list[Tensor]) -> bool:
        return any(pb._core._batch_of(t) is not None for t in tensors)

    def _run(self, function: Callable[..., Any], values: list[Any]) -> Any:
        positional = [v for p, v in zip(self.parameters, values, strict=True) if not p.keyword_only]
        named = {p.name: v for p, v in zip(self.parameters, values, strict=True) if p.keyword_only}
        return function(*positional, **named)

    def _computed(self, function: Callable[..., Any], values: list[Any]) -> Any:
        """The result, whose memory must be its own; what was written to is a new version."""
        result = self._run(function, values)
        for parameter, value in zip(self.parameters, values, strict=True):
            if parameter.writes:
                increment_version(_tensors(value))
        known = {t._storage_ptr() for t in _tensors(values) if t.numel()}
        for each in tree_leaves(result):
            if isinstance(each, Tensor) and each.numel():
                place = each._storage_ptr()
                if place in known:
                    raise RuntimeError(
                        f"{self._name}: The output of this custom operator (1) must not also be an "
                        "input to this custom operator and (2) may not alias any inputs to this "
                        "custom operator or other returns. Return a clone()."
                    )
                known.add(place)
        return result


def _applied(operator: Operator, function: Callable[..., Any], values: list[Any]) -> Any:
    """A call that is recorded: tensors in lists are arguments of the function of their own."""
    leaves, spec = tree_flatten(values)
    named = {p.name for p in operator.parameters if p.keyword_only}

    def inputs(flat: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        every = zip(operator.parameters, spec.unflatten(flat), strict=True)
        pairs = [(p.name, value) for p, value in every]
        return (
            tuple(value for name, value in pairs if name not in named),
            {name: value for name, value in pairs if name in named},
        )

    def flat_gradients(gradients: Any) -> tuple[Any, ...]:
        """A gradient, or None, for every leaf of the arguments."""
        given = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
        positional = [p for p in operator.parameters if not p.keyword_only]
        if len(given) != len(positional):
            raise RuntimeError(
                f"{operator}: the formula gave {len(given)} gradients, expected one or None for "
                f"each of the {len(positional)} arguments."
            )
        found: list[Any] = []
        at = iter(given)
        for parameter, below in zip(operator.parameters, spec.children_specs, strict=True):
            own = None if parameter.keyword_only else next(at)
            if own is None or below.is_leaf():
                found += [own] * below.num_leaves
            else:
                found += below.flatten_up_to(list(own) if below.type is list else tuple(own))
        return tuple(found)

    def forward(*flat: Any) -> Any:
        return operator._computed(function, spec.unflatten(flat))

    def setup_context(ctx: Any, inputs_: tuple[Any, ...], output: Any) -> None:
        if operator.setup_context is None:
            return
        positional, keyword_only = inputs(inputs_)
        if keyword_only:
            operator.setup_context(
                ctx=ctx, inputs=positional, keyword_only_inputs=keyword_only, output=output
            )
        else:
            operator.setup_context(ctx=ctx, inputs=positional, output=output)

    def backward(ctx: Any, *gradients: Any) -> Any:
        if operator.backward is None:
            raise RuntimeError(
                f"Trying to backward through {operator}.default but no autograd formula was "
                "registered. Please use register_autograd to add one."
            )
        return flat_gradients(operator.backward(ctx, *gradients))

    def vmap(info: Any, in_dims: tuple[Any, ...], *flat: Any) -> Any:
        if operator.vmap is None:
            raise RuntimeError(
                f"{operator}: no rule for vmap was registered. Please use register_vmap to add one."
            )
        positional, keyword_only = inputs(flat)
        dims, _ = inputs(in_dims)
        return operator.vmap(info, dims, *positional, **keyword_only)

    rules = {f.__name__: staticmethod(f) for f in (forward, setup_context, backward, vmap)}
    name = f"GeneratedBackwardFor_{operator.namespace}_{operator._name}_default"
    meta: Any = type(Function)
    call = meta(name, (Function,), rules)
    return call.apply(*leaves)


class _Namespace:
    """The operators of one namespace, as attributes."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = vars(pb).get(name) if self._name == "aten" else None
        if found is None or not callable(found):
            raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'")
        return found

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if name != "_name")


class _Ops:
    """``torch.ops``: a namespace for every name."""

    def __getattr__(self, name: str) -> _Namespace:
        if name.startswith("__"):
            raise AttributeError(name)
        made = self.__dict__[name] = _Namespace(name)
        return made

    def load_library(self, path: object) -> NoReturn:
        """Raises: compiled operators of PyTorch cannot be called."""
        raise OSError(
            f"torch.ops.load_library: got {path!r}, a library for PyTorch's C++ core, which "
            "pullback has not. Define the operator in Python with torch.library.custom_op."
        )


ops = _Ops()


def split(qualname: str) -> tuple[str, str]:
    """Namespace and name of ``namespace::name``.

    Raises:
        ValueError: it is not of that form.
    """
    namespace, colons, name = qualname.partition("::")
    if not (colons and namespace and name):
        raise ValueError(
            f"torch.library: got the name {qualname!r}, expected a text like 'namespace::name'."
        )
    return namespace, name.partition(".")[0]


def define(qualname: str, schema: str) -> Operator:
    """A new operator in ``torch.ops``; one that is there already is replaced."""
    namespace, name = split(qualname)
    operator = Operator(namespace, name, schema)
    getattr(ops, namespace).__dict__[name] = operator
    return operator


def find(op: Any) -> Operator:
    """The operator of a name, a definition or an operator.

    Raises:
        RuntimeError: there is none of the name.
    """
    if isinstance(op, Operator):
        return op
    own = getattr(op, "_operator", None)
    if isinstance(own, Operator):
        return own
    if not isinstance(op, str):
        raise ValueError(f"torch.library: got {op!r}, expected an operator or its name.")
    namespace, name = split(op)
    known = vars(getattr(ops, namespace)).get(name)
    if not isinstance(known, Operator):
        raise RuntimeError(
            f"operator {op} does not exist. Define it with torch.library.define or custom_op."
        )
    return known
