// See steps.h.
#include "ops/nn/steps.h"

#include <algorithm>
#include <functional>

#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/operand.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"

namespace pullback::recurrent {

Dims with_last(const Tensor& t, std::int64_t rows, std::int64_t columns) {
  Dims sizes = t.shape();
  sizes[t.ndim() - 2] = rows;
  sizes[t.ndim() - 1] = columns;
  return sizes;
}

Tensor rows(const Tensor& t, std::int64_t first, std::int64_t count) {
  const int dim = t.ndim() - 2;
  return first == 0 && count == t.size(dim) ? t : narrow(t, dim, first, count);
}

Tensor joined(const List& parts) { return parts.size() == 1 ? parts[0] : cat(parts, -2); }

List each_step(const Steps& a, const Tensor& t) {
  return t.defined() ? split_with_sizes(t, a.counts, -2) : List{};
}

List gates_of(const Tensor& t, int parts) { return split(t, last_size(t) / parts, -1); }

void add_to(Tensor& sum, const Tensor& part) {
  if (part.defined()) sum = sum.defined() ? sum + part : part;
}

Tensor before(const Steps& a, const List& states, const Tensor& start, std::size_t s) {
  const std::int64_t count = a.count(a.step(s));
  if (s == 0) return rows(start, 0, count);
  const Tensor& last = states[a.step(s - 1)];
  const std::int64_t there = last.size(last.ndim() - 2);
  if (there >= count) return rows(last, 0, count);
  return joined({last, rows(start, there, count - there)});
}

Tensor of_weight(const Steps& a, const Tensor& d, const Tensor& out, const Tensor& h0) {
  if (!a.all_alike()) {
    const List states = each_step(a, out);
    List all(a.steps());
    for (std::size_t s = 0; s < a.steps(); ++s) all[a.step(s)] = before(a, states, h0, s);
    return matmul(matrix_transpose(d), joined(all));
  }
  const std::int64_t each = a.count(0), others = a.rows() - each;
  const Tensor first = rows(d, a.back ? others : 0, each);
  Tensor sum = matmul(matrix_transpose(first), h0);
  if (others == 0) return sum;
  return matmul(matrix_transpose(rows(d, a.back ? 0 : each, others)),
                rows(out, a.back ? each : 0, others)) +
         sum;
}

Tensor sigmoid_slope(const Tensor& value) { return value * (1 - value); }
Tensor tanh_slope(const Tensor& value) { return 1 - square(value); }

Tensor Carried::take(std::int64_t count) {
  if (!now_.defined()) return now_;
  const std::int64_t there = now_.size(now_.ndim() - 2);
  if (there > count) {
    ended_.push_back(rows(now_, count, there - count));
    return rows(now_, 0, count);
  }
  if (there == count) return now_;
  return joined(
      {now_, expanded_zeros(with_last(now_, count - there, last_size(now_)), now_.dtype())});
}

Tensor Carried::at_start() {
  ended_.push_back(now_);
  std::reverse(ended_.begin(), ended_.end());
  return joined(ended_);
}

void check_counts(const Dims& counts) {
  check(!counts.empty() && std::is_sorted(counts.begin(), counts.end(), std::greater<>()) &&
            counts[counts.size() - 1] >= 0,
        "the numbers of sequences of the steps, batch_sizes of a PackedSequence, must not rise and "
        "not be negative: got ",
        counts);
}

void check_types(const char* name, const Tensor& gates,
                 std::initializer_list<const Tensor*> others) {
  for (const Tensor* t : others) {
    if (!t->defined()) continue;
    check(t->dtype() == gates.dtype(),
          "Input and hidden tensors are not the same dtype, found input tensor with ",
          info(gates.dtype()).scalar_name, " and hidden tensor with ",
          info(t->dtype()).scalar_name);
  }
  check(ErrorKind::NotImplemented, is_floating(gates.dtype()), "\"", name,
        "\" not implemented for '", info(gates.dtype()).scalar_name, "'");
}

}  // namespace pullback::recurrent
