"""What is public in ``pullback.distributions``: a sample call of each class, for ``facade.py``.

And for ``test_wrong_kinds.py`` what PyTorch says, or does not say, of an argument of a wrong kind;
``tests/parity/test_distributions_calls.py`` compares the types of these errors with PyTorch's.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pullback import distributions

_ONE = "pb.tensor(0.5)"
_TWO = "pb.ones(2)"
_SQUARE = "pb.eye(2)"
_NORMAL = "pb.distributions.Normal(pb.zeros(2), 1.0)"
_CHANCES = "probs=pb.ones(2) / 2"
_EXP = "pb.distributions.ExpTransform()"

_SAMPLES = {
    "AbsTransform": "",
    "AffineTransform": "loc=1.0, scale=2.0",
    "Bernoulli": f"probs={_ONE}",
    "Beta": f"concentration1={_ONE}, concentration0={_ONE}",
    "Binomial": f"total_count=3, probs={_ONE}",
    "CatTransform": f"tseq=[{_EXP}]",
    "Categorical": _CHANCES,
    "Cauchy": f"loc={_ONE}, scale={_ONE}",
    "Chi2": f"df={_ONE}",
    "ComposeTransform": f"parts=[{_EXP}]",
    "ContinuousBernoulli": f"probs={_ONE}",
    "CorrCholeskyTransform": "",
    "CumulativeDistributionTransform": f"distribution={_NORMAL}",
    "Dirichlet": f"concentration={_TWO}",
    "Distribution": "validate_args=False",
    "ExpTransform": "",
    "Exponential": f"rate={_ONE}",
    "ExponentialFamily": "validate_args=False",
    "FisherSnedecor": f"df1={_ONE}, df2={_ONE}",
    "Gamma": f"concentration={_ONE}, rate={_ONE}",
    "GeneralizedPareto": f"loc={_ONE}, scale={_ONE}, concentration={_ONE}",
    "Geometric": f"probs={_ONE}",
    "Gumbel": f"loc={_ONE}, scale={_ONE}",
    "HalfCauchy": f"scale={_ONE}",
    "HalfNormal": f"scale={_ONE}",
    "Independent": f"base_distribution={_NORMAL}, reinterpreted_batch_ndims=1",
    "IndependentTransform": f"base_transform={_EXP}, reinterpreted_batch_ndims=1",
    "InverseGamma": f"concentration={_ONE}, rate={_ONE}",
    "Kumaraswamy": f"concentration1={_ONE}, concentration0={_ONE}",
    "LKJCholesky": "dim=2",
    "Laplace": f"loc={_ONE}, scale={_ONE}",
    "LogNormal": f"loc={_ONE}, scale={_ONE}",
    "LogisticNormal": f"loc={_TWO}, scale={_TWO}",
    "LowRankMultivariateNormal": f"loc={_TWO}, cov_factor=pb.ones(2, 1), cov_diag={_TWO}",
    "LowerCholeskyTransform": "",
    "MixtureSameFamily": "mixture_distribution=pb.distributions.Categorical(pb.ones(2)), "
    f"component_distribution={_NORMAL}",
    "Multinomial": f"total_count=2, {_CHANCES}",
    "MultivariateNormal": f"loc={_TWO}, covariance_matrix={_SQUARE}",
    "NegativeBinomial": f"total_count=3, probs={_ONE}",
    "Normal": f"loc={_ONE}, scale={_ONE}",
    "OneHotCategorical": _CHANCES,
    "OneHotCategoricalStraightThrough": _CHANCES,
    "Pareto": f"scale={_ONE}, alpha={_ONE}",
    "Poisson": f"rate={_ONE}",
    "PositiveDefiniteTransform": "",
    "PowerTransform": "exponent=2.0",
    "RelaxedBernoulli": f"temperature={_ONE}, probs={_ONE}",
    "RelaxedOneHotCategorical": f"temperature={_ONE}, {_CHANCES}",
    "ReshapeTransform": "in_shape=(2,), out_shape=(2, 1)",
    "SigmoidTransform": "",
    "SoftmaxTransform": "",
    "SoftplusTransform": "",
    "StackTransform": f"tseq=[{_EXP}]",
    "StickBreakingTransform": "",
    "StudentT": f"df={_ONE}",
    "TanhTransform": "",
    "Transform": "",
    "TransformedDistribution": f"base_distribution={_NORMAL}, transforms=[{_EXP}]",
    "Uniform": "low=0.0, high=1.0",
    "VonMises": f"loc={_ONE}, concentration={_ONE}",
    "Weibull": f"scale={_ONE}, concentration={_ONE}",
    "Wishart": f"df=pb.tensor(3.0), covariance_matrix={_SQUARE}",
    "biject_to": "constraint=pb.distributions.constraints.positive",
    "kl_divergence": f"p={_NORMAL}, q={_NORMAL}",
    "register_kl": "type_p=pb.distributions.Normal, type_q=pb.distributions.Normal",
    "transform_to": "constraint=pb.distributions.constraints.positive",
}
SAMPLES = {f"distributions.{name}": call for name, call in _SAMPLES.items()}

# What PyTorch says of an argument of no kind at all, by the name of the parameter.
_EITHER = "Either `probs` or `logits` must be specified, but not both."
_VALUES = "Input arguments must all be instances of Number, torch.Tensor or objects"
_MATRIX = "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
_SEQUENCE = "'Wrong' object is not iterable"
_BY_PARAMETER = {
    "cache_size": "cache_size must be 0 or 1",
    "logits": _EITHER,
    "constraint": "Cannot transform Wrong constraints",
    "tseq": _SEQUENCE,
    "lengths": _SEQUENCE,
    "batch_shape": _SEQUENCE,
    "event_shape": _SEQUENCE,
    "in_shape": _SEQUENCE,
    "out_shape": _SEQUENCE,
    "precision_matrix": _MATRIX,
    "scale_tril": _MATRIX,
    "p": "No KL(p || q) is implemented for p type Wrong",
    "q": "and q type Wrong",
    "type_p": "issubclass() arg 1 must be a class",
    "type_q": "issubclass() arg 1 must be a class",
    **dict.fromkeys(("alpha", "concentration", "concentration0", "concentration1"), _VALUES),
    **dict.fromkeys(("df", "df1", "df2", "exponent", "high", "loc", "low", "probs"), _VALUES),
    **dict.fromkeys(("rate", "scale", "total_count"), _VALUES),
}
_OWN = {
    "Chi2 df": "unsupported operand type(s) for *: 'float' and 'Wrong'",
    "Independent reinterpreted_batch_ndims": "not supported between instances of 'Wrong'",
    "LKJCholesky dim": "not supported between instances of 'Wrong'",
    "MixtureSameFamily mixture_distribution": "needs to be an  instance of torch.distributions.",
    "MixtureSameFamily component_distribution": "needs to be an instance of torch.distributions.",
    "Multinomial total_count": "inhomogeneous total_count is not supported",
    "TransformedDistribution transforms": "transforms must be a Transform or list, but was",
    **{
        f"{name} probs": "Categorical(): argument 'probs' must be Tensor, not Wrong"
        for name in (
            "Multinomial",
            "OneHotCategorical",
            "OneHotCategoricalStraightThrough",
            "RelaxedOneHotCategorical",
        )
    },
}
# These name the function and the argument themselves.
_NAMED = {
    "Categorical probs",
    "Dirichlet concentration",
    "LowRankMultivariateNormal loc",
    "MultivariateNormal loc",
    "Wishart df",
}


def _taken(name: str, parameter: str) -> bool:
    """Whether anything is, as in PyTorch, which looks at it when it computes with it."""
    return (
        parameter in {"validate_args", "temperature", "lims", "event_dim", "parts"}
        or f"{name} {parameter}" == "IndependentTransform reinterpreted_batch_ndims"
        or (name == "AffineTransform" and parameter in {"loc", "scale"})
        or (name in {"CatTransform", "StackTransform"} and parameter == "dim")
        or f"{name} {parameter}" == "CumulativeDistributionTransform distribution"
    )


def _parameters() -> Iterator[tuple[str, str]]:
    for name in _SAMPLES:
        for parameter in inspect.signature(getattr(distributions, name)).parameters:
            yield name, parameter


ANYTHING = {f"{name} {parameter}" for name, parameter in _parameters() if _taken(name, parameter)}
SENTENCES = {
    f"{name} {parameter}": _BY_PARAMETER[parameter]
    for name, parameter in _parameters()
    if parameter in _BY_PARAMETER and f"{name} {parameter}" not in ANYTHING | _NAMED
} | _OWN
