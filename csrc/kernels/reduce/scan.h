// Running sums, products, log-sum-exps and extremes along one dimension.
//
// Output and input have the same shape; out.dtype of Sum and Prod may be wider than in.dtype (int64
// from integers and bool).  The scan of one row is sequential, rows are spread over threads.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

enum class Scan : std::uint8_t { Sum, Prod, LogSumExp };

void scan(Scan op, const View& out, const View& in, int dim);

// cummax and cummin: values (dtype of in) and int64 positions; the latest position wins on ties,
// and once a NaN was met it stays (with the position of the latest NaN).
void cum_extreme(bool max, const View& values, const View& indices, const View& in, int dim);

}  // namespace pullback::kernels
