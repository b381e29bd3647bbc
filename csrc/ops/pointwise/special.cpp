// The normal distribution, entropy, zeta and the multivariate gamma function, element by element.
//
// Each has a derivative in recorded operators, so one of every order.  Start reading at ndtr.
#include "ops/pointwise/special.h"

#include "core/error.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

void check_not_narrow(const Operand& input, const char* name) {
  if (!input.is_tensor()) return;
  const DType type = input.tensor().dtype();
  check(ErrorKind::NotImplemented, !(is_floating(type) && is_narrow(type)), "\"", name,
        "_cpu\" not implemented for '", info(type).scalar_name, "'");
}

namespace {

constexpr double kRootTwoPi = 2.50662827463100050242;
constexpr double kRootTwoOverPi = 0.79788456080286535588;
constexpr double kRootHalf = 0.70710678118654752440;
constexpr double kTwoOverRootPi = 1.12837916709551257390;

Tensor density(const Tensor& x) { return exp(square(x) * -0.5) * (1 / kRootTwoPi); }

const Elementwise record_ndtr("ndtr", "NdtrBackward0", DTypeRule::Float, unary<"ndtr">,
                              {kReadsX, [](T t, S s) { return PB_WIDE(t * density(s.x())); }});
const Elementwise record_entr("entr", "SpecialEntrBackward0", DTypeRule::Float, unary<"entr">,
                              {kReadsX,
                               [](T t, S s) { return PB_WIDE(neg(t * (log(s.x()) + 1))); }});

// The derivative by the first argument has no closed form, and torch refuses it, too.
Tensor refused_zeta(const Tensor&, const Saved&) {
  fail(ErrorKind::NotImplemented, "the derivative for 'zeta' is not implemented.");
}
Tensor zeta_slope(T t, S s) {
  if (s.a().is_tensor()) return neg(t * (s.a() * zeta(s.a() + 1, s.b())));
  const double order = s.a().number().to_double();
  return t * zeta(order + 1, s.b()) * -order;
}
const Elementwise record_zeta("zeta", "SpecialZetaBackward0", DTypeRule::Float, binary<"zeta">,
                              {kReadsNothing, refused_zeta}, {kReadsA | kReadsB, zeta_slope});
const Elementwise record_zeta_of_number("zeta", "SpecialZetaBackward1", DTypeRule::Float,
                                        binary<"zeta">, kZeroSlope,
                                        {kReadsA | kReadsB, zeta_slope});
const Elementwise record_zeta_at_number("zeta", "SpecialZetaBackward2", DTypeRule::Float,
                                        binary<"zeta">, {kReadsNothing, refused_zeta}, kZeroSlope);

Tensor xlog1py(const Operand& input, const Operand& other);
Tensor xlog1py_slope(T t, S s) { return zero_at_pole(xlog1py(t, s.b()), s, -1); }
Tensor xlog1py_log_slope(T t, S s) { return t * (s.a() / (s.b() + 1)); }

const Elementwise record_xlog1py("xlog1py", "SpecialXlog1PyBackward0", DTypeRule::Float,
                                 binary<"xlog1py">, {kReadsA | kReadsB, xlog1py_slope},
                                 {kReadsA | kReadsB, xlog1py_log_slope});
const Elementwise record_xlog1py_of_number("xlog1py", "SpecialXlog1PyBackward1", DTypeRule::Float,
                                           binary<"xlog1py">, kZeroSlope,
                                           {kReadsA | kReadsB, xlog1py_log_slope});
const Elementwise record_xlog1py_at_number("xlog1py", "SpecialXlog1PyBackward2", DTypeRule::Float,
                                           binary<"xlog1py">, {kReadsA | kReadsB, xlog1py_slope},
                                           kZeroSlope);
Tensor xlog1py(const Operand& input, const Operand& other) {
  return elementwise(!input.is_tensor()  ? record_xlog1py_of_number
                     : other.is_tensor() ? record_xlog1py
                                         : record_xlog1py_at_number,
                     input, other);
}

Tensor mvlgamma_slope(T t, S s) {
  Tensor sum = digamma(s.x());
  for (double k = 1; k < s.p(0); ++k) sum = sum + digamma(s.x() - 0.5 * k);
  return t * sum;
}
const Elementwise record_mvlgamma("mvlgamma", "MvlgammaBackward0", DTypeRule::Float,
                                  unary<"mvlgamma">, {kReadsX, mvlgamma_slope});

}  // namespace

