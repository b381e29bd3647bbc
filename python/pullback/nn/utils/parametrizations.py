"""Weights of unit length or unit spectral norm, as parametrizations."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.module import Module
from pullback.nn.utils import parametrize
from pullback.nn.utils.spectral_norm import _is_transposed
from pullback.nn.utils.weight_norm import _weight_norm, norm_except_dim

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return _weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """A weight as a length and a direction: ``g * v / ||v||``.

    The length is ``parametrizations.<name>.original0``, the direction ``original1``. A state that
    the old ``weight_norm`` saved can be loaded.

    Args:
        module: the module.
        name: the parameter.
        dim: the dimension along which there is a length each; None for one length of all.

    Returns:
        The module.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.utils.parametrizations.weight_norm(pb.nn.Linear(20, 40))
        >>> layer.parametrizations.weight.original0.shape
        torch.Size([40, 1])
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_old_names(state_dict: dict[str, Tensor], prefix: str, *_: object) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for index, key in enumerate(old):
                new = f"{prefix}parametrizations.{name}.original{index}"
                state_dict[new] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(from_old_names)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{weight.dim()}, {weight.dim() - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            with pb.no_grad():
                matrix = self._matrix(weight)
                rows, columns = matrix.size()
                u = matrix.new_empty(rows).normal_(0, 1)
                v = matrix.new_empty(columns).normal_(0, 1)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            # Most of the way is gone at once, as a layer may be used in evaluation mode.
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            weight = weight.movedim(self.dim, 0)
        return weight.flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with pb.no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(pb.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(pb.mv(matrix.mT, self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        # Saved tensors must not be those that the next call writes.
        u, v = self._u.clone(), self._v.clone()
        return weight / pb.vdot(u, pb.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """A weight divided by its largest singular value, which power iteration estimates.

    Args:
        module: the module.
        name: the parameter.
        n_power_iterations: iterations at each reading in training mode.
        eps: the smallest norm of a vector.
        dim: the dimension of the outputs; by default 0, 1 for transposed convolutions.

    Returns:
        The module.

    Raises:
        ValueError: there is no such parameter, or no iterations.
        IndexError: the dimension is out of range.

    Example:
        >>> import pullback as pb
        >>> _ = pb.manual_seed(0)
        >>> layer = pb.nn.utils.parametrizations.spectral_norm(pb.nn.Linear(20, 40)).eval()
        >>> sigma = pb.linalg.norm(layer.weight @ layer.parametrizations.weight[0]._v)
        >>> bool(abs(sigma - 1) < 1e-3)
        True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if _is_transposed(module) else 0
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, made)


_MAPS = ("matrix_exp", "cayley", "householder")


def _with_signs(reflectors: Tensor, tau: Tensor) -> Tensor:
    """The orthogonal factor of a QR factorization whose other factor has a positive diagonal."""
    signs = reflectors.diagonal(dim1=-2, dim2=-1).sgn()
    return pb.linalg.householder_product(reflectors, tau) * signs.unsqueeze(-2)


def _completed(tall: Tensor) -> Tensor:
    """A square orthogonal matrix that begins with the columns, made orthonormal, of this one."""
    n, k = tall.shape[-2:]
    if n == k:
        gap = (tall.mH @ tall - pb.eye(n, dtype=tall.dtype)).abs()
        if bool((gap <= 10 * n * pb.finfo(tall.dtype).eps).all()):
            return tall.clone()
    else:
        more = pb.randn((*tall.shape[:-2], n, n - k), dtype=tall.dtype)
        tall = pb.cat([tall, more], dim=-1)
    return _with_signs(*pb.geqrf(tall))


class _Orthogonal(Module):
    """Orthonormal columns, or rows of a wide matrix, made of the triangle below the diagonal.

    With ``base`` they are ``base @ map(weight)``: any matrix is at the origin of its own map.
    """

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    @property
    def _is_wide(self) -> bool:
        return self.shape[-2] < self.shape[-1]

    def _turned(self, matrix: Tensor) -> Tensor:
        """Between the weight and a matrix that is not wide."""
        return matrix.mT if self._is_wide else matrix

    def forward(self, weight: Tensor) -> Tensor:
        tall = self._turned(weight)
        made = self._reflected(tall) if self.orthogonal_map == "householder" else self._spun(tall)
        if self.use_trivialization and self.base is not None:
            made = self.base @ made
        return self._turned(made)

    def _reflected(self, tall: Tensor) -> Tensor:
        # The diagonal holds the signs of the columns.
        below = tall.tril(diagonal=-1)
        tau = 2 / (1 + (below * below).sum(dim=-2))
        signs = tall.diagonal(dim1=-2, dim2=-1).int()
        return pb.linalg.householder_product(below, tau) * signs.unsqueeze(-2)

    def _spun(self, tall: Tensor) -> Tensor:
        n, k = tall.shape[-2:]
        lower = tall.tril()
        if n != k:
            lower = pb.cat([lower, lower.new_zeros((*lower.shape[:-2], n, n - k))], dim=-1)
        skew = lower - lower.mH
        if self.orthogonal_map == "matrix_exp":
            made = pb.linalg.matrix_exp(skew)
        else:  # the Cayley transform
            one = pb.eye(n, dtype=skew.dtype)
            made = pb.linalg.solve(one - skew / 2, one + skew / 2)
        return made[..., :k]

    def right_inverse(self, value: Tensor) -> Tensor:
        if value.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {value.shape}."
            )
        with pb.no_grad():
            return self._inverted(value)

    def _inverted(self, value: Tensor) -> Tensor:
        tall = self._turned(value)
        if self.use_trivialization:
            self.base = _completed(tall)
            # The origin of every map: its signs undo those of the reflections.
            origin = pb.zeros_like(value)
            origin.diagonal(dim1=-2, dim2=-1).fill_(-1)
            return origin
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        reflectors, tau = pb.geqrf(tall)
        diagonal = reflectors.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0] *= -1
        return self._turned(reflectors)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """A weight that stays orthogonal: its columns, or the rows of a wide one, are orthonormal.

    Args:
        module: the module.
        name: the parameter, a matrix or a stack of matrices.
        orthogonal_map: ``"matrix_exp"`` or ``"cayley"`` of a skew-symmetric matrix, or
            ``"householder"``, a product of reflections; by default the first for square weights and
            the last for others.
        use_trivialization: multiply by a fixed orthogonal matrix, so that the weight starts where
            it is and can be assigned (M. Lezcano-Casado, "Trivializations for gradient-based
            optimization on manifolds", NeurIPS 2019).

    Returns:
        The module.

    Raises:
        ValueError: there is no such parameter, it is no matrix, or there is no such map.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.utils.parametrizations.orthogonal(pb.nn.Linear(20, 40))
        >>> pb.allclose(layer.weight.T @ layer.weight, pb.eye(20), atol=1e-5)
        True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        is_square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if is_square or weight.is_complex() else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
            f"{orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)
