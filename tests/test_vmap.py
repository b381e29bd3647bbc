"""vmap: every operator's batch against a loop is in test_ops.py; here what vmap itself does.

Nesting with in-place writes, random numbers, leaked tensors, errors that leave the levels clean,
and printing. The same programs beside PyTorch are in parity/test_func.py.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from pullback import _core

Tensor = pb.Tensor


def rows(function: Any, *tensors: Tensor) -> Tensor:
    """What vmap must give: the function of each row, stacked."""
    return pb.stack([function(*each) for each in zip(*(t.unbind() for t in tensors), strict=True)])


def equal(a: Tensor, b: Tensor) -> None:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    assert pb.allclose(a, b)


@pytest.fixture(autouse=True)
def _levels_are_clean() -> Any:
    yield
    assert _core._level_kinds() == ()


# --- in place ---


def test_a_write_reaches_the_memory_of_all_examples() -> None:
    x = pb.arange(6.0).view(3, 2)
    result = pb.vmap(lambda row: row.add_(1))(x)
    equal(result, pb.arange(1.0, 7.0).view(3, 2))
    equal(x, result)


def test_a_write_through_a_view() -> None:
    x = pb.arange(6.0).view(3, 2)

    def second_is_first(row: Tensor) -> Tensor:
        row[1] = row[0] * 10
        return row.sum()

    equal(pb.vmap(second_is_first)(x), pb.tensor([0.0, 22.0, 44.0]))
    equal(x, pb.tensor([[0.0, 0.0], [2.0, 20.0], [4.0, 40.0]]))


def test_a_write_at_positions_and_along_another_dimension() -> None:
    x = pb.zeros(2, 3)
    at = pb.tensor([[0, 1], [1, 0], [0, 0]])

    def write(column: Tensor, where: Tensor) -> Tensor:
        column[where] = 5.0
        return column.clone()

    expected = pb.tensor([[5.0, 5.0], [5.0, 5.0], [5.0, 0.0]])
    equal(pb.vmap(write, in_dims=(1, 0))(x, at), expected)
    equal(x, expected.t())


def test_zeros_like_and_new_zeros_can_be_written_into() -> None:
    x = pb.arange(6.0).view(3, 2)
    for make in (pb.zeros_like, lambda row: row.new_zeros(2), lambda row: pb.full_like(row, 0.0)):

        def copy(row: Tensor, make: Any = make) -> Tensor:
            out = make(row)
            out[0] = row[1]
            return out

        equal(pb.vmap(copy)(x), pb.stack([x[:, 1], pb.zeros(3)], 1))


def test_in_two_levels() -> None:
    x = pb.zeros(2, 3)
    pb.vmap(pb.vmap(lambda a: a.add_(2)))(x)
    equal(x, pb.full((2, 3), 2.0))


def test_a_write_is_recorded_for_the_levels_around() -> None:
    w = pb.ones(3, requires_grad=True)

    def doubled(a: Tensor) -> Tensor:
        b = a * w
        b.mul_(a)
        b[0] = 0
        return b.sum()

    x = pb.arange(6.0).view(2, 3)
    pb.vmap(doubled)(x).sum().backward()
    expected = (x * x).sum(0)
    expected[0] = 0
    equal(w.grad, expected)


def test_a_write_is_recorded_for_a_level_inside() -> None:
    def power(a: Tensor) -> Tensor:
        b = a * a
        b.mul_(a)
        return b.sum()

    x = pb.arange(6.0).view(2, 3)
    equal(pb.vmap(pb.func.grad(power))(x), 3 * x * x)


def test_what_all_examples_share_cannot_be_written() -> None:
    shared = pb.zeros(2)
    with pytest.raises(RuntimeError, match="inplace arithmetic"):
        pb.vmap(lambda row: shared.add_(row))(pb.ones(3, 2))
    with pytest.raises(RuntimeError, match="inplace arithmetic"):
        pb.vmap(lambda row: shared.__setitem__(0, row[0]))(pb.ones(3, 2))
    equal(shared, pb.zeros(2))


def test_a_saved_value_that_is_overwritten_is_an_error() -> None:
    def bad(a: Tensor) -> Tensor:
        b = a * 2
        c = b * b
        b.add_(1)
        return c.sum()

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        pb.vmap(pb.func.grad(bad))(pb.ones(2, 3))


def test_out_is_refused() -> None:
    out = pb.zeros(2)
    with pytest.raises(RuntimeError, match=r"aten::add.out; .* out= or view ops"):
        pb.vmap(lambda row: pb.add(row, row, out=out))(pb.ones(3, 2))


# --- random numbers ---

DRAWS = {
    "rand": lambda x: pb.rand(4),
    "randn": lambda x: pb.randn(2, 2),
    "randint": lambda x: pb.randint(0, 1000, (4,)),
    "randperm": lambda x: pb.randperm(50),
    "rand_like": lambda x: pb.rand_like(x),
    "normal": lambda x: pb.normal(0.0, 1.0, (4,)),
    "dropout": lambda x: pb.nn.functional.dropout(pb.ones(64)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_randomness(name: str) -> None:
    draw, x = DRAWS[name], pb.zeros(3, 4)
    with pytest.raises(RuntimeError, match="random operation while in randomness error mode"):
        pb.vmap(draw)(x)
    same = pb.vmap(draw, randomness="same")(x)
    equal(same[0], same[1])
    equal(same[0], same[2])
    different = pb.vmap(draw, randomness="different")(x)
    assert not pb.equal(different[0], different[1])
    assert not pb.equal(different[1], different[2])


def test_permutations_are_permutations() -> None:
    found = pb.vmap(lambda x: pb.randperm(7), randomness="different")(pb.zeros(5))
    equal(found.sort(1).values, pb.arange(7).expand(5, 7))


def test_randomness_of_each_level() -> None:
    def inner(x: Tensor) -> Tensor:
        return pb.vmap(lambda y: pb.rand(3), randomness="same")(x)

    found = pb.vmap(inner, randomness="different")(pb.zeros(2, 4))
    equal(found[0, 0], found[0, 3])
    assert not pb.equal(found[0], found[1])
    with pytest.raises(RuntimeError, match="randomness error mode"):
        pb.vmap(inner)(pb.zeros(2, 4))


def test_numbers_drawn_from_examples() -> None:
    chances = pb.tensor([[0.0, 1.0], [1.0, 0.0]])
    equal(pb.vmap(pb.bernoulli, randomness="different")(chances), chances)
    with pytest.raises(RuntimeError, match="same randomness with a batched tensor"):
        pb.vmap(pb.bernoulli, randomness="same")(chances)
    picked = pb.vmap(lambda p: pb.multinomial(p, 1), randomness="different")(chances)
    equal(picked, pb.tensor([[1], [0]]))
    far = pb.vmap(lambda m: pb.normal(m, 0.001), randomness="different")(chances * 100)
    assert (far - chances * 100).abs().max() < 0.1


def test_random_numbers_in_place() -> None:
    x = pb.zeros(3, 20)
    pb.vmap(lambda row: row.uniform_(), randomness="different")(x)
    assert not pb.equal(x[0], x[1])
    pb.vmap(lambda row: row.normal_(), randomness="same")(x)
    equal(x[0], x[1])
    shared = pb.zeros(20)
    with pytest.raises(RuntimeError, match="different inplace randomness on an unbatched tensor"):
        pb.vmap(lambda row: shared.uniform_(), randomness="different")(x)


# --- what leaks, what fails ---


def test_a_leaked_tensor_is_recognised() -> None:
    kept: list[Tensor] = []
    pb.vmap(lambda row: kept.append(row) or row)(pb.ones(2, 3))
    for use in (
        lambda: kept[0] + 1,
        lambda: kept[0].sum(),
        lambda: pb.vmap(lambda r: r * kept[0])(pb.ones(2, 3)),
    ):
        with pytest.raises(RuntimeError, match="vmap that has ended"):
            use()


def test_a_leaked_tensor_cannot_be_returned() -> None:
    kept: list[Tensor] = []
    pb.vmap(lambda row: kept.append(row) or row)(pb.ones(2, 3))
    with pytest.raises(RuntimeError, match="vmap that has ended"):
        pb.vmap(lambda row: kept[0])(pb.ones(2, 3))


def test_an_exception_ends_the_levels() -> None:
    class Own(Exception):
        pass

    def fails(row: Tensor) -> Tensor:
        raise Own

    for outer in (pb.vmap, pb.func.grad, pb.func.jacrev, pb.func.jacfwd):
        with pytest.raises(Own):
            outer(lambda x: pb.vmap(fails)(x).sum())(pb.ones(2, 3))
        assert _core._level_kinds() == ()


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: x.data_ptr(),
        lambda x: x.sum().item(),
        lambda x: int(x.sum()),
        lambda x: bool(x.sum()),
        lambda x: [0, 1][x.sum()],
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.unique(),
        lambda x: pb.masked_select(x, x > 0),
        lambda x: pb.equal(x, x),
        lambda x: pb.allclose(x, x),
        lambda x: pb.tensor([x[0], x[1]]),
    ],
)
def test_values_cannot_be_read(read: Any) -> None:
    with pytest.raises((RuntimeError, TypeError)) as error:
        pb.vmap(read)(pb.ones(2, 3))
    assert "vmap" in str(error.value) or "batched" in str(error.value)


def test_printing() -> None:
    texts: list[str] = []
    pb.vmap(lambda x: pb.vmap(lambda y: texts.append(repr(y)) or y)(x))(pb.ones(2, 1))
    assert texts == [
        (
            "BatchedTensor(lvl=2, bdim=0, value=\n    BatchedTensor(lvl=1, bdim=0, value=\n"
            "        tensor([[1.],\n                [1.]])\n    )\n)"
        )
    ]


# --- values ---


def test_a_result_that_does_not_depend_on_the_examples_is_expanded() -> None:
    found = pb.vmap(lambda x: pb.ones(2), out_dims=1)(pb.zeros(3))
    equal(found, pb.ones(2, 3))


def test_many_levels() -> None:
    x = pb.rand(2, 3, 2, 3, 2)
    function = pb.sin
    for _ in range(5):
        function = pb.vmap(function)
    equal(function(x), x.sin())


def test_too_many_levels_are_refused() -> None:
    def deeper(x: Tensor) -> Tensor:
        return pb.func.grad(deeper)(x)

    with pytest.raises(RuntimeError, match="64 nested transforms"):
        deeper(pb.ones(()))


def test_an_outer_level_is_not_an_inner_one() -> None:
    a, b = pb.rand(3), pb.rand(3)
    outer = pb.vmap(lambda x: pb.vmap(lambda y: x - 2 * y)(b))(a)
    equal(outer, a[:, None] - 2 * b)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 4, 7])
def test_chunks(chunk_size: int) -> None:
    x = pb.rand(4, 3)
    one, two = pb.vmap(lambda r: (r.sin(), r.sum()), out_dims=(1, 0), chunk_size=chunk_size)(x)
    equal(one, x.sin().t())
    equal(two, x.sum(1))


def test_modules_of_an_ensemble() -> None:
    models = [pb.nn.Linear(3, 2) for _ in range(4)]
    params, buffers = pb.func.stack_module_state(models)
    assert all(p.requires_grad and p.is_leaf for p in params.values())
    x = pb.rand(5, 3)

    def call(p: Any, b: Any, x: Tensor) -> Tensor:
        return pb.func.functional_call(models[0], (p, b), (x,))

    found = pb.vmap(call, in_dims=(0, 0, None))(params, buffers, x)
    equal(found, pb.stack([m(x) for m in models]))
    found.sum().backward()
    assert params["weight"].grad.shape == (4, 2, 3)


# --- what has no memory of its own ---


def test_data_of_a_batched_tensor() -> None:
    x = pb.arange(6.0).view(3, 2)
    equal(pb.vmap(lambda row: row.data + 1)(x), x + 1)
    equal(pb.vmap(pb.func.grad(lambda row: (row.data * row).sum()))(x), x)


def test_memory_cannot_be_exchanged() -> None:
    def into(row: Tensor) -> Tensor:
        other = pb.ones(2)
        other.data = row
        return other

    def out_of(row: Tensor) -> Tensor:
        row.data = pb.ones(2)
        return row

    for function in (into, out_of):
        with pytest.raises(NotImplementedError, match="memory of a batched tensor"):
            pb.vmap(function)(pb.ones(3, 2))


def test_parameters_and_their_updates() -> None:
    x = pb.ones(2, 3)
    assert pb.vmap(pb.nn.Parameter)(x).tolist() == x.tolist()
    scaled = pb.vmap(lambda a: pb.nn.Parameter(a, requires_grad=False) * a)(2 * x)
    assert scaled.tolist() == (4 * x).tolist()
    p = pb.ones(3, requires_grad=True)
    optimizer = pb.optim.SGD([p], 0.1, momentum=0.9)

    def step(a: pb.Tensor) -> pb.Tensor:
        p.grad = a
        optimizer.step()
        return a

    def clear(a: pb.Tensor) -> pb.Tensor:
        p.grad = a
        optimizer.zero_grad(set_to_none=False)
        return a

    for wrong in (step, clear):
        with pytest.raises(RuntimeError, match="the gradient is a tensor of a vmap"):
            pb.vmap(wrong)(x)
    p.grad = None
    assert p.tolist() == [1, 1, 1]


@pytest.mark.parametrize("function", [pb.linalg.svdvals, pb.linalg.eigvalsh])
def test_values_alone_know_of_a_gradient_outside(function: Any) -> None:
    x = pb.randn(5, 3, 3, dtype=pb.float64)
    x = (x + x.mT).requires_grad_()
    weights = pb.arange(15.0, dtype=pb.float64).reshape(5, 3)
    (of_vmap,) = pb.autograd.grad((pb.vmap(function)(x) * weights).sum(), x)
    (of_all,) = pb.autograd.grad((function(x) * weights).sum(), x)
    assert pb.allclose(of_vmap, of_all)
