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
  }
  __builtin_unreachable();
}

}  // namespace

DType default_dtype() { return default_dtype_value.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
  check(ErrorKind::Type, is_floating(dtype),
        "only floating-point types are supported as the default type: got torch.", name(dtype),
        ", expected float32 or float64.");
  default_dtype_value.store(dtype, std::memory_order_relaxed);
}

DType Promotion::result() const {
  DType result = DType::Bool;
  bool any = false;
  const auto consider = [&](bool present, DType dtype) {
    if (present && (!any || category(dtype) > category(result))) result = dtype;
    any |= present;
  };
  consider(has_dims_, dims_);
  consider(has_zero_dim_, zero_dim_);
  consider(has_number_, dtype_of(number_));
  return result;
}

bool fits(const Scalar& number, DType dtype) {
  const double value = number.to_double();
  const bool whole = !number.is_floating();
  switch (dtype) {
    case DType::Bool:
    case DType::Float64:
      return true;
    case DType::UInt8:
      return value <= 255 && value >= (whole ? -255 : 0);
    case DType::Int32:
      return value <= 2147483647.0 && value >= -2147483648.0;
    case DType::Int64:
      return !number.is_wide() && (whole || (value <= 0x1p63 && value >= -0x1p63));
    case DType::Float32:
      return !std::isfinite(value) || std::abs(value) <= largest(DType::Float32);
  }
  __builtin_unreachable();
}

double largest(DType dtype) {
  return dtype == DType::Float32 ? double{std::numeric_limits<float>::max()}
                                 : std::numeric_limits<double>::max();
}

const Scalar& fitting(const Scalar& number, DType dtype) {
  constexpr const char* kNames[] = {"bool", "uint8_t", "int", "int64_t", "float", "double"};
  check(fits(number, dtype), "value cannot be converted to type ", kNames[static_cast<int>(dtype)],
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
