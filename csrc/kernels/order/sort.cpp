// Sorting and selection along one dimension (see sort.h and sort_keys.h).
//
// Short rows are sorted by insertion or merging, long ones by radix, least significant byte first;
// bytes in which all keys agree cost nothing, so 32-bit dtypes take four passes.
#include "kernels/order/sort.h"

#include <algorithm>

#include "kernels/order/sort_keys.h"

namespace pullback::kernels {
namespace {

constexpr std::size_t kInsertion = 24;
constexpr std::size_t kRadix = 2048;

void insertion_sort(std::vector<KeyedIndex>& keys) {
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const KeyedIndex moved = keys[i];
    std::size_t j = i;
    for (; j > 0 && moved.key < keys[j - 1].key; --j) keys[j] = keys[j - 1];
    keys[j] = moved;
  }
}

void radix_sort(std::vector<KeyedIndex>& keys, std::vector<KeyedIndex>& scratch) {
  std::vector<std::size_t> counts(8 * 256, 0);
  for (const KeyedIndex& k : keys) {
    for (std::size_t byte = 0; byte < 8; ++byte)
      ++counts[byte * 256 + ((k.key >> (8 * byte)) & 255)];
  }
  scratch.resize(keys.size());
  for (std::size_t byte = 0; byte < 8; ++byte) {
    std::size_t* count = &counts[byte * 256];
    if (count[(keys[0].key >> (8 * byte)) & 255] == keys.size()) continue;
    std::size_t start = 0;
    for (std::size_t digit = 0; digit < 256; ++digit) {
      const std::size_t size = count[digit];
      count[digit] = start;
      start += size;
    }
    for (const KeyedIndex& k : keys) scratch[count[(k.key >> (8 * byte)) & 255]++] = k;
    keys.swap(scratch);
  }
}

// Copies the values at the chosen positions of a row, and the positions, where they are wanted.
struct Chosen {
  char* values;
  char* indices;
  std::int64_t value_stride, index_stride;  // elements

  template <typename T>
  void put(const char* row, std::int64_t stride, std::int64_t at, std::int64_t position) const {
    if (values != nullptr) {
      reinterpret_cast<T*>(values)[at * value_stride] =
          reinterpret_cast<const T*>(row)[position * stride];
    }
    if (indices != nullptr) {
      reinterpret_cast<std::int64_t*>(indices)[at * index_stride] = position;
    }
  }
};

// Calls body(row, stride, n, chosen, keys, scratch) for every row along dim, keys being read.
template <typename Body>
void for_sorted_rows(const View& values, const View& indices, const View& in, int dim,
                     bool descending, Body body) {
  const std::int64_t n = dim_size(in, dim);
  if (n == 0) return;
  const std::int64_t stride = dim_stride(in, dim);
  const View& v = values.data == nullptr ? indices : values;
  const View& k = indices.data == nullptr ? values : indices;
  const Walker<3> start({&in, &v, &k}, dim);
  parallel_for(start.count(), std::max<std::int64_t>(1, kBlockElements / 8 / n),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<KeyedIndex> keys(static_cast<std::size_t>(n)), scratch;
                 Walker<3> at = start;
                 if (begin != 0) at.seek(begin);
                 for (std::int64_t i = begin; i < end; ++i, at.next()) {
                   const Chosen chosen{values.data == nullptr ? nullptr : at[1],
                                       indices.data == nullptr ? nullptr : at[2],
                                       dim_stride(v, dim), dim_stride(k, dim)};
                   read_keys(at[0], stride, in.dtype, n, descending, keys.data());
                   body(at[0], chosen, keys, scratch);
                 }
               });
}

void put_all(const View& in, int dim, const char* row, const Chosen& chosen,
             const std::vector<KeyedIndex>& keys, std::int64_t count) {
  const std::int64_t stride = dim_stride(in, dim);
  visit_size(in.dtype, [&]<typename T>() {
    for (std::int64_t i = 0; i < count; ++i) {
      chosen.put<T>(row, stride, i, keys[static_cast<std::size_t>(i)].index);
    }
  });
}

