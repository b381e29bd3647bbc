// The incomplete gamma functions, and what the derivatives of gamma and beta samplers are made of.
#include "ops/pointwise/gamma.h"

#include "core/error.h"
#include "ops/elementwise.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::ternary;

namespace {

// The density of a gamma number of that shape.
Tensor density(const Operand& shape, const Operand& x) {
  const Tensor& a = shape.tensor();
  return exp((a - 1) * log(x.tensor()) - x.tensor() - lgamma(a));
}

// A partial that torch refuses, too; the name says which.
template <const char* const* kName>
Tensor refused(const Tensor&, const Saved&) {
  fail(ErrorKind::NotImplemented, "the derivative for '", *kName, "' is not implemented.");
}
constexpr const char* kIgammaShape = "igamma: input";
constexpr const char* kIgammacShape = "igammac: input";
constexpr const char* kGammaGrad = "_standard_gamma_grad";

const Elementwise record_igamma("igamma", "IgammaBackward0", DTypeRule::Promote,
                                binary<"lower_gamma">, {kReadsNothing, refused<&kIgammaShape>},
                                {kReadsA | kReadsB,
                                 [](T t, S s) { return t * density(s.a(), s.b()); }});
const Elementwise record_igammac("igammac", "IgammacBackward0", DTypeRule::Promote,
                                 binary<"upper_gamma">, {kReadsNothing, refused<&kIgammacShape>},
                                 {kReadsA | kReadsB,
                                  [](T t, S s) { return neg(t * density(s.a(), s.b())); }});
const Elementwise record_gamma_grad("_standard_gamma_grad", "StandardGammaGradBackward0",
                                    DTypeRule::Promote, binary<"gamma_slope">,
                                    {kReadsNothing, refused<&kGammaGrad>},
                                    {kReadsNothing, refused<&kGammaGrad>});
const Elementwise record_dirichlet_grad("_dirichlet_grad", "NotImplemented", DTypeRule::Promote,
                                        ternary<"beta_slope">, {}, {}, {});
const Elementwise record_gamma("_standard_gamma", "StandardGammaBackward0", DTypeRule::Promote,
                               binary<"second">,
                               {kReadsA | kReadsB,
                                [](T t, S s) {
                                  return t * standard_gamma_grad(s.a().tensor(), s.b().tensor());
                                }},
                               kZeroSlope);

void check_floats(const Tensor& a, const Tensor& b, const char* kernel) {
  const DType type = promote_types(a.dtype(), b.dtype());
  check(ErrorKind::NotImplemented, is_floating(type), "\"", kernel, "\" not implemented for '",
        info(type).scalar_name, "'");
}

// As in torch, of one dtype, which is not half or bfloat16.
void check_wide_floats(const Tensor& a, const Tensor& b, const char* kernel) {
  check(a.dtype() == b.dtype(), "Found dtype ", info(b.dtype()).scalar_name, " but expected ",
        info(a.dtype()).scalar_name);
  check_floats(a, b, kernel);
  const DType type = promote_types(a.dtype(), b.dtype());
  check(ErrorKind::NotImplemented, !is_narrow(type), "\"", kernel, "\" not implemented for '",
        info(type).scalar_name, "'");
}

}  // namespace

Tensor igamma(const Tensor& input, const Tensor& other) {
  check_floats(input, other, "igamma_cpu");
  return elementwise(record_igamma, input, other);
}
Tensor igammac(const Tensor& input, const Tensor& other) {
  check_floats(input, other, "igammac_cpu");
  return elementwise(record_igammac, input, other);
}
Tensor standard_gamma_grad(const Tensor& input, const Tensor& output) {
  check_wide_floats(input, output, "_standard_gamma_grad_cpu");
  return elementwise(record_gamma_grad, input, output);
}
Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total) {
  check_wide_floats(x, alpha, "_dirichlet_grad_cpu");
  check_wide_floats(x, total, "_dirichlet_grad_cpu");
  return elementwise(record_dirichlet_grad, x, alpha, total);
}
Tensor gamma_of_shape(const Tensor& shape, const Tensor& drawn) {
  return elementwise(record_gamma, shape, drawn);
}

#define PB_GAMMA_SAMPLES                                                                     \
  "c(3,4, low=0.2, high=3), x(3,4, low=0.2, high=3) | c(3,1, low=0.2, high=3), x(4, low=1, " \
  "high=9) | c(low=2, high=3), x(low=1, high=2)"
static const Entry entry_igamma("igamma(input, other)", function<igamma>, kPointwise,
                                "The regularised lower incomplete gamma function of input at "
                                "other.",
                                PB_GAMMA_SAMPLES);
static const Entry entry_igammac("igammac(input, other)", function<igammac>, kPointwise,
                                 "The regularised upper incomplete gamma function of input at "
                                 "other.",
                                 PB_GAMMA_SAMPLES);
static const Entry entry_gammainc("gammainc(input, other)", function<igamma>,
                                  kSpecialForm | kCastOutForm,
                                  "The regularised lower incomplete gamma function of input at "
                                  "other.",
                                  PB_GAMMA_SAMPLES);
static const Entry entry_gammaincc("gammaincc(input, other)", function<igammac>,
                                   kSpecialForm | kCastOutForm,
                                   "The regularised upper incomplete gamma function of input at "
                                   "other.",
                                   PB_GAMMA_SAMPLES);

}  // namespace pullback
