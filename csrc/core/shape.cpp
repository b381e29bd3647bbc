// See shape.h.
#include "core/shape.h"

#include <ostream>

#include "core/error.h"

namespace pullback {

Dims::Dims(int size, std::int64_t value) {
  resize(size);
  std::fill_n(data(), size, value);
}

void Dims::insert(int at, std::int64_t value) {
  resize(size_ + 1);
  std::copy_backward(begin() + at, end() - 1, end());
  (*this)[at] = value;
}

void Dims::erase(int at) {
  std::copy(begin() + at + 1, end(), begin() + at);
  --size_;
}

void Dims::copy_heap(const Dims& other) {
  size_ = 0;
  resize(other.size_);
  std::copy(other.begin(), other.end(), heap_);
}

void Dims::grow(int size) {
  const int capacity = std::max(size, 2 * capacity_);
  auto* bigger = new std::int64_t[static_cast<std::size_t>(capacity)];
  std::copy_n(data(), size_, bigger);
  if (capacity_ > kInlineDims) delete[] heap_;
  heap_ = bigger;
  capacity_ = capacity;
}

std::int64_t count_elements(Sizes sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (__builtin_mul_overflow(count, size, &count)) {
      fail("Storage size calculation overflowed with sizes=", Dims(sizes));
    }
  }
  return count;
}

Dims contiguous_strides(Sizes sizes) {
  Dims strides(static_cast<int>(sizes.size()));
  std::int64_t stride = 1;
  for (int d = strides.size() - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= std::max<std::int64_t>(sizes[d], 1);
  }
  return strides;
}

bool is_contiguous(Sizes sizes, Sizes strides) {
  std::int64_t expected = 1;
  bool contiguous = true;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 0) return true;
    if (sizes[d] != 1 && strides[d] != expected) contiguous = false;
    expected *= sizes[d];
  }
  return contiguous;
}

bool is_dense(Sizes sizes, Sizes strides) {
  Dims order;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return true;
    if (sizes[d] != 1) order.push_back(static_cast<std::int64_t>(d));
  }
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return strides[a] < strides[b]; });
  std::int64_t expected = 1;
  for (const std::int64_t d : order) {
    if (strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

std::int64_t memory_extent(Sizes sizes, Sizes strides) {
  std::int64_t last = 1;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return 0;
    last += (sizes[d] - 1) * strides[d];
  }
  return last;
}

bool overlaps(Sizes sizes, Sizes strides) {
  Dims order;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return false;
    if (sizes[d] != 1) order.push_back(static_cast<std::int64_t>(d));
  }
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return strides[static_cast<std::size_t>(a)] < strides[static_cast<std::size_t>(b)];
  });
  std::int64_t reached = 0;
  for (const std::int64_t d : order) {
    const auto dim = static_cast<std::size_t>(d);
    if (strides[dim] <= reached) return true;
    reached += (sizes[dim] - 1) * strides[dim];
  }
  return false;
}

Dims dense_strides(Sizes sizes, std::span<const Dims> strides) {
  // Positive when dimension `a` belongs outside of `b`, negative when inside.
  const auto compare = [&](std::int64_t a, std::int64_t b) {
    for (const Dims& each : strides) {
      if (each.empty()) continue;
      const std::int64_t of_a = each[static_cast<int>(a)];
      const std::int64_t of_b = each[static_cast<int>(b)];
      if (of_a == 0 || of_b == 0) continue;
      if (of_a != of_b) return of_a < of_b ? -1 : 1;
      if (sizes[static_cast<std::size_t>(a)] > sizes[static_cast<std::size_t>(b)]) return 1;
    }
    return 0;
  };
  const int ndim = static_cast<int>(sizes.size());
  Dims order(ndim);  // from the innermost to the outermost
  for (int d = 0; d < ndim; ++d) order[d] = ndim - 1 - d;
  for (int d = 1; d < ndim; ++d) {
    int at = d;
    for (int inner = d - 1; inner >= 0; --inner) {
      const int verdict = compare(order[inner], order[at]);
      if (verdict < 0) break;
      if (verdict == 0) continue;
      std::swap(order[inner], order[at]);
      at = inner;
    }
  }
  bool row_major = true;
  for (int d = 0; d < ndim; ++d) row_major &= order[d] == ndim - 1 - d;
  if (row_major) return contiguous_strides(sizes);
  Dims result(ndim);
  std::int64_t step = 1;
  for (const std::int64_t d : order) {
    result[static_cast<int>(d)] = step;
    step *= sizes[static_cast<std::size_t>(d)];
  }
  return result;
}

Dims broadcast(Sizes a, Sizes b) {
  const int na = static_cast<int>(a.size());
  const int nb = static_cast<int>(b.size());
  Dims result(std::max(na, nb));
  for (int d = 0; d < result.size(); ++d) {
    const int ia = d - (result.size() - na);
    const int ib = d - (result.size() - nb);
    const std::int64_t sa = ia < 0 ? 1 : a[ia];
    const std::int64_t sb = ib < 0 ? 1 : b[ib];
    if (sa != sb && sa != 1 && sb != 1) {
      fail("The size of tensor a (", sa, ") must match the size of tensor b (", sb,
           ") at non-singleton dimension ", d, ". Got shapes ", Dims(a), " and ", Dims(b), ".");
    }
    result[d] = sa == 1 ? sb : sa;
  }
  return result;
}

bool broadcastable_to(Sizes from, Sizes to) {
  if (from.size() > to.size()) return false;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t d = 0; d < from.size(); ++d) {
    if (from[d] != 1 && from[d] != to[lead + d]) return false;
  }
  return true;
}

int wrap_dim(std::int64_t dim, int ndim) {
  const std::int64_t range = ndim == 0 ? 1 : ndim;
  if (dim < -range || dim >= range) {
    fail(ErrorKind::Index, "Dimension out of range (expected to be in range of [", -range, ", ",
         range - 1, "], but got ", dim, ")");
  }
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

int wrap_own_dim(std::int64_t dim, int ndim) {
  check(ErrorKind::Index, ndim > 0, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  return wrap_dim(dim, ndim);
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  out << '[';
  for (int i = 0; i < dims.size(); ++i) out << (i ? ", " : "") << dims[i];
  return out << ']';
}

}  // namespace pullback
