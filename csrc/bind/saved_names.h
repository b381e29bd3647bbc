// torch's names for what a node saved, and which of its inputs torch knows.
#pragma once

#include <string_view>
#include <vector>

#include "graph/saved.h"

namespace pullback::bind {

// Lists of words; see saved_names.cpp.
struct SavedNames {
  std::string_view inputs = "self other";
  std::string_view outputs = "result";
  std::string_view attributes = {};
  std::string_view more = {};
  std::string_view edges = {};
};
SavedNames names_of(Node& node);

struct SavedName {
  std::string_view text;  // "self" for `_saved_self`; "" for what has no name
  bool one_dim = false;   // a list of one dimension, shown as a number
  bool is_list = false;   // one of a list of tensors
  bool negated = false;   // a number of the other sign
};
SavedName saved_name(const SavedNames& names, const SavedItem& item);

// The inputs that `next_functions` and hooks show, in torch's order; -1 for one that is not there.
// Indices, masks and numbers are inputs of ours only.
std::vector<int> shown_inputs(Node& node);

}  // namespace pullback::bind
