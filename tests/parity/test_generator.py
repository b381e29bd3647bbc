"""Generators beside torch: the same numbers for a seed, and the same state as bytes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback.nn import init

torch = pytest.importorskip("torch")

# Every random function of both libraries that takes generator=, by a name.
DRAWS: dict[str, Callable[[Any, Any], Any]] = {
    "rand": lambda t, g: t.rand(5, generator=g),
    "randn": lambda t, g: t.randn(5, generator=g),
    "randint": lambda t, g: t.randint(9, (5,), generator=g),
    "randint_from": lambda t, g: t.randint(-4, 9, (5,), generator=g),
    "randperm": lambda t, g: t.randperm(7, generator=g),
    "bernoulli": lambda t, g: t.bernoulli(t.full((6,), 0.4), generator=g),
    "bernoulli_p": lambda t, g: t.bernoulli(t.zeros(6), 0.4, generator=g),
    "multinomial": lambda t, g: t.multinomial(t.ones(6), 4, generator=g),
    "normal": lambda t, g: t.normal(t.zeros(3), t.ones(3), generator=g),
    "normal_size": lambda t, g: t.normal(0.0, 2.0, (3,), generator=g),
    "normal_": lambda t, g: t.empty(5, dtype=t.float64).normal_(1, 2, generator=g),
    "uniform_": lambda t, g: t.empty(5).uniform_(1, 2, generator=g),
    "exponential_": lambda t, g: t.empty(5).exponential_(2, generator=g),
    "random_": lambda t, g: t.empty(5, dtype=t.int64).random_(3, 90, generator=g),
    "bernoulli_": lambda t, g: t.empty(5).bernoulli_(0.3, generator=g),
    "trunc_normal_": lambda t, g: t.nn.init.trunc_normal_(t.empty(5), generator=g),
    "xavier_normal_": lambda t, g: t.nn.init.xavier_normal_(t.empty(2, 3), generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_of_a_generator(name: str) -> None:
    draw = DRAWS[name]
    ours, theirs = pb.Generator().manual_seed(11), torch.Generator().manual_seed(11)
    before = pb.get_rng_state()
    for _ in range(2):
        found, expected = draw(pb, ours).flatten(), draw(torch, theirs).flatten()
        assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert ours.get_state().tolist() == theirs.get_state().tolist()
    assert (pb.get_rng_state() == before).all()


def test_the_default_one_as_an_argument() -> None:
    for t in (pb, torch):
        t.manual_seed(4)
    ours = pb.rand(3, generator=pb.default_generator)
    assert ours.tolist() == torch.rand(3, generator=torch.default_generator).tolist()
    assert pb.rand(3, generator=None).tolist() == torch.rand(3).tolist()


def test_every_random_operator_takes_one() -> None:
    """The table's: a generator of another object draws, and the default one stays as it is."""
    assert pb.manual_seed(3) is pb.default_generator
    assert isinstance(pb.default_generator, pb.Generator)
    assert init.uniform_(pb.empty(2), generator=pb.Generator()).shape == (2,)


FORMS = {
    "seed": "g.manual_seed(5).initial_seed()",
    "negative": "g.manual_seed(-3).initial_seed()",
    "largest": "g.manual_seed(2**64 - 1).initial_seed()",
    "too large": "g.manual_seed(2**65)",
    "too small": "g.manual_seed(-2**63 - 1)",
    "float": "g.manual_seed(1.5)",
    "bool": "g.manual_seed(True)",
    "text": "g.manual_seed('a')",
    "state dtype": "g.set_state(t.zeros(3))",
    "state size": "g.set_state(t.zeros(3, dtype=t.uint8))",
    "no state": "g.set_state(None)",
    "offset": "g.get_offset()",
    "set offset": "g.set_offset(3)",
    "arguments": "t.Generator('cpu', 2)",
    "keyword": "t.Generator(device='cpu').initial_seed()",
    "device": "str(t.Generator(None).device)",
    "no generator": "t.rand(2, generator=3)",
    "method": "t.empty(2).uniform_(generator='g')",
    "equal": "g == g.clone_state()",
    "clone": "g.manual_seed(8).clone_state().get_state().tolist()",
    "reduce": "g.manual_seed(8).__reduce__()[2][:2]",
}


def outcome(code: Any, names: dict[str, Any]) -> Any:
    try:
        return eval(code, names)
    except (TypeError, ValueError, RuntimeError) as error:
        return type(error)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms(form: str) -> None:
    code = compile(form, "form", "eval")
    ours = outcome(code, {"t": pb, "g": pb.Generator()})
    assert ours == outcome(code, {"t": torch, "g": torch.Generator()})


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_copies_go_on_alike_and_apart(way: Callable[[Any], Any]) -> None:
    generator = pb.Generator().manual_seed(2)
    pb.randn(3, generator=generator)
    other = way(generator)
    assert other is not generator
    assert pb.randn(3, generator=other).tolist() == pb.randn(3, generator=generator).tolist()
    pb.rand(1, generator=other)
    assert other.get_state().tolist() != generator.get_state().tolist()


def test_inside_of_vmap() -> None:
    generator = pb.Generator().manual_seed(2)

    def draw(x: pb.Tensor) -> pb.Tensor:
        return x + pb.rand(2, generator=generator)

    found = pb.vmap(draw, randomness="different")(pb.zeros(3, 2))
    assert found.tolist() == pb.rand(3, 2, generator=generator.manual_seed(2)).tolist()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        pb.vmap(draw)(pb.zeros(3, 2))


def test_an_error_leaves_the_next_call_the_default_one() -> None:
    generator = pb.Generator().manual_seed(2)
    pb.manual_seed(7)
    with pytest.raises(RuntimeError):
        pb.bernoulli(pb.tensor([2.0]), generator=generator)
    found = pb.rand(2)
    pb.manual_seed(7)
    assert found.tolist() == pb.rand(2).tolist()


BOUNDS = [
    ("int64", -(2**63), None),
    ("int64", 5, None),
    ("int32", -(2**31), None),
    ("uint8", 3, None),
    ("float32", 5, None),
    *(("float32", low, high) for low in (0, -(2**30) - 7) for high in (2**24 + 3, 2**30, 2**40)),
    ("float32", 0, 2**63 - 1),
    ("float64", 0, 2**53 + 1),
    ("float64", -(2**60) - 1, 7),
    ("float64", 0, 2**62),
    ("float16", 0, 3000),
    ("float16", -3001, 3003),
    ("float16", 0, 65504),
    ("bfloat16", 0, 257),
    ("bfloat16", 5, 1003),
    ("bfloat16", 0, 2**40),
    ("bfloat16", 1003, 1004),  # one number, which no bfloat16 is
    ("float16", 4097, 4099),
]


@pytest.mark.filterwarnings("ignore:.*out of bounds.*")
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_integers_up_to_bounds_that_a_dtype_does_not_hold(bounds: tuple[Any, ...]) -> None:
    name, low, high = bounds

    def drawn(t: Any) -> Any:
        t.manual_seed(5)
        dtype = getattr(t, name)
        try:
            made = [t.empty(40, dtype=dtype).random_(low, high), t.rand(2)]
            if high is not None:
                made.append(t.randint(low, high, (9,), dtype=dtype))
        except RuntimeError as error:
            return str(error)
        return [each.double().tolist() for each in made]

    assert drawn(pb) == drawn(torch)
