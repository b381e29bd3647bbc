"""Values that a gradient needs and that are overwritten; graphs that are walked twice.

Every function is a program; ``# BUG`` marks the line that the message must name.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import nn, optim


def leaf(*shape: int) -> Any:
    return pb.ones(*shape, requires_grad=True)


def bug_plus_equals_on_a_saved_product() -> None:
    x = leaf(3)
    y = x * 2
    z = y * y
    y += 1  # BUG
    z.sum().backward()


def bug_mul_on_the_output_of_sigmoid() -> None:
    x = leaf(3)
    gate = x.sigmoid()
    out = gate * 3
    gate.mul_(2)  # BUG
    out.sum().backward()


def bug_inplace_relu_of_a_tanh() -> None:
    """nn.ReLU(inplace=True) behind an activation that needs its result."""
    h = leaf(3).tanh()
    out = nn.ReLU(inplace=True)(h)  # BUG
    out.sum().backward()


def bug_assignment_to_an_element() -> None:
    x = leaf(4)
    y = x.exp()
    y[0] = 0.0  # BUG
    y.sum().backward()


def bug_write_through_a_view() -> None:
    x = leaf(2, 3)
    y = x * 1
    z = y.square()
    row = y[0]
    row.zero_()  # BUG
    z.sum().backward()


def bug_optimizer_step_between_forward_and_backward() -> None:
    """GAN training: the discriminator is stepped before the generator's backward."""
    first, second = nn.Linear(2, 2), nn.Linear(2, 1)
    step = optim.SGD(second.parameters(), lr=0.1)
    h = first(pb.ones(1, 2))
    loss = second(h).sum()
    loss.backward(retain_graph=True)
    step.step()  # BUG
    loss.backward()


def bug_weight_updated_by_hand_under_no_grad() -> None:
    w = leaf(2)
    loss = (w * w).sum()
    with pb.no_grad():
        w -= 0.1  # BUG
    loss.backward()


def bug_masked_fill_on_attention_weights() -> None:
    scores = leaf(2, 2)
    weights = scores.softmax(-1)
    out = weights @ pb.ones(2, 2)
    weights.masked_fill_(pb.tensor([[True, False], [False, True]]), 0.0)  # BUG
    out.sum().backward()


def bug_clamp_of_a_root() -> None:
    root = leaf(3).sqrt()
    root.clamp_(min=0.5)  # BUG
    root.sum().backward()


def bug_out_argument_hits_a_saved_value() -> None:
    x = leaf(2)
    scratch = pb.ones(2)
    y = x * scratch
    pb.add(pb.ones(2), 1.0, out=scratch)  # BUG
    y.sum().backward()


def bug_running_average_is_updated_after_use() -> None:
    mean = pb.zeros(2)
    x = leaf(2)
    y = x / (mean + 1) * mean
    mean.mul_(0.9)  # BUG
    y.sum().backward()


def bug_noise_in_place() -> None:
    y = leaf(2) * 1
    z = y.cos()
    y.normal_()  # BUG
    z.sum().backward()


def bug_copy_into_the_input() -> None:
    batch = pb.ones(2, 2)
    w = leaf(2, 2)
    loss = (batch @ w).sum()
    batch.copy_(pb.zeros(2, 2))  # BUG
    loss.backward()


def bug_index_put_into_a_table() -> None:
    table = leaf(4, 2) * 1
    picked = table * table
    table[pb.tensor([0, 1])] = 0.0  # BUG
    picked.sum().backward()


def bug_swap_of_columns_in_place() -> None:
    x = leaf(2, 2) * 1
    loss = (x**3).sum()
    x[:, 0], x[:, 1] = x[:, 1].clone(), x[:, 0].clone()  # BUG
    loss.backward()


def bug_inplace_on_a_leaf() -> None:
    w = pb.zeros(3, requires_grad=True)  # BUG
    w += 1


def bug_inplace_on_a_view_of_a_leaf() -> None:
    table = pb.zeros(3, 2, requires_grad=True)  # BUG
    table[0] = 1.0


def bug_backward_twice() -> None:
    x = leaf(2)
    loss = (x * x).sum()  # BUG
    loss.backward()
    loss.backward()


def bug_shared_part_outside_of_the_loop() -> None:
    x = leaf(2)
    scale = x.exp()  # BUG
    for _ in range(2):
        (scale * 3).sum().backward()


def bug_hidden_state_is_carried_over() -> None:
    """Truncated backpropagation through time without detach."""
    w = leaf(2, 2)
    h = pb.ones(1, 2)
    for _ in range(2):
        h = (h @ w).tanh()  # BUG
        h.sum().backward()


def bug_losses_are_added_up_and_each_walked() -> None:
    w = leaf(2)
    total = pb.zeros(())
    for _ in range(2):
        total = total + (w * w).sum()  # BUG
        total.backward()


def bug_backward_after_grad() -> None:
    x = leaf(2)
    loss = x.sin().sum()  # BUG
    pb.autograd.grad(loss, x)
    loss.backward()


def bug_a_second_loss_over_the_same_features() -> None:
    trunk = nn.Linear(2, 2)
    features = trunk(pb.ones(1, 2)).sigmoid()  # BUG
    features.sum().backward()
    (features * 2).sum().backward()


def bug_view_of_no_grad_is_written() -> None:
    h = leaf(2, 2) * 1
    with pb.no_grad():
        row = h[0]  # BUG
    row.add_(leaf(2))


def bug_one_of_many_views_is_written() -> None:
    first, _ = (leaf(2, 2) * 1).unbind()  # BUG
    first.mul_(2)


def bug_inference_tensor_is_written() -> None:
    with pb.inference_mode():
        cache = pb.zeros(2)  # BUG
    cache.add_(1)


def bug_out_is_a_parameter() -> None:
    w = pb.zeros(2, requires_grad=True)  # BUG
    pb.add(pb.ones(2), 1.0, out=w)


def bug_the_first_backward_is_forgotten() -> None:
    """A metric that runs a backward of its own frees the graph of the training step."""
    x = leaf(2)
    loss = (x * x).sum()
    pb.autograd.grad(loss, x)  # BUG
    loss.backward()


def bug_gradient_is_clipped_while_it_is_needed() -> None:
    x = leaf(2)
    (slope,) = pb.autograd.grad((x**3).sum(), x, create_graph=True)
    loss = (slope * slope).sum()
    slope.clamp_(max=1.0)  # BUG
    loss.backward()


def bug_state_of_a_recurrence_in_place() -> None:
    w = leaf(2, 2)
    h = pb.ones(2)
    states = pb.zeros(3, 2)
    for t in range(3):
        states[t] = (w @ h).tanh()  # BUG
        h = states[t]
    states.sum().backward()


def bug_normalised_weight_in_place() -> None:
    w = leaf(3)
    scaled = w.exp()
    scaled /= scaled.sum()  # BUG
    scaled.sum().backward()
