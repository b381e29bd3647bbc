// Softmax and its relatives: finding the rows (see softmax_kernels.h for what is done to them).
//
// Contiguous rows are worked on as they lie, some at a time; strided or very short ones in groups
// side by side, in place where they lie so in memory, else in a buffer.
#include "kernels/nn/softmax.h"

#include <cmath>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/nn/softmax_kernels.h"
#include "kernels/reduce/reduce_plan.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(SoftmaxKernels softmax_kernels(DType dtype);)

namespace {

constexpr std::int64_t kGroup = kSoftmaxColumns;
// Contiguous rows up to this length are quicker in groups.
constexpr std::int64_t kShortRow = 16;

const SoftmaxKernels& kernels_of(DType dtype) {
  static const SoftmaxKernels float32 = PULLBACK_ISA_SELECT(softmax_kernels)(DType::Float32);
  static const SoftmaxKernels float64 = PULLBACK_ISA_SELECT(softmax_kernels)(DType::Float64);
  return of_floating(dtype, float32, float64);
}

// One of the three operands of a group of rows.
template <typename T>
struct Operand {
  T* rows[kGroup];
  std::int64_t stride;  // along the row
  T* buffer;            // n groups of kGroup

  void read(std::int64_t n, std::int64_t count) const {
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t i = 0; i < n; ++i) buffer[i * kGroup + r] = rows[r][i * stride];
    }
  }
  void write(std::int64_t n, std::int64_t count) const {
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t i = 0; i < n; ++i) rows[r][i * stride] = buffer[i * kGroup + r];
    }
  }
  void read_row(std::int64_t n, std::int64_t r) const {
    for (std::int64_t i = 0; i < n; ++i) buffer[i] = rows[r][i * stride];
  }
  void write_row(std::int64_t n, std::int64_t r) const {
    for (std::int64_t i = 0; i < n; ++i) rows[r][i * stride] = buffer[i];
  }
  // Side by side in memory: no buffer is needed.
  bool in_place(std::int64_t count) const {
    for (std::int64_t r = 1; r < count; ++r) {
      if (rows[r] != rows[0] + r) return false;
    }
    return count == kGroup;
  }
  Columns columns(bool in_place) const {
    return in_place ? Columns{rows[0], stride} : Columns{buffer, kGroup};
  }
};

template <typename T>
void run_group(const SoftmaxLoops& loops, const Operand<T>& out, const Operand<T>& a,
               const Operand<T>& b, std::int64_t n, std::int64_t count) {
  if (n > kShortRow && count < kGroup / 2) {
    for (std::int64_t r = 0; r < count; ++r) {
      a.read_row(n, r);
      b.read_row(n, r);
      loops.rows({{a.buffer}, {b.buffer}, {out.buffer}, 1}, n);
      out.write_row(n, r);
    }
    return;
  }
  const bool direct = out.in_place(count) && a.in_place(count) && b.in_place(count);
  if (!direct) {
    a.read(n, count);
    b.read(n, count);
  }
  loops.columns(a.columns(direct), b.columns(direct), out.columns(direct), n);
  if (!direct) out.write(n, count);
}

