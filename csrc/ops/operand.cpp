// See operand.h.
#include "ops/operand.h"

#include <atomic>

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

DType result_type(const Operand& a, const Operand& b) {
  Promotion promotion;
  promotion.add(a);
  promotion.add(b);
  return promotion.result();
}

}  // namespace pullback
