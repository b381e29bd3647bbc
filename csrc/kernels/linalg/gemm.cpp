// Choosing how a matrix product is computed (see gemm.h).
//
// NOTE [Tiles]: the boundaries of the output tiles depend on the shape only, and a tile is computed
// by one thread, so the bits are the same at any number of threads. Start reading at gemm().
#include "kernels/linalg/gemm.h"

#include <climits>
#include <cstring>
#include <vector>

#include "kernels/copy.h"
#include "kernels/dispatch.h"
#include "kernels/linalg/blas.h"
#include "kernels/linalg/gemm_kernels.h"
#include "kernels/room.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(SmallGemm small_gemm(); TileGemm tile_gemm();)

namespace {

// Products of fewer multiplications never load OpenBLAS.
constexpr std::int64_t kSmallProduct = 16384;
constexpr std::int64_t kDotBlock = 8192;
// Multiplications that are worth a tile of their own.
constexpr std::int64_t kTileWork = 1 << 21;

SmallGemm::Function small_function(DType dtype) {
  static const SmallGemm table = PULLBACK_ISA_SELECT(small_gemm)();
  return of_floating(dtype, table.float32, table.float64);
}

// Null where the library multiplies large matrices.
template <typename T>
TileGemm::Function tile_function() {
  static const TileGemm table = PULLBACK_ISA_SELECT(tile_gemm)();
  if constexpr (std::is_same_v<T, float>)
    return table.float32;
  else
    return table.float64;
}

// The last two dimensions of a view, strides in elements.
struct Matrix {
  char* data;
  std::int64_t rows, columns, row, column;

  Matrix transposed() const { return {data, columns, rows, column, row}; }
  // The stride of what BLAS calls the leading dimension, for rows of contiguous elements; 0 if not
  // so.
  std::int64_t leading() const {
    if (columns > 1 && column != 1) return 0;
    if (rows == 1) return std::max<std::int64_t>(1, columns);
    return row >= std::max<std::int64_t>(1, columns) ? row : 0;
  }
};

Matrix matrix_of(const View& v, std::int64_t batch) {
  const int d = v.ndim - 2;
  char* data = v.data;
  if (d == 1) data += batch * v.strides[0] * static_cast<std::int64_t>(item_size(v.dtype));
  return {data, v.sizes[d], v.sizes[d + 1], v.strides[d], v.strides[d + 1]};
}

// A copy of the matrix with contiguous rows, if BLAS cannot read it.
class Readable {
 public:
  Readable(Matrix m, DType dtype) : matrix_(m) {
    if (m.leading() != 0 || m.transposed().leading() != 0) return;
    const std::int64_t sizes[2] = {m.rows, m.columns};
    const std::int64_t strides[2] = {m.row, m.column};
    const std::int64_t flat[2] = {m.columns, 1};
    buffer_.resize(static_cast<std::size_t>(m.rows * m.columns) * item_size(dtype));
    matrix_ = {buffer_.data(), m.rows, m.columns, m.columns, 1};
    copy(View{buffer_.data(), sizes, flat, 2, dtype}, View{m.data, sizes, strides, 2, dtype});
  }
  const Matrix& matrix() const { return matrix_; }
  bool copied() const { return !buffer_.empty(); }

 private:
  std::vector<char> buffer_;
  Matrix matrix_;
};

template <typename T>
constexpr auto blas_gemm() {
  if constexpr (std::is_same_v<T, float>)
    return &Blas::sgemm;
  else
    return &Blas::dgemm;
}
template <typename T>
constexpr auto blas_gemv() {
  if constexpr (std::is_same_v<T, float>)
    return &Blas::sgemv;
  else
    return &Blas::dgemv;
}

constexpr int kRowMajor = 101;
constexpr int kNoTranspose = 111;
constexpr int kTranspose = 112;

// One matrix in the terms of CBLAS, row-major.
template <typename T>
struct Operand {
  const T* data;
  std::int64_t row, column;
  int transpose;
  int leading;

