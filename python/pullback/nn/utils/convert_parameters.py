"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other; gradients flow back to them.

    Args:
        parameters: tensors of any shapes.

    Returns:
        A tensor with one dimension.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.parameters_to_vector([pb.ones(2, 1), pb.zeros(1)])
        tensor([1., 1., 0.])
    """
    listed = _arguments.elements(
        "parameters_to_vector", "parameters", parameters, "iterable of Tensors"
    )
    _arguments.tensors(
        "parameters_to_vector", **{f"parameters[{i}]": each for i, each in enumerate(listed)}
    )
    return pb.cat([each.view(-1) for each in listed])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make each parameter a part of the vector, whose memory it shares from now on.

    Args:
        vec: a tensor with one dimension and at least as many elements as the parameters.
        parameters: the tensors whose ``.data`` is replaced.

    Raises:
        TypeError: ``vec`` is no tensor.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.Linear(2, 1)
        >>> pb.nn.utils.vector_to_parameters(pb.tensor([1.0, 2.0, 3.0]), layer.parameters())
        >>> layer.bias
        Parameter containing:
        tensor([3.], requires_grad=True)
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {pb.typename(vec)}")
    begin = 0
    for each in parameters:
        end = begin + each.numel()
        each.data = vec[begin:end].view_as(each).data
        begin = end