// Puts the entry of rank k (from 0) of the row.
void put_rank(const View& in, int dim, const char* row, const Chosen& chosen,
              std::vector<KeyedIndex>& keys, std::int64_t k) {
  std::nth_element(keys.begin(), keys.begin() + k, keys.end());
  visit_size(in.dtype, [&]<typename T>() {
    chosen.put<T>(row, dim_stride(in, dim), 0, keys[static_cast<std::size_t>(k)].index);
  });
}

// Below this part of a row selecting beats ordering all of its keys.
constexpr std::int64_t kSelective = 8;
constexpr std::int64_t kScan = 32;
// Up to so many found ones are kept in order, more are cut back when twice as many have come.
constexpr std::size_t kInserted = 64;

// The k first keys of a row, not in order, while only few elements become keys: those that beat the
// k-th best so far.
template <typename T>
class Selection {
 public:
  Selection(std::int64_t k, bool largest)
      : k_(static_cast<std::size_t>(k)),
        capacity_(2 * k_ + 64),
        flip_(largest ? ~std::uint64_t(0) : 0),
        largest_(largest) {
    found_.reserve(capacity_);
  }

  void scan(const T* p, std::int64_t stride, std::int64_t n) {
    found_.clear();
    full_ = false;
    row_ = p;
    stride_ = stride;
    std::int64_t i = 0;
    for (; i < n && !full_; ++i) add(p[i * stride], i);
    for (; stride == 1 && i + kScan <= n; i += kScan) {
      if (!any_beats(p + i)) continue;
      for (std::int64_t j = i; j < i + kScan; ++j) add(p[j], j);
    }
    for (; i < n; ++i) add(p[i * stride], i);
    shrink();
  }
  std::vector<KeyedIndex>& found() { return found_; }

 private:
  // Might any of kScan elements beat the bound?  NaN counts as one that might.
  bool any_beats(const T* p) const {
    int hits = 0;
    if (largest_) {
      for (int j = 0; j < kScan; ++j) hits |= !(p[j] <= edge_);
    } else {
      for (int j = 0; j < kScan; ++j) hits |= !(p[j] >= edge_);
    }
    return hits != 0;
  }
  void add(T value, std::int64_t index) {
    const std::uint64_t key = sort_key(value) ^ flip_;
    if (full_ && key >= bound_) return;  // of equal ones the first stays
    found_.push_back({key, index});
    if (k_ > kInserted) {
      if (found_.size() == capacity_) shrink();
      return;
    }
    for (std::size_t j = found_.size() - 1; j > 0 && key < found_[j - 1].key; --j) {
      std::swap(found_[j], found_[j - 1]);
    }
    if (found_.size() < k_) return;
    found_.resize(k_);
    set_bound(found_.back());
  }
  void shrink() {
    if (found_.size() <= k_) return;
    const auto last = found_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(found_.begin(), last, found_.end());
    set_bound(*last);
    found_.resize(k_);
  }
  void set_bound(const KeyedIndex& last) {
    bound_ = last.key;
    edge_ = row_[last.index * stride_];
    full_ = true;
  }

  std::size_t k_;
  std::size_t capacity_;
  std::uint64_t flip_;
  bool largest_;
  std::uint64_t bound_ = 0;
  bool full_ = false;
  T edge_{};  // the value of the bound
  const T* row_ = nullptr;
  std::int64_t stride_ = 1;
  std::vector<KeyedIndex> found_;
};

