"""NaN and infinity, forward and backward.

Every function returns what ``explain`` says, or raises; ``# BUG`` marks the line to be named.
"""

from __future__ import annotations

import warnings
from typing import Any

import pullback as pb
from diagnosis.asking import ask, ask_now
from pullback import nn, optim
from pullback.utils.checkpoint import checkpoint


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def bug_root_of_zero() -> Any:
    x = param(0.0, 4.0)
    y = x.sqrt()  # BUG
    return ask(pb.explain, x, y.sum())


def bug_norm_of_zero_divides() -> Any:
    x = param(0.0, 0.0)
    unit = x / x.norm()  # BUG
    return ask(pb.explain, unit.sum())


def bug_distance_by_squares() -> Any:
    a, b = param(1.0, 2.0), param(1.0, 2.0)
    distance = ((a - b) ** 2).sum().sqrt()  # BUG
    return ask(pb.explain, a, distance)


def bug_log_of_zero() -> Any:
    p = param(0.5, 0.0)
    loss = -p.log().sum()  # BUG
    return ask(pb.explain, loss)


def bug_log_of_a_softmax() -> Any:
    logits = param(0.0, 200.0)
    loss = -logits.softmax(0).log()[0]  # BUG
    return ask(pb.explain, loss)


def bug_masked_quotient() -> Any:
    """pytorch#4132: where() hides the value, not the gradient."""
    x = param(0.0, 2.0)
    inverse = 1 / x  # BUG
    loss = pb.where(x > 0, inverse, pb.zeros(2)).sum()
    return ask(pb.explain, x, loss)


def bug_masked_root(keep: bool) -> Any:
    x = param(0.0, 2.0)
    root = x.sqrt()  # BUG
    loss = pb.where(x > 0, root, 0.0).sum()
    loss.backward(retain_graph=keep)
    return ask_now(pb.explain, x.grad, loss)


def bug_masked_log_by_a_product() -> Any:
    x = param(0.0, 2.0)
    mask = pb.tensor([0.0, 1.0])
    loss = (x.log() * mask).sum()  # BUG
    return ask(pb.explain, loss)


def bug_zero_over_zero() -> Any:
    hits, total = param(0.0, 1.0), pb.tensor([0.0, 2.0])
    ratio = hits / total  # BUG
    return ask(pb.explain, ratio.mean())


def bug_power_below_one() -> Any:
    x = param(0.0, 1.0)
    y = x**0.5  # BUG
    return ask(pb.explain, x, y.sum())


def bug_exp_overflows() -> Any:
    x = param(1.0, 200.0)
    y = x.exp()  # BUG
    loss = (y / y.sum()).sum()
    return ask(pb.explain, loss)


def bug_softplus_by_hand() -> Any:
    x = param(100.0)
    loss = (1 + x.exp()).log().sum()  # BUG
    return ask(pb.explain, loss)


def bug_arc_cosine_of_one() -> Any:
    cosine = param(1.0, 0.5)
    angle = cosine.acos()  # BUG
    return ask(pb.explain, cosine, angle.sum())


def bug_row_is_masked_completely() -> Any:
    scores = pb.ones(2, 2, requires_grad=True)
    mask = pb.tensor([[True, True], [False, True]])
    weights = scores.masked_fill(mask, float("-inf")).softmax(-1)  # BUG
    return ask(pb.explain, weights.sum())


def bug_deviation_of_one_value() -> Any:
    x = param(3.0)
    y = (x - x.mean()) / x.std()  # BUG
    return ask(pb.explain, y.sum())


def bug_mean_of_nothing() -> Any:
    x = param(1.0, 2.0)
    loss = x[x > 5].mean()  # BUG
    return ask(pb.explain, loss)


def bug_log1p_at_its_pole() -> Any:
    x = param(-1.0, 0.0)
    loss = x.log1p().sum()  # BUG
    return ask(pb.explain, loss)


def bug_data_has_a_nan() -> Any:
    data = pb.tensor([1.0, float("nan")])  # BUG
    w = param(1.0, 1.0)
    return ask(pb.explain, (w * data).sum())


def bug_weight_has_a_nan() -> Any:
    w = pb.tensor([1.0, float("inf")], requires_grad=True)  # BUG
    return ask(pb.explain, (w * 2).sum())


def bug_weight_was_overwritten_by_a_nan() -> Any:
    w = param(1.0, 2.0)
    with pb.no_grad():
        w.mul_(float("inf"))  # BUG
    return ask(pb.explain, (w * 2).sum())


def bug_step_of_a_huge_rate() -> Any:
    w = param(1e20)
    y = w * 1e30  # BUG
    return ask(pb.explain, (y - y).sum())


def bug_infinity_minus_infinity() -> Any:
    x = param(90.0)
    a = x.exp()  # BUG
    b = x.exp()
    return ask(pb.explain, (a - b).sum())


