"""Lines that differentiate: passes, hooks, kept gradients, checkpoints, forward mode."""

# ruff: noqa: E501

PASSES = """
{r}.sum().backward()
{r}.sum().backward(retain_graph=True)
{r}.sum().backward(retain_graph=True)
{r}.sum().backward(create_graph=True)
{r}.backward({g} * 1, retain_graph=True)
{r}.backward({g} * 1, create_graph=True)
{r}.backward(T.ones_like({r}), inputs=[{w}], retain_graph=True)
T.autograd.backward([{f}.sum(), {g}.sum()], retain_graph={bit})
{new}, = T.autograd.grad({r}.sum(), [{w}], retain_graph={bit})
{new}, = T.autograd.grad({r}.sum(), [{w}], create_graph=True)
{new}, = T.autograd.grad({r}.sum(), [{w}], create_graph=True, allow_unused=True)
{new}, {new2} = T.autograd.grad({r}.sum(), [{w}, {leaf}], create_graph={bit}, materialize_grads=True)
{new}, = T.autograd.grad({r}, [{w}], {g}, retain_graph=True, allow_unused=True)
{new}, = T.autograd.grad({r}, [{w}], T.stack([{g}, {g}]), retain_graph=True, is_grads_batched=True)
{new} = T.autograd.grad({r}.sum(), {leaf}, create_graph=True)[0]
"""
GRADIENTS = """
{new} = {leaf}.grad
{new} = {w}.grad
{leaf}.grad.mul_({c})
{leaf}.grad.zero_()
{leaf}.grad.add_({g})
{leaf}.grad.detach_()
{leaf}.grad = None
{leaf}.grad = {g}
{leaf}.grad = {g}.detach().clone()
{leaf}.grad *= {c}
{leaf}.grad += {g}
{leaf}.grad = {leaf}.grad
{leaf}.grad = {leaf}.grad.detach()
{leaf}.grad.data.mul_({c})
{leaf}.grad[...] = {g}
{leaf}.grad.requires_grad_()
{new} = kept[-1]
{new} = kept[0]
kept[-1].mul_({c})
with T.no_grad(): {leaf}.sub_({leaf}.grad)
with T.no_grad(): {leaf}.grad.mul_({c})
"""
HOOKS = """
{newhandle} = {w}.register_hook(lambda g: g * {c})
{newhandle} = {w}.register_hook(lambda g: None)
{newhandle} = {w}.register_hook(keep)
{newhandle} = {w}.register_hook(lambda g: g.clone())
{newhandle} = {w}.register_hook(lambda g: log.append(g.requires_grad))
{newhandle} = {w}.register_hook({def:hook(g)})
{newhandle} = {leaf}.register_post_accumulate_grad_hook(lambda p: p.grad.mul_({c}))
{newhandle} = {leaf}.register_post_accumulate_grad_hook(lambda p: keep(p.grad))
{newhandle} = {leaf}.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", None))
{newhandle} = {r}.grad_fn.register_hook(lambda i, o: log.append([g is None for g in i]))
{newhandle} = {r}.grad_fn.register_hook(lambda i, o: tuple(g if g is None else g * {c} for g in i))
{newhandle} = {r}.grad_fn.register_prehook(lambda o: tuple(g if g is None else g * {c} for g in o))
nodes.append({leaf}.view_as({leaf}).grad_fn.next_functions[0][0]); {newhandle} = nodes[-1].register_prehook(lambda o: (o[0] * {c},))
nodes.append({leaf}.view_as({leaf}).grad_fn.next_functions[0][0]); {newhandle} = nodes[-1].register_hook(lambda i, o: keep(o[0]))
{newhandle} = T.autograd.graph.register_multi_grad_hook([{w}, {leaf}], lambda gs: log.append([g is None for g in gs]))
{newhandle} = T.autograd.graph.register_multi_grad_hook([{w}, {leaf}], keep, mode="any")
{handle}.remove()
{w}.retain_grad()
{r}.retain_grad()
{r}.retain_grad()
seen = {w}.retains_grad, {w}.output_nr
seen = [n and n.name() for n, _ in {r}.grad_fn.next_functions]
"""
CHECKPOINTS = """
{new} = T.utils.checkpoint.checkpoint({def:tensor(a, b)}, {x}, {y}, use_reentrant=False)
{new} = T.utils.checkpoint.checkpoint({def:tensor(a, b)}, {f}, {g}, use_reentrant=False)
{new} = T.utils.checkpoint.checkpoint({def:tensor(a, b)}, {f}, {g}, use_reentrant=True)
{new}, {new2} = T.utils.checkpoint.checkpoint({def:several(a)}, {f}, use_reentrant={bit})
{new} = T.utils.checkpoint.checkpoint({def:tensor(a)}, {f}, use_reentrant=False, preserve_rng_state={bit})
"""
FORWARD = """
{newmode} = T.autograd.forward_ad.dual_level(); {newmode}.__enter__()
{newmode} = T.autograd.forward_ad.dual_level(); {newmode}.__enter__()
{new} = T.autograd.forward_ad.make_dual({f}, {g})
{new} = T.autograd.forward_ad.make_dual({f}, T.ones_like({f}))
{new} = T.autograd.forward_ad.make_dual({f}, T.ones_like({f}))
{new} = T.autograd.forward_ad.unpack_dual({f}).tangent
{new} = T.autograd.forward_ad.unpack_dual({f}).primal
with T.autograd.forward_ad.dual_level(): {new} = T.autograd.forward_ad.unpack_dual(T.autograd.forward_ad.make_dual({f}, {g}).sin()).tangent
"""
LINES = {
    "passes": PASSES,
    "gradients": GRADIENTS,
    "hooks": HOOKS,
    "checkpoints": CHECKPOINTS,
    "forward": FORWARD,
}
