// Loops that change the dtype: table[to][from].  Between the dtypes with loops of their own, and
// from and to the narrow ones as far as their wide dtype; cast.cpp has the rest.
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

// Narrow integers wrap.
template <typename To, typename From>
struct Convert {
  To operator()(From x) const {
    if constexpr (std::is_same_v<To, Half>) {
      return to_half(x);
    } else if constexpr (std::is_same_v<To, BFloat16>) {
      return to_bfloat16(x);
    } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
      return to_float(x);
    } else {
      return static_cast<To>(x);
    }
  }
};

template <typename Narrow, typename Wide>
void set_narrow(CastTable& t) {
  const int narrow = static_cast<int>(kDTypeOf<Narrow>), wide = static_cast<int>(kDTypeOf<Wide>);
  t.loops[wide][narrow] = &LightUnary<Convert<Wide, Narrow>, Narrow>::run;
  t.loops[narrow][wide] = &LightUnary<Convert<Narrow, Wide>, Wide>::run;
}

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
  set_narrow<std::int8_t, int32_t>(t);
  set_narrow<std::int16_t, int32_t>(t);
  set_narrow<Half, float>(t);
  set_narrow<BFloat16, float>(t);
  const auto same = [&t](DType dtype, UnaryLoop loop) {
    t.loops[static_cast<int>(dtype)][static_cast<int>(dtype)] = loop;
  };
  same(DType::Int8, &LightUnary<CastTo<uint8_t>, uint8_t>::run);
  for (const DType dtype : {DType::Int16, DType::Float16, DType::BFloat16}) {
    same(dtype, &LightUnary<CastTo<std::uint16_t>, std::uint16_t>::run);
  }
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
