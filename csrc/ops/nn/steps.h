// Steps of a recurrent layer as its operators see them: rows of all steps behind one another.
//
// Used by lstm.cpp, gru.cpp and rnn.cpp, whose backward pass is one kernel where nothing is
// differentiated again; where a graph of it or tangents are wanted, the same recurrence is written
// in recorded operators, step by step, with what stands here.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "kernels/nn/steps.h"

namespace pullback::recurrent {

using List = std::vector<Tensor>;

struct Steps {
  Dims counts;  // of the rows of each step
  bool back;

  Steps batched(std::int64_t) const { return *this; }
  std::size_t steps() const { return static_cast<std::size_t>(counts.size()); }
  // The step that is made as number s.
  std::size_t step(std::size_t s) const { return back ? steps() - 1 - s : s; }
  std::int64_t count(std::size_t t) const { return counts[static_cast<int>(t)]; }
  std::int64_t rows() const {
    std::int64_t sum = 0;
    for (const std::int64_t n : counts) sum += n;
    return sum;
  }
  std::int64_t sequences() const { return *std::max_element(counts.begin(), counts.end()); }
  bool all_alike() const { return counts[0] == counts[counts.size() - 1]; }
  kernels::Steps view() const {
    return {counts.data(), static_cast<std::int64_t>(counts.size()), back};
  }
};

inline std::int64_t last_size(const Tensor& t) { return t.size(t.ndim() - 1); }
Dims with_last(const Tensor& t, std::int64_t rows, std::int64_t columns);
// Rows from `first` on.
Tensor rows(const Tensor& t, std::int64_t first, std::int64_t count);
Tensor joined(const List& parts);
// What belongs to each step; empty for nothing.
List each_step(const Steps& a, const Tensor& t);
// `t` cut into parts along its last dimension.
List gates_of(const Tensor& t, int parts);
void add_to(Tensor& sum, const Tensor& part);
// The state before the step made as number s.
Tensor before(const Steps& a, const List& states, const Tensor& start, std::size_t s);
// The sum over all rows of the products of `d` and the states before them.
Tensor of_weight(const Steps& a, const Tensor& d, const Tensor& out, const Tensor& h0);
// The slope of a sigmoid with this value, and of a tanh.
Tensor sigmoid_slope(const Tensor& value);
Tensor tanh_slope(const Tensor& value);

// What goes back from step to step, and what of it arrives at the start.
class Carried {
 public:
  // For as many rows as the step has, on the way back; undefined for zeros.
  Tensor take(std::int64_t count);
  void put(Tensor next) { now_ = std::move(next); }
  Tensor at_start();

 private:
  Tensor now_;
  List ended_;
};

// Refuses steps whose numbers of rows are none, negative or rising.
void check_counts(const Dims& counts);
// Refuses what is of other types than the rows from the input, and types without a kernel.
void check_types(const char* name, const Tensor& gates,
                 std::initializer_list<const Tensor*> others);

}  // namespace pullback::recurrent
