// Softmax and its relatives: finding the rows (see softmax_kernels.h for what is done to one).
//
// Contiguous rows are worked on in place; others are brought into a buffer and written back.
#include "kernels/softmax.h"

#include <cmath>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/reduce_plan.h"
#include "kernels/rows.h"
#include "kernels/softmax_kernels.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(SoftmaxRows softmax_rows(DType dtype);)

namespace {

const SoftmaxRows& rows_of(DType dtype) {
  static const SoftmaxRows float32 = PULLBACK_ISA_SELECT(softmax_rows)(DType::Float32);
  static const SoftmaxRows float64 = PULLBACK_ISA_SELECT(softmax_rows)(DType::Float64);
  return dtype == DType::Float32 ? float32 : float64;
}

// Neighbouring rows that are brought in together where rows are strided.
constexpr std::int64_t kTogether = 16;

// Copies `count` strided rows of n elements, starting side by side, to rows of contiguous elements,
// or back.
template <typename T>
void gather_rows(const T* from, std::int64_t stride, std::int64_t n, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r) to[r * n + i] = from[i * stride + r];
  }
}
template <typename T>
void scatter_rows(const T* from, std::int64_t stride, std::int64_t n, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r) to[i * stride + r] = from[r * n + i];
  }
}

// Calls function(row of a, row of b, row of out, n) for all rows along dim.
template <typename T, typename Function>
void for_contiguous_rows(const View& out, const View& a, const View& b, int dim,
                         Function function) {
  const std::int64_t n = dim_size(a, dim);
  if (n == 0) return;
  const std::int64_t so = dim_stride(out, dim), sa = dim_stride(a, dim), sb = dim_stride(b, dim);
  const Walker<3> start({&out, &a, &b}, dim);
  const std::int64_t grain = std::max(kTogether, kBlockElements / 4 / n / kTogether * kTogether);
  const bool direct = so == 1 && sa == 1 && sb == 1;
  const std::int64_t inner = start.inner_size();
  bool side_by_side = inner > 1;
  for (int i = 0; i < 3; ++i) side_by_side &= start.inner_stride(i) == sizeof(T);
  parallel_for(start.count(), grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> buffer;
    if (!direct) buffer.resize(static_cast<std::size_t>(3 * kTogether * n));
    T* left = buffer.data();
    T* right = left + kTogether * n;
    T* result = right + kTogether * n;
    Walker<3> at = start;
    if (begin != 0) at.seek(begin);
    for (std::int64_t i = begin; i < end;) {
      T* to = reinterpret_cast<T*>(at[0]);
      const T* x = reinterpret_cast<const T*>(at[1]);
      const T* y = reinterpret_cast<const T*>(at[2]);
      if (direct) {
        function(x, y, to, n);
        ++i;
        at.next();
        continue;
      }
      const std::int64_t count =
          side_by_side ? std::min({kTogether, end - i, inner - i % inner}) : 1;
      gather_rows(x, sa, n, count, left);
      if (x != y) gather_rows(y, sb, n, count, right);
      for (std::int64_t r = 0; r < count; ++r) {
        function(left + r * n, (x == y ? left : right) + r * n, result + r * n, n);
      }
      scatter_rows(result, so, n, count, to);
      i += count;
      for (std::int64_t r = 0; r < count; ++r) at.next();
    }
  });
}

}  // namespace

void softmax(const View& out, const View& in, int dim) {
  visit_floating(in.dtype, "softmax", [&]<typename T>() {
    const auto row = rows_of(in.dtype).softmax;
    for_contiguous_rows<T>(out, in, in, dim,
                           [=](const T* x, const T*, T* y, std::int64_t n) { row(x, y, n); });
  });
}

void log_softmax(const View& out, const View& in, int dim) {
  visit_floating(in.dtype, "log_softmax", [&]<typename T>() {
    const auto row = rows_of(in.dtype).log_softmax;
    for_contiguous_rows<T>(out, in, in, dim,
                           [=](const T* x, const T*, T* y, std::int64_t n) { row(x, y, n); });
  });
}

void softmax_grad(const View& out, const View& g, const View& y, int dim) {
  visit_floating(y.dtype, "softmax", [&]<typename T>() {
    for_contiguous_rows<T>(out, g, y, dim, rows_of(y.dtype).softmax_grad);
  });
}

void log_softmax_grad(const View& out, const View& g, const View& y, int dim) {
  visit_floating(y.dtype, "log_softmax", [&]<typename T>() {
    for_contiguous_rows<T>(out, g, y, dim, rows_of(y.dtype).log_softmax_grad);
  });
}

void logsumexp(const View& out, const View& in) {
  const Split split(out, in);
  if (split.count == 0) return;
  visit_floating(in.dtype, "logsumexp", [&]<typename T>() {
    const Plan plan = make_plan(RowOp::Max, in.dtype);
    const auto exp_sum = rows_of(in.dtype).exp_sum;
    const std::int64_t total = split.reduced.count;
    const auto one = [&](const char* base) {
      alignas(64) T buffer[kReduceBlock];
      // The elements of a block: in place if they are contiguous.
      const auto block = [&](std::int64_t first, std::int64_t n) -> const T* {
        if (split.reduced.ndim == 1 && split.reduced.strides[0] == sizeof(T)) {
          return reinterpret_cast<const T*>(base) + first;
        }
        load(plan, in.dtype, base, split.reduced, first, n, buffer);
        return buffer;
      };
      T top = -std::numeric_limits<T>::infinity();
      for (std::int64_t first = 0; first < total; first += kReduceBlock) {
        const std::int64_t n = std::min(kReduceBlock, total - first);
        T value;
        plan.kernel.rows(block(first, n), 0, 1, n, &value);
        if (value > top || is_nan(value)) top = value;
        if (is_nan(top)) return top;
      }
      if (std::isinf(top)) return top;
      double sum = 0;
      for (std::int64_t first = 0; first < total; first += kReduceBlock) {
        const std::int64_t n = std::min(kReduceBlock, total - first);
        sum += exp_sum(block(first, n), static_cast<double>(top), n);
      }
      return static_cast<T>(static_cast<double>(top) + std::log(sum));
    };
    parallel_for(split.count,
                 std::max<std::int64_t>(1, kBlockElements / 4 / std::max<std::int64_t>(1, total)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     std::int64_t in_at, out_at;
                     split.offsets(i, &in_at, &out_at);
                     *reinterpret_cast<T*>(out.data + out_at) = one(in.data + in_at);
                   }
                 });
  });
}

}  // namespace pullback::kernels
