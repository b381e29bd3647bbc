// Gather, scatter, and the kernels that look for true elements (see index.h).
//
// Rows along the indexed dimension are independent, so threads share them, or the only row where
// nothing is written twice; where the index is expanded, whole slices move.  The masked kernels
// count as they go and run in one thread.
#include <cstdlib>

#include "kernels/index/index.h"
#include "kernels/reduce/reduce.h"
#include "kernels/transfer.h"

namespace pullback::kernels {
namespace {

// Whether each of n indices is in [0, size): the sign bits of k and size - 1 - k are collected,
// which the compiler vectorises.
bool in_range(const char* p, std::int64_t stride, std::int64_t n, std::int64_t size) {
  const auto last = static_cast<std::uint64_t>(size - 1);
  std::uint64_t signs = 0;
  if (stride == sizeof(std::int64_t)) {
    const auto* k = reinterpret_cast<const std::uint64_t*>(p);
    for (std::int64_t i = 0; i < n; ++i) signs |= k[i] | (last - k[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i, p += stride) {
      const std::uint64_t k = *reinterpret_cast<const std::uint64_t*>(p);
      signs |= k | (last - k);
    }
  }
  return signs >> 63 == 0;
}

// Raises for the first index out of range.
void check_range(const View& index, int dim, std::int64_t size) {
  Walker<1> walker({&index}, -1);
  const std::int64_t n = walker.inner_size(), stride = walker.inner_stride(0);
  for (std::int64_t i = 0; i < walker.count(); i += n, walker.next_inner_row()) {
    const char* p = walker[0];
    if (in_range(p, stride, n, size)) continue;
    for (std::int64_t j = 0; j < n; ++j, p += stride) {
      const std::int64_t k = *reinterpret_cast<const std::int64_t*>(p);
      if (k < 0 || k >= size) {
        fail("index ", k, " is out of bounds for dimension ", dim, " with size ", size);
      }
    }
  }
}

// Calls op(element of whole, element of part) for every entry of index; `ordered` where entries may
// name the same element of whole and are written.
template <typename T, typename Op>
void for_index(const View& whole, const View& part, const View& index, int dim, bool ordered,
               Op op) {
  const std::int64_t n = dim_size(index, dim);
  const std::int64_t ws = dim_stride(whole, dim), ps = dim_stride(part, dim),
                     is = dim_stride(index, dim);
  const Walker<3> start({&index, &whole, &part}, dim);
  const std::int64_t columns = start.inner_size();
  const std::int64_t wc = start.inner_stride(1), pc = start.inner_stride(2),
                     ic = start.inner_stride(0);
  if (columns == 1 || std::abs(wc) >= std::abs(ws) * static_cast<std::int64_t>(sizeof(T))) {
    const bool flat = is == 1 && ws == 1 && ps == 1;
    const auto run = [=](const Walker<3>& at, std::int64_t begin, std::int64_t end) {
      const std::int64_t* k = reinterpret_cast<const std::int64_t*>(at[0]);
      T* w = reinterpret_cast<T*>(at[1]);
      T* p = reinterpret_cast<T*>(at[2]);
      if (flat) {
        for (std::int64_t i = begin; i < end; ++i) op(w[k[i]], p[i]);
      } else {
        for (std::int64_t i = begin; i < end; ++i) op(w[k[i * is] * ws], p[i * ps]);
      }
    };
    if (!ordered && start.count() == 1) {
      return parallel_for(n, kBlockElements,
                          [&](std::int64_t begin, std::int64_t end) { run(start, begin, end); });
    }
    return for_rows(std::array{&index, &whole, &part}, dim, n,
                    [=](const auto& at) { run(at, 0, n); });
  }
  // Memory runs across dim: the innermost of the other dimensions is walked inside of it.
  const std::int64_t grain =
      std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, n));
  parallel_for(start.count(), grain, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t count = std::min(columns - begin % columns, end - begin);
      Walker<3> at = start;
      at.seek(begin);
      for (std::int64_t i = 0; i < n; ++i) {
        const char* k = at[0] + i * is * static_cast<std::int64_t>(sizeof(std::int64_t));
        T* p = reinterpret_cast<T*>(at[2]) + i * ps;
        for (std::int64_t j = 0; j < count; ++j) {
          T* w = reinterpret_cast<T*>(at[1] + j * wc);
          op(w[*reinterpret_cast<const std::int64_t*>(k + j * ic) * ws],
             *reinterpret_cast<T*>(reinterpret_cast<char*>(p) + j * pc));
        }
      }
      begin += count;
    }
  });
}

// The index says the same along dimension d.
bool is_expanded(const View& index, int d, int dim) {
  return d != dim && (index.strides[d] == 0 || index.sizes[d] == 1);
}

// How many elements have one entry of the index in common.
std::int64_t shared_by(const View& index, int dim) {
  std::int64_t elements = 1;
  for (int d = 0; d < index.ndim; ++d) {
    if (is_expanded(index, d, dim)) elements *= index.sizes[d];
  }
  return elements;
}
constexpr std::int64_t kWorthSlices = 4;

