// Box-Muller over blocks of 16 uniform float32 numbers, in torch's arrangement.
//
// Entry j and entry j + 8 of a block become the cosine and the sine of one pair.  The functions are
// computed in double and rounded where torch rounds.
#include "kernels/dispatch.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {

void normal_blocks(float* values, std::int64_t blocks, float mean, float std) {
  for (; blocks > 0; --blocks, values += 16) {
#pragma GCC ivdep
    for (int j = 0; j < 8; ++j) {
      const float u = 1.0f - values[j];
      const float radius = square_root(-2.0f * static_cast<float>(log(static_cast<double>(u))));
      const float theta = 6.28318530717958647692f * values[j + 8];
      const Angle a = angle(static_cast<double>(theta));
      values[j] = muladd(radius * static_cast<float>(of_quadrant(a, a.quadrant + 1)), std, mean);
      values[j + 8] = muladd(radius * static_cast<float>(of_quadrant(a, a.quadrant)), std, mean);
    }
  }
}

}  // namespace pullback::kernels::PULLBACK_ISA
