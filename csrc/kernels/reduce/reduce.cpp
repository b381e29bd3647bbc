// Reductions: planning, order of combination, threads.
//
// The reduced elements of one output are cut into blocks of kBlock; each goes through a RowKernel,
// and the partial results are combined by a Tree.  What a kernel cannot read directly (strided
// rows, |x|^p, x != 0, squared deviations) is first loaded into a buffer.  NOTE [Fixed tree]:
// partial results merge like the digits of a binary counter, so a chunk of 2^k blocks that starts
// at a multiple of 2^k is one subtree, and chunks may be worked on by any thread. Start reading at
// reduce().
#include "kernels/reduce/reduce.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/reduce/reduce_plan.h"

namespace pullback::kernels {

namespace {

constexpr std::int64_t kBlock = kReduceBlock;
constexpr std::int64_t kChunkBlocks = 64;
constexpr std::int64_t kColumnRows = 128;
constexpr std::int64_t kColumnTile = 512;
// Rows so long that they come from memory: the CPU does not look far enough ahead by itself.
constexpr std::int64_t kFar = 256 * kBlock;
constexpr std::int64_t kAhead = 8 << 10;  // bytes

// See NOTE [Fixed tree].  One slot of 8 bytes holds any accumulator.
class Tree {
 public:
  explicit Tree(const Plan& plan) : plan_(plan) {}

  void push(std::uint64_t value) {
    int level = 0;
    for (; (count_ >> level) & 1; ++level) value = merged(slots_[level], value);
    slots_[level] = value;
    ++count_;
  }

  std::uint64_t total() const {
    int level = 0;
    while (!((count_ >> level) & 1)) ++level;
    std::uint64_t value = slots_[level];
    for (++level; (count_ >> level) != 0; ++level) {
      if ((count_ >> level) & 1) value = merged(slots_[level], value);
    }
    return value;
  }

 private:
  std::uint64_t merged(std::uint64_t older, std::uint64_t newer) const {
    if (plan_.adds) {
      return std::bit_cast<std::uint64_t>(std::bit_cast<double>(older) +
                                          std::bit_cast<double>(newer));
    }
    plan_.merge(&newer, 0, 1, 1, &older);
    return older;
  }

  const Plan& plan_;
  std::uint64_t count_ = 0;
  std::uint64_t slots_[64];
};

// Reduces the region at one base pointer to one accumulator.
class RegionReducer {
 public:
  RegionReducer(const Plan& plan, DType in, const Region& region)
      : plan_(plan), in_(in), region_(region) {
    const std::int64_t inner = region.inner();
    direct_ =
        plan.load == Load::Plain && inner > 0 &&
        (region.ndim == 0 || (region.inner_stride() == static_cast<std::int64_t>(item_size(in)) &&
                              (region.ndim == 1 || inner >= 64)));
    blocks_per_row_ = direct_ ? (inner + kBlock - 1) / kBlock : 0;
    if (direct_) {
      blocks_ = region.count / inner * blocks_per_row_;
    } else {
      blocks_ = (region.count + kBlock - 1) / kBlock;
    }
  }

  // The whole region in the calling thread.
  std::uint64_t run(const char* base) const {
    if (blocks_ <= kChunkBlocks) return run_chunk(base, 0);
    Tree tree(plan_);
    for (std::int64_t chunk = 0; chunk < chunks(); ++chunk) tree.push(run_chunk(base, chunk));
    return tree.total();
  }

  std::uint64_t run_parallel(const char* base) const {
    if (blocks_ <= kChunkBlocks) return run_chunk(base, 0);
    std::vector<std::uint64_t> partial(static_cast<std::size_t>(chunks()));
    parallel_for(chunks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        partial[static_cast<std::size_t>(chunk)] = run_chunk(base, chunk);
      }
    });
    Tree tree(plan_);
    for (const std::uint64_t value : partial) tree.push(value);
    return tree.total();
  }

  bool direct() const { return direct_; }

 private:
  std::int64_t chunks() const { return (blocks_ + kChunkBlocks - 1) / kChunkBlocks; }

  std::uint64_t run_chunk(const char* base, std::int64_t chunk) const {
    const std::int64_t begin = chunk * kChunkBlocks;
    const std::int64_t end = std::min(blocks_, begin + kChunkBlocks);
    std::uint64_t value = 0;
    if (end - begin == 1) {
      run_block(base, begin, &value);
      return value;
    }
    if (begin == end) {
      plan_.kernel.rows(nullptr, 0, 1, 0, &value);
      return value;
    }
    Tree tree(plan_);
    for (std::int64_t block = begin; block < end; ++block) {
      run_block(base, block, &value);
      tree.push(value);
    }
    return tree.total();
  }

