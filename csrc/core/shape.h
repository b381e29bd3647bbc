// Sizes and strides: a short vector without heap for up to six dimensions, and the arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <span>

namespace pullback {

inline constexpr int kInlineDims = 6;
inline constexpr int kMaxDims = 64;

using Sizes = std::span<const std::int64_t>;

// A vector of sizes, strides or dimension numbers.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) : Dims(Sizes(values.begin(), values.size())) {}
  explicit Dims(int size, std::int64_t value = 0);
  Dims(Sizes values) {  // NOLINT: a span is the same thing
    resize(static_cast<int>(values.size()));
    std::copy(values.begin(), values.end(), data());
  }
  Dims(const Dims& other) : size_(other.size_) {
    if (other.capacity_ > kInlineDims) [[unlikely]] {
      copy_heap(other);
    } else {
      copy_inline(other);
    }
  }
  Dims(Dims&& other) noexcept { take(other); }
  Dims& operator=(const Dims& other) {
    if (this != &other) {
      Dims copy(other);
      free();
      take(copy);
    }
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      free();
      take(other);
    }
    return *this;
  }
  ~Dims() { free(); }

  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t* data() { return capacity_ > kInlineDims ? heap_ : inline_; }
  const std::int64_t* data() const { return capacity_ > kInlineDims ? heap_ : inline_; }
  std::int64_t& operator[](int i) { return data()[i]; }
  std::int64_t operator[](int i) const { return data()[i]; }
  std::int64_t* begin() { return data(); }
  std::int64_t* end() { return data() + size_; }
  const std::int64_t* begin() const { return data(); }
  const std::int64_t* end() const { return data() + size_; }
  std::int64_t back() const { return data()[size_ - 1]; }
  operator Sizes() const { return {data(), static_cast<std::size_t>(size_)}; }

  void push_back(std::int64_t value) { insert(size_, value); }
  void insert(int at, std::int64_t value);
  void erase(int at);
  void resize(int size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }
  bool contains(std::int64_t value) const { return std::find(begin(), end(), value) != end(); }

  friend bool operator==(const Dims& a, const Dims& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  void free() {
    if (capacity_ > kInlineDims) delete[] heap_;
    capacity_ = kInlineDims;
    size_ = 0;
  }
  void take(Dims& other) {
    size_ = other.size_;
    capacity_ = other.capacity_;
    if (capacity_ > kInlineDims) {
      heap_ = other.heap_;
    } else {
      copy_inline(other);
    }
    other.size_ = 0;
    other.capacity_ = kInlineDims;
  }
  // All of them: a copy of fixed size is a few instructions.
  void copy_inline(const Dims& other) { std::memcpy(inline_, other.inline_, sizeof inline_); }
  void copy_heap(const Dims& other);
  void grow(int size);

  std::int32_t size_ = 0;
  std::int32_t capacity_ = kInlineDims;
  union {
    std::int64_t inline_[kInlineDims] = {};
    std::int64_t* heap_;
  };
};

// A loop: the call of memcmp costs more than the few words that are compared.
inline bool same(Sizes a, Sizes b) {
  if (a.size() != b.size()) return false;
  for (std::size_t d = 0; d < a.size(); ++d) {
    if (a[d] != b[d]) return false;
  }
  return true;
}
// The number of elements; throws when it does not fit into 63 bits.
std::int64_t count_elements(Sizes sizes);
Dims contiguous_strides(Sizes sizes);
bool is_contiguous(Sizes sizes, Sizes strides);
// A dense block of memory in some order of dimensions, without gaps or overlap.
bool is_dense(Sizes sizes, Sizes strides);
// Elements from the first one to behind the last one in memory.
std::int64_t memory_extent(Sizes sizes, Sizes strides);
// Some element may share its memory with another one; gaps are fine.
bool overlaps(Sizes sizes, Sizes strides);
// Strides of a dense result with its dimensions in the order of these strides (0: broadcast, or
// empty): the first that tells two dimensions apart decides, else they stay row-major.
Dims dense_strides(Sizes sizes, std::span<const Dims> strides);

// The shape of the result of an elementwise operation; throws as torch does when there is none.
Dims broadcast(Sizes a, Sizes b);
bool broadcastable_to(Sizes from, Sizes to);

// Turns a dimension number in [-ndim, ndim) into [0, ndim); IndexError with torch's text otherwise.
// With zero dimensions -1 and 0 are accepted, as in torch.
int wrap_dim(std::int64_t dim, int ndim);
// The same where there must be a dimension: IndexError with zero dimensions.
int wrap_own_dim(std::int64_t dim, int ndim);

// "[2, 3]"
std::ostream& operator<<(std::ostream& out, const Dims& dims);

}  // namespace pullback
