"""Gradients that are zero, hooks and custom functions that return the wrong thing.

Every function is a program that raises or returns what ``why_zero`` says; ``# BUG`` marks the line.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from diagnosis.asking import ask, ask_now
from pullback import nn


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def bug_dead_relu() -> Any:
    w = param(-1.0, -2.0)
    h = w.relu()  # BUG
    return ask(pb.why_zero, w, (h * 3).sum())


def bug_dead_layer() -> Any:
    layer = nn.Linear(2, 2)
    with pb.no_grad():
        layer.weight.fill_(-1.0)
        layer.bias.fill_(-1.0)
    h = nn.functional.relu(layer(pb.ones(3, 2)))  # BUG
    loss = h.sum()
    return ask(pb.why_zero, layer.weight, loss)


def bug_factor_starts_at_zero() -> Any:
    w = param(1.0, 2.0)
    gain = pb.zeros(2)
    y = w * gain  # BUG
    return ask(pb.why_zero, w, y.sum())


def bug_product_of_two_zero_matrices() -> Any:
    a = pb.zeros(2, 2, requires_grad=True)
    b = pb.zeros(2, 2, requires_grad=True)  # BUG
    return ask(pb.why_zero, a, (a @ b).sum())


def bug_result_is_zeroed() -> Any:
    w = param(1.0, 2.0)
    h = w * 2
    h.zero_()  # BUG
    return ask(pb.why_zero, w, h.sum())


def bug_result_is_filled() -> Any:
    w = param(1.0, 2.0)
    h = w.exp()
    h.fill_(3.0)  # BUG
    return ask(pb.why_zero, w, h.sum())


def bug_result_is_copied_over() -> Any:
    w = param(1.0, 2.0)
    h = w * 2
    h.copy_(pb.ones(2))  # BUG
    return ask(pb.why_zero, w, h.sum() + (w * 0).sum())


def bug_clamp_cuts_everything() -> Any:
    w = param(5.0, 6.0)
    p = w.clamp(0.0, 1.0)  # BUG
    return ask(pb.why_zero, w, p.sum())


def bug_saturated_sigmoid() -> Any:
    w = param(200.0)
    p = (w * 10).sigmoid()  # BUG
    return ask(pb.why_zero, w, p.sum())


def bug_mask_selects_nothing() -> Any:
    w = param(1.0, 2.0)
    kept = pb.where(w > 10, w, pb.zeros(2))  # BUG
    return ask(pb.why_zero, w, kept.sum())


def bug_rounded() -> Any:
    w = param(1.4, 2.6)
    bits = w.round()  # BUG
    return ask(pb.why_zero, w, bits.sum())


def bug_sign_as_activation() -> Any:
    w = param(1.4, -2.6)
    loss = w.sign().sum()  # BUG
    return ask(pb.why_zero, w, loss)


def bug_sum_of_a_softmax() -> Any:
    logits = param(1.0, 1.0)
    p = logits.softmax(0)  # BUG
    return ask(pb.why_zero, logits, p.sum())


def bug_gradient_is_zeroed_before_the_step() -> Any:
    w = param(1.0)
    (w * w).sum().backward()
    w.grad.zero_()  # BUG
    return ask_now(pb.why_zero, w)


def bug_hook_changes_the_shape() -> None:
    w = param(1.0, 2.0)

    def clip(gradient: Any) -> Any:  # BUG
        return gradient[:1]

    w.register_hook(clip)
    (w * w).sum().backward()


def bug_hook_returns_a_number() -> None:
    w = param(1.0, 2.0)

    def norm(gradient: Any) -> Any:  # BUG
        return gradient.norm().item()

    w.register_hook(norm)
    (w * w).sum().backward()


def bug_hook_changes_the_dtype() -> None:
    w = param(1.0, 2.0)
    w.register_hook(lambda gradient: gradient.double())  # BUG
    (w * w).sum().backward()


class _TooFew(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        return a * b

    @staticmethod  # BUG
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient


def bug_function_returns_too_few() -> None:
    y = _TooFew.apply(param(1.0), param(2.0))
    y.sum().backward()


class _WrongShape(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        return a.sum()

    @staticmethod  # BUG
    def backward(ctx: Any, gradient: Any) -> Any:
        return pb.ones(5)


def bug_function_returns_a_wrong_shape() -> None:
    y = _WrongShape.apply(param(1.0, 2.0))
    y.backward()


class _Number(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        return a * 2

    @staticmethod  # BUG
    def backward(ctx: Any, gradient: Any) -> Any:
        return 2.0


def bug_function_returns_a_number() -> None:
    y = _Number.apply(param(1.0, 2.0))
    y.sum().backward()


class _Saves(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        return a * 2

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (a,) = ctx.saved_tensors
        return gradient * a


def bug_argument_of_a_function_is_overwritten() -> None:
    a = param(1.0, 2.0) * 1
    y = _Saves.apply(a)
    a.add_(1)  # BUG
    y.sum().backward()


def bug_function_is_walked_twice() -> None:
    y = _Saves.apply(param(1.0, 2.0))  # BUG
    y.sum().backward()
    y.sum().backward()


def bug_hook_returns_zeros() -> Any:
    w = param(1.0, 2.0)

    def clip(gradient: Any) -> Any:  # BUG
        return gradient.clamp(0.0, 0.0)

    h = w * 3
    h.register_hook(clip)
    return ask(pb.why_zero, w, h.sum())


def bug_maximum_with_a_constant() -> Any:
    w = param(1.0, 2.0)
    h = pb.maximum(w, pb.full((2,), 9.0))  # BUG
    return ask(pb.why_zero, w, h.sum())


def bug_slice_is_empty() -> Any:
    w = param(1.0, 2.0)
    loss = w[5:].sum()  # BUG
    return ask(pb.why_zero, w, loss)


def bug_every_element_is_overwritten() -> Any:
    w = param(1.0, 2.0)
    h = w * 2
    h[:] = 0.0  # BUG
    return ask(pb.why_zero, w, h.sum())


def bug_mask_of_dropout_is_zero() -> Any:
    w = param(1.0, 2.0)
    mask = pb.zeros(2)  # BUG
    return ask(pb.why_zero, w, (w * mask).sum())


def bug_intermediate_result_is_dead() -> Any:
    w = param(1.0, 2.0)
    h = w * -3
    out = h.relu()  # BUG
    return ask(pb.why_zero, h, (out * 2).sum())


def bug_saturated_tanh_of_a_layer() -> Any:
    layer = nn.Linear(1, 1)
    with pb.no_grad():
        layer.weight.fill_(1000.0)
    h = layer(pb.ones(1, 1)).tanh()  # BUG
    return ask(pb.why_zero, layer.weight, h.sum())
