// See function_node.h.  Start reading at FunctionNode::apply.
#include "bind/function_node.h"

#include "bind/function.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/saved_tensors.h"
#include "bind/tensor_type.h"
#include "core/error.h"
#include "graph/mode.h"
#include "ops/basic.h"

namespace pullback::bind {

FunctionDefaults function_defaults{};
FunctionNames function_names{};

namespace {

bool is_expandable(Sizes from, Sizes to) {
  if (from.size() > to.size()) return false;
  for (std::size_t d = 1; d <= from.size(); ++d) {
    const std::int64_t size = from[from.size() - d];
    if (size != 1 && size != to[to.size() - d]) return false;
  }
  return true;
}

}  // namespace

FunctionNode::FunctionNode(PyObject* context, int num_tensors)
    : Node(num_tensors, 0), context_(reinterpret_cast<PyContext*>(Py_NewRef(context))) {}

FunctionNode::~FunctionNode() {
  if (!context_) return;
  const ErrorScope keep;
  auto* object = reinterpret_cast<PyObject*>(context_);
  context_->base.node.release();
  if (Py_REFCNT(object) > 1 && num_outputs() > 0) {
    // See NOTE [Contexts]: what Python still looks at lives on in another node.
    Ref<FunctionNode> heir = make_node<FunctionNode>(object, static_cast<int>(edges().size()));
    heir->take_over(*this);
    heir->arguments = std::move(arguments);
    heir->results_ = std::move(results_);
    heir->saved_ = std::move(saved_);
    heir->released_ = released_;
    heir->accessed_ = accessed_;
    heir->owns_ = false;
    Py_DECREF(object);
    context_->base.node = Ref<Node>::adopt(heir.release());
  }
  Py_DECREF(object);
}

const char* FunctionNode::name() const {
  return context_ ? Py_TYPE(context_)->tp_name : "Function";
}

void FunctionNode::release_saved() noexcept {
  for (SavedInput& saved : saved_) saved.release();
  released_ = true;
}

void FunctionNode::release_on_access() noexcept {
  for (SavedInput& saved : saved_) saved.release();
  accessed_ = true;
}

std::vector<int> FunctionNode::got_none() const {
  std::vector<int> edges;
  int edge = 0;
  for (const Shape& argument : arguments) {
    if (!argument.is_tensor) continue;
    if (argument.got_none) edges.push_back(edge);
    ++edge;
  }
  return edges;
}

void FunctionNode::list_saved(SavedList& list) {
  list.released = released_ || accessed_;
  int index = 0;
  for (SavedInput& saved : saved_) list.add_output(index++, &saved);
}

void FunctionNode::set_results(std::vector<Shape> results) {
  results_ = std::move(results);
  set_num_outputs(static_cast<int>(results_.size()));
}

void FunctionNode::save(PyObject* tensors) {
  check(PyTuple_Check(tensors),
        "autograd internal error: to_save attribute is expected to be a tuple but is ",
        Py_TYPE(tensors)->tp_name);
  const Py_ssize_t n = PyTuple_GET_SIZE(tensors);
  saved_.resize(static_cast<std::size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PyTuple_GET_ITEM(tensors, i);
    if (item == Py_None) continue;
    check(ErrorKind::Type, is_tensor(item),
          "save_for_backward can only save variables, but argument ", i, " is of type ",
          Py_TYPE(item)->tp_name);
    const Tensor& t = unwrap(item);
    SavedInput& saved = saved_[static_cast<std::size_t>(i)];
    if (node_of(t) == this) {
      saved.save_output(t);
    } else {
      saved.save_input(t);
    }
  }
}

void FunctionNode::check_saved() const {
  if (released_) report_released(*this);
  check(!accessed_,
        "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on "
        "the autograd.Function. Either access saved_tensors only once, or set "
        "clear_saved_tensors_on_access=False.");
}

PyObject* FunctionNode::raw_saved_tensors() {
  check_saved();
  std::vector<SavedTensor*> places;
  for (SavedInput& saved : saved_) places.push_back(&saved);
  return raw_saved(*this, places);
}

PyObject* FunctionNode::saved_tensors() const {
  check_saved();
  const GradMode with_history(true);  // also of the node's own results
  Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(saved_.size())));
  for (std::size_t i = 0; i < saved_.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(saved_[i].read(*this)));
  }
  return tuple.release();
}

