// Random numbers: the Mersenne twister and the distributions, in torch's order of draws.
//
// The same seed gives the same numbers at any thread count: every kernel draws sequentially, in the
// order in which the elements lie in memory.  The numbers are torch's, except that float32 normals
// of 16 elements and more may differ in the last digits (torch approximates the logarithm).  A
// Generator is locked by the kernels while they draw (its mutex), so the global one may be shared
// by threads.  Start reading at Generator, then uniform().
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/view.h"

namespace pullback::kernels {

class Generator {
 public:
  static constexpr std::uint64_t kDefaultSeed = 67280421310721;

  explicit Generator(std::uint64_t seed = kDefaultSeed) { manual_seed(seed); }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  void manual_seed(std::uint64_t seed);
  std::uint64_t initial_seed() const { return seed_; }
  // Seeds from the operating system and returns the seed.
  std::uint64_t seed();

  std::uint32_t random32() {
    if (--left_ == 0) refill();
    std::uint32_t y = words_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  std::uint64_t random64() {
    const std::uint64_t high = random32();
    return (high << 32) | random32();
  }

  // The whole state as bytes, in torch's layout; set_state raises if it is malformed.
  std::vector<std::uint8_t> state() const;
  void set_state(const std::uint8_t* bytes, std::size_t size);

  // The second number of a Box-Muller pair, kept for the next single draw.
  std::optional<double> next_normal;

  std::mutex& mutex() { return mutex_; }

 private:
  void refill();

  std::array<std::uint32_t, 624> words_;
  std::int32_t left_ = 1;
  std::uint32_t next_ = 0;
  std::uint64_t seed_ = 0;
  std::mutex mutex_;
};

// The one global generator.
Generator& default_generator();

// Floating outputs; uniform on [lo, hi).
void uniform(const View& out, double lo, double hi, Generator& generator);
void normal(const View& out, double mean, double std, Generator& generator);
void exponential(const View& out, double lambda, Generator& generator);
// Any dtype; integers of [lo, hi).
void random_int(const View& out, std::int64_t lo, std::int64_t hi, Generator& generator);
// From `lo` up to the largest integer up to which the dtype holds all.
void random_from(const View& out, std::int64_t lo, Generator& generator);
// All non-negative integers of the dtype; for floats those up to which every integer has a value.
void random_full(const View& out, Generator& generator);
// A permutation of 0..n-1 in a one-dimensional int64 view.
void permutation(const View& out, Generator& generator);
// Zeros and ones of any dtype; p floating with the shape of out, values in [0, 1] (checked).
void bernoulli(const View& out, const View& p, Generator& generator);
void bernoulli(const View& out, double p, Generator& generator);
// Floating: zero with probability p, else 1 / (1 - p); the draws of bernoulli(out, 1 - p).
void dropout_mask(const View& out, double p, Generator& generator);
// The same draws for rows of n elements as bits of rows of (n + 7) / 8 bytes: 1 is kept.
void dropout_bits(const View& out, std::int64_t n, double p, Generator& generator);
// out: int64 [n] or [rows, n]; probs: floating [categories] or [rows, categories], not negative,
// not necessarily normalised.
void multinomial(const View& out, const View& probs, bool replacement, Generator& generator);

}  // namespace pullback::kernels
