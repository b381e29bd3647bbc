"""The state of modules: ``state_dict`` out and in, its hooks, and what a module adds of its own.

Names are dotted, parents first. A module saves and loads what belongs to itself in
``_save_to_state_dict`` and ``_load_from_state_dict``, which a subclass may replace; the walks over
the tree are ``state_dict`` and ``load_state_dict``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pullback as pb
from pullback import Tensor, _core
from pullback.nn.modules._hooks import insert_hook
from pullback.nn.parameter import Parameter, is_lazy
from pullback.utils.hooks import RemovableHandle

__all__ = ["Stateful"]

Hook = Callable[..., Any]

# What a module's own state is called in a state_dict.
_EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, "
            f"unexpected_keys={self.unexpected_keys!r})"
        )


class Stateful:
    """The part of ``Module`` that saves and loads its state."""

    _version: int
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Any]
    _state_dict_pre_hooks: OrderedDict[int, Hook]
    _state_dict_hooks: OrderedDict[int, Hook]
    _load_state_dict_pre_hooks: OrderedDict[int, Hook]
    _load_state_dict_post_hooks: OrderedDict[int, Hook]

    def _init_state_hooks(self) -> None:
        self.__dict__.update(
            _state_dict_pre_hooks=OrderedDict(),
            _state_dict_hooks=OrderedDict(),
            _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(),
        )

    # --- a module's own state ---

    def get_extra_state(self) -> Any:
        """What of a module is neither parameter nor buffer and is to be saved with it.

        A subclass that defines it defines ``set_extra_state``, too; it stands in ``state_dict``
        under the module's name and ``_extra_state``.

        Example:
            >>> import pullback as pb
            >>> class Counter(pb.nn.Module):
            ...     count = 0
            ...
            ...     def get_extra_state(self):
            ...         return self.count
            ...
            ...     def set_extra_state(self, state):
            ...         self.count = state
            >>> one, other = Counter(), Counter()
            >>> one.count = 3
            >>> other.load_state_dict(one.state_dict())
            <All keys matched successfully>
            >>> other.count
            3
        """
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. "
            "Define it together with set_extra_state()."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take over what ``get_extra_state`` gave."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. "
            f"Define it together with get_extra_state() (it got {type(state).__name__})."
        )

    def _has_extra(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Stateful, method)

    def _state(self) -> dict[str, Tensor]:
        """The parameters and persistent buffers of this module itself, by name."""
        places: list[tuple[str, Any]] = list(self._parameters.items())
        places += [
            (name, buffer)
            for name, buffer in self._buffers.items()
            if name not in self._non_persistent_buffers_set
        ]
        return {name: tensor for name, tensor in places if tensor is not None}

    # --- out ---

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, sharing memory with the module.

        Args:
            args: the others by their positions, which PyTorch gives up.
            destination: a mapping to add to instead of a new one.
            prefix: put in front of every name.
            keep_vars: give the tensors themselves instead of detached ones.
        """
        if args:
            _core._warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html"
                "#torch.nn.Module.state_dict for details.",
                FutureWarning,
            )
            given: list[Any] = [destination, prefix, keep_vars]
            destination, prefix, keep_vars = [*args, *given[len(args) :]]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, metadata)
            if replaced is None:
                continue
            if isinstance(hook, _InPlaceHook):
                raise RuntimeError("state_dict post-hook must return None")
            destination = replaced
        state: dict[str, Any] = destination
        return state

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, tensor in self._state().items():
            whole = keep_vars or is_lazy(tensor)
            destination[prefix + name] = tensor if whole else tensor.detach()
        if self._has_extra("get_extra_state"):
            destination[prefix + _EXTRA] = self.get_extra_state()

    # --- in ---

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy a ``state_dict`` into the module and all below it.

        Args:
            state_dict: tensors by dotted name.
            strict: refuse missing and unexpected names.
            assign: take the tensors themselves instead of copying their values.

        Returns:
            ``missing_keys`` and ``unexpected_keys``.

        Raises:
            RuntimeError: lists all that does not fit; what does fit has been copied by then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", {})
        source: Any = OrderedDict(state_dict)
        source._metadata = metadata
        result = _IncompatibleKeys([], [])
        errors: list[str] = []
        self._load(source, "", metadata, assign, result, errors)
        if strict:
            for kind, keys in (
                ("Unexpected", result.unexpected_keys),
                ("Missing", result.missing_keys),
            ):
                if keys:
                    names = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{kind} key(s) in state_dict: {names}. ")
        if errors:
            listing = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listing}"
            )
        return result

    def _load(
        self,
        source: dict[str, Any],
        prefix: str,
        metadata: Mapping[str, Any],
        assign: bool,
        result: _IncompatibleKeys,
        errors: list[str],
    ) -> None:
        own = metadata.get(prefix[:-1], {})
        if assign:
            own = {**own, "assign_to_params_buffers": True}
        self._load_from_state_dict(source, prefix, own, True, *result, errors)
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                theirs = {key: value for key, value in source.items() if key.startswith(below)}
                child._load(theirs, below, metadata, assign, result, errors)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, result) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Mapping[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take over what belongs to this module itself, and note what does not fit."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        state = self._state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, tensor in state.items():
            key = prefix + name
            if key in state_dict:
                problem = self._load_one(name, tensor, key, state_dict[key], assign)
                if problem:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)
        extra = prefix + _EXTRA
        takes_extra = self._has_extra("set_extra_state")
        if takes_extra and extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif strict and takes_extra:
            missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        for key in state_dict if strict else ():
            if not key.startswith(prefix) or key == extra:
                continue
            head, dot, _ = key[len(prefix) :].partition(".")
            if head not in (self._modules if dot else state):
                unexpected_keys.append(key)

    def _load_one(self, name: str, tensor: Tensor, key: str, given: Any, assign: bool) -> str:
        """Take over one tensor; the text of the problem if that cannot be done."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or '
                f"Tensor-like object from checkpoint but received {type(given)}"
            )
        lazy = is_lazy(tensor)
        if not lazy and tensor.dim() == 0 and given.shape == (1,):
            given = given[0]
        if not lazy and given.shape != tensor.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {given.shape} from "
                f"checkpoint, the shape in current model is {tensor.shape}."
            )
        if not assign:
            with pb.no_grad():
                tensor.copy_(given)
        elif isinstance(tensor, Parameter):
            if isinstance(given, Parameter):
                given.requires_grad_(tensor.requires_grad)
            else:
                given = Parameter(given, tensor.requires_grad)
            setattr(self, name, given)
        else:
            setattr(self, name, given)
        return ""

    # --- hooks ---

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the module saves its state."""
        return insert_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, metadata)`` once the module has saved its state.

        It changes ``state_dict`` in place and returns None.

        Example:
            >>> import pullback as pb
            >>> layer = pb.nn.Linear(1, 1)
            >>> def without_bias(module, state, prefix, metadata):
            ...     del state[prefix + "bias"]
            >>> handle = layer.register_state_dict_post_hook(without_bias)
            >>> list(layer.state_dict())
            ['weight']
        """
        return insert_hook(self._state_dict_hooks, _InPlaceHook(hook))

    def _register_state_dict_hook(self, hook: Hook) -> RemovableHandle:
        """The old kind: what it returns is the new state."""
        return insert_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook`` before the module takes over its state.

        Its arguments are those of ``_load_from_state_dict``: the module, the state, the prefix,
        the metadata, whether names are compared, and the lists of missing names, unexpected names
        and error messages. It may change any of them in place.
        """

        def bound(*args: Any) -> Any:
            return hook(self, *args)

        return insert_hook(self._load_state_dict_pre_hooks, bound)

    def _register_load_state_dict_pre_hook(
        self, hook: Hook, with_module: bool = False
    ) -> RemovableHandle:
        """The old kind: it does not get the module unless asked for."""
        if with_module:
            return self.register_load_state_dict_pre_hook(hook)
        return insert_hook(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` once the module has taken over its state.

        What it removes from ``incompatible_keys`` is no error any more.
        """
        return insert_hook(self._load_state_dict_post_hooks, hook)


class _InPlaceHook:
    """A hook that must return None."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def __call__(self, *args: Any) -> Any:
        return self.hook(*args)
