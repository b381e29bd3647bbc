"""``torch.hub``: models of a folder on this machine. Nothing is fetched from the net."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from pullback import _arguments

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

HASH_REGEX = re.compile(r"-([0-9a-f]*)\.")  # the hash in the name of a file of weights
_CONF = "hubconf.py"
_chosen: dict[str, str] = {}  # what set_dir was called with


def get_dir() -> str:
    """The folder of kept models: ``$TORCH_HOME/hub``, by default ``~/.cache/torch/hub``.

    Example:
        >>> import pullback as pb
        >>> pb.hub.set_dir("models")
        >>> pb.hub.get_dir()
        'models'
    """
    if "dir" in _chosen:
        return _chosen["dir"]
    return os.path.join(_get_torch_home(), "hub")


def _get_torch_home() -> str:
    """The folder of everything kept, under the name that programs import."""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch")))


def set_dir(d: str | os.PathLike[str]) -> None:
    """Choose the folder, for this process."""
    _chosen["dir"] = os.path.expanduser(os.fspath(d))


def _no_net(function: str, what: object, hint: str) -> NoReturn:
    raise RuntimeError(
        f"torch.hub.{function}: got {what!r}, which is on the net: pullback fetches nothing. {hint}"
    )


def _local(function: str, repo_or_dir: str | os.PathLike[str], source: str) -> str:
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        hint = "Clone the repository and pass its folder with source='local'."
        _no_net(function, repo_or_dir, hint)
    return os.fspath(repo_or_dir)


def _conf(folder: str) -> ModuleType:
    """The ``hubconf.py`` of a folder, which may import what lies beside it."""
    path = os.path.join(folder, _CONF)
    spec = importlib.util.spec_from_file_location(_CONF, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"torch.hub: there is no {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def _entry(module: ModuleType, model: str) -> Callable[..., Any]:
    missing = [
        name
        for name in getattr(module, "dependencies", ())
        if name != "torch" and importlib.util.find_spec(name) is None
    ]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    _arguments.texts("load", model=model)
    found = getattr(module, model, None)
    if found is None or not callable(found):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    entry: Callable[..., Any] = found
    return entry


def load(
    repo_or_dir: str | os.PathLike[str],
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: Any = None,
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """What an entry of the ``hubconf.py`` of a folder gives, for example a model.

    Args:
        repo_or_dir: the folder.
        model: the name of the entry.
        args: its arguments.
        source: "local". "github", the default, is refused: nothing is fetched.
        trust_repo: not used, as the next three.
        force_reload: not used.
        verbose: not used.
        skip_validation: not used.
        kwargs: its named arguments.

    Raises:
        RuntimeError: the source is the net; or there is no such entry, or a package it needs.
    """
    del trust_repo, force_reload, verbose, skip_validation
    return _entry(_conf(_local("load", repo_or_dir, source)), model)(*args, **kwargs)


def list(
    github: str | os.PathLike[str],
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = None,
    verbose: bool = True,
) -> Any:
    """Raises for a repository on the net; of a folder, the names of its entries.

    Args:
        github: a folder that is here.
        force_reload: not used, as the others.
        skip_validation: not used.
        trust_repo: not used.
        verbose: not used.
    """
    del force_reload, skip_validation, trust_repo, verbose
    here = os.path.isdir(os.fspath(github))
    module = _conf(_local("list", github, "local" if here else "github"))
    return [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]


def help(
    github: str | os.PathLike[str],
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = None,
) -> Any:
    """The docstring of an entry of a folder.

    Args:
        github: a folder that is here.
        model: the name of the entry.
        force_reload: not used, as the others.
        skip_validation: not used.
        trust_repo: not used.
    """
    del force_reload, skip_validation, trust_repo
    here = os.path.isdir(os.fspath(github))
    return _entry(_conf(_local("help", github, "local" if here else "github")), model).__doc__


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> NoReturn:
    """Raises: nothing is fetched from the net."""
    del dst, hash_prefix, progress
    _no_net("download_url_to_file", url, "Fetch the file by other means.")


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """The state in a file that was fetched before; raises where it is not there.

    Args:
        url: only its last part counts, the name of the file.
        model_dir: the folder; by default ``checkpoints`` in ``get_dir()``.
        map_location: as in ``load``.
        progress: not used.
        check_hash: not used.
        file_name: another name of the file.
        weights_only: as in ``load``.

    Raises:
        RuntimeError: the file is not in the folder: nothing is fetched from the net.
    """
    del progress, check_hash
    _arguments.texts("load_state_dict_from_url", url=url)
    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    name = file_name or os.path.basename(url.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0])
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        _no_net("load_state_dict_from_url", url, f"Fetch the file by other means, to {path}.")
    from pullback.serialization import load as load_file

    return load_file(path, map_location=map_location, weights_only=weights_only)