  void run_block(const char* base, std::int64_t block, std::uint64_t* value) const {
    if (direct_) {
      const std::int64_t inner = region_.inner();
      const std::int64_t row = block / blocks_per_row_;
      const std::int64_t first = (block - row * blocks_per_row_) * kBlock;
      std::int64_t left;
      const auto item = static_cast<std::int64_t>(item_size(in_));
      const char* p = base + (row == 0 ? 0 : region_.offset(row * inner, &left)) + first * item;
      const std::int64_t n = std::min(kBlock, inner - first);
      if (inner >= kFar) {
        for (std::int64_t at = 0; at < n * item; at += 64) __builtin_prefetch(p + kAhead + at);
      }
      plan_.kernel.rows(p, 0, 1, n, value);
      return;
    }
    alignas(64) char buffer[kBlock * 8];
    const std::int64_t first = block * kBlock;
    const std::int64_t n = std::min(kBlock, region_.count - first);
    load(plan_, in_, base, region_, first, n, buffer);
    plan_.kernel.rows(buffer, 0, 1, n, value);
  }

  const Plan& plan_;
  DType in_;
  const Region& region_;
  bool direct_;
  std::int64_t blocks_per_row_;
  std::int64_t blocks_;
};

// Columns: outputs lie side by side in memory, the reduced dimension behind them.  `rows` of
// `width` elements are folded into accumulators, kColumnRows at a time, through the same tree.
class ColumnReducer {
 public:
  ColumnReducer(const Plan& plan, DType in, std::int64_t rows, std::int64_t row_stride)
      : plan_(plan),
        item_(static_cast<std::int64_t>(item_size(in))),
        size_(static_cast<std::int64_t>(item_size(plan.accumulator))),
        rows_(rows),
        row_stride_(row_stride) {}

  // One tile of at most kColumnTile columns.
  void run(const char* base, std::int64_t width, char* out, DType out_dtype,
           std::int64_t out_stride) const {
    alignas(64) char buffer[kColumnTile * 8];
    fold(base, 0, rows_, width, buffer);
    store(out, out_dtype, out_stride, buffer, width, plan_);
  }

  // A narrow tile with many rows: chunks of rows on all threads.
  void run_parallel(const char* base, std::int64_t width, char* out, DType out_dtype,
                    std::int64_t out_stride) const {
    std::int64_t chunk_rows = kColumnRows;
    while (chunk_rows * width < kBlock * kChunkBlocks) chunk_rows *= 2;
    const std::int64_t chunks = (rows_ + chunk_rows - 1) / chunk_rows;
    if (chunks <= 1) return run(base, width, out, out_dtype, out_stride);
    std::vector<char> partial(static_cast<std::size_t>(chunks * width * size_));
    parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const std::int64_t first = c * chunk_rows;
        fold(base, first, std::min(chunk_rows, rows_ - first), width,
             partial.data() + c * width * size_);
      }
    });
    merge_all(partial.data(), chunks, width);
    store(out, out_dtype, out_stride, partial.data(), width, plan_);
  }

 private:
  // In place over `count` rows of accumulators, by the tree of neighbours that a counter makes.
  void merge_all(char* values, std::int64_t count, std::int64_t width) const {
    for (std::int64_t step = 1; step < count; step *= 2) {
      for (std::int64_t i = 0; i + step < count; i += 2 * step) {
        plan_.merge(values + (i + step) * width * size_, 0, 1, width, values + i * width * size_);
      }
    }
  }

  void fold(const char* base, std::int64_t first, std::int64_t rows, std::int64_t width,
            char* out) const {
    const char* p = base + first * row_stride_;
    const std::int64_t blocks = (rows + kColumnRows - 1) / kColumnRows;
    if (blocks <= 1) return fold_block(p, rows, width, out);
    int levels = 1;
    while ((blocks >> levels) != 0) ++levels;
    std::vector<char> slots(static_cast<std::size_t>((levels + 1) * width * size_));
    char* current = slots.data() + levels * width * size_;
    for (std::int64_t block = 0; block < blocks; ++block) {
      fold_block(p + block * kColumnRows * row_stride_,
                 std::min(kColumnRows, rows - block * kColumnRows), width, current);
      int level = 0;
      for (; (block >> level) & 1; ++level)
        push(slots.data() + level * width * size_, current, width);
      std::memcpy(slots.data() + level * width * size_, current,
                  static_cast<std::size_t>(width * size_));
    }
    int level = 0;
    while (!((blocks >> level) & 1)) ++level;
    std::memcpy(current, slots.data() + level * width * size_,
                static_cast<std::size_t>(width * size_));
    for (++level; level < levels; ++level) {
      if ((blocks >> level) & 1) push(slots.data() + level * width * size_, current, width);
    }
    std::memcpy(out, current, static_cast<std::size_t>(width * size_));
  }

  // newer = older + newer; both orders of a commutative merge give the same bits except for NaN
  // payloads.
  void push(const char* older, char* newer, std::int64_t width) const {
    plan_.merge(older, 0, 1, width, newer);
  }

  void fold_block(const char* p, std::int64_t rows, std::int64_t width, char* out) const {
    for (std::int64_t j = 0; j < width; ++j) plan_.kernel.rows(nullptr, 0, 1, 0, out + j * size_);
    plan_.kernel.columns(p, row_stride_ / item_, rows, width, out);
  }

  const Plan& plan_;
  std::int64_t item_;
  std::int64_t size_;
  std::int64_t rows_;
  std::int64_t row_stride_;
};