def bug_variance_by_moments() -> Any:
    x = pb.tensor([0.1, 0.1, 0.1], requires_grad=True)
    spread = ((x * x).mean() - 0.02).sqrt()  # BUG
    return ask(pb.explain, spread)


def bug_arc_sine_of_minus_one() -> Any:
    x = param(-1.0, 0.5)
    angle = x.asin()  # BUG
    return ask(pb.explain, x, angle.sum())


def bug_geometric_mean() -> Any:
    x = param(0.0, 2.0)
    mean = x.log().mean().exp()  # BUG
    return ask(pb.explain, x, mean)


def bug_cosine_similarity_by_hand() -> Any:
    a, b = param(0.0, 0.0), param(1.0, 1.0)
    cosine = (a * b).sum() / (a.square().sum().sqrt() * b.norm())  # BUG
    return ask(pb.explain, cosine)


def bug_entropy() -> Any:
    p = param(0.0, 1.0)
    entropy = -(p * p.log()).sum()  # BUG
    return ask(pb.explain, entropy)


class _Reciprocal(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradient / x


def bug_backward_of_a_function_divides() -> Any:
    x = param(0.0, 1.0)
    y = _Reciprocal.apply(x)  # BUG
    return ask(pb.explain, x, y.sum())


def bug_recurrence_explodes() -> Any:
    w = pb.tensor(1e8, requires_grad=True)
    h = pb.ones(())
    for _ in range(8):
        h = h * w  # BUG
    return ask(pb.explain, h)


def bug_power_of_a_negative_number() -> Any:
    x = param(-2.0, 4.0)
    y = x**0.5  # BUG
    return ask(pb.explain, y.sum())


def bug_mean_over_an_empty_mask() -> Any:
    loss = param(1.0, 2.0)
    mask = pb.zeros(2)
    mean = (loss * mask).sum() / mask.sum()  # BUG
    return ask(pb.explain, mean)


def bug_log_sum_exp_by_hand() -> Any:
    x = param(100.0, 0.0)
    total = x.exp().sum().log()  # BUG
    return ask(pb.explain, total)


def bug_softmax_by_hand() -> Any:
    x = param(100.0, 0.0)
    e = x.exp()  # BUG
    p = e / e.sum()
    return ask(pb.explain, p.sum())


def bug_reciprocal_of_a_difference() -> Any:
    a = param(1.0, 2.0)
    gap = a - pb.tensor([1.0, 1.0])
    force = 1 / gap  # BUG
    return ask(pb.explain, force.sum())


def bug_correlation_of_a_constant() -> Any:
    x, y = param(1.0, 2.0), param(3.0, 3.0)
    spread = (y - y.mean()).square().sum().sqrt()
    r = ((x - x.mean()) * (y - y.mean())).sum() / spread  # BUG
    return ask(pb.explain, r)


def bug_gradient_of_an_intermediate_result() -> Any:
    x = param(0.0, 1.0)
    h = x * 2
    h.retain_grad()
    y = h.sqrt()  # BUG
    loss = y.sum()
    return ask(pb.explain, h, loss)


def bug_hook_divides_by_the_norm() -> Any:
    x = param(0.0, 0.0)

    def normalise(gradient: Any) -> Any:  # BUG
        return gradient / gradient.norm()

    h = x * 3
    h.register_hook(normalise)
    return ask(pb.explain, x, (h * h).sum())


def bug_inside_of_a_checkpoint() -> Any:
    x = param(0.0, 1.0)

    def body(t: Any) -> Any:
        return (t * 1).log()  # BUG

    y = checkpoint(body, x, use_reentrant=False)
    return ask(pb.explain, y.sum())


def bug_activation_of_a_layer() -> Any:
    layer = nn.Linear(2, 2)
    with pb.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    h = layer(pb.ones(1, 2))
    out = h.log()  # BUG
    return ask(pb.explain, out.mean())


def bug_learning_rate_blows_up_the_weight() -> Any:
    w = param(1.0)
    step = optim.SGD([w], lr=1e30)
    for _ in range(3):
        loss = (w * w * w).sum()
        step.zero_grad()
        loss.backward()
        step.step()  # BUG
    return ask_now(pb.explain, w)


def bug_standardised_data_has_a_constant_column() -> Any:
    """Nothing of it requires a gradient, so nothing of it is recorded."""
    data = pb.tensor([[1.0, 5.0], [2.0, 5.0]])
    features = (data - data.mean(0)) / data.std(0)  # BUG
    w = param(1.0, 1.0)
    return ask(pb.explain, (features * w).sum())


def bug_seed_holds_a_nan() -> Any:
    x = param(1.0, 2.0)
    seed = pb.tensor([1.0, float("nan")])  # BUG
    weights = x * seed
    return ask(pb.explain, weights.sum())


def bug_anomaly_mode_finds_the_root() -> None:
    x = param(0.0, 1.0)
    y = x.sqrt()  # BUG
    with warnings.catch_warnings(), pb.autograd.set_detect_anomaly(True):
        warnings.simplefilter("ignore")
        (y * 0).sum().backward()
