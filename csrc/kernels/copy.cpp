// Copies choose between memcpy (rows that are contiguous on both sides), blocks that are transposed
// in registers, and the cast loops, in which equal dtypes are the case of no change.
#include "kernels/copy.h"

#include <algorithm>
#include <cstring>

#include "core/scalar.h"
#include "kernels/dispatch.h"
#include "kernels/nest.h"
#include "kernels/transpose.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(void fill_cast(CastTable&);)
PULLBACK_ISA_DECLARE(TransposeLoops transpose_loops();)

void fill_remaining(CastTable& table);

CastTable cast_table;

namespace {

struct FillTable {
  FillTable() {
    PULLBACK_ISA_SELECT(fill_cast)(cast_table);
    fill_remaining(cast_table);
  }
};
[[gnu::init_priority(200)]] const FillTable fill_table;

constexpr std::int64_t kThreshold = 1 << 17;
constexpr std::int64_t kGrain = 1 << 15;
constexpr std::int64_t kCopyLoop[] = {1 << 10, 1 << 17};  // bytes

template <typename T>
void fill_row(char* out, std::int64_t stride, std::int64_t n, const void* value) {
  T v;
  std::memcpy(&v, value, sizeof(T));
  if (stride == sizeof(T)) {
    std::fill_n(reinterpret_cast<T*>(out), n, v);
  } else {
    for (std::int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(out + i * stride) = v;
  }
}

// The elements of a row from the last one on.
template <typename T>
void copy_reversed(char* out, const char* in, std::int64_t n) {
  T* const to = reinterpret_cast<T*>(out);
  const T* const from = reinterpret_cast<const T*>(in) - (n - 1);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[n - 1 - i];
}

}  // namespace

void copy(View out, View in) {
  const Nest<2> nest({&out, &in});
  if (nest.numel() == 0) return;
  const std::int64_t so = nest.inner_stride(0), si = nest.inner_stride(1);
  const auto size = static_cast<std::int64_t>(item_size(out.dtype));
  const UnaryLoop loop = cast_loop(out.dtype, in.dtype);
  if (out.dtype == in.dtype && so == size && si == size) {
    nest.run(kThreshold, kGrain, [&](const auto& at, std::int64_t n) {
      // memcpy is slow for rows of a few kilobytes that lie differently in their cache lines.
      const bool apart = (at[0] - at[1]) % 32 != 0 && n * size >= kCopyLoop[0];
      if (apart && n * size <= kCopyLoop[1]) {
        loop(at[0], at[1], so, si, n, nullptr);
      } else if (at[0] != at[1]) {
        std::memcpy(at[0], at[1], static_cast<std::size_t>(n * size));
      }
    });
    return;
  }
  if (out.dtype == in.dtype && so == size && si == -size && (size == 4 || size == 8)) {
    nest.run(kThreshold, kGrain, [&](const auto& at, std::int64_t n) {
      if (size == 4) {
        copy_reversed<std::uint32_t>(at[0], at[1], n);
      } else {
        copy_reversed<std::uint64_t>(at[0], at[1], n);
      }
    });
    return;
  }
  if (out.dtype == in.dtype && (size == 4 || size == 8) && nest.transposes(size)) {
    static const TransposeLoops loops = PULLBACK_ISA_SELECT(transpose_loops)();
    const TransposeLoop transpose = size == 4 ? loops.of4 : loops.of8;
    const std::int64_t row_stride = nest.row_stride(0);
    return nest.run_planes(kThreshold, kGrain,
                           [&](const auto& at, std::int64_t rows, std::int64_t columns) {
                             transpose(at[0], row_stride, at[1], si, rows, columns);
                           });
  }
  nest.run(kThreshold, kGrain,
           [&](const auto& at, std::int64_t n) { loop(at[0], at[1], so, si, n, nullptr); });
}

void fill(View out, const void* value) {
  const Nest<1> nest({&out});
  if (nest.numel() == 0) return;
  const std::int64_t stride = nest.inner_stride(0);
  const std::size_t size = item_size(out.dtype);
  constexpr Element kZero;
  const bool zero = std::memcmp(value, &kZero, size) == 0;
  nest.run(kThreshold, kGrain, [&](const auto& at, std::int64_t n) {
    if (zero && stride == static_cast<std::int64_t>(size)) {
      std::memset(at[0], 0, static_cast<std::size_t>(n) * size);
    } else if (size == 1) {
      fill_row<std::uint8_t>(at[0], stride, n, value);
    } else if (size == 2) {
      fill_row<std::uint16_t>(at[0], stride, n, value);
    } else if (size == 4) {
      fill_row<std::uint32_t>(at[0], stride, n, value);
    } else if (size == 8) {
      fill_row<std::uint64_t>(at[0], stride, n, value);
    } else {
      fill_row<Element>(at[0], stride, n, value);
    }
  });
}

}  // namespace pullback::kernels
