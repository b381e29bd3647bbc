// See lookup.h.  Threads share the rows that are written, so each sum is in the order of the index.
#include "kernels/nn/lookup.h"

#include <algorithm>
#include <cstring>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

const std::int64_t* numbers(const View& index) {
  return reinterpret_cast<const std::int64_t*>(index.data);
}

std::int64_t rows_per_block(std::int64_t width) {
  return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, width));
}

// Few blocks, as each of them looks at the whole index.
std::int64_t table_grain(std::int64_t rows, std::int64_t work) {
  constexpr std::int64_t kBlocks = 8;
  return work < kBlockElements ? rows : std::max<std::int64_t>(1, (rows + kBlocks - 1) / kBlocks);
}

}  // namespace

void check_rows(const View& index, std::int64_t num_rows, bool may_skip) {
  const std::int64_t n = index.numel();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t row = numbers(index)[i];
    if (row >= 0 && row < num_rows) continue;
    if (may_skip && row == kNoRow) continue;
    fail(ErrorKind::Index, "index out of range in self: got ", row, ", expected 0 to ",
         num_rows - 1, ".");
  }
}

void look_up(const View& rows, const View& table, const View& index) {
  const std::int64_t width = table.sizes[1];
  const auto bytes = static_cast<std::size_t>(width) * item_size(table.dtype);
  parallel_for(index.numel(), rows_per_block(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = numbers(index)[i];
      char* to = rows.data + static_cast<std::size_t>(i) * bytes;
      if (row == kNoRow) {
        std::memset(to, 0, bytes);
      } else {
        std::memcpy(to, table.data + static_cast<std::size_t>(row) * bytes, bytes);
      }
    }
  });
}

void add_rows(const View& table, const View& rows, const View& index) {
  const std::int64_t width = table.sizes[1], n = index.numel();
  visit(table.dtype, [&]<typename T>() {
    T* const to = reinterpret_cast<T*>(table.data);
    const T* const from = reinterpret_cast<const T*>(rows.data);
    parallel_for(table.sizes[0], table_grain(table.sizes[0], n * width),
                 [&](std::int64_t begin, std::int64_t end) {
                   std::fill(to + begin * width, to + end * width, T{0});
                   for (std::int64_t i = 0; i < n; ++i) {
                     const std::int64_t row = numbers(index)[i];
                     if (row < begin || row >= end) continue;
                     for (std::int64_t c = 0; c < width; ++c) {
                       T& sum = to[row * width + c];
                       sum = add_wrapping(sum, from[i * width + c]);
                     }
                   }
                 });
  });
}

void greatest_rows(const View& out, const View& rows, const View& index) {
  const std::int64_t width = out.sizes[1], n = index.numel();
  auto* const best = reinterpret_cast<std::int64_t*>(out.data);
  std::fill(best, best + out.numel(), kNoRow);
  visit(rows.dtype, [&]<typename T>() {
    const T* const from = reinterpret_cast<const T*>(rows.data);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t number = numbers(index)[i];
      if (number == kNoRow) continue;
      for (std::int64_t c = 0; c < width; ++c) {
        std::int64_t& b = best[number * width + c];
        if (b == kNoRow) {
          b = i;
          continue;
        }
        const T value = from[i * width + c], most = from[b * width + c];
        if (value > most || (is_nan(value) && !is_nan(most))) b = i;
      }
    }
  });
}

}  // namespace pullback::kernels