PB_SPECIAL(erfcx, "input", "SpecialErfcxBackward0", kReadsX | kReadsY,
           t*(s.x() * s.y() * 2 - kTwoOverRootPi), "exp(input**2) * erfc(input), without overflow.",
           "x(3,4) | x() | x(0,3) | xs(3,4) | x(5, low=-3, high=30)")
PB_SPECIAL(log_ndtr, "input", "SpecialLogNdtrBackward0", kReadsX,
           t*(kRootTwoOverPi / erfcx(s.x() * -kRootHalf)),
           "The logarithm of the normal distribution function, exact in its tails.",
           "x(3,4) | x() | x(0,3) | xs(3,4) | x(5, low=-3, high=3)")
PB_SPECIAL(ndtri, "input", "SpecialNdtriBackward0", kReadsY,
           t*(exp(square(s.y()) * 0.5) * kRootTwoPi),
           "The number that a normal one is below with the given probability.",
           "x(3,4, low=0.02, high=0.98) | x(low=0.1, high=0.9) | xs(3,4, low=0.02, high=0.98)")

Tensor ndtr(const Tensor& input) { return elementwise(record_ndtr, input); }
Tensor entr(const Tensor& input) { return elementwise(record_entr, input); }

Tensor zeta(const Operand& input, const Operand& other) {
  check_not_narrow(input, "zeta");
  check_not_narrow(other, "zeta");
  return elementwise(!input.is_tensor()  ? record_zeta_of_number
                     : other.is_tensor() ? record_zeta
                                         : record_zeta_at_number,
                     input, other);
}
static Tensor mvlgamma(const Tensor& input, std::int64_t p) {
  check(p >= 1, "p has to be greater than or equal to 1");
  check(p <= std::int64_t{1} << 30, "mvlgamma: got p=", p,
        ", expected at most 2**30: it is a sum of p terms.");
  check(input.dtype() != DType::Bool,
        "mvlgamma: bools cannot be subtracted from: got bool, expected ",
        "integers or floating numbers. Use input.float().");
  const double params[kMaxParams] = {static_cast<double>(p), 0, 0};
  return elementwise(record_mvlgamma, input, params);
}

static const Entry entry_ndtr("ndtr(input)", direct<ndtr>, kSpecialForm | kCastOutForm,
                              "The probability that a normal number is below each element.",
                              PB_LINE);
static const Entry entry_entr("entr(input)", direct<entr>, kSpecialForm | kCastOutForm,
                              "-input * log(input), 0 at 0, and minus infinity below.", PB_RIGHT);
static const Entry entry_zeta("zeta(input|self, other)", direct<zeta>, kSpecialForm | kCastOutForm,
                              "Hurwitz's zeta function: the sum of (other + k)**-input over k = 0, "
                              "1, ...",
                              "c(3,4, low=1.2, high=6), x(3,4, low=0.3, high=9) | 2.5, x(4, "
                              "low=0.3, high=30) | c(3,1, low=2, high=5), x(4, low=0.5, high=3) "
                              "| c(3, low=1.5, high=4), 2");
static const Entry entry_xlog1py("xlog1py(input|self, other)", direct<xlog1py>,
                                 kSpecialForm | kCastOutForm,
                                 "input * log1p(other), and 0 where input is 0.",
                                 "x(3,4), x(3,4, low=-0.8, high=3) | x(3,1), x(4, low=-0.5, high=3)"
                                 " | 2.5, x(3, low=-0.5, high=3) | x(3), 2.5 | x(), x(low=1, "
                                 "high=2)");
static const Entry entry_mvlgamma("mvlgamma(input, p)", direct<mvlgamma>, kPointwise,
                                  "The logarithm of the gamma function of p dimensions.",
                                  "x(3,4, low=1.6, high=6), 3 | x(low=2, high=3), 1 | xs(3,4, "
                                  "low=2, high=5), 4");
static const Entry entry_multigammaln("multigammaln(input, p)", direct<mvlgamma>,
                                      kSpecialForm | kCastOutForm, "The same as mvlgamma.",
                                      "x(3,4, low=1.6, high=6), 3 | x(low=2, high=3), 1");

}  // namespace pullback
