// The row functions of recurrent_kernels.h for this CPU.
#pragma once

#include <type_traits>

#include "kernels/dispatch.h"
#include "kernels/nn/recurrent_kernels.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(RecurrentKernels recurrent_kernels();)

template <typename T>
const RecurrentRows<T>& recurrent_rows() {
  static const RecurrentKernels table = PULLBACK_ISA_SELECT(recurrent_kernels)();
  if constexpr (std::is_same_v<T, float>)
    return table.float32;
  else
    return table.float64;
}

}  // namespace pullback::kernels
