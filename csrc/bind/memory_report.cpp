// See memory_report.h.
#include "bind/memory_report.h"

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "bind/convert.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/saved_tensors.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "core/error.h"
#include "graph/mode.h"
#include "graph/saved.h"
#include "transform/budget.h"

namespace pullback::bind {
namespace {

constexpr const char* kLedger = "pullback.Ledger";

using LedgerRef = std::shared_ptr<const Ledger>;

// _budget_enter(bytes): the ledger, for _budget_stats; _pop_saved_hooks ends it.
PyObject* budget_enter(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    std::int64_t bytes;
    check(ErrorKind::Type, to_int(object, bytes), "memory_budget: got ", Py_TYPE(object)->tp_name,
          ", expected a number of bytes.");
    check_saved_hooks_allowed();
    Ref<Budget> budget = Ref<Budget>::adopt(new Budget(bytes));
    auto ledger = std::make_unique<LedgerRef>(budget->ledger());
    Owned capsule(PyCapsule_New(ledger.get(), kLedger, [](PyObject* dying) {
      delete static_cast<LedgerRef*>(PyCapsule_GetPointer(dying, kLedger));
    }));
    ledger.release();
    push_saved_hooks(Ref<SavedHooks>::adopt(budget.release()));
    return capsule.release();
  });
}

PyObject* budget_stats(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    const auto* ledger = static_cast<LedgerRef*>(PyCapsule_GetPointer(capsule, kLedger));
    if (!ledger) throw_python();
    const Budget::Stats stats = stats_of(**ledger);
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L}", "budget", static_cast<long long>(stats.budget), "held",
        static_cast<long long>(stats.held), "peak", static_cast<long long>(stats.peak), "dropped",
        static_cast<long long>(stats.dropped), "refused", static_cast<long long>(stats.refused),
        "recomputed", static_cast<long long>(stats.recomputed));
  });
}

// (operator, place or None, address of the memory, its bytes, sizes, dtype, is a leaf that requires
// a gradient)
PyObject* row_of(const Node& node, const Tensor& held, const SavedItem& item) {
  const std::string place = node.where().describe();
  const Edge* edge =
      item.role == SavedItem::Role::Input && item.index < static_cast<int>(node.edges().size())
          ? &node.edge(item.index)
          : nullptr;
  const bool is_leaf =
      edge && *edge && edge->is_leaf() && edge->leaf()->storage == held.body()->storage;
  const Owned sizes(wrap_sizes(held.sizes()));
  const Owned dtype(wrap_dtype(held.dtype()));
  return Py_BuildValue("szKLOOO", node.name(), place.empty() ? nullptr : place.c_str(),
                       reinterpret_cast<unsigned long long>(held.body()->storage->data),
                       static_cast<long long>(held.body()->storage->bytes), sizes.get(),
                       dtype.get(), is_leaf ? Py_True : Py_False);
}

// _saved_report(objects): what the graphs of these tensors and nodes save.
PyObject* saved_report(PyObject*, PyObject* objects) {
  return guarded([&]() -> PyObject* {
    Owned items(PySequence_Fast(objects, "_saved_report: expected a sequence"));
    std::vector<Node*> found;
    std::unordered_set<Node*> seen;
    const auto visit = [&](Node* node) {
      if (node && seen.insert(node).second) found.push_back(node);
    };
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
      if (is_tensor(item)) {
        visit(node_of(unwrap(item)));
      } else if (PyObject_TypeCheck(item, node_type)) {
        visit(reinterpret_cast<PyNode*>(item)->node.get());
      }
    }
    Owned rows(PyList_New(0));
    for (std::size_t k = 0; k < found.size(); ++k) {
      SavedList list;
      found[k]->list_saved(list);
      for (const SavedItem& item : list.items) {
        SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value);
        const Tensor held = saved ? (*saved)->held() : Tensor();
        if (!held.defined() || held.has(kBatched)) continue;
        const Owned row(row_of(*found[k], held, item));
        check_status(PyList_Append(rows.get(), row.get()));
      }
      for (const Edge& edge : found[k]->edges()) visit(edge ? edge.node() : nullptr);
    }
    return rows.release();
  });
}

}  // namespace

PyMethodDef memory_functions[] = {
    {"_budget_enter", budget_enter, METH_O, "(bytes): what is saved from now on stays under it."},
    {"_budget_stats", budget_stats, METH_O, "(ledger): what became of a budget."},
    {"_saved_report", saved_report, METH_O, "(objects): what their graphs save, one row each."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
