"""``make_fx``, which refuses: see ``functorch``."""

from pullback import _missing

__all__ = ["make_fx"]

make_fx = _missing.refusing("functorch.make_fx")
