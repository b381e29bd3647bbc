"""Special functions, under torch's names; all from the operator table.

``SAME`` are those that are a function of ``pullback`` itself, under its name or another one.
"""

from __future__ import annotations

from pullback import _core

SAME = {
    "digamma": "digamma",
    "erf": "erf",
    "erfc": "erfc",
    "erfinv": "erfinv",
    "exp2": "exp2",
    "expit": "sigmoid",
    "expm1": "expm1",
    "gammaln": "lgamma",
    "log1p": "log1p",
    "logit": "logit",
    "psi": "digamma",
    "round": "round",
    "sinc": "sinc",
}

globals().update(
    {k: v for k, v in vars(_core._spaces["special"]).items() if not k.startswith("__")}
)
globals().update({name: getattr(_core._functions, same) for name, same in SAME.items()})
