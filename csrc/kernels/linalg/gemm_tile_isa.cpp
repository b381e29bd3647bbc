// A tile of a large matrix product (see gemm_kernels.h).
//
// As in Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34,
// 2008): k is cut into parts, and of b a part is copied into panels of two vectors of columns,
// which stay in the caches while bands of 6 rows of a go over them; a panel that few bands read
// stays where it is.  Rows of a that are not contiguous are copied, too, a band at a time.  Start
// reading at tile().
#include <cstdint>
#include <cstring>

#include "kernels/linalg/gemm_block.h"
#include "kernels/linalg/gemm_kernels.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

// Bands that are too few for copies of the panels they read.
constexpr std::int64_t kFewBands = 24;

PULLBACK_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Panels of b: copies of [k][width] each, the last one filled up with zeros to `stored` columns.
template <typename T>
struct Panels {
  T* data;
  std::int64_t k, n;
  const T* b;  // for panels that are not copied, else null
  std::int64_t row;

  static constexpr std::int64_t width = 2 * kWidth<T>;
  std::int64_t columns(std::int64_t j) const { return least(width, n - j); }
  // Of the panel at j as it is stored: whole vectors, or one of half or a quarter of the size.
  std::int64_t stored(std::int64_t j) const {
    const std::int64_t wanted = columns(j);
    std::int64_t found = std::int64_t(16 / sizeof(T));
    while (found < wanted) found *= 2;
    return found;
  }
  T* at(std::int64_t j) const { return data + j * k; }
  bool in_place(std::int64_t j) const { return b && columns(j) == stored(j); }
};

// Whether panels with contiguous rows are read where they are: a copy would be read by few bands,
// and rows at multiples of many cache lines would share few sets of the cache.
template <typename T>
bool stays(const SmallProduct& s) {
  const auto bytes = static_cast<std::int64_t>(sizeof(T)) * s.b_row;
  return s.b_column == 1 && s.m <= kFewBands * kTileRows && s.b_row > 0 && bytes % 512 != 0;
}

// Four columns of four elements each become four rows.
template <typename T>
PULLBACK_INLINE void turn(const T* from, std::int64_t column, T* to, std::int64_t row) {
  using V = Vector<T, 4>;
  V c[4];
#pragma GCC unroll 4
  for (int l = 0; l < 4; ++l) std::memcpy(&c[l], from + l * column, sizeof(V));
  const V ab0 = __builtin_shufflevector(c[0], c[1], 0, 4, 1, 5);
  const V ab1 = __builtin_shufflevector(c[0], c[1], 2, 6, 3, 7);
  const V cd0 = __builtin_shufflevector(c[2], c[3], 0, 4, 1, 5);
  const V cd1 = __builtin_shufflevector(c[2], c[3], 2, 6, 3, 7);
  const V rows[4] = {
      __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
      __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};
#pragma GCC unroll 4
  for (int l = 0; l < 4; ++l) std::memcpy(to + l * row, &rows[l], sizeof(V));
}

// A panel of `columns` columns from b, element (k, j) at b[k * row + j * column].
template <typename T>
void fill_panel(T* to, std::int64_t stored, const T* b, std::int64_t row, std::int64_t column,
                std::int64_t columns, std::int64_t k) {
  std::int64_t done = 0;
  if (row == 1) {
    for (; done + 4 <= k; done += 4) {
      T* const at = to + done * stored;
      std::int64_t j = 0;
      for (; j + 4 <= columns; j += 4) turn(b + done + j * column, column, at + j, stored);
      for (; j < columns; ++j) {
        for (int l = 0; l < 4; ++l) at[l * stored + j] = b[done + l + j * column];
      }
    }
  }
  for (; done < k; ++done) {
    T* const at = to + done * stored;
    const T* from = b + done * row;
    if (column == 1 && columns == Panels<T>::width) {
      std::memcpy(at, from, Panels<T>::width * sizeof(T));
    } else {
      for (std::int64_t j = 0; j < columns; ++j) at[j] = from[j * column];
    }
  }
  if (columns == stored) return;
  for (std::int64_t l = 0; l < k; ++l) {
    std::memset(to + l * stored + columns, 0,
                static_cast<std::size_t>(stored - columns) * sizeof(T));
  }
}

// c[0 .. rows][0 .. stored] of a panel, of which `columns` are written.
template <typename T, int rows, int vectors, int width>
void panel_block(const Product<T>& p, std::int64_t columns) {
  if (columns == vectors * width) return block<T, rows, vectors, width>(p, 0, 0);
  T room[rows * vectors * width];
  Product<T> aside = p;
  aside.c = room;
  aside.c_row = vectors * width;
  aside.accumulate = false;
  block<T, rows, vectors, width>(aside, 0, 0);
  for (int r = 0; r < rows; ++r) {
    const T* from = room + r * vectors * width;
    T* to = p.c + r * p.c_row;
    for (std::int64_t j = 0; j < columns; ++j) to[j] = p.accumulate ? to[j] + from[j] : from[j];
  }
}

