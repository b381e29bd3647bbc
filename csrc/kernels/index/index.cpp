// Reading and writing whole slices at positions given by data (see index.h, transfer.h).
//
// Indices are first turned into byte offsets, which checks them all before anything is written.
#include "kernels/index/index.h"

#include <cstdlib>
#include <cstring>

#include "kernels/transfer.h"

namespace pullback::kernels {
namespace {

std::int64_t read_index(const char* p, DType dtype) {
  if (dtype == DType::Int64) return *reinterpret_cast<const std::int64_t*>(p);
  if (dtype == DType::Int32) return *reinterpret_cast<const std::int32_t*>(p);
  check(ErrorKind::Index, dtype == DType::UInt8,
        "tensors used as indices must be long, int, byte or bool tensors: got ", name(dtype));
  return *reinterpret_cast<const std::uint8_t*>(p);
}

std::int64_t bytes(const View& v, int dim) {
  return dim_stride(v, dim) * static_cast<std::int64_t>(item_size(v.dtype));
}

// Positions along one dimension.  `bad` raises the error for an index out of range; with `negative`
// those below 0 count from the end.
template <typename Bad>
Positions along(const View& whole, const View& part, int dim, const View& index, Bad bad,
                bool negative = false) {
  Positions at;
  const std::int64_t n = dim_size(index, 0);
  const std::int64_t size = dim_size(whole, dim);
  at.whole.resize(static_cast<std::size_t>(n));
  at.part.resize(static_cast<std::size_t>(n));
  const std::int64_t step = bytes(index, 0), whole_step = bytes(whole, dim);
  const std::int64_t part_step = bytes(part, dim);
  const auto run = [&](auto read) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::int64_t k = read(index.data + i * step);
      if (k < (negative ? -size : 0) || k >= size) [[unlikely]]
        bad(k, size);
      if (k < 0) k += size;
      at.whole[static_cast<std::size_t>(i)] = k * whole_step;
      at.part[static_cast<std::size_t>(i)] = i * part_step;
    }
  };
  if (index.dtype == DType::Int64) {
    run([](const char* p) { return *reinterpret_cast<const std::int64_t*>(p); });
  } else {
    run([type = index.dtype](const char* p) { return read_index(p, type); });
  }
  return at;
}

void bad_selection(std::int64_t, std::int64_t) {
  fail(ErrorKind::Index, "index out of range in self");
}

Slices slices_without(const View& whole, const View& part, int dim) {
  Slices slices(whole.dtype);
  if (whole.ndim == 0) return slices;
  slices.add(whole, part, 0, 0, dim);
  slices.add(whole, part, dim + 1, dim + 1, whole.ndim - dim - 1);
  return slices;
}

// Positions of advanced indexing: the indexed dimensions of `whole` lead.
Positions at_indices(const View& whole, const View& part, const View* indices,
                     const int* index_dims, int n_indices) {
  Positions at;
  const View& first = indices[0];
  const View leading{part.data, first.sizes, part.strides, first.ndim, part.dtype};
  const auto n = static_cast<std::size_t>(leading.numel());
  at.whole.assign(n, 0);
  at.part.resize(n);
  for (int k = 0; k < n_indices; ++k) {
    Walker<2> walker({&indices[k], &leading}, -1);
    const std::int64_t size = whole.sizes[k];
    const std::int64_t stride = bytes(whole, k);
    for (std::size_t i = 0; i < n; ++i, walker.next()) {
      std::int64_t index = read_index(walker[0], indices[k].dtype);
      if (index < -size || index >= size) {
        fail(ErrorKind::Index, "index ", index, " is out of bounds for dimension ",
             index_dims == nullptr ? k : index_dims[k], " with size ", size);
      }
      if (index < 0) index += size;
      at.whole[i] += index * stride;
      if (k == 0) at.part[i] = walker[1] - part.data;
    }
  }
  return at;
}

std::int64_t smallest_stride(const View& whole, int count) {
  std::int64_t smallest = INT64_MAX;
  for (int d = 0; d < count; ++d) smallest = std::min(smallest, std::abs(bytes(whole, d)));
  return smallest;
}

Slices slices_behind(const View& whole, const View& part, int whole_dims, int part_dims) {
  Slices slices(whole.dtype);
  slices.add(whole, part, whole_dims, part_dims, whole.ndim - whole_dims);
  return slices;
}

