// What a gradient reads, in words: so much is saved and no more.
//
// Inputs are A to D and the rest, results Y, Z, V and W.  Reading what was not named is an internal
// error.
#pragma once

#include <cstdint>

namespace pullback {

enum Reads : std::uint16_t {
  kReadsNothing = 0,
  kReadsA = 1,
  kReadsB = 2,
  kReadsC = 4,
  kReadsD = 8,
  kReadsRest = 16,  // all inputs behind D
  kReadsY = 32,
  kReadsZ = 64,
  kReadsV = 128,
  kReadsW = 256,
};
constexpr Reads operator|(Reads a, Reads b) { return static_cast<Reads>(int(a) | int(b)); }
constexpr Reads& operator|=(Reads& a, Reads b) { return a = a | b; }

inline constexpr Reads kReadsX = kReadsA;  // of one
inline constexpr Reads kReadsAllBehindB = kReadsC | kReadsD | kReadsRest;
inline constexpr Reads kReadsAllBehindA = kReadsB | kReadsAllBehindB;
inline constexpr Reads kReadsInputs = kReadsA | kReadsAllBehindA;
inline constexpr Reads kReadsResults = kReadsY | kReadsZ | kReadsV | kReadsW;

// From the fifth on, inputs are declared together.
inline constexpr int kDeclaredInputs = 5;
constexpr int declared(int input) { return input < kDeclaredInputs ? input : kDeclaredInputs - 1; }
constexpr Reads reads_input(int i) { return static_cast<Reads>(1 << declared(i)); }
constexpr Reads reads_result(int k) { return static_cast<Reads>(kReadsY << k); }

}  // namespace pullback
