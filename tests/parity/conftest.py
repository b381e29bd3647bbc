"""torch is loaded whole before the first comparison."""

from __future__ import annotations

import contextlib
import importlib
import warnings

# The first forward derivative would load it, and its warnings would fail whichever test that is.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.simplefilter("ignore")
    importlib.import_module("torch._decomp.decompositions_for_jvp")
