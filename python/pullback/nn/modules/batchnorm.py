"""Normalisation by statistics that are kept: batch and instance normalisation.

While training the statistics are those of the input, and running averages of them are kept in
buffers, unless ``track_running_stats=False``; in eval the running ones are taken. With
``momentum=None`` they are averages over all batches so far.
"""

from __future__ import annotations

import sys
from typing import Any

import pullback as pb
from pullback import Tensor, _core
from pullback.nn import functional as F
from pullback.nn import init
from pullback.nn.modules.lazy import LazyModuleMixin
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "SyncBatchNorm",
]


class _NormBase(Module):
    """Parameters and buffers: ``weight`` and ``bias`` if affine, statistics if they are tracked."""

    _version = 2
    ndims: tuple[int, ...]
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        kind = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(pb.empty(num_features, **kind)) if wanted else None
            self.register_parameter(name, made)
        if track_running_stats:
            self.register_buffer("running_mean", pb.zeros(num_features, **kind))
            self.register_buffer("running_var", pb.ones(num_features, **kind))
            self.register_buffer("num_batches_tracked", pb.tensor(0, dtype=pb.int64))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget all batches so far."""
        if self.track_running_stats:
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight one, bias zero, no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in self.ndims:
            expected = " or ".join(f"{n}D" for n in self.ndims)
            raise ValueError(f"expected {expected} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *others: Any
    ) -> None:
        version = local_metadata.get("version", None)
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            counted = self.num_batches_tracked
            state_dict[key] = pb.tensor(0, dtype=pb.int64) if counted is None else counted
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)


class _BatchNorm(_NormBase):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        share = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                share = 1.0 / float(self.num_batches_tracked)
        of_input = self.training or (self.running_mean is None and self.running_var is None)
        tracked = not self.training or self.track_running_stats
        return self._normalised(
            input,
            self.running_mean if tracked else None,
            self.running_var if tracked else None,
            of_input,
            share,
        )

    def _normalised(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        of_input: bool,
        share: float,
    ) -> Tensor:
        return F.batch_norm(
            input, running_mean, running_var, self.weight, self.bias, of_input, share, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Normalises each channel of [batch, channels] or [batch, channels, length] over the batch.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: how much of the running statistics a batch replaces, None for the average of all.
        affine: whether there are a weight and a bias for each channel.
        track_running_stats: whether running statistics are kept, for eval.
        device: "cpu".
        dtype: of parameters and statistics, by default the default dtype.
        bias: whether there is a bias, if affine.

    Raises:
        ValueError: a wrong number of dimensions, or one value per channel while training.
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalises each channel of [batch, channels, height, width]; see ``BatchNorm1d``.

    Example:
        >>> import pullback as pb
        >>> pb.nn.BatchNorm2d(3)(pb.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
    """

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalises each channel of [batch, channels, depth, height, width]; see ``BatchNorm1d``."""

    ndims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of the batches of all processes.

    In eval, and without a process group of several processes, it is ``BatchNorm1d``. While
    training in several ones every process of the group calls it, and it is differentiated to any
    order.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: how much of the running statistics a batch replaces, None for the average of all.
        affine: whether there are a weight and a bias for each channel.
        track_running_stats: whether running statistics are kept, for eval.
        process_group: the processes, None for all.
        device: "cpu".
        dtype: of parameters and statistics, by default the default dtype.
        bias: whether there is a bias, if affine.

    Shape:
        [batch, channels, ...], with a batch of any size in each process.

    Raises:
        ValueError: fewer than two dimensions, or one value per channel while training.

    Example:
        >>> import pullback as pb
        >>> pb.nn.SyncBatchNorm(3)(pb.randn(2, 3, 4)).shape
        torch.Size([2, 3, 4])
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    def _normalised(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        of_input: bool,
        share: float,
    ) -> Tensor:
        # Who has not imported it has no group.
        distributed = sys.modules.get("pullback.distributed")
        alone = distributed is None or not distributed.is_initialized()
        if alone or not of_input or not self.training:
            return super()._normalised(input, running_mean, running_var, of_input, share)
        from pullback.nn.parallel._statistics import normalised_over_processes

        return normalised_over_processes(
            input,
            running_mean,
            running_var,
            self.weight,
            self.bias,
            share,
            self.eps,
            self.process_group,
        )

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Put a ``SyncBatchNorm`` in the place of each batch normalisation, with its parameters.

        Args:
            module: what is changed, and returned unless it is a batch normalisation itself.
            process_group: the processes, None for all.

        Example:
            >>> import pullback as pb
            >>> net = pb.nn.Sequential(pb.nn.Linear(2, 3), pb.nn.BatchNorm1d(3))
            >>> type(pb.nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]).__name__
            'SyncBatchNorm'
        """
        result: Module = module
        if isinstance(module, _BatchNorm):
            made = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
            )
            for name in ("weight", "bias"):
                setattr(made, name, getattr(module, name))
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(made, name, getattr(module, name))
            made.training = module.training
            result = made
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result


class _InstanceNorm(_NormBase):
    unbatched: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        channel = input.dim() - self.unbatched
        if input.size(channel) != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={channel} to match num_features "
                    f"({self.num_features}), but got: {input.size(channel)}."
                )
            _core._warn(
                f"input's size at dim={channel} does not match num_features. You can silence this "
                "warning by not passing in num_features, which is not used because affine=False"
            )
        if input.dim() == self.unbatched:
            return self._normalised(input.unsqueeze(0)).squeeze(0)
        return self._normalised(input)

    def _normalised(self, input: Tensor) -> Tensor:
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each example of [batch, channels, length]; see ``BatchNorm1d``."""

    ndims = (2, 3)
    unbatched = 2


class InstanceNorm2d(_InstanceNorm):
    """The same of [batch, channels, height, width]."""

    ndims = (3, 4)
    unbatched = 3


class InstanceNorm3d(_InstanceNorm):
    """The same of [batch, channels, depth, height, width]."""

    ndims = (4, 5)
    unbatched = 4


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """Learns ``num_features`` from its first input."""

    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        kind = {"device": device, "dtype": dtype}
        if affine:
            self.weight = UninitializedParameter(**kind)
            if bias:
                self.bias = UninitializedParameter(**kind)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**kind)
            self.running_var = UninitializedBuffer(**kind)
            self.num_batches_tracked = pb.tensor(0, dtype=pb.int64)

    def reset_parameters(self) -> None:
        """Weight one, bias zero, no statistics, once there are any."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """The shapes that fit the input."""
        if not self.has_uninitialized_params():
            if self.num_features == 0:  # loaded from a state, or nothing is to be learned
                self.num_features = input.shape[1]
            return
        self.num_features = input.shape[1]
        with pb.no_grad():
            for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
                if tensor is not None:
                    tensor.materialize((self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    """``BatchNorm1d`` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    """``BatchNorm2d`` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    """``BatchNorm3d`` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d):
    """``InstanceNorm1d`` whose ``num_features`` is that of the first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d):
    """``InstanceNorm2d`` whose ``num_features`` is that of the first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d):
    """``InstanceNorm3d`` whose ``num_features`` is that of the first input."""

    cls_to_become = InstanceNorm3d
