"""Names of torch that pullback has not: what is said of them, and the report of all at exit."""

from __future__ import annotations

import atexit
import difflib
import importlib
import opcode
import os
import sys
from types import ModuleType
from typing import Any

import pullback

__all__ = ["adopt", "explanation", "of_module", "watch"]

# Why a name is not there, by how it begins below torch; the first that fits.
_REASONS = (
    (
        ("cuda", "mps", "xpu", "mtia", "xla", "hip", "backends.cuda", "backends.mps"),
        "it is for another device: pullback runs on the CPU only",
    ),
    (
        ("sparse", "ao", "quantization", "mkldnn", "nested", "masked", "_inductor", "export"),
        "it is out of scope: pullback has dense tensors and runs eagerly",
    ),
    (("distributed",), "it is planned, over MPI"),
    (("testing",), "it belongs to PyTorch's own tests; there are assert_close and make_tensor"),
    (("fft", "linalg", "special", "nn", "optim", "utils"), "it is planned"),
)


def _reason(tail: str) -> str:
    for starts, reason in _REASONS:
        if any(tail == start or tail.startswith(f"{start}.") for start in starts):
            return reason
    return "pullback does not have it yet"


def _nearest(above: Any, name: str) -> str:
    near = difflib.get_close_matches(name, [n for n in dir(above) if n[0] != "_"], 1, 0.75)
    return f" Did you mean {near[0]!r}?" if near else ""


def explanation(full: str) -> str:
    """The sentence for a module or name ``torch.x.y`` that is not there."""
    tail = full.partition(".")[2]
    parent, _, name = tail.rpartition(".")
    above = sys.modules.get(f"pullback.{parent}" if parent else "pullback")
    return f"No module named {full!r}: {_reason(tail)}.{_nearest(above, name)}"


def of_module(module: str, name: str) -> str:
    """The sentence for a name that a module of pullback has not."""
    tail = f"{module.partition('.')[2]}.{name}".lstrip(".")
    near = _nearest(sys.modules.get(module), name)
    return f"module {module!r} has no attribute {name!r}: {_reason(tail)}.{near}"


# --- the report ---

_asked: dict[str, str] = {}  # the name, and where it was first asked for


def _place() -> str:
    """The line of the program that runs now."""
    here = os.path.dirname(__file__) + os.sep
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith((here, "<frozen")):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


def _note(full: str) -> None:
    _asked.setdefault(full, _place())


def _is_from_import() -> bool:
    """Whether the name is asked for by ``from module import name``."""
    frame = sys._getframe(2)
    code = frame.f_code.co_code
    return frame.f_lasti >= 0 and code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]


class _Hinted(ModuleType):
    """A module that says why it has not a name, and notes that it was asked."""

    def __getattr__(self, name: str) -> Any:
        text = of_module(self.__name__, name)
        if name.startswith("__"):
            raise AttributeError(text)
        tail = self.__name__.partition(".")[2]
        _note(".".join(part for part in ("torch", tail, name) if part))
        if _is_from_import():
            raise ImportError(text, name=name)
        raise AttributeError(text)


def adopt(module: ModuleType) -> None:
    """Lets a module of pullback, and those below it, say more of the names that it has not."""
    for name, each in list(sys.modules.items()):
        below = name == module.__name__ or name.startswith(f"{module.__name__}.")
        if below and type(each) is ModuleType and "._" not in name:
            each.__class__ = _Hinted
            vars(each).setdefault("__path__", [])  # names below it are looked for, and explained


def _missing_attribute(tensor: Any, name: str) -> Any:
    if not name.startswith("_"):
        _note(f"torch.Tensor.{name}")
    raise AttributeError(f"{type(tensor).__name__!r} object has no attribute {name!r}")


def _is_there(full: str) -> bool:
    """Whether the name is there by now: submodules are, once they were imported."""
    found: Any = pullback
    for part in full.split(".")[1:]:
        found = vars(found).get(part, sys.modules.get(f"{found.__name__}.{part}"))
        if found is None:
            return False
    return True


def report() -> str:
    """The names that were asked for in vain, a line each."""
    asked = {name: place for name, place in _asked.items() if not _is_there(name)}
    if not asked:
        return "pullback: every name of torch that was asked for was found.\n"
    lines = [f"  {name}  (first at {place})" for name, place in sorted(asked.items())]
    return "\n".join([f"pullback: {len(lines)} names of torch were not found:", *lines, ""])


def watch() -> None:
    """From now on modules say why a name is missing.

    With ``PULLBACK_REPORT_MISSING=1`` all of these are printed at exit.
    """
    if os.environ.get("PULLBACK_REPORT_MISSING") == "1":
        for name in vars(pullback)["_SUBMODULES"]:
            importlib.import_module(f"pullback.{name}")
        type.__setattr__(pullback.Tensor, "__getattr__", _missing_attribute)
        atexit.register(lambda: sys.stderr.write(report()))
    adopt(pullback)