  explicit Operand(const Matrix& m)
      : data(reinterpret_cast<const T*>(m.data)), row(m.row), column(m.column) {
    const bool plain = m.leading() != 0;
    transpose = plain ? kNoTranspose : kTranspose;
    leading = static_cast<int>(plain ? m.leading() : m.transposed().leading());
  }
  const T* at(std::int64_t i, std::int64_t j) const { return data + i * row + j * column; }
};

// Sizes of the output tiles: a function of the shape only. Of two sides the columns are halved
// first, since what is copied for a tile is used by all of its rows.
struct Sides {
  std::int64_t rows = 512, columns = 512;
};
Sides tile_sides(std::int64_t m, std::int64_t n, std::int64_t k) {
  Sides s;
  const auto count = [](std::int64_t all, std::int64_t side) { return (all + side - 1) / side; };
  while (count(m, s.rows) * count(n, s.columns) < 8) {
    Sides next = s;
    (std::min(s.columns, n) >= std::min(s.rows, m) ? next.columns : next.rows) /= 2;
    if (std::min(next.columns, next.rows) < 64 ||
        std::min(next.rows, m) * std::min(next.columns, n) * k < kTileWork) {
      break;
    }
    s = next;
  }
  return s;
}

// c (rows of contiguous elements) = a @ b for the tile at i, j, by the library.
template <typename T>
void multiply_by_blas(const Operand<T>& a, const Operand<T>& b, const Matrix& c, std::int64_t i,
                      std::int64_t j, std::int64_t rows, std::int64_t columns, std::int64_t k,
                      bool accumulate) {
  T* out = reinterpret_cast<T*>(c.data) + i * c.row + j;
  const Blas& library = blas();
  if constexpr (!std::is_floating_point_v<T>) {
    const T one = 1, rest = accumulate ? 1 : 0;
    const auto gemm = sizeof(T) == 8 ? library.cgemm : library.zgemm;
    gemm(kRowMajor, a.transpose, b.transpose, static_cast<int>(rows), static_cast<int>(columns),
         static_cast<int>(k), &one, a.at(i, 0), a.leading, b.at(0, j), b.leading, &rest, out,
         static_cast<int>(c.leading()));
  } else
    (library.*blas_gemm<T>())(kRowMajor, a.transpose, b.transpose, static_cast<int>(rows),
                              static_cast<int>(columns), static_cast<int>(k), T(1), a.at(i, 0),
                              a.leading, b.at(0, j), b.leading, accumulate ? T(1) : T(0), out,
                              static_cast<int>(c.leading()));
}

// c[i] = sum a[i, :] * x, `rows` entries from i on; strides of x and c must not be negative.
template <typename T>
void multiply_vector(const Operand<T>& a, const Matrix& x, const Matrix& c, std::int64_t i,
                     std::int64_t rows, bool accumulate) {
  T* out = reinterpret_cast<T*>(c.data) + i * c.row;
  // OpenBLAS scales by beta, and 0 * NaN would stay NaN.
  if (!accumulate) {
    for (std::int64_t r = 0; r < rows; ++r) out[r * c.row] = T(0);
  }
  const bool plain = a.transpose == kNoTranspose;
  const Blas& library = blas();
  (library.*blas_gemv<T>())(kRowMajor, a.transpose, static_cast<int>(plain ? rows : x.rows),
                            static_cast<int>(plain ? x.rows : rows), T(1), a.at(i, 0), a.leading,
                            reinterpret_cast<const T*>(x.data), static_cast<int>(x.row), T(1), out,
                            static_cast<int>(c.row));
}

// A product with one row or one column; false where it is none, or where there is no such function.
template <typename T>
bool multiply_as_vector(const Operand<T>& left, const Matrix& a, const Matrix& b, const Matrix& out,
                        bool accumulate) {
  if constexpr (std::is_floating_point_v<T>) {
    const std::int64_t grain = std::max<std::int64_t>(16, 4 * kBlockElements / a.columns);
    if (out.columns == 1 && b.row > 0) {
      parallel_for(out.rows, grain, [&](std::int64_t begin, std::int64_t end) {
        multiply_vector<T>(left, b, out, begin, end - begin, accumulate);
      });
      return true;
    }
    if (out.rows == 1 && a.column > 0) {
      const Operand<T> flipped(b.transposed());
      parallel_for(out.columns, grain, [&](std::int64_t begin, std::int64_t end) {
        multiply_vector<T>(flipped, a.transposed(), out.transposed(), begin, end - begin,
                           accumulate);
      });
      return true;
    }
  }
  return false;
}

SmallProduct small_product(const Matrix& a, const Matrix& b, const Matrix& c, bool accumulate) {
  return {a.data,   b.data, c.data,   c.rows, c.columns, a.columns, a.row,
          a.column, b.row,  b.column, c.row,  c.column,  accumulate};
}

// The part of rows from i and columns from j on.
template <typename T>
SmallProduct part_of(const Matrix& a, const Matrix& b, const Matrix& c, std::int64_t i,
                     std::int64_t j, std::int64_t rows, std::int64_t columns, bool accumulate) {
  SmallProduct p = small_product(a, b, c, accumulate);
  p.m = rows;
  p.n = columns;
  p.a = static_cast<const T*>(p.a) + i * p.a_row;
  p.b = static_cast<const T*>(p.b) + j * p.b_column;
  p.c = static_cast<T*>(p.c) + i * p.c_row + j * p.c_column;
  return p;
}

// Calls f(i, j, rows, columns) for all tiles of a matrix.
template <typename F>
void for_tiles(const Matrix& c, Sides side, F f) {
  const std::int64_t across = (c.columns + side.columns - 1) / side.columns;
  const std::int64_t down = (c.rows + side.rows - 1) / side.rows;
  parallel_for(down * across, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t i = t / across * side.rows, j = t % across * side.columns;
      f(i, j, std::min(side.rows, c.rows - i), std::min(side.columns, c.columns - j));
    }
  });
}

