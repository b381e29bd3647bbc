"""Decompositions of low rank: of matrices by random projections, eigenpairs by iteration.

``svd_lowrank`` and ``pca_lowrank`` are algorithms 4.4 and 5.1 of Halko, Martinsson and Tropp,
"Finding structure with randomness" (2011); ``lobpcg`` is the locally optimal block method of
Knyazev, "Toward the optimal preconditioned eigensolver" (2001). All are made of recorded operators.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["lobpcg", "pca_lowrank", "svd_lowrank"]


def _approximate_basis(a: Tensor, q: int, niter: int) -> Tensor:
    """An orthonormal basis of nearly the range of ``a``, of ``q`` vectors."""
    projected = a @ pb.randn(a.shape[-1], q, dtype=a.dtype)
    basis = pb.linalg.qr(projected).Q
    for _ in range(niter):
        basis = pb.linalg.qr(a.mH @ basis).Q
        basis = pb.linalg.qr(a @ basis).Q
    return basis


@_core._overridable
def svd_lowrank(
    A: Tensor,
    q: int | None = 6,
    niter: int | None = 2,
    M: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """``(U, S, V)`` with nearly ``A - M = U diag(S) V^H``, of ``q`` singular values.

    Args:
        A: matrices (..., m, n).
        q: how many singular values; somewhat more than the rank that is looked for. There are no
            more than the smaller side of the matrices has elements.
        niter: how often the projection is multiplied by ``A``, which makes it more exact.
        M: what is subtracted; broadcasts to ``A``.

    >>> left, right = pb.randn(8, 2), pb.randn(2, 6)
    >>> u, s, v = pb.svd_lowrank(left @ right, q=3)
    >>> pb.allclose((u * s) @ v.mT, left @ right, atol=1e-4)
    True
    """
    _arguments.tensors("svd_lowrank", A=A)
    _arguments.maybe(_arguments.tensors, "svd_lowrank", M=M)
    _arguments.maybe(_arguments.integers, "svd_lowrank", q=q, niter=niter)
    matrix = A if M is None else A - M
    rank = 6 if q is None else q
    rounds = 2 if niter is None else niter
    wide = matrix.shape[-2] < matrix.shape[-1]
    tall = matrix.mH if wide else matrix
    basis = _approximate_basis(tall, rank, rounds)
    u, s, vh = pb.linalg.svd(basis.mH @ tall, full_matrices=False)
    u, v = basis @ u, vh.mH
    return (v, s, u) if wide else (u, s, v)


@_core._overridable
def pca_lowrank(
    A: Tensor,
    q: int | None = None,
    center: bool = True,
    niter: int = 2,
) -> tuple[Tensor, Tensor, Tensor]:
    """``svd_lowrank`` of matrices (..., m, n) of m observations of n variables.

    Args:
        q: how many components, by default the smallest of 6, m and n.
        center: subtract the mean of each variable.

    Raises:
        ValueError: ``q`` or ``niter`` is out of range.

    >>> u, s, v = pb.pca_lowrank(pb.randn(20, 5), q=2)
    >>> s.shape, v.shape
    (torch.Size([2]), torch.Size([5, 2]))
    """
    _arguments.tensors("pca_lowrank", A=A)
    _arguments.maybe(_arguments.integers, "pca_lowrank", q=q, niter=niter)
    _arguments.flags("pca_lowrank", center=center)
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if not (A.is_floating_point() or A.is_complex()):
        raise ValueError(f"input must have floating point or complex dtype, but got {A.dtype}")
    centered = A - A.mean(dim=-2, keepdim=True) if center else A
    return svd_lowrank(centered, q, niter=niter)


def _orthonormal(basis: Tensor, b: Tensor | None) -> Tensor:
    """The same space by vectors that are orthonormal, in the product of ``b``."""
    basis = pb.linalg.qr(basis).Q  # of full rank, even where that of the vectors is not
    if b is None:
        return basis
    factor = pb.linalg.cholesky(basis.mH @ (b @ basis))
    return pb.linalg.solve_triangular(factor.mH, basis, upper=True, left=False)


def _pairs(a: Tensor, b: Tensor | None, k: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The ``k`` pairs of ``a x = w b x`` for full matrices."""
    if b is None:
        w, v = pb.linalg.eigh((a + a.mH) / 2)
    else:
        factor = pb.linalg.cholesky(b)
        half = pb.linalg.solve_triangular(factor, a, upper=False)
        both = pb.linalg.solve_triangular(factor.mH, half, upper=True, left=False)
        w, v = pb.linalg.eigh((both + both.mH) / 2)
        v = pb.linalg.solve_triangular(factor.mH, v, upper=True)
    if largest:
        w, v = w.flip(-1), v.flip(-1)
    return w[..., :k], v[..., :k]


