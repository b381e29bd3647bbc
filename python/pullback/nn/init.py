"""Ways to fill a parameter before training; each changes its tensor in place and returns it.

Nothing is recorded. The draws are made in the order in which PyTorch makes them, so the same
stream of random numbers gives the same parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_GAIN_ONE = {"linear", "sigmoid"} | {
    f"conv{kind}{dims}d" for kind in ("", "_transpose") for dims in (1, 2, 3)
}
_MODES = ["fan_in", "fan_out"]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity makes standard deviations smaller, to be undone.

    Args:
        nonlinearity: name of the function in ``nn.functional``.
        param: the slope of ``leaky_relu`` (0.01).

    Raises:
        ValueError: the name is unknown, or the slope is no number.
    """
    _arguments.texts("calculate_gain", nonlinearity=nonlinearity)
    if nonlinearity in _GAIN_ONE:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the uniform distribution on ``[a, b)``."""
    _arguments.tensors("uniform_", tensor=tensor)
    _arguments.numbers("uniform_", a=a, b=b)
    _check_generator("uniform_", generator)
    with pb.no_grad():
        return tensor.uniform_(a, b, **_source(generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the normal distribution."""
    _arguments.tensors("normal_", tensor=tensor)
    _check_generator("normal_", generator)
    with pb.no_grad():
        return tensor.normal_(mean, std, **_source(generator))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill with draws from the normal distribution cut to ``[a, b]``.

    Where the cut keeps much of the distribution, normal draws outside it are drawn again;
    where it keeps little, uniform draws are accepted in proportion to their density.
    """
    _arguments.tensors("trunc_normal_", tensor=tensor)
    _arguments.numbers("trunc_normal_", mean=mean, std=std, a=a, b=b)
    _check_generator("trunc_normal_", generator)
    if mean < a - 2 * std or mean > b + 2 * std:
        _core._warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
        )
    root2 = math.sqrt(2.0)
    inside = (math.erf((b - mean) / std / root2) - math.erf((a - mean) / std / root2)) / 2.0
    source = _source(generator)
    with pb.no_grad():
        if inside > 0.3:
            low = float(pb.tensor(a, dtype=tensor.dtype))
            high = float(pb.tensor(b, dtype=tensor.dtype))
            drawn = tensor.normal_(mean, std, **source)
            while bool((outside := (drawn < low) | (drawn > high)).any()):
                again = pb.empty_like(drawn).normal_(mean, std, **source)
                drawn = pb.where(outside, again, drawn)
        else:
            peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

            def refused(candidate: Tensor) -> Tensor:
                log_density = candidate.sub(mean).div(std).pow(2).mul(-0.5).sub(peak)
                return pb.empty_like(candidate).uniform_(**source).log() > log_density

            drawn = tensor.uniform_(a, b, **source)
            pending = refused(drawn)
            while bool(pending.any()):
                candidate = pb.empty_like(drawn).uniform_(a, b, **source)
                drawn = pb.where(pending, candidate, drawn)
                pending = pending & refused(candidate)
        return tensor if drawn is tensor else tensor.copy_(drawn)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    _arguments.tensors("constant_", tensor=tensor)
    _arguments.numbers("constant_", val=val)
    with pb.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    _arguments.tensors("ones_", tensor=tensor)
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    _arguments.tensors("zeros_", tensor=tensor)
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere."""
    _arguments.tensors("eye_", tensor=tensor)
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with pb.no_grad():
        return tensor.copy_(pb.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it gives its input back, as far as channels go.

    Args:
        tensor: shape ``[out, in, *]`` with one to three more dimensions.
        groups: the groups of the convolution; ``out`` is a multiple.

    Raises:
        ValueError: another number of dimensions, or groups that do not divide ``out``.
    """
    _arguments.tensors("dirac_", tensor=tensor)
    _arguments.integers("dirac_", groups=groups)
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    out_channels = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    with pb.no_grad():
        tensor.zero_()
        for group in range(groups):
            for channel in range(min(out_channels, tensor.shape[1])):
                at = (group * out_channels + channel, channel, *middle)
                tensor[at] = 1
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with a random orthogonal matrix: rows or columns, whichever are fewer, are orthonormal.

    A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks" (2013).

    Args:
        tensor: two or more dimensions; those behind the first count as one.
        gain: a factor.
        generator: of the random numbers.

    Raises:
        ValueError: fewer than two dimensions.
    """
    _arguments.tensors("orthogonal_", tensor=tensor)
    _arguments.numbers("orthogonal_", gain=gain)
    _check_generator("orthogonal_", generator)
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    with pb.no_grad():
        drawn = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, **_source(generator))
        is_wide = drawn.shape[0] < drawn.shape[1]
        basis = _orthonormal(drawn.t() if is_wide else drawn)
        tensor.view_as(drawn).copy_(basis.t() if is_wide else basis).mul_(gain)
    return tensor


