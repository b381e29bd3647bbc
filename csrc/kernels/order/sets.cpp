// Search in sorted data, distinct values, counts and histograms (see sort.h).
//
// All but searchsorted are flat and run in the calling thread.
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/order/sort.h"
#include "kernels/order/sort_keys.h"

namespace pullback::kernels {
namespace {

// The first position whose element is not below (right: is above) the value.  NaN lies above all.
template <typename T>
std::int64_t insertion_point(const T* sorted, std::int64_t stride, std::int64_t n, T value,
                             bool right) {
  std::int64_t low = 0, high = n;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const T x = sorted[middle * stride];
    const bool go_right = right ? !(x > value) : !(x >= value);
    if (go_right)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Numbers of the values' groups: `starts(i)` says whether sorted entry i begins a group.
template <typename T, typename Position, typename Starts>
std::int64_t collect(const View& in, char* values_out, std::int64_t* inverse, std::int64_t* counts,
                     Position position, Starts starts) {
  const T* x = reinterpret_cast<const T*>(in.data);
  T* values = reinterpret_cast<T*>(values_out);
  const std::int64_t n = in.numel();
  std::int64_t groups = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (starts(i)) {
      values[groups] = x[position(i)];
      if (counts != nullptr) counts[groups] = 0;
      ++groups;
    }
    if (counts != nullptr) ++counts[groups - 1];
    if (inverse != nullptr) inverse[position(i)] = groups - 1;
  }
  return groups;
}

template <typename T>
void histogram(const View& out, const View& in, T lo, T hi) {
  const std::int64_t bins = out.sizes[0];
  if (lo == hi && in.numel() > 0) {
    lo = std::numeric_limits<T>::infinity();
    hi = -lo;
    T bad = 0;
    for_elements(std::array{&in}, [&](const auto& at, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) {
        const T x = *reinterpret_cast<const T*>(at[0] + i * at.inner_stride(0));
        lo = std::min(lo, x);
        hi = std::max(hi, x);
        bad += x - x;
      }
    });
    if (is_nan(bad) && std::isfinite(lo) && std::isfinite(hi)) lo = hi = bad;
  }
  if (lo == hi) {
    lo -= 1;
    hi += 1;
  }
  check(std::isfinite(lo) && std::isfinite(hi), "torch.histc: range of [", lo, ", ", hi,
        "] is not finite");
  check(lo < hi, "torch.histc: max must be larger than min");
  T* count = reinterpret_cast<T*>(out.data);
  const std::int64_t stride = out.strides[0];
  for (std::int64_t i = 0; i < bins; ++i) count[i * stride] = 0;
  for_elements(std::array{&in}, [&](const auto& at, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T x = *reinterpret_cast<const T*>(at[0] + i * at.inner_stride(0));
      if (!(x >= lo && x <= hi)) continue;
      const auto bin = static_cast<std::int64_t>((x - lo) / (hi - lo) * static_cast<T>(bins));
      count[std::min(bin, bins - 1) * stride] += 1;
    }
  });
}

}  // namespace

void searchsorted(const View& out, const View& sorted, const View& values, bool right) {
  check(out.dtype == DType::Int64 || out.dtype == DType::Int32,
        "searchsorted: wrong dtype of the result: got ", name(out.dtype),
        ", expected int32 or int64");
  const int last = values.ndim - 1;
  const std::int64_t n = sorted.sizes[sorted.ndim - 1];
  const std::int64_t step = sorted.strides[sorted.ndim - 1];
  const std::int64_t count = dim_size(values, last);
  const std::int64_t vs = dim_stride(values, last), os = dim_stride(out, last);
  // A one-dimensional `sorted` serves every row.
  constexpr std::int64_t zeros[kMaxDims] = {};
  const View rows{sorted.data, values.sizes, sorted.ndim == 1 ? zeros : sorted.strides, values.ndim,
                  sorted.dtype};
  visit(sorted.dtype, [&]<typename T>() {
    for_rows(std::array{&values, &rows, &out}, last, count * 8, [&](const auto& at) {
      const T* v = reinterpret_cast<const T*>(at[0]);
      const T* s = reinterpret_cast<const T*>(at[1]);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t found = insertion_point(s, step, n, v[i * vs], right);
        if (out.dtype == DType::Int64) {
          reinterpret_cast<std::int64_t*>(at[2])[i * os] = found;
        } else {
          reinterpret_cast<std::int32_t*>(at[2])[i * os] = static_cast<std::int32_t>(found);
        }
      }
    });
  });
}