// With few rows or columns nothing is copied: what would be copied is read hardly more often.
template <typename T>
bool multiply_few(const Matrix& a, const Matrix& b, const Matrix& c, DType dtype, bool accumulate) {
  const bool few_rows = c.rows <= kFewRows, few_columns = c.columns <= kFewRows;
  const bool inner = a.column == 1 && b.row == 1 && a.columns >= kLongInner;
  const bool bands = (few_rows && b.column == 1) || (few_columns && a.row == 1);
  if ((!few_rows && !few_columns) || (!inner && !bands)) return false;
  // In parts of k the bands meet what they have read before in the caches.
  const std::int64_t step = inner ? a.columns : kTileK;
  Sides side = tile_sides(c.rows, c.columns, a.columns);
  if (few_rows) side.rows = kFewRows;
  for_tiles(c, side, [&](std::int64_t i, std::int64_t j, std::int64_t rows, std::int64_t columns) {
    SmallProduct p = part_of<T>(a, b, c, i, j, rows, columns, accumulate);
    for (std::int64_t k = 0; k < a.columns; k += step, p.accumulate = true) {
      p.k = std::min(step, a.columns - k);
      small_function(dtype)(p);
      p.a = static_cast<const T*>(p.a) + step * p.a_column;
      p.b = static_cast<const T*>(p.b) + step * p.b_row;
    }
  });
  return true;
}

template <typename T>
void multiply_tiles(const Matrix& a, const Matrix& b, const Matrix& c, bool accumulate) {
  const Sides side = tile_sides(c.rows, c.columns, a.columns);
  for_tiles(c, side, [&](std::int64_t i, std::int64_t j, std::int64_t rows, std::int64_t columns) {
    const Room<T> room(kTileRoom<T>);
    tile_function<T>()(part_of<T>(a, b, c, i, j, rows, columns, accumulate), room.data());
  });
}

template <typename T>
void multiply_large(const Matrix& a_in, const Matrix& b_in, const Matrix& c_in, DType dtype,
                    bool accumulate) {
  const std::int64_t most = std::max({a_in.rows, a_in.columns, b_in.columns});
  check(most <= INT_MAX, "matmul: a matrix is too large for BLAS: got a dimension of ", most,
        ", expected at most ", INT_MAX);
  // BLAS writes rows of contiguous elements: c, or c transposed, or a copy.
  if (c_in.leading() == 0 && c_in.transposed().leading() != 0) {
    return multiply_large<T>(b_in.transposed(), a_in.transposed(), c_in.transposed(), dtype,
                             accumulate);
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (tile_function<T>() && std::min(c_in.rows, c_in.columns) > 1) {
      if (multiply_few<T>(a_in, b_in, c_in, dtype, accumulate)) return;
      if (c_in.leading() != 0) return multiply_tiles<T>(a_in, b_in, c_in, accumulate);
    }
  }
  const Readable a(a_in, dtype), b(b_in, dtype), c(c_in, dtype);
  const Operand<T> left(a.matrix()), right(b.matrix());
  const Matrix& out = c.matrix();
  const std::int64_t m = out.rows, n = out.columns, k = a_in.columns;
  if (!multiply_as_vector(left, a.matrix(), b.matrix(), out, accumulate)) {
    for_tiles(out, tile_sides(m, n, k),
              [&](std::int64_t i, std::int64_t j, std::int64_t rows, std::int64_t columns) {
                multiply_by_blas<T>(left, right, out, i, j, rows, columns, k, accumulate);
              });
  }
  if (c.copied()) {
    const std::int64_t sizes[2] = {m, n};
    const std::int64_t strides[2] = {c_in.row, c_in.column};
    const std::int64_t flat[2] = {n, 1};
    copy(View{c_in.data, sizes, strides, 2, dtype}, View{out.data, sizes, flat, 2, dtype});
  }
}

