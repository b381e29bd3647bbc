// See provenance.h.
#include "core/provenance.h"

namespace pullback {

constinit Provenance::Source Provenance::source_{};

}  // namespace pullback
