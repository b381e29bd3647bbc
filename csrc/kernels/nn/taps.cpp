// See taps.h.  Every output is made by one thread, its terms in the order of the taps.
#include "kernels/nn/taps.h"

#include <algorithm>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
void one_output(T* to, const T* from, const Taps& taps, std::int64_t o, std::int64_t inner) {
  const auto begin = static_cast<std::size_t>(taps.first[static_cast<std::size_t>(o)]);
  const auto end = static_cast<std::size_t>(taps.first[static_cast<std::size_t>(o) + 1]);
  if (inner == 1) {
    T sum{0};
    for (std::size_t k = begin; k < end; ++k) {
      sum += static_cast<T>(taps.weights[k]) * from[taps.inputs[k]];
    }
    *to = sum;
    return;
  }
  std::fill(to, to + inner, T{0});
  for (std::size_t k = begin; k < end; ++k) {
    const T weight = static_cast<T>(taps.weights[k]);
    const T* row = from + taps.inputs[k] * inner;
    for (std::int64_t i = 0; i < inner; ++i) to[i] += weight * row[i];
  }
}

}  // namespace

Taps Taps::transposed() const {
  Taps t;
  t.num_inputs = num_outputs();
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_inputs) + 1, 0);
  for (const std::int64_t i : inputs) ++counts[static_cast<std::size_t>(i) + 1];
  for (std::size_t i = 1; i < counts.size(); ++i) counts[i] += counts[i - 1];
  t.first = counts;
  t.inputs.resize(inputs.size());
  t.weights.resize(weights.size());
  for (std::size_t o = 0; o + 1 < first.size(); ++o) {
    for (auto k = static_cast<std::size_t>(first[o]); k < static_cast<std::size_t>(first[o + 1]);
         ++k) {
      const auto at = static_cast<std::size_t>(counts[static_cast<std::size_t>(inputs[k])]++);
      t.inputs[at] = static_cast<std::int64_t>(o);
      t.weights[at] = weights[k];
    }
  }
  return t;
}

void apply_taps(const View& out, const View& in, int dim, const Taps& taps) {
  if (is_complex(out.dtype)) return apply_taps(Pairs(out), Pairs(in), dim, taps);
  std::int64_t outer = 1, inner = 1;
  for (int d = 0; d < dim; ++d) outer *= out.sizes[d];
  for (int d = dim + 1; d < out.ndim; ++d) inner *= out.sizes[d];
  const std::int64_t outputs = taps.num_outputs();
  if (inner == 0) return;
  visit(out.dtype, [&]<typename T>() {
    T* const to = reinterpret_cast<T*>(out.data);
    const T* const from = reinterpret_cast<const T*>(in.data);
    const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / inner);
    parallel_for(outer * outputs, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t block = i / outputs;
        one_output(to + i * inner, from + block * taps.num_inputs * inner, taps,
                   i - block * outputs, inner);
      }
    });
  });
}

}  // namespace pullback::kernels
