"""Means of parameters over training: PyTorch's ``torch.optim.swa_utils``.

P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018,
and exponential means (B. T. Polyak, A. B. Juditsky, 1992).
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, nn
from pullback.nn.modules.batchnorm import _BatchNorm
from pullback.optim.lr_scheduler import LRScheduler
from pullback.optim.lr_scheduler._base import _format_param
from pullback.optim.lr_scheduler._base import check_optimizer as _check_optimizer
from pullback.optim.optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_device(name: str, device: Any) -> None:
    if device is not None and not isinstance(device, (pb.device, str, int)):
        _arguments.refuse(name, "device", "device, str, int or None", device)


def _check_decay(name: str, decay: Any) -> None:
    _arguments.numbers(name, decay=decay)
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """A function that gives ``decay * mean + (1 - decay) * new``.

    Raises:
        ValueError: ``decay`` is not between 0 and 1.

    Example:
        >>> import pullback as pb
        >>> update = pb.optim.swa_utils.get_ema_avg_fn(0.75)
        >>> update(pb.tensor(1.0), pb.tensor(5.0), 3)
        tensor(2.)
    """
    _check_decay("get_ema_avg_fn", decay)

    def update(ema_param: Tensor, current_param: Tensor, _: Any) -> Tensor:
        with pb.no_grad():
            return decay * ema_param + (1 - decay) * current_param

    return update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """The same in place, for a list of means and a list of new values.

    Raises:
        ValueError: ``decay`` is not between 0 and 1.

    Example:
        >>> import pullback as pb
        >>> mean = pb.tensor(1.0)
        >>> pb.optim.swa_utils.get_ema_multi_avg_fn(0.75)([mean], [pb.tensor(5.0)], 3)
        >>> mean
        tensor(2.)
    """
    _check_decay("get_ema_multi_avg_fn", decay)

    def update(ema_param_list: Any, current_param_list: Any, _: Any) -> None:
        with pb.no_grad():
            for mean, new in zip(ema_param_list, current_param_list, strict=True):
                if mean.is_floating_point():
                    mean.lerp_(new, 1 - decay)
                else:
                    mean.copy_(mean * decay + new * (1 - decay))

    return update


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """A function that gives the mean of ``n + 1`` values from that of ``n`` and a new one.

    Example:
        >>> import pullback as pb
        >>> update = pb.optim.swa_utils.get_swa_avg_fn()
        >>> update(pb.tensor(1.0), pb.tensor(5.0), 3)
        tensor(2.)
    """

    def update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with pb.no_grad():
            step: Tensor = (current_param - averaged_param) / (num_averaged + 1)
            return averaged_param + step

    return update


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """The same in place, for a list of means and a list of new values.

    Example:
        >>> import pullback as pb
        >>> mean = pb.tensor(1.0)
        >>> pb.optim.swa_utils.get_swa_multi_avg_fn()([mean], [pb.tensor(5.0)], 3)
        >>> mean
        tensor(2.)
    """

    def update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        weight = float(1 / (num_averaged + 1))
        with pb.no_grad():
            for mean, new in zip(averaged_param_list, current_param_list, strict=True):
                if mean.is_floating_point():
                    mean.lerp_(new, weight)
                else:
                    mean.copy_(mean + (new - mean) * weight)

    return update


class AveragedModel(nn.Module):
    """A copy of a model, with the mean of the parameters that ``update_parameters`` has seen.

    Args:
        model: any module; it is copied.
        device: the CPU or None.
        avg_fn: gives the next mean from the mean, the new value and the number of values so far;
            None stands for the plain mean.
        multi_avg_fn: the same in place, for lists of tensors.
        use_buffers: average the buffers, too; otherwise they are copied.

    Raises:
        AssertionError: both functions are given.

    Example:
        >>> import pullback as pb
        >>> model = pb.nn.Linear(1, 1, bias=False)
        >>> mean = pb.optim.swa_utils.AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = model.weight.data.fill_(value)
        ...     mean.update_parameters(model)
        >>> mean.module.weight.item(), mean.n_averaged
        (3.0, tensor(3))
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: nn.Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(model, nn.Module):
            _arguments.refuse("AveragedModel", "model", "Module", model)
        _arguments.flags("AveragedModel", use_buffers=use_buffers)
        _check_device("AveragedModel", device)
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        for name, function in (("avg_fn", avg_fn), ("multi_avg_fn", multi_avg_fn)):
            if function is not None:
                _arguments.functions("AveragedModel", **{name: function})
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", pb.tensor(0, dtype=pb.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: nn.Module) -> None:
        """Take the parameters of ``model`` into the mean."""
        means = [p.detach() for p in self._averaged(self.module)]
        news = [p.detach() for p in self._averaged(model)]
        if self.n_averaged == 0:
            for mean, new in zip(means, news, strict=False):
                mean.copy_(new)
        elif self.multi_avg_fn is not None:
            for dtype in dict.fromkeys(mean.dtype for mean in means):
                pairs = [
                    (mean, new)
                    for mean, new in zip(means, news, strict=False)
                    if mean.dtype == dtype
                ]
                of_dtype, new_ones = (list(each) for each in zip(*pairs, strict=True))
                self.multi_avg_fn(of_dtype, new_ones, self.n_averaged)
        else:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, new in zip(means, news, strict=False):
                mean.copy_(average(mean, new, self.n_averaged))
        if not self.use_buffers:
            for kept, new in zip(self.module.buffers(), model.buffers(), strict=True):
                kept.detach().copy_(new.detach())
        self.n_averaged += 1

    def _averaged(self, model: nn.Module) -> Iterable[Tensor]:
        if self.use_buffers:
            return itertools.chain(model.parameters(), model.buffers())
        return model.parameters()


