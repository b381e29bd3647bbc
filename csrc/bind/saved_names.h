// torch's names for what a node saved.
#pragma once

#include <string_view>

#include "graph/saved.h"

namespace pullback::bind {

struct SavedName {
  std::string_view text;  // "self" for `_saved_self`; "" for what has no name
  bool one_dim = false;   // a list of one dimension, shown as a number
};
SavedName saved_name(const Node& node, const SavedItem& item);

}  // namespace pullback::bind
