// The inner loops of the reductions (see reduce_kernels.h).
//
// Floating rows run in lanes of accumulators (reduce_row.h); integer loops are left to the
// compiler, which may reorder them freely.
#include "kernels/reduce/reduce_row.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

constexpr std::int64_t kShort = 12;

// In order: many rows run side by side in the processor.
template <RowOp op, typename T>
Accumulator<op, T> short_row(const T* p, std::int64_t n) {
  using A = Accumulator<op, T>;
  A a = identity<op, A>();
  if constexpr (op == RowOp::Max || op == RowOp::Min) {
    // Without a branch on the data.
    bool nan = false;
    for (std::int64_t i = 0; i < n; ++i) {
      a = (op == RowOp::Max ? p[i] > a : p[i] < a) ? p[i] : a;
      nan |= p[i] != p[i];
    }
    return nan ? std::numeric_limits<A>::quiet_NaN() : a;
  }
  for (std::int64_t i = 0; i < n; ++i) a = fold<op>(a, static_cast<A>(p[i]));
  return a;
}

// Sums of float: kTree rows of kWide elements are added in a balanced tree in float, so that three
// roundings come before the sums in double, which have most of the cost when they get everything.
constexpr int kWide = 16;
constexpr int kTree = 8;

typedef float FloatVector __attribute__((vector_size(kVectorBytes)));

PULLBACK_INLINE FloatVector load(const float* p) {
  FloatVector v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
// The first `count` elements, zeros behind them.
PULLBACK_INLINE FloatVector load_part(const float* p, std::int64_t count) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
#elif defined(__AVX__)
  static constexpr std::int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  __m256i mask;
  std::memcpy(&mask, kMask + 8 - count, sizeof(mask));
  return _mm256_maskload_ps(p, mask);
#else
  float part[kVectorBytes / sizeof(float)] = {};
  for (std::int64_t i = 0; i < count; ++i) part[i] = p[i];
  return load(part);
#endif
}

double float_sum(const float* p, std::int64_t n) {
  constexpr int width = kVectorBytes / static_cast<int>(sizeof(float));
  constexpr int across = kWide / width;
  constexpr int wide_width = kVectorBytes / static_cast<int>(sizeof(double));
  constexpr int wide_vectors = kWide / wide_width;
  typedef double Wide __attribute__((vector_size(kVectorBytes)));
  Wide total[wide_vectors];
#pragma GCC unroll 8
  for (int v = 0; v < wide_vectors; ++v) total[v] = Wide{};
  const auto add_tree = [&](auto element) __attribute__((always_inline)) {
    alignas(64) float folded[kWide];
#pragma GCC unroll 4
    for (int v = 0; v < across; ++v) {
      FloatVector rows[kTree];
#pragma GCC unroll 8
      for (int k = 0; k < kTree; ++k) rows[k] = element(k * kWide + v * width);
      const FloatVector sum =
          ((rows[0] + rows[1]) + (rows[2] + rows[3])) + ((rows[4] + rows[5]) + (rows[6] + rows[7]));
      std::memcpy(folded + v * width, &sum, sizeof(sum));
    }
#pragma GCC unroll 8
    for (int v = 0; v < wide_vectors; ++v) total[v] += widened(folded + v * wide_width, total[v]);
  };
  for (; n >= kTree * kWide; n -= kTree * kWide, p += kTree * kWide) {
    add_tree([p](int at) __attribute__((always_inline)) { return load(p + at); });
  }
  if (n > 0) {
    add_tree([p, n](int at) __attribute__((always_inline)) {
      return at + width <= n ? load(p + at) : at < n ? load_part(p + at, n - at) : FloatVector{};
    });
  }
#pragma GCC unroll 8
  for (int half = wide_vectors / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < half; ++v) total[v] += total[v + half];
  }
  double flat[wide_width];
  std::memcpy(flat, total, sizeof(flat));
#pragma GCC unroll 8
  for (int half = wide_width / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int l = 0; l < half; ++l) flat[l] += flat[l + half];
  }
  return flat[0];
}

