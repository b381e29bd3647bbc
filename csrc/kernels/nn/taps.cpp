// See taps.h.  Every output is made by one thread, its terms in the order of the taps.
#include "kernels/nn/taps.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/dispatch.h"
#include "kernels/nn/taps_kernels.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(TapsTable taps_table();)

namespace {

template <typename T>
const TapsKernels<T>& loops() {
  static const TapsTable table = PULLBACK_ISA_SELECT(taps_table)();
  if constexpr (sizeof(T) == 4) {
    return table.float32;
  } else {
    return table.float64;
  }
}

// Of whole numbers.

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

// Rows of outputs that are neighbours: their places, several rows at once if they are short.
template <typename T>
class Neighbours {
 public:
  explicit Neighbours(const Taps& taps)
      : outputs_(taps.num_outputs()),
        inputs_(taps.num_inputs),
        rows_(std::max<std::int64_t>(1, kLanes / std::max<std::int64_t>(1, outputs_))),
        width_((rows_ * outputs_ + kPlacesAtOnce - 1) / kPlacesAtOnce * kPlacesAtOnce) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::size_t o = 0; o + 1 < taps.first.size(); ++o) {
      most_ = std::max(most_, taps.first[o + 1] - taps.first[o]);
      least = std::min(least, taps.first[o + 1] - taps.first[o]);
    }
    const auto size = static_cast<std::size_t>(most_ * width_);
    places_.assign(size, 0);
    weights_.assign(size, T{0});
    if (least < most_) used_.assign(size, 0);
    for (std::int64_t p = 0; p < rows_ * outputs_; ++p) {
      const auto o = static_cast<std::size_t>(p % outputs_);
      auto at = static_cast<std::size_t>(p);
      for (std::int64_t k = taps.first[o]; k < taps.first[o + 1]; ++k) {
        places_[at] = static_cast<PlaceOf<T>>(p / outputs_ * inputs_ +
                                              taps.inputs[static_cast<std::size_t>(k)]);
        weights_[at] = static_cast<T>(taps.weights[static_cast<std::size_t>(k)]);
        if (!used_.empty()) used_[at] = -1;
        at += static_cast<std::size_t>(width_);
      }
    }
  }
  std::int64_t rows() const { return rows_; }
  // Of one row the places fit.
  static bool takes(const Taps& taps) {
    return taps.num_inputs <= std::numeric_limits<std::int32_t>::max() / (kLanes + 1);
  }
  void apply(T* to, const T* from, std::int64_t begin, std::int64_t end) const {
    for (; begin < end; begin += rows_) {
      loops<T>().neighbours({from + begin * inputs_, to + begin * outputs_, places_.data(),
                             weights_.data(), used_.empty() ? nullptr : used_.data(), width_, most_,
                             std::min(rows_, end - begin) * outputs_});
    }
  }

 private:
  static constexpr std::int64_t kLanes = 128;
  std::int64_t outputs_, inputs_, rows_, width_;
  std::int64_t most_ = 0;  // taps of an output
  std::vector<PlaceOf<T>> places_, used_;
  std::vector<T> weights_;
};

template <typename T>
void apply_in_lanes(T* to, const T* from, const Taps& taps, std::int64_t outer,
                    std::int64_t inner) {
  const std::int64_t outputs = taps.num_outputs();
  const std::int64_t row = std::max<std::int64_t>(1, outputs * inner);
  const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / row);
  if (inner == 1 && Neighbours<T>::takes(taps)) {
    const Neighbours<T> neighbours(taps);
    const std::int64_t whole = (grain + neighbours.rows() - 1) / neighbours.rows();
    return parallel_for(
        outer, whole * neighbours.rows(),
        [&](std::int64_t begin, std::int64_t end) { neighbours.apply(to, from, begin, end); });
  }
  std::vector<T> weights(taps.weights.size());
  std::ranges::transform(taps.weights, weights.begin(),
                         [](double weight) { return static_cast<T>(weight); });
  const auto some = [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    loops<T>().rows({from + block * taps.num_inputs * inner, to + (block * outputs + begin) * inner,
                     taps.first.data() + begin, taps.inputs.data(), weights.data(), end - begin,
                     inner});
  };
  if (outer > 1) {
    return parallel_for(outer, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) some(block, 0, outputs);
    });
  }
  parallel_for(outputs, std::max<std::int64_t>(1, kBlockElements / inner),
               [&](std::int64_t begin, std::int64_t end) { some(0, begin, end); });
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
    if constexpr (std::is_floating_point_v<T>) {
      return apply_in_lanes(to, from, taps, outer, inner);
    }
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
