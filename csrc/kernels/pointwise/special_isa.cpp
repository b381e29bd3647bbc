// Loops of the special functions of kernels/special, computed in double: of blocks of numbers
// (blocks.h), or one at a time, which branch on their argument, so that nothing vectorises them.
// Parameters choose among the functions of a family.  Start reading at Airy.
#include "kernels/loops.h"
#include "kernels/special/airy.h"
#include "kernels/special/bessel.h"
#include "kernels/special/gamma_blocks.h"
#include "kernels/special/normal.h"
#include "kernels/special/polynomials.h"
#include "kernels/special/zeta.h"
#include "kernels/vecmath_normal.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

#define PULLBACK_SPECIAL(Name, name, value) \
  template <typename T>                     \
  struct Name {                             \
    T operator()(T in) const {              \
      const double x = in;                  \
      return static_cast<T>(value);         \
    }                                       \
  };                                        \
  const Register<name, PlainUnary, Name, Floats> k##Name;
PULLBACK_SPECIAL(Airy, "airy_ai", airy(x, false))
PULLBACK_SPECIAL(AirySlope, "airy_ai_slope", airy(x, true))
PULLBACK_SPECIAL(K0, "modified_bessel_k0", bessel_k0(x, false))
PULLBACK_SPECIAL(K1, "modified_bessel_k1", bessel_k1(x, false))
PULLBACK_SPECIAL(K0e, "scaled_modified_bessel_k0", bessel_k0(x, true))
PULLBACK_SPECIAL(K1e, "scaled_modified_bessel_k1", bessel_k1(x, true))
#undef PULLBACK_SPECIAL

#define PULLBACK_BLOCKS(Name, name, function)                                       \
  template <typename T>                                                             \
  struct Name {                                                                     \
    static void block(const double* x, double* out, int n) { function(x, out, n); } \
  };                                                                                \
  const Register<name, BlockUnary, Name, Floats> k##Name;
PULLBACK_BLOCKS(BesselJ0, "bessel_j0", bessel_j<0>)
PULLBACK_BLOCKS(BesselJ1, "bessel_j1", bessel_j<1>)
PULLBACK_BLOCKS(BesselY0, "bessel_y0", bessel_y<0>)
PULLBACK_BLOCKS(BesselY1, "bessel_y1", bessel_y<1>)
PULLBACK_BLOCKS(I0, "i0", (bessel_i<0, false>))
PULLBACK_BLOCKS(I0e, "i0e", (bessel_i<0, true>))
PULLBACK_BLOCKS(I1, "i1", (bessel_i<1, false>))
PULLBACK_BLOCKS(I1e, "i1e", (bessel_i<1, true>))
PULLBACK_BLOCKS(Digamma, "digamma", digamma)
PULLBACK_BLOCKS(SphericalJ0, "spherical_bessel_j0", spherical_j0)
PULLBACK_BLOCKS(Erfcx, "erfcx", erfcx)
PULLBACK_BLOCKS(LogNdtr, "log_ndtr", log_ndtr)
PULLBACK_BLOCKS(Ndtri, "ndtri", ndtri)
#undef PULLBACK_BLOCKS

template <typename T>
struct Ndtr {
  T operator()(T x) const { return normal(x).cdf; }
};
const Register<"ndtr", MathUnary, Ndtr, Floats> kNdtr;
template <typename T>
struct Entr {
  double operator()(double x) const { return entr(x); }
};
const Register<"entr", MathUnary, Entr, Floats> kEntr;

// A Bessel function over a power of its argument: p0 is the order, p1 the kind.
template <typename T>
struct BesselOverPower {
  explicit BesselOverPower(const double* p) : order(p[0]), kind(static_cast<int>(p[1])) {}
  T operator()(T x) const {
    return static_cast<T>(kind < 2 ? bessel_j_over_power(x, order, kind == 1)
                                   : bessel_i_over_power(x, order, kind == 3));
  }
  double order;
  int kind;
};
const Register<"bessel_over_power", PlainUnary, BesselOverPower, Floats> kBesselOverPower;

// The sum of lgamma(x - k / 2) for k < p0.
template <typename T>
struct Mvlgamma {
  explicit Mvlgamma(const double* p) : order(p[0]) {}
  T operator()(T x) const {
    double sum = order * (order - 1.0) * 0.28618247146235004354;  // log(pi) / 4
    for (double k = 0.0; k < order; k += 1.0) sum += log_gamma(static_cast<double>(x) - 0.5 * k);
    return static_cast<T>(sum);
  }
  double order;
};
const Register<"mvlgamma", PlainUnary, Mvlgamma, Floats> kMvlgamma;