def _refuse_given(**values: object) -> None:
    for name, value in values.items():
        if value is not None and value != {}:
            raise ValueError(
                f"lobpcg(): argument {name!r} must be left out, as it is not supported: got "
                f"{type(value).__name__}"
            )


@_core._overridable
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Callable[..., None] | None = None,
    ortho_iparams: dict[str, int] | None = None,
    ortho_fparams: dict[str, float] | None = None,
    ortho_bparams: dict[str, bool] | None = None,
) -> tuple[Tensor, Tensor]:
    """The ``k`` largest (or smallest) eigenvalues of Hermitian matrices, with their vectors.

    Args:
        A: symmetric or Hermitian matrices (..., m, m).
        k: how many pairs, by default the columns of ``X`` or 1.
        B: positive definite matrices of the problem ``A x = w B x``.
        X: the vectors to begin with (..., m, n); random ones by default.
        n: how many random vectors, at least ``k``.
        iK: a preconditioner, nearly the inverse of ``A``.
        niter: the most iterations, by default 1000; as many as it takes if it is not positive.
        tol: the norm of the residuals, over those of ``A`` and the vectors, to stop at.
        largest: False for the smallest eigenvalues.

    Raises:
        AssertionError: ``A`` is not square.
        ValueError: the matrices have fewer than ``3 n`` rows, or ``tracker`` or a parameter of
            another method of orthogonalisation is given.

    >>> w, v = pb.lobpcg(pb.diag(pb.arange(1.0, 13.0)), k=2)
    >>> pb.allclose(w, pb.tensor([12.0, 11.0]), atol=1e-3)
    True
    """
    _arguments.tensors("lobpcg", A=A)
    _arguments.maybe(_arguments.tensors, "lobpcg", B=B, X=X, iK=iK)
    _arguments.maybe(_arguments.integers, "lobpcg", k=k, n=n, niter=niter)
    _arguments.maybe(_arguments.numbers, "lobpcg", tol=tol)
    _arguments.maybe(_arguments.flags, "lobpcg", largest=largest)
    _arguments.maybe(_arguments.texts, "lobpcg", method=method)
    _refuse_given(
        tracker=tracker,
        ortho_iparams=ortho_iparams,
        ortho_fparams=ortho_fparams,
        ortho_bparams=ortho_bparams,
    )
    if method not in (None, "basic", "ortho"):
        raise ValueError(f"lobpcg: got method {method!r}, expected 'basic' or 'ortho'")
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise AssertionError(
            f"lobpcg: A must be square matrices (..., m, m), got shape {list(A.shape)}"
        )
    count = k if k is not None else 1 if X is None else X.shape[-1]
    vectors = X.shape[-1] if X is not None else n if n is not None else count
    m = A.shape[-1]
    if m < 3 * vectors:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m})"
            f" is smaller than 3 x the number of requested eigenpairs (={vectors})"
        )
    wants_largest = largest is None or largest
    with pb.no_grad():
        start = X if X is not None else pb.randn(*A.shape[:-2], m, vectors, dtype=A.dtype)
        found = _iterated(A, B, start, iK, 1000 if niter is None else niter, tol, wants_largest)[
            ..., :count
        ]
    # The values and vectors as functions of A: one more step, in which they are exact.
    whole = _pairs(A, B, count, wants_largest) if _wants_gradient(A, B) else None
    if whole is not None:
        return whole
    values = (found.conj() * (A @ found)).real.sum(-2)
    return values, found


def _wants_gradient(*tensors: Tensor | None) -> bool:
    return pb.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _iterated(
    a: Tensor,
    b: Tensor | None,
    x: Tensor,
    inverse: Tensor | None,
    niter: int,
    tol: float | None,
    largest: bool,
) -> Tensor:
    bound = tol if tol is not None else pb.finfo(a.dtype).eps ** 0.5
    size = a.norm(dim=(-2, -1)).unsqueeze(-1)
    vectors = x.shape[-1]
    x = _orthonormal(x, b)
    before: Tensor | None = None
    for _ in range(niter) if niter > 0 else itertools.count():
        w, turn = _pairs(x.mH @ (a @ x), None, vectors, largest)
        x = x @ turn
        bx = x if b is None else b @ x
        residual = a @ x - bx * w.unsqueeze(-2)
        if bool((residual.norm(dim=-2) <= bound * size * x.norm(dim=-2)).all()):
            break
        step = residual if inverse is None else inverse @ residual
        basis = _orthonormal(pb.cat([x, step] if before is None else [x, step, before], -1), b)
        _, turn = _pairs(basis.mH @ (a @ basis), None, vectors, largest)
        after = basis @ turn
        before = after - x @ (x.mH @ (after if b is None else b @ after))
        x = after
    return x
