"""``linalg.lstsq`` by each driver beside PyTorch, what rcond means, and norms of empty matrices."""

from __future__ import annotations

import pytest

from parity_both import same

torch = pytest.importorskip("torch")

MATRICES = {
    "full rank": "[[1.0, 2.0], [2.0, 5.0], [0.0, 1.0]]",
    "nearly singular": "[[1.0, 2.0], [2.0, 4.0], [0.0, 1e-6]]",
    "wide": "[[1.0, 2.0, 1.0], [2.0, 5.0, 3.0]]",
}


@pytest.mark.parametrize("rcond", ["None", "0.0", "-1.0", "1e-9", "1e-3", "2.0"])
@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_drivers(matrix: str, driver: str, rcond: str) -> None:
    """The pivoted triangle of gelsy cuts elsewhere than singular values do: there by the rank."""
    cut = driver == "gelsy" and matrix == "nearly singular" and rcond == "1e-3"
    result = "found.rank" if cut or rcond == "2.0" else "tuple(found)"
    same(
        f"a = torch.tensor({MATRICES[matrix]}, dtype=torch.float64)\n"
        "b = torch.arange(1.0, len(a) + 1, dtype=torch.float64).unsqueeze(-1)\n"
        f"found = torch.linalg.lstsq(a, b, rcond={rcond}, driver='{driver}')\n"
        f"{result}",
        tolerance=(1e-6, 1e-7),
    )


@pytest.mark.parametrize(
    ("driver", "rcond"), [("gelsd", "0.0"), ("gelsd", "-1.0"), ("gelss", "-1.0"), ("gels", "1e-3")]
)
def test_a_singular_matrix(driver: str, rcond: str) -> None:
    same(
        "a = torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], dtype=torch.float64)\n"
        "b = torch.ones(3, 1, dtype=torch.float64)\n"
        f"torch.linalg.lstsq(a, b, rcond={rcond}, driver='{driver}').rank"
    )


@pytest.mark.parametrize("order", ["'fro'", "'nuc'", "1", "-1", "2", "-2", "inf", "-inf"])
@pytest.mark.parametrize("sizes", ["0, 0", "2, 0", "0, 2", "3, 0, 0", "0, 2, 2", "3, 0, 2"])
def test_norms_of_matrices_without_elements(sizes: str, order: str) -> None:
    head = "inf = float('inf')\n"
    same(f"{head}torch.linalg.matrix_norm(torch.zeros({sizes}), {order})")
    same(f"{head}torch.linalg.matrix_norm(torch.zeros({sizes}), {order}, keepdim=True)")