def _orthonormal(columns: Tensor) -> Tensor:
    """The factor Q of a QR decomposition whose R has a positive diagonal.

    Gram-Schmidt, each column twice, which is as good as reflections (Giraud et al., 2005).
    """
    wide = columns.double().t().contiguous()
    basis = pb.zeros_like(wide)
    for index, column in enumerate(wide):
        for _ in range(2):
            column = column - basis[:index].t() @ (basis[:index] @ column)
        basis[index] = column / pb.linalg.vector_norm(column)
    return basis.t()


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix with normal draws, of which some in each column become zero.

    J. Martens, "Deep learning via Hessian-free optimization" (2010).

    Args:
        tensor: two dimensions.
        sparsity: the part of each column that is zero.
        std: the standard deviation of the others.
        generator: of the normal draws; which rows are zero is drawn from the default one.

    Raises:
        ValueError: not two dimensions.
    """
    _arguments.tensors("sparse_", tensor=tensor)
    _arguments.numbers("sparse_", sparsity=sparsity, std=std)
    _check_generator("sparse_", generator)
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with pb.no_grad():
        tensor.normal_(0, std, **_source(generator))
        for column in range(columns):
            tensor[pb.randperm(rows)[:zeros], column] = 0
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with uniform draws whose variance is ``2 gain**2 / (fan_in + fan_out)``."""
    _arguments.tensors("xavier_uniform_", tensor=tensor)
    _arguments.numbers("xavier_uniform_", gain=gain)
    _check_generator("xavier_uniform_", generator)
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with normal draws whose variance is ``2 gain**2 / (fan_in + fan_out)``."""
    _arguments.tensors("xavier_normal_", tensor=tensor)
    _arguments.numbers("xavier_normal_", gain=gain)
    _check_generator("xavier_normal_", generator)
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with uniform draws whose variance is ``gain**2 / fan``, see ``calculate_gain``."""
    _arguments.tensors("kaiming_uniform_", tensor=tensor)
    _arguments.numbers("kaiming_uniform_", a=a)
    _arguments.texts("kaiming_uniform_", mode=mode, nonlinearity=nonlinearity)
    _check_generator("kaiming_uniform_", generator)
    if 0 in tensor.shape:
        _core._warn("Initializing zero-element tensors is a no-op")
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with normal draws whose variance is ``gain**2 / fan``, see ``calculate_gain``."""
    _arguments.tensors("kaiming_normal_", tensor=tensor)
    _arguments.numbers("kaiming_normal_", a=a)
    _arguments.texts("kaiming_normal_", mode=mode, nonlinearity=nonlinearity)
    _check_generator("kaiming_normal_", generator)
    if 0 in tensor.shape:
        _core._warn("Initializing zero-element tensors is a no-op")
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _no_grad_uniform_(tensor: Tensor, a: float, b: float, generator: Any = None) -> Tensor:
    return uniform_(tensor, a, b, generator)


def _no_grad_normal_(tensor: Tensor, mean: float, std: float, generator: Any = None) -> Tensor:
    return normal_(tensor, mean, std, generator)


def _no_grad_trunc_normal_(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any = None
) -> Tensor:
    return trunc_normal_(tensor, mean, std, a, b, generator)


def _no_grad_fill_(tensor: Tensor, val: float) -> Tensor:
    return constant_(tensor, val)


def _no_grad_zero_(tensor: Tensor) -> Tensor:
    return zeros_(tensor)


def _check_generator(function: str, generator: object) -> None:
    if generator is not None and not isinstance(generator, _core.Generator):
        _arguments.refuse(function, "generator", "torch.Generator", generator)


def _source(generator: Any) -> dict[str, Any]:
    return {} if generator is None else {"generator": generator}


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in _MODES:
        raise ValueError(f"Mode {mode} not supported, please use one of {_MODES}")
    return _calculate_fan_in_and_fan_out(tensor)[_MODES.index(mode)]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs one output sees and how many outputs one input reaches."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


# --- the old names ---


def _old(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function under its name before 0.4, with a warning."""
    name = function.__name__
    old = name[:-1]

    def deprecated(*args: Any, **kwargs: Any) -> Tensor:
        _core._warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning
        )
        return function(*args, **kwargs)

    deprecated.__name__ = deprecated.__qualname__ = old
    deprecated.__doc__ = f"The old name of ``{name}``; it warns."
    return deprecated


constant = _old(constant_)
dirac = _old(dirac_)
eye = _old(eye_)
kaiming_normal = _old(kaiming_normal_)
kaiming_uniform = _old(kaiming_uniform_)
normal = _old(normal_)
orthogonal = _old(orthogonal_)
sparse = _old(sparse_)
uniform = _old(uniform_)
xavier_normal = _old(xavier_normal_)
xavier_uniform = _old(xavier_uniform_)