// How many elements a row along the first dimension has, if they are dense; else 0.
std::int64_t dense_row(const View& v) {
  if (v.ndim == 0) return 0;
  std::int64_t n = 1;
  for (int d = v.ndim - 1; d > 0; --d) {
    if (v.sizes[d] != 1 && v.strides[d] != n) return 0;
    n *= v.sizes[d];
  }
  return n;
}

void select_rows(const View& out, const View& in, const View& index, std::int64_t row) {
  const std::int64_t n = dim_size(index, 0), step = dim_stride(index, 0), size = in.sizes[0];
  const auto* at = reinterpret_cast<const std::int64_t*>(index.data);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t k = at[i * step];
    if (k < 0 || k >= size) [[unlikely]]
      bad_selection(k, size);
  }
  const std::int64_t from = bytes(in, 0), to = bytes(out, 0);
  const std::size_t count = static_cast<std::size_t>(row) * item_size(in.dtype);
  const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / row);
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::memcpy(out.data + i * to, in.data + at[i * step] * from, count);
    }
  });
}

constexpr auto kAdd = [](auto& whole, auto& part) { whole = add_wrapping(whole, part); };

}  // namespace

void index_select(const View& out, const View& in, const View& index, int dim) {
  const std::int64_t row = dense_row(in);
  if (dim == 0 && row > 1 && dense_row(out) == row && index.dtype == DType::Int64) {
    return select_rows(out, in, index, row);
  }
  const Positions at = along(in, out, dim, index, bad_selection);
  const Slices slices = slices_without(in, out, dim);
  visit_size(in.dtype, [&]<typename T>() {
    transfer<T>(in.data, out.data, at, slices, std::abs(bytes(in, dim)), false, ReadWhole());
  });
}

void index_add(const View& out, int dim, const View& index, const View& src, const Scalar& alpha) {
  // torch's errors for one dimension and for more are not the same.
  const ErrorKind kind = out.ndim == 1 ? ErrorKind::Index : ErrorKind::Runtime;
  const Positions at = along(out, src, dim, index, [=](std::int64_t k, std::int64_t size) {
    fail(kind, "index ", k, " is out of bounds for dimension ", dim, " with size ", size);
  });
  const Slices slices = slices_without(out, src, dim);
  const std::int64_t stride = std::abs(bytes(out, dim));
  visit_or_complex(out.dtype, [&]<typename T>() {
    if (alpha.is(1)) {
      return transfer<T>(out.data, src.data, at, slices, stride, true, kAdd);
    }
    T scale;
    alpha.store(out.dtype, &scale);
    transfer<T>(out.data, src.data, at, slices, stride, true, [scale](T& whole, T& part) {
      whole = add_wrapping(whole, multiply_wrapping(scale, part));
    });
  });
}

void index_copy(const char* name, const View& out, int dim, const View& index, const View& src,
                bool from_end) {
  const auto bad = [=](std::int64_t k, std::int64_t size) {
    fail(ErrorKind::Index, name, "(): index ", k, " is out of bounds for dimension ", dim,
         " with size ", size);
  };
  const Positions at = along(out, src, dim, index, bad, from_end);
  const Slices slices = slices_without(out, src, dim);
  visit_size(out.dtype, [&]<typename T>() {
    transfer<T>(out.data, src.data, at, slices, std::abs(bytes(out, dim)), true, WriteWhole());
  });
}

void index_get(const View& out, const View& in, const View* indices, const int* index_dims,
               int n_indices) {
  const Positions at = at_indices(in, out, indices, index_dims, n_indices);
  const Slices slices = slices_behind(in, out, n_indices, indices[0].ndim);
  visit_size(in.dtype, [&]<typename T>() {
    transfer<T>(in.data, out.data, at, slices, smallest_stride(in, n_indices), false, ReadWhole());
  });
}

void index_put(const View& out, const View* indices, const int* index_dims, int n_indices,
               const View& src, bool accumulate) {
  const Positions at = at_indices(out, src, indices, index_dims, n_indices);
  const Slices slices = slices_behind(out, src, n_indices, indices[0].ndim);
  const std::int64_t stride = smallest_stride(out, n_indices);
  if (accumulate) {
    visit_or_complex(out.dtype, [&]<typename T>() {
      transfer<T>(out.data, src.data, at, slices, stride, true, kAdd);
    });
    return;
  }
  visit_size(out.dtype, [&]<typename T>() {
    transfer<T>(out.data, src.data, at, slices, stride, true, WriteWhole());
  });
}

}  // namespace pullback::kernels
