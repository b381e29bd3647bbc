// A sparse linear map along one dimension: each output is a weighted sum of a few inputs.
//
// Padding by reflection, pooling by means and interpolation are such maps, one a dimension.  Views
// are row-major and have equal sizes but for dimension `dim`.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.h"
#include "kernels/view.h"

namespace pullback::kernels {

// Output o reads inputs[first[o]] to inputs[first[o + 1]].
struct Taps {
  std::int64_t num_inputs = 0;
  std::vector<std::int64_t> first{0};
  std::vector<std::int64_t> inputs;
  std::vector<double> weights;

  std::int64_t num_outputs() const { return static_cast<std::int64_t>(first.size()) - 1; }
  void add(std::int64_t input, double weight) {
    check(input >= 0 && input < num_inputs, "internal error: a map of ", num_inputs,
          " elements reads number ", input, ". Please report it.");
    inputs.push_back(input);
    weights.push_back(weight);
  }
  void end_output() { first.push_back(static_cast<std::int64_t>(inputs.size())); }
  Taps transposed() const;
};

void apply_taps(const View& out, const View& in, int dim, const Taps& taps);

}  // namespace pullback::kernels