bool try_columns(const Plan& plan, const Split& split, const View& out, const View& in) {
  const auto item = static_cast<std::int64_t>(item_size(in.dtype));
  const int inner = split.ndim - 1;
  if (plan.load != Load::Plain || split.reduced.ndim != 1 || inner < 0 || split.in[inner] != item ||
      split.sizes[inner] < 4 || split.reduced.strides[0] == item ||
      split.reduced.strides[0] % item != 0) {
    return false;
  }
  const std::int64_t rows = split.reduced.sizes[0];
  const ColumnReducer reducer(plan, in.dtype, rows, split.reduced.strides[0]);
  const std::int64_t width = split.sizes[inner];
  const std::int64_t tiles = (width + kColumnTile - 1) / kColumnTile;
  const std::int64_t outer = split.count / width;
  const auto run = [&](std::int64_t tile, bool parallel) {
    const std::int64_t first = tile % tiles * kColumnTile;
    std::int64_t in_at, out_at;
    split.offsets(tile / tiles * width + first, &in_at, &out_at);
    const std::int64_t columns = std::min(kColumnTile, width - first);
    if (parallel) {
      reducer.run_parallel(in.data + in_at, columns, out.data + out_at, out.dtype,
                           split.out[inner]);
    } else {
      reducer.run(in.data + in_at, columns, out.data + out_at, out.dtype, split.out[inner]);
    }
  };
  // Chosen by shape only, so that the tree never depends on the number of threads.
  if (rows * std::min(width, kColumnTile) >= 2 * kBlock * kChunkBlocks && rows >= 8 * kColumnRows) {
    for (std::int64_t tile = 0; tile < outer * tiles; ++tile) run(tile, true);
    return true;
  }
  const std::int64_t cost = std::max<std::int64_t>(1, rows * std::min(width, kColumnTile));
  parallel_for(outer * tiles, std::max<std::int64_t>(1, kBlockElements / cost),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t tile = begin; tile < end; ++tile) run(tile, false);
               });
  return true;
}

// Contiguous rows of at most one block, or single elements, evenly spaced: the kernel runs over
// many at once.
bool try_rows(const Plan& plan, const Split& split, const View& out, const View& in) {
  const auto item = static_cast<std::int64_t>(item_size(in.dtype));
  const Region& region = split.reduced;
  const bool is_row = region.ndim == 0 || (region.ndim == 1 && region.strides[0] == item);
  if (plan.load != Load::Plain || !is_row || region.count > kBlock || split.ndim != 1 ||
      split.in[0] % item != 0) {
    return false;
  }
  const std::int64_t n = region.count;
  parallel_for(
      split.count, kBlockElements / std::max<std::int64_t>(1, n),
      [&](std::int64_t begin, std::int64_t end) {
        alignas(64) char buffer[128 * 8];
        for (std::int64_t first = begin; first < end; first += 128) {
          const std::int64_t rows = std::min<std::int64_t>(128, end - first);
          plan.kernel.rows(in.data + first * split.in[0], split.in[0] / item, rows, n, buffer);
          store(out.data + first * split.out[0], out.dtype, split.out[0], buffer, rows, plan);
        }
      });
  return true;
}

