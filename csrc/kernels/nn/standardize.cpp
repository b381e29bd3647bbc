// See standardize.h.  A group is summed by one thread, in double and in two passes.
#include "kernels/nn/standardize.h"

#include <algorithm>
#include <cmath>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

struct Groups {
  std::int64_t outer, count, inner;

  explicit Groups(const View& v) : outer(v.sizes[0]), count(v.sizes[1]), inner(v.sizes[2]) {}
  double size() const { return static_cast<double>(outer * inner); }
  std::int64_t grain() const {
    return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, outer * inner));
  }
  // Calls visit(offset of a row of `inner` elements) for the rows of a group.
  template <typename Visit>
  void rows(std::int64_t group, Visit&& visit) const {
    for (std::int64_t o = 0; o < outer; ++o) visit((o * count + group) * inner);
  }
};

template <typename T>
const T* numbers(const View& v) {
  return reinterpret_cast<const T*>(v.data);
}

template <typename T>
void standardize_group(T* out, T* moments, const T* in, const Groups& groups, std::int64_t g,
                       double eps) {
  double sum = 0;
  groups.rows(g, [&](std::int64_t at) {
    for (std::int64_t i = 0; i < groups.inner; ++i) sum += static_cast<double>(in[at + i]);
  });
  const double mean = sum / groups.size();
  double squares = 0;
  groups.rows(g, [&](std::int64_t at) {
    for (std::int64_t i = 0; i < groups.inner; ++i) {
      const double d = static_cast<double>(in[at + i]) - mean;
      squares += d * d;
    }
  });
  const double variance = squares / groups.size();
  const double scale = 1 / std::sqrt(variance + eps);
  moments[g] = static_cast<T>(mean);
  moments[groups.count + g] = static_cast<T>(variance);
  moments[2 * groups.count + g] = static_cast<T>(scale);
  groups.rows(g, [&](std::int64_t at) {
    for (std::int64_t i = 0; i < groups.inner; ++i) {
      out[at + i] = static_cast<T>((static_cast<double>(in[at + i]) - mean) * scale);
    }
  });
}

template <typename T>
void grad_group(T* out, const T* g, const T* y, T scale, const Groups& groups, std::int64_t group) {
  double sum = 0, product = 0;
  groups.rows(group, [&](std::int64_t at) {
    for (std::int64_t i = 0; i < groups.inner; ++i) {
      sum += static_cast<double>(g[at + i]);
      product += static_cast<double>(g[at + i]) * static_cast<double>(y[at + i]);
    }
  });
  const T mean = static_cast<T>(sum / groups.size());
  const T slope = static_cast<T>(product / groups.size());
  groups.rows(group, [&](std::int64_t at) {
    for (std::int64_t i = at; i < at + groups.inner; ++i) {
      out[i] = scale * (g[i] - mean - y[i] * slope);
    }
  });
}

}  // namespace

void standardize(const View& out, const View& moments, const View& in, double eps) {
  const Groups groups(in);
  visit_floating(in.dtype, "standardize", [&]<typename T>() {
    T* const to = reinterpret_cast<T*>(out.data);
    T* const m = reinterpret_cast<T*>(moments.data);
    parallel_for(groups.count, groups.grain(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        standardize_group(to, m, numbers<T>(in), groups, g, eps);
      }
    });
  });
}

void standardize_grad(const View& out, const View& g, const View& y, const View& moments) {
  const Groups groups(y);
  visit_floating(y.dtype, "standardize", [&]<typename T>() {
    T* const to = reinterpret_cast<T*>(out.data);
    const T* const scales = numbers<T>(moments) + 2 * groups.count;
    parallel_for(groups.count, groups.grain(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        grad_group(to, numbers<T>(g), numbers<T>(y), scales[k], groups, k);
      }
    });
  });
}

}  // namespace pullback::kernels
