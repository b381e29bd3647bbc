"""``import torch`` leads to pullback: ``install_as_torch`` and what it puts into the import system.

Every module named ``torch`` or ``torch.x.y`` is pullback's ``x.y``, and ``functorch``, which real
torch installs beside itself, pullback's ``functorch``; real torch is never imported, also when it
is installed. Start at ``install_as_torch``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pullback
from pullback import _missing

if TYPE_CHECKING:
    from importlib import metadata

__all__ = ["install_as_torch"]


class _Named(ModuleType):
    """A module of torch's name whose content lies elsewhere in pullback."""

    _source: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._source, name)

    def __dir__(self) -> list[str]:
        return dir(self._source)


def _is_here(name: str) -> bool:
    """Whether pullback has a module of the name."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _tail(name: str) -> str:
    """What a name of torch, or of the ``functorch`` beside it, is below the package."""
    return name if name.split(".", maxsplit=1)[0] == "functorch" else name.partition(".")[2]


def _found(tail: str) -> Any:
    """Pullback's module or object for ``torch.<tail>``, None when it has none."""
    if tail in _ELSEWHERE:
        return _found(_ELSEWHERE[tail])
    if _is_here(f"pullback.{tail}"):
        return importlib.import_module(f"pullback.{tail}")
    parent, _, name = tail.rpartition(".")
    above = _found(parent) if parent else pullback
    if above is None:
        return None
    # Files of nn and optim are cut otherwise than torch's: all their names are in the package.
    if parent in _PACKAGES and name in _PACKAGES[parent]:
        return above
    return vars(above).get(name) if isinstance(above, ModuleType) else getattr(above, name, None)


# Modules whose content has another path here.
_ELSEWHERE = {
    "_tensor": "_C",
    "accelerator.memory": "accelerator",
    "autograd.gradcheck": "autograd._gradcheck",
    "autograd.variable": "autograd",
    "cpu.amp": "amp",
    "cpu.amp.autocast_mode": "amp",
    "cpu.amp.grad_scaler": "amp",
    "cuda.amp": "amp._cuda",
    "cuda.amp.autocast_mode": "amp._cuda",
    "cuda.amp.grad_scaler": "amp._cuda",
    "cuda.nvtx": "_nvtx",
    "profiler.profiler": "profiler",
}

# torch's files in packages whose names pullback has in the package itself.
_PACKAGES = {
    "nn.modules": frozenset(
        [
            "activation",
            "adaptive",
            "batchnorm",
            "channelshuffle",
            "container",
            "conv",
            "distance",
            "dropout",
            "flatten",
            "fold",
            "instancenorm",
            "lazy",
            "linear",
            "loss",
            "module",
            "normalization",
            "padding",
            "pixelshuffle",
            "pooling",
            "rnn",
            "sparse",
            "transformer",
            "upsampling",
            "utils",
        ]
    ),
    "nn.parallel": frozenset(
        [
            "comm",
            "data_parallel",
            "parallel_apply",
            "replicate",
            "scatter_gather",
        ]
    ),
    "optim": frozenset(
        [
            "adadelta",
            "adagrad",
            "adam",
            "adamax",
            "adamw",
            "asgd",
            "nadam",
            "radam",
            "rmsprop",
            "rprop",
            "sgd",
            "sparse_adam",
        ]
    ),
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch`` and all below it in pullback, before anything else is asked."""

    def find_distributions(
        self, context: metadata.DistributionFinder.Context
    ) -> list[metadata.Distribution]:
        """What ``importlib.metadata``, which calls this, knows of torch."""
        # Imported here, for importlib.metadata is slow to load and few programs need it.
        from pullback._as_distribution import distributions

        return distributions(context)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname.split(".", maxsplit=1)[0] not in ("torch", "functorch"):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The default one, whose place ``exec_module`` gives to pullback's."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        tail = _tail(name)
        own = f"pullback.{tail}".rstrip(".")
        source = _found(tail) if tail else pullback
        if source is None:
            raise ModuleNotFoundError(_missing.explanation(name), name=name)
        if isinstance(source, ModuleType) and _missing.name_of(source) == own:
            _missing.adopt(source)
            sys.modules[name] = source
            return
        named = _Named(name, f"torch's name of {getattr(source, '__name__', tail)}.")
        named._source = source
        named.__path__ = []
        sys.modules[name] = named


def spec_of(name: str) -> importlib.machinery.ModuleSpec | None:
    """How ``torch.x.y`` is loaded; None where pullback has no such module."""
    return _Finder().find_spec(name) if _found(name.partition(".")[2]) is not None else None


def install_as_torch() -> None:
    """Let ``import torch`` and every ``torch.x.y`` lead to pullback, in this process, for good.

    For programs and ``conftest.py``; to be called before anything imports torch. The command
    ``python -m pullback script.py`` calls it and runs the script. ``torch.__name__`` is "torch",
    and ``importlib.metadata`` gives ``torch.__version__`` as the version of torch. With the
    environment variable ``PULLBACK_REPORT_MISSING=1`` the names that the program asked for in vain
    are printed at exit.

    Raises:
        RuntimeError: real torch is imported already.

    Example:
        >>> import pullback as pb
        >>> pb.install_as_torch()  # doctest: +SKIP
        >>> import torch  # doctest: +SKIP
        >>> torch is pb  # doctest: +SKIP
        True
    """
    present = sys.modules.get("torch")
    if present is not None and present is not pullback:
        raise RuntimeError(
            "install_as_torch: torch is imported already, from "
            f"{getattr(present, '__file__', 'an unknown place')}. Call it before anything imports "
            "torch, or run the program with: python -m pullback program.py"
        )
    lead()


def lead() -> None:
    """What ``install_as_torch`` does; once, also where a program made pullback "torch" itself."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.modules["torch"] = pullback
    pullback.__name__ = "torch"
    type.__setattr__(pullback.Tensor, "__module__", "torch")
    sys.meta_path.insert(0, _Finder())
    _missing.watch()
