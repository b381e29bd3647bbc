"""The checks of gradients under torch's name of their module.

The package has the function of that name, which importing this module replaces; so it is callable.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from pullback.autograd._gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)

    def __reduce__(self) -> Any:
        return importlib.import_module, (__name__,)


sys.modules[__name__].__class__ = _Callable
