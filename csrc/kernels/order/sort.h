// Order statistics, search, sets and histograms.
//
// NaN counts as the greatest value.  `indices` are int64 positions along `dim`.  Sorting is always
// stable.  Where a dimension is reduced (kthvalue, median) the outputs have size 1 in it.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// values or indices may have null data when they are not wanted.
void sort(const View& values, const View& indices, const View& in, int dim, bool descending,
          bool stable);

// The k = values.sizes[dim] largest or smallest values; in order if `sorted` (always in order
// here).
void topk(const View& values, const View& indices, const View& in, int dim, bool largest,
          bool sorted);

// The k-th smallest value, k counted from 1.
void kthvalue(const View& values, const View& indices, const View& in, std::int64_t k, int dim);

// The lower median with its position; a NaN in the row is the result, at its first position.
// nan_ignored: nanmedian (NaN only where the whole row is NaN).
void median(const View& values, const View& indices, const View& in, int dim,
            bool nan_ignored = false);

// Insertion points of `values` into `sorted` along the last dimension.  `sorted` is one-dimensional
// or has the leading sizes of `values`; out has the shape of `values`, dtype int32 or int64.
void searchsorted(const View& out, const View& sorted, const View& values, bool right);

// The sorted distinct values of a flat contiguous input.  values_out has room for numel elements,
// inverse (numel entries) and counts (room for numel entries) may be null; returns how many values.
std::int64_t unique(const View& in, char* values_out, std::int64_t* inverse, std::int64_t* counts);

// The same for runs of equal neighbours, in the order of the input.
std::int64_t unique_consecutive(const View& in, char* values_out, std::int64_t* inverse,
                                std::int64_t* counts);

// Counts (out int64) or sums of weights (out float32 or float64, dtype of weights) of the
// non-negative integers in the one-dimensional `in`; out.sizes[0] is greater than every element.
void bincount(const View& out, const View& in, const View* weights);

// Counts (as floats, dtype of in) in out.sizes[0] equal bins of [lo, hi]; elements outside are
// ignored; lo == hi asks for the range of the data.
void histc(const View& out, const View& in, double lo, double hi);

}  // namespace pullback::kernels
