// Moving slices between a tensor and a packed part of it: the engine of the index kernels.
//
// `whole` is the tensor that is indexed, `part` the one with an entry per position.  A position is
// a pair of byte offsets; at each of them lies a slice with the same dimensions in both.  Results
// that depend on the order of the positions (`ordered`) see them in order, since threads then share
// the slice and never the positions.  Start reading at transfer().
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "kernels/rows.h"

namespace pullback::kernels {

struct Positions {
  std::vector<std::int64_t> whole;
  std::vector<std::int64_t> part;

  std::int64_t count() const { return static_cast<std::int64_t>(whole.size()); }
};

// The two views with the dimensions [first, first + removed) left out, offsets from null.
struct Slices {
  std::vector<std::int64_t> sizes, whole_strides, part_strides;
  DType dtype;

  Slices(DType type) : dtype(type) {}
  void add(const View& whole, const View& part, int whole_begin, int part_begin, int count) {
    for (int d = 0; d < count; ++d) {
      sizes.push_back(part.sizes[part_begin + d]);
      whole_strides.push_back(whole.strides[whole_begin + d]);
      part_strides.push_back(part.strides[part_begin + d]);
    }
  }
  Walker<2> walker(char* whole, char* part) const {
    const int ndim = static_cast<int>(sizes.size());
    const View a{whole, sizes.data(), whole_strides.data(), ndim, dtype};
    const View b{part, sizes.data(), part_strides.data(), ndim, dtype};
    return Walker<2>({&a, &b}, -1);
  }
};

struct ReadWhole {
  template <typename T>
  void operator()(T& whole, T& part) const {
    part = whole;
  }
};
struct WriteWhole {
  template <typename T>
  void operator()(T& whole, T& part) const {
    whole = part;
  }
};

template <typename T, typename Op>
void transfer_row(char* whole, char* part, std::int64_t whole_stride, std::int64_t part_stride,
                  std::int64_t n, Op op) {
  if (whole_stride == sizeof(T) && part_stride == sizeof(T)) {
    const auto bytes = static_cast<std::size_t>(n) * sizeof(T);
    if constexpr (std::is_same_v<Op, ReadWhole>) {
      std::memcpy(part, whole, bytes);
    } else if constexpr (std::is_same_v<Op, WriteWhole>) {
      std::memcpy(whole, part, bytes);
    } else {
      T* w = reinterpret_cast<T*>(whole);
      T* p = reinterpret_cast<T*>(part);
      for (std::int64_t i = 0; i < n; ++i) op(w[i], p[i]);
    }
    return;
  }
  for (std::int64_t i = 0; i < n; ++i, whole += whole_stride, part += part_stride) {
    op(*reinterpret_cast<T*>(whole), *reinterpret_cast<T*>(part));
  }
}

// Calls op(element of whole, element of part) for every element of every slice.
template <typename T, typename Op>
void transfer(char* whole, char* part, const Positions& at, const Slices& slices,
              std::int64_t position_stride, bool ordered, Op op) {
  const Walker<2> slice = slices.walker(whole, part);
  const std::int64_t positions = at.count();
  const std::int64_t elements = slice.count();
  if (positions == 0 || elements == 0) return;
  const std::int64_t n = slice.inner_size();
  const std::int64_t ws = slice.inner_stride(0), ps = slice.inner_stride(1);

  // The slice is more spread out in memory than the positions are.
  if (std::abs(ws) > position_stride && elements > 1) {
    const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / positions);
    parallel_for(elements, grain, [&](std::int64_t begin, std::int64_t end) {
      Walker<2> walker = slice;
      if (begin != 0) walker.seek(begin);
      for (std::int64_t e = begin; e < end; ++e, walker.next()) {
        for (std::size_t i = 0; i < at.whole.size(); ++i) {
          op(*reinterpret_cast<T*>(walker[0] + at.whole[i]),
             *reinterpret_cast<T*>(walker[1] + at.part[i]));
        }
      }
    });
    return;
  }
  const auto run = [&](std::int64_t begin, std::int64_t end, std::int64_t first,
                       std::int64_t size) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto position = static_cast<std::size_t>(i);
      Walker<2> walker = slices.walker(whole + at.whole[position], part + at.part[position]);
      for (std::int64_t row = 0; row < elements / n; ++row) {
        transfer_row<T>(walker[0] + first * ws, walker[1] + first * ps, ws, ps, size, op);
        walker.next_inner_row();
      }
    }
  };
  const auto run_flat = [&](std::int64_t begin, std::int64_t end, std::int64_t first,
                            std::int64_t size) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto position = static_cast<std::size_t>(i);
      transfer_row<T>(whole + at.whole[position] + first * ws,
                      part + at.part[position] + first * ps, ws, ps, size, op);
    }
  };
  const auto run_single = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto position = static_cast<std::size_t>(i);
      op(*reinterpret_cast<T*>(whole + at.whole[position]),
         *reinterpret_cast<T*>(part + at.part[position]));
    }
  };
  if (elements == 1) {
    if (ordered) return run_single(0, positions);
    return parallel_for(positions, kBlockElements, run_single);
  }
  const bool flat = slice.ndim() <= 1;
  const auto run_any = [&](std::int64_t begin, std::int64_t end, std::int64_t first,
                           std::int64_t size) {
    flat ? run_flat(begin, end, first, size) : run(begin, end, first, size);
  };
  if (!ordered) {
    const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / elements);
    return parallel_for(positions, grain,
                        [&](std::int64_t begin, std::int64_t end) { run_any(begin, end, 0, n); });
  }
  if (positions * elements < 2 * kBlockElements || n < 128) return run_any(0, positions, 0, n);
  parallel_for(n, std::max<std::int64_t>(64, n / 16), [&](std::int64_t begin, std::int64_t end) {
    run_any(0, positions, begin, end - begin);
  });
}

}  // namespace pullback::kernels
