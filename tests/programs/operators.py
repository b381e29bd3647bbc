"""Lines that compute something new out of place, of the operators whose rules differ most."""

SMOOTH = """
{new} = {f}.sin()
{new} = {f}.exp()
{new} = {f}.sigmoid()
{new} = {f}.tanh()
{new} = {f}.square()
{new} = {f} ** 3
{new} = ({f} * {f} + 1).sqrt()
{new} = ({f}.abs() + 0.5).log()
{new} = {f} / (1 + {g} * {g})
{new} = {f} * {g}
{new} = {f}.cumsum({d})
{new} = {f}.cumprod({d})
{new} = {f}.softmax({d})
{new} = {f}.logsumexp({d})
{new} = {f}.mean({d})
{new} = {f}.var({d}, correction=0)
{new} = T.lerp({f}, {g}, 0.3)
{new} = T.addcmul({f}, {g}, {h})
{new} = T.maximum({f}, {g})
{new} = {f} @ {g}
{new} = T.nn.functional.linear({f}, {g})
{new} = T.nn.functional.gelu({f})
{new} = T.nn.functional.softplus({f})
{new} = {f}.sort({d})[0]
{new}, {new2} = {f}.max({d})
{new} = {f}.amax({d})
{new} = {f}.relu()
{new} = {q} * {f}
{new} = {q}.angle()
{new} = {q}.abs()
{new} = {q} * {q}.conj()
{new} = ({q} + 2).log()
{new} = {q}.prod({d})
{new} = T.polar({f}.abs(), {g}.abs())
{new} = T.complex({f}.real, {g}.real)
{new} = {q} @ {f}
{new} = T.where({x} > 0.6, {f}, {g})
"""
ANY = """
{new} = {x} + {y}
{new} = {x} * {y}
{new} = {x} - {y}
{new} = {x} * {c}
{new} = {c} - {x}
{new} = {x}.clone()
{new} = {x}.neg()
{new} = {x}.abs()
{new} = {x}.sum()
{new} = {x}.sum({d})
{new} = {x}.sum({d}, keepdim={bit})
{new} = {x}.amax({d})
{new} = {x}.clamp(0.5, 1.2)
{new} = {x} > {y}
{new} = {x} == {y}
{new} = {x} & {y}
{new} = {x} // 2
{new} = T.cat([{x}, {y}])
{new} = T.stack([{x}, {x}], {d})
{new} = T.where({x} > 0.6, {y}, {z})
{new} = {x}.flip({d})
{new} = {x}.roll(1, {d})
{new} = {x}.repeat(2, *[1] * {x}.dim())
{new} = {x}.tril() if {x}.dim() > 1 else {x} * 1
{new} = {x}[[0, -1, 0]]
{new} = {x}[{y} > 0.6]
{new} = {x}[T.tensor([-1]), ..., None]
{new} = {x}.index_select({d}, T.tensor([0, 0]))
{new} = {x}.gather({d}, T.zeros_like({x}, dtype=T.int64))
{new} = {x}.take(T.tensor([0, -1]))
{new} = {x}.masked_fill({y} > 0.6, 2)
{new} = {x}.scatter({d}, T.zeros_like({x}, dtype=T.int64), 1)
{new} = {x}.select_scatter({y}, {d}, {i})
{new} = {x}.contiguous()
{new} = {x}.to({dtype})
{new} = {x}.to({dtype}, copy=True)
{new} = {x}.double()
{new} = {x}.float()
{new} = {x}.type_as({y})
{new} = T.zeros_like({x})
{new} = T.ones_like({x}, dtype={floating})
{new} = {x}.new_zeros({shape})
{new} = T.full({shape}, {c})
{new} = T.nn.functional.dropout({f}, 0.5)
{new} = T.rand({shape}, dtype={floating})
{new} = T.rand_like({f})
{new} = T.randn({shape}, dtype={floating})
{new} = T.bernoulli(T.full({shape}, 0.5))
{new} = {x}.argsort({d})
{new} = {x}.nonzero()
{new} = {x}.any()
{new} = T.tensor({c}, dtype={floating}, requires_grad={bit})
{new} = T.ones({shape}, dtype={floating}, requires_grad={bit})
{new} = T.zeros({shape}, dtype={dtype})
"""
LINES = {"smooth": SMOOTH, "any": ANY}
