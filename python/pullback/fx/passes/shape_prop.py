"""``ShapeProp``: runs a graph and notes at each node what kind of tensor it gave."""

from __future__ import annotations

from typing import Any, NamedTuple

from pullback import Tensor
from pullback.fx.interpreter import Interpreter
from pullback.fx.node import Node, map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is noted of a tensor."""

    shape: Any
    dtype: Any
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: Any
    is_quantized: bool
    qparams: dict[str, Any]


def _described(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return TensorMetadata(
        value.shape, value.dtype, value.requires_grad, value.stride(), None, False, {}
    )


class ShapeProp(Interpreter):
    """Notes shape, dtype and strides of every node in ``node.meta["tensor_meta"]``.

    Args:
        gm: a traced module.
        fake_mode: must be None: the values are computed.

    Example:
        >>> import pullback as pb
        >>> from pullback.fx.passes.shape_prop import ShapeProp
        >>> traced = pb.fx.symbolic_trace(pb.nn.Linear(2, 3))
        >>> _ = ShapeProp(traced).propagate(pb.ones(4, 2))
        >>> [tuple(n.meta["tensor_meta"].shape) for n in traced.graph.nodes if n.op != "get_attr"]
        [(4, 2), (4, 3), (4, 3)]
    """

    def __init__(self, gm: Any, fake_mode: Any = None) -> None:
        if fake_mode is not None:
            raise NotImplementedError("ShapeProp: got a fake_mode, expected None.")
        super().__init__(gm)

    def run_node(self, n: Node) -> Any:
        """What a node gives, with a note about it."""
        result = super().run_node(n)
        seen = False

        def note(value: Any) -> Any:
            nonlocal seen
            seen = seen or isinstance(value, Tensor)
            return _described(value)

        described = map_aggregate(result, note)
        if seen:
            n.meta["tensor_meta"] = described
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args: Any) -> Any:
        """Run the graph, and note.

        Args:
            args: the inputs.
        """
        return super().run(*args)
