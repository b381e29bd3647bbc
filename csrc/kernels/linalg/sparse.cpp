// See sparse.h.  Threads share the rows that are written, so each sum is in the order of the
// elements, whatever their number.
#include "kernels/linalg/sparse.h"

#include <algorithm>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

constexpr std::int64_t kGrain = 16384;

void check_place(std::int64_t number, std::int64_t most, const char* what) {
  if (number >= 0 && number < most) [[likely]]
    return;
  fail(ErrorKind::Index, "sparse product: got a ", what, " with the number ", number,
       ", expected 0 to ", most - 1, ".");
}

// Which elements belong to rows [begin, end): a run of them where rows do not fall.
struct Run {
  std::int64_t first, last;
};
Run run_of(const std::int64_t* row, std::int64_t n, bool rises, std::int64_t begin,
           std::int64_t end) {
  if (!rises) return {0, n};
  return {std::lower_bound(row, row + n, begin) - row, std::lower_bound(row, row + n, end) - row};
}

// Few blocks where each of them looks at all elements, one where nobody shares them.
std::int64_t rows_per_block(const SparseSizes& s, bool rises) {
  const std::int64_t work = s.elements * std::max<std::int64_t>(1, s.width) + s.rows * s.width;
  const std::int64_t blocks = rises ? work / kGrain : 8;
  return std::max<std::int64_t>(1, (s.rows + blocks - 1) / std::max<std::int64_t>(1, blocks));
}
bool is_shared(const SparseSizes& s) {
  return num_threads() > 1 && s.elements * std::max<std::int64_t>(1, s.width) >= 2 * kGrain;
}

// to[j] += sum of values[e] * x[column[e], j] over the elements of one row, in kLanes partial sums
// for a single j.
template <typename T>
void add_row(T* to, const T* values, const std::int64_t* column, std::int64_t n, const T* x,
             std::int64_t width) {
  if (width == 1) {
    T lanes[4] = {};
    std::int64_t e = 0;
    for (; e + 4 <= n; e += 4) {
      for (int k = 0; k < 4; ++k) lanes[k] += values[e + k] * x[column[e + k]];
    }
    for (int k = 0; e < n; ++e, ++k) lanes[k] += values[e] * x[column[e]];
    *to += (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    return;
  }
  constexpr int kBlock = 8;
  std::int64_t j = 0;
  for (; j + kBlock <= width; j += kBlock) {
    T sums[kBlock];
    std::copy_n(to + j, kBlock, sums);
    for (std::int64_t e = 0; e < n; ++e) {
      const T* const from = x + column[e] * width + j;
      for (int k = 0; k < kBlock; ++k) sums[k] += values[e] * from[k];
    }
    std::copy_n(sums, kBlock, to + j);
  }
  if (j == width) return;
  for (std::int64_t e = 0; e < n; ++e) {
    const T* const from = x + column[e] * width;
    for (std::int64_t k = j; k < width; ++k) to[k] += values[e] * from[k];
  }
}

template <typename T>
void add_products(T* out, const T* values, const std::int64_t* row, const std::int64_t* column,
                  const T* x, const SparseSizes& s) {
  const bool shared = is_shared(s);
  const bool rises = shared && std::is_sorted(row, row + s.elements);
  const std::int64_t grain = shared ? rows_per_block(s, rises) : std::max<std::int64_t>(1, s.rows);
  parallel_for(s.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    std::fill(out + begin * s.width, out + end * s.width, T(0));
    const Run run = run_of(row, s.elements, rises, begin, end);
    for (std::int64_t e = run.first; e < run.last;) {
      const std::int64_t of = row[e], first = e;
      check_place(of, s.rows, "row");
      for (; e < run.last && row[e] == of; ++e) check_place(column[e], s.columns, "column");
      if (of < begin || of >= end) continue;
      add_row(out + of * s.width, values + first, column + first, e - first, x, s.width);
    }
  });
}

template <typename T>
T inner(const T* a, const T* b, std::int64_t n) {
  constexpr int kLanes = 8;
  T lanes[kLanes] = {};
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (int k = 0; k < kLanes; ++k) lanes[k] += a[j + k] * b[j + k];
  }
  for (int k = 0; j < n; ++j, ++k) lanes[k] += a[j] * b[j];
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

// Floating-point and complex numbers.
template <typename Body>
void visit_numbers(DType dtype, Body&& body) {
  if (dtype == DType::Complex64) return body.template operator()<std::complex<float>>();
  if (dtype == DType::Complex128) return body.template operator()<std::complex<double>>();
  visit_floating(dtype, "sparse product", body);
}

}  // namespace

void sparse_product(DType dtype, void* out, const void* values, const std::int64_t* row,
                    const std::int64_t* column, const void* x, const SparseSizes& s) {
  visit_numbers(dtype, [&]<typename T>() {
    for (std::int64_t b = 0; b < s.stack; ++b) {
      add_products(static_cast<T*>(out) + b * s.rows * s.width,
                   static_cast<const T*>(values) + b * s.elements, row + b * s.elements,
                   column + b * s.elements, static_cast<const T*>(x) + b * s.columns * s.width, s);
    }
  });
}

void sampled_product(DType dtype, void* out, const void* a, const void* b, const std::int64_t* row,
                     const std::int64_t* column, const SparseSizes& s) {
  visit_numbers(dtype, [&]<typename T>() {
    parallel_for(s.stack * s.elements,
                 std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, s.width)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t e = begin; e < end; ++e) {
                     const std::int64_t of = e / s.elements;
                     check_place(row[e], s.rows, "row");
                     check_place(column[e], s.columns, "column");
                     const T* const left = static_cast<const T*>(a);
                     const T* const right = static_cast<const T*>(b);
                     static_cast<T*>(out)[e] =
                         inner(left + (of * s.rows + row[e]) * s.width,
                               right + (of * s.columns + column[e]) * s.width, s.width);
                   }
                 });
  });
}

}  // namespace pullback::kernels
