"""Functions that PyTorch has given up: they raise what PyTorch raises, and name what to call."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["eig", "lstsq", "matrix_rank", "solve", "symeig"]


def _refuse(name: str, instead: str) -> NoReturn:
    raise RuntimeError(
        f"{name}: This function was deprecated since version 1.9 and is now removed. Use {instead}."
    )


def eig(*_: Any, **__: Any) -> NoReturn:
    """Always a RuntimeError: ``linalg.eig`` and ``linalg.eigvals`` have taken its place."""
    _refuse("eig", "linalg.eig, or linalg.eigvals for the values alone, which are complex")


def symeig(*_: Any, **__: Any) -> NoReturn:
    """Always a RuntimeError: ``linalg.eigh`` has taken its place."""
    _refuse("symeig", "linalg.eigh, or linalg.eigvalsh, which read the lower half by default")


def solve(*_: Any, **__: Any) -> NoReturn:
    """Always a RuntimeError: ``linalg.solve`` has taken its place."""
    _refuse("solve", "linalg.solve(A, B), whose arguments are the other way round")


def lstsq(*_: Any, **__: Any) -> NoReturn:
    """Always a RuntimeError: ``linalg.lstsq`` has taken its place."""
    _refuse("lstsq", "linalg.lstsq(A, B), whose arguments are the other way round")


def matrix_rank(*_: Any, **__: Any) -> NoReturn:
    """Always a RuntimeError: ``linalg.matrix_rank`` has taken its place."""
    _refuse("matrix_rank", "linalg.matrix_rank, where `symmetric` is `hermitian`")
