"""Hooks of modules: what ``Module.__call__`` does around ``forward``.

Order of a call: hooks before the forward, ``forward``, hooks after it; those of all modules before
those of this one. Hooks of the backward pass sit on two nodes that give gradients on as they are,
one behind the arguments and one behind the results (``_Backward``). A module without hooks pays for
one test of each dictionary.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _core
from pullback.autograd.function import Function
from pullback.utils.hooks import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

Hook = Callable[..., Any]

# Hooks of all modules, by the number of their handle.
_all_forward_pre: OrderedDict[int, Hook] = OrderedDict()
_all_forward: OrderedDict[int, Hook] = OrderedDict()
_all_forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_all_forward_always_called: OrderedDict[int, bool] = OrderedDict()
_all_backward_pre: OrderedDict[int, Hook] = OrderedDict()
_all_backward: OrderedDict[int, Hook] = OrderedDict()
# While all of these are empty, and those of a module are, its call is its forward.
HOOKS_OF_ALL = (_all_forward, _all_forward_pre, _all_backward, _all_backward_pre)
# Whether the hooks in _all_backward are full ones, once there was one.
_all_are_full: list[bool] = []


class BackwardHookFunction(Function):
    """Gives its arguments on as they are; its node carries the hooks."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """The arguments."""
        ctx.mark_non_differentiable(*[arg for arg in args if not arg.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        """The gradients."""
        del ctx
        return args


class _Place:
    """Where among some values the tensors are, and the node behind them."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.count = len(values)
        self.indices = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
        tensors = [values[i] for i in self.indices]
        self.node: Any = None
        self.values: Any = values
        if not pb.is_grad_enabled() or not any(t.requires_grad for t in tensors):
            return
        passed = list(values)
        for i, tensor in zip(self.indices, BackwardHookFunction.apply(*tensors), strict=True):
            passed[i] = tensor
            if tensor.grad_fn is not None:
                self.node = tensor.grad_fn
        self.values = tuple(passed) if type(values) is tuple else type(values)(*passed)

    def spread(self, gradients: Any) -> tuple[Any, ...]:
        """One entry for each value, None for what is no tensor."""
        result = [None] * self.count
        for i, gradient in zip(self.indices, gradients, strict=True):
            result[i] = gradient
        return tuple(result)

    def gather(self, gradients: Any) -> tuple[Any, ...]:
        """One entry for each tensor."""
        return tuple(gradients[i] for i in self.indices)


class _Backward:
    """The hooks of the backward pass of one call of a module."""

    def __init__(self, module: Any, hooks: list[Hook], pre_hooks: list[Hook]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: Any = None

    def enter(self, args: tuple[Any, ...]) -> Any:
        """The arguments for ``forward``."""
        self.inputs = place = _Place(args)
        if place.node is not None:
            place.node.register_hook(self._after_inputs)
            place.node = None  # the node holds the hook, which must not hold the node
        self.has_inputs = place.values is not args
        arguments, place.values = place.values, None
        return arguments

    def leave(self, result: Any) -> Any:
        """The result for the caller."""
        several = isinstance(result, tuple)
        self.outputs = place = _Place(result if several else (result,))
        if place.node is not None:
            place.node.register_hook(self._after_outputs)
            place.node = None
        values, place.values = place.values, None
        return values if several else values[0]

    def _after_outputs(self, _: Any, arrived: Any) -> Any:
        gradients: Any = self.outputs.spread(arrived)
        for hook in self.pre_hooks:
            replaced = hook(self.module, gradients)
            if replaced is None:
                continue
            if len(replaced) != len(gradients):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, got "
                    f"{len(replaced)}, but expected {len(gradients)}"
                )
            gradients = replaced
        self.grad_outputs = gradients
        if not self.has_inputs:
            _core._warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients. See "
                "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#"
                "torch.nn.Module.register_full_backward_hook for more details.",
            )
            for hook in self.hooks:
                replaced = hook(self.module, (None,) * self.inputs.count, gradients)
                if replaced is None or (
                    isinstance(replaced, tuple) and all(each is None for each in replaced)
                ):
                    continue
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
            self.grad_outputs = None
        return self.outputs.gather(gradients)

    def _after_inputs(self, given: Any, _: Any) -> Any:
        if self.grad_outputs is None:
            # The gradient came here without passing the module's result, as in a double backward.
            return None
        gradients: Any = self.inputs.spread(given)
        for hook in self.hooks:
            replaced = hook(self.module, gradients, self.grad_outputs)
            if replaced is None:
                continue
            if len(replaced) != len(gradients):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, got "
                    f"{len(replaced)}, but expected {len(gradients)}"
                )
            gradients = replaced
        self.grad_outputs = None
        return self.inputs.gather(gradients)