// Calls the user's backward with the gradients, or zeros in their place.
PyObject* FunctionNode::call_backward(BackwardCall& call) {
  auto* context = reinterpret_cast<PyObject*>(context_);
  const FunctionNames& names = function_names;
  Owned function_class(
      PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(context)), names.forward_cls));
  Owned backward(PyObject_GetAttr(function_class.get(), names.backward));
  Owned vjp(PyObject_GetAttr(function_class.get(), names.vjp));
  if (vjp.get() != function_defaults.vjp) {
    check(backward.get() == function_defaults.backward,
          "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
          "only implement one of them.");
    backward = std::move(vjp);
  }
  Owned boxed(PyObject_GetAttr(function_class.get(), names.boxed_grads_call));
  std::vector<Owned> gradients;
  gradients.reserve(results_.size());
  for (std::size_t k = 0; k < results_.size(); ++k) {
    Tensor gradient = call.take(static_cast<int>(k));
    const Shape& result = results_[k];
    const bool wants_zeros = result.is_tensor && context_->materialize &&
                             (result.differentiable || context_->materialize_all);
    if (!gradient.defined() && wants_zeros) {
      gradient = Tensor::zeros(result.sizes, result.dtype);
    }
    gradients.emplace_back(wrap(std::move(gradient)));
  }
  std::vector<PyObject*> args{nullptr, context};
  Owned list;
  if (boxed.get() == Py_True) {
    list = Owned(PyList_New(static_cast<Py_ssize_t>(gradients.size())));
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(k), gradients[k].release());
    }
    args.push_back(list.get());
  } else {
    for (const Owned& gradient : gradients) args.push_back(gradient.get());
  }
  PyObject* result = PyObject_Vectorcall(
      backward.get(), args.data() + 1, (args.size() - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (!result) throw_python();
  return result;
}

std::string FunctionNode::origin() const {
  Owned function_class(
      PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(context_)), function_names.forward_cls));
  Owned backward(PyObject_GetAttr(function_class.get(), function_names.backward));
  if (backward.get() == function_defaults.backward) {
    backward = Owned(PyObject_GetAttr(function_class.get(), function_names.vjp));
  }
  const std::string place = place_of_function(backward.get());
  return recorded_at() + (place.empty() ? "" : " Its backward is defined at " + place + ".");
}

void FunctionNode::apply(BackwardCall& call) {
  if (!context_) fail("backward: the context of this custom function is gone.", recorded_at());
  // The user's code may drop the graph.
  const Owned hold = Owned::share(reinterpret_cast<PyObject*>(context_));
  const Ref<FunctionNode> self = Ref<FunctionNode>::share(this);
  Owned result(call_backward(call));
  PyObject* const* items =
      PyTuple_Check(result.get()) ? &PyTuple_GET_ITEM(result.get(), 0) : nullptr;
  PyObject* single = result.get();
  const std::size_t expected = arguments.size();
  std::size_t count = items ? static_cast<std::size_t>(PyTuple_GET_SIZE(result.get())) : 1;
  if (!items) items = &single;
  if (count > expected) {
    std::size_t last = count;
    while (last > expected && items[last - 1] == Py_None) --last;
    if (last == expected) count = expected;
  }
  if (count != expected) {
    fail("function ", name(), " returned an incorrect number of gradients (expected ", expected,
         ", got ", count, ").", origin());
  }
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < expected; ++i) {
    if (!arguments[i].is_tensor) {
      if (items[i] == Py_None) continue;
      fail("function ", name(), " returned a gradient different than None at position ", i + 1,
           ", but the corresponding forward input was not a Variable.", origin());
    }
    if (items[i] != Py_None && !is_tensor(items[i])) {
      fail("expected Variable or None (got ", Py_TYPE(items[i])->tp_name, ").", origin());
    }
    gradients.push_back(items[i] == Py_None ? Tensor() : unwrap(items[i]));
  }
  // Handles that nobody else holds go now, so that the engine may add in place.
  result = Owned();
  int edge = 0;
  for (Shape& argument : arguments) {
    if (!argument.is_tensor) continue;
    Tensor& gradient = gradients[static_cast<std::size_t>(edge)];
    argument.got_none = !gradient.defined();
    if (gradient.defined() && wants(edge)) {
      if (!same(gradient.sizes(), argument.sizes)) {
        if (!is_expandable(argument.sizes, gradient.sizes())) {
          fail("Function ", name(), " returned an invalid gradient at index ", edge, " - got ",
               gradient.shape(), " but expected shape compatible with ", Dims(argument.sizes), ".",
               origin());
        }
        gradient = sum_to(gradient, argument.sizes);
      }
      if (!is_floating(gradient.dtype()) &&
          is_complex(gradient.dtype()) != is_complex(argument.dtype)) {
        fail("Function ", name(), " returned an invalid gradient at index ", edge, " - got ",
             info(gradient.dtype()).name, " but expected ", info(argument.dtype).name,
             ". Return the real part of it for a real input.", origin());
      }
      if (gradient.dtype() != argument.dtype) gradient = cast(gradient, argument.dtype);
      if (call.wants(edge) || call.is_watched()) call.give(edge, std::move(gradient));
    } else if (gradient.defined() && call.is_watched()) {
      call.give(edge, std::move(gradient));  // hooks see all that was returned
    }
    ++edge;
  }
}

}  // namespace pullback::bind
