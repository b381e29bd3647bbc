"""``torch_modules.txt`` is the list of the public modules of the installed PyTorch."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

from pullback import _missing

torch = pytest.importorskip("torch")


def public(paths: list[str], prefix: str) -> list[str]:
    """Names of all modules below some folders; nothing is imported."""
    found = []
    for each in pkgutil.iter_modules(paths):
        if each.name[0] != "_":
            found.append(prefix + each.name)
            if each.ispkg:
                below = [os.path.join(path, each.name) for path in paths]
                found += public(below, f"{prefix}{each.name}.")
    return found


def test_the_list_is_current() -> None:
    if not torch.__version__.startswith("2.13."):
        pytest.skip("the list is that of PyTorch 2.13")
    listed = (Path(__file__).parents[1] / "torch_modules.txt").read_text().split()
    assert listed == sorted(public(list(torch.__path__), "torch."))


@pytest.mark.parametrize("family", _missing._FAMILIES)
def test_what_is_planned_has_not_come_yet(family: str) -> None:
    """Functions and classes of the family: as long as one is missing, the family is planned."""
    theirs = vars(importlib.import_module(f"torch.{family}"))
    try:
        ours = dir(importlib.import_module(f"pullback.{family}"))
    except ImportError:
        return
    wanted = {n for n, v in theirs.items() if n[0] != "_" and callable(v) and n != "Tensor"}
    assert wanted - set(ours)