// The same as for_index, by slices along the dimensions where the index is expanded.
template <typename T, typename Op>
void for_slices(const View& whole, const View& part, const View& index, int dim, bool ordered,
                Op op) {
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(T));
  Slices slices(whole.dtype);
  std::int64_t sizes[kMaxDims], is[kMaxDims], ws[kMaxDims], ps[kMaxDims];
  int kept = 0;
  std::int64_t spread = std::abs(whole.strides[dim]);
  for (int d = 0; d < index.ndim; ++d) {
    if (is_expanded(index, d, dim)) {
      slices.sizes.push_back(index.sizes[d]);
      slices.whole_strides.push_back(whole.strides[d]);
      slices.part_strides.push_back(part.strides[d]);
      continue;
    }
    sizes[kept] = index.sizes[d];
    is[kept] = index.strides[d];
    ws[kept] = d == dim ? 0 : whole.strides[d];
    ps[kept] = part.strides[d];
    spread = std::min(spread, std::abs(whole.strides[d]));
    ++kept;
  }
  const View entries{index.data, sizes, is, kept, index.dtype};
  const View starts{whole.data, sizes, ws, kept, whole.dtype};
  const View parts{part.data, sizes, ps, kept, part.dtype};
  check_range(entries, dim, whole.sizes[dim]);
  Walker<3> walker({&entries, &starts, &parts}, -1);
  Positions at;
  const auto n = static_cast<std::size_t>(walker.count());
  at.whole.resize(n);
  at.part.resize(n);
  for (std::size_t i = 0; i < n; ++i, walker.next()) {
    const std::int64_t k = *reinterpret_cast<const std::int64_t*>(walker[0]);
    at.whole[i] = walker[1] - whole.data + k * whole.strides[dim] * kBytes;
    at.part[i] = walker[2] - part.data;
  }
  transfer<T>(whole.data, part.data, at, slices, spread * kBytes, ordered, op);
}

constexpr auto kAdd = [](auto& whole, auto& part) { whole = add_wrapping(whole, part); };

}  // namespace

void gather(const View& out, const View& in, const View& index, int dim) {
  const bool slices = shared_by(index, dim) >= kWorthSlices;
  if (!slices) check_range(index, dim, dim_size(in, dim));
  visit_size(in.dtype, [&]<typename T>() {
    if (slices) return for_slices<T>(in, out, index, dim, false, ReadWhole());
    for_index<T>(in, out, index, dim, false, ReadWhole());
  });
}

void scatter(const View& out, const View& index, const View& src, int dim) {
  const bool slices = shared_by(index, dim) >= kWorthSlices;
  if (!slices) check_range(index, dim, dim_size(out, dim));
  visit_size(out.dtype, [&]<typename T>() {
    if (slices) return for_slices<T>(out, src, index, dim, true, WriteWhole());
    for_index<T>(out, src, index, dim, true, WriteWhole());
  });
}

void scatter_add(const View& out, const View& index, const View& src, int dim) {
  const bool slices = shared_by(index, dim) >= kWorthSlices;
  if (!slices) check_range(index, dim, dim_size(out, dim));
  visit_or_complex(out.dtype, [&]<typename T>() {
    if (slices) return for_slices<T>(out, src, index, dim, true, kAdd);
    for_index<T>(out, src, index, dim, true, kAdd);
  });
}

std::int64_t count_nonzero(const View& in) {
  std::int64_t count = 0;
  constexpr std::int64_t ones[kMaxDims] = {};
  std::int64_t sizes[kMaxDims];
  std::fill(sizes, sizes + in.ndim, 1);
  reduce(Reduce::NormP, View{reinterpret_cast<char*>(&count), sizes, ones, in.ndim, DType::Int64},
         in, 0);
  return count;
}

void nonzero(const View& in, const View& out) {
  if (in.numel() == 0) return;
  std::int64_t at[kMaxDims] = {};
  std::int64_t* to = reinterpret_cast<std::int64_t*>(out.data);
  const int last = in.ndim - 1;
  const std::int64_t n = in.ndim == 0 ? 1 : in.sizes[last];
  visit(in.dtype, [&]<typename T>() {
    const T* p = reinterpret_cast<const T*>(in.data);
    const std::int64_t stride = in.ndim == 0 ? 1 : in.strides[last];
    while (true) {
      for (std::int64_t i = 0; i < n; ++i) {
        if (p[i * stride] == T(0)) continue;
        for (int d = 0; d < last; ++d) to[d * out.strides[1]] = at[d];
        if (last >= 0) to[last * out.strides[1]] = i;
        to += out.strides[0];
      }
      int d = last - 1;
      for (; d >= 0; --d) {
        p += in.strides[d];
        if (++at[d] < in.sizes[d]) break;
        p -= in.strides[d] * in.sizes[d];
        at[d] = 0;
      }
      if (d < 0) return;
    }
  });
}

void masked_select(const View& out, const View& in, const View& mask) {
  visit_size(in.dtype, [&]<typename T>() {
    T* to = reinterpret_cast<T*>(out.data);
    const std::int64_t step = dim_stride(out, 0);
    for_elements(std::array{&in, &mask}, [&](const auto& at, std::int64_t n) {
      const std::int64_t ss = at.inner_stride(0), ms = at.inner_stride(1);
      const char* p = at[0];
      const char* m = at[1];
      for (std::int64_t i = 0; i < n; ++i, p += ss, m += ms) {
        if (*m == 0) continue;
        *to = *reinterpret_cast<const T*>(p);
        to += step;
      }
    });
  });
}

void masked_scatter(const View& out, const View& mask, const View& src) {
  check(count_nonzero(mask) <= dim_size(src, 0),
        "Number of elements of source < number of ones in mask");
  visit_size(out.dtype, [&]<typename T>() {
    const T* from = reinterpret_cast<const T*>(src.data);
    const std::int64_t step = dim_stride(src, 0);
    for_elements(std::array{&out, &mask}, [&](const auto& at, std::int64_t n) {
      const std::int64_t os = at.inner_stride(0), ms = at.inner_stride(1);
      char* p = at[0];
      const char* m = at[1];
      for (std::int64_t i = 0; i < n; ++i, p += os, m += ms) {
        if (*m == 0) continue;
        *reinterpret_cast<T*>(p) = *from;
        from += step;
      }
    });
  });
}

}  // namespace pullback::kernels
