"""A file of pullback is executed once, also when it is found by a name of torch.

While ``torch`` leads to pullback, whoever looks for ``torch.x.y`` in the folders of the package
finds its file, and would execute it a second time: two classes of one name. pytest looks there, in
front of all other finders, for modules whose assertions it rewrites. ``Folder`` takes the place of
the importer of these folders; ``pullback.__init__`` has the path hook that makes it. A program that
put pullback into ``sys.modules`` as torch itself is noticed here, and the rest is installed.
"""

from __future__ import annotations

import importlib.machinery as machinery
import os
import sys
from types import ModuleType

import pullback

__all__ = ["Folder"]


class Folder(machinery.FileFinder):
    """The files of one folder of the package."""

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
            (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
            (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
        )

    def find_spec(
        self, fullname: str, target: ModuleType | None = None
    ) -> machinery.ModuleSpec | None:
        # Not for the private files, which the import below asks for itself.
        if sys.modules.get("torch") is pullback and not fullname.startswith("pullback._"):
            from pullback._as_torch import lead, spec_of

            lead()
            if fullname.startswith("torch."):
                return spec_of(fullname)
        return super().find_spec(fullname, target)


_top = os.path.dirname(__file__)
sys.path_importer_cache[_top] = Folder(_top)
