// Orthogonal polynomials of whole degrees, with derivatives by their argument.
//
// Derivatives stay in the families of Gegenbauer, Laguerre and Hermite, with the degree lower and
// the parameter higher by one (Abramowitz and Stegun 22.8), so there are all orders of them.  By
// the degree there is none.  Start reading at gegenbauer.
#include "core/error.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/special.h"

namespace pullback {

using kernels::binary;

namespace {

Tensor refused_degree(const Tensor&, const Saved&) {
  fail(ErrorKind::NotImplemented,
       "the derivative for 'n', the degree of a polynomial, is not implemented.");
}
constexpr Elementwise::Partial kDegree{kReadsNothing, refused_degree};

// The degree as the kernels read it, without its fraction; 0 where there is no polynomial.
Operand degree(const Operand& n) {
  if (n.is_tensor()) return nan_to_num(trunc(n.tensor()), 0, 0, 0);
  const double number = n.number().to_double();
  return std::isfinite(number) ? std::trunc(number) : 0.0;
}

// A member of a family: the degree is n + shift.
Tensor member(const Elementwise& record, const Operand& x, const Operand& n, double shift,
              double parameter) {
  const double params[kMaxParams] = {shift, parameter, 0};
  return elementwise(record, x, n, params);
}

Tensor gegenbauer(const Operand& x, const Operand& n, double shift, double a);
const Elementwise record_gegenbauer(
    "gegenbauer", "GegenbauerBackward0", DTypeRule::Float, binary<"gegenbauer">,
    {kReadsA | kReadsB,
     [](T t, S s) { return t * gegenbauer(s.a(), s.b(), s.p(0) - 1, s.p(1) + 1) * (2 * s.p(1)); }},
    kDegree);
Tensor gegenbauer(const Operand& x, const Operand& n, double shift, double a) {
  return member(record_gegenbauer, x, n, shift, a);
}

Tensor laguerre(const Operand& x, const Operand& n, double shift, double a);
const Elementwise record_laguerre("laguerre_polynomial_l", "SpecialLaguerrePolynomialLBackward0",
                                  DTypeRule::Float, binary<"laguerre">,
                                  {kReadsA | kReadsB,
                                   [](T t, S s) {
                                     return neg(t * laguerre(s.a(), s.b(), s.p(0) - 1, s.p(1) + 1));
                                   }},
                                  kDegree);
Tensor laguerre(const Operand& x, const Operand& n, double shift, double a) {
  return member(record_laguerre, x, n, shift, a);
}

Tensor hermite(const Operand& x, const Operand& n, double shift, double factor);
// t times factor times the degree.
Tensor by_degree(const Tensor& t, const Operand& n, double shift, double factor) {
  const Operand whole = degree(n);
  if (whole.is_tensor()) return t * ((whole + shift) * factor);
  return t * ((whole.number().to_double() + shift) * factor);
}
Tensor hermite_slope(T t, S s) {
  return by_degree(t * hermite(s.a(), s.b(), s.p(0) - 1, s.p(1)), s.b(), s.p(0), s.p(1));
}
const Elementwise record_hermite_h("hermite_polynomial_h", "SpecialHermitePolynomialHBackward0",
                                   DTypeRule::Float, binary<"hermite">,
                                   {kReadsA | kReadsB, hermite_slope}, kDegree);
const Elementwise record_hermite_he("hermite_polynomial_he", "SpecialHermitePolynomialHeBackward0",
                                    DTypeRule::Float, binary<"hermite">,
                                    {kReadsA | kReadsB, hermite_slope}, kDegree);
Tensor hermite(const Operand& x, const Operand& n, double shift, double factor) {
  return member(factor == 2 ? record_hermite_h : record_hermite_he, x, n, shift, factor);
}

// Chebyshev's four kinds by Gegenbauer's polynomials U_n of parameter 1 and C_n of parameter 2:
// T' = n U_{n-1}, U' = 2 C_{n-1}, and V and W are U_n -/+ U_{n-1}.
Tensor slope_t(T t, const Operand& x, const Operand& n) {
  return by_degree(t * gegenbauer(x, n, -1, 1), n, 0, 1);
}
Tensor slope_u(T t, const Operand& x, const Operand& n) {
  return t * (gegenbauer(x, n, -1, 2) * 2);
}
Tensor slope_v(T t, const Operand& x, const Operand& n) {
  return t * ((gegenbauer(x, n, -1, 2) - gegenbauer(x, n, -2, 2)) * 2);
}
Tensor slope_w(T t, const Operand& x, const Operand& n) {
  return t * ((gegenbauer(x, n, -1, 2) + gegenbauer(x, n, -2, 2)) * 2);
}
using Slope = Tensor (*)(T, const Operand&, const Operand&);
template <Slope kSlope>
Tensor plain_slope(T t, S s) {
  return kSlope(t, s.a(), s.b());
}
// Of 2 x - 1.
template <Slope kSlope>
Tensor shifted_slope(T t, S s) {
  return kSlope(t, s.a() * 2 - 1, s.b()) * 2;
}

void check_operands(const Operand& x, const Operand& n, const char* name) {
  check_not_narrow(x, name);
  check_not_narrow(n, name);
}

}  // namespace

#define PB_DEGREES \
  "x(3,4), i(3,4, high=8) | x(3,1), i(4, high=6) | x(), 3 | xs(3,4), 5 | 0.4, i(3, high=5)"

#define PB_CHEBYSHEV(KIND, NAME, NODE, SLOPE)                                                  \
  static const Elementwise record_##NAME(#NAME, NODE, DTypeRule::Float, binary<#NAME>,         \
                                         {kReadsA | kReadsB, SLOPE}, kDegree);                 \
  static Tensor NAME(const Operand& x, const Operand& n) {                                     \
    check_operands(x, n, #NAME);                                                               \
    return elementwise(record_##NAME, x, n);                                                   \
  }                                                                                            \
  static const Entry entry_##NAME(#NAME "(x|x, n)", direct<NAME>, kSpecialForm | kCastOutForm, \
                                  "Chebyshev's polynomial of the " KIND " of degree n at x.",  \
                                  PB_DEGREES);
PB_CHEBYSHEV("first kind", chebyshev_polynomial_t, "SpecialChebyshevPolynomialTBackward0",
             plain_slope<slope_t>)
PB_CHEBYSHEV("second kind", chebyshev_polynomial_u, "SpecialChebyshevPolynomialUBackward0",
             plain_slope<slope_u>)
PB_CHEBYSHEV("third kind", chebyshev_polynomial_v, "SpecialChebyshevPolynomialVBackward0",
             plain_slope<slope_v>)
PB_CHEBYSHEV("fourth kind", chebyshev_polynomial_w, "SpecialChebyshevPolynomialWBackward0",
             plain_slope<slope_w>)
PB_CHEBYSHEV("first kind, shifted,", shifted_chebyshev_polynomial_t,
             "SpecialShiftedChebyshevPolynomialTBackward0", shifted_slope<slope_t>)
PB_CHEBYSHEV("second kind, shifted,", shifted_chebyshev_polynomial_u,
             "SpecialShiftedChebyshevPolynomialUBackward0", shifted_slope<slope_u>)
PB_CHEBYSHEV("third kind, shifted,", shifted_chebyshev_polynomial_v,
             "SpecialShiftedChebyshevPolynomialVBackward0", shifted_slope<slope_v>)
PB_CHEBYSHEV("fourth kind, shifted,", shifted_chebyshev_polynomial_w,
             "SpecialShiftedChebyshevPolynomialWBackward0", shifted_slope<slope_w>)

#define PB_POLYNOMIAL(NAME, VALUE, DOC)                                                        \
  static Tensor NAME(const Operand& x, const Operand& n) {                                     \
    check_operands(x, n, #NAME);                                                               \
    return VALUE;                                                                              \
  }                                                                                            \
  static const Entry entry_##NAME(#NAME "(x|x, n)", direct<NAME>, kSpecialForm | kCastOutForm, \
                                  DOC " of degree n at x.", PB_DEGREES);
PB_POLYNOMIAL(hermite_polynomial_h, hermite(x, n, 0, 2), "The physicists' Hermite polynomial")
PB_POLYNOMIAL(hermite_polynomial_he, hermite(x, n, 0, 1),
              "The Hermite polynomial of the theory of probability")
PB_POLYNOMIAL(laguerre_polynomial_l, laguerre(x, n, 0, 0), "Laguerre's polynomial")
PB_POLYNOMIAL(legendre_polynomial_p, gegenbauer(x, n, 0, 0.5), "Legendre's polynomial")

}  // namespace pullback
