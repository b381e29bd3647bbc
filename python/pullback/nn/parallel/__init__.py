"""Modules on several devices: on one CPU ``DataParallel`` calls its module.

``DistributedDataParallel``, for several processes, is in ``distributed``, imported on first use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pullback import nn
from pullback._missing import refusing

if TYPE_CHECKING:
    from pullback.nn.parallel.distributed import DistributedDataParallel

__all__ = [
    "DataParallel",
    "DistributedDataParallel",
    "data_parallel",
    "gather",
    "parallel_apply",
    "replicate",
    "scatter",
]


class DataParallel(nn.Module):
    """A module, which it calls: there are no devices to divide a batch among.

    Args:
        module: the module; its state is under ``module.`` in the state of this one.
        device_ids: not used, as the next two; in PyTorch without a GPU, too.
        output_device: not used.
        dim: not used.

    Example:
        >>> import pullback as pb
        >>> list(pb.nn.parallel.DataParallel(pb.nn.Linear(2, 1)).state_dict())
        ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: nn.Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        del output_device, device_ids
        self.module = module
        self.dim = dim
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: nn.Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a module with its inputs.

    Args:
        module: the module.
        inputs: the argument, or a tuple of them.
        device_ids: not used, as the next two.
        output_device: not used.
        dim: not used.
        module_kwargs: named arguments.
    """
    del device_ids, output_device, dim
    arguments = inputs if isinstance(inputs, tuple) else () if inputs is None else (inputs,)
    return module(*arguments, **(module_kwargs or {}))


gather = refusing("nn.parallel.gather")
parallel_apply = refusing("nn.parallel.parallel_apply")
replicate = refusing("nn.parallel.replicate")
scatter = refusing("nn.parallel.scatter")


def __getattr__(name: str) -> Any:
    if name == "DistributedDataParallel":
        from pullback.nn.parallel.distributed import DistributedDataParallel

        globals()[name] = DistributedDataParallel
        return DistributedDataParallel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
