// Hooks that are Python functions: dictionaries of tensors and nodes, called by the engine through
// the classes of graph/hooks.h.
//
// A dictionary is an OrderedDict from the number of a handle to a function, as in torch; handles
// (python/pullback/utils/hooks.py) refer to it weakly.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback::bind {

class CallStacks;

// The dictionaries as attributes of a tensor: the dictionary or None.
PyObject* get_backward_hooks(const Tensor& tensor);
int set_backward_hooks(PyObject* self, PyObject* value, void*);
PyObject* get_accumulation_hooks(const Tensor& tensor);
int set_accumulation_hooks(PyObject* self, PyObject* value, void*);

// Registers a function before or after a node, or the accumulation into a leaf; a handle.
PyObject* register_node_hook(Node& node, PyObject* function, bool before);
PyObject* register_node_hook(const Tensor& leaf, PyObject* function, bool before);

// The dictionary `metadata` of a node, or of the accumulation into a leaf; made when it is first
// asked for.  A new reference.
PyObject* notes_of(Node& node);
PyObject* notes_of(const Tensor& leaf);
// Of a node that was recorded in anomaly mode: the calls around its line, and the node in whose
// backward it was made.
void note_anomaly(Node& node, std::shared_ptr<const CallStacks> stacks, Ref<Node> parent);
Node* parent_of(const Node& node);
// The node is the first that uses these leaves, since number `since`, in anomaly mode.
void note_anomaly_of_leaves(const Node& node, const std::shared_ptr<const CallStacks>& stacks,
                            std::uint64_t since);
struct FirstUse {
  std::uint64_t sequence = 0;
  Provenance where;
};
// Of a leaf, null where anomaly mode noted nothing.
const FirstUse* first_use_of(const Tensor& leaf);

// "file.py:12" of a Python function, "" of anything else.
std::string place_of_function(PyObject* function);
// The hooks of a node's results and of the node, or of a leaf, as "file.py:12 in name".
std::vector<std::string> hook_places(const std::vector<PyObject*>& dictionaries);

// For the garbage collector (collector.h): the dictionaries, and dropping those that only this
// tensor, or only this node's object, keeps alive.
std::vector<PyObject*> hook_dictionaries(const TensorBody& leaf);
std::vector<PyObject*> hook_dictionaries(const Node& node);
void clear_hooks(const Tensor& tensor);
void clear_hooks(Node& node);

// What a pass calls when it ends.
extern PyMethodDef hook_functions[];

}  // namespace pullback::bind
