// See table.h.  The list is built by static initialisers and constant afterwards.
#include "ops/table.h"

namespace pullback {
namespace {

struct List {
  const Entry* first = nullptr;
  Entry* last = nullptr;
};

List& list() {
  static List entries;
  return entries;
}

}  // namespace

Entry::Entry(const char* signature, const Function& function, const Forms& forms, const char* doc,
             const char* samples, const char* fields, const char* old, const char* checks)
    : signature(signature),
      function(function),
      flags(forms.flags),
      space(forms.space),
      doc(doc),
      samples(samples),
      fields(fields),
      old(old),
      checks(checks) {
  List& entries = list();
  if (entries.last) {
    entries.last->next = this;
  } else {
    entries.first = this;
  }
  entries.last = this;
}

const Entry* Entry::first() { return list().first; }

}  // namespace pullback
