// Loops of the special functions of kernels/special: one number at a time, computed in double.
//
// They branch on their argument, so that nothing vectorises them (PlainUnary).  Parameters
// choose among the functions of a family.  Start reading at Airy.
#include "kernels/loops.h"
#include "kernels/special/airy.h"
#include "kernels/special/bessel.h"
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
PULLBACK_SPECIAL(BesselJ0, "bessel_j0", bessel_j0(x))
PULLBACK_SPECIAL(BesselJ1, "bessel_j1", bessel_j1(x))
PULLBACK_SPECIAL(BesselY0, "bessel_y0", bessel_y0(x))
PULLBACK_SPECIAL(BesselY1, "bessel_y1", bessel_y1(x))
PULLBACK_SPECIAL(I0, "i0", bessel_i0(x))
PULLBACK_SPECIAL(I0e, "i0e", bessel_i0e(x))
PULLBACK_SPECIAL(I1, "i1", bessel_i1(x))
PULLBACK_SPECIAL(I1e, "i1e", bessel_i1e(x))
PULLBACK_SPECIAL(K0, "modified_bessel_k0", bessel_k0(x, false))
PULLBACK_SPECIAL(K1, "modified_bessel_k1", bessel_k1(x, false))
PULLBACK_SPECIAL(K0e, "scaled_modified_bessel_k0", bessel_k0(x, true))
PULLBACK_SPECIAL(K1e, "scaled_modified_bessel_k1", bessel_k1(x, true))
PULLBACK_SPECIAL(SphericalJ0, "spherical_bessel_j0", spherical_j0(x))
PULLBACK_SPECIAL(Erfcx, "erfcx", erfcx(x))
PULLBACK_SPECIAL(LogNdtr, "log_ndtr", log_ndtr(x))
PULLBACK_SPECIAL(Ndtri, "ndtri", ndtri(x))
#undef PULLBACK_SPECIAL

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
  T operator()(T x) const { return static_cast<T>(polygamma(order, static_cast<double>(x))); }
  double order;
};
const Register<"polygamma", PlainUnary, Polygamma, Floats> kPolygamma;
template <typename T>
struct Xlog1py {
  T operator()(T x, T y) const { return y != y ? y : x == T(0) ? T(0) : x * T(log1p(double(y))); }
};
const Register<"xlog1py", MathBinary, Xlog1py, Floats> kXlog1py;

#define PULLBACK_CHEBYSHEV(Kind, name)                                                        \
  template <typename T>                                                                       \
  struct Chebyshev##Kind {                                                                    \
    T operator()(T x, T n) const {                                                            \
      return static_cast<T>(chebyshev<Chebyshev::Kind>(double(x), double(n)));                \
    }                                                                                         \
  };                                                                                          \
  template <typename T>                                                                       \
  struct Shifted##Kind {                                                                      \
    T operator()(T x, T n) const {                                                            \
      return static_cast<T>(chebyshev<Chebyshev::Kind>(2.0 * double(x) - 1.0, double(n)));    \
    }                                                                                         \
  };                                                                                          \
  const Register<"chebyshev_polynomial_" name, PlainBinary, Chebyshev##Kind, Floats> k##Kind; \
  const Register<"shifted_chebyshev_polynomial_" name, PlainBinary, Shifted##Kind, Floats>    \
      kShifted##Kind;
PULLBACK_CHEBYSHEV(T, "t")
PULLBACK_CHEBYSHEV(U, "u")
PULLBACK_CHEBYSHEV(V, "v")
PULLBACK_CHEBYSHEV(W, "w")
#undef PULLBACK_CHEBYSHEV

// p0 is added to the degree, p1 is the parameter of the family.
template <double (*kValue)(double, double, double), typename T>
struct Family {
  explicit Family(const double* p) : shift(p[0]), parameter(p[1]) {}
  T operator()(T x, T n) const {
    return static_cast<T>(kValue(double(x), std::trunc(double(n)) + shift, parameter));
  }
  double shift, parameter;
};
template <typename T>
struct Gegenbauer : Family<gegenbauer, T> {
  using Family<gegenbauer, T>::Family;
};
const Register<"gegenbauer", PlainBinary, Gegenbauer, Floats> kGegenbauer;
template <typename T>
struct Laguerre : Family<laguerre, T> {
  using Family<laguerre, T>::Family;
};
const Register<"laguerre", PlainBinary, Laguerre, Floats> kLaguerre;
// The parameter is the factor of x: 2 for the physicists' polynomials, 1 for the others.
template <typename T>
struct Hermite : Family<hermite, T> {
  using Family<hermite, T>::Family;
};
const Register<"hermite", PlainBinary, Hermite, Floats> kHermite;

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
