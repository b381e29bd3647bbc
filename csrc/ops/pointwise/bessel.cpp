// Bessel functions and Airy's, with derivatives of every order.
//
// f_n(x) / x^n, for J, for spherical j, for I and for I exp(-|x|), is a family that its derivatives
// stay in: (J_n / x^n)' = -x J_{n+1} / x^{n+1} (Abramowitz and Stegun 9.1.30, 9.6.28, 10.1.24).  So
// nothing is divided by x, and all orders are right at 0.  Functions of the second kind have a pole
// there and take the common formulas.  Start reading at over_power.
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/special.h"

namespace pullback {

using kernels::unary;

namespace {

enum Family { kJ, kSpherical, kI, kScaledI };

Tensor over_power(const Tensor& x, double order, Family family);

Tensor over_power_slope(T t, S s) {
  const double order = s.p(0);
  const auto family = static_cast<Family>(static_cast<int>(s.p(1)));
  const Tensor next = s.x() * over_power(s.x(), order + 1, family);
  if (family == kI) return t * next;
  return family == kScaledI ? t * (next - sign(s.x()) * s.y()) : neg(t * next);
}
const Elementwise record_over_power("bessel_over_power", "BesselOverPowerBackward0",
                                    DTypeRule::Float, unary<"bessel_over_power">,
                                    {kReadsX | kReadsY, over_power_slope});
Tensor over_power(const Tensor& x, double order, Family family) {
  const double params[kMaxParams] = {order, static_cast<double>(family), 0};
  return elementwise(record_over_power, x, params);
}

Tensor airy_slope(const Tensor& x);

}  // namespace

Tensor airy_ai(const Tensor& input);
Tensor bessel_j0(const Tensor& input);
Tensor bessel_j1(const Tensor& input);
Tensor bessel_y0(const Tensor& input);
Tensor bessel_y1(const Tensor& input);
Tensor i1(const Tensor& input);
Tensor i1e(const Tensor& input);
Tensor modified_bessel_k0(const Tensor& input);
Tensor modified_bessel_k1(const Tensor& input);
Tensor scaled_modified_bessel_k0(const Tensor& input);
Tensor scaled_modified_bessel_k1(const Tensor& input);
Tensor spherical_bessel_j0(const Tensor& input);

namespace {

const Elementwise record_airy_slope("airy_ai_slope", "AiryAiSlopeBackward0", DTypeRule::Float,
                                    unary<"airy_ai_slope">, {kReadsX, [](T t, S s) {
                                                               return t * (s.x() * airy_ai(s.x()));
                                                             }});
Tensor airy_slope(const Tensor& x) { return elementwise(record_airy_slope, x); }

const Elementwise record_i0("i0", "I0Backward0", DTypeRule::Float, unary<"i0">,
                            {kReadsX, [](T t, S s) { return t * i1(s.x()); }});
const Elementwise record_i0e("i0e", "SpecialI0EBackward0", DTypeRule::Float, unary<"i0e">,
                             {kReadsX | kReadsY, [](T t, S s) {
                                return PB_WIDE(t * (i1e(s.x()) - sign(s.x()) * s.y()));
                              }});
const Elementwise record_i1("i1", "SpecialI1Backward0", DTypeRule::Float, unary<"i1">,
                            {kReadsX, [](T t, S s) {
                               return PB_WIDE(t * (i0(s.x()) - over_power(s.x(), 1, kI)));
                             }});
Tensor i1e_slope(T t, S s) {
  return t * (i0e(s.x()) - over_power(s.x(), 1, kScaledI) - sign(s.x()) * s.y());
}
const Elementwise record_i1e("i1e", "SpecialI1EBackward0", DTypeRule::Float, unary<"i1e">,
                             {kReadsX | kReadsY,
                              [](T t, S s) { return PB_WIDE(i1e_slope(t, s)); }});

}  // namespace

Tensor i0(const Tensor& input) { return elementwise(record_i0, input); }
Tensor i0e(const Tensor& input) { return elementwise(record_i0e, input); }
Tensor i1(const Tensor& input) { return elementwise(record_i1, input); }
Tensor i1e(const Tensor& input) { return elementwise(record_i1e, input); }

static Tensor modified_bessel_i0(const Tensor& input) {
  check_not_narrow(input, "modified_bessel_i0");
  return i0(input);
}
static Tensor modified_bessel_i1(const Tensor& input) {
  check_not_narrow(input, "modified_bessel_i1");
  return i1(input);
}

PB_SPECIAL(airy_ai, "x", "SpecialAiryAiBackward0", kReadsX, t* airy_slope(s.x()),
           "Airy's function Ai.", PB_LINE)
PB_SPECIAL(bessel_j0, "input", "SpecialBesselJ0Backward0", kReadsX, neg(t* bessel_j1(s.x())),
           "The Bessel function of the first kind of order 0.", PB_LINE)
PB_SPECIAL(bessel_j1, "input", "SpecialBesselJ1Backward0", kReadsX,
           t*(bessel_j0(s.x()) - over_power(s.x(), 1, kJ)),
           "The Bessel function of the first kind of order 1.", PB_LINE)
PB_SPECIAL(bessel_y0, "input", "SpecialBesselY0Backward0", kReadsX, neg(t* bessel_y1(s.x())),
           "The Bessel function of the second kind of order 0.", PB_RIGHT)
PB_SPECIAL(bessel_y1, "input", "SpecialBesselY1Backward0", kReadsX | kReadsY,
           t*(bessel_y0(s.x()) - s.y() / s.x()),
           "The Bessel function of the second kind of order 1.", PB_RIGHT)
PB_SPECIAL(modified_bessel_k0, "input", "SpecialModifiedBesselK0Backward0", kReadsX,
           neg(t* modified_bessel_k1(s.x())),
           "The modified Bessel function of the second kind of order 0.", PB_RIGHT)
PB_SPECIAL(modified_bessel_k1, "input", "SpecialModifiedBesselK1Backward0", kReadsX | kReadsY,
           neg(t*(modified_bessel_k0(s.x()) + s.y() / s.x())),
           "The modified Bessel function of the second kind of order 1.", PB_RIGHT)
PB_SPECIAL(scaled_modified_bessel_k0, "x", "SpecialScaledModifiedBesselK0Backward0",
           kReadsX | kReadsY, t*(s.y() - scaled_modified_bessel_k1(s.x())),
           "exp(x) times modified_bessel_k0(x).", PB_RIGHT)
PB_SPECIAL(scaled_modified_bessel_k1, "x", "SpecialScaledModifiedBesselK1Backward0",
           kReadsX | kReadsY, t*(s.y() - scaled_modified_bessel_k0(s.x()) - s.y() / s.x()),
           "exp(x) times modified_bessel_k1(x).", PB_RIGHT)
PB_SPECIAL(spherical_bessel_j0, "x", "SpecialSphericalBesselJ0Backward0", kReadsX,
           neg(t*(s.x() * over_power(s.x(), 1, kSpherical))), "sin(x) / x, and 1 at 0.", PB_LINE)

static const Entry entry_i0("i0(input)", direct<i0>, kPointwise | kSpecialForm,
                            "The modified Bessel function of the first kind of order 0.", PB_LINE);
static const Entry entry_i0e("i0e(input)", direct<i0e>, kSpecialForm | kCastOutForm,
                             "exp(-abs(input)) times i0(input).", PB_LINE);
static const Entry entry_i1("i1(input)", direct<i1>, kSpecialForm | kCastOutForm,
                            "The modified Bessel function of the first kind of order 1.", PB_LINE);
static const Entry entry_i1e("i1e(input)", direct<i1e>, kSpecialForm | kCastOutForm,
                             "exp(-abs(input)) times i1(input).", PB_LINE);
static const Entry entry_modified_i0("modified_bessel_i0(input)", direct<modified_bessel_i0>,
                                     kSpecialForm | kCastOutForm, "The same as i0.", PB_LINE);
static const Entry entry_modified_i1("modified_bessel_i1(input)", direct<modified_bessel_i1>,
                                     kSpecialForm | kCastOutForm, "The same as i1.", PB_LINE);

}  // namespace pullback
