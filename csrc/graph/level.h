// The transforms under way on this thread: what keeps nested derivatives and batches apart.
//
// NOTE [Levels]
// Every transform that is under way (vmap, grad, jvp, a dual_level) has a level, its depth in the
// stack below, and a serial number that is never used again.  What belongs to a transform names
// both, so what outlives it is recognised.  A tensor body is read from the outside in:
//
//   tangents    one for each forward level; the tangent of level l is a tensor that may carry
//               tangents, a history and a batch of the levels outside of l, and of no other;
//   history     one graph for all reverse levels: the flags say by bits which of them a tensor
//               depends on (bit 0: ordinary autograd), and a transform differentiates by inputs
//               that it made itself, so nothing of an outer level is mistaken for its own;
//   batch       (kBatched) the tensor of all examples, with all that belongs to levels outside of
//               this one; the wrapper itself holds only what belongs to levels inside of it.
//
// So an operator first computes (for a batched tensor: unwraps the innermost batch and runs again
// with only the levels outside of it switched on), then records for the reverse levels inside of
// the batch, then computes one tangent for each forward level inside of it, each with only the
// levels outside of that one switched on.  mode.record and mode.dual say what is switched on.
#pragma once

#include <cstdint>

namespace pullback {

inline constexpr int kMaxLevels = 64;
// The flags bits of reverse levels; deeper ones share the last.
inline constexpr int kFirstGradBit = 16;
inline constexpr int kLastGradBit = 31;

// Linear: a reverse level by the tangents of the Jvp level right inside of it, whose computation it
// records in every mode.
enum class LevelKind : std::uint8_t { Dual, Jvp, Grad, Vmap, Linear };
enum class Randomness : std::uint8_t { Error, Same, Different };

class Cleanup;

struct Level {
  LevelKind kind = LevelKind::Dual;
  Randomness randomness = Randomness::Error;
  bool grad_before = true;
  bool inference_before = false;
  bool forward_before = true;
  std::uint32_t bit = 0;           // Grad, Linear: its bit in the flags of a tensor
  std::uint32_t outer_record = 0;  // bits of ordinary autograd and of the reverse levels around it
  std::uint32_t always_recorded = 0;  // of the level's tangents: the bit of a Linear one around it
  std::uint32_t record_before = 0;
  std::uint64_t dual_before = 0;
  std::uint64_t serial = 0;
  std::int64_t batch = 0;      // Vmap: the number of examples
  Cleanup* cleanup = nullptr;  // what loses its tangents of this level at its end
};

}  // namespace pullback
