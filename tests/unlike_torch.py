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
    "cond(zw(2,2), 1)": "the same",
    "ldl_solve": "not implemented",
    "cholesky_solve": "the half of the factor that is not read has a gradient there",
    "cholesky_inverse": "the same",
    "scatter_add(xs(3,4), -1, i(2,3, high=4), x(3,4))": "the same",
}


def listed(table: Collection[str], case: Case) -> bool:
    return case.op.name in table or f"{case.op.name}({case.sample})" in table


def _special() -> set[str]:
    kinds = [f"{shift}chebyshev_polynomial_{kind}" for shift in ("", "shifted_") for kind in "tuvw"]
    names = "airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 hermite_polynomial_h"
    names += " hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p modified_bessel_i0"
    names += " modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0"
    names += " scaled_modified_bessel_k1 spherical_bessel_j0"
    return {*kinds, *names.split()}


# PyTorch records nothing of these, so that no result requires a gradient.
NOT_RECORDED_IN_TORCH = _special()
NO_DERIVATIVE_IN_TORCH |= dict.fromkeys(NOT_RECORDED_IN_TORCH, "PyTorch records nothing")
