// Transforms without the library: many short lines, each in a lane of the machine's
// vectors, and single long ones, as a matrix whose columns and rows are such lines.
#pragma once

#include <cstdint>
#include <vector>

#include "core/allocator.h"
#include "kernels/fft/lanes.h"

namespace pullback::kernels {

// Memory from the allocator of tensors: fresh pages cost more than a transform.
class Block {
 public:
  explicit Block(std::size_t bytes)
      : data_(bytes ? static_cast<char*>(memory::allocate(bytes)) : nullptr), bytes_(bytes) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    if (data_) memory::deallocate(data_, bytes_);
  }
  char* data() const { return data_; }

 private:
  char* data_;
  std::size_t bytes_;
};

// Whether lines of n numbers go into lanes.
bool fits_lanes(std::int64_t n);
// The rows of the matrix that a long line is seen as, 0 if it is not.
std::int64_t split_of(std::int64_t n);

// exp(-2 pi i m / n) for m below n, as products of two of about 2 sqrt(n) numbers.
class Turns {
 public:
  explicit Turns(std::int64_t n);
  template <typename T>
  void put(std::int64_t m, T* pair) const;

 private:
  int shift_ = 0;
  std::vector<double> low_, high_;
};

template <typename T>
class LaneTransform {
 public:
  // n complex numbers, or 2 n real ones.
  LaneTransform(std::int64_t n, LaneKind kind, bool backward);
  LaneTransform(const LaneTransform&) = delete;
  LaneTransform& operator=(const LaneTransform&) = delete;
  static std::int64_t group();  // lines that go together
  std::int64_t size() const { return plan_.n; }
  std::size_t room() const;  // bytes that a run needs
  // A line is read before it is written, and so are the others of its group.
  void run(LaneLines<const T> in, LaneLines<T> out, std::int64_t count, T factor, T* room) const;
  // `count` lines from `first` on, element k of line j times the turn j * k.
  void run_twisted(LaneLines<const T> in, LaneLines<T> out, std::int64_t first, int count,
                   const Turns& turns, T* room) const;

 private:
  LanePlan<T> plan_;
  std::vector<T> table_, real_table_;
  LaneKind kind_;
  bool backward_;
};

// With j = j1 n2 + j2 and k = k1 + n1 k2: transforms over j1, turns by j2 k1, transforms over j2
// (Bailey, FFTs in external or hierarchical memory, 1990).
template <typename T>
class LongTransform {
 public:
  LongTransform(std::int64_t n, std::int64_t rows, bool backward);
  // `middle` has room for the line.
  void run(LaneLines<const T> in, LaneLines<T> out, T factor, T* middle) const;

 private:
  LaneTransform<T> columns_, rows_;
  Turns turns_;
};

}  // namespace pullback::kernels