// In this order of loops, for integers and for small products of complex numbers.
template <typename T>
void multiply_plainly(const Matrix& a, const Matrix& b, const Matrix& c, bool accumulate) {
  const T* left = reinterpret_cast<const T*>(a.data);
  const T* right = reinterpret_cast<const T*>(b.data);
  T* out = reinterpret_cast<T*>(c.data);
  const auto row = [&](std::int64_t i) {
    for (std::int64_t j = 0; j < c.columns && !accumulate; ++j) out[i * c.row + j * c.column] = 0;
    for (std::int64_t k = 0; k < a.columns; ++k) {
      const T x = left[i * a.row + k * a.column];
      const T* y = right + k * b.row;
      T* z = out + i * c.row;
      for (std::int64_t j = 0; j < c.columns; ++j) {
        z[j * c.column] = add_wrapping(z[j * c.column], multiply_wrapping(x, y[j * b.column]));
      }
    }
  };
  const std::int64_t cost = std::max<std::int64_t>(1, a.columns * c.columns);
  parallel_for(c.rows, std::max<std::int64_t>(1, kBlockElements / cost),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) row(i);
               });
}

void zero(const Matrix& c, DType dtype) {
  visit_size(dtype, [&]<typename T>() {
    for (std::int64_t i = 0; i < c.rows; ++i) {
      for (std::int64_t j = 0; j < c.columns; ++j) {
        reinterpret_cast<T*>(c.data)[i * c.row + j * c.column] = 0;
      }
    }
  });
}

bool is_small(std::int64_t m, std::int64_t n, std::int64_t k) {
  return k > 0 && m * k <= kSmallPack && k * n <= kSmallPack && m * n * k <= kSmallProduct;
}

template <typename Real>
void multiply_complex(const Matrix& a, const Matrix& b, const Matrix& c, DType dtype,
                      bool accumulate) {
  using Complex = std::complex<Real>;
  if (is_small(c.rows, c.columns, a.columns)) {
    return multiply_plainly<Complex>(a, b, c, accumulate);
  }
  multiply_large<Complex>(a, b, c, dtype, accumulate);
}

void multiply(const Matrix& a, const Matrix& b, const Matrix& c, DType dtype, bool accumulate) {
  if (c.rows == 0 || c.columns == 0) return;
  if (a.columns == 0) {
    if (!accumulate) zero(c, dtype);
    return;
  }
  switch (dtype) {
    case DType::Float32:
      return multiply_large<float>(a, b, c, dtype, accumulate);
    case DType::Float64:
      return multiply_large<double>(a, b, c, dtype, accumulate);
    case DType::Int32:
      return multiply_plainly<std::int32_t>(a, b, c, accumulate);
    case DType::Int64:
      return multiply_plainly<std::int64_t>(a, b, c, accumulate);
    case DType::UInt8:
      return multiply_plainly<std::uint8_t>(a, b, c, accumulate);
    case DType::Bool:
      fail("\"addmm_impl_cpu_\" not implemented for 'Bool'");
    case DType::Int8:
    case DType::Int16:
    case DType::Float16:
    case DType::BFloat16:
      break;
    case DType::Complex64:
      return multiply_complex<float>(a, b, c, dtype, accumulate);
    case DType::Complex128:
      return multiply_complex<double>(a, b, c, dtype, accumulate);
  }
  report_no_kernel(dtype);
}

