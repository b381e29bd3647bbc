// Whether memory holds a NaN: one pass of integer comparisons, for anomaly mode.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// Of a dense view of a floating dtype with loops.
bool has_nan(const View& values);

}  // namespace pullback::kernels
