// See finite.h.  A block is scanned without branches, so that the compiler vectorises it.
#include "kernels/reduce/finite.h"

#include <bit>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

constexpr std::int64_t kBlock = 1024;

// A number is a NaN when its exponent is all ones and its fraction is not zero.
template <typename Bits, Bits infinity, typename Real>
bool scan(const Real* values, std::int64_t n) {
  constexpr Bits kMagnitude = ~Bits{0} >> 1;
  // The difference wraps around, and so sets the highest bit, above infinity.
  const auto test = [](Real value) -> Bits {
    return infinity - (std::bit_cast<Bits>(value) & kMagnitude);
  };
  std::int64_t i = 0;
  Bits found = 0;
  for (; i + kBlock <= n; i += kBlock) {
    for (std::int64_t k = 0; k < kBlock; ++k) found |= test(values[i + k]);
    if (found & ~kMagnitude) return true;
  }
  for (; i < n; ++i) found |= test(values[i]);
  return found & ~kMagnitude;
}

}  // namespace

bool has_nan(const View& values) {
  const std::int64_t n = values.numel();
  if (values.dtype == DType::Float32) {
    return scan<std::uint32_t, 0x7f800000u>(reinterpret_cast<const float*>(values.data), n);
  }
  if (values.dtype != DType::Float64) report_no_kernel(values.dtype);
  return scan<std::uint64_t, 0x7ff0000000000000u>(reinterpret_cast<const double*>(values.data), n);
}

}  // namespace pullback::kernels