def insert_hook(
    hooks: OrderedDict[int, Hook],
    hook: Hook,
    prepend: bool = False,
    marks: tuple[tuple[OrderedDict[int, bool], bool], ...] = (),
) -> RemovableHandle:
    """Add a hook, and its number to each dictionary that marks it."""
    handle = RemovableHandle(hooks, extra_dict=[mark for mark, _ in marks])
    hooks[handle.id] = hook
    for mark, wanted in marks:
        if wanted:
            mark[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


class Hooked:
    """The part of ``Module`` that calls ``forward`` with its hooks."""

    forward: Callable[..., Any]
    _forward_pre_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Hook]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Hook]
    _backward_hooks: OrderedDict[int, Hook]
    _is_full_backward_hook: bool | None

    def _init_hooks(self) -> None:
        self.__dict__.update(
            _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=OrderedDict(),
            _forward_hooks=OrderedDict(),
            _forward_hooks_with_kwargs=OrderedDict(),
            _forward_hooks_always_called=OrderedDict(),
            _backward_pre_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
            _is_full_backward_hook=None,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        try:
            hooked = (
                own["_forward_hooks"]
                or own["_forward_pre_hooks"]
                or own["_backward_hooks"]
                or own["_backward_pre_hooks"]
                or _all_forward
                or _all_forward_pre
                or _all_backward
                or _all_backward_pre
            )
        except KeyError as missing:
            # The attribute that is missing is named by the error of __getattr__.
            hooked = getattr(self, missing.args[0])
        if not hooked:
            return self.forward(*args, **kwargs)
        return _Call(self, args, kwargs).run()

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns replaces the arguments.

        Args:
            hook: returns None, or the new arguments (one value or a tuple).
            prepend: call it before the hooks that the module has.
            with_kwargs: call ``hook(module, args, kwargs)``, which returns None or both.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Example:
            >>> import pullback as pb
            >>> relu = pb.nn.ReLU()
            >>> handle = relu.register_forward_pre_hook(lambda module, args: args[0] - 1)
            >>> relu(pb.tensor([1.0, 2.0]))
            tensor([0., 1.])
        """
        marks = ((self._forward_pre_hooks_with_kwargs, with_kwargs),)
        return insert_hook(self._forward_pre_hooks, hook, prepend, marks)

    def register_forward_hook(
        self,
        hook: Hook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, result)`` after each forward; it may return another result.

        Args:
            hook: returns None, or the new result.
            prepend: call it before the hooks that the module has.
            with_kwargs: call ``hook(module, args, kwargs, result)``.
            always_call: call it also when the forward raises.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Example:
            >>> import pullback as pb
            >>> relu = pb.nn.ReLU()
            >>> handle = relu.register_forward_hook(lambda module, args, result: result * 10)
            >>> relu(pb.tensor([-1.0, 2.0]))
            tensor([ 0., 20.])
        """
        marks = (
            (self._forward_hooks_with_kwargs, with_kwargs),
            (self._forward_hooks_always_called, always_call),
        )
        return insert_hook(self._forward_hooks, hook, prepend, marks)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before gradients pass the module.

        Args:
            hook: returns None, or the new gradients of the results.
            prepend: call it before the hooks that the module has.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return insert_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when gradients have passed the module.

        Args:
            hook: gets the gradients of the positional arguments and of the results as tuples, None
                for what has none; returns None, or the new gradients of the arguments.
            prepend: call it before the hooks that the module has.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Raises:
            RuntimeError: the module has hooks of the old kind.

        Example:
            >>> import pullback as pb
            >>> layer = pb.nn.Linear(1, 1, bias=False)
            >>> def erase(module, given, arrived):
            ...     return (given[0].abs() * 0,)
            >>> handle = layer.register_full_backward_hook(erase)
            >>> x = pb.ones(1, requires_grad=True)
            >>> layer(x).backward()
            >>> x.grad
            tensor([0.])
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = True
        return insert_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The old kind: a hook of the node of the result, whatever arguments that node has.

        Use ``register_full_backward_hook``.
        """
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = False
        return insert_hook(self._backward_hooks, hook)


class _Call:
    """One call of a module that has hooks."""

    def __init__(self, module: Any, args: Any, kwargs: Any) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.called: set[int] = set()

    def run(self) -> Any:
        try:
            return self._run()
        except Exception:
            self._call_always_called()
            raise

    def _run(self) -> Any:
        module = self.module
        pre_hooks = [*_all_backward_pre.values(), *module._backward_pre_hooks.values()]
        full, plain = self._backward_hooks()
        self._before()
        backward = _Backward(module, full, pre_hooks) if full or pre_hooks else None
        if backward is not None:
            self.args = backward.enter(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for number, hook in (*_all_forward.items(), *module._forward_hooks.items()):
            self.called.add(number)
            self._after(number, hook)
        if backward is not None:
            if not isinstance(self.result, (Tensor, tuple)):
                _core._warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple "
                    f"of Tensors but received {type(self.result)}",
                )
            self.result = backward.leave(self.result)
        if plain:
            self._register_plain(plain)
        return self.result

    def _backward_hooks(self) -> tuple[list[Hook], list[Hook]]:
        full: list[Hook] = []
        plain: list[Hook] = []
        (full if True in _all_are_full else plain).extend(_all_backward.values())
        mine = full if self.module._is_full_backward_hook else plain
        mine.extend(self.module._backward_hooks.values())
        return full, plain

    def _before(self) -> None:
        module = self.module
        for number, hook in (*_all_forward_pre.items(), *module._forward_pre_hooks.items()):
            if number in module._forward_pre_hooks_with_kwargs:
                replaced = hook(module, self.args, self.kwargs)
                if replaced is None:
                    continue
                if not isinstance(replaced, tuple) or len(replaced) != 2:
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replaced}."
                    )
                self.args, self.kwargs = replaced
            else:
                replaced = hook(module, self.args)
                if replaced is not None:
                    self.args = replaced if isinstance(replaced, tuple) else (replaced,)

    def _after(self, number: int, hook: Hook) -> None:
        module = self.module
        if number in module._forward_hooks_with_kwargs or number in _all_forward_with_kwargs:
            replaced = hook(module, self.args, self.kwargs, self.result)
        else:
            replaced = hook(module, self.args, self.result)
        if replaced is not None:
            self.result = replaced

    def _call_always_called(self) -> None:
        """After an error; what these hooks raise themselves is only a warning then."""
        mine = self.module._forward_hooks_always_called
        for hooks, always, kind in (
            (_all_forward, _all_forward_always_called, "global module"),
            (self.module._forward_hooks, mine, "module"),
        ):
            for number, hook in hooks.items():
                if number not in always or number in self.called:
                    continue
                try:
                    self._after(number, hook)
                except Exception as error:  # noqa: BLE001
                    _core._warn(
                        f"{kind} forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                    )

    def _register_plain(self, hooks: list[Hook]) -> None:
        """Hooks of the old kind, at the node of the first tensor of the result."""
        found = self.result
        while not isinstance(found, Tensor):
            if isinstance(found, dict):
                found = next(value for value in found.values() if isinstance(value, Tensor))
            else:
                found = found[0]
        node = found.grad_fn
        if node is None:
            return
        for hook in hooks:
            node.register_hook(_bind(hook, self.module))
        _warn_of_plain(self.args, self.result, node)


def _are_tensors(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(each, Tensor) for each in values)


def _warn_of_plain(args: Any, result: Any, node: Any) -> None:
    """Where the node that has a hook of the old kind is not all of the module."""
    results = (result,) if isinstance(result, Tensor) else result
    outer, lacks = "", "grad_input"
    if not _are_tensors(results):
        outer = "does not return a single Tensor or a tuple of Tensors"
        lacks = "grad_output"
    elif not _are_tensors(args):
        outer = "does not take as input a single Tensor or a tuple of Tensors"
    if outer:
        text = f"Using non-full backward hooks on a Module that {outer}"
        lacks = f"some of the {lacks}"
    else:
        targets = {target for target, _ in node.next_functions}
        if len({each.grad_fn for each in results} - {None}) > 1:
            where, lacks = "outputs are generated by different autograd Nodes", "grad_output"
        elif {each.grad_fn for each in args} - {None} != targets:
            where = "the forward contains multiple autograd Nodes"
        else:
            return
        text = f"Using a non-full backward hook when {where}"
        lacks = f"some {lacks}"
    _core._warn(
        f"{text} is deprecated and will be removed in future versions. This hook will be missing "
        f"{lacks}. Please use register_full_backward_hook to get the documented behavior.",
        FutureWarning,
    )


def _bind(hook: Hook, module: Any) -> Hook:
    def bound(given: Any, arrived: Any) -> Any:
        return hook(module, given, arrived)

    return bound


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """``Module.register_forward_pre_hook`` for all modules."""
    return insert_hook(_all_forward_pre, hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """``Module.register_forward_hook`` for all modules.

    Example:
        >>> import pullback as pb
        >>> def show(module, args, result):
        ...     print(type(module).__name__, result.tolist())
        >>> with pb.nn.modules.module.register_module_forward_hook(show):
        ...     y = pb.nn.Sequential(pb.nn.ReLU(), pb.nn.Identity())(pb.tensor([-1.0]))
        ReLU [0.0]
        Identity [0.0]
        Sequential [0.0]
    """
    marks = ((_all_forward_with_kwargs, with_kwargs), (_all_forward_always_called, always_call))
    return insert_hook(_all_forward, hook, False, marks)


class OutermostCalls:
    """Shows ``see`` the modules that are called outside of others, as long as it returns true.

    A module that it is not for (of another thread) it answers with None. Inside of a module that
    was seen there is no hook of this one, so that modules there run as without it.
    """

    __slots__ = ("_number", "_see")

    def __init__(self, see: Callable[[Any], bool | None]) -> None:
        self._see: Callable[[Any], bool | None] | None = see
        self._number = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        _all_forward_pre[self._number] = self._enter

    def stop(self) -> None:
        """Also from inside of a module; does nothing the second time."""
        self._see = None
        _all_forward_pre.pop(self._number, None)

    def _enter(self, module: Any, _: Any) -> None:
        wants_more = None if self._see is None else self._see(module)
        if wants_more is None:
            return
        _all_forward_pre.pop(self._number, None)
        if wants_more:
            module._forward_hooks[self._number] = self._leave
            module._forward_hooks_always_called[self._number] = True

    def _leave(self, module: Any, *_: Any) -> None:
        module._forward_hooks.pop(self._number, None)
        module._forward_hooks_always_called.pop(self._number, None)
        if self._see is not None:
            _all_forward_pre[self._number] = self._enter


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """``Module.register_full_backward_pre_hook`` for all modules."""
    return insert_hook(_all_backward_pre, hook)


def _all_backward_are(full: bool) -> None:
    if not _all_are_full:
        _all_are_full.append(full)
    if full not in _all_are_full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """``Module.register_full_backward_hook`` for all modules."""
    _all_backward_are(full=True)
    return insert_hook(_all_backward, hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """``Module.register_backward_hook``, the old kind, for all modules."""
    _all_backward_are(full=False)
    return insert_hook(_all_backward, hook)
