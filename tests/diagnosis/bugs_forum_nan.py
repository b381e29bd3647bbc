"""NaN and infinity as people report them in forums and issues.

Written before anything was tuned for them. ``# BUG`` marks the line that must be named.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from diagnosis.asking import ask, ask_now
from pullback import nn, optim


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def bug_cross_entropy_by_hand() -> Any:
    """y log p + (1 - y) log (1 - p) with a sigmoid that is exactly 1."""
    net = nn.Linear(2, 1)
    with pb.no_grad():
        net.weight.fill_(100.0)
    p = net(pb.ones(2, 2)).sigmoid()
    y = pb.ones(2, 1)
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()  # BUG
    return ask(pb.explain, loss)


def bug_divergence_with_a_zero() -> Any:
    p, q = param(0.0, 1.0), pb.tensor([0.5, 0.5])
    loss = (p * (p / q).log()).sum()  # BUG
    return ask(pb.explain, loss)


def bug_log_variance_overflows() -> Any:
    """A variational encoder whose log variance is not bounded."""
    encoder = nn.Linear(2, 2)
    with pb.no_grad():
        encoder.weight.fill_(60.0)
    log_var = encoder(pb.ones(1, 2))
    kl = -0.5 * (1 + log_var - log_var.exp()).sum()  # BUG
    return ask(pb.explain, kl)


def bug_ratio_of_policies_overflows() -> Any:
    new, old = param(100.0, 1.0), pb.tensor([-50.0, 1.0])
    ratio = (new - old).exp()  # BUG
    loss = (ratio - ratio).mean()
    return ask(pb.explain, loss)


def bug_length_of_nothing() -> Any:
    y, x = param(0.0, 1.0), pb.tensor([0.0, 1.0])
    length = pb.hypot(y, x)  # BUG
    return ask(pb.explain, y, length.sum())


def bug_angle_between_equal_vectors() -> Any:
    a = param(0.3, 0.1)
    unit = a / a.norm()
    cosine = (unit * unit).sum() * 1.0000002
    angle = cosine.acos()  # BUG
    return ask(pb.explain, angle)


def bug_exponent_of_a_zero_base() -> Any:
    exponent = param(-1.0, 1.0)
    y = pb.tensor([0.0, 1.0]) ** exponent  # BUG
    return ask(pb.explain, y.sum())


def bug_log_is_clamped_afterwards() -> Any:
    p = param(0.0, 0.5)
    logs = p.log()  # BUG
    loss = -logs.clamp(min=-100.0).sum()
    return ask(pb.explain, p, loss)


def bug_distances_of_points_to_themselves() -> Any:
    points = pb.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    gaps = points.unsqueeze(0) - points.unsqueeze(1)
    distances = gaps.square().sum(-1).sqrt()  # BUG
    return ask(pb.explain, points, distances.sum())


def bug_layer_norm_of_a_constant_row() -> Any:
    x = pb.ones(2, 3, requires_grad=True)
    centred = x - x.mean(-1, keepdim=True)
    y = centred / x.std(-1, keepdim=True)  # BUG
    return ask(pb.explain, y.sum())


def bug_missing_values_in_the_array() -> Any:
    import numpy as np

    table = pb.from_numpy(np.array([[1.0, np.nan]], dtype=np.float32))  # BUG
    net = nn.Linear(2, 1)
    return ask(pb.explain, net(table).sum())


def bug_weights_explode() -> Any:
    net = nn.Linear(2, 1)
    step = optim.SGD(net.parameters(), lr=1e20)
    x = pb.ones(3, 2)
    for _ in range(4):
        step.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        step.step()  # BUG
    return ask_now(pb.explain, net(x).sum())


def bug_sign_by_a_quotient() -> Any:
    w = param(0.0, -2.0)
    direction = w / w.abs()  # BUG
    return ask(pb.explain, direction.sum())


def bug_everything_is_masked() -> Any:
    scores = param(1.0, 2.0)
    masked = scores + pb.tensor([float("-inf"), float("-inf")])  # BUG
    return ask(pb.explain, masked.logsumexp(0))


def bug_power_of_a_fraction() -> Any:
    x = param(0.0, 4.0)
    y = x.pow(0.25)  # BUG
    return ask(pb.explain, x, (y * 2).sum())


def bug_focal_loss() -> Any:
    p = param(1.0, 0.5)
    loss = ((1 - p) ** 0.5 * p.log()).sum()  # BUG
    return ask(pb.explain, p, loss)


def bug_moment_of_a_sharp_weight() -> Any:
    w = param(30.0)
    h = pb.ones(1)
    for _ in range(40):
        h = h * w  # BUG
    return ask(pb.explain, h.sum())


def bug_dice_of_an_empty_mask() -> Any:
    predicted = param(0.0, 0.0)
    mask = pb.zeros(2)
    overlap = (predicted * mask).sum()
    dice = 2 * overlap / (predicted.sum() + mask.sum())  # BUG
    return ask(pb.explain, 1 - dice)


def bug_gradient_penalty_at_zero() -> Any:
    """WGAN-GP: the norm of a gradient that is zero."""
    w = param(0.0, 0.0)
    x = param(1.0, 1.0)
    (slope,) = pb.autograd.grad((w * x).sum(), x, create_graph=True)
    penalty = (slope.square().sum().sqrt() - 1) ** 2  # BUG
    return ask(pb.explain, w, penalty)


def bug_gaussian_of_a_collapsed_deviation() -> Any:
    mean, deviation = param(1.0), param(0.0)
    z = (pb.tensor([1.0]) - mean) / deviation  # BUG
    return ask(pb.explain, (-0.5 * z * z - deviation.abs().log()).sum())
