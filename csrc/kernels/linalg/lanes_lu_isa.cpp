// LU and Cholesky factors, systems and inverses of a group of matrices: see lanes.h.
//
// The algorithms are those of small.h, operation for operation, with choices between lanes in the
// place of branches.  Four columns are changed at once, which reads the column that changes them
// once.
#include <limits>

#include "kernels/linalg/lanes_vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

// From column to column: 32 vectors of 64 bytes would give all columns the same few places in a
// cache, which takes three times as long.
constexpr int step_of(int rows) { return rows < kLaneRows ? rows : kLaneRows + 1; }
constexpr int kMost = step_of(kLaneRows) * kLaneRows;

// columns[begin, end) -= factors[0] * x of as many columns, which are `step` apart.
template <typename T>
PULLBACK_INLINE void subtract(const V<T>* x, V<T>* columns, int step, int count, int begin, int end,
                              int factor) {
  int c = 0;
  for (; c + 4 <= count; c += 4) {
    V<T>* const a = columns + c * step;
    V<T>* const b = a + step;
    V<T>* const d = b + step;
    V<T>* const e = d + step;
    const V<T> fa = a[factor];
    const V<T> fb = b[factor];
    const V<T> fd = d[factor];
    const V<T> fe = e[factor];
    for (int i = begin; i < end; ++i) {
      const V<T> xi = x[i];
      a[i] -= xi * fa;
      b[i] -= xi * fb;
      d[i] -= xi * fd;
      e[i] -= xi * fe;
    }
  }
  for (; c < count; ++c) {
    V<T>* const a = columns + c * step;
    const V<T> fa = a[factor];
    for (int i = begin; i < end; ++i) a[i] -= x[i] * fa;
  }
}

// Exchanges row j with the row that each lane says, in all columns.
template <typename T>
PULLBACK_INLINE void exchange(V<T>* a, int step, int n, int j, V<T> best) {
  const V<T> here = spread(T(j));
  for (int k = 0; k < kLanes<T>; ++k) {
    const int other = int(best[k]);
    if (other == j) continue;
    // All lanes that want this row at once, which are then done.
    const Mask<T> wanted = best == spread(T(other));
    best = wanted ? here : best;
    for (int c = 0; c < n; ++c) {
      V<T>* const column = a + c * step;
      const V<T> x = column[j];
      const V<T> y = column[other];
      column[j] = wanted ? y : x;
      column[other] = wanted ? x : y;
    }
  }
}

// The same where rows are few: all that there are, without a branch.
template <typename T>
PULLBACK_INLINE void exchange_few(V<T>* a, int m, int n, int j, V<T> best) {
  for (int other = j + 1; other < m; ++other) {
    const Mask<T> wanted = best == spread(T(other));
    for (int c = 0; c < n; ++c) {
      V<T>* const column = a + c * m;
      const V<T> x = column[j];
      const V<T> y = column[other];
      column[j] = wanted ? y : x;
      column[other] = wanted ? x : y;
    }
  }
}

constexpr int kFewRows = 4;

// P A = L U in place; the row exchanged with row j in pivots[j], from 0; the first zero in `info`.
template <typename T>
PULLBACK_INLINE void factor(V<T>* a, int m, int n, V<T>* pivots, V<T>& info) {
  info = V<T>{};
  const int k = m < n ? m : n;
  const int step = step_of(m);
  for (int j = 0; j < k; ++j) {
    V<T>* const column = a + j * step;
    V<T> best = spread(T(j));
    V<T> greatest = size_of(column[j]);
    for (int i = j + 1; i < m; ++i) {
      const V<T> size = size_of(column[i]);
      const Mask<T> greater = size > greatest;
      greatest = greater ? size : greatest;
      best = greater ? spread(T(i)) : best;
    }
    pivots[j] = best;
    if (m <= kFewRows) {
      exchange_few<T>(a, m, n, j, best);
    } else {
      exchange<T>(a, step, n, j, best);
    }
    const V<T> pivot = column[j];
    const Mask<T> zero = pivot == T(0);
    info = (zero & (info == T(0))) ? spread(T(j + 1)) : info;
    const V<T> divisor = zero ? spread(T(1)) : pivot;
    for (int i = j + 1; i < m; ++i) column[i] /= divisor;
    subtract<T>(column, column + step, step, n - j - 1, j + 1, m, j);
  }
}

// Calls body with the matrices and their number of rows, which the compiler knows where square ones
// have two or three: loops over them are then written out.
template <typename T, typename Body>
PULLBACK_INLINE void with_rows(const LaneMatrices<T>& a, Body body) {
  const auto of = [&](int n) __attribute__((always_inline)) {
    LaneMatrices<T> known = a;
    known.rows = known.columns = n;
    body(known);
  };
  if (a.rows != a.columns) return body(a);
  switch (a.rows) {
    case 2:
      return of(2);
    case 3:
      return of(3);
    default:
      return body(a);
  }
}

// Of right sides that lie as matrices of n rows do.
template <typename T>
PULLBACK_INLINE void solve(const V<T>* lu, int n, V<T>* b, int columns) {
  const int step = step_of(n);
  for (int j = 0; j < n; ++j) subtract<T>(lu + j * step, b, step, columns, j + 1, n, j);
  for (int j = n - 1; j >= 0; --j) {
    const V<T> pivot = lu[j + j * step];
    for (int c = 0; c < columns; ++c) b[j + c * step] /= pivot;
    subtract<T>(lu + j * step, b, step, columns, 0, j, j);
  }
}

template <typename T>
PULLBACK_INLINE void solve_transposed(const V<T>* lu, int n, V<T>* b, int columns) {
  const int step = step_of(n);
  for (int c = 0; c < columns; ++c) {
    V<T>* const x = b + c * step;
    for (int j = 0; j < n; ++j) {
      V<T> rest = x[j];
      for (int i = 0; i < j; ++i) rest -= lu[i + j * step] * x[i];
      x[j] = rest / lu[j + j * step];
    }
    for (int j = n - 2; j >= 0; --j) {
      V<T> rest = x[j];
      for (int i = j + 1; i < n; ++i) rest -= lu[i + j * step] * x[i];
      x[j] = rest;
    }
  }
}

template <typename T>
PULLBACK_INLINE void lu_of(const LaneMatrices<T>& a, const LaneIntegers& pivots,
                           const LaneIntegers& info) {
  V<T> packed[kMost];
  V<T> rows[kLaneRows];
  V<T> zeros;
  pack(a, packed, step_of(a.rows));
  factor<T>(packed, a.rows, a.columns, rows, zeros);
  unpack(packed, a, step_of(a.rows));
  const int k = a.rows < a.columns ? a.rows : a.columns;
  for (int lane = 0; lane < a.count; ++lane) {
    for (int j = 0; j < k; ++j) pivots.at[lane][j] = int(rows[j][lane]) + 1;
    *info.at[lane] = int(zeros[lane]);
  }
}
template <typename T>
void lu(const LaneMatrices<T>& a, const LaneIntegers& pivots, const LaneIntegers& info) {
  with_rows(
      a, [&](const LaneMatrices<T>& m) __attribute__((always_inline)) { lu_of(m, pivots, info); });
}

// Where each row of the solution's right side comes from.
PULLBACK_INLINE void order_of(const int* pivots, int n, int* order) {
  for (int i = 0; i < n; ++i) order[i] = i;
  for (int i = 0; i < n; ++i) {
    const int other = pivots[i] - 1;
    const int moved = order[i];
    order[i] = order[other];
    order[other] = moved;
  }
}

template <typename T>
PULLBACK_INLINE void solve_of(const LaneMatrices<T>& lu, const LaneIntegers& pivots,
                              const LaneMatrices<T>& b, bool transposed) {
  constexpr int kAtOnce = 8;
  V<T> packed[kMost];
  V<T> right[step_of(kLaneRows) * kAtOnce];
  const int n = lu.rows;
  const int step = step_of(n);
  pack(lu, packed, step);
  int order[kLanes<T>][kLaneRows];
  for (int k = 0; k < kLanes<T>; ++k) order_of(pivots.at[k < lu.count ? k : 0], n, order[k]);
  for (int first = 0; first < b.columns; first += kAtOnce) {
    const int columns = b.columns - first < kAtOnce ? b.columns - first : kAtOnce;
    for (int k = 0; k < kLanes<T>; ++k) {
      T* const to = reinterpret_cast<T*>(right) + k;
      for (int c = 0; c < columns; ++c) {
        const T* const from = matrix_of(b, k) + (first + c) * b.leading;
        for (int i = 0; i < n; ++i) {
          to[(i + c * step) * kLanes<T>] = from[transposed ? i : order[k][i]];
        }
      }
    }
    if (transposed) {
      solve_transposed<T>(packed, n, right, columns);
    } else {
      solve<T>(packed, n, right, columns);
    }
    for (int k = 0; k < b.count; ++k) {
      const T* const from = reinterpret_cast<const T*>(right) + k;
      for (int c = 0; c < columns; ++c) {
        T* const to = b.at[k] + (first + c) * b.leading;
        for (int i = 0; i < n; ++i) {
          to[transposed ? order[k][i] : i] = from[(i + c * step) * kLanes<T>];
        }
      }
    }
  }
}

