"""Subclasses of Tensor, ``__torch_function__``, function modes and ``overrides``."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import types
import weakref
from typing import Any, ClassVar

import pytest

import pullback as pb
from pullback import overrides


class Points(pb.Tensor):
    """Leaves all to Tensor; can be imported for pickles."""


class Slotted(pb.Tensor):
    __slots__ = ("tag",)
    tag: str


class Logged(pb.Tensor):
    log: ClassVar[list[str | None]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.log.append(overrides.resolve_name(func))
        return super().__torch_function__(func, types, args, kwargs or {})


def points(*values: float) -> Any:
    return pb.tensor(values).as_subclass(Points)


def test_results_keep_the_class_and_the_gradient() -> None:
    x = points(1.0, 2.0).requires_grad_()
    y = (x * x + 1).sum()
    assert type(y) is Points
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]
    (again,) = pb.autograd.grad((x**3).sum(), x, create_graph=True)
    assert type(again) is Points
    (second,) = pb.autograd.grad(again.sum(), x)
    assert second.tolist() == [6.0, 12.0]


def test_edges_of_shape_keep_the_class() -> None:
    for shape in ((), (0,), (2, 0, 3), (2, 3)):
        x = pb.ones(shape).as_subclass(Points)
        assert {type(x + 1), type(1 - x), type(x.sum()), type(x.mT if x.ndim > 1 else x)} == {
            Points
        }
        assert (x + 1).shape == shape


def test_objects_of_subclasses_die_like_others() -> None:
    gc.collect()
    before = pb._core.live_objects()
    x = points(1.0, 2.0)
    for _ in range(1000):
        x = (x * 2 - x).clone()
    assert type(x) is Points
    kept = [x + k for k in range(300)]  # more than the free list takes
    assert {type(each) for each in kept} == {Points}
    watched = weakref.ref(kept[0])
    del kept, x
    gc.collect()
    assert watched() is None
    assert pb._core.live_objects() == before
    assert type(pb.ones(2) + 1) is pb.Tensor  # places in the free list are plain again


def test_a_class_without_objects_can_die() -> None:
    def use() -> Any:
        class Local(pb.Tensor):
            pass

        x = pb.ones(2).as_subclass(Local)
        assert type(x + x) is Local
        Local.zero = x  # type: ignore[attr-defined]
        return weakref.ref(Local)

    local = use()
    gc.collect()
    assert local() is None


def test_slots_and_attributes_stay_with_their_object() -> None:
    x = pb.ones(2).as_subclass(Slotted)
    x.tag = "x"
    y = x + 1
    assert type(y) is Slotted
    assert not hasattr(y, "tag")
    assert x.tag == "x"
    p = points(1.0)
    p.label = "p"
    assert not hasattr(p * 2, "label")
    assert p.label == "p"


def test_a_result_that_is_held_elsewhere_is_a_view_of_the_class() -> None:
    plain = pb.ones(2, requires_grad=True)
    out = pb.zeros(2)
    written = pb.neg(plain.detach(), out=out.as_subclass(Points))
    assert type(written) is Points
    assert out.tolist() == [-1.0, -1.0]
    assert type(out) is pb.Tensor
    x = points(3.0)
    assert x.add_(1) is x
    assert x.contiguous() is x


def test_copies_and_pickles_keep_the_class() -> None:
    x = points(1.0, 2.0).requires_grad_()
    x.note = [1]
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(made) is Points
        assert made.requires_grad
        assert made.tolist() == [1.0, 2.0]
        assert made.note == [1]


def test_hooks_of_an_object_of_a_subclass() -> None:
    x = points(1.0, 2.0).requires_grad_()
    seen = []
    x.register_hook(lambda grad: seen.append(type(grad)))
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    assert len(seen) == 1
    assert y.grad is not None
    assert y.grad.tolist() == [1.0, 1.0]


def test_parameters_are_not_inherited_and_those_of_subclasses_are() -> None:
    p = pb.nn.Parameter(pb.ones(2))
    assert type(p + 1) is pb.Tensor
    assert type(p.data) is pb.Tensor
    q = pb.nn.Parameter(points(1.0, 2.0))
    assert type(q) is Points
    assert isinstance(q, pb.nn.Parameter)
    assert q.requires_grad
    assert not isinstance(points(1.0), pb.nn.Parameter)
    module = pb.nn.Module()
    module.q = q
    assert next(iter(module.parameters())) is q
    pb.optim.SGD(module.parameters(), 0.1)
    (q * q).sum().backward()
    assert q.grad is not None


class Duck:
    """Answers with its name, or passes."""

    passes = False

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return NotImplemented if cls.passes else (cls.__name__, overrides.resolve_name(func))


class Bird(Duck):
    pass


class Shy(Duck):
    passes = True


def test_a_subclass_is_asked_before_its_base_and_others_from_left_to_right() -> None:
    assert pb.add(Duck(), Bird()) == ("Bird", "torch.add")
    assert pb.add(Bird(), Duck()) == ("Bird", "torch.add")
    assert pb.add(pb.ones(1), Duck()) == ("Duck", "torch.add")
    assert pb.cat([pb.ones(1), Duck()]) == ("Duck", "torch.cat")
    assert pb.ones(1) + Duck() == ("Duck", "torch.Tensor.add")


def test_nobody_answers() -> None:
    with pytest.raises(TypeError, match=r"Multiple dispatch failed for 'torch.add'[\s\S]*Shy"):
        pb.add(pb.ones(1), Shy())
    with pytest.raises(
        TypeError, match=r"unsupported operand type\(s\) for \+: 'pullback.Tensor' and"
    ):
        pb.ones(1) + Shy()
    with pytest.raises(TypeError, match="must be Tensor or Number, not str"):
        pb.add(pb.ones(1), "x")


def test_errors_of_those_who_are_asked_pass_on() -> None:
    class Angry(pb.Tensor):
        @classmethod
        def __torch_function__(cls, *_args: Any, **_kwargs: Any) -> Any:
            raise KeyError("angry")

    x = pb.ones(2).as_subclass(Angry)
    for call in (lambda: x + 1, lambda: x.sum(), lambda: x.shape, lambda: x[0], lambda: len(x)):
        with pytest.raises(KeyError, match="angry"):
            call()
    with pytest.raises(KeyError):
        x.requires_grad = True


def test_answers_of_another_kind_than_python_wants_are_errors() -> None:
    answer: Any = None

    class Odd(pb.Tensor):
        @classmethod
        def __torch_function__(cls, *_args: Any, **_kwargs: Any) -> Any:
            return answer

    x = pb.ones(2).as_subclass(Odd)
    for wrong, error in ((-1, ValueError), ("x", TypeError), (2**80, OverflowError)):
        answer = wrong
        with pytest.raises(error):
            len(x)
    answer = "x"
    for convert in (float, int):
        with pytest.raises(TypeError):
            convert(x)
    assert bool(x) is True
    assert x + 1 == "x"
    answer = 3
    assert len(x) == 3


def test_a_plain_method_is_asked_with_a_warning() -> None:
    class Old:
        def __torch_function__(self, *_args: Any, **_kwargs: Any) -> Any:
            return "old"

    with pytest.warns(UserWarning, match="plain method is deprecated"):
        assert pb.sum(Old()) == "old"


def test_functions_that_are_written_in_python_ask_once() -> None:
    Logged.log.clear()
    x = pb.ones(2, 2).as_subclass(Logged)
    Logged.log.clear()
    assert type(pb.nn.functional.normalize(x)) is Logged
    assert Logged.log == ["torch.nn.functional.normalize"]
    Logged.log.clear()
    repr(x)
    assert Logged.log == ["torch.Tensor.__repr__"]


def test_switched_off() -> None:
    x = points(1.0)
    with pb._C.DisableTorchFunctionSubclass():
        assert type(x + 1) is pb.Tensor
        assert type(x.sum()) is pb.Tensor
        with overrides.enable_reentrant_dispatch():
            assert type(x + 1) is Points
        with pytest.raises(TypeError, match="must be Tensor or Number, not Duck"):
            pb.add(pb.ones(1), Duck())
    assert type(x + 1) is Points


class Names(overrides.TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.log.append(overrides.resolve_name(func))
        return func(*args, **(kwargs or {}))


def test_a_mode_sees_every_call_and_ends() -> None:
    x = pb.ones(2)
    with Names() as names:
        y = pb.ones(2) * 2 + x
        assert y.shape == (2,)
        pb.nn.functional.linear(pb.ones(1, 2), pb.ones(1, 2))
        y[0].item()
    x + 1
    assert names.log == [
        "torch.ones",
        "torch.Tensor.mul",
        "torch.Tensor.add",
        "torch.Tensor.shape.__get__",
        "torch.ones",
        "torch.ones",
        "torch.nn.functional.linear",
        "torch.Tensor.__getitem__",
        "torch.Tensor.item",
    ]


def test_modes_nest_and_errors_leave_them() -> None:
    with Names() as outer, Names() as inner:
        pb.ones(1)
    assert inner.log == outer.log == ["torch.ones"]
    with pytest.raises(RuntimeError), Names() as broken:
        pb.ones(2) + pb.ones(3)
    pb.ones(1)
    assert len(broken.log) == 3
    assert pb._core._function_modes() == []


class Refuses(overrides.TorchFunctionMode):
    def __torch_function__(self, *_args: Any, **_kwargs: Any) -> Any:
        return NotImplemented


def test_a_mode_that_does_not_answer_leaves_the_call_to_the_classes() -> None:
    with Refuses():
        assert pb.add(pb.ones, Duck()) == ("Duck", "torch.add")
        with pytest.raises(TypeError, match="mode object"):
            pb.ones(1)


def test_a_mode_and_switches_belong_to_their_thread() -> None:
    names: list[Any] = []

    def work() -> None:
        pb.ones(1) + 1
        names.append(len(pb._core._function_modes()))

    with Names() as mode:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert names == [0]
    assert mode.log == []


def test_a_mode_in_a_backward_pass_with_hooks_sees_them() -> None:
    x = pb.ones(2, requires_grad=True)
    x.register_hook(lambda grad: grad * 2)
    with Names() as names:
        (x * 3).sum().backward()
    assert "torch.Tensor.backward" in names.log
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 6.0]


def test_torch_dispatch_is_refused() -> None:
    class Low(pb.Tensor):
        @classmethod
        def __torch_dispatch__(cls, *_args: Any) -> Any:
            return None

    with pytest.raises(NotImplementedError, match=r"Low: __torch_dispatch__ is not supported"):
        pb.ones(1).as_subclass(Low)
    with pytest.raises(NotImplementedError, match="_make_wrapper_subclass"):
        pb.Tensor._make_wrapper_subclass(Low, (2,))

    class None_(pb.Tensor):
        __torch_dispatch__ = pb._C._disabled_torch_dispatch_impl

    assert type(pb.ones(1).as_subclass(None_) + 1) is None_


def test_has_torch_function_and_handle_torch_function() -> None:
    assert not overrides.has_torch_function((pb.ones(1), 1, None, "x"))
    assert not overrides.has_torch_function_unary(pb.nn.Parameter(pb.ones(1)))
    assert overrides.has_torch_function([1, Duck()])
    assert overrides.has_torch_function_variadic(1, points(1.0))
    assert overrides.handle_torch_function(pb.add, (Duck(),), 1, 2) == ("Duck", "torch.add")
    assert overrides.is_tensor_like(Duck())
    assert not overrides.is_tensor_like([1])

    @overrides.wrap_torch_function(lambda a, b=None: (a, b))
    def mine(a: Any, b: Any = None) -> Any:
        return a

    assert mine(1) == 1
    assert mine(1, b=Duck()) == ("Duck", None)


_FOR_FUNCTIONS: list[tuple[Any, ...]] = [
    (Duck(),),
    (Duck(), Duck()),
    (Duck(), Duck(), Duck()),
    ([Duck()],),
    ("i->i", Duck()),
]


def _asks(function: Any, arguments: tuple[Any, ...]) -> bool:
    try:
        answer = function(*arguments)
    except (TypeError, AttributeError, ValueError, RuntimeError):
        return False
    return isinstance(answer, tuple) and answer[0] in ("Duck", "Told")


def test_every_function_that_is_said_to_ask_asks() -> None:
    tables = overrides.get_overridable_functions()
    silent = []
    for space, found in tables.items():
        for function in found:
            name = overrides.resolve_name(function)
            assert name is not None, function
            if space is pb.Tensor or isinstance(function, type(pb.Tensor.add_)):
                continue  # these are called with a tensor first
            if not any(_asks(function, arguments) for arguments in _FOR_FUNCTIONS):
                silent.append(name)
    assert silent == []
    assert len(tables[pb]) > 300
    assert len(tables[pb.Tensor]) > 300
    assert not {*overrides.get_testing_overrides()} & overrides.get_ignored_functions()


def test_every_method_and_property_asks_for_an_object_of_a_subclass() -> None:
    class Told(pb.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, *_args: Any, **_kwargs: Any) -> Any:
            return "Told", overrides.resolve_name(func)

    x = pb.Tensor._make_subclass(Told, pb.ones(2, 2))
    # What these give is made a bool, a length, a number, a buffer (from 3.12 on) or nothing of.
    names = {"bool", "len", "setitem", "buffer", "release_buffer"}
    converted = {f"torch.Tensor.__{n}__" for n in names if hasattr(pb.Tensor, f"__{n}__")}
    silent = {
        overrides.resolve_name(function)
        for function in overrides.get_overridable_functions()[pb.Tensor]
        if not any(_asks(function, arguments) for arguments in ((x,), (x, x), (x, 0, x)))
    }
    assert silent == converted


def test_functions_of_nn_that_are_written_in_python_ask() -> None:
    public = {n: f for n, f in vars(pb.nn.functional).items() if n[0] != "_"}
    assert {n for n, f in public.items() if isinstance(f, types.FunctionType)} == set()
