// See pool_kernels.h: one output in each lane.
#include <cstdint>

#include "kernels/nn/gathered.h"
#include "kernels/nn/pool_kernels.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
void greatest(const GreatestOf<T>& g) {
  constexpr int width = kWidth<T>;
  for (std::int64_t p = 0; p < g.count; p += width) {
    Vector<Place<T>> best_place = load(g.places[0] + p) + g.first[0];
    Vector<T> best = gathered(g.in, best_place);
    for (std::int64_t t = 1; t < g.num_taps; ++t) {
      const Vector<Place<T>> place = load(g.places[t] + p) + g.first[t];
      const Vector<T> seen = gathered(g.in, place);
      // What is not a number is greater than all, and the last of them counts.
      const Vector<Place<T>> better = (seen > best) | (seen != seen);
      best = better ? seen : best;
      best_place = better ? place : best_place;
    }
    const std::int64_t left = g.count - p < width ? g.count - p : width;
    store_first(g.values + p, best, left);
    for (std::int64_t l = 0; l < left; ++l) g.indices[p + l] = best_place[l];
  }
}

}  // namespace

PoolTable pool_table() { return {&greatest<float>, &greatest<double>}; }

}  // namespace pullback::kernels::PULLBACK_ISA
