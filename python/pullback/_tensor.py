"""The part of Tensor that is nicer to read in Python.

``Tensor`` here is never instantiated: its methods are moved onto the C type when pullback is
imported (``graft``), so that there is one class and no cost of a subclass.  Operators must not be
defined here, they would replace the C slots (a test compares the slots).
"""

from __future__ import annotations

from pullback import _core

TYPE_CHECKING = False  # importing typing costs more than the rest of pullback
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Tensor:
    """Methods for the C type; see the head of this file."""

    def backward(
        self: Any,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradients of this tensor to ``.grad`` of the leaves it was computed from.

        Args:
            gradient: the vector of the vector-Jacobian product, of this tensor's shape; may be left
                out for a tensor with one element.
            retain_graph: keep what the graph saved, for another pass.
            create_graph: record the pass itself, for derivatives of higher order.
            inputs: only these tensors get gradients.

        Raises:
            RuntimeError: the tensor does not require a gradient, has more than one element and no
                ``gradient``, or its graph was walked before without ``retain_graph``.

        Example:
            >>> import pullback as pb
            >>> x = pb.tensor(3.0, requires_grad=True)
            >>> (x * x).backward()
            >>> x.grad
            tensor(6.)
        """
        if inputs is None:
            retain = create_graph if retain_graph is None else retain_graph
            _core._backward(self, gradient, retain, create_graph)
        else:
            from pullback.autograd import backward

            backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def register_hook(self: Any, hook: Any) -> Any:
        """Call ``hook(grad)`` whenever the gradient of this tensor is complete.

        Args:
            hook: a function of the gradient; a tensor that it returns replaces the gradient.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Raises:
            RuntimeError: the tensor does not require a gradient.

        Example:
            >>> import pullback as pb
            >>> x = pb.tensor(1.0, requires_grad=True)
            >>> handle = x.register_hook(lambda grad: grad * 10)
            >>> (x * 2).backward()
            >>> x.grad
            tensor(20.)
        """
        if not self.requires_grad:
            raise RuntimeError(
                "cannot register a hook on a tensor that doesn't require gradient. " + self._origin
            )
        from pullback.utils.hooks import _register

        hooks, handle = _register(self._backward_hooks, hook)
        self._backward_hooks = hooks
        return handle

    def register_post_accumulate_grad_hook(self: Any, hook: Any) -> Any:
        """Call ``hook(tensor)`` whenever a gradient was added to ``.grad`` of this leaf.

        Args:
            hook: a function of the tensor, which returns None.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Raises:
            RuntimeError: the tensor does not require a gradient or is not a leaf.

        Example:
            >>> import pullback as pb
            >>> x = pb.tensor(1.0, requires_grad=True)
            >>> handle = x.register_post_accumulate_grad_hook(lambda p: print(p.grad))
            >>> (x * 2).backward()
            tensor(2.)
        """
        if not self.requires_grad:
            raise RuntimeError(
                "cannot register a hook on a tensor that doesn't require gradient. " + self._origin
            )
        if self.grad_fn is not None:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        from pullback.utils.hooks import _register

        hooks, handle = _register(self._post_accumulate_grad_hooks, hook)
        self._post_accumulate_grad_hooks = hooks
        return handle

    def __repr__(self: Any) -> str:
        from pullback._printing import tensor_repr

        return tensor_repr(self)

    def __format__(self: Any, spec: str) -> str:
        """A tensor without dimensions formats as its number."""
        if self.dim() == 0 and not self.requires_grad:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __iter__(self: Any) -> Iterator[Any]:
        """The slices along the first dimension."""
        if self.dim() == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self: Any) -> Any:
        """The tensor flipped along the first dimension."""
        return self if self.dim() == 0 else self.flip(0)

    def __contains__(self: Any, element: Any) -> bool:
        if isinstance(element, (_core.Tensor, bool, int, float)):
            return bool((element == self).any().item())
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        """A leaf with a copy of the memory; tensors with a history refuse, as in torch."""
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment. Use x.detach().clone() to copy the value. " + self._origin
            )
        known = memo.get(id(self))
        if known is not None:
            return known
        made = self.detach().clone()
        if type(self) is not _core.Tensor:
            made = _core.Tensor._make_subclass(type(self), made, self.requires_grad)
        import copy

        made.requires_grad_(self.requires_grad)
        if self.grad is not None:
            made.grad = copy.deepcopy(self.grad, memo)
        memo[id(self)] = made
        if self.__dict__:
            made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        """Pickles the value, the dtype and whether a leaf requires a gradient; not the history."""
        if self._backward_hooks:
            from pullback.utils.hooks import warn_if_has_hooks

            warn_if_has_hooks(self)
        values = self.detach().contiguous().numpy()
        stride = None if self.is_contiguous() else self.stride()
        return _rebuild, (values, self.requires_grad and self.is_leaf, stride)

    __array_priority__ = 1000

    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from pullback._numpy import array_ufunc

        return array_ufunc(ufunc, method, *inputs, **kwargs)

    def __array_wrap__(
        self: Any,
        array: Any,
        context: Any = None,
        return_scalar: bool = False,
    ) -> Any:
        from pullback._numpy import as_tensors

        return as_tensors(array)

    layout = _core.strided
    is_cpu = True
    is_cuda = False
    is_meta = False
    is_mps = False
    is_nested = False
    is_quantized = False
    is_sparse = False

    def is_complex(self: Any) -> bool:
        """Always False: there are no complex dtypes."""
        return False

    def is_signed(self: Any) -> bool:
        """Whether elements can be negative."""
        return bool(self.dtype.is_signed)

    def is_same_size(self: Any, other: Any) -> bool:
        """Whether the other tensor has the same shape."""
        if not isinstance(other, _core.Tensor):
            raise TypeError(
                "is_same_size(): argument 'other' (position 1) must be Tensor, not "
                + type(other).__name__
            )
        return bool(self.shape == other.shape)

    def get_device(self: Any) -> int:
        """Always -1, which stands for the CPU."""
        return -1

    def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - torch's signature
        """Refuses, with torch's words: there is no GPU."""
        raise AssertionError("Torch not compiled with CUDA enabled: pullback runs on the CPU only.")


def _rebuild(values: Any, requires_grad: bool, stride: Any = None) -> Any:
    made = _core.tensor(values)
    if stride is not None:
        # In the order of the strides the memory is row-major, unless it has gaps or repeats.
        order = sorted(range(made.dim()), key=lambda d: -stride[d])
        back = sorted(range(made.dim()), key=order.__getitem__)
        made = made.permute(order).contiguous().permute(back).detach()
    return made.requires_grad_(requires_grad)


def graft() -> None:
    """Move the methods of the class above onto the C type."""
    skipped = {"__module__", "__qualname__", "__dict__", "__weakref__", "__doc__"}
    for name, value in vars(Tensor).items():
        if name not in skipped:
            setattr(_core.Tensor, name, value)
