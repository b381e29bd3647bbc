"""One kind of sparse matrix: compressed rows, whose values have gradients.

``CSRMatrix`` is made of the arrays that SciPy and PyTorch keep for it (``crow_indices``,
``col_indices``, ``values``). Its products with vectors and matrices, also transposed, and
``spsolve`` are differentiable by the values and by the dense side, to every order; gradients have
the pattern of the matrix and never become dense. The pattern itself is fixed. There are no other
layouts, and the matrix is no tensor: what is not here is done with ``to_dense()`` or with
``values``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.autograd.function import Function

__all__ = ["CSRMatrix", "from_coordinates", "from_dense", "from_scipy", "spsolve"]


def _integers(name: str, indices: Any) -> Tensor:
    """A vector of int64."""
    _arguments.tensors("CSRMatrix", **{name: indices})
    made: Tensor = indices
    if made.ndim != 1 or made.dtype not in (pb.int32, pb.int64):
        raise ValueError(
            f"CSRMatrix: got {name} of the shape {list(made.shape)} and {made.dtype}, expected a "
            "vector of int32 or int64"
        )
    return made.long()


def _sizes(function: str, size: Any) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        _arguments.refuse(function, "size", "a tuple of two integers", size)
    _arguments.integers(function, rows=size[0], columns=size[1])
    if min(size) < 0:
        raise ValueError(f"{function}: got size={tuple(size)}, expected no negative number")
    return int(size[0]), int(size[1])


class _Pattern:
    """Where the values are: in the order of rows, and where each row begins."""

    def __init__(self, start: Tensor, column: Tensor, shape: tuple[int, int]) -> None:
        self.start = start
        self.column = column
        self.shape = shape
        self.row = pb.repeat_interleave(pb.arange(shape[0]), start.diff())
        self._order: Tensor | None = None
        self._transposed: _Pattern | None = None

    def transposed(self) -> tuple[_Pattern, Tensor]:
        """The pattern of the transpose, and the order of its values."""
        if self._order is None or self._transposed is None:
            self._order = pb.argsort(self.column, stable=True)
            counts = pb.bincount(self.column, minlength=self.shape[1])
            start = pb.cat([pb.zeros(1, dtype=pb.int64), counts.cumsum(0)])
            shape = (self.shape[1], self.shape[0])
            self._transposed = _Pattern(start, self.row[self._order], shape)
        return self._transposed, self._order


def _check_pattern(start: Tensor, column: Tensor, values: Tensor, shape: tuple[int, int]) -> None:
    count = column.shape[0]
    if start.shape[0] != shape[0] + 1:
        raise ValueError(
            f"CSRMatrix: got {start.shape[0]} crow_indices for {shape[0]} rows, expected "
            f"{shape[0] + 1}"
        )
    if values.shape != column.shape:
        raise ValueError(
            f"CSRMatrix: got values of the shape {list(values.shape)} and {count} col_indices, "
            "expected a vector of the same length"
        )
    if int(start[0]) != 0 or int(start[-1]) != count or bool((start.diff() < 0).any()):
        raise ValueError(
            "CSRMatrix: crow_indices must begin with 0, not fall, and end with the number of "
            f"values, {count}"
        )
    if count and not 0 <= int(column.min()) <= int(column.max()) < shape[1]:
        raise ValueError(
            f"CSRMatrix: got col_indices from {int(column.min())} to {int(column.max())}, expected "
            f"0 to {shape[1] - 1}"
        )


class CSRMatrix:
    """A matrix of which few elements are stored, row by row.

    Args:
        crow_indices: where each row begins among the values, and where the last one ends,
            ``[rows + 1]``.
        col_indices: the column of each value, ``[n]``. A place may have several values, which
            count as their sum.
        values: floating-point or complex numbers, ``[n]``; they may have a history.
        size: the numbers of rows and columns; the columns are the fewest possible if left out.

    Raises:
        ValueError: the arrays do not make a matrix.
        TypeError: an argument is of another kind.

    Example:
        >>> import pullback as pb
        >>> values = pb.tensor([2.0, 3.0, 4.0], requires_grad=True)
        >>> start, column = pb.tensor([0, 1, 3]), pb.tensor([0, 0, 2])
        >>> a = pb.sparse.CSRMatrix(start, column, values, (2, 3))
        >>> y = a @ pb.tensor([1.0, 1.0, 10.0])
        >>> y
        tensor([ 2., 43.], grad_fn=<SqueezeBackward1>)
        >>> y.sum().backward()
        >>> values.grad
        tensor([ 1.,  1., 10.])
    """

    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(
        self,
        crow_indices: Tensor,
        col_indices: Tensor,
        values: Tensor,
        size: tuple[int, int] | None = None,
    ) -> None:
        start = _integers("crow_indices", crow_indices)
        column = _integers("col_indices", col_indices)
        _arguments.tensors("CSRMatrix", values=values)
        if not (values.is_floating_point() or values.is_complex()):
            raise ValueError(
                f"CSRMatrix: got values of {values.dtype}, expected floating-point or complex ones"
            )
        if size is None:
            columns = int(column.max()) + 1 if column.shape[0] else 0
            shape = (start.shape[0] - 1, columns)
        else:
            shape = _sizes("CSRMatrix", size)
        _check_pattern(start, column, values, shape)
        self._pattern = _Pattern(start, column, shape)
        self._values = values

    @classmethod
    def _of(cls, pattern: _Pattern, values: Tensor) -> CSRMatrix:
        made = cls.__new__(cls)
        made._pattern = pattern
        made._values = values
        return made

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self._pattern.shape

    @property
    def dtype(self) -> pb.dtype:
        """The dtype of the values."""
        return self._values.dtype

    @property
    def values(self) -> Tensor:
        """The stored elements, row by row, with their history."""
        return self._values

    @property
    def crow_indices(self) -> Tensor:
        """Where each row begins among the values, and where the last one ends."""
        return self._pattern.start

    @property
    def col_indices(self) -> Tensor:
        """The column of each value."""
        return self._pattern.column

    @property
    def row_indices(self) -> Tensor:
        """The row of each value."""
        return self._pattern.row

    @property
    def T(self) -> CSRMatrix:  # noqa: N802 - its usual name
        """The transpose; its values are those of this matrix in another order."""
        pattern, order = self._pattern.transposed()
        return CSRMatrix._of(pattern, self._values[order])

    def with_values(self, values: Tensor) -> CSRMatrix:
        """A matrix with other values in the same places."""
        _arguments.tensors("with_values", values=values)
        if values.shape != self._values.shape:
            raise ValueError(
                f"with_values: got values of the shape {list(values.shape)}, expected "
                f"{list(self._values.shape)}"
            )
        return CSRMatrix._of(self._pattern, values)

    def to_dense(self) -> Tensor:
        """The matrix as a tensor, with the same history."""
        rows, columns = self.shape
        place = self._pattern.row * columns + self._pattern.column
        flat = pb.zeros(rows * columns, dtype=self.dtype)
        return flat.index_add(0, place, self._values).reshape(rows, columns)

    def to_scipy(self) -> Any:
        """A ``scipy.sparse.csr_matrix`` with copies of the arrays."""
        values = self._values.detach().resolve_conj().numpy().copy()
        column, start = self._pattern.column.numpy().copy(), self._pattern.start.numpy().copy()
        return _scipy("to_scipy", "scipy.sparse").csr_matrix((values, column, start), self.shape)

    def __matmul__(self, other: Any) -> Tensor:
        """The product with a vector ``[columns]`` or a matrix ``[columns, k]``."""
        if not isinstance(other, Tensor):
            return NotImplemented
        return _product(self._pattern.row, self._pattern.column, self._values, other, self.shape)

    def __rmatmul__(self, other: Any) -> Tensor:
        """The product of a vector ``[rows]`` or a matrix ``[k, rows]`` with this one."""
        if not isinstance(other, Tensor):
            return NotImplemented
        left = other.T if other.ndim == 2 else other
        shape = (self.shape[1], self.shape[0])
        made = _product(self._pattern.column, self._pattern.row, self._values, left, shape)
        return made.T if other.ndim == 2 else made

    def __mul__(self, other: Any) -> CSRMatrix:
        """The matrix times a number, or a tensor of one."""
        if isinstance(other, (int, float, complex)) or (
            isinstance(other, Tensor) and other.ndim == 0
        ):
            return CSRMatrix._of(self._pattern, self._values * other)
        return NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> CSRMatrix:
        return CSRMatrix._of(self._pattern, -self._values)

    def __repr__(self) -> str:
        return (
            f"CSRMatrix(size={self.shape}, nnz={self._values.shape[0]}, dtype={self.dtype}"
            f"{', requires_grad=True' if self._values.requires_grad else ''})"
        )


def _product(
    row: Tensor, column: Tensor, values: Tensor, x: Tensor, shape: tuple[int, int]
) -> Tensor:
    if x.ndim not in (1, 2) or x.shape[0] != shape[1]:
        raise RuntimeError(
            f"CSRMatrix: got a product of {list(shape)} with {list(x.shape)}, expected a vector or "
            f"a matrix with {shape[1]} rows on that side"
        )
    dtype = pb.promote_types(values.dtype, x.dtype)
    wide = x.to(dtype) if x.ndim == 2 else x.to(dtype).unsqueeze(1)
    product = _core._functions._sparse_product
    made: Tensor = product(values.to(dtype), row, column, wide, shape[0])
    return made if x.ndim == 2 else made.squeeze(1)


def from_coordinates(
    row: Tensor, column: Tensor, values: Tensor, size: tuple[int, int]
) -> CSRMatrix:
    """A matrix of values at rows and columns in any order; those of one place are added.

    Args:
        row: int32 or int64, ``[n]``.
        column: int32 or int64, ``[n]``.
        values: floating-point or complex numbers, ``[n]``.
        size: the numbers of rows and columns.

    Raises:
        ValueError: the arrays do not make a matrix.

    Example:
        >>> import pullback as pb
        >>> at = pb.tensor([1, 0, 1])
        >>> pb.sparse.from_coordinates(at, at, pb.ones(3), (2, 2)).to_dense()
        tensor([[1., 0.],
                [0., 2.]])
    """
    _arguments.tensors("from_coordinates", row=row, column=column, values=values)
    rows, columns = _sizes("from_coordinates", size)
    row, column = _integers("row", row), _integers("column", column)
    if row.shape != column.shape or values.shape != row.shape:
        raise ValueError(
            f"from_coordinates: got rows, columns and values of the shapes {list(row.shape)}, "
            f"{list(column.shape)} and {list(values.shape)}, expected vectors of one length"
        )
    if row.shape[0] and not 0 <= int(row.min()) <= int(row.max()) < rows:
        raise ValueError(
            f"from_coordinates: got rows from {int(row.min())} to {int(row.max())}, expected 0 to "
            f"{rows - 1}"
        )
    if column.shape[0] and not 0 <= int(column.min()) <= int(column.max()) < columns:
        raise ValueError(
            f"from_coordinates: got columns from {int(column.min())} to {int(column.max())}, "
            f"expected 0 to {columns - 1}"
        )
    places, which = pb.unique(row * columns + column, return_inverse=True)
    summed = values.new_zeros(places.shape[0]).index_add(0, which, values)
    counts = pb.bincount(places.div(max(columns, 1), rounding_mode="floor"), minlength=rows)
    start = pb.cat([pb.zeros(1, dtype=pb.int64), counts.cumsum(0)])
    return CSRMatrix(start, places % max(columns, 1), summed, (rows, columns))


def from_dense(input: Tensor) -> CSRMatrix:
    """The elements of a matrix that are not zero, with their history.

    Example:
        >>> import pullback as pb
        >>> pb.sparse.from_dense(pb.eye(3))
        CSRMatrix(size=(3, 3), nnz=3, dtype=torch.float32)
    """
    _arguments.tensors("from_dense", input=input)
    if input.ndim != 2:
        raise ValueError(f"from_dense: got {input.ndim} dimensions, expected a matrix")
    row, column = pb.nonzero(input.detach(), as_tuple=True)
    start = pb.searchsorted(row, pb.arange(input.shape[0] + 1))
    return CSRMatrix(start, column, input[row, column], (input.shape[0], input.shape[1]))


def from_scipy(matrix: Any, *, requires_grad: bool = False) -> CSRMatrix:
    """A matrix with copies of the arrays of a SciPy matrix of any format.

    Raises:
        TypeError: it is none.
    """
    _arguments.bools("from_scipy", requires_grad=requires_grad)
    if not hasattr(matrix, "tocsr"):
        _arguments.refuse("from_scipy", "matrix", "a matrix of scipy.sparse", matrix)
    rows = matrix.tocsr()
    start, column = pb.tensor(rows.indptr, dtype=pb.int64), pb.tensor(rows.indices, dtype=pb.int64)
    values = pb.tensor(rows.data).requires_grad_(requires_grad)
    return CSRMatrix(start, column, values, tuple(rows.shape))


def _scipy(function: str, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{function} needs SciPy, which is not installed: pip install scipy"
        ) from error


class _Solve(Function):
    """``A x = b``, or the same with the adjoint of A, by factors that both share.

    A gradient is a solution of the other system: for x = A^-1 b it is z = A^-H g for b, and
    ``-z[row] * conj(x[column])`` for the values.
    """

    @staticmethod
    def forward(
        factors: Any, values: Tensor, b: Tensor, row: Tensor, column: Tensor, adjoint: bool
    ) -> Tensor:
        del values, row, column
        return pb.tensor(factors.solve(b.detach().numpy(), "H" if adjoint else "N"))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factors, values, _, row, column, ctx.adjoint = inputs
        ctx.save_for_backward(values, row, column, output)
        ctx.save_for_forward(values, row, column, output)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, row, column, x = ctx.saved_tensors
        z = _Solve.apply(ctx.factors, values, grads[0], row, column, not ctx.adjoint)
        of_values = None
        if ctx.needs_input_grad[1]:
            left, right = (x, z) if ctx.adjoint else (z, x)
            of_values = -_core._functions._sampled_product(left, right.conj(), row, column)
        return None, of_values, z, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        values, row, column, x = ctx.saved_tensors
        _, of_values, of_b = tangents[:3]
        right = pb.zeros_like(x) if of_b is None else of_b
        if of_values is not None:
            product = _core._functions._sparse_product
            if ctx.adjoint:
                right = right - product(of_values.conj(), column, row, x, x.shape[0])
            else:
                right = right - product(of_values, row, column, x, x.shape[0])
        return _Solve.apply(ctx.factors, values, right, row, column, ctx.adjoint)


def spsolve(a: CSRMatrix, b: Tensor) -> Tensor:
    """The solution of ``a @ x = b``, by SciPy's sparse factorisation.

    The backward pass uses the same factors; there are derivatives by the values of the matrix and
    by ``b``, of every order and in both modes.

    Args:
        a: a square matrix of float32, float64, complex64 or complex128.
        b: ``[n]`` or ``[n, k]``.

    Raises:
        linalg.LinAlgError: the matrix is singular.
        RuntimeError: it is not square, or b has another length.
        ImportError: SciPy is not installed.

    Example:
        >>> import pullback as pb
        >>> a = pb.sparse.from_dense(pb.tensor([[2.0, 0.0], [1.0, 4.0]]))
        >>> pb.sparse.spsolve(a, pb.tensor([2.0, 9.0]))
        tensor([1., 2.])
    """
    if not isinstance(a, CSRMatrix):
        _arguments.refuse("spsolve", "a", "CSRMatrix", a)
    _arguments.tensors("spsolve", b=b)
    if a.shape[0] != a.shape[1]:
        raise RuntimeError(f"spsolve: got a matrix of {list(a.shape)}, expected a square one")
    if b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise RuntimeError(
            f"spsolve: got b of the shape {list(b.shape)}, expected a vector or a matrix with "
            f"{a.shape[0]} rows"
        )
    dtype = pb.promote_types(a.dtype, b.dtype)
    if dtype not in (pb.float32, pb.float64, pb.complex64, pb.complex128):
        raise RuntimeError(
            f"spsolve: got {dtype}, expected float32, float64, complex64 or complex128"
        )
    if a.shape[0] == 0:
        return b.to(dtype)
    whole = CSRMatrix._of(a._pattern, a.values.to(dtype))
    matrix = whole.to_scipy().tocsc()
    matrix.sum_duplicates()
    try:
        factors = _scipy("spsolve", "scipy.sparse.linalg").splu(matrix)
    except RuntimeError as error:
        raise pb.linalg.LinAlgError(f"spsolve: the matrix is singular: {error}") from error
    right = b.to(dtype) if b.ndim == 2 else b.to(dtype).unsqueeze(1)
    row, column = a.row_indices, a.col_indices
    x: Tensor = _Solve.apply(factors, whole.values, right, row, column, False)
    return x if b.ndim == 2 else x.squeeze(1)


def __getattr__(name: str) -> object:
    from pullback._missing import of_module

    raise AttributeError(of_module(__name__, name))