template <typename T, int rows, int width>
void narrow_panel(const Product<T>& p, std::int64_t stored, std::int64_t columns) {
  if (stored == width) return panel_block<T, rows, 1, width>(p, columns);
  if constexpr (width * sizeof(T) > 16) narrow_panel<T, rows, width / 2>(p, stored, columns);
}

// A band of `rows` rows over all panels.
template <typename T, int rows>
void panel_band(Product<T> p, const Panels<T>& panels) {
  T* const c = p.c;
  for (std::int64_t j = 0; j < panels.n; j += Panels<T>::width) {
    const std::int64_t stored = panels.stored(j), columns = panels.columns(j);
    const bool in_place = panels.in_place(j);
    p.b = in_place ? panels.b + j : panels.at(j);
    p.b_row = in_place ? panels.row : stored;
    p.c = c + j;
    if (stored == Panels<T>::width) {
      panel_block<T, rows, 2, kWidth<T>>(p, columns);
    } else {
      narrow_panel<T, rows, kWidth<T>>(p, stored, columns);
    }
  }
}

// The same; rows that are not contiguous are copied to `room` first.
template <typename T, int rows>
void copied_band(Product<T> p, const Panels<T>& panels, T* room) {
  if (p.a_column != 1) {
    if (p.a_row == 1) {
      for (std::int64_t l = 0; l < p.k; ++l) {
        std::memcpy(room + l * rows, p.a + l * p.a_column, rows * sizeof(T));
      }
    } else {
      for (std::int64_t l = 0; l < p.k; ++l) {
        for (int r = 0; r < rows; ++r) room[l * rows + r] = p.a[l * p.a_column + r * p.a_row];
      }
    }
    p.a = room;
    p.a_row = 1;
    p.a_column = rows;
  }
  panel_band<T, rows>(p, panels);
}

template <typename T>
void any_band(const Product<T>& p, const Panels<T>& panels, T* room) {
  switch (p.m) {
    case 6:
      return copied_band<T, 6>(p, panels, room);
    case 5:
      return copied_band<T, 5>(p, panels, room);
    case 4:
      return copied_band<T, 4>(p, panels, room);
    case 3:
      return copied_band<T, 3>(p, panels, room);
    case 2:
      return copied_band<T, 2>(p, panels, room);
    default:
      return copied_band<T, 1>(p, panels, room);
  }
}

// The next band of what is left: no band of 1 or 2 rows where it can be helped.
std::int64_t band_of(std::int64_t left) {
  if (left > 8 || left == 6) return kTileRows;
  return left == 4 || left > 5 ? 4 : left;
}

template <typename T>
void tile(const SmallProduct& s, void* room) {
  T* const copied = static_cast<T*>(room);
  T* const band = copied + kTileK * kTileColumns<T>;
  for (std::int64_t j = 0; j < s.n; j += kTileColumns<T>) {
    for (std::int64_t k = 0; k < s.k; k += kTileK) {
      const T* const b = static_cast<const T*>(s.b) + k * s.b_row + j * s.b_column;
      const Panels<T> panels{copied, least(kTileK, s.k - k), least(kTileColumns<T>, s.n - j),
                             stays<T>(s) ? b : nullptr, s.b_row};
      for (std::int64_t l = 0; l < panels.n; l += Panels<T>::width) {
        if (panels.in_place(l)) continue;
        fill_panel(panels.at(l), panels.stored(l), b + l * s.b_column, s.b_row, s.b_column,
                   panels.columns(l), panels.k);
      }
      for (std::int64_t i = 0; i < s.m;) {
        const std::int64_t rows = band_of(s.m - i);
        const T* const a = static_cast<const T*>(s.a) + i * s.a_row + k * s.a_column;
        const Product<T> p{a,
                           nullptr,
                           static_cast<T*>(s.c) + i * s.c_row + j,
                           rows,
                           0,
                           panels.k,
                           s.a_row,
                           s.a_column,
                           0,
                           1,
                           s.c_row,
                           1,
                           s.accumulate || k > 0};
        any_band(p, panels, band);
        i += rows;
      }
    }
  }
}

}  // namespace

#if defined(__FMA__)
TileGemm tile_gemm() { return {&tile<float>, &tile<double>}; }
#else
TileGemm tile_gemm() { return {nullptr, nullptr}; }
#endif

}  // namespace pullback::kernels::PULLBACK_ISA
