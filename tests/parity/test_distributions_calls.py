"""Calls whose results, or whose errors, print as torch's do: constructors, checks, corner cases."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

import pullback as pb
from facade_distributions import SAMPLES

torch = pytest.importorskip("torch")

CALLS = """
D.Normal(0.,-1.)
D.Normal(t([0.,1.]),t([1.,-1.]))
D.Normal(t([0.]),t([1.]))
D.Normal(t([0.,1]),1.)
D.Normal('a',1.)
D.Normal(0,1).loc
D.Normal(t(1),t(2))
D.Normal(0.,1.).log_prob(1.)
D.Normal(0.,1.).log_prob(float('nan'))
D.Normal(0.,1.).log_prob(t(float('nan')))
D.Normal(t([0.,1.]),1.).log_prob(torch.zeros(3))
D.Dirichlet(t([1e-4,1e-4])).sample((20,))
D.Beta(t([1e-3]),t([1e-3])).sample((20,))
torch._sample_dirichlet(torch.zeros(3))
D.Dirichlet(torch.ones(3)).log_prob(torch.ones(3))
D.Dirichlet(torch.ones(3)).log_prob(torch.ones(2))
D.Dirichlet(t(1.))
D.Bernoulli()
D.Bernoulli(probs=.2,logits=.2)
D.Bernoulli(.3)
D.Bernoulli(logits=.3)
D.Bernoulli(1.3)
D.Bernoulli(.3).log_prob(t(.5))
D.Bernoulli(t([.3,.5])).enumerate_support()
D.Bernoulli(t([.3,.5])).enumerate_support(expand=False)
D.Bernoulli(t([.3,.5])).mode
D.Categorical(t(.3))
D.Categorical()
D.Categorical(t([.3,-.3]))
D.Categorical(t([.3,.3])).log_prob(t(2))
D.Categorical(t([.3,.3]))
D.Categorical(t([.3,.3])).support
D.Multinomial(t([1,2]),t([.3,.3]))
D.Multinomial(2,t([.3,.3])).log_prob(t([1.,2.]))
D.Multinomial(2,t([.3,.3]))
D.Binomial(t([2.,3.]),t([.3,.3])).entropy()
D.Binomial(t([2.,3.]),t([.3,.3])).enumerate_support()
D.Binomial(t([2.,3.]),t([.3,.3])).support
D.Binomial(2,.3).log_prob(t(3.))
D.Binomial(-1,t(.3))
D.Binomial(2,t(.3))
D.Geometric(0.)
D.Geometric(t([0.,.2]))
D.Geometric(.2)
D.Uniform(1.,0.)
D.Uniform(t([1.,0]),0.)
D.Uniform(0.,1.)
D.Uniform(0.,1.).log_prob(t(2.))
D.Uniform(0.,1.).log_prob(t(1.))
D.Uniform(0.,1.,validate_args=False).log_prob(t([2.,1.,0.]))
D.Uniform(0.,1.).mode
D.Uniform(0.,1.).arg_constraints
D.Poisson(2.).entropy()
D.Poisson(2.).rsample()
D.Poisson(2.).cdf(t(1.))
D.Poisson(2.).icdf(t(1.))
D.Poisson(2.).enumerate_support()
D.Poisson(2.).perplexity()
D.Normal(0.,1.).perplexity()
D.Normal(0.,1.).sample_n(2)
D.Normal(0.,1.).sample([2])
D.Normal(0.,1.).sample((2,)).shape
D.Distribution()
D.Distribution().support
D.Distribution().arg_constraints
D.Distribution().mean
D.Distribution().mode
D.Distribution().variance
D.Distribution().expand((2,))
D.Distribution().rsample()
D.Distribution().sample()
D.Distribution().log_prob(t(1.))
D.Distribution().entropy()
D.Distribution.set_default_validate_args(3)
D.Independent(D.Normal(0.,1.),1)
D.Independent(D.Normal(t([0.,1.]),1.),1)
D.Independent(D.Normal(t([0.,1.]),1.),1).expand((3,))
D.Independent(D.Bernoulli(t([0.,1.])),1).enumerate_support()
mix(cat(torch.ones(2)),D.Normal(torch.zeros(2),torch.ones(2)))
mix(cat(torch.ones(2)),D.Normal(torch.zeros(3),torch.ones(3)))
mix(cat(torch.ones(2,2)),D.Normal(torch.zeros(3),torch.ones(3)))
mix(D.Normal(0.,1.),D.Normal(torch.zeros(3),torch.ones(3)))
mix(cat(torch.ones(2)),2)
mix(cat(torch.ones(2)),D.Normal(torch.zeros(2),torch.ones(2))).rsample()
mix(cat(torch.ones(2)),D.Normal(torch.zeros(2),torch.ones(2))).support
moved(D.Normal(0.,1.),[T.ExpTransform()])
moved(D.Normal(0.,1.),T.ExpTransform())
moved(D.Normal(0.,1.),3)
moved(D.Normal(0.,1.),[3])
moved(D.Normal(0.,1.),T.StickBreakingTransform())
moved(D.Normal(torch.zeros(2),1.),T.StickBreakingTransform())
moved(D.Normal(0.,1.),[T.ExpTransform()]).support
moved(D.Normal(0.,1.),[T.ExpTransform()]).mean
moved(D.Normal(0.,1.),[T.ExpTransform()]).entropy()
moved(D.Normal(0.,1.),[]).support
moved(D.Bernoulli(.3),[T.ExpTransform()]).rsample()
D.LogNormal(0.,1.)
D.LogNormal(torch.zeros(2),1.)
D.Gumbel(0.,1.)
D.HalfNormal(2.)
D.HalfNormal(2.).log_prob(t(-1.))
D.HalfNormal(2.,validate_args=False).log_prob(t(-1.))
D.Weibull(1.,2.)
D.Pareto(1.,2.)
D.Pareto(1.,2.).support
D.Pareto(1.,2.).mode
D.Kumaraswamy(1.,2.)
D.Kumaraswamy(3.,2.).mode
D.InverseGamma(1.,2.)
D.LogisticNormal(torch.zeros(2),torch.ones(2))
D.LogisticNormal(0.,1.)
D.RelaxedBernoulli(t(1.),.3)
D.RelaxedBernoulli(1.,.3)
D.RelaxedOneHotCategorical(t(1.),torch.ones(3))
D.RelaxedOneHotCategorical(t(1.),torch.ones(3)).rsample()
D.StudentT(2.)
D.StudentT(2.).mean
D.StudentT(t([.5,1.5,2.5])).variance
D.StudentT(2.).scale
D.FisherSnedecor(2.,3.)
D.VonMises(0.,1.)
D.VonMises(t(0.),t(1.))
D.VonMises(t(0.),t(1.)).sample()
D.VonMises(t(0.),t(1.)).sample().dtype
D.Chi2(3.)
D.Chi2(3.).rate
D.Gamma(3.,1.)
D.Beta(3.,1.)
D.Beta(3.,-1.)
D.Beta(.3,.1).mode
D.Beta(t([.3]),.1).concentration0
D.ContinuousBernoulli(.3)
D.ContinuousBernoulli(.3).mode
D.NegativeBinomial(3,t(.3))
D.NegativeBinomial(3,.3)
D.NegativeBinomial(0,t(.3)).log_prob(t(0.))
D.OneHotCategorical(t([.3,.2]))
D.OneHotCategorical(t([.3,.2])).enumerate_support()
D.OneHotCategoricalStraightThrough(t([.3,.2])).rsample()
D.GeneralizedPareto(0.,1.,.3)
D.GeneralizedPareto(0.,1.,-.3).support
D.GeneralizedPareto(0.,1.,.3).support
D.GeneralizedPareto(0.,1.,t([.3,-.3])).support
D.GeneralizedPareto(0.,1.,t([.3,-.3])).mode
D.GeneralizedPareto(0.,1.,t([.3,-.3,.7,1.2])).mean
D.GeneralizedPareto(0.,1.,t([.3,-.3,.7,1.2])).variance
D.GeneralizedPareto(0.,1.,t([.3,-.3,.7,1.2])).entropy()
D.GeneralizedPareto(0.,1.,-.3).log_prob(t(9.))
D.LKJCholesky(3,1.)
D.LKJCholesky(1,1.)
D.LKJCholesky(3,1.).sample()
D.MultivariateNormal(torch.zeros(2),torch.eye(2))
D.MultivariateNormal(torch.zeros(2),scale_tril=torch.eye(2))
D.MultivariateNormal(torch.zeros(2),torch.zeros(2,2))
D.MultivariateNormal(t(0.),torch.eye(2))
D.MultivariateNormal(torch.zeros(2))
D.MultivariateNormal(torch.zeros(2),torch.ones(2))
D.LowRankMultivariateNormal(torch.zeros(2),torch.ones(2,1),torch.ones(2))
D.LowRankMultivariateNormal(t(0.),torch.ones(2,1),torch.ones(2))
D.LowRankMultivariateNormal(torch.zeros(2),torch.ones(2),torch.ones(2))
D.LowRankMultivariateNormal(torch.zeros(2),torch.ones(3,1),torch.ones(2))
D.LowRankMultivariateNormal(torch.zeros(2),torch.ones(2,1),torch.ones(3))
D.Wishart(3.,torch.eye(2))
D.Wishart(3.,torch.eye(2)).arg_constraints
D.Wishart(.5,torch.eye(2))
D.Wishart(2.,torch.eye(2))
D.Wishart(3.)
D.Wishart(3.,torch.ones(2))
D.kl_divergence(D.Normal(0.,1.),D.Poisson(1.))
D.kl_divergence(parts(2),D.Independent(D.Normal(torch.zeros(2,2),1.),2))
D.kl_divergence(D.Binomial(3,t(.5)),D.Binomial(2,t(.5)))
D.kl_divergence(D.Binomial(2,t(.5)),D.Binomial(3,t(.5)))
D.register_kl(3,D.Normal)
D.register_kl(D.Normal,3)
D.kl_divergence(D.LogNormal(0.,1.),D.Gumbel(0.,1.))
D.kl_divergence(D.LogNormal(0.,1.),D.LogNormal(0.,2.))
T.Transform(2)
T.ComposeTransform([3])
T.ReshapeTransform((2,3),(5,))
T.IndependentTransform(T.ExpTransform(),1).log_abs_det_jacobian(torch.ones(2),torch.ones(2))
T.SoftmaxTransform().forward_shape(())
T.SoftmaxTransform().log_abs_det_jacobian(torch.ones(2),torch.ones(2))
T.AbsTransform().log_abs_det_jacobian(torch.ones(2),torch.ones(2))
T.StickBreakingTransform().forward_shape((3,))
T.StickBreakingTransform().inverse_shape(())
T.CorrCholeskyTransform().forward_shape((4,))
T.CorrCholeskyTransform().forward_shape((3,))
T.CorrCholeskyTransform().forward_shape(())
T.CorrCholeskyTransform().inverse_shape((3,2))
T.CorrCholeskyTransform().inverse_shape((3,))
T.ReshapeTransform((2,3),(6,)).forward_shape((2,2))
T.ReshapeTransform((2,3),(6,)).forward_shape((2,))
T.ReshapeTransform((2,3),(6,)).inverse_shape((2,))
T.ExpTransform()==T.ExpTransform().inv
T.Transform()(t(1.))
T.Transform().inv(t(1.))
T.Transform().codomain
T.IndependentTransform(T.ExpTransform(),1).forward_shape(())
T.StackTransform([T.ExpTransform(),T.AbsTransform()],1)(torch.ones(2,2))
T.CatTransform([T.ExpTransform(),T.AbsTransform()],0,[1,1])(torch.ones(2,2))
T.CatTransform([3])
T.LowerCholeskyTransform()(torch.ones(2,2))
T.PositiveDefiniteTransform()(torch.ones(2,2))
T.StickBreakingTransform().inv(t([.2,.3,.5]))
C.interval(0,t([1.,2.]))
C.interval(t(0.),t(1.))
C.Constraint().check(1)
C.Constraint()
C.dependent.check(1)
C.is_dependent(C.dependent)
C.is_dependent(C.independent(C.dependent,1))
C.independent(C.real,1).check(t(1.))
C.independent(3,1)
C.independent(C.real,-1)
C.multinomial(3).check(t([1.,2.]))
C.multinomial(3)
C.MixtureSameFamilyConstraint(C.real)
C.cat([3])
C.stack([C.real]).check(3)
C.cat([C.real,C.positive],0,[1,1]).check(t([1.,-1]))
C.stack([C.real,C.positive],0).check(t([1.,-1]))
C.integer_interval(0,3)
C.dependent_property(is_discrete=True,event_dim=1)
C.less_than(3)
D.Normal.arg_constraints
D.Normal(0.,1.).arg_constraints is D.Normal.arg_constraints
type(D.Normal.support)
D.Binomial.support
D.Binomial.support.is_discrete
D.Binomial.support.event_dim
D.Normal.loc
D.Beta(t([.3]),.1)
D.biject_to(D.Normal(0.,1.).support)
D.Normal(0.,1.,validate_args=False)._validate_args
D.Normal(0.,1.).has_rsample
D.Independent(D.Bernoulli(t([.5])),1).has_rsample
D.Normal(0., 1.).log_prob(t([1, 2]))
D.Categorical(logits=t([0., 1.])).log_prob(t([0., 1.]))
D.Categorical(t([.3, .3])).log_prob(t([[0], [1]]))
D.Gamma(t([1., 2.]), 1.).log_prob(t(-1.))
D.Gamma(t([1., 2.]), 1.).expand((3, 2)).sample().shape
D.Gamma(t([1., 2.]), 1.).expand((3, 3))
D.OneHotCategorical(t([.5, .5])).log_prob(t([1., 1.]))
D.Dirichlet(t([[.5, .5], [2., 3.]])).mode
D.Dirichlet(t([.5, 2.])).mode
D.Multinomial(2, t([.3, .3])).total_count
D.Multinomial(2, t([.3, .3])).expand((2,)).total_count
D.StudentT(t([1., 3.])).mean
parts(2).log_prob(torch.zeros(3))
parts(2).mode
D.Independent(cat(torch.ones(2, 3)), 1).support
moved(D.Normal(0., 1.), [T.AffineTransform(1., -2.)]).cdf(t(.3))
moved(D.Normal(0., 1.), [T.AffineTransform(1., t(-2.))]).icdf(t(.3))
moved(D.Normal(0., 1.), [T.TanhTransform()]).support
moved(D.Normal(torch.zeros(2), 1.), [T.ReshapeTransform((2,), (1, 2))]).event_shape
moved(D.Normal(torch.zeros(2), 1.), [T.AffineTransform(torch.zeros(3, 2), 1.)]).batch_shape
moved(D.Normal(torch.zeros(3), 1.), [T.CorrCholeskyTransform()]).log_prob(torch.eye(3))
mix(cat(torch.ones(2)), D.Normal(t([0., 1.]), t([1., 2.]))).log_prob(t([0., 1.]))
mix(cat(torch.ones(2)), D.Normal(t([0., 1.]), t([1., 2.]))).cdf(t([0., 1.]))
mix(cat(torch.ones(2)), D.Normal(t([0., 1.]), t([1., 2.]))).variance
mix(cat(torch.ones(2)), D.Normal(t([0., 1.]), t([1., 2.]))).sample((3,))
mix(cat(torch.ones(3, 2)), parts(3, 2, 4)).sample((3,)).shape
mix(cat(torch.ones(3, 2)), parts(3, 2, 4)).mean.shape
mix(cat(torch.ones(3, 2)), parts(3, 2, 4)).expand((5, 3)).log_prob(torch.zeros(4)).shape
mix(cat(torch.ones(3, 2)), D.Normal(torch.zeros(4, 2), 1.))
D.RelaxedBernoulli(t(.5), t([.2, .8])).log_prob(t([.3, .4]))
D.RelaxedBernoulli(t(.5), t([.2, .8])).expand((3, 2)).temperature
D.LowRankMultivariateNormal(torch.zeros(3, 2), torch.ones(2, 2, 1), torch.ones(2))
D.VonMises(t([0., 1.]), t([1e-6, 50.])).variance
D.ContinuousBernoulli(t([0., .5, 1.])).mean
D.ContinuousBernoulli(t([0., .5, 1.2]), validate_args=True)
D.Pareto(1., t([.5, 1., 2., 3.])).mean
D.Pareto(1., t([.5, 1., 2., 3.])).variance
D.InverseGamma(t([.5, 1.5, 3.]), 1.).variance
D.FisherSnedecor(t(3.), t([1., 3., 5.])).variance
D.Uniform(0., 1.).cdf(t([0., .5, 1.]))
D.Kumaraswamy(t([.5, 2.]), t([2., 3.])).variance
D.Weibull(t([1., 2.]), t([.5, 3.])).mode
D.Geometric(t([.2, 1.])).log_prob(t([0., 0.]))
D.Poisson(t([0., 2.])).log_prob(t([0., 0.]))
D.Poisson(0.).sample()
D.Binomial(t([0., 3.]), t([.5, 1.])).sample((3,))
D.LKJCholesky(2, t([.5, 2.])).log_prob(torch.eye(2))
D.Bernoulli(t([.2, .9])).sample((3,)).dtype
D.Categorical(t([.2, .9])).sample((3,)).dtype
D.Normal(0., 1.).stddev
D.Normal(0., 1.).expand(torch.Size([2])).sample_n(3).shape
""".strip().split("\n")


def outcome(lib: Any, call: str) -> list[str]:
    d = lib.distributions
    names = {"torch": lib, "t": lib.tensor, "D": d, "C": d.constraints, "T": d.transforms}
    names |= {"mix": d.MixtureSameFamily, "cat": d.Categorical, "moved": d.TransformedDistribution}
    names["parts"] = lambda *size: d.Independent(d.Normal(lib.zeros(size), 1.0), 1)
    lib.manual_seed(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            printed = repr(eval(call, names))
        except Exception as error:  # noqa: BLE001 - whatever torch raises
            printed = f"{type(error).__name__}: {error}"
    texts = [printed, *(f"{w.category.__name__}: {w.message}" for w in caught)]
    return [text.replace("pullback.", "torch.") for text in texts]


@pytest.mark.parametrize("call", CALLS)
def test_it_prints_the_same(call: str) -> None:
    assert outcome(pb, call) == outcome(torch, call)


class Wrong:
    """Of no kind at all."""


def error_of(lib: Any, name: str, parameter: str) -> str:
    keywords = eval(f"dict({SAMPLES[name]})", {"pb": lib}) | {parameter: Wrong()}
    try:
        getattr(lib.distributions, name.rpartition(".")[2])(**keywords)
    except Exception as error:  # noqa: BLE001 - its type is compared
        return type(error).__name__
    return "is taken"


@pytest.mark.parametrize("name", SAMPLES)
def test_errors_of_wrong_kinds_have_its_types(name: str) -> None:
    made = getattr(pb.distributions, name.rpartition(".")[2])
    for parameter in inspect.signature(made).parameters:
        if parameter not in ("batch_shape", "event_shape"):  # torch looks at them when it prints
            assert error_of(pb, name, parameter) == error_of(torch, name, parameter), parameter


def test_the_default_of_validate_args() -> None:
    for lib in (pb, torch):
        d = lib.distributions
        try:
            d.Distribution.set_default_validate_args(False)
            assert d.Normal(0.0, -1.0).scale == -1
            with pytest.raises(ValueError, match="Expected parameter scale"):
                d.Normal(0.0, -1.0, validate_args=True)
        finally:
            d.Distribution.set_default_validate_args(True)
        with pytest.raises(ValueError, match="Expected parameter scale"):
            d.Normal(0.0, -1.0)


def test_subclasses_say_what_expand_needs() -> None:
    texts = []
    for lib in (pb, torch):

        class Mine(lib.distributions.Normal):  # type: ignore[misc, name-defined]
            def __init__(self, scale: float) -> None:
                super().__init__(0.0, scale)

        class Same(lib.distributions.Normal):  # type: ignore[misc, name-defined]
            pass

        with pytest.raises(NotImplementedError) as error:
            Mine(1.0).expand((2,))
        texts.append(str(error.value))
        assert type(Same(0.0, 1.0).expand((2,))) is Same
    assert texts[0] == texts[1]
