"""What a transform of PyTorch looks at and here is there already: writes in place, wrapped tensors.

``functionalize`` and ``debug_unwrap``; also batch normalisations without running statistics, which
in-place updates of statistics keep from being batched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pullback import Tensor, _arguments, _core

__all__ = ["debug_unwrap", "functionalize", "replace_all_batch_norm_modules_"]


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """The function: what it gives does not depend on whether it writes in place.

    PyTorch takes in-place operators out of the program that a tracer records. Nothing is traced
    here, and every transform follows writes in place.

    Args:
        func: any function.
        remove: "mutations" or "mutations_and_views".

    Raises:
        RuntimeError: another ``remove``, when the function is called.

    Example:
        >>> import pullback as pb
        >>> pb.func.functionalize(lambda x: (x + 1).mul_(2))(pb.ones(2))
        tensor([4., 4.])
    """
    _arguments.functions("functionalize", func=func)
    _arguments.texts("functionalize", remove=remove)

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if remove not in ("mutations", "mutations_and_views"):
            raise RuntimeError(
                "functionalize(f, remove='mutations'): received invalid argument for "
                f"remove={remove}. Valid options are: 'mutations', 'mutations_and_views'."
            )
        return func(*args, **kwargs)

    return wrapped


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """Of a tensor inside of ``vmap`` the tensor of all examples; any other is given back.

    For looking at values while searching a fault; what is computed with it is not batched.

    Args:
        tensor: any tensor.
        recurse: whether also the batches of outer ``vmap`` are unwrapped.

    Example:
        >>> import pullback as pb
        >>> def f(x):
        ...     print(pb.func.debug_unwrap(x))
        ...     return x
        >>> _ = pb.vmap(f)(pb.arange(3))
        tensor([0, 1, 2])
    """
    _arguments.tensors("debug_unwrap", tensor=tensor)
    _arguments.flags("debug_unwrap", recurse=recurse)
    while (batch := _core._batch_of(tensor)) is not None:
        tensor = batch[1]
        if not recurse:
            break
    return tensor


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Take the running statistics from all batch normalisations of a module, in place.

    Args:
        root: a module.

    Returns:
        The module.

    Example:
        >>> import pullback as pb
        >>> norm = pb.func.replace_all_batch_norm_modules_(pb.nn.BatchNorm1d(2))
        >>> norm.running_mean is None, norm.track_running_stats
        (True, False)
    """
    from pullback import nn
    from pullback.nn.modules.batchnorm import _BatchNorm

    if not isinstance(root, nn.Module):
        _arguments.refuse("replace_all_batch_norm_modules_", "root", "Module", root)
    for each in root.modules():
        if isinstance(each, _BatchNorm):
            each.running_mean = each.running_var = each.num_batches_tracked = None
            each.track_running_stats = False
    return root
