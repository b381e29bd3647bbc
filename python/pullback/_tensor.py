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


_set = _core.Tensor.set_


class Tensor:
    """Methods for the C type; see the head of this file."""

    def backward(
        self: Any,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> Any:
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
        if inputs is None and (gradient is None or not isinstance(gradient, (tuple, list))):
            retain = create_graph if retain_graph is None else retain_graph
            return _core._backward(self, gradient, retain, create_graph)
        from pullback.autograd import backward

        return backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def new(self: Any, *args: Any, **kwargs: Any) -> Any:
        """A tensor of this one's dtype by sizes, or from data: ``x.new(2, 3)``, ``x.new([1, 2])``.

        Args:
            args: sizes; or a sequence; or a tensor of the same dtype.
            kwargs: ``device``, and ``size`` or ``data`` by name.

        Example:
            >>> import pullback as pb
            >>> pb.ones(2, dtype=pb.int64).new([3, 4])
            tensor([3, 4])
        """
        from pullback._tensor_types import construct

        return construct(self.dtype, args, kwargs)

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
                "post accumulate grad hooks cannot be registered on non-leaf tensors. "
                + self._origin
            )
        from pullback.utils.hooks import _register

        hooks, handle = _register(self._post_accumulate_grad_hooks, hook)
        self._post_accumulate_grad_hooks = hooks
        return handle

    def __repr__(self: Any) -> str:
        from pullback._printing import tensor_repr

        return tensor_repr(self)

    def __format__(self: Any, spec: str) -> str:
        """A plain tensor without dimensions formats as its number."""
        if self.dim() == 0 and type(self) is _core.Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __complex__(self: Any) -> complex:
        if self.numel() != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars: got "
                f"{self.numel()} elements"
            )
        return complex(self.item())

    def __iter__(self: Any) -> Iterator[Any]:
        """The slices along the first dimension."""
        if self.dim() == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self: Any) -> Any:
        """The tensor flipped along the first dimension."""
        return self if self.dim() == 0 else self.flip(0)

    def __contains__(self: Any, element: Any) -> bool:
        if isinstance(element, complex) and not self.is_complex():
            return element.imag == 0 and element.real in self
        if isinstance(element, (_core.Tensor, bool, int, float, complex)):
            return bool((element == self).any().item())
        import numbers

        if isinstance(element, numbers.Real):  # NumPy's
            return bool((self == element).any().item())
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )

    def __copy__(self: Any) -> Any:
        """A leaf over the same memory."""
        from pullback._copies import shallow

        return shallow(self)

    def __deepcopy__(self: Any, memo: dict[Any, Any]) -> Any:
        """A leaf with a copy of the memory; tensors with a history refuse, as in torch."""
        from pullback._copies import deep

        return deep(self, memo)

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        """Pickles the value, the strides and whether a gradient is required; not the history."""
        from pullback._copies import reduced

        return reduced(self)

    def storage(self: Any) -> Any:
        """The memory as elements of the dtype; torch gives it up for ``untyped_storage``."""
        from pullback.storage import _storage_of

        return _storage_of(self)

    def untyped_storage(self: Any) -> Any:
        """The memory as bytes, all of it: a view has that of its base.

        Example:
            >>> import pullback as pb
            >>> x = pb.zeros(2, 3)
            >>> x.untyped_storage().nbytes(), x[0].untyped_storage() == x.untyped_storage()
            (24, True)
        """
        from pullback.storage import _untyped

        return _untyped(_core._memory(self))

    def set_(self: Any, source: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The tensor gets the memory of a tensor or of a storage.

        Args:
            source: a tensor, whose shape it gets, too, or a storage; without one, there are no
                elements.
            args: ``storage_offset``, ``size`` and ``stride``, for a part of the memory.
            kwargs: the same by name.

        Example:
            >>> import pullback as pb
            >>> x = pb.zeros(4)
            >>> y = pb.empty(0).set_(x.untyped_storage(), 1, (2,), (1,))
            >>> _ = y.fill_(7)
            >>> x
            tensor([0., 7., 7., 0.])
        """
        if source is None:
            return _set(self, *args, **kwargs)
        if hasattr(source, "_memory"):
            from pullback.storage import _source_of

            source = _source_of(source, self.dtype)
        return _set(self, source, *args, **kwargs)

    def is_set_to(self: Any, tensor: Any) -> bool:
        """Whether the other tensor has the same memory, offset, shape and strides.

        Example:
            >>> import pullback as pb
            >>> x = pb.zeros(2, 3)
            >>> x.is_set_to(x.view(2, 3)), x.is_set_to(x.view(3, 2))
            (True, False)
        """
        if not isinstance(tensor, _core.Tensor):
            raise TypeError(
                "is_set_to(): argument 'tensor' (position 1) must be Tensor, not "
                f"{type(tensor).__name__}"
            )
        return bool(
            self._storage_ptr() == tensor._storage_ptr()
            and self.data_ptr() == tensor.data_ptr()
            and self.shape == tensor.shape
            and self.stride() == tensor.stride()
        )

    def share_memory_(self: Any) -> Any:
        """Move the memory to where other processes see it, and what is written there.

        Returns:
            The tensor itself.

        Raises:
            RuntimeError: other tensors have the same memory, which cannot be moved under them.

        Example:
            >>> import pullback as pb
            >>> x = pb.ones(2).share_memory_()
            >>> x.is_shared(), x[1:].is_shared(), x.clone().is_shared()
            (True, True, False)
        """
        from pullback._shared_memory import share

        share(self)
        return self

    def is_shared(self: Any) -> bool:
        """Whether other processes can see the memory: see ``share_memory_``."""
        from pullback._shared_memory import is_shared

        return is_shared(self)

    def is_pinned(self: Any, device: Any = None) -> bool:
        """Always False: there is no device to pin memory for."""
        del device
        return False

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

    def histogram(self: Any, bins: Any = 100, **kwargs: Any) -> Any:
        """``pullback.histogram`` of this tensor."""
        from pullback._histogram import histogram

        return histogram(self, bins, **kwargs)

    def as_strided_scatter(
        self: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None
    ) -> Any:
        """``pullback.as_strided_scatter`` of this tensor."""
        from pullback._compositions import as_strided_scatter

        return as_strided_scatter(self, src, size, stride, storage_offset)

    def index_reduce(
        self: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
    ) -> Any:
        """``pullback.index_reduce`` of this tensor."""
        from pullback._compositions import index_reduce

        return index_reduce(self, dim, index, source, reduce, include_self=include_self)

    def index_reduce_(
        self: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
    ) -> Any:
        """The same in place."""
        from pullback._compositions import index_reduce_

        return index_reduce_(self, dim, index, source, reduce, include_self)

    def nonzero_static(self: Any, *, size: int, fill_value: int = -1) -> Any:
        """``pullback.nonzero_static`` of this tensor."""
        from pullback._compositions import nonzero_static

        return nonzero_static(self, size=size, fill_value=fill_value)

    def renorm(self: Any, p: float, dim: int, maxnorm: float) -> Any:
        """``pullback.renorm`` of this tensor."""
        from pullback._compositions import renorm

        return renorm(self, p, dim, maxnorm)

    def renorm_(self: Any, p: float, dim: int, maxnorm: float) -> Any:
        """The same in place."""
        return self.copy_(self.renorm(p, dim, maxnorm))

    def ldexp(self: Any, other: Any) -> Any:
        """``pullback.ldexp`` of this tensor."""
        from pullback._compositions import ldexp

        return ldexp(self, other)

    def ldexp_(self: Any, other: Any) -> Any:
        """The same in place."""
        from pullback._compositions import ldexp_

        return ldexp_(self, other)

    def narrow_copy(self: Any, dim: int, start: int, length: int) -> Any:
        """``pullback.narrow_copy`` of this tensor."""
        from pullback._compositions import narrow_copy

        return narrow_copy(self, dim, start, length)

    def unsafe_split(self: Any, split_size: int, dim: int = 0) -> Any:
        """``pullback.unsafe_split`` of this tensor."""
        from pullback._compositions import unsafe_split

        return unsafe_split(self, split_size, dim)

    def unsafe_split_with_sizes(self: Any, split_sizes: Any, dim: int = 0) -> Any:
        """``pullback.unsafe_split_with_sizes`` of this tensor."""
        from pullback._compositions import unsafe_split_with_sizes

        return unsafe_split_with_sizes(self, split_sizes, dim)

    def unsafe_chunk(self: Any, chunks: int, dim: int = 0) -> Any:
        """``pullback.unsafe_chunk`` of this tensor."""
        from pullback._compositions import unsafe_chunk

        return unsafe_chunk(self, chunks, dim)

    def new_empty_strided(
        self: Any,
        size: Any,
        stride: Any,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Any:
        """``pullback.empty_strided``, of the dtype of this tensor unless said."""
        from pullback._in_memory import empty_as

        if dtype is None:
            dtype = self.dtype
        options = {"dtype": dtype, "layout": layout, "device": device, "pin_memory": pin_memory}
        return empty_as("new_empty_strided", size, stride, requires_grad=requires_grad, **options)

    def fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Any:
        """Put a number on the diagonal.

        Args:
            fill_value: the number.
            wrap: whether the diagonal of a tall matrix begins again below a row that is left out.

        Raises:
            RuntimeError: there is one dimension, or more than two of different sizes.
        """
        from pullback._in_memory import fill_diagonal

        return fill_diagonal(self, fill_value, wrap)

    def apply_(self: Any, callable: Any) -> Any:
        """Put ``callable(x)`` in place of each element x; slow, in Python.

        Raises:
            RuntimeError: the tensor requires a gradient.
        """
        from pullback._in_memory import _mapped

        return _mapped("apply_", self, (), callable)

    def map_(self: Any, other: Any, callable: Any) -> Any:
        """Put ``callable(x, y)`` in place of each element x, y from another tensor of the dtype.

        Raises:
            RuntimeError: a tensor requires a gradient.
        """
        from pullback._in_memory import _mapped

        return _mapped("map_", self, (other,), callable)

    def map2_(self: Any, x: Any, y: Any, callable: Any) -> Any:
        """The same with elements of two other tensors.

        Raises:
            RuntimeError: a tensor requires a gradient.
        """
        from pullback._in_memory import _mapped

        return _mapped("map2_", self, (x, y), callable)

    def dim_order(self: Any, *, ambiguity_check: Any = False) -> tuple[int, ...]:
        """The dimensions, the outermost one in memory first.

        Args:
            ambiguity_check: whether an order that the strides leave open is an error; with a list
                of memory formats only if the tensor does not have exactly one of these.

        Raises:
            RuntimeError: the order is not the only one, and that was asked.
        """
        from pullback._in_memory import dim_order

        return dim_order(self, ambiguity_check)

    def eig(self: Any, eigenvectors: bool = False) -> Any:
        """``pullback.eig``, which PyTorch has given up: always a RuntimeError."""
        from pullback._removed import eig

        return eig(self, eigenvectors)

    def lstsq(self: Any, other: Any) -> Any:
        """``pullback.lstsq``, which PyTorch has given up: always a RuntimeError."""
        from pullback._removed import lstsq

        return lstsq(self, other)

    def reinforce(self: Any, reward: Any) -> Any:
        """Always a RuntimeError: PyTorch has given it up."""
        del reward
        raise RuntimeError(
            "reinforce() was removed. Multiply the reward with minus the log_prob of a "
            "distribution in torch.distributions, and call backward on that."
        )

    def solve(self: Any, other: Any) -> Any:
        """``pullback.solve``, which PyTorch has given up: always a RuntimeError."""
        from pullback._removed import solve

        return solve(self, other)

    def symeig(self: Any, eigenvectors: bool = False) -> Any:
        """``pullback.symeig``, which PyTorch has given up: always a RuntimeError."""
        from pullback._removed import symeig

        return symeig(self, eigenvectors)

    def is_conj(self: Any) -> bool:
        """Always False: conjugates are computed, not marked."""
        return False

    def is_neg(self: Any) -> bool:
        """Always False: negatives are computed, not marked."""
        return False

    def is_signed(self: Any) -> bool:
        """Whether elements can be negative."""
        return bool(self.dtype.is_signed)

    def get_device(self: Any) -> int:
        """Always -1, which stands for the CPU."""
        return -1

    def cuda(self: Any, *_: Any, **__: Any) -> Any:
        """Refuses, with torch's words: there is no GPU."""
        raise AssertionError("Torch not compiled with CUDA enabled: pullback runs on the CPU only.")


# Attributes that all tensors have in common.
_CONSTANTS = {
    "layout": _core.strided,
    "is_cpu": True,
    "name": None,
    **dict.fromkeys(["is_cuda", "is_ipu", "is_maia", "is_meta", "is_mkldnn", "is_mps"], False),
    **dict.fromkeys(["is_mtia", "is_nested", "is_quantized", "is_sparse", "is_sparse_csr"], False),
    **dict.fromkeys(["is_vulkan", "is_xla", "is_xpu"], False),
}


def _constant(name: str, value: Any) -> property:
    """A property, for programs look up ``Tensor.is_cuda.__get__``; subclasses are asked for it."""

    def get(self: Any) -> Any:
        if _core._has_torch_function_unary(self):
            from pullback.overrides import handle_torch_function

            return handle_torch_function(getattr(_core.Tensor, name).__get__, (self,), self)
        return value

    return property(get, doc=f"Always {value}.")


# Methods that ask nobody what they are to do (NOTE [Overrides] in bind/overrides.h), or do in the
# core, without a cost for plain tensors.
_SILENT = frozenset({"__array_ufunc__", "__array_wrap__", "__iter__", "backward", "set_"})


def graft() -> None:
    """Move the methods of the class above onto the C type; there they are overridable."""
    skipped = {"__module__", "__qualname__", "__dict__", "__weakref__", "__doc__"}
    function = type(graft)
    for name, value in list(vars(Tensor).items()):
        if name in skipped:
            continue
        if type(value) is function and name not in _SILENT:
            value = _core._overridable(value)
            setattr(Tensor, name, value)
        setattr(_core.Tensor, name, value)
    for name, value in _CONSTANTS.items():
        setattr(_core.Tensor, name, _constant(name, value))
