// Random numbers whose distribution has parameters by element: kernels/make/samplers.h.
//
// What has a derivative by a parameter is drawn first and then recorded as a function of it, so
// that computing it again gives the same numbers.
#include "kernels/make/samplers.h"

#include "core/error.h"
#include "ops/assign.h"
#include "ops/make/draw.h"
#include "ops/pointwise/gamma.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {
namespace {

using Sampler = void (*)(const kernels::View& out, const kernels::View& parameter,
                         kernels::Generator& generator);

// As in torch most samplers have no kernel for the narrow dtypes.
void check_has_loops(DType dtype, const char* name) {
  check(ErrorKind::NotImplemented, is_floating(dtype) && !is_narrow(dtype), "\"", name,
        "\" not implemented for '", info(dtype).scalar_name, "'");
}

// Numbers in the shape of the parameter, without history.
Tensor sample_each(const Tensor& parameter, Sampler sampler) {
  return draw_from({parameter}, [&](const std::vector<Tensor>& all) {
    const Tensor out = Tensor::empty(all[0].sizes(), all[0].dtype());
    sampler(view_of(out), view_of(all[0]), generator());
    return out;
  });
}

Tensor poisson(const Tensor& input) {
  floating(input.dtype(), "poisson_cpu");
  const Tensor wide = is_narrow(input.dtype()) ? cast(detached(input), DType::Float32) : input;
  const Tensor drawn = cast(sample_each(wide, kernels::poisson), input.dtype());
  record_zeros(drawn, {&input}, "PoissonBackward0");
  return drawn;
}

Tensor binomial(const Tensor& count, const Tensor& prob) {
  check(ErrorKind::Value, is_floating(count.dtype()),
        "binomial only supports floating-point dtypes for count, got: ",
        info(count.dtype()).scalar_name);
  check(ErrorKind::Value, is_floating(prob.dtype()),
        "binomial only supports floating-point dtypes for prob, got: ",
        info(prob.dtype()).scalar_name);
  check(count.dtype() == prob.dtype(), "Found dtype ", info(prob.dtype()).scalar_name,
        " but expected ", info(count.dtype()).scalar_name);
  check_has_loops(count.dtype(), "binomial_cpu");
  const Dims size = broadcast(count.sizes(), prob.sizes());
  const Tensor drawn =
      draw_from({expand(count, size), expand(prob, size)}, [](const std::vector<Tensor>& all) {
        const Tensor out = Tensor::empty(all[0].sizes(), all[0].dtype());
        kernels::binomial(view_of(out), view_of(all[0]), view_of(all[1]), generator());
        return out;
      });
  record_refusal(drawn, {&count, &prob}, "NotImplemented", "binomial");
  return drawn;
}

Tensor standard_gamma(const Tensor& input) {
  check_has_loops(input.dtype(), "gamma_cpu");
  return gamma_of_shape(input, sample_each(input, kernels::standard_gamma));
}

Tensor sample_dirichlet(const Tensor& input) {
  check_has_loops(input.dtype(), "dirichlet");
  const Tensor drawn = sample_each(input, kernels::dirichlet);
  record_refusal(drawn, {&input}, "NotImplemented", "_sample_dirichlet");
  return drawn;
}

Tensor cauchy_(const Tensor& input, double median, double sigma) {
  check(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  check(is_floating(input.dtype()),
        "Cauchy distribution is a continuous probability distribution. dtype must be a floating "
        "point but you specified ",
        info(input.dtype()).c_name);
  return overwrite("cauchy", "CauchyBackward0", input, [&](const kernels::View& out) {
    kernels::cauchy(out, median, sigma, generator());
  });
}

Tensor log_normal_(const Tensor& input, double mean, double std) {
  check(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
  floating(input.dtype(), "log_normal_cpu");
  return overwrite("log_normal", "LogNormalBackward0", input, [&](const kernels::View& out) {
    kernels::log_normal(out, mean, std, generator());
  });
}

Tensor geometric_(const Tensor& input, double p) {
  check(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool && !is_complex(input.dtype()),
        "\"geometric_cpu\" not implemented for '", info(input.dtype()).scalar_name, "'");
  return overwrite("geometric", "GeometricBackward0", input,
                   [&](const kernels::View& out) { kernels::geometric(out, p, generator()); });
}

}  // namespace

// torch's own values are good to three digits.
constexpr const char* kRough = "tolerance={float64: (5e-3, 1e-3), float32: (5e-3, 1e-3)}";
constexpr std::uint32_t kSample = kFunctionForm | kNoGrad | kNoBatch | kRandom;

static const Entry entry_poisson("poisson(input)", function<poisson>, kSample,
                                 "Poisson numbers with the rates of input.",
                                 "c(2, 3, low=0, high=20) | c(low=1, high=2)");
static const Entry entry_binomial("binomial(count, prob)", function<binomial>, kSample,
                                  "How many of count trials succeed, each with probability prob.",
                                  "c(2, 3, low=0, high=20), c(3, low=0, high=1)");
static const Entry entry_gamma("_standard_gamma(input)", function<standard_gamma>, kSample,
                               "Gamma numbers of scale 1 with the shapes of input.",
                               "c(2, 3, low=0.1, high=20) | c(low=1, high=2)");
static const Entry entry_gamma_grad("_standard_gamma_grad(input, output)",
                                    function<standard_gamma_grad>, kFunctionForm | kNoGrad,
                                    "How gamma numbers move with their shape at fixed quantiles.",
                                    "c(2, 3, low=0.1, high=20), c(2, 3, low=0.1, high=20)", nullptr,
                                    nullptr, kRough);
static const Entry entry_dirichlet("_sample_dirichlet(input)", function<sample_dirichlet>, kSample,
                                   "Dirichlet points with the concentrations of input's rows.",
                                   "c(2, 3, low=0.1, high=20)");
static const Entry entry_dirichlet_grad(
    "_dirichlet_grad(x, alpha, total)", function<dirichlet_grad>, kFunctionForm | kNoGrad,
    "How coordinates x of Dirichlet points move with their concentrations, divided by 1 - x.",
    "c(2, 3, low=0.1, high=0.9), c(2, 3, low=0.1, high=1), c(2, 3, low=2, high=9)", nullptr,
    nullptr, kRough);
static const Entry entry_cauchy("cauchy_(input, median=0.0, sigma=1.0)", function<cauchy_>,
                                kFillForm, "Overwrites with Cauchy random numbers.",
                                "c(3) | c(3), 1.0, 2.0");
static const Entry entry_log_normal("log_normal_(input, mean=1.0, std=2.0)", function<log_normal_>,
                                    kFillForm,
                                    "Overwrites with exponentials of normal random numbers.",
                                    "c(3) | c(3), 1.0, 2.0");
static const Entry entry_geometric("geometric_(input, p)", function<geometric_>, kFillForm,
                                   "Overwrites with numbers of trials up to the first success.",
                                   "c(3), 0.5 | i(3, high=4), 0.2");

}  // namespace pullback
