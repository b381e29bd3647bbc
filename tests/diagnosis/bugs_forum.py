"""Mistakes as people report them in forums and issues: the graph is lost, or the gradient is zero.

Written before anything was tuned for them. ``# BUG`` marks the line that must be named.
"""

from __future__ import annotations

import copy
from typing import Any

import pullback as pb
from diagnosis.asking import ask, ask_now
from pullback import nn, optim


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


# --- None where a gradient was expected ---


def bug_log_probabilities_are_collected_in_a_tensor() -> Any:
    """A3C: the log probabilities of an episode become a tensor by torch.tensor."""
    policy, value = nn.Linear(2, 1), nn.Linear(2, 1)
    state = pb.ones(1, 2)
    memory = [policy(state).sum().sigmoid().log() for _ in range(3)]
    log_probs = pb.tensor([float(each) for each in memory])  # BUG
    loss = -(log_probs * 2).sum() + value(state).square().sum()
    return ask(pb.why_none, policy.weight, loss)


def bug_losses_are_summed_as_numbers() -> Any:
    net, head = nn.Linear(2, 1), nn.Linear(2, 1)
    x = pb.ones(3, 2)
    running = 0.0
    running += net(x).square().mean().item()  # BUG
    loss = running + head(x).square().mean()
    return ask(pb.why_none, net.weight, loss)


def bug_features_of_an_earlier_evaluation_are_used_again() -> Any:
    """The network ran under no_grad for a metric, and its result is used in the loss."""
    net, head = nn.Linear(2, 2), nn.Linear(2, 1)
    x = pb.ones(3, 2)
    with pb.no_grad():
        features = net(x)  # BUG
    for _ in range(2):
        loss = head(features).sum()
    return ask(pb.why_none, net.weight, loss)


def bug_clone_then_detach() -> Any:
    net, scale = nn.Linear(2, 2), param(1.0)
    logits = net(pb.ones(1, 2)).clone().detach()  # BUG
    loss = (logits.log_softmax(-1) * scale).sum()
    return ask(pb.why_none, net.weight, loss)


def bug_binarised_weight_by_data() -> Any:
    """BinaryNet: the sign of the weight is taken of weight.data."""
    weight = pb.ones(2, 2, requires_grad=True)
    bias = param(0.0, 0.0)
    binary = weight.data.sign()  # BUG
    loss = (pb.ones(1, 2) @ binary + bias).sum()
    return ask(pb.why_none, weight, loss)


def bug_hidden_state_is_cut_at_the_start() -> Any:
    encoder, cell = nn.Linear(2, 2), nn.Linear(2, 2)
    h = encoder(pb.ones(1, 2)).data  # BUG
    for _ in range(3):
        h = cell(h).tanh()
    return ask(pb.why_none, encoder.weight, h.sum())


def bug_residual_branch_is_detached() -> Any:
    stem, branch = nn.Linear(2, 2), nn.Linear(2, 2)
    x = stem(pb.ones(1, 2))
    out = x + branch(x).relu().detach()  # BUG
    return ask(pb.why_none, branch.weight, out.sum())


def bug_straight_through_is_the_wrong_way_round() -> Any:
    w, scale = param(0.2, 0.8), param(2.0, 2.0)
    q = w.round()
    hard = q.detach() + (w - w).detach()  # BUG
    loss = (hard * scale).sum()
    return ask(pb.why_none, w, loss)


def bug_sampled_action_indexes_a_table() -> Any:
    logits, values = param(0.1, 0.2, 0.3), param(1.0, 2.0, 3.0)
    action = pb.multinomial(logits.softmax(0), 1)  # BUG
    loss = values[action].sum()
    return ask(pb.why_none, logits, loss)


def bug_both_values_of_a_td_error_are_detached() -> Any:
    online, entropy = nn.Linear(2, 1), param(0.5)
    state = pb.ones(1, 2)
    q = online(state).detach()  # BUG
    loss = ((q - 1.0) ** 2).sum() + entropy.square().sum()
    return ask(pb.why_none, online.weight, loss)


def bug_scale_is_read_as_a_float() -> Any:
    w, x = param(3.0), param(1.0, 2.0)
    y = x * float(w)  # BUG
    return ask(pb.why_none, w, y.sum())


def bug_temperature_by_item() -> Any:
    temperature, logits = param(2.0), param(1.0, 2.0)
    p = (logits / temperature.item()).log_softmax(0)  # BUG
    return ask(pb.why_none, temperature, p[0])


def bug_sample_weights_come_from_numpy() -> Any:
    net, head = nn.Linear(2, 1), nn.Linear(2, 1)
    x = pb.ones(3, 2)
    errors = net(x).detach().numpy()  # BUG
    weights = pb.from_numpy(1 / (1 + errors * errors))
    loss = (weights * head(x)).sum()
    return ask(pb.why_none, net.weight, loss)