def update_bn(loader: Iterable[Any], model: nn.Module, device: Any = None) -> None:
    """Make the running statistics of batch normalisation anew, as plain means over a loader.

    Args:
        loader: gives batches, or tuples that begin with one.
        model: is called with each, in training mode, and put back into its mode.
        device: the CPU or None.

    Example:
        >>> import pullback as pb
        >>> model = pb.nn.BatchNorm1d(1)
        >>> loader = [pb.tensor([[1.0], [3.0]]), pb.tensor([[4.0], [6.0]])]
        >>> pb.optim.swa_utils.update_bn(loader, model)
        >>> model.running_mean
        tensor([3.5000])
    """
    if not isinstance(model, nn.Module):
        _arguments.refuse("update_bn", "model", "Module", model)
    if not hasattr(type(loader), "__iter__") and not hasattr(type(loader), "__getitem__"):
        _arguments.refuse("update_bn", "loader", "an iterable of batches", loader)
    _check_device("update_bn", device)
    momenta = {}
    with pb.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.reset_running_stats()
                momenta[module] = module.momentum
        if not momenta:
            return
        was_training = model.training
        model.train()
        for module in momenta:
            module.momentum = None  # a plain mean
        for batch in loader:
            if isinstance(batch, (list, tuple)):
                batch = batch[0]
            model(batch if device is None else batch.to(device))
        for module, momentum in momenta.items():
            module.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the rate in force to ``swa_lr`` in ``anneal_epochs`` epochs, and constant then.

    Args:
        optimizer: whose rates are set.
        swa_lr: the rate at the end, one or one a group.
        anneal_epochs: epochs on the way.
        anneal_strategy: "cos" or "linear".
        last_epoch: -1 to begin.

    Raises:
        ValueError: an unknown strategy, a negative number of epochs, or rates that do not fit the
            groups.

    Example:
        >>> import pullback as pb
        >>> optimizer = pb.optim.SGD([pb.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = pb.optim.swa_utils.SWALR(
        ...     optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear"
        ... )
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     schedule.step()
        ...     print(schedule.get_last_lr())
        [0.75]
        [0.5]
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        _check_optimizer("SWALR", optimizer)
        if not isinstance(swa_lr, (list, tuple)):
            _arguments.numbers("SWALR", swa_lr=swa_lr)
        _arguments.numbers("SWALR", anneal_epochs=anneal_epochs)
        _arguments.texts("SWALR", anneal_strategy=anneal_strategy)
        rates = _format_param("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """How much of the way is behind, from 0 to 1."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """The rates of this epoch, one a group."""
        self._warn_outside_of_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            rate, end = group["lr"], group["swa_lr"]
            # The rate at the start, from that in force.
            start = end if before == 1 else (rate - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates
