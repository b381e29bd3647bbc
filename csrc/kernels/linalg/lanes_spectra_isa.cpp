// Eigenvalues and singular values of a group of matrices: see lanes.h.
//
// Symmetric matrices become tridiagonal by reflectors, then diagonal by implicit QR steps with
// Wilkinson's shift: Golub and Van Loan, "Matrix computations" (4th ed.), algorithms 8.3.1 to
// 8.3.3.  Singular values come of rotations that make the columns orthogonal (one-sided Jacobi,
// section 8.6.3), which finds small ones exactly.  A lane that has nothing to do turns by nothing.
#include <limits>

#include "kernels/linalg/lanes_vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

constexpr int kMost = kLaneRows * kLaneRows;

template <typename T>
inline constexpr T kUnit = std::numeric_limits<T>::epsilon() / 2;

// A lesser sum of squares has lost digits to underflow, and a turn by its root is none.
template <typename T>
inline constexpr T kLeastSquare = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();

// x' = c x + s y, y' = c y - s x of n elements.
template <typename T>
PULLBACK_INLINE void rotate(V<T>* x, V<T>* y, int n, V<T> c, V<T> s) {
  for (int i = 0; i < n; ++i) {
    const V<T> xi = x[i];
    const V<T> yi = y[i];
    x[i] = c * xi + s * yi;
    y[i] = c * yi - s * xi;
  }
}

template <typename T>
PULLBACK_INLINE V<T> inner(const V<T>* x, const V<T>* y, int n) {
  V<T> even = V<T>{};
  V<T> odd = V<T>{};
  int i = 0;
  for (; i + 2 <= n; i += 2) {
    even += x[i] * y[i];
    odd += x[i + 1] * y[i + 1];
  }
  if (i < n) even += x[i] * y[i];
  return even + odd;
}

// The power of two of a number, at least that of the least normal one.
template <typename T>
PULLBACK_INLINE V<T> power_below(V<T> x) {
  using Bits = decltype(Mask<T>{}[0] + 0);
  constexpr Bits kExponent = sizeof(T) == 8 ? Bits(0x7ff0000000000000LL) : Bits(0x7f800000);
  const V<T> power = (V<T>)((Mask<T>)x & kExponent);
  return greater_of(power, spread(std::numeric_limits<T>::min()));
}

// The matrices from the half that is read, divided by a power of two near their greatest elements;
// zeros and info where an element is not finite.
template <typename T>
PULLBACK_INLINE V<T> pack_symmetric(const LaneMatrices<T>& a, bool upper, V<T>* packed,
                                    V<T>& failed) {
  const int n = a.rows;
  pack(a, packed, a.rows);
  V<T> greatest = V<T>{};
  V<T> wrong = V<T>{};
  for (int j = 0; j < n; ++j) {
    for (int i = j; i < n; ++i) {
      const V<T> x = packed[upper ? j + i * n : i + j * n];
      packed[i + j * n] = packed[j + i * n] = x;
      wrong += x * T(0);
      greatest = greater_of(size_of(x), greatest);
    }
  }
  const Mask<T> finite = wrong == T(0);
  failed = finite ? V<T>{} : spread(T(n > 1 ? n - 1 : 1));
  const V<T> scale = finite ? power_below<T>(greatest) : spread(T(1));
  for (int k = 0; k < n * n; ++k) packed[k] = finite ? packed[k] / scale : V<T>{};
  return scale;
}

// Q^T A Q = T in d and e, Q in the place of A if it is wanted.
template <typename T>
PULLBACK_INLINE void make_tridiagonal(V<T>* a, int n, V<T>* d, V<T>* e, bool wants_q) {
  V<T> factors[kLaneRows];
  V<T> p[kLaneRows];
  for (int k = 0; k + 1 < n; ++k) {
    V<T>* const x = a + k * n;
    V<T> rest = V<T>{};
    for (int i = k + 2; i < n; ++i) rest += x[i] * x[i];
    const V<T> first = x[k + 1];
    const V<T> square = first * first + rest;
    const Mask<T> straight = (rest == T(0)) | (square < kLeastSquare<T>);
    const V<T> length = root(square);
    const V<T> beta = first > T(0) ? -length : length;
    const V<T> divisor = straight ? spread(T(1)) : first - beta;
    const V<T> factor = straight ? V<T>{} : (beta - first) / (straight ? spread(T(1)) : beta);
    e[k] = straight ? first : beta;
    factors[k] = factor;
    x[k + 1] = spread(T(1));
    for (int i = k + 2; i < n; ++i) x[i] = straight ? V<T>{} : x[i] / divisor;
    // A -= v w^T + w v^T with p = tau A v, w = p - (tau v^T p / 2) v.
    for (int i = k + 1; i < n; ++i) p[i] = V<T>{};
    for (int j = k + 1; j < n; ++j) {
      const V<T>* const column = a + j * n;
      const V<T> vj = x[j] * factor;
      for (int i = k + 1; i < n; ++i) p[i] += column[i] * vj;
    }
    V<T> half = V<T>{};
    for (int i = k + 1; i < n; ++i) half += x[i] * p[i];
    half *= factor * T(0.5);
    for (int i = k + 1; i < n; ++i) p[i] -= half * x[i];
    for (int j = k + 1; j < n; ++j) {
      V<T>* const column = a + j * n;
      const V<T> vj = x[j];
      const V<T> wj = p[j];
      for (int i = k + 1; i < n; ++i) column[i] -= x[i] * wj + p[i] * vj;
    }
  }
  for (int k = 0; k < n; ++k) d[k] = a[k + k * n];
  if (!wants_q) return;
  // The product of the reflectors, from the last: vector k is in column k, and goes into Q's lower
  // right corner, which is as large as it.
  for (int k = n - 2; k >= 0; --k) {
    V<T> v[kLaneRows];
    for (int i = k + 1; i < n; ++i) v[i] = a[i + k * n];
    if (k == n - 2) a[(n - 1) * n + n - 1] = spread(T(1));
    for (int j = k + 1; j < n; ++j) {
      V<T>* const column = a + j * n;
      if (j == k + 1 && k < n - 2) {
        // Column k + 1 of the corner is that of the identity until now.
        for (int i = k + 1; i < n; ++i) column[i] = spread(T(i == j ? 1 : 0));
      } else if (k < n - 2) {
        column[k + 1] = V<T>{};
      }
      V<T> times = V<T>{};
      for (int i = k + 1; i < n; ++i) times += v[i] * column[i];
      times *= factors[k];
      for (int i = k + 1; i < n; ++i) column[i] -= times * v[i];
    }
  }
  for (int i = 0; i < n; ++i) a[i] = a[i * n] = spread(T(i == 0 ? 1 : 0));
}

// The eigenvalues of T in d; the columns of q turn along.  `failed` where there is no convergence.
template <typename T>
PULLBACK_INLINE void make_diagonal(V<T>* d, V<T>* e, int n, V<T>* q, V<T>& failed) {
  int left = 30 * n;
  for (int last = n - 1; last > 0; --last) {
    while (true) {
      // Where the block that ends at `last` begins in each lane.
      V<T> begin = V<T>{};
      for (int k = 0; k < last; ++k) {
        // Beside values that vanish, against the matrix, whose elements are near 1.
        const V<T> bound = kUnit<T> * (size_of(d[k]) + size_of(d[k + 1]) + kUnit<T>);
        const Mask<T> nothing = size_of(e[k]) <= bound;
        e[k] = nothing ? V<T>{} : e[k];
        begin = nothing ? spread(T(k + 1)) : begin;
      }
      const Mask<T> busy = begin < T(last);
      if (!any(busy)) break;
      if (--left < 0) {
        failed = (busy & (failed == T(0))) ? spread(T(last)) : failed;
        return;
      }
      const V<T> below = e[last - 1];
      const V<T> half = (d[last - 1] - d[last]) * T(0.5);
      const V<T> length = root(half * half + below * below);
      const V<T> divisor = half + (half < T(0) ? -length : length);
      const V<T> shift = d[last] - below * (below / (busy ? divisor : spread(T(1))));
      V<T> x = V<T>{};
      V<T> z = V<T>{};
      for (int k = 0; k < last; ++k) {
        const Mask<T> starts = begin == T(k);
        const Mask<T> active = begin <= T(k);
        if (!any(active)) continue;
        x = starts ? d[k] - shift : x;
        z = starts ? e[k] : z;
        const V<T> square = x * x + z * z;
        const V<T> r = root(square);
        const Mask<T> turns = active & (square >= kLeastSquare<T>);
        const V<T> over = T(1) / (turns ? r : spread(T(1)));
        const V<T> c = turns ? x * over : spread(T(1));
        const V<T> s = turns ? z * over : V<T>{};
        if (k > 0) e[k - 1] = (active & ~starts) ? r : e[k - 1];
        const V<T> t = s * (d[k + 1] - d[k]) + T(2) * c * e[k];
        const V<T> change = s * t;
        d[k] += change;
        d[k + 1] -= change;
        e[k] = turns ? c * t - e[k] : e[k];
        x = e[k];
        if (k + 1 < last) {
          z = s * e[k + 1];
          e[k + 1] *= c;
        }
        if (q != nullptr) rotate<T>(q + k * n, q + (k + 1) * n, n, c, s);
      }
    }
  }
}

// The places of values in rising (or falling) order, lane by lane.
template <typename T>
PULLBACK_INLINE void sort(const V<T>* values, int n, int lane, bool falling, int* order) {
  for (int k = 0; k < n; ++k) {
    const T value = values[k][lane];
    int place = k;
    for (; place > 0; --place) {
      const T before = values[order[place - 1]][lane];
      if (falling ? before >= value : before <= value) break;
      order[place] = order[place - 1];
    }
    order[place] = k;
  }
}

template <typename T>
PULLBACK_INLINE void unpack_columns(const V<T>* packed, int rows, const int* order, int columns,
                                    int lane, T* to, std::ptrdiff_t leading) {
  for (int j = 0; j < columns; ++j) {
    const T* const from = reinterpret_cast<const T*>(packed + order[j] * rows) + lane;
    for (int i = 0; i < rows; ++i) to[i + j * leading] = from[i * kLanes<T>];
  }
}

template <typename T>
void eigh(const LaneMatrices<T>& a, const LaneMatrices<T>& values, const LaneIntegers& info,
          bool upper, bool vectors) {
  V<T> packed[kMost];
  V<T> d[kLaneRows];
  V<T> e[kLaneRows];
  V<T> failed;
  const int n = a.rows;
  const V<T> scale = pack_symmetric(a, upper, packed, failed);
  make_tridiagonal<T>(packed, n, d, e, vectors);
  make_diagonal<T>(d, e, n, vectors ? packed : nullptr, failed);
  for (int lane = 0; lane < a.count; ++lane) {
    int order[kLaneRows];
    sort<T>(d, n, lane, false, order);
    for (int k = 0; k < n; ++k) values.at[lane][k] = d[order[k]][lane] * scale[lane];
    if (vectors) unpack_columns<T>(packed, n, order, n, lane, a.at[lane], a.leading);
    *info.at[lane] = int(failed[lane]);
  }
}

// Of few rows in double: the least values of a definite matrix are found more exactly, as by
// rotations.
void eigh_of_floats(const LaneMatrices<float>& a, const LaneMatrices<float>& values,
                    const LaneIntegers& info, bool upper, bool vectors) {
  constexpr int kFew = 8;
  const int n = a.rows;
  if (n > kFew) return eigh<float>(a, values, info, upper, vectors);
  double wide[kMostLanes][kFew * kFew];
  double found[kMostLanes][kFew];
  for (int first = 0; first < a.count; first += kLanes<double>) {
    const int rest = a.count - first;
    const int count = rest < kLanes<double> ? rest : kLanes<double>;
    LaneMatrices<double> matrices{{}, count, n, n, n};
    LaneMatrices<double> numbers{{}, count, n, 1, n};
    LaneIntegers codes{};
    for (int k = 0; k < count; ++k) {
      matrices.at[k] = wide[k];
      numbers.at[k] = found[k];
      codes.at[k] = info.at[first + k];
      for (int j = 0; j < n; ++j) {
        for (int i = 0; i < n; ++i) wide[k][i + j * n] = a.at[first + k][i + j * a.leading];
      }
    }
    eigh<double>(matrices, numbers, codes, upper, vectors);
    for (int k = 0; k < count; ++k) {
      for (int j = 0; j < n; ++j) {
        values.at[first + k][j] = float(found[k][j]);
        for (int i = 0; i < n; ++i) a.at[first + k][i + j * a.leading] = float(wide[k][i + j * n]);
      }
    }
  }
}

template <typename T>
PULLBACK_INLINE V<T> scale_of(V<T>* a, int count) {
  V<T> greatest = V<T>{};
  for (int k = 0; k < count; ++k) greatest = greater_of(size_of(a[k]), greatest);
  const V<T> scale = power_below<T>(greatest);
  for (int k = 0; k < count; ++k) a[k] /= scale;
  return scale;
}

// Makes the n columns of m rows orthogonal, longer ones first; those of v turn along.  Which lanes
// have not converged: an exchange counts, as its columns have yet to meet those between them.
template <typename T>
PULLBACK_INLINE Mask<T> make_orthogonal(V<T>* a, int m, int n, V<T>* v) {
  const V<T> bound = T(2) * kUnit<T> * root(spread(T(m)));
  Mask<T> turned{};
  for (int sweep = 0; sweep < 60; ++sweep) {
    V<T> squares[kLaneRows];
    for (int k = 0; k < n; ++k) squares[k] = inner<T>(a + k * m, a + k * m, m);
    turned = Mask<T>{};
    for (int p = 0; p + 1 < n; ++p) {
      for (int r = p + 1; r < n; ++r) {
        V<T>* const x = a + p * m;
        V<T>* const y = a + r * m;
        const V<T> xx = squares[p];
        const V<T> yy = squares[r];
        const V<T> xy = inner<T>(x, y, m);
        const Mask<T> turns = size_of(xy) > bound * (root(xx) * root(yy));
        const Mask<T> shorter = xx < yy;
        if (!any(turns | shorter)) continue;
        turned |= turns | shorter;
        const V<T> zeta = (yy - xx) / (turns ? T(2) * xy : spread(T(1)));
        const V<T> hypotenuse = size_of(zeta) + root(T(1) + zeta * zeta);
        const V<T> tangent = (zeta < T(0) ? spread(T(1)) : spread(T(-1))) / hypotenuse;
        const V<T> t = turns ? tangent : V<T>{};
        const V<T> cosine = T(1) / root(T(1) + t * t);
        const V<T> sine = cosine * t;
        // The same angle, or a quarter turn back from it, which exchanges the two.
        const V<T> c = shorter ? -sine : cosine;
        const V<T> s = shorter ? cosine : sine;
        const V<T> gain = t * xy;
        squares[p] = shorter ? yy - gain : xx + gain;
        squares[r] = shorter ? xx + gain : yy - gain;
        rotate<T>(x, y, m, c, s);
        if (v != nullptr) rotate<T>(v + p * n, v + r * n, n, c, s);
      }
    }
    if (!any(turned)) break;
  }
  return turned;
}

template <typename T>
void svd(const LaneMatrices<T>& a, const LaneMatrices<T>& values, const LaneMatrices<T>& v,
         const LaneIntegers& info, bool vectors) {
  constexpr T kNothing = sizeof(T) == 8 ? T(1e-140) : T(1e-17);
  V<T> packed[kMost];
  V<T> right[kMost];
  V<T> sizes[kLaneRows];
  const int m = a.rows;
  const int n = a.columns;
  pack(a, packed, a.rows);
  const V<T> scale = scale_of<T>(packed, m * n);
  for (int k = 0; vectors && k < n * n; ++k) right[k] = spread(T(k % (n + 1) == 0 ? 1 : 0));
  const Mask<T> busy = make_orthogonal<T>(packed, m, n, vectors ? right : nullptr);
  V<T> least = spread(T(1));
  for (int j = 0; j < n; ++j) {
    sizes[j] = root(inner<T>(packed + j * m, packed + j * m, m));
    const V<T> divisor = sizes[j] > kNothing ? sizes[j] : spread(T(1));
    least = sizes[j] < least ? sizes[j] : least;
    for (int i = 0; vectors && i < m; ++i) packed[i + j * m] /= divisor;
  }
  for (int lane = 0; lane < a.count; ++lane) {
    *info.at[lane] = !busy[lane] && (!vectors || least[lane] > kNothing) ? 0 : -1;
    if (*info.at[lane] != 0) continue;
    int order[kLaneRows];
    sort<T>(sizes, n, lane, true, order);
    for (int k = 0; k < n; ++k) values.at[lane][k] = sizes[order[k]][lane] * scale[lane];
    if (!vectors) continue;
    unpack_columns<T>(packed, m, order, n, lane, a.at[lane], a.leading);
    unpack_columns<T>(right, n, order, n, lane, v.at[lane], v.leading);
  }
}

}  // namespace

void set_lanes_spectra(LaneFunctions<float>& float32, LaneFunctions<double>& float64) {
  float32.eigh = &eigh_of_floats;
  float32.svd = &svd<float>;
  float64.eigh = &eigh<double>;
  float64.svd = &svd<double>;
}

}  // namespace pullback::kernels::PULLBACK_ISA