def bug_requires_grad_after_the_loss() -> Any:
    w = pb.ones(2)  # BUG
    head = param(1.0, 1.0)
    loss = (w * head).sum()
    w.requires_grad_()
    return ask(pb.why_none, w, loss)


def bug_hinge_by_the_builtin_max() -> Any:
    score, prior = param(-2.0), param(1.0)
    hinge = max(pb.zeros(1), 1 + score)  # BUG
    loss = hinge.sum() + prior.sum()
    return ask(pb.why_none, score, loss)


def bug_learnable_threshold_by_a_comparison() -> Any:
    threshold, gain = param(0.5), param(1.0, 1.0, 1.0)
    signal = pb.tensor([0.1, 0.6, 0.9])
    mask = (signal > threshold).to(pb.float32)  # BUG
    return ask(pb.why_none, threshold, (mask * signal * gain).sum())


def bug_meta_loss_is_computed_under_no_grad() -> Any:
    """MAML with one inner step: the first query loss is only a metric."""
    fast, slow = nn.Linear(2, 1), nn.Linear(2, 1)
    x = pb.ones(3, 2)
    losses = pb.zeros(())
    with pb.no_grad():
        losses = losses + fast(x).square().mean()  # BUG
    losses = losses + slow(x).square().mean()
    return ask(pb.why_none, fast.weight, losses)


def bug_the_head_was_frozen_with_the_rest() -> Any:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    for p in model.parameters():
        p.requires_grad = False  # BUG
    return ask(pb.why_none, model[1].weight)


def bug_phase_is_misspelled() -> Any:
    net, phase = nn.Linear(2, 1), "training"
    with pb.set_grad_enabled(phase == "train"):
        loss = net(pb.ones(1, 2)).sum()  # BUG
    return ask_now(pb.why_none, net.weight, loss)


def bug_the_copy_is_trained() -> Any:
    model = nn.Linear(2, 1)
    shadow = copy.deepcopy(model)  # BUG
    loss = model(pb.ones(1, 2)).sum()
    return ask(pb.why_none, shadow.weight, loss)


def bug_parameter_is_made_anew_in_the_step() -> Any:
    weight = nn.Parameter(pb.ones(2))
    fresh = nn.Parameter(weight.data * 1.0)  # BUG
    loss = (fresh * 2).sum()
    return ask(pb.why_none, weight, loss)


def bug_prediction_is_rounded_to_labels() -> Any:
    net, bias = nn.Linear(2, 1), param(0.0)
    predicted = net(pb.ones(3, 2)).sigmoid().round().int()  # BUG
    loss = (predicted * bias).sum()
    return ask(pb.why_none, net.weight, loss)


def bug_best_rows_by_their_numbers() -> Any:
    scores, table = param(0.1, 0.9, 0.5), pb.ones(3, 2, requires_grad=True)
    best = scores.topk(2).indices  # BUG
    return ask(pb.why_none, scores, table[best].sum())


def bug_weights_are_stacked_by_tensor() -> Any:
    a, b, x = param(1.0), param(2.0), param(3.0, 4.0)
    weights = pb.tensor([a.item(), b.item()])  # BUG
    return ask(pb.why_none, a, (weights * x).sum())


def bug_targets_are_computed_by_the_network_in_training() -> Any:
    teacher, student = nn.Linear(2, 2), nn.Linear(2, 2)
    x = pb.ones(1, 2)
    with pb.inference_mode():
        target = teacher(x)  # BUG
    loss = nn.functional.mse_loss(student(x), target.clone())
    return ask(pb.why_none, teacher.weight, loss)


def bug_attention_mask_from_scores() -> Any:
    q, v = pb.ones(2, 2, requires_grad=True), pb.ones(2, 2, requires_grad=True)
    gate = (q @ q.t()).ge(1)  # BUG
    out = gate.float() @ v
    return ask(pb.why_none, q, out.sum())


def bug_input_is_detached_by_the_data_pipeline() -> Any:
    """Adversarial examples: the gradient by the input."""
    image = pb.ones(1, 2, requires_grad=True)
    net = nn.Linear(2, 1)
    batch = image.detach().clone()  # BUG
    return ask(pb.why_none, image, net(batch).sum())


def bug_zero_grad_between_backward_and_reading(keep: bool) -> Any:
    net = nn.Linear(2, 1)
    loss = net(pb.ones(1, 2)).sum()
    loss.backward(retain_graph=keep)
    net.zero_grad()  # BUG
    return ask_now(pb.why_none, net.weight, loss)


def bug_gradient_is_set_to_none_by_hand(keep: bool) -> Any:
    w = param(1.0, 2.0)
    loss = (w * w).sum()
    loss.backward(retain_graph=keep)
    w.grad = None  # BUG
    return ask_now(pb.why_none, w, loss)


# --- zero ---


