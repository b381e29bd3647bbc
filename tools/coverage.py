# ruff: noqa: D103 - as in the other tools
"""Which public functions and methods of PyTorch are here, and why the others are not.

``python tools/coverage.py`` needs PyTorch. It fails if a function of the modules in ``MODULES``, a
public name of those in ``WHOLE`` or an attribute of ``Tensor`` is neither in pullback nor in the
table of ``pullback._missing_names``, or in both, or if docs/differences.md does not have that
table; ``--write`` puts it there.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs/differences.md"
BEGIN, END = "<!-- made by tools/coverage.py -->", "<!-- until here -->"
MODULES = ("", "special", "linalg", "fft", "signal", "signal.windows", "nn.functional")
# Of these the classes count, too: what __all__ lists, or all that PyTorch itself defines.
WHOLE = [
    "amp",
    "autograd",
    "autograd.anomaly_mode",
    "autograd.forward_ad",
    "autograd.function",
    "autograd.functional",
    "autograd.grad_mode",
    "autograd.graph",
    "autograd.profiler",
    "distributions",
    "func",
    "library",
    "masked",
    "multiprocessing",
    "nn",
    "nn.attention",
    "nn.attention.bias",
    "nn.attention.flex_attention",
    "nn.init",
    "nn.modules",
    "nn.parameter",
    "nn.utils",
    "nn.utils.parametrizations",
    "nn.utils.parametrize",
    "nn.utils.prune",
    "nn.utils.rnn",
    "nn.utils.stateless",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
    "overrides",
    "profiler",
    "random",
    "sparse",
    "testing",
    "utils",
    "utils.checkpoint",
    "utils.data",
    "utils.dlpack",
    "utils.hooks",
]


def is_function(value: Any) -> bool:
    """No class, no module, no object of Python's own libraries."""
    if isinstance(value, (type, types.ModuleType)) or not callable(value):
        return False
    return not str(getattr(value, "__module__", "")).startswith("typing")


def public_names(module: types.ModuleType) -> list[str]:
    """Those of ``__all__``, or all that PyTorch has made itself."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    found = [(name, value) for name, value in vars(module).items() if not name.startswith("_")]
    return [
        name
        for name, value in found
        if not isinstance(value, types.ModuleType)
        and str(getattr(value, "__module__", "")).startswith("torch")
    ]


def module(library: str, path: str) -> Any:
    try:
        return importlib.import_module(".".join(part for part in (library, path) if part))
    except ImportError:
        return None


def torch_names() -> dict[str, bool]:
    """Each public name below torch, and whether pullback has it."""
    import torch

    import pullback as pb

    found = {}
    for path in MODULES:
        theirs, ours = module("torch", path), module("pullback", path)
        for name in dir(theirs):
            if not name.startswith("_") and is_function(getattr(theirs, name)):
                full = f"{path}.{name}" if path else name
                found[full] = ours is not None and hasattr(ours, name)
    for path in WHOLE:
        theirs, ours = module("torch", path), module("pullback", path)
        for name in public_names(theirs):
            found[f"{path}.{name}"] = ours is not None and hasattr(ours, name)
    for name in dir(torch.Tensor):
        if not name.startswith("_"):
            found[f"Tensor.{name}"] = hasattr(pb.Tensor, name)
    return found


def faults(names: dict[str, bool], reasons: dict[str, str]) -> list[str]:
    """What is wrong, a line each."""
    neither = [name for name, here in names.items() if not here and name not in reasons]
    both = [name for name, here in names.items() if here and name in reasons]
    unknown = [name for name in reasons if name not in names]
    return [
        *(f"{name}: neither in pullback nor in pullback._missing_names" for name in neither),
        *(f"{name}: in pullback, and in pullback._missing_names, too" for name in both),
        *(f"{name}: in pullback._missing_names, but not a name of PyTorch" for name in unknown),
    ]


def table(reasons: dict[str, str]) -> str:
    """The table of docs/differences.md: a row for each reason."""
    rows: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        rows.setdefault(reason, []).append(f"`{name}`")
    lines = ["| not there | names, as below `torch` |", "|---|---|"]
    lines += [f"| {reason} | {', '.join(sorted(names))} |" for reason, names in rows.items()]
    return "\n".join([BEGIN, *lines, END])


def with_table(page: str, made: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + made + rest.partition(END)[2]


def main() -> int:
    from pullback._missing_names import REASONS

    page = PAGE.read_text()
    whole = with_table(page, table(REASONS))
    if "--write" in sys.argv[1:]:
        PAGE.write_text(whole)
        page = whole
    names = torch_names()
    wrong = faults(names, REASONS)
    if page != whole:
        wrong.append(f"{PAGE.name}: not the table of pullback._missing_names; run with --write")
    print("\n".join(wrong))
    here = sum(names.values())
    print(f"{here} of {len(names)} names are here, {len(names) - here} are not.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