template <typename T>
void multiply_whole(const SmallProduct& p) {
  const auto at = [](const void* data) { return static_cast<char*>(const_cast<void*>(data)); };
  const Matrix a{at(p.a), p.m, p.k, p.a_row, p.a_column};
  const Matrix b{at(p.b), p.k, p.n, p.b_row, p.b_column};
  const Matrix c{at(p.c), p.m, p.n, p.c_row, p.c_column};
  if (tile_function<T>() && std::min(p.m, p.n) > 1) {
    const Room<T> room(kTileRoom<T>);
    return tile_function<T>()(p, room.data());
  }
  // OpenBLAS may take these for vectors, see multiply_vector.
  if ((p.m == 1 || p.n == 1) && !p.accumulate) zero(c, kDTypeOf<T>);
  multiply_by_blas<T>(Operand<T>(a), Operand<T>(b), c, 0, 0, p.m, p.n, p.k, p.accumulate);
}

}  // namespace

void multiply_small(DType dtype, const SmallProduct& p) { small_function(dtype)(p); }

void multiply_here(DType dtype, const SmallProduct& p) {
  if (p.m == 0 || p.n == 0) return;
  if (is_small(p.m, p.n, p.k)) return small_function(dtype)(p);
  if (p.k == 0) {
    if (!p.accumulate) zero({static_cast<char*>(p.c), p.m, p.n, p.c_row, p.c_column}, dtype);
    return;
  }
  visit_floating(dtype, "matmul", [&]<typename T>() { multiply_whole<T>(p); });
}

void gemm(const View& out, const View& a, const View& b, bool accumulate) {
  const Matrix c0 = matrix_of(out, 0);
  const std::int64_t k = a.sizes[a.ndim - 1];
  const std::int64_t batch = out.ndim == 3 ? out.sizes[0] : 1;
  const bool small = is_floating(out.dtype) && is_small(c0.rows, c0.columns, k);
  if (batch == 1) {
    if (small) {
      return small_function(out.dtype)(
          small_product(matrix_of(a, 0), matrix_of(b, 0), c0, accumulate));
    }
    return multiply(matrix_of(a, 0), matrix_of(b, 0), c0, out.dtype, accumulate);
  }
  const std::int64_t work = std::max<std::int64_t>(1, c0.rows * c0.columns * k);
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Matrix x = matrix_of(a, i), y = matrix_of(b, i), z = matrix_of(out, i);
      if (small) {
        small_function(out.dtype)(small_product(x, y, z, accumulate));
      } else {
        multiply(x, y, z, out.dtype, accumulate);
      }
    }
  };
  // Few large matrices: the threads share each one.
  if (work >= 8 * kTileWork) return run(0, batch);
  parallel_for(batch, std::max<std::int64_t>(1, 4 * kBlockElements / work), run);
}

void dot(const View& out, const View& a, const View& b) {
  const std::int64_t n = a.sizes[0];
  if (!is_floating(out.dtype)) {
    return multiply({a.data, 1, n, 0, a.strides[0]}, {b.data, n, 1, b.strides[0], 0},
                    {out.data, 1, 1, 0, 0}, out.dtype, false);
  }
  const auto product = small_function(out.dtype);
  visit_floating(out.dtype, "dot", [&]<typename T>() {
    const T* x = reinterpret_cast<const T*>(a.data);
    const T* y = reinterpret_cast<const T*>(b.data);
    const auto part = [&](std::int64_t begin, std::int64_t size, T* to) {
      product({x + begin * a.strides[0], y + begin * b.strides[0], to, 1, 1, size, 0, a.strides[0],
               b.strides[0], 1, 1, 1, false});
    };
    T* result = reinterpret_cast<T*>(out.data);
    if (n <= kDotBlock) return part(0, n, result);
    const std::int64_t blocks = (n + kDotBlock - 1) / kDotBlock;
    std::vector<T> sums(static_cast<std::size_t>(blocks));
    parallel_for(blocks, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        part(i * kDotBlock, std::min(kDotBlock, n - i * kDotBlock),
             &sums[static_cast<std::size_t>(i)]);
      }
    });
    double total = 0;
    for (const T sum : sums) total += static_cast<double>(sum);
    *result = static_cast<T>(total);
  });
}

}  // namespace pullback::kernels
