// Complex numbers from two real ones, and their angle.  Parts and conjugates are views and copies:
// ops/shape/complex.cpp; absolute values and signs stand with those of real numbers.
#include <complex>

#include "core/error.h"
#include "ops/basic.h"
#include "ops/elementwise.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {
namespace {

using kernels::binary;
using kernels::unary;

const Scalar kI(std::complex<double>(0, 1));

const Elementwise record_complex("complex", "ComplexBackward0", DTypeRule::Promote,
                                 binary<"complex">,
                                 {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                 {kReadsNothing, [](T t, S) { return t * kI; }});

const Elementwise record_polar("polar", "PolarBackward0", DTypeRule::Promote, binary<"polar">,
                               {kReadsB, [](T t, S s) { return t * exp(s.b() * kI); }},
                               {kReadsY, [](T t, S s) { return t * (s.y() * kI); }});

const Elementwise record_angle("angle", "AngleBackward0", DTypeRule::Float, unary<"angle">,
                               {kReadsX, [](T t, S s) {
                                  if (!is_complex(s.x().dtype())) return zero_slope(t, s);
                                  return where(eq(s.x(), 0), 0, t / (s.x() * kI));
                                }});

void check_parts(const char* name, const Tensor& a, const Tensor& b) {
  const auto is_part = [](DType d) { return is_floating(d) && d != DType::BFloat16; };
  check(is_part(a.dtype()) && is_part(b.dtype()),
        "Expected both inputs to be Half, Float or Double tensors but got ",
        info(a.dtype()).scalar_name, " and ", info(b.dtype()).scalar_name);
  check(a.dtype() == b.dtype(), "Expected object of scalar type ", info(a.dtype()).scalar_name,
        " but got scalar type ", info(b.dtype()).scalar_name, " for second argument");
  check(ErrorKind::NotImplemented, a.dtype() != DType::Float16, "\"", name,
        "\" not implemented for 'Half', whose complex dtype, complex32, is not supported. Use "
        "x.float().");
}

Tensor complex(const Tensor& real, const Tensor& imag) {
  check_parts("complex", real, imag);
  return elementwise(record_complex, real, imag);
}
Tensor polar(const Tensor& abs, const Tensor& angle) {
  check_parts("polar", abs, angle);
  return elementwise(record_polar, abs, angle);
}
Tensor angle(const Tensor& input) { return elementwise(record_angle, input); }

const Entry entry_complex("complex(real, imag)", direct<complex>, kFunctionForm | kOutForm,
                          "The complex numbers real + imag * 1j of two real tensors of one dtype.",
                          "x(3,4), x(3,4) | x(3,1), x(4) | x(), x() | xs(3,4), x(3,4)");
const Entry entry_polar("polar(abs, angle)", direct<polar>, kFunctionForm | kOutForm,
                        "The complex numbers abs * exp(1j * angle) of two real tensors of one "
                        "dtype.",
                        "x(3,4, low=0.2, high=2), x(3,4) | x(3,1, low=0.2, high=2), x(4)");
const Entry entry_angle("angle(input)", direct<angle>, kCastBoth,
                        "The angle of complex numbers with the positive real axis: 0 or pi of real "
                        "ones.",
                        "z(3,4) | z() | x(3,4) | zs(3,4)");

}  // namespace
}  // namespace pullback
