"""Modules that learn the sizes of their parameters from the first input.

Until then these parameters are uninitialized (``nn/parameter.py``). Two hooks do the work: one
before the forward, which calls ``initialize_parameters`` and makes the module an ordinary one, and
one before a state is loaded, which takes the shapes from there.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback.nn.modules.module import Module
from pullback.nn.parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin(Module):
    """What a module derives from first, whose parameters get their shapes in the first forward.

    A subclass makes ``UninitializedParameter``s in ``__init__`` and gives them their shapes in
    ``initialize_parameters``, which gets the arguments of the first ``forward``. Afterwards the
    module is one of ``cls_to_become``, if there is such a class.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.LazyLinear(2)
        >>> layer(pb.ones(1, 3)).shape
        torch.Size([1, 2])
        >>> layer
        Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and values; every subclass defines its own."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this module itself has no shape yet."""
        own = (*self._parameters.values(), *self._buffers.values())
        return any(is_lazy(tensor) for tensor in own)

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *_: Any) -> None:
        """The shapes are those of the state."""
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            given = state_dict.get(prefix + name)
            if is_lazy(tensor) and given is not None and not is_lazy(given):
                lazy: Any = tensor
                with pb.no_grad():
                    lazy.materialize(given.shape)

    def _infer_parameters(
        self, module: LazyModuleMixin, args: tuple[Any, ...], kwargs: Any = None
    ) -> None:
        """The hook before the first forward, which takes both hooks away."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook
        del module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become  # type: ignore[assignment]
