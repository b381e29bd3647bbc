// Whether memory holds a NaN: one pass of integer comparisons, for anomaly mode.
#pragma once

#include <cstdint>

namespace pullback::kernels {

bool has_nan(const float* values, std::int64_t n);
bool has_nan(const double* values, std::int64_t n);

}  // namespace pullback::kernels