template <typename T>
struct Zeta {
  T operator()(T s, T q) const { return static_cast<T>(zeta(double(s), double(q))); }
};
const Register<"zeta", PlainBinary, Zeta, Floats> kZeta;
template <typename T>
struct Polygamma {
  explicit Polygamma(const double* p) : order(p[0]) {}
  void block(const double* x, double* out, int n) const {
    if (order == 1.0 && !any_of(x, n, [](double each) { return !(each > 0.0); })) {
      return trigamma(x, out, n);
    }
    for (int i = 0; i < n; ++i) out[i] = polygamma(order, x[i]);
  }
  double order;
};
const Register<"polygamma", BlockUnary, Polygamma, Floats> kPolygamma;
template <typename T>
struct Xlog1py {
  T operator()(T x, T y) const { return y != y ? y : x == T(0) ? T(0) : x * T(log1p(double(y))); }
};
const Register<"xlog1py", MathBinary, Xlog1py, Floats> kXlog1py;

// Polynomials of (x, n), in blocks: Op has the family, the degree that is added and what is done to
// x.
template <typename Op, typename T>
struct RecurrentBinary : Traits<Cost::Slow> {
  using Out = T;
  static void run(char* out, const char* a, const char* b, std::int64_t so, std::int64_t sa,
                  std::int64_t sb, std::int64_t n, const double* params) {
    const Op op(params);
    double x[kStage], degrees[kStage], values[kStage];
    for (std::int64_t i = 0; i < n; i += kStage) {
      const int count = static_cast<int>(n - i < kStage ? n - i : kStage);
      read<T>(x, a + i * sa, sa, count);
      read<T>(degrees, b + i * sb, sb, count);
      for (int k = 0; k < count; ++k) {
        x[k] = op.argument(x[k]);
        degrees[k] = __builtin_trunc(degrees[k]) + op.shift;
      }
      by_recurrence<kStage>(op.family, x, degrees, values, count);
      for (int k = 0; k < count; ++k) store<T>(out + (i + k) * so, static_cast<T>(values[k]));
    }
  }
};
// p0 is added to the degree, p1 is the parameter of the family.
template <typename F>
struct Polynomials {
  explicit Polynomials(const double* p) : family{p[1]}, shift(p[0]) {}
  double argument(double x) const { return x; }
  F family;
  double shift;
};
template <typename>
struct Gegenbauer : Polynomials<GegenbauerOf> {
  using Polynomials::Polynomials;
};
const Register<"gegenbauer", RecurrentBinary, Gegenbauer, Floats> kGegenbauer;
template <typename>
struct Laguerre : Polynomials<LaguerreOf> {
  using Polynomials::Polynomials;
};
const Register<"laguerre", RecurrentBinary, Laguerre, Floats> kLaguerre;
template <typename>
struct Hermite : Polynomials<HermiteOf> {
  using Polynomials::Polynomials;
};
const Register<"hermite", RecurrentBinary, Hermite, Floats> kHermite;

template <Chebyshev kKind, bool kShifted>
struct ChebyshevPolynomials {
  explicit ChebyshevPolynomials(const double*) {}
  double argument(double x) const { return kShifted ? 2.0 * x - 1.0 : x; }
  ChebyshevOf<kKind> family;
  static constexpr double shift = 0.0;
};
#define PULLBACK_CHEBYSHEV(Kind, name)                                                            \
  template <typename>                                                                             \
  struct Chebyshev##Kind : ChebyshevPolynomials<Chebyshev::Kind, false> {                         \
    using ChebyshevPolynomials<Chebyshev::Kind, false>::ChebyshevPolynomials;                     \
  };                                                                                              \
  template <typename>                                                                             \
  struct Shifted##Kind : ChebyshevPolynomials<Chebyshev::Kind, true> {                            \
    using ChebyshevPolynomials<Chebyshev::Kind, true>::ChebyshevPolynomials;                      \
  };                                                                                              \
  const Register<"chebyshev_polynomial_" name, RecurrentBinary, Chebyshev##Kind, Floats> k##Kind; \
  const Register<"shifted_chebyshev_polynomial_" name, RecurrentBinary, Shifted##Kind, Floats>    \
      kShifted##Kind;
PULLBACK_CHEBYSHEV(T, "t")
PULLBACK_CHEBYSHEV(U, "u")
PULLBACK_CHEBYSHEV(V, "v")
PULLBACK_CHEBYSHEV(W, "w")
#undef PULLBACK_CHEBYSHEV

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