template <typename T>
void solve_lu(const LaneMatrices<T>& lu, const LaneIntegers& pivots, const LaneMatrices<T>& b,
              bool transposed) {
  with_rows(lu, [&](const LaneMatrices<T>& m)
                    __attribute__((always_inline)) { solve_of(m, pivots, b, transposed); });
}

template <typename T>
PULLBACK_INLINE void inverse_of(const LaneMatrices<T>& a, const LaneIntegers& info) {
  V<T> packed[kMost];
  V<T> inverse[kMost];
  V<T> rows[kLaneRows];
  V<T> zeros;
  const int n = a.rows;
  const int step = step_of(n);
  pack(a, packed, step);
  factor<T>(packed, n, n, rows, zeros);
  for (int k = 0; k < step * n; ++k) inverse[k] = V<T>{};
  for (int k = 0; k < kLanes<T>; ++k) {
    int pivots[kLaneRows];
    int order[kLaneRows];
    for (int i = 0; i < n; ++i) pivots[i] = int(rows[i][k]) + 1;
    order_of(pivots, n, order);
    for (int i = 0; i < n; ++i) inverse[i + order[i] * step][k] = T(1);
  }
  solve<T>(packed, n, inverse, n);
  const Mask<T> singular = zeros != T(0);
  if (any(singular)) {
    const V<T> none = spread(std::numeric_limits<T>::quiet_NaN());
    for (int k = 0; k < step * n; ++k) inverse[k] = singular ? none : inverse[k];
  }
  unpack(inverse, a, step);
  for (int k = 0; k < a.count; ++k) *info.at[k] = int(zeros[k]);
}

template <typename T>
void invert(const LaneMatrices<T>& a, const LaneIntegers& info) {
  with_rows(a,
            [&](const LaneMatrices<T>& m) __attribute__((always_inline)) { inverse_of(m, info); });
}

// The lower factor; a column of a lane that has failed before stays as it was.
template <typename T>
PULLBACK_INLINE void factor_definite(V<T>* a, int n, V<T>& info) {
  info = V<T>{};
  const int step = step_of(n);
  for (int j = 0; j < n; ++j) {
    V<T>* const column = a + j * step;
    const Mask<T> failed = info != T(0);
    V<T> sums[kLaneRows];
    for (int i = j; i < n; ++i) sums[i] = column[i];
    for (int k = 0; k < j; ++k) {
      const V<T>* const before = a + k * step;
      const V<T> times = before[j];
      for (int i = j; i < n; ++i) sums[i] -= times * before[i];
    }
    const V<T> pivot = sums[j];
    const Mask<T> positive = pivot > T(0);
    info = (~positive & ~failed) ? spread(T(j + 1)) : info;
    const V<T> length = positive ? root(pivot) : pivot;
    const V<T> inverse = positive ? T(1) / length : spread(T(1));
    column[j] = failed ? column[j] : length;
    for (int i = j + 1; i < n; ++i) column[i] = failed ? column[i] : sums[i] * inverse;
  }
}

template <typename T>
PULLBACK_INLINE void cholesky_of(const LaneMatrices<T>& a, const LaneIntegers& info, bool upper) {
  V<T> packed[kMost];
  V<T> failed;
  const int n = a.rows;
  const int step = step_of(n);
  pack(a, packed, step);
  if (upper) {
    for (int j = 0; j < n; ++j) {
      for (int i = 0; i < j; ++i) packed[j + i * step] = packed[i + j * step];
    }
  }
  factor_definite<T>(packed, n, failed);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < j; ++i) {
      if (upper) packed[i + j * step] = packed[j + i * step];
      packed[upper ? j + i * step : i + j * step] = V<T>{};
    }
  }
  unpack(packed, a, step);
  for (int k = 0; k < a.count; ++k) *info.at[k] = int(failed[k]);
}

template <typename T>
void cholesky(const LaneMatrices<T>& a, const LaneIntegers& info, bool upper) {
  with_rows(a, [&](const LaneMatrices<T>& m)
                   __attribute__((always_inline)) { cholesky_of(m, info, upper); });
}

template <typename T>
void set(LaneFunctions<T>& to) {
  to.width = kLanes<T>;
  to.lu = &lu<T>;
  to.solve_lu = &solve_lu<T>;
  to.invert = &invert<T>;
  to.cholesky = &cholesky<T>;
}

}  // namespace

void set_lanes_lu(LaneFunctions<float>& float32, LaneFunctions<double>& float64) {
  set(float32);
  set(float64);
}

}  // namespace pullback::kernels::PULLBACK_ISA
