"""Custom functions of every form, by name, and the lines that apply them."""

# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Any

import numpy as np

from . import rows

SOURCE = """
class Double(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): return g * 2

class Square(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 2 * x * g

class Exp(T.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(output); ctx.save_for_forward(output)
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
    @staticmethod
    def jvp(ctx, t): return t * ctx.saved_tensors[0]

class Product(T.autograd.Function):
    @staticmethod
    def forward(x, y): return x * y, x + y
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)
        ctx.is_inside = log.depth > 0
    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        if not ctx.is_inside: log.append(ctx.needs_input_grad)
        p, q = g * y + h, g * x + h
        return p.sum_to_size(x.shape), q.sum_to_size(y.shape)
    @staticmethod
    def jvp(ctx, t, u):
        x, y = ctx.saved_tensors
        return t * y + x * u, t + u
    @staticmethod
    def vmap(info, dims, x, y):
        if dims[0] is not None: x = x.movedim(dims[0], 0)
        if dims[1] is not None: y = y.movedim(dims[1], 0)
        log.append((info.batch_size, info.randomness))
        return (x * y, x + y), (0, 0)

class WriteIn(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)
    @staticmethod
    def backward(ctx, g): return g * 3

class WriteInTwo(T.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        x.mul_(y)
        return x, y * 2
    @staticmethod
    def backward(ctx, g, h):
        y, = ctx.saved_tensors
        return g * y, (h * 2).sum_to_size(y.shape)

class WriteSetup(T.autograd.Function):
    @staticmethod
    def forward(x): return x.mul_(3)
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.mark_dirty(inputs[0])
    @staticmethod
    def backward(ctx, g): return g * 3
    @staticmethod
    def jvp(ctx, t): return t.mul_(3)

class NotDifferentiable(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y, k = x * 2, x.argsort()
        floor = x.floor()
        ctx.mark_non_differentiable(k, floor)
        ctx.set_materialize_grads(False)
        return y, k, floor
    @staticmethod
    def backward(ctx, g, *none):
        log.append([each is None for each in none])
        return None if g is None else g * 2

class Same(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x
    @staticmethod
    def backward(ctx, g): return g

class Turn(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x.view_as(x)
    @staticmethod
    def backward(ctx, g): return g * -1

class View(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x[..., :1]
    @staticmethod
    def backward(ctx, g): return g.expand_as(g)

class KeepGradient(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 1
    @staticmethod
    def backward(ctx, g):
        kept.append(g)
        return g

class GiveKept(T.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * 1
    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return x, y

class GiveOne(T.autograd.Function):
    @staticmethod
    def forward(ctx, x, y): return x + y
    @staticmethod
    def backward(ctx, g):
        r = g * 1
        kept.append(r)
        return r, r

class Slope(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return T.func.jvp(lambda v: v ** 3, (x,), (T.ones_like(x),))[1]
    @staticmethod
    def backward(ctx, g): return 6 * ctx.saved_tensors[0] * g

class SlopeSetup(T.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x): return T.func.grad(lambda v: (v ** 3).sum())(x)
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs); ctx.save_for_forward(*inputs)
    @staticmethod
    def backward(ctx, g): return T.func.jvp(lambda v: 3 * v ** 2, (ctx.saved_tensors[0],), (g,))[1]
    @staticmethod
    def jvp(ctx, t): return T.func.vjp(lambda v: 3 * v ** 2, ctx.saved_tensors[0])[1](t)[0]

class Diagonal(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        with T.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = ctx.x.sin() * ctx.x
        return ctx.y.detach()
    @staticmethod
    def backward(ctx, g):
        ctx.y.backward(g, retain_graph=True)
        return ctx.x.grad

class Once(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()
    @staticmethod
    @T.autograd.function.once_differentiable
    def backward(ctx, g): return g * ctx.saved_tensors[0].cos()

class Nothing(T.autograd.Function):
    @staticmethod
    def forward(ctx, x, y): return x * 2 + y
    @staticmethod
    def backward(ctx, g): return None, g.sum_to_size(())

class Detaching(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        log.append((T.is_grad_enabled(), x.requires_grad))
        return x.detach() * 2
    @staticmethod
    def backward(ctx, g): return g * 2

class Batches(T.autograd.Function):
    @staticmethod
    def forward(ctx, x): return T.vmap(lambda a: a * 2)(x)
    @staticmethod
    def backward(ctx, g): return T.vmap(lambda a: a * 2)(g)

"""

LINES = {
    "custom": """
{new} = Double.apply({f})
{new} = Square.apply({f})
{new} = Exp.apply({f})
{new}, {new2} = Product.apply({f}, {g})
{new} = WriteIn.apply({f})
{new} = WriteIn.apply({f})
{new}, {new2} = WriteInTwo.apply({f}, {g})
{new} = WriteSetup.apply({f})
{new}, seen, {new2} = NotDifferentiable.apply({f})
{new} = Same.apply({f})
{new} = Turn.apply({f})
{new} = View.apply({f})
{new} = KeepGradient.apply({f})
{new} = GiveKept.apply({f}, {g})
{new} = GiveOne.apply({f}, {g})
{new} = Slope.apply({f})
{new} = SlopeSetup.apply({f})
{new} = Diagonal.apply({f})
{new} = Once.apply({f})
{new} = Nothing.apply({f}, {g})
{new} = Detaching.apply({f})
{new} = Batches.apply({f})
{new} = T.vmap(Exp.apply)({f})
{new} = T.vmap(SlopeSetup.apply, in_dims={d})({f})
{new}, {new2} = T.vmap(Product.apply, in_dims=(0, None))({f}, {g})
{new} = T.func.grad(lambda a: Square.apply(a).sum())({f})
{new} = T.func.grad(lambda a: SlopeSetup.apply(a).sum())({f})
{new} = T.func.jacrev(Exp.apply)({f})
{new} = T.func.jacfwd(Exp.apply)({f})
{new} = T.func.jacfwd(SlopeSetup.apply)({f})
{new}, {new2} = T.func.jvp(lambda a: Product.apply(a, a * 2)[0], ({f},), ({g},))
"""
}


class Prepared:
    """Texts that define names, and the objects in each library."""

    def __init__(self, source: str) -> None:
        parts = [part.strip() for part in re.split(r"\n\n(?=class |def )", source)]
        self.texts = {re.split(r"\W+", part)[1]: part for part in parts}
        self.made: dict[str, dict[str, Any]] = {}

    def names(self, lib: Any) -> dict[str, Any]:
        """The namespace of the definitions; `log` and `kept` in it are those of the running program."""
        if lib.__name__ not in self.made:
            names = self.made[lib.__name__] = {"T": lib, "np": np}
            for text in self.texts.values():
                exec(text, names)
        return self.made[lib.__name__]

    def used(self, text: str) -> list[str]:
        """The definitions that a text needs."""
        words = set(re.findall(r"\w+", text))
        return [each for name, each in self.texts.items() if name in words]


PREPARED = Prepared(SOURCE + rows.SOURCE)
