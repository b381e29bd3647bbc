"""Modes, entered and left in any order."""

# ruff: noqa: E501

MODES = """
{newmode} = T.no_grad(); {newmode}.__enter__()
{newmode} = T.enable_grad(); {newmode}.__enter__()
{newmode} = T.set_grad_enabled({bit})
{newmode} = T.set_grad_enabled({bit}); {newmode}.__enter__()
{newmode} = T.inference_mode(); {newmode}.__enter__()
{newmode} = T.inference_mode(False); {newmode}.__enter__()
{newmode} = T.autograd.forward_ad._set_fwd_grad_enabled({bit}); {newmode}.__enter__()
{newmode} = T.autograd.set_detect_anomaly(True, check_nan=False); {newmode}.__enter__()
{newmode} = T.autograd.graph.saved_tensors_hooks(lambda t: (t, 1), lambda t: t[0]); {newmode}.__enter__()
{newmode} = T.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t.clone()); {newmode}.__enter__()
{newmode} = T.autograd.graph.disable_saved_tensors_hooks("no"); {newmode}.__enter__()
{newmode} = T.autograd.graph.allow_mutation_on_saved_tensors(); {newmode}.__enter__()
"""
# A mode is left by these; the machine leaves the rest at the end.
LEAVE = """
{mode}.__exit__(None, None, None)
{mode}.__exit__(None, None, None)
{mode}.__exit__(None, None, None)
T.set_grad_enabled(True)
"""
INSIDE = """
with T.no_grad(): {new} = {x} * {y}
with T.no_grad(): {new} = {x}[...]
with T.no_grad(): {new} = {x}.view(-1)
with T.no_grad(): {x}.mul_({c})
with T.no_grad(): {x}.copy_({y})
with T.no_grad(): {x}[..., 0] = {y}
with T.no_grad(): {new} = {x}.requires_grad_()
with T.enable_grad(): {new} = {x} * {y}
with T.inference_mode(): {new} = {x} * 2
with T.inference_mode(): {new} = {x}[...]
with T.inference_mode(): {new} = {x}.clone()
with T.inference_mode(): {x}.mul_({c})
{new} = T.no_grad()(lambda a: a.sin())({f})
{new} = {x}.data_ptr() and {x} + 0
"""
LINES = {"modes": MODES, "leave": LEAVE, "inside": INSIDE}
