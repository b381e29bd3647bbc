"""Where PyTorch has nothing to compare with, with the reason: shared by the tests beside it."""

from __future__ import annotations

from collections.abc import Collection

from table import Case

# A name stands for all samples of an operator.
NO_DERIVATIVE_IN_TORCH = {
    "where(b(3,4), z(4), x(3,1))": "a complex gradient arrives at a real operand",
    "remainder(3.3, x(3, low=0.5, high=2))": "not implemented when the dividend is a number",
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": "with reduce it has none",
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": "the same",
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), x(3,2))": "src larger than index gives an invalid gradient",
    "scatter(xs(3,4), -1, i(2,1, high=4), xs(2,4))": "the same",
    "vander(x(3))": "PyTorch overwrites what the gradient reads",
    "vander(x(4), 2)": "the same",
    "vander(x(3), 4, True)": "the same",
    "cond(w(3,3), 1)": "the same",
    "cond(w(2,3,3), inf)": "the same",
    "cond(w(3,3), -1)": "the same",
    "cond(w(3,3), 'fro')": "the same",
    "ldl_solve": "not implemented",
    "cholesky_solve": "the half of the factor that is not read has a gradient there",
    "cholesky_inverse": "the same",
    "scatter_add(xs(3,4), -1, i(2,3, high=4), x(3,4))": "the same",
}


def listed(table: Collection[str], case: Case) -> bool:
    return case.op.name in table or f"{case.op.name}({case.sample})" in table