void select_topk(const View& values, const View& indices, const View& in, int dim, bool largest,
                 std::int64_t k) {
  const std::int64_t n = dim_size(in, dim);
  const std::int64_t stride = dim_stride(in, dim);
  const View& v = values.data == nullptr ? indices : values;
  const View& p = indices.data == nullptr ? values : indices;
  const Walker<3> start({&in, &v, &p}, dim);
  visit(in.dtype, [&]<typename T>() {
    parallel_for(start.count(), std::max<std::int64_t>(1, kBlockElements / n),
                 [&](std::int64_t begin, std::int64_t end) {
                   Selection<T> selection(k, largest);
                   Walker<3> at = start;
                   if (begin != 0) at.seek(begin);
                   for (std::int64_t i = begin; i < end; ++i, at.next()) {
                     selection.scan(reinterpret_cast<const T*>(at[0]), stride, n);
                     std::sort(selection.found().begin(), selection.found().end());
                     const Chosen chosen{values.data == nullptr ? nullptr : at[1],
                                         indices.data == nullptr ? nullptr : at[2],
                                         dim_stride(v, dim), dim_stride(p, dim)};
                     put_all(in, dim, at[0], chosen, selection.found(), k);
                   }
                 });
  });
}

}  // namespace

void read_keys(const char* row, std::int64_t stride, DType dtype, std::int64_t n, bool descending,
               KeyedIndex* keys) {
  visit(dtype, [&]<typename T>() {
    const T* p = reinterpret_cast<const T*>(row);
    const std::uint64_t flip = descending ? ~std::uint64_t(0) : 0;
    for (std::int64_t i = 0; i < n; ++i) keys[i] = {sort_key(p[i * stride]) ^ flip, i};
  });
}

void sort_keys(std::vector<KeyedIndex>& keys, std::vector<KeyedIndex>& scratch) {
  if (keys.size() <= kInsertion) return insertion_sort(keys);
  if (keys.size() >= kRadix) return radix_sort(keys, scratch);
  std::sort(keys.begin(), keys.end());
}

void sort(const View& values, const View& indices, const View& in, int dim, bool descending, bool) {
  for_sorted_rows(values, indices, in, dim, descending,
                  [&](const char* row, const Chosen& chosen, auto& keys, auto& scratch) {
                    sort_keys(keys, scratch);
                    put_all(in, dim, row, chosen, keys, dim_size(in, dim));
                  });
}

void topk(const View& values, const View& indices, const View& in, int dim, bool largest, bool) {
  const std::int64_t k = dim_size(values.data == nullptr ? indices : values, dim);
  if (k == 0) return;
  if (k < dim_size(in, dim) / kSelective) return select_topk(values, indices, in, dim, largest, k);
  for_sorted_rows(values, indices, in, dim, largest,
                  [&](const char* row, const Chosen& chosen, auto& keys, auto&) {
                    const auto middle = keys.begin() + k;
                    if (middle != keys.end()) std::nth_element(keys.begin(), middle, keys.end());
                    std::sort(keys.begin(), middle);
                    put_all(in, dim, row, chosen, keys, k);
                  });
}

void kthvalue(const View& values, const View& indices, const View& in, std::int64_t k, int dim) {
  check(k >= 1 && k <= dim_size(in, dim),
        "kthvalue(): selected number k out of range for dimension ", dim);
  for_sorted_rows(values, indices, in, dim, false,
                  [&](const char* row, const Chosen& chosen, auto& keys, auto&) {
                    put_rank(in, dim, row, chosen, keys, k - 1);
                  });
}

void median(const View& values, const View& indices, const View& in, int dim, bool nan_ignored) {
  const std::int64_t n = dim_size(in, dim);
  const std::uint64_t nan_key = in.dtype == DType::Float32   ? 0xffffffffu
                                : in.dtype == DType::Float64 ? ~std::uint64_t(0)
                                                             : 0;
  for_sorted_rows(values, indices, in, dim, false,
                  [&](const char* row, const Chosen& chosen, auto& keys, auto&) {
                    std::int64_t nans = 0;
                    if (is_floating(in.dtype)) {
                      for (const KeyedIndex& k : keys) nans += k.key == nan_key;
                    }
                    std::int64_t rank = (n - 1) / 2;
                    if (nans > 0)
                      rank = nan_ignored ? (std::max(n - nans, std::int64_t{1}) - 1) / 2 : n - nans;
                    put_rank(in, dim, row, chosen, keys, rank);
                  });
}

}  // namespace pullback::kernels
