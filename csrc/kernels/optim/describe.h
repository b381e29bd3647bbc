// From a record to its Rule: the loops of one instruction set. NOTE [Optimizers] in rule.h.
//
// Included where PULLBACK_ISA names the namespace.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/optim/rule.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {

// What a record need not say.
struct RuleDefaults {
  static constexpr const char* kBase = nullptr;
  static constexpr const char* kFixed = "";
  static constexpr const char* kOrder = nullptr;
  static constexpr bool kStateAtOnce = false;
  // From [1.0, 2.0] by the gradients [1.0, 1.0].
  static constexpr const char* kExample = "lr=0.1";
  static constexpr const char* kExampleResult = "[0.9000, 1.9000]";
};

// Checks that many have.
inline constexpr Check kRateCheck = {"0.0 <= lr", "Invalid learning rate: {lr}"};
inline constexpr Check kEpsCheck = {"0.0 <= eps", "Invalid epsilon value: {eps}"};
inline constexpr Check kBeta1Check = {"0.0 <= betas[0] < 1.0",
                                      "Invalid beta parameter at index 0: {betas[0]}"};
inline constexpr Check kBeta2Check = {"0.0 <= betas[1] < 1.0",
                                      "Invalid beta parameter at index 1: {betas[1]}"};
inline constexpr Check kDecayCheck = {"0.0 <= weight_decay",
                                      "Invalid weight_decay value: {weight_decay}"};

// The words of the formulas.
//
// A gradient with the weight decay of the settings.
template <typename T, typename Constants>
PULLBACK_INLINE T decayed(T p, T g, const Constants& c) {
  return c.weight_decay != 0 ? muladd(p, T(c.weight_decay), g) : g;
}
// The gradient that a step follows: with its sign, too. Flags are doubles: the compiler does not
// vectorise a loop that reads a bool in every turn.
template <typename T, typename Constants>
PULLBACK_INLINE T descent(T p, T g, const Constants& c) {
  return decayed(p, g * T(1 - 2 * c.maximize), c);
}
// (1 - weight) * start + weight * end, as torch's lerp rounds it.
template <typename T>
PULLBACK_INLINE T lerp(T start, T end, double weight) {
  const T difference = end - start;
  return weight < 0.5 ? muladd(T(weight), difference, start)
                      : muladd(difference, T(weight) - T(1), end);
}
// The larger one; NaN wins.
template <typename T>
PULLBACK_INLINE T larger(T a, T b) {
  return select((a > b) | (a != a), a, b);
}
// beta * mean + (1 - beta) * g * g.
template <typename T>
PULLBACK_INLINE T mean_square(T mean, T g, double beta) {
  return muladd(T(1 - beta) * g, g, mean * T(beta));
}

// Bit i: slot i of those that are like the parameter. Whether it can be missing, and how many.
template <typename Record>
constexpr unsigned optional_slots() {
  unsigned bits = 0, at = 1;
  for (const Slot& slot : Record::kSlots) {
    if (slot.number) continue;
    if (slot.when != nullptr) bits |= at;
    at <<= 1;
  }
  return bits;
}
template <typename Record>
constexpr unsigned tensor_slots() {
  unsigned at = 1;
  for (const Slot& slot : Record::kSlots) at <<= slot.number ? 0 : 1;
  return at - 1;
}
// Calls body.template operator()<has>() with the slots that are there.
template <typename Record, typename Body>
PULLBACK_INLINE void with_slots(unsigned there, Body&& body) {
  [&]<unsigned... has>(std::integer_sequence<unsigned, has...>) {
    const auto one = [&]<unsigned each>() {
      if constexpr ((each | optional_slots<Record>()) == tensor_slots<Record>()) {
        if (each == there) body.template operator()<each>();
      }
    };
    (one.template operator()<has>(), ...);
  }(std::make_integer_sequence<unsigned, 1u << kMaxTensors>{});
}

template <typename Record, typename T, unsigned has>
void loop(std::int64_t n, T* __restrict p, const T* __restrict g, T* __restrict s0,
          T* __restrict s1, T* __restrict s2, typename Record::Constants c) {
  for (std::int64_t i = 0; i < n; ++i) {
    T s[kMaxTensors] = {};
    if constexpr (has & 1) s[0] = s0[i];
    if constexpr (has & 2) s[1] = s1[i];
    if constexpr (has & 4) s[2] = s2[i];
    T x = p[i];
    Record::template step<has>(x, g[i], s, c);
    p[i] = x;
    if constexpr (has & 1) s0[i] = s[0];
    if constexpr (has & 2) s1[i] = s[1];
    if constexpr (has & 4) s2[i] = s[2];
  }
}

template <typename Record, typename T>
void update(const Flat& flat, const void* constants) {
  typename Record::Constants c;
  std::memcpy(&c, constants, sizeof c);
  unsigned there = 0;
  for (int i = 0; i < kMaxTensors; ++i) there |= flat.state[i] != nullptr ? 1u << i : 0u;
  with_slots<Record>(there, [&]<unsigned has>() {
    loop<Record, T, has>(flat.count, static_cast<T*>(flat.param), static_cast<const T*>(flat.grad),
                         static_cast<T*>(flat.state[0]), static_cast<T*>(flat.state[1]),
                         static_cast<T*>(flat.state[2]), c);
  });
}

template <typename Record>
void prepare(const double* options, Numbers numbers, bool made, void* constants) {
  typename Record::Options o;
  std::memcpy(&o, options, sizeof o);
  const typename Record::Constants c = Record::prepare(o, numbers, made);
  std::memcpy(constants, &c, sizeof c);
}

template <typename Record>
constexpr Rule describe() {
  static_assert(sizeof(typename Record::Constants) <= kMaxConstants);
  static_assert(sizeof(typename Record::Options) <= kMaxOptions * sizeof(double));
  static_assert(std::size(Record::kSlots) <= kMaxSlots);
  return {.name = Record::kName,
          .base = Record::kBase,
          .signature = Record::kSignature,
          .fixed = Record::kFixed,
          .order = Record::kOrder,
          .at_once = Record::kStateAtOnce,
          .checks = Record::kChecks,
          .slots = Record::kSlots,
          .reads = Record::kReads,
          .doc = Record::kDoc,
          .example = Record::kExample,
          .example_result = Record::kExampleResult,
          .prepare = &prepare<Record>,
          .update32 = &update<Record, float>,
          .update64 = &update<Record, double>};
}

}  // namespace pullback::kernels::PULLBACK_ISA
