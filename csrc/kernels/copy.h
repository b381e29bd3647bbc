// Copying, casting and filling strided memory.
//
// Casts are C's: float to integer truncates (out of range: some value, never undefined behaviour),
// anything to bool is != 0.  The views have equal sizes; they may be the same memory, element for
// element, but do not overlap otherwise.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

void copy(View out, View in);

// Sets every element to *value, which has the dtype of out.
void fill(View out, const void* value);

}  // namespace pullback::kernels
