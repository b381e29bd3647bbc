"""Modules as functions of their parameters: ``functional_call``, ``stack_module_state``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn.modules.module import Module

__all__ = ["functional_call", "stack_module_state"]

_Place = tuple[dict[str, Any], str]
_ABSENT = object()


def _places(module: Module) -> dict[str, _Place]:
    """Where each parameter and buffer is kept, by dotted name; shared ones under every name."""
    places: dict[str, _Place] = {}
    for prefix, each in module.named_modules(remove_duplicate=False):
        for kept in (each._parameters, each._buffers):
            for name in kept:
                places[f"{prefix}.{name}" if prefix else name] = (kept, name)
    return places


@contextmanager
def swapped(
    module: Module, tensors: dict[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """A block in which the module has other tensors, by dotted name."""
    places = _places(module)
    unexpected = [name for name in tensors if name not in places]
    missing = [name for name in places if name not in tensors]
    if strict and (missing or unexpected):
        listing = []
        if unexpected:
            names = ", ".join(map(repr, unexpected))
            listing.append(f"Unexpected key(s): {names}.")
        if missing:
            names = ", ".join(map(repr, missing))
            listing.append(f"Missing key(s): {names}.")
        raise RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(listing)
        )
    chosen = dict(tensors)
    if tie_weights:
        chosen.update(_tied(places, tensors))
    for key in unexpected:
        # As in torch, a name that the module does not have is an attribute during the call.
        prefix, _, name = key.rpartition(".")
        places[key] = (module.get_submodule(prefix)._buffers, name)
    before = [(*places[key], places[key][0].get(places[key][1], _ABSENT)) for key in chosen]
    try:
        for key, tensor in chosen.items():
            kept, name = places[key]
            kept[name] = tensor
        yield
    finally:
        for kept, name, tensor in before:
            if tensor is _ABSENT:
                del kept[name]
            else:
                kept[name] = tensor


def _tied(places: dict[str, _Place], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The replacements of names that share their tensor with a replaced one."""
    shared: dict[int, list[str]] = {}
    for key, (kept, name) in places.items():
        if kept[name] is not None:
            shared.setdefault(id(kept[name]), []).append(key)
    tied = {}
    for names in shared.values():
        given = [name for name in names if name in tensors]
        if len({id(tensors[name]) for name in given}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {given}, which are tied. Consider "
                "using tie_weights=False"
            )
        if given:
            tied.update({name: tensors[given[0]] for name in names if name not in tensors})
    return tied


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters and buffers; the module itself stays as it is.

    Args:
        module: the module.
        parameter_and_buffer_dicts: tensors by dotted name, or several such dicts with different
            names. What is missing is taken from the module.
        args: the argument, or a tuple of them.
        kwargs: named arguments.
        tie_weights: a tensor that the module has under several names is replaced under all.
        strict: raise unless every parameter and buffer is given and nothing else.

    Raises:
        ValueError: the dicts share a name, or tied names have different values.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.Linear(2, 1, bias=False)
        >>> pb.func.functional_call(layer, {"weight": pb.ones(1, 2)}, pb.ones(2))
        tensor([2.])
    """
    if not isinstance(module, Module):
        _arguments.refuse("functional_call", "module", "Module", module)
    if kwargs is not None and not isinstance(kwargs, Mapping):
        _arguments.refuse("functional_call", "kwargs", "dict", kwargs)
    _arguments.flags("functional_call", tie_weights=tie_weights, strict=strict)
    if isinstance(parameter_and_buffer_dicts, dict):
        tensors = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        tensors = {}
        twice = []
        for each in parameter_and_buffer_dicts:
            if not isinstance(each, dict):
                raise ValueError(
                    "Expected all elements of parameter_and_buffer_dicts to be dictionaries"
                )
            twice += [name for name in each if name in tensors]
            tensors.update(each)
        if twice:
            raise ValueError(
                f"{twice} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with swapped(module, tensors, tie_weights, strict):
        return module(*arguments, **(kwargs or {}))


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and buffers of modules of one class, stacked: for ``vmap`` over an ensemble.

    Args:
        models: modules of one class, all in training mode or all in evaluation mode.

    Returns:
        ``(parameters, buffers)`` by dotted name, the modules along dimension 0; the parameters are
        new leaves that want gradients as those of the modules do.

    Raises:
        RuntimeError: there are no modules, or they differ in class or mode.

    Example:
        >>> import pullback as pb
        >>> params, _ = pb.func.stack_module_state([pb.nn.Linear(2, 3) for _ in range(5)])
        >>> params["weight"].shape
        torch.Size([5, 3, 2])
    """
    models = _arguments.elements("stack_module_state", "models", models, "a sequence of Modules")
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        found = {}
        for name in states[0]:
            tensors = [state[name] for state in states]
            wants = {t.requires_grad for t in tensors}
            if len(wants) > 1:
                raise RuntimeError(
                    f"Expected {name} from each model to have the same .requires_grad"
                )
            stack = pb.stack([t.detach() for t in tensors])
            found[name] = stack.requires_grad_() if wants == {True} else stack
        return found

    return (
        stacked([dict(m.named_parameters()) for m in models]),
        stacked([dict(m.named_buffers()) for m in models]),
    )
