// Reading and writing at positions given by data.
//
// Index views are int64 (int32 and uint8 are accepted where slices are moved).  index_get and
// index_put: negative positions count from the end; index_select, index_copy: none; all raise
// IndexError for a bad one.  gather, scatter and index_add: no negative positions, RuntimeError.
// Every index is checked before anything is written.  Duplicates are written or accumulated in the
// order of the index, whatever the number of threads.
#pragma once

#include "core/scalar.h"
#include "kernels/view.h"

namespace pullback::kernels {

// out[i][j] = in[index[i][j]][j] (for dim 0); out has the shape of index.
void gather(const View& out, const View& in, const View& index, int dim);
// out[index[i][j]][j] = src[i][j] (for dim 0); src covers index (stride 0 for a scalar).
void scatter(const View& out, const View& index, const View& src, int dim);
void scatter_add(const View& out, const View& index, const View& src, int dim);

void index_select(const View& out, const View& in, const View& index, int dim);
// out.select(dim, index[i]) += alpha * src.select(dim, i)
void index_add(const View& out, int dim, const View& index, const View& src, const Scalar& alpha);
// out.select(dim, index[i]) = src.select(dim, i)
// `name`: for the error; `from_end`: negative positions count from the end.
void index_copy(const char* name, const View& out, int dim, const View& index, const View& src,
                bool from_end = false);

// in = [i0..i(n-1), rest...], the indexed dimensions leading; every index is broadcast to one shape
// B; out = [B..., rest...].  index_dims names the dimensions in messages (null: 0, 1, ...).
void index_get(const View& out, const View& in, const View* indices, const int* index_dims,
               int n_indices);
// The reverse: out is laid out like `in` above, src like `out` above (stride 0 to broadcast).
void index_put(const View& out, const View* indices, const int* index_dims, int n_indices,
               const View& src, bool accumulate);

std::int64_t count_nonzero(const View& in);
// out: int64 [count_nonzero(in), in.ndim], positions in row-major order.
void nonzero(const View& in, const View& out);
// mask: bool, shape of in; out: one-dimensional with count_nonzero(mask) elements.
void masked_select(const View& out, const View& in, const View& mask);
// Fills the masked positions of out from the one-dimensional src, in order; RuntimeError if short.
void masked_scatter(const View& out, const View& mask, const View& src);

}  // namespace pullback::kernels
