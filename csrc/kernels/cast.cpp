// The other loops that change the dtype: complex numbers, and the pairs that go by way of others.
//
// From a narrow or complex dtype the way leads over its hub (the wide dtype of its real part) to
// the hub of the other one, and on from there: x in half becomes int8 as x in float, in int32, in
// int8.
#include <algorithm>
#include <utility>

#include "kernels/copy.h"

namespace pullback::kernels {
namespace {

constexpr std::int64_t kStage = 256;  // elements in a staging buffer

constexpr DType hub(DType dtype) { return wide_of(real_of(dtype)); }

UnaryLoop& entry(CastTable& t, DType to, DType from) {
  return t.loops[static_cast<int>(to)][static_cast<int>(from)];
}

template <DType to, DType from>
void by_way_of_hubs(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                    const double*) {
  constexpr DType first = hub(from), last = hub(to);
  constexpr auto first_size = static_cast<std::int64_t>(item_size(first));
  constexpr auto last_size = static_cast<std::int64_t>(item_size(last));
  alignas(16) char a[kStage * first_size], b[kStage * last_size];
  for (std::int64_t i = 0; i < n; i += kStage) {
    const std::int64_t m = std::min(kStage, n - i);
    const char* x = in + i * si;
    std::int64_t stride = si;
    if constexpr (first != from) {
      cast_loop(first, from)(a, x, first_size, stride, m, nullptr);
      x = a;
      stride = first_size;
    }
    if constexpr (last == to) {
      cast_loop(to, first)(out + i * so, x, so, stride, m, nullptr);
      continue;
    }
    if constexpr (last != first) {
      cast_loop(last, first)(b, x, last_size, stride, m, nullptr);
      x = b;
      stride = last_size;
    }
    cast_loop(to, last)(out + i * so, x, so, stride, m, nullptr);
  }
}

template <typename To, typename From>
void complex_loop(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                  const double*) {
  for (std::int64_t i = 0; i < n; ++i) {
    const From x = *reinterpret_cast<const From*>(in + i * si);
    To& to = *reinterpret_cast<To*>(out + i * so);
    if constexpr (std::is_same_v<To, bool>) {
      to = x != From{};
    } else if constexpr (std::is_floating_point_v<To>) {
      to = x.real();
    } else {
      to = To(x);
    }
  }
}

template <typename Real>
void set_complex(CastTable& t) {
  using Complex = std::complex<Real>;
  constexpr DType dtype = kDTypeOf<Complex>;
  entry(t, kDTypeOf<Real>, dtype) = &complex_loop<Real, Complex>;
  entry(t, dtype, kDTypeOf<Real>) = &complex_loop<Complex, Real>;
  entry(t, DType::Bool, dtype) = &complex_loop<bool, Complex>;
  entry(t, DType::Complex64, dtype) = &complex_loop<std::complex<float>, Complex>;
  entry(t, DType::Complex128, dtype) = &complex_loop<std::complex<double>, Complex>;
}

template <int pair>
void set_pair(CastTable& t) {
  constexpr DType to{pair / kNumDTypes}, from{pair % kNumDTypes};
  // Both have loops of their own; fill_cast() made these.
  if constexpr (hub(to) != to || hub(from) != from) {
    UnaryLoop& loop = entry(t, to, from);
    if (loop == nullptr) loop = &by_way_of_hubs<to, from>;
  }
}

}  // namespace

void fill_remaining(CastTable& t) {
  set_complex<float>(t);
  set_complex<double>(t);
  [&]<int... pairs>(std::integer_sequence<int, pairs...>) {
    (set_pair<pairs>(t), ...);
  }(std::make_integer_sequence<int, kNumDTypes * kNumDTypes>());
}

}  // namespace pullback::kernels
