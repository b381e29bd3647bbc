"""Losses and parameters without a gradient; arguments of backward that do not fit.

Every function is a program that raises, or returns what ``why_none`` says; ``# BUG`` marks the line
that must be named.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pullback as pb
from diagnosis.asking import ask, ask_now
from pullback import nn, optim


def leaf(*shape: int) -> Any:
    return pb.ones(*shape, requires_grad=True)


def bug_requires_grad_is_missing() -> None:
    w = pb.ones(3)  # BUG
    w.backward(pb.ones(3))


def bug_requires_grad_is_missing_why() -> Any:
    w = pb.ones(3)  # BUG
    return ask(pb.why_none, w)


def bug_loss_is_detached() -> None:
    loss = leaf(2).sum().detach()  # BUG
    loss.backward()


def bug_features_are_detached() -> None:
    h = leaf(2).exp().detach()  # BUG
    (h * 2).sum().backward()


def bug_data_in_the_forward() -> None:
    h = leaf(2).exp().data  # BUG
    (h * 2).sum().backward()


def bug_forward_under_no_grad() -> None:
    x = leaf(2)
    with pb.no_grad():
        y = (x * x).sum()  # BUG
    y.backward()


@pb.no_grad()
def _predict(x: Any) -> Any:
    return x * 2  # BUG


def bug_decorated_with_no_grad() -> None:
    loss = _predict(leaf(2)).sum()
    loss.backward()


def bug_grad_mode_was_left_off() -> None:
    x = leaf(2)
    pb.set_grad_enabled(False)
    try:
        loss = x.exp().sum()  # BUG
    finally:
        pb.set_grad_enabled(True)
    loss.backward()


def bug_inference_mode() -> None:
    x = leaf(2)
    with pb.inference_mode():
        y = (x * x).sum()  # BUG
    y.backward()


def bug_inference_tensor_in_training() -> None:
    with pb.inference_mode():
        features = pb.ones(2)  # BUG
    (leaf(2) * features).sum().backward()


def bug_item_and_tensor() -> None:
    loss = leaf(2).sum()
    again = pb.tensor(loss.item())  # BUG
    again.backward()


def bug_losses_in_a_list() -> None:
    losses = [leaf(2).sum() for _ in range(3)]
    total = pb.tensor([loss.item() for loss in losses]).mean()  # BUG
    total.backward()


def bug_round_trip_through_numpy() -> None:
    x = leaf(2)
    loss = pb.from_numpy(x.exp().detach().numpy()).sum()  # BUG
    loss.backward()


def bug_tensor_of_a_tensor() -> None:
    x = leaf(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = pb.tensor(x.sum())  # BUG
    loss.backward()


def bug_argmax_as_prediction() -> None:
    logits = leaf(2, 3) * 1
    chosen = logits.argmax(-1)  # BUG
    chosen.float().mean().backward()


def bug_cast_to_integer() -> None:
    index = (leaf(3) * 2).long()  # BUG
    index.to(pb.float32).sum().backward()


def bug_accuracy_as_loss() -> None:
    logits = leaf(4) * 1
    hits = logits > 0.5  # BUG
    hits.float().mean().backward()


def bug_detach_in_place() -> None:
    h = leaf(2) * 2
    h.detach_()  # BUG
    h.sum().backward()


def bug_gradient_without_create_graph() -> None:
    x = leaf(2)
    (slope,) = pb.autograd.grad((x**3).sum(), x)  # BUG
    slope.square().sum().backward()


def bug_loss_is_no_scalar() -> None:
    x = leaf(3)
    loss = (x - 1) ** 2  # BUG
    loss.backward()


def bug_gradient_of_a_wrong_shape() -> None:
    y = leaf(3) * 2  # BUG
    y.backward(pb.ones(2))


def bug_unused_input() -> None:
    x = leaf(2)
    unused = pb.ones(2, requires_grad=True)  # BUG
    pb.autograd.grad((x * x).sum(), [x, unused])


def bug_parameter_is_scaled_at_its_creation() -> Any:
    """The classic: .grad of what is no leaf."""
    w = pb.randn(2, 2, requires_grad=True) * 0.1  # BUG
    w.sum().backward()
    return ask_now(pb.why_none, w)


def bug_parameter_is_converted() -> Any:
    w = pb.ones(2, requires_grad=True).double()  # BUG
    w.sum().backward()
    return ask_now(pb.why_none, w)


def bug_parameter_is_replaced_by_an_update() -> Any:
    w = leaf(2)
    (w * w).sum().backward()
    w = w - 0.1 * w.grad  # BUG
    w.square().sum().backward()
    return ask_now(pb.why_none, w)


def bug_intermediate_without_retain_grad() -> Any:
    h = leaf(2).exp()  # BUG
    h.sum().backward()
    return ask_now(pb.why_none, h)


def bug_branch_is_detached() -> Any:
    a, b = leaf(2), leaf(2)
    target = a.exp().detach()  # BUG
    return ask(pb.why_none, a, (b * target).sum())


def bug_branch_of_an_addition_is_detached() -> Any:
    a, b = leaf(2), leaf(2)
    h = a.exp().data  # BUG
    loss = (b + h).sum()
    return ask(pb.why_none, a, loss)


def bug_branch_under_no_grad() -> Any:
    a, b = leaf(2, 2), leaf(2, 2)
    with pb.no_grad():
        h = a.tanh()  # BUG
    loss = (b @ h).sum()
    return ask(pb.why_none, a, loss)


def bug_whole_loss_under_no_grad_why() -> Any:
    a = leaf(2)
    with pb.no_grad():
        loss = (a * a).sum()  # BUG
    return ask(pb.why_none, a, loss)


def bug_index_by_a_cast() -> Any:
    """A soft position becomes an index."""
    position = pb.tensor([1.2], requires_grad=True)
    table = leaf(3)
    weight = position.long().float()  # BUG
    loss = (table * weight).sum()
    return ask(pb.why_none, position, loss)


def bug_weight_is_rebuilt_from_numbers() -> Any:
    w = leaf(2)
    x = leaf(2)
    copy = pb.tensor(w.tolist())  # BUG
    loss = (x * copy).sum()
    return ask(pb.why_none, w, loss)


def bug_second_head_is_not_used() -> Any:
    used = nn.Linear(2, 1)
    head = pb.zeros(2, requires_grad=True)  # BUG
    loss = used(pb.ones(1, 2)).sum()
    return ask(pb.why_none, head, loss)


def bug_frozen_layer() -> Any:
    layer = nn.Linear(2, 2)
    for p in layer.parameters():
        p.requires_grad_(False)  # BUG
    return ask(pb.why_none, layer.weight)


def bug_everything_is_frozen() -> None:
    layer = nn.Linear(2, 2)
    layer.requires_grad_(False)  # BUG
    layer(pb.ones(1, 2)).sum().backward()


def bug_backward_is_missing() -> Any:
    w = leaf(2)
    loss = (w * 2).sum()  # BUG
    return ask_now(pb.why_none, w, loss)


def bug_integer_parameter() -> Any:
    w = pb.tensor([1, 2])  # BUG
    return ask(pb.why_none, w)


def bug_loss_is_wrapped_anew() -> Any:
    """To silence "does not require grad", the loss becomes a new leaf."""
    w = leaf(2)
    value = (w * w).sum()
    loss = pb.tensor(value.item(), requires_grad=True)  # BUG
    return ask(pb.why_none, w, loss)


def bug_result_becomes_a_parameter() -> Any:
    w = leaf(2)
    scaled = nn.Parameter(w * 2)  # BUG
    loss = scaled.sum()
    return ask(pb.why_none, w, loss)


def bug_detached_result_requires_grad_again() -> Any:
    w = leaf(2)
    h = w.exp().detach().requires_grad_()  # BUG
    loss = h.sum()
    return ask(pb.why_none, w, loss)


def bug_layer_is_replaced_after_the_optimizer_was_made() -> Any:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    head = model[1].weight
    model[1] = nn.Linear(2, 1)  # BUG
    loss = model(pb.ones(1, 2)).sum()
    return ask(pb.why_none, head, loss)


def bug_ranks_have_no_derivative() -> Any:
    scores, weight = leaf(3), leaf(3)
    order = scores.argsort().float()  # BUG
    return ask(pb.why_none, scores, (order * weight).sum())


def bug_threshold_of_probabilities() -> Any:
    p, weight = leaf(3), leaf(3)
    decision = (p > 0.5).float()  # BUG
    return ask(pb.why_none, p, (decision * weight).sum())


def bug_one_hot_of_an_argmax() -> Any:
    logits, table = leaf(2, 3), leaf(3, 2)
    chosen = logits.argmax(-1)  # BUG
    return ask(pb.why_none, logits, table[chosen].sum())


def bug_optimizer_gets_a_result() -> None:
    w = leaf(2) * 0.1  # BUG
    optim.SGD([w], lr=0.1)


def bug_deepcopy_of_a_result() -> None:
    h = leaf(2) * 2  # BUG
    copy.deepcopy(h)


def bug_hook_on_a_constant() -> None:
    data = pb.ones(2)  # BUG
    data.register_hook(print)


def bug_retain_grad_of_a_detached_result() -> None:
    h = leaf(2).exp().detach()  # BUG
    h.retain_grad()


def bug_result_is_frozen() -> None:
    h = leaf(2).exp()  # BUG
    h.requires_grad = False


def bug_drawing_of_a_detached_loss() -> None:
    loss = leaf(2).sum().detach()  # BUG
    pb.draw(loss)


class _OnlyOnce(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    @pb.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient * 2


def bug_second_derivative_of_a_function_that_has_one() -> None:
    x = leaf(2)
    y = _OnlyOnce.apply(x).square().sum()
    (slope,) = pb.autograd.grad(y, x, create_graph=True)  # BUG
    slope.sum().backward()


def bug_operator_without_a_derivative() -> None:
    x = leaf(2)
    y = x // 2  # BUG
    y.sum().backward()


def bug_gradient_does_not_come_through_a_function() -> Any:
    x = leaf(2)
    y = _Nothing.apply(x)  # BUG
    loss = y.sum()
    return ask(pb.why_none, x, loss)


class _Nothing(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return None


def bug_encoder_under_no_grad() -> Any:
    """Feature extraction that was meant to be fine-tuned."""
    encoder, head = nn.Linear(2, 2), nn.Linear(2, 1)
    with pb.no_grad():
        features = encoder(pb.ones(1, 2))  # BUG
    return ask(pb.why_none, encoder.weight, head(features).sum())


def bug_gradients_are_cleared_before_the_step(keep: bool) -> Any:
    w = leaf(2)
    step = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    loss.backward(retain_graph=keep)
    step.zero_grad()  # BUG
    return ask_now(pb.why_none, w, loss)
