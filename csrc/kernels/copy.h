// Copying, casting and filling strided memory.
//
// Casts are torch's: float to integer truncates (out of range: what the CPU makes of it, then
// wrapped into integers of less than 32 bits), anything to bool is != 0, of a complex number the
// real part is left.  The views have equal sizes; they may be the same memory, element for element,
// but do not overlap otherwise.
#pragma once

#include "kernels/elementwise.h"
#include "kernels/view.h"

namespace pullback::kernels {

void copy(View out, View in);

// Sets every element to *value, which has the dtype of out.
void fill(View out, const void* value);

struct CastTable {
  UnaryLoop loops[kNumDTypes][kNumDTypes];
};
extern CastTable cast_table;

// The loop for one dimension; exists for every pair, equal dtypes included.
inline UnaryLoop cast_loop(DType to, DType from) {
  return cast_table.loops[static_cast<int>(to)][static_cast<int>(from)];
}

}  // namespace pullback::kernels