// Calls run(i, parallel) for every output: threads share the outputs, or each large output.
template <typename Run>
void for_outputs(const Split& split, Run run) {
  const std::int64_t cost = std::max<std::int64_t>(1, split.reduced.count);
  if (cost > 2 * kBlock * kChunkBlocks) {
    for (std::int64_t i = 0; i < split.count; ++i) run(i, true);
    return;
  }
  parallel_for(split.count, std::max<std::int64_t>(1, kBlockElements / cost),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) run(i, false);
               });
}

void reduce_general(const Plan& plan, const View& out, const View& in) {
  const Split split(out, in);
  if (split.count == 0) return;
  if (try_rows(plan, split, out, in) || try_columns(plan, split, out, in)) return;
  const RegionReducer reducer(plan, in.dtype, split.reduced);
  for_outputs(split, [&](std::int64_t i, bool parallel) {
    std::int64_t in_at, out_at;
    split.offsets(i, &in_at, &out_at);
    const char* base = in.data + in_at;
    const std::uint64_t value = parallel ? reducer.run_parallel(base) : reducer.run(base);
    store(out.data + out_at, out.dtype, 0, &value, 1, plan);
  });
}

// Every output by one thread, in the order of its region.
template <typename Real>
void multiply_regions(const Split& split, const View& out, const View& in) {
  using Complex = std::complex<Real>;
  for_outputs(split, [&](std::int64_t i, bool) {
    std::int64_t in_at, out_at, left;
    split.offsets(i, &in_at, &out_at);
    std::complex<double> product = 1;
    for (std::int64_t k = 0; k < split.reduced.count; ++k) {
      product *=
          *reinterpret_cast<const Complex*>(in.data + in_at + split.reduced.offset(k, &left));
    }
    *reinterpret_cast<Complex*>(out.data + out_at) = Complex(product);
  });
}

void multiply_complex(const View& out, const View& in) {
  const Split split(out, in);
  if (in.dtype == DType::Complex64) return multiply_regions<float>(split, out, in);
  multiply_regions<double>(split, out, in);
}

double as_double(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// The number of elements of a view whose elements lie side by side in row-major order, else -1.
std::int64_t flat_count(const View& v) {
  std::int64_t n = 1;
  for (int d = v.ndim - 1; d >= 0; --d) {
    if (v.sizes[d] != 1 && v.strides[d] != n) return -1;
    n *= v.sizes[d];
  }
  return n;
}

}  // namespace

void reduce(Reduce op, const View& out, const View& in, double param) {
  if (is_complex(in.dtype)) [[unlikely]] {
    if (op == Reduce::Sum) return reduce(op, Pairs(out), Pairs(in));
    if (op == Reduce::Prod) return multiply_complex(out, in);
  }
  const Plan plan = make_plan(op, in.dtype, param);
  if (plan.load == Load::Plain && flat_count(out) == 1) {
    const std::int64_t n = flat_count(in);
    if (n > 0 && n <= kBlock) {
      std::uint64_t value = 0;
      plan.kernel.rows(in.data, 0, 1, n, &value);
      return store(out.data, out.dtype, 0, &value, 1, plan);
    }
  }
  reduce_general(plan, out, in);
}

void var_mean(const View& var, const View& mean, const View& in, double correction, bool root) {
  const View* means = mean.data == nullptr ? nullptr : &mean;
  const Split split(var, in, means);
  if (split.count == 0) return;
  const Plan sum = make_plan(RowOp::Sum, in.dtype);
  const RegionReducer sums(sum, in.dtype, split.reduced);
  const auto n = static_cast<double>(split.reduced.count);
  const double divisor = std::max(0.0, n - correction);
  const auto run = [&](std::int64_t i, bool parallel) {
    std::int64_t in_at, var_at, mean_at;
    split.offsets(i, &in_at, &var_at, &mean_at);
    const char* base = in.data + in_at;
    Plan squares = make_plan(RowOp::Sum, DType::Float64);
    squares.load = Load::Deviation;
    squares.param = as_double(parallel ? sums.run_parallel(base) : sums.run(base)) / n;
    const RegionReducer deviations(squares, in.dtype, split.reduced);
    const double total = as_double(parallel ? deviations.run_parallel(base) : deviations.run(base));
    visit_floating(var.dtype, "var", [&]<typename T>() {
      const double variance = total / divisor;
      *reinterpret_cast<T*>(var.data + var_at) =
          static_cast<T>(root ? std::sqrt(variance) : variance);
      if (means != nullptr) {
        *reinterpret_cast<T*>(mean.data + mean_at) = static_cast<T>(squares.param);
      }
    });
  };
  for_outputs(split, run);
}

}  // namespace pullback::kernels
