// Rows of a table by their numbers, and the transpose: rows added up under a number.
//
// The table is [rows, width]; `index` (int64, row-major) has one number for each row of `rows`,
// [n, width].  All are row-major.  The number kNoRow stands for none: a row of zeros, or nothing to
// be added to.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

inline constexpr std::int64_t kNoRow = -1;

// Throws IndexError for a number that is no row; kNoRow is one only if `may_skip`.
void check_rows(const View& index, std::int64_t num_rows, bool may_skip);
// rows[i] = table[index[i]]
void look_up(const View& rows, const View& table, const View& index);
// table[index[i]] += rows[i], in the order of i; the table is overwritten.
void add_rows(const View& table, const View& rows, const View& index);
// Where the greatest element of each column is among the rows of each number: the least i, or -1
// for a number without rows.  out: int64 [numbers, width].  A NaN is greater than all.
void greatest_rows(const View& out, const View& rows, const View& index);

}  // namespace pullback::kernels
