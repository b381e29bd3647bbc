"""The named tuples of results: their names, fields and printed form beside torch's."""

from __future__ import annotations

import pickle

import pytest

import pullback as pb
from parity_both import same

torch = pytest.importorskip("torch")

LINES = """
torch.svd(x)
torch.svd(x).V
torch.linalg.svd(x)
torch.linalg.svd(x).Vh
x.svd().V
torch.slogdet(x)
x.slogdet()
torch.linalg.slogdet(x)
torch.qr(x).Q.abs()
torch.linalg.qr(x).R.abs()
torch.linalg.eigh(x).eigenvalues
torch.linalg.inv_ex(x)
torch.linalg.cholesky_ex(x)
torch.linalg.lu(x)
torch.linalg.lu_factor(x)
torch.linalg.lu_factor_ex(x)
torch.linalg.ldl_factor(x)
torch.linalg.ldl_factor_ex(x)
torch.linalg.solve_ex(x, x)
torch.linalg.lstsq(x, x)
torch.lu_unpack(*torch.linalg.lu_factor(x))
torch.geqrf(x).tau
torch.triangular_solve(x, x)
torch.aminmax(x)
""".strip().split("\n")


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    # A diagonal matrix: the vectors of another one have a sign of their own in each library.
    x = "x = torch.tensor([[2.0, 0.0], [0.0, 1.0]])"
    same(f"{x}\nmade = {line}\n[each.abs() for each in made]")
    same(f"{x}\nmade = {line}\nstr(type(made)).replace(torch.__name__, 'torch')")
    same(f"{x}\nmade = {line}\nstr(made).replace('-', '')")


def test_every_name_of_torch_is_here() -> None:
    names = [
        name
        for name, value in vars(torch.return_types).items()
        if getattr(value, "__module__", "") == "torch.return_types" and not name.endswith("_out")
        if isinstance(value, type) and not name.startswith("_")
    ]
    assert len(names) > 30
    absent = [name for name in names if not hasattr(pb.return_types, name)]
    assert not absent
    for name in names:
        ours, theirs = getattr(pb.return_types, name), getattr(torch.return_types, name)
        assert ours.__match_args__ == theirs.__match_args__, name


def test_pickles_are_of_the_same_type() -> None:
    for found in (pb.svd(pb.eye(2)), pb.linalg.svd(pb.eye(2))):
        again = pickle.loads(pickle.dumps(found))
        assert type(again) is type(found)
