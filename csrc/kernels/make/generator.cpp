// The Mersenne twister MT19937, with the bookkeeping and the state layout of torch's generator.
#include <cstring>
#include <random>

#include "core/error.h"
#include "kernels/make/random.h"

namespace pullback::kernels {
namespace {

constexpr std::size_t kWords = 624;
constexpr std::size_t kShift = 397;

// What get_state and set_state exchange; torch writes one word per 64 bits.
struct State {
  std::uint64_t seed;
  std::int32_t left;
  std::int32_t seeded;
  std::uint64_t next;
  std::uint64_t words[kWords];
  double unused_x;
  double next_normal;
  double unused_rho;
  std::int32_t has_next_normal;
  std::int32_t padding;
  float next_float_normal;
  std::uint32_t has_next_float_normal;
};
static_assert(sizeof(State) == 5056);

}  // namespace

void Generator::manual_seed(std::uint64_t seed) {
  seed_ = seed;
  words_[0] = static_cast<std::uint32_t>(seed);
  for (std::uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  }
  left_ = 1;
  next_ = 0;
  next_normal.reset();
}

std::uint64_t Generator::seed() {
  std::random_device device;
  // 53 bits, so that the seed survives as a double.
  const std::uint64_t seed =
      ((static_cast<std::uint64_t>(device()) << 32) | device()) & ((std::uint64_t{1} << 53) - 1);
  manual_seed(seed);
  return seed;
}

void Generator::refill() {
  const auto twist = [](std::uint32_t high, std::uint32_t low) {
    const std::uint32_t mixed = (high & 0x80000000u) | (low & 0x7fffffffu);
    return (mixed >> 1) ^ ((low & 1) != 0 ? 0x9908b0dfu : 0u);
  };
  std::size_t i = 0;
  for (; i < kWords - kShift; ++i) words_[i] = words_[i + kShift] ^ twist(words_[i], words_[i + 1]);
  for (; i < kWords - 1; ++i) {
    words_[i] = words_[i + kShift - kWords] ^ twist(words_[i], words_[i + 1]);
  }
  words_[i] = words_[i + kShift - kWords] ^ twist(words_[i], words_[0]);
  left_ = static_cast<std::int32_t>(kWords);
  next_ = 0;
}

std::vector<std::uint8_t> Generator::state() const {
  State s{};
  s.seed = seed_;
  s.left = left_;
  s.seeded = 1;
  s.next = next_;
  for (std::size_t i = 0; i < kWords; ++i) s.words[i] = words_[i];
  if (next_normal.has_value()) {
    s.next_normal = *next_normal;
    s.has_next_normal = 1;
  }
  std::vector<std::uint8_t> bytes(sizeof(State));
  std::memcpy(bytes.data(), &s, sizeof(State));
  return bytes;
}

void Generator::set_state(const std::uint8_t* bytes, std::size_t size) {
  check(size == sizeof(State), "set_state: wrong size of the generator state: got ", size,
        " bytes, expected ", sizeof(State));
  State s;
  std::memcpy(&s, bytes, sizeof(State));
  check(s.seeded == 1 && s.left > 0 && s.left <= static_cast<std::int32_t>(kWords) &&
            s.next < kWords + 1 && s.next + static_cast<std::uint64_t>(s.left) <= kWords + 1,
        "set_state: not the state of a Mersenne twister generator");
  seed_ = s.seed;
  left_ = s.left;
  next_ = static_cast<std::uint32_t>(s.next);
  for (std::size_t i = 0; i < kWords; ++i) words_[i] = static_cast<std::uint32_t>(s.words[i]);
  next_normal.reset();
  if (s.has_next_normal != 0) next_normal = s.next_normal;
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

}  // namespace pullback::kernels
