"""The graph as an object: nodes, edges, what is saved in it, hooks over several tensors.

Nodes are made by the core (``grad_fn``); ``Node`` is the base of their types. What nodes save can
be packed by ``saved_tensors_hooks``. Start reading at ``GradientEdge``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pullback import _arguments, _core
from pullback._core import Node
from pullback.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor arrives: an output of a node.

    It stands for the tensor as a root and as an input of ``autograd.grad`` and
    ``autograd.backward``, and keeps the graph alive, but not the value.
    """

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor that requires a gradient.

    Raises:
        RuntimeError: it does not.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor(3.0, requires_grad=True)
        >>> edge = pb.autograd.graph.get_gradient_edge(x * x)
        >>> edge.node.name(), edge.output_nr
        ('MulBackward0', 0)
        >>> pb.autograd.grad(edge, x)
        (tensor(6.),)
    """
    _arguments.tensors("get_gradient_edge", tensor=tensor)
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    node = tensor.grad_fn
    if node is None:
        node = _core._accumulator(tensor)
    return GradientEdge(node, tensor.output_nr)


class saved_tensors_hooks:
    """While it is entered, ``pack_hook(tensor)`` is kept in the place of each tensor that is saved.

    ``unpack_hook`` of that gives the tensor back whenever the graph needs it. Of nested pairs only
    the innermost is called. The hooks of a thread are its own.

    Args:
        pack_hook: gets the tensor that is being saved and must not modify it; should not return it
            itself either (``x.detach()`` is fine), or the graph would hold itself alive.
        unpack_hook: gets what ``pack_hook`` returned; returns a tensor of the same value.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> def pack(tensor):
        ...     print("saved", tensor.tolist())
        ...     return tensor.detach()
        >>> with pb.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed):
        ...     y = x.sin()
        saved [1.0, 2.0]
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        _core._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        _core._pop_saved_hooks()


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Refuse ``saved_tensors_hooks`` with this message inside the block, or where they are active.

    Example:
        >>> import pullback as pb
        >>> graph = pb.autograd.graph
        >>> with graph.disable_saved_tensors_hooks("not here"):
        ...     with graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        ...         pass
        Traceback (most recent call last):
        RuntimeError: not here
    """
    _arguments.texts("disable_saved_tensors_hooks", error_message=error_message)
    before = _core._set_saved_refusal(error_message)
    try:
        yield
    finally:
        _core._set_saved_refusal(before)


class save_on_cpu(saved_tensors_hooks):
    """Saved tensors are kept as copies in memory of the CPU, where they are in any case.

    Args:
        pin_memory: accepted for torch's sake; there is no device for which pinning would matter.
        device_type: as in torch; not used for the same reason.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor(2.0, requires_grad=True)
        >>> with pb.autograd.graph.save_on_cpu():
        ...     y = x * x
        >>> y.backward()
        >>> x.grad
        tensor(4.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        _arguments.flags("save_on_cpu", pin_memory=pin_memory)
        _arguments.texts("save_on_cpu", device_type=device_type)
        self.pin_memory = pin_memory
        self.device_type = device_type
        super().__init__(lambda tensor: tensor.detach().cpu(), lambda packed: packed)


class _MultiHandle(RemovableHandle):
    """Removes several hooks at once."""

    def __init__(self, handles: tuple[RemovableHandle, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self) -> tuple[RemovableHandle, ...]:
        return self.handles

    def __setstate__(self, state: tuple[RemovableHandle, ...]) -> None:
        self.handles = state


class _Gathered:
    """The gradients of several tensors in one pass, handed over when the last has arrived.

    The hooks of the tensors hold this object, and it holds them weakly: a hook that is alive means
    that the place it was registered at is.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.places: list[tuple[int, weakref.ref[Any]]] = []
        self.waiting: dict[int, list[Any]] = {}  # by pass: what has arrived
        self.missing: dict[int, int] = {}

    def hook(self, index: int) -> Callable[[Any], None]:
        def arrive(gradient: Any) -> None:
            number = _core._pass_number()
            if number not in self.waiting:
                self.waiting[number] = [None] * len(self.places)
                self.missing[number] = sum(
                    ref() is not None and _core._pass_reaches(key) for key, ref in self.places
                )
            self.waiting[number][index] = gradient
            self.missing[number] -= 1
            if self.missing[number] == 0:
                del self.missing[number]
                self.function(self.waiting.pop(number))

        return arrive


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[..., Any],
    *,
    mode: str = "all",
) -> RemovableHandle:
    """Call ``fn`` when the gradients of several tensors have arrived.

    Args:
        tensors: tensors that require gradients.
        fn: for "all" a function of the list of their gradients, None for one that does not take
            part in the pass; for "any" a function of the gradient that arrived first. What it
            returns is ignored.
        mode: "all": once in a pass, after the last of those that take part in it; "any": once in a
            pass, at the first.

    Returns:
        A handle whose ``remove()`` takes the hook away.

    Raises:
        ValueError: the mode is another one.

    Example:
        >>> import pullback as pb
        >>> a = pb.tensor(2.0, requires_grad=True)
        >>> b = pb.tensor(3.0, requires_grad=True)
        >>> handle = pb.autograd.graph.register_multi_grad_hook([a, b], print)
        >>> (a * b).backward()
        [tensor(3.), tensor(2.)]
    """
    tensors = _arguments.elements(
        "register_multi_grad_hook", "tensors", tensors, "a sequence of Tensors"
    )
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        last = -1

        def first(gradient: Any) -> None:
            nonlocal last
            number = _core._pass_number()
            if number != last:
                last = number
                fn(gradient)

        return _MultiHandle(
            tuple(tensor.register_hook(first) for tensor in tensors if tensor.requires_grad)
        )
    if not all(tensor.requires_grad for tensor in tensors):
        raise AssertionError("Expected gradient function to be set: got a tensor without gradient")
    gathered = _Gathered(fn)
    handles = []
    for index, tensor in enumerate(tensors):
        hook = gathered.hook(index)
        gathered.places.append((_core._edge_key(tensor), weakref.ref(hook)))
        handles.append(tensor.register_hook(hook))
    return _MultiHandle(tuple(handles))


class _AllowMutationOnSavedContext:
    """What was saved inside the block, and copies of what was overwritten since."""

    def __init__(self) -> None:
        self.original: weakref.WeakKeyDictionary[_Saved, Any] = weakref.WeakKeyDictionary()
        self.cloned: weakref.WeakKeyDictionary[_Saved, Any] = weakref.WeakKeyDictionary()
        self.by_storage: dict[int, weakref.WeakValueDictionary[Any, _Saved]] = {}

    def clear(self) -> None:
        """Forget everything; what was recorded inside cannot be walked any more."""
        self.original.clear()
        self.cloned.clear()
        self.by_storage.clear()

    def pack(self, tensor: Any) -> _Saved:
        """What is saved several times at one version has one stand-in, hence one copy."""
        known = self.by_storage.setdefault(tensor._storage_ptr(), weakref.WeakValueDictionary())
        key = (_place(tensor), tensor._version)
        saved = known.get(key)
        if saved is None:
            saved = known[key] = _Saved()
            self.original[saved] = tensor.detach()
        return saved

    def unpack(self, saved: _Saved) -> Any:
        if saved in self.cloned:
            return self.cloned[saved]
        if saved not in self.original:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        return self.original[saved]

    def before_write(self, target: Any) -> None:
        """Copy what was saved of the memory that is about to be overwritten."""
        for saved in tuple(self.by_storage.pop(target._storage_ptr(), {}).values()):
            self.cloned[saved] = self.original.pop(saved).clone()


def _place(tensor: Any) -> Any:
    """Equal for tensors that show the same part of one memory in the same way."""
    if _core._batch_of(tensor) is not None:
        return object()
    return tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


class _Saved:
    """Stands for one saved tensor; the node holds it, the context refers to it weakly."""


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Inside the block what is saved may be overwritten: a copy of it is made just before.

    The backward pass has to run inside the block too.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.graph.allow_mutation_on_saved_tensors():
        ...     x = pb.tensor([2.0, 3.0], requires_grad=True)
        ...     y = x.clone()
        ...     z = (y * y).sum()
        ...     y.zero_()
        ...     z.backward()
        tensor([0., 0.], grad_fn=<ZeroBackward0>)
        >>> x.grad
        tensor([4., 6.])
    """
    context = _AllowMutationOnSavedContext()
    _core._set_write_watch(context.before_write)
    try:
        with saved_tensors_hooks(context.pack, context.unpack):
            yield context
    finally:
        context.clear()
        _core._set_write_watch(None)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Tell autograd that a tensor, or each of several, was modified behind its back.

    Example:
        >>> import pullback as pb
        >>> x = pb.zeros(2)
        >>> pb.autograd.graph.increment_version(x)
        >>> x._version
        1
    """
    if isinstance(tensor, _core.Tensor):
        tensor = (tensor,)
    elif not isinstance(tensor, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for each in tensor:
        _core._raise_version(each)