template <RowOp op, typename T>
Accumulator<op, T> row(const T* p, std::int64_t n) {
  using A = Accumulator<op, T>;
  if constexpr (op == RowOp::Sum && std::is_same_v<T, float>) {
    return n <= kShort ? short_row<op, T>(p, n) : float_sum(p, n);
  } else if constexpr (kIsFloat<T>) {
    return n <= kShort ? short_row<op, T>(p, n) : float_row<op, T>(p, n);
  } else if constexpr (op == RowOp::Sum && sizeof(T) == 1) {
    A total = 0;
    while (n > 0) {
      const std::int64_t part = n < (1 << 16) ? n : (1 << 16);
      std::uint32_t sum = 0;
      for (std::int64_t i = 0; i < part; ++i) sum += p[i];
      total += sum;
      p += part;
      n -= part;
    }
    return total;
  } else {
    A a = identity<op, A>();
    for (std::int64_t i = 0; i < n; ++i) a = fold<op>(a, static_cast<A>(p[i]));
    return a;
  }
}

template <RowOp op, typename T>
void rows(const void* in, std::int64_t row_stride, std::int64_t count, std::int64_t n, void* out) {
  const T* p = static_cast<const T*>(in);
  auto* a = static_cast<Accumulator<op, T>*>(out);
  for (std::int64_t r = 0; r < count; ++r, p += row_stride) a[r] = row<op, T>(p, n);
}

template <RowOp op, typename T>
void columns(const void* in, std::int64_t row_stride, std::int64_t count, std::int64_t n,
             void* out) {
  using A = Accumulator<op, T>;
  const T* p = static_cast<const T*>(in);
  A* __restrict a = static_cast<A*>(out);
  std::int64_t r = 0;
  if constexpr (op == RowOp::Sum && std::is_same_v<T, float>) {
    for (; r + 8 <= count; r += 8, p += 8 * row_stride) {
      const T* q = p + 4 * row_stride;
      for (std::int64_t j = 0; j < n; ++j) {
        const T first =
            (p[j] + p[j + row_stride]) + (p[j + 2 * row_stride] + p[j + 3 * row_stride]);
        const T last = (q[j] + q[j + row_stride]) + (q[j + 2 * row_stride] + q[j + 3 * row_stride]);
        a[j] += static_cast<A>(first + last);
      }
    }
  }
  for (; r + 4 <= count; r += 4, p += 4 * row_stride) {
    const T* q = p + row_stride;
    const T* s = q + row_stride;
    const T* t = s + row_stride;
    for (std::int64_t j = 0; j < n; ++j) {
      A x = fold<op>(a[j], static_cast<A>(p[j]));
      x = fold<op>(x, static_cast<A>(q[j]));
      x = fold<op>(x, static_cast<A>(s[j]));
      a[j] = fold<op>(x, static_cast<A>(t[j]));
    }
  }
  for (; r < count; ++r, p += row_stride) {
    for (std::int64_t j = 0; j < n; ++j) a[j] = fold<op>(a[j], static_cast<A>(p[j]));
  }
}

template <RowOp op, typename T>
RowKernel kernel() {
  return {&rows<op, T>, &columns<op, T>};
}

template <RowOp op>
RowKernel kernel_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
    case DType::UInt8:
      return kernel<op, std::uint8_t>();
    case DType::Int32:
      return kernel<op, std::int32_t>();
    case DType::Int64:
      return kernel<op, std::int64_t>();
    case DType::Float32:
      return kernel<op, float>();
    case DType::Float64:
      return kernel<op, double>();
    case DType::Int8:
    case DType::Int16:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  return {};
}

}  // namespace

RowKernel row_kernel(RowOp op, DType dtype) {
  switch (op) {
    case RowOp::Sum:
      return kernel_of<RowOp::Sum>(dtype);
    case RowOp::SumSq:
      if (dtype == DType::Float32) return kernel<RowOp::SumSq, float>();
      return dtype == DType::Float64 ? kernel<RowOp::SumSq, double>() : RowKernel{};
    case RowOp::Prod:
      return kernel_of<RowOp::Prod>(dtype);
    case RowOp::Max:
      return kernel_of<RowOp::Max>(dtype);
    case RowOp::Min:
      return kernel_of<RowOp::Min>(dtype);
  }
  __builtin_unreachable();
}

}  // namespace pullback::kernels::PULLBACK_ISA