def bug_threshold_by_sign() -> Any:
    """A mask of signs: (sign(x - t) + 1) / 2."""
    threshold = param(0.5)
    x = pb.tensor([0.1, 0.6, 0.9])
    mask = ((x - threshold).sign() + 1) * 0.5  # BUG
    return ask(pb.why_zero, threshold, (mask * x).sum())


def bug_adapter_starts_at_zero() -> Any:
    """LoRA: the second factor is zero, so the first one does not learn at the first step."""
    down = pb.ones(2, 1, requires_grad=True)
    up = pb.zeros(1, 2, requires_grad=True)  # BUG
    out = pb.ones(3, 2) @ down @ up
    return ask(pb.why_zero, down, out.sum())


def bug_residual_gain_is_zero() -> Any:
    branch, gain = nn.Linear(2, 2), pb.zeros(1, requires_grad=True)
    x = pb.ones(1, 2)
    out = x + gain * branch(x)  # BUG
    return ask(pb.why_zero, branch.weight, out.sum())


def bug_loss_is_clamped_below_its_value() -> Any:
    net = nn.Linear(2, 1, bias=False)
    with pb.no_grad():
        net.weight.fill_(3.0)
    loss = net(pb.ones(1, 2)).square().mean().clamp(max=1.0)  # BUG
    return ask(pb.why_zero, net.weight, loss)


def bug_softmax_over_one_class() -> Any:
    net = nn.Linear(2, 1)
    p = net(pb.ones(3, 2)).softmax(dim=1)  # BUG
    return ask(pb.why_zero, net.weight, (p - 0.3).square().mean())


def bug_relu_behind_the_last_layer() -> Any:
    net = nn.Linear(2, 1)
    with pb.no_grad():
        net.weight.fill_(-1.0)
        net.bias.fill_(-1.0)
    predicted = net(pb.ones(3, 2)).relu()  # BUG
    return ask(pb.why_zero, net.weight, (predicted - pb.ones(3, 1)).square().mean())


def bug_hinge_is_satisfied() -> Any:
    score = param(5.0)
    loss = (1 - score).clamp(min=0).sum()  # BUG
    return ask(pb.why_zero, score, loss)


def bug_dropout_drops_everything() -> Any:
    net = nn.Linear(2, 2)
    h = nn.functional.dropout(net(pb.ones(3, 2)), p=1.0)  # BUG
    return ask(pb.why_zero, net.weight, h.square().sum())


def bug_pixels_are_not_scaled() -> Any:
    """Inputs of 0 .. 255 saturate a sigmoid."""
    net = nn.Linear(4, 1)
    with pb.no_grad():
        net.weight.fill_(0.5)
        net.bias.fill_(0.0)
    p = net(pb.full((2, 4), 255.0)).sigmoid()  # BUG
    return ask(pb.why_zero, net.weight, p.mean())


def bug_coefficient_of_a_loss_is_zero() -> Any:
    main, aux = nn.Linear(2, 1), nn.Linear(2, 1)
    x = pb.ones(3, 2)
    penalty = 0.0 * aux(x).square().mean()  # BUG
    loss = main(x).square().mean() + penalty
    return ask(pb.why_zero, aux.weight, loss)


def bug_the_other_branch_is_larger() -> Any:
    a, b = param(1.0, 2.0), param(5.0, 6.0)
    best = pb.stack([a, b]).max(0).values  # BUG
    return ask(pb.why_zero, a, best.sum())


def bug_batch_of_one_is_centred() -> Any:
    """Batch normalisation by hand with one example."""
    net = nn.Linear(2, 2, bias=False)
    h = net(pb.ones(1, 2))
    centred = h - h.mean(0)  # BUG
    return ask(pb.why_zero, net.weight, centred.square().sum())


def bug_quantised_by_floor() -> Any:
    w = param(0.3, 1.7)
    q = (w / 0.25).floor() * 0.25  # BUG
    return ask(pb.why_zero, w, q.square().sum())


def bug_mask_of_a_loss_is_empty() -> Any:
    net = nn.Linear(2, 1)
    error = net(pb.ones(3, 2)).square().squeeze(1)
    loss = error[pb.zeros(3, dtype=pb.bool)].sum()  # BUG
    return ask(pb.why_zero, net.weight, loss)


def bug_state_is_overwritten_by_the_next() -> Any:
    w = param(1.0, 2.0)
    state = pb.zeros(2)
    state[:] = w * 3
    state[:] = pb.ones(2)  # BUG
    return ask(pb.why_zero, w, state.sum())


def bug_gradients_are_zeroed_too_late(keep: bool) -> Any:
    net = nn.Linear(2, 1)
    step = optim.SGD(net.parameters(), lr=0.1)
    loss = net(pb.ones(1, 2)).sum()
    loss.backward(retain_graph=keep)
    step.zero_grad(set_to_none=False)  # BUG
    return ask_now(pb.why_zero, net.weight, loss)