std::int64_t unique(const View& in, char* values_out, std::int64_t* inverse, std::int64_t* counts) {
  const std::int64_t n = in.numel();
  if (n == 0) return 0;
  std::vector<KeyedIndex> keys(static_cast<std::size_t>(n)), scratch;
  read_keys(in.data, 1, in.dtype, n, false, keys.data());
  sort_keys(keys, scratch);
  return visit(in.dtype, [&]<typename T>() {
    const T* x = reinterpret_cast<const T*>(in.data);
    const auto entry = [&](std::int64_t i) { return keys[static_cast<std::size_t>(i)]; };
    return collect<T>(
        in, values_out, inverse, counts, [&](std::int64_t i) { return entry(i).index; },
        [&](std::int64_t i) {
          return i == 0 || entry(i).key != entry(i - 1).key || is_nan(x[entry(i).index]);
        });
  });
}

std::int64_t unique_consecutive(const View& in, char* values_out, std::int64_t* inverse,
                                std::int64_t* counts) {
  return visit(in.dtype, [&]<typename T>() {
    const T* x = reinterpret_cast<const T*>(in.data);
    return collect<T>(
        in, values_out, inverse, counts, [](std::int64_t i) { return i; },
        [&](std::int64_t i) { return i == 0 || x[i] != x[i - 1]; });
  });
}

void bincount(const View& out, const View& in, const View* weights) {
  const std::int64_t n = dim_size(in, 0);
  const std::int64_t bins = out.sizes[0];
  visit_size(out.dtype, [&]<typename T>() {
    for (std::int64_t i = 0; i < bins; ++i) reinterpret_cast<T*>(out.data)[i * out.strides[0]] = 0;
  });
  const auto count = [&]<typename T>(auto add) {
    const T* x = reinterpret_cast<const T*>(in.data);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto bin = static_cast<std::int64_t>(x[i * dim_stride(in, 0)]);
      check(bin >= 0 && bin < bins, "bincount only supports 1-d non-negative integral inputs.");
      add(bin * out.strides[0], i);
    }
  };
  const auto count_any = [&](auto add) {
    if (in.dtype == DType::Int64) return count.template operator()<std::int64_t>(add);
    if (in.dtype == DType::Int32) return count.template operator()<std::int32_t>(add);
    check(in.dtype == DType::UInt8, "\"bincount_cpu\" not implemented for '",
          info(in.dtype).scalar_name, "'");
    count.template operator()<std::uint8_t>(add);
  };
  if (weights == nullptr) {
    auto* counts = reinterpret_cast<std::int64_t*>(out.data);
    return count_any([=](std::int64_t at, std::int64_t) { ++counts[at]; });
  }
  visit_floating(out.dtype, "bincount", [&]<typename W>() {
    auto* sums = reinterpret_cast<W*>(out.data);
    const auto* w = reinterpret_cast<const W*>(weights->data);
    const std::int64_t stride = dim_stride(*weights, 0);
    count_any([=](std::int64_t at, std::int64_t i) { sums[at] += w[i * stride]; });
  });
}

void histc(const View& out, const View& in, double lo, double hi) {
  visit_floating(in.dtype, "histc",
                 [&]<typename T>() { histogram(out, in, static_cast<T>(lo), static_cast<T>(hi)); });
}

}  // namespace pullback::kernels
