// Loops that change the dtype: table[to][from].
#include "kernels/copy.h"
#include "kernels/loops.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

// Out of range, a float becomes what the CPU makes of it; uint8 goes by way of int64 and wraps.
template <typename To>
struct CastTo {
  template <typename From>
  To operator()(From x) const {
    if constexpr (std::is_same_v<To, bool>) {
      return x != From{0};
    } else if constexpr (std::is_same_v<To, uint8_t> && std::is_floating_point_v<From>) {
      return static_cast<To>(static_cast<int64_t>(x));
    } else {
      return static_cast<To>(x);
    }
  }
};

template <typename From, typename... To>
void set_pairs(CastTable& t, DType from) {
  ((t.loops[static_cast<int>(kDTypeOf<To>)][static_cast<int>(from)] =
        &LightUnary<CastTo<To>, From>::run),
   ...);
}
template <typename From>
void set_from(CastTable& t, DType from) {
  set_pairs<From, bool, uint8_t, int32_t, int64_t, float, double>(t, from);
}

}  // namespace

void fill_cast(CastTable& t) {
  set_from<uint8_t>(t, DType::UInt8);
  set_from<int32_t>(t, DType::Int32);
  set_from<int64_t>(t, DType::Int64);
  set_from<float>(t, DType::Float32);
  set_from<double>(t, DType::Float64);
  for (auto& row : t.loops) {
    row[static_cast<int>(DType::Bool)] = row[static_cast<int>(DType::UInt8)];
  }
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
