// See operand.h.
#include "ops/operand.h"

#include <atomic>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace pullback {
namespace {

// Process-wide, as in torch: a thread that is started later finds the same default.
std::atomic<DType> default_dtype_value{DType::Float32};

DType dtype_of(Category category) {
  switch (category) {
    case Category::Bool:
      return DType::Bool;
    case Category::Integral:
      return DType::Int64;
    case Category::Floating:
      return default_dtype();
    case Category::Complex:
      return complex_of(default_dtype());
  }
  __builtin_unreachable();
}

}  // namespace

DType default_dtype() { return default_dtype_value.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
  check(ErrorKind::Type, is_floating(dtype),
        "only floating-point types are supported as the default type: got torch.", name(dtype),
        ", expected a floating one.");
  default_dtype_value.store(dtype, std::memory_order_relaxed);
}

DType Promotion::result() const {
  DType result = DType::Bool;
  bool any = false;
  const auto consider = [&](bool present, DType dtype) {
    if (present && (!any || category(dtype) > category(result))) {
      result = any && is_complex(dtype) && is_floating(result) ? complex_of(result) : dtype;
    }
    any |= present;
  };
  consider(has_dims_, dims_);
  consider(has_zero_dim_, zero_dim_);
  consider(has_number_, dtype_of(number_));
  return result;
}

bool fits(const Scalar& number, DType dtype) {
  if (number.is_complex()) [[unlikely]] {
    const std::complex<double> parts = number.to_complex();
    if (is_complex(dtype)) return fits(parts.real(), dtype) && fits(parts.imag(), dtype);
    return (dtype == DType::Bool || parts.imag() == 0) && fits(parts.real(), dtype);
  }
  const double value = number.to_double();
  const bool whole = !number.is_floating();
  switch (dtype) {
    case DType::Bool:
    case DType::Float64:
    case DType::Complex128:
      return true;
    case DType::Int8:
      return value <= 127 && value >= -128;
    case DType::Int16:
      return value <= 32767 && value >= -32768;
    case DType::UInt8:
      return value <= 255 && value >= (whole ? -255 : 0);
    case DType::Int32:
      return value <= 2147483647.0 && value >= -2147483648.0;
    case DType::Int64:
      return !number.is_wide() && (whole || (value <= 0x1p63 && value >= -0x1p63));
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32:
    case DType::Complex64:
      return !std::isfinite(value) || std::abs(value) <= largest(real_of(dtype));
  }
  __builtin_unreachable();
}

double largest(DType dtype) {
  if (dtype == DType::Float16) return to_float(Half{0x7bff});
  if (dtype == DType::BFloat16) return to_float(BFloat16{0x7f7f});
  if (dtype == DType::Float32) return std::numeric_limits<float>::max();
  return std::numeric_limits<double>::max();
}

const Scalar& fitting(const Scalar& number, DType dtype) {
  check(fits(number, dtype), "value cannot be converted to type ", info(dtype).number_name,
        " without overflow");
  return number;
}

void check_fits(const Operand& number, DType dtype) {
  if (!number.is_tensor()) fitting(number.number(), dtype);
}

DType result_type(const Operand& a, const Operand& b) {
  Promotion promotion;
  promotion.add(a);
  promotion.add(b);
  return promotion.result();
}

}  // namespace pullback
