// Random numbers: the Mersenne twister and the distributions, in torch's order of draws.
//
// The same seed gives the same numbers at any thread count: every kernel draws sequentially in
// row-major order.  A Generator is locked by the kernels while they draw (its mutex), so the global
// one may be shared by threads.  Start reading at Generator, then uniform().
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

  std::uint32_t random32();
  std::uint64_t random64();

  // The whole state as bytes (for get_state and set_state); set_state raises if it is malformed.
  std::vector<std::uint8_t> state() const;
  void set_state(const std::uint8_t* bytes, std::size_t size);

  // The second number of a Box-Muller pair, kept for the next scalar draw.
  std::optional<double> next_double_normal;
  std::optional<float> next_float_normal;

  std::mutex& mutex() { return mutex_; }

 private:
  void refill();

  std::array<std::uint32_t, 624> words_;
  int left_ = 0;
  int next_ = 0;
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
// A permutation of 0..n-1 in a one-dimensional int64 view.
void permutation(const View& out, Generator& generator);
// Zeros and ones of any dtype; p floating with the shape of out, values in [0, 1] (checked).
void bernoulli(const View& out, const View& p, Generator& generator);
void bernoulli(const View& out, double p, Generator& generator);
// out: int64 [n] or [rows, n]; probs: floating [categories] or [rows, categories], not negative,
// not necessarily normalised.
void multinomial(const View& out, const View& probs, bool replacement, Generator& generator);

}  // namespace pullback::kernels
