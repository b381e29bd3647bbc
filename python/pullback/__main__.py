"""``python -m pullback program.py``: runs a PyTorch program, unmodified, on pullback.

    python -m pullback [-m module | -c code | program.py] [arguments of the program]

Every ``import torch`` in it leads to pullback. With ``PULLBACK_REPORT_MISSING=1`` the names of
torch that it asked for in vain are printed at exit.
"""

from __future__ import annotations

import os
import runpy
import sys

import pullback

_USAGE = "usage: python -m pullback [-m module | -c code | program.py] [arguments]"


def main(arguments: list[str]) -> int:
    """Runs the program that the arguments name; 2 when they name none."""
    kind, rest = (arguments[:1] or [""])[0], arguments[1:]
    if kind in ("", "-h", "--help") or (kind in ("-m", "-c") and not rest):
        print(f"{_USAGE}\n\n{__doc__}" if kind in ("-h", "--help") else _USAGE, file=sys.stderr)
        return 0 if kind in ("-h", "--help") else 2
    pullback.install_as_torch()
    if kind == "-m":
        sys.argv = rest
        sys.path[0] = os.getcwd()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[0] = ""
        exec(
            compile(rest[0], "<string>", "exec"),
            {"__name__": "__main__", "__builtins__": __builtins__},
        )
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(kind))
        runpy.run_path(kind, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