// All rows along dim of out = f(a, b); b is a where there is no second input.
template <typename T>
void run_rows(const SoftmaxLoops& loops, const View& out, const View& a, const View& b, int dim) {
  const std::int64_t n = dim_size(a, dim);
  if (n == 0) return;
  const View* views[3] = {&out, &a, &b};
  bool contiguous = n > kShortRow;
  for (const View* v : views) contiguous = contiguous && dim_stride(*v, dim) == 1;
  const Walker<3> start({&out, &a, &b}, dim);
  const std::int64_t grain = std::max(kGroup, kBlockElements / 4 / n / kGroup * kGroup);
  parallel_for(start.count(), grain, [&](std::int64_t begin, std::int64_t end) {
    Walker<3> at = start;
    if (begin != 0) at.seek(begin);
    if (contiguous) {
      SoftmaxRows rows;
      for (std::int64_t i = begin; i < end; i += rows.count) {
        rows.count = static_cast<int>(std::min<std::int64_t>(kSoftmaxRows, end - i));
        for (int r = 0; r < rows.count; ++r, at.next()) {
          rows.a[r] = at[1];
          rows.b[r] = at[2];
          rows.out[r] = at[0];
        }
        loops.rows(rows, n);
      }
      return;
    }
    const std::int64_t inner = start.inner_size();
    std::vector<T> buffer(static_cast<std::size_t>(3 * kGroup * n));
    Operand<T> operands[3];
    for (int o = 0; o < 3; ++o) {
      operands[o].stride = dim_stride(*views[o], dim);
      operands[o].buffer = buffer.data() + o * kGroup * n;
    }
    for (std::int64_t i = begin; i < end;) {
      // Groups keep to the innermost dimension, where rows may lie side by side.
      const std::int64_t count = inner < kGroup ? std::min(kGroup, end - i)
                                                : std::min({kGroup, end - i, inner - i % inner});
      for (std::int64_t r = 0; r < count; ++r, at.next()) {
        for (int o = 0; o < 3; ++o) operands[o].rows[r] = reinterpret_cast<T*>(at[o]);
      }
      run_group(loops, operands[0], operands[1], operands[2], n, count);
      i += count;
    }
  });
}

void run(SoftmaxLoops SoftmaxKernels::* loops, const char* what, const View& out, const View& a,
         const View& b, int dim) {
  visit_floating(a.dtype, what,
                 [&]<typename T>() { run_rows<T>(kernels_of(a.dtype).*loops, out, a, b, dim); });
}

}  // namespace

void softmax(const View& out, const View& in, int dim) {
  run(&SoftmaxKernels::softmax, "softmax", out, in, in, dim);
}

void log_softmax(const View& out, const View& in, int dim) {
  run(&SoftmaxKernels::log_softmax, "log_softmax", out, in, in, dim);
}

void softmax_grad(const View& out, const View& g, const View& y, int dim) {
  run(&SoftmaxKernels::softmax_grad, "softmax", out, g, y, dim);
}

void log_softmax_grad(const View& out, const View& g, const View& y, int dim) {
  run(&SoftmaxKernels::log_softmax_grad, "log_softmax", out, g, y, dim);
}

namespace {

// Whether neighbouring outputs read neighbouring elements, kGroup at a time: then all is done.
template <typename T>
bool logsumexp_of_columns(const Split& split, const View& out, const View& in) {
  constexpr std::int64_t kItem = sizeof(T);
  const int inner = split.ndim - 1;
  const Region& region = split.reduced;
  if (region.ndim != 1 || inner < 0 || region.strides[0] % kItem != 0) return false;
  if (split.in[inner] != kItem || split.out[inner] != kItem) return false;
  const std::int64_t width = split.sizes[inner];
  if (width < kGroup || region.count == 0) return false;
  const std::int64_t tiles = (width + kGroup - 1) / kGroup;
  const auto columns = kernels_of(in.dtype).logsumexp_columns;
  const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / 4 / kGroup / region.count);
  parallel_for(split.count / width * tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      // The last tile begins earlier, and computes some again with the same bits.
      const std::int64_t first = std::min(tile % tiles * kGroup, width - kGroup);
      std::int64_t in_at, out_at;
      split.offsets(tile / tiles * width + first, &in_at, &out_at);
      alignas(64) T result[kGroup];
      columns({in.data + in_at, region.strides[0] / kItem}, result, region.count);
      const std::int64_t again = tile % tiles * kGroup - first;
      std::copy(result + again, result + kGroup, reinterpret_cast<T*>(out.data + out_at) + again);
    }
  });
  return true;
}

}  // namespace

void logsumexp(const View& out, const View& in) {
  const Split split(out, in);
  if (split.count == 0) return;
  visit_floating(in.dtype, "logsumexp", [&]<typename T>() {
    if (logsumexp_of_columns<T>(split, out, in)) return;
    const Plan plan = make_plan(RowOp::Max, in.dtype);
    const auto exp_sum = kernels_of(in.dtype).exp_sum;
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
