// See pool.h.
#include "kernels/nn/pool.h"

#include <algorithm>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

// Three dimensions, the missing ones with one window over one element.
struct Plane {
  Windows dims[3];

  explicit Plane(const std::vector<Windows>& last) {
    const std::size_t missing = 3 - last.size();
    for (std::size_t d = 0; d < 3; ++d) dims[d] = d < missing ? one() : last[d - missing];
  }
  static Windows one() { return {1, 1, {0}, {1}}; }
  std::int64_t in() const { return dims[0].size * dims[1].size * dims[2].size; }
  std::int64_t out() const { return dims[0].count() * dims[1].count() * dims[2].count(); }
};

struct Place {
  std::size_t at[3];
};

template <typename T>
std::int64_t greatest(const T* in, const Plane& p, const Place& o) {
  const Windows &a = p.dims[0], &b = p.dims[1], &c = p.dims[2];
  std::int64_t best = (a.begin[o.at[0]] * b.size + b.begin[o.at[1]]) * c.size + c.begin[o.at[2]];
  for (std::int64_t i = a.begin[o.at[0]]; i < a.end[o.at[0]]; i += a.step) {
    for (std::int64_t j = b.begin[o.at[1]]; j < b.end[o.at[1]]; j += b.step) {
      const std::int64_t row = (i * b.size + j) * c.size;
      for (std::int64_t k = c.begin[o.at[2]]; k < c.end[o.at[2]]; k += c.step) {
        if (in[row + k] > in[best] || is_nan(in[row + k])) best = row + k;
      }
    }
  }
  return best;
}

template <typename T>
void plane_of(T* values, std::int64_t* indices, const T* in, const Plane& p) {
  std::int64_t at = 0;
  Place o{};
  for (o.at[0] = 0; o.at[0] < p.dims[0].begin.size(); ++o.at[0]) {
    for (o.at[1] = 0; o.at[1] < p.dims[1].begin.size(); ++o.at[1]) {
      for (o.at[2] = 0; o.at[2] < p.dims[2].begin.size(); ++o.at[2], ++at) {
        indices[at] = greatest(in, p, o);
        values[at] = in[indices[at]];
      }
    }
  }
}

}  // namespace

void greatest_in_windows(const View& values, const View& indices, const View& in,
                         const std::vector<Windows>& dims) {
  const Plane plane(dims);
  const std::int64_t out = plane.out();
  if (out == 0) return;
  const std::int64_t planes = values.numel() / out;
  const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / std::max(plane.in(), out));
  visit(in.dtype, [&]<typename T>() {
    parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        plane_of(reinterpret_cast<T*>(values.data) + i * out,
                 reinterpret_cast<std::int64_t*>(indices.data) + i * out,
                 reinterpret_cast<const T*>(in.data) + i * plane.in(), plane);
      }
    });
  });
}

}  // namespace pullback::kernels
