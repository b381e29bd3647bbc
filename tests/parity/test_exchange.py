"""Tensors that get other memory, beside PyTorch: `.data =`, `set_`, `resize_`, `as_strided_`.

A view whose base has other memory is where the two differ: see tests/test_exchange.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from scenarios import Scenario, check, leaf

torch = pytest.importorskip("torch")


def state(x: Any) -> list[Any]:
    node = x.grad_fn.name() if x.grad_fn else None
    flags = [x.requires_grad, x.is_leaf, x._is_view(), x._base is not None]
    return [x._version, node, tuple(x.shape), x.stride(), x.storage_offset(), flags, x.tolist()]


def sentence(run: Any) -> str:
    with pytest.raises(RuntimeError) as caught:
        run()
    return str(caught.value)[:60]


def version_of_its_own(t: Any) -> Any:
    x, y = t.tensor([1.0, 2.0]).add_(1), t.tensor([5.0, 6.0])
    y.add_(1).add_(1).add_(1)
    x.data = y
    seen = [x._version]
    y.add_(1)
    seen.append(x._version)
    x.add_(1)
    return seen, y._version, state(x)


def data_back_and_forth(t: Any) -> Any:
    a = leaf(t, 2.0, 3.0)
    x = a * 1
    v = x[:1]
    kept, v.data = v.data, t.tensor([7.0])
    seen = state(v)
    v.data = kept
    v.mul_(a[1])
    (x * x).sum().backward()
    return seen, state(v), state(x), a.grad


def data_of_the_base_back_and_forth(t: Any) -> Any:
    a = leaf(t, 2.0, 3.0)
    x = a * 1
    v = x[:1]
    kept, x.data = x.data, t.tensor([7.0])
    x.data = kept
    v.mul_(a[1])
    (x * x).sum().backward()
    return state(v)[1:], state(x)[1:], a.grad


def data_of_a_view_of_the_same_memory(t: Any) -> Any:
    a = leaf(t, 2.0, 3.0)
    x = a * 1
    v = x[:1]
    v.data = x.data[1:]
    v.mul_(5)
    (x * x).sum().backward()
    return state(v), state(x), a.grad


def data_of_itself(t: Any) -> Any:
    a = leaf(t, 2.0, 3.0)
    x = a * 1
    v = x[:1]
    for _ in range(3):
        v.data = v.data
        x.data = x.data
    v.mul_(a[1])
    (x * x).sum().backward()
    return state(v), state(x), a.grad


def written_through_an_old_view(t: Any) -> Any:
    x, w = leaf(t, 1.0), t.tensor([3.0])
    y, v = x * w, w[:]
    w.data = t.tensor([5.0])
    before = w._version
    v.add_(1)
    seen = before, w._version, w.tolist(), v.tolist()
    return seen, sentence(lambda: y.sum().backward())


def counting_goes_on_in_the_old_memory(t: Any) -> Any:
    x, w = leaf(t, 1.0), t.tensor([3.0])
    kept, w.data = w.data, t.tensor([5.0])
    w.add_(1)
    y = x * w
    w.data = kept
    seen = [w._version]
    w.add_(1)
    seen.append(w._version)
    return seen, sentence(lambda: y.sum().backward())


def counting_goes_on_in_the_memory_of_another(t: Any) -> Any:
    x, w, other = leaf(t, 1.0), t.tensor([3.0]), t.tensor([7.0])
    w.add_(1)
    y = x * w
    w.data = other.data
    w.add_(1)
    return w._version, other.tolist(), sentence(lambda: y.sum().backward())


def the_memory_of_another_while_it_is_saved(t: Any) -> Any:
    x, w, other = leaf(t, 1.0), t.tensor([3.0]), t.tensor([7.0])
    w.add_(1)
    y = x * other
    w.data = other.data
    y.sum().backward()
    return x.grad, w


def data_in_seven_dimensions(t: Any) -> Any:
    x = t.arange(4.0)
    x.data = t.zeros(1, 1, 1, 1, 1, 1, 1, 2)
    seen = state(x)
    x.data = t.ones(2)
    return seen, state(x)


def data_of_an_inference_tensor(t: Any) -> Any:
    with t.inference_mode():
        x = t.zeros(3)
        made = [x.data.is_inference(), t.ones(2).detach().is_inference()]
    y, z = t.ones(2), x.data
    y.data = x
    x.data = t.ones(2)
    return made, x.is_inference(), y.is_inference(), z.is_inference()


def set_source(t: Any) -> Any:
    x, y = t.tensor([1.0, 2.0]), t.arange(6.0).reshape(2, 3).t()
    same = x.set_(y)
    seen = state(x)
    y.add_(1)
    return same is x, seen, state(x), state(y)


def set_gives_a_leaf_another_accumulator(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x * 3
    with t.no_grad():
        x.set_(t.tensor([5.0, 6.0]))
    unused = sentence(lambda: t.autograd.grad(y.sum(), x, retain_graph=True))
    new = (x * x).sum()
    seen = [t.autograd.grad(new + y.sum(), x, retain_graph=True), x.output_nr, x.is_leaf]
    y.sum().backward(retain_graph=True)
    seen.append(x.grad.clone())
    (new + y.sum()).backward(inputs=[x], retain_graph=True)
    seen.append(x.grad.clone())
    (new + y.sum()).backward()
    return unused, seen, x.grad, new.grad_fn.next_functions[0][1]


def gradient_of_the_old_shape(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = (x * 3).sum()
    x.data = t.ones(3)
    return t.autograd.grad(y, x), x.shape


def gradient_of_the_new_shape(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.data = t.ones(3)
    (x * 3).sum().backward()
    return x.grad, x.output_nr


def set_parts(t: Any) -> Any:
    x, y = t.zeros(3), t.arange(6.0)
    seen = [state(x.set_(y, 1, (2, 2))), state(x.set_(y, 0, (2, 2), (1, 3)))]
    seen.append(state(x.set_(source=y, storage_offset=2, size=())))
    seen.append(state(x.set_(y[1:], 0, (2,), (2,))))
    return seen, state(x.set_())


def set_of_a_leaf(t: Any) -> Any:
    x = leaf(t)
    with t.no_grad():
        x.set_(t.tensor([5.0, 6.0, 7.0]))
    (x * x).sum().backward()
    return state(x), x.grad


def set_after_it_was_saved(t: Any) -> Any:
    x = leaf(t)
    y = (x * x).sum()
    with t.no_grad():
        x.set_(t.tensor([5.0, 6.0]))
    return sentence(y.backward)


def set_in_inference_mode(t: Any) -> Any:
    with t.inference_mode():
        x = t.zeros(3).set_(t.ones(2))
    return x.tolist(), x.is_inference(), sentence(lambda: x.set_(t.ones(2)))


def resizes(t: Any) -> Any:
    x = t.arange(6.0)
    seen = [state(x.resize_(2, 2)), state(x.resize_((2, 3))), state(x.resize_(2, 3))]
    seen.append(state(x.resize_(0)))
    seen.append(state(x.resize_as_(t.zeros(6))))
    seen.append(state(x.resize_(())))
    x.resize_(10)
    return seen, x[:6].tolist(), x._version


def resized_view(t: Any) -> Any:
    x = t.arange(6.0)
    v = x[2:].resize_(2, 2)
    v.add_(1)
    return state(v), state(x)


def resized_transpose(t: Any) -> Any:
    x = t.arange(6.0).reshape(2, 3).t()
    x.resize_(3, 2)
    seen = state(x)
    return seen, state(x.resize_(2, 3))


def resized_numpy(t: Any) -> Any:
    t.from_numpy(np.zeros(2)).resize_(3)


def out_takes_the_memory_that_is_there(t: Any) -> Any:
    x = t.arange(4.0)
    v = x[:0]
    t.add(t.ones(2), 1, out=v)
    return state(v), state(x)


def as_strided_of_a_result(t: Any) -> Any:
    a = t.arange(6.0).requires_grad_()
    x = a * 2
    v = x[3:]
    x.as_strided_((2, 2), (1, 2))
    seen = state(x), state(v)
    (x * x).sum().backward()
    return seen, a.grad


def as_strided_of_a_view(t: Any) -> Any:
    a = t.arange(6.0).requires_grad_()
    x = a * 2
    v = x[1:].as_strided_((2, 2), (1, 2), 1)
    seen = state(v)
    v.mul_(3)
    (x * x).sum().backward()
    return seen, state(v), a.grad


def as_strided_of_a_repeated_element(t: Any) -> Any:
    x = t.arange(3.0)[1:2].expand(4)
    return state(x.as_strided_((3,), (0,), 2)), state(t.zeros(2).expand(3, 2).t_())


def flags_of_a_view_of_a_constant(t: Any) -> Any:
    x = t.zeros(3)
    v = x[:2].requires_grad_()
    seen = state(v)
    x.mul_(leaf(t)[0])
    return seen, state(v), state(x)


def kept_as_it_is(t: Any) -> Any:
    x = leaf(t) * 1
    return x.requires_grad_() is x, x.requires_grad_(requires_grad=True) is x


SCENARIOS: dict[str, Scenario] = {
    f.__name__: f
    for f in (
        version_of_its_own,
        data_back_and_forth,
        data_of_the_base_back_and_forth,
        data_of_a_view_of_the_same_memory,
        data_of_itself,
        written_through_an_old_view,
        counting_goes_on_in_the_old_memory,
        counting_goes_on_in_the_memory_of_another,
        the_memory_of_another_while_it_is_saved,
        data_in_seven_dimensions,
        data_of_an_inference_tensor,
        set_source,
        set_gives_a_leaf_another_accumulator,
        gradient_of_the_old_shape,
        gradient_of_the_new_shape,
        set_parts,
        set_of_a_leaf,
        set_after_it_was_saved,
        set_in_inference_mode,
        resizes,
        resized_view,
        resized_transpose,
        resized_numpy,
        out_takes_the_memory_that_is_there,
        as_strided_of_a_result,
        as_strided_of_a_view,
        as_strided_of_a_repeated_element,
        flags_of_a_view_of_a_constant,
        kept_as_it_is,
    )
}


def attribute(t: Any, x: Any, value: Any) -> None:
    x.requires_grad = value


def new_data(t: Any, x: Any, value: Any) -> None:
    x.data = value


def no_data(t: Any) -> None:
    del leaf(t).data


def out_of_inference(t: Any) -> str:
    with t.inference_mode():
        x = t.zeros(3)
    return sentence(lambda: t.add(t.ones(3), 1, out=x))


REFUSALS: dict[str, Scenario] = {
    "set_ of a leaf": lambda t: leaf(t).set_(t.ones(2)),
    "set_ of a result": lambda t: (leaf(t) * 1).set_(t.ones(2)).sum().backward(),
    "set_ of a view": lambda t: (leaf(t) * 1)[:1].set_(t.ones(2)).sum().backward(),
    "set_ to a result": lambda t: t.ones(2).set_(leaf(t) * 1).sum().backward(),
    "set_ to another dtype": lambda t: t.ones(2).set_(t.ones(2, dtype=t.int64)),
    "set_ from another dtype": lambda t: t.ones(2, dtype=t.bool).set_(t.ones(2).double()),
    "set_ to a number": lambda t: t.ones(2).set_(3),
    "set_ with too few strides": lambda t: t.ones(2).set_(t.ones(2), 0, (1,), (1, 2)),
    "set_ before the memory": lambda t: t.ones(2).set_(t.ones(2), -1, (1,), (1,)),
    "set_ with a negative size": lambda t: t.ones(2).set_(t.ones(2), 0, (-1,), (1,)),
    "resize_ of a leaf": lambda t: leaf(t).resize_(3),
    "resize_ of a result": lambda t: (leaf(t) * 1).resize_(2),
    "resize_as_ of a result": lambda t: (leaf(t) * 1).resize_as_(t.ones(1)),
    "resize_ to a negative size": lambda t: t.ones(2).resize_(-1),
    "resize_ to a huge size": lambda t: t.ones(2).resize_(2**40, 2**40),
    "as_strided_ of a leaf": lambda t: leaf(t).as_strided_((1,), (1,)),
    "as_strided_ of a view of a leaf": lambda t: leaf(t)[:1].as_strided_((1,), (1,)),
    "as_strided_ beyond the memory": lambda t: t.ones(2).as_strided_((3,), (1,)),
    "as_strided_ with too few strides": lambda t: t.ones(2).as_strided_((2,), (1, 1)),
    "detach_ of a view": lambda t: (leaf(t) * 1)[:1].detach_(),
    "detach_ of a view of a constant": lambda t: t.ones(2)[:1].detach_(),
    "detach_ of a view of integers": lambda t: t.ones(2, dtype=t.int64)[:1].detach_(),
    "requires_grad = True of a result": lambda t: attribute(t, leaf(t) * 1, True),
    "requires_grad = False of a result": lambda t: attribute(t, leaf(t) * 1, False),
    "requires_grad = 1": lambda t: attribute(t, leaf(t), 1),
    "requires_grad_(False) of a result": lambda t: (leaf(t) * 1).requires_grad_(False),
    "requires_grad_(1)": lambda t: leaf(t).requires_grad_(1),
    "requires_grad_(wanted=True)": lambda t: leaf(t).requires_grad_(wanted=True),
    "requires_grad_ of integers": lambda t: t.tensor([1]).requires_grad_(),
    "data of integers": lambda t: new_data(t, leaf(t), t.tensor([1])),
    "data that is no tensor": lambda t: new_data(t, leaf(t), [1.0]),
    "deleted data": no_data,
    "out= outside of inference mode": out_of_inference,
}


@pytest.mark.parametrize("name", [*SCENARIOS, *REFUSALS])
def test_the_same_as_torch(name: str) -> None:
    check({**SCENARIOS, **REFUSALS}[name], pb, torch)
