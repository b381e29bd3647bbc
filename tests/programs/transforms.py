"""Transforms of random functions, which may hold transforms in turn."""

REVERSE = """
{new} = T.func.grad({def:scalar(a)})({f})
{new}, seen = T.func.grad({def:scalar_aux(a)}, has_aux=True)({f})
{new}, seen = T.func.grad({def:scalar_aux(a, b)}, argnums=1, has_aux=True)({f}, {g})
{new}, {new2} = T.func.grad({def:scalar(a, b)}, argnums=(0, 1))({f}, {g})
{new}, {new2} = T.func.grad_and_value({def:scalar(a)})({f})
{new}, {newpull} = T.func.vjp({def:tensor(a)}, {f})
{new}, {newpull}, seen = T.func.vjp({def:aux(a)}, {f}, has_aux=True)
{new}, = {pull}({g})
seen = {pull}({g})
{new} = T.func.jacrev({def:tensor(a)})({f})
{new}, seen = T.func.jacrev({def:aux(a)}, has_aux=True)({f})
{new} = T.func.jacrev({def:tensor(a)}, chunk_size=2)({f})
"""
FORWARD = """
{new}, {new2} = T.func.jvp({def:tensor(a)}, ({f},), ({g},))
{new}, {new2} = T.func.jvp({def:tensor(a)}, ({f},), (T.ones_like({f}),))
{new}, {new2}, seen = T.func.jvp({def:aux(a)}, ({f},), (T.ones_like({f}),), has_aux=True)
{new}, {new2} = T.func.jvp({def:tensor(a, b)}, ({f}, {g}), (T.ones_like({f}), T.ones_like({g})))
{new} = T.func.jacfwd({def:tensor(a)})({f})
{new}, seen = T.func.jacfwd({def:aux(a)}, has_aux=True)({f})
{new} = T.func.jacfwd({def:tensor(a)}, randomness="same")({f})
{new} = T.func.hessian({def:scalar(a)})({f})
{new} = T.autograd.functional.jacobian({def:tensor(a)}, {f})
{new} = T.autograd.functional.hessian({def:scalar(a)}, {f})
seen = T.autograd.functional.jvp({def:tensor(a)}, {f}, {g}, create_graph={bit})
seen = T.autograd.functional.vjp({def:tensor(a)}, {f}, {g}, create_graph={bit})
"""
VMAP = """
{new} = T.vmap({def:tensor(a)})({x})
{new} = T.vmap({def:tensor(a)}, in_dims={d})({x})
{new} = T.vmap({def:batched(a)}, in_dims=-1, out_dims=-1)({x})
{new} = T.vmap({def:tensor(a, b)}, in_dims=(0, None))({x}, {y})
{new} = T.vmap({def:batched(a, b)}, in_dims=({d}, None), out_dims=-1)({x}, {y})
{new} = T.vmap({def:tensor(a, b)})({x}, {x} * 2)
seen = T.vmap({def:everything(a)})({x})
seen = T.vmap({def:everything(a, b)}, in_dims=(0, None))({x}, {y})
{new} = T.vmap({def:tensor(a)}, chunk_size={k})({x})
{new} = T.vmap({def:tensor(a)}, randomness="different")({x})
{new} = T.vmap({def:tensor(a)}, randomness="same")({x})
{new} = T.vmap({def:tensor(a)}, randomness="same", chunk_size={k})({x})
{new} = T.vmap({def:tensor(a)}, randomness="different", chunk_size={k})({x})
{new} = T.vmap(T.func.grad({def:scalar(a)}))({f})
{new} = T.vmap(T.func.grad({def:scalar(a, b)}), in_dims=({d}, None))({f}, {g})
{new} = T.func.grad(lambda a: T.vmap({def:tensor(a)})(a).sum())({f})
"""
LINES = {"reverse": REVERSE, "forward mode": FORWARD, "vmap": VMAP}
