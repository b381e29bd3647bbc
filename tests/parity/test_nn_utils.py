"""torch.nn.utils beside torch's: values, gradients, names of state, and the types of errors."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest

import pullback as pb
from parity_both import same
from samples import TOLERANCES

torch = pytest.importorskip("torch")

HEAD = """
import copy, math, pickle
inf, nan = float('inf'), float('nan')
nn, u = torch.nn, torch.nn.utils
P, rnn, prune = u.parametrize, u.rnn, u.prune
T = torch.tensor
torch.manual_seed(5)
def net():
    torch.manual_seed(1)
    m = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    m(torch.arange(6.).view(2, 3)).square().sum().backward()
    return m
def grads(m): return [None if p.grad is None else p.grad for p in m.parameters()]
def state(m): return dict(m.state_dict())
def layer():
    torch.manual_seed(2)
    return nn.Linear(3, 4)
x = torch.arange(6.).view(2, 3)
"""

CLIPPING = """
(m := net(), u.clip_grad_norm_(m.parameters(), 0.5), grads(m))[1:]
(m := net(), u.clip_grad_norm_(m.parameters(), 1e9), grads(m))[1:]
(m := net(), u.clip_grad_norm_(m.parameters(), 0.5, norm_type=1), grads(m))[1:]
(m := net(), u.clip_grad_norm_(m.parameters(), 0.5, norm_type=inf), grads(m))[1:]
(m := net(), u.clip_grad_norm_(list(m.parameters()), 0.5, 3.0, foreach=False), grads(m))[1:]
(m := net(), u.clip_grad_norm_(m[0].weight, 0.5), grads(m))[1:]
(m := net(), u.clip_grad_norm_(m.parameters(), 0.0), grads(m))[1:]
(m := net(), u.clip_grad_norm(m.parameters(), 0.5), grads(m))[1:]
(m := net(), u.clip_grad_value_(m.parameters(), 0.1), grads(m))[1:]
(m := net(), u.clip_grad_value_(m[0].weight, clip_value=0.1), grads(m))[1:]
(m := net(), u.clip_grads_with_norm_(m.parameters(), 0.5, T(3.)), grads(m))[1:]
u.get_total_norm([torch.ones(2), torch.ones(3, 2)]), u.get_total_norm(torch.ones(3), 1)
u.get_total_norm([]), u.get_total_norm([torch.ones(2), torch.ones(2, dtype=torch.float64)])
u.get_total_norm([T([nan])]), u.get_total_norm([T([inf])], norm_type=inf)
u.get_total_norm([T([nan])], error_if_nonfinite=True)
u.clip_grad_norm_([], 1.0), u.clip_grad_norm_(layer().parameters(), 1.0)
u.clip_grad_norm_(iter([]), 1.0)
""".strip().split("\n")

VECTORS = """
u.parameters_to_vector(layer().parameters())
u.parameters_to_vector([torch.ones(2, 3).t()])
u.parameters_to_vector([])
(m := layer(), u.vector_to_parameters(torch.arange(16.), m.parameters()), state(m))[1:]
(m := layer(), u.vector_to_parameters(torch.arange(3.), m.parameters()))[1:]
u.vector_to_parameters([1.0], layer().parameters())
(m := layer(), v := u.parameters_to_vector(m.parameters()), v.sum().backward(), grads(m))[1:]
""".strip().split("\n")

_DATA = "T([[1., 4, 6], [2, 5, 0], [3, 0, 0]])"
RNN = f"""
rnn.pack_padded_sequence({_DATA}, [3, 2, 1])
rnn.pack_padded_sequence({_DATA}.t(), T([3, 2, 1]), batch_first=True)
rnn.pack_padded_sequence({_DATA}, [3, 2, 2])
rnn.pack_padded_sequence({_DATA}, [1, 3, 2], enforce_sorted=False)
rnn.pack_padded_sequence({_DATA}, T([1, 3, 2]), enforce_sorted=False, batch_first=True)
rnn.pack_padded_sequence({_DATA}, [1, 3, 2])
rnn.pack_padded_sequence({_DATA}, [3, 2, 0])
rnn.pack_padded_sequence({_DATA}, [3, 2])
rnn.pack_padded_sequence({_DATA}, [])
rnn.pack_padded_sequence({_DATA}, T([3., 2, 1]))
rnn.pack_padded_sequence(torch.zeros(0, 2), [0, 0])
rnn.pack_padded_sequence(torch.ones(3, 2, 4), [3, 1]).data.shape
rnn.pad_packed_sequence(rnn.pack_padded_sequence({_DATA}, [3, 2, 1]))
rnn.pad_packed_sequence(rnn.pack_padded_sequence({_DATA}, [1, 3, 2], enforce_sorted=False))
rnn.pad_packed_sequence(rnn.pack_padded_sequence({_DATA}, [3, 2, 1]), True, -1., 5)
rnn.pad_packed_sequence(rnn.pack_padded_sequence({_DATA}, [3, 2, 1]), total_length=2)
rnn.pad_packed_sequence(rnn.pack_padded_sequence({_DATA}, [2, 1, 1]), padding_value=9.)
rnn.pad_sequence([torch.ones(3), torch.ones(1)])
rnn.pad_sequence([torch.ones(3, 2), torch.ones(1, 2)], batch_first=True, padding_value=-1.)
rnn.pad_sequence([torch.ones(3), torch.ones(1)], padding_side='left')
rnn.pad_sequence([torch.ones(3), torch.ones(1)], padding_side='middle')
rnn.pad_sequence((torch.ones(2, dtype=torch.int64), torch.ones(0, dtype=torch.int64)))
rnn.pad_sequence(torch.ones(2, 3), batch_first=True)
rnn.pad_sequence([])
rnn.pad_sequence(5)
rnn.pad_sequence([torch.ones(3, 2), torch.ones(1, 3)])
rnn.unpad_sequence(torch.ones(3, 2), T([3, 1]))
rnn.unpad_sequence(torch.ones(2, 3), T([3, 1]), batch_first=True)
rnn.pack_sequence([torch.ones(3), torch.zeros(2)])
rnn.pack_sequence([torch.ones(1), torch.zeros(2)])
rnn.pack_sequence([torch.ones(1), torch.zeros(2)], enforce_sorted=False)
rnn.unpack_sequence(rnn.pack_sequence([torch.ones(1), torch.zeros(2)], enforce_sorted=False))
rnn.invert_permutation(T([2, 0, 1])), rnn.invert_permutation(None)
(p := rnn.pack_sequence([torch.ones(2)]), p.double().data.dtype, p.to(torch.int64).data, p.long())[1:]
(p := rnn.pack_sequence([torch.ones(2)]), p.float() is p, p.cpu() is p, p.is_cuda)[1:]
isinstance(rnn.pack_sequence([torch.ones(2)]), tuple), rnn.PackedSequence._fields
rnn.PackedSequence(torch.ones(3), T([2, 1])), rnn.PackedSequence((torch.ones(3), T([2, 1])))
(w := torch.ones(3, 2, requires_grad=True), p := rnn.pack_padded_sequence(w, [3, 1]), (rnn.pad_packed_sequence(p)[0] * T([1., 2.])).sum().backward(), w.grad)[3]
(w := torch.ones(2, requires_grad=True), rnn.pad_sequence([w * 2, w[:1]]).square().sum().backward(), w.grad)[2]
""".strip().split("\n")

PARAMETRIZE_HEAD = (
    HEAD
    + """
class Sym(nn.Module):
    def forward(self, x): return x.triu() + x.triu(1).mT
    def right_inverse(self, x): return x.triu()
class Double(nn.Module):
    def forward(self, x): return 2 * x
class Two(nn.Module):
    def forward(self, a, b): return a + b
    def right_inverse(self, x): return x / 2, x / 2
class Count(nn.Module):
    calls = 0
    def forward(self, x): Count.calls += 1; return x + 1
class Wide(nn.Module):
    def forward(self, x): return x.double()
class Cut(nn.Module):
    def forward(self, x): return x[:1]
class NoTensor(nn.Module):
    def forward(self, x): return 1
class Half(nn.Module):
    def forward(self, x): return x / 2
    def right_inverse(self, x): return x * 2
class NoWay(nn.Module):
    def forward(self, x): return x - 1
    def right_inverse(self, x): raise NotImplementedError("one way")
def square():
    torch.manual_seed(3)
    return nn.Linear(3, 3)
def sym(): return P.register_parametrization(square(), 'weight', Sym())
"""
)
PARAMETRIZE = """
(m := sym(), m.weight, m.bias, state(m), type(m).__name__, P.is_parametrized(m))[1:]
(m := sym(), P.is_parametrized(m, 'weight'), P.is_parametrized(m, 'bias'), P.is_parametrized(nn.Linear(1, 1)))[1:]
(m := sym(), [n for n, _ in m.named_parameters()], [n for n, _ in m.named_modules()])[1:]
(m := sym(), m(x).sum().backward(), m.parametrizations.weight.original.grad, m.weight.grad_fn is None)[1:]
(m := sym(), setattr(m, 'weight', torch.ones(3, 3)), m.weight, m.parametrizations.weight.original)[2:]
(m := sym(), setattr(m, 'weight', nn.Parameter(torch.ones(3, 3))))
(m := sym(), P.remove_parametrizations(m, 'weight'), m.weight, state(m), type(m) is nn.Linear)[2:]
(m := sym(), P.remove_parametrizations(m, 'weight', leave_parametrized=False), m.weight)[2:]
(m := sym(), w := m.parametrizations.weight.original, P.remove_parametrizations(m, 'weight'), m.weight is w)[3]
(m := sym(), P.register_parametrization(m, 'weight', Double()), m.weight, m.parametrizations.weight.original)[2:]
(m := sym(), P.register_parametrization(m, 'bias', Double()), m.bias, list(state(m)), P.remove_parametrizations(m, 'weight'), type(m).__name__, m.bias)[2:]
(m := sym(), P.register_parametrization(m, 'weight', Half()), m.weight, m.parametrizations.weight.original)[2:]
(m := sym(), P.register_parametrization(m, 'weight', Half()), setattr(m, 'weight', torch.ones(3, 3)), state(m))[3]
(m := sym(), P.register_parametrization(m, 'weight', NoWay()), m.weight, state(m))[2:]
(m := P.register_parametrization(square(), 'weight', NoWay()), m.weight, state(m))[1:]
(m := P.register_parametrization(square(), 'weight', NoWay()), setattr(m, 'weight', torch.ones(3, 3)))
(m := square(), P.register_parametrization(m, 'weight', Two()), m.weight, list(state(m)))[2:]
(m := square(), P.register_parametrization(m, 'weight', Two()), setattr(m, 'weight', torch.ones(3, 3)), state(m))[3]
(m := square(), P.register_parametrization(m, 'weight', Two()), P.remove_parametrizations(m, 'weight'), state(m))[3]
P.remove_parametrizations(P.register_parametrization(square(), 'weight', Two()), 'weight', False)
(m := P.register_parametrization(square(), 'weight', Double()), setattr(m, 'weight', torch.ones(3, 3)))
P.register_parametrization(square(), 'weight', Wide())
P.register_parametrization(square(), 'weight', Wide(), unsafe=True).weight
P.register_parametrization(square(), 'weight', Cut())
P.register_parametrization(square(), 'weight', NoTensor())
P.register_parametrization(square(), 'nothing', Double())
P.remove_parametrizations(square(), 'weight')
(m := sym(), P.type_before_parametrizations(m).__name__, P.type_before_parametrizations(square()).__name__)[1:]
pickle.dumps(sym())
(m := P.register_parametrization(square(), 'weight', Count()), setattr(Count, 'calls', 0), m.weight, m.weight, Count.calls)[4]
(m := sym(), n := square(), P.transfer_parametrizations_and_params(m, n), n.weight, state(n))[3:]
P.transfer_parametrizations_and_params(square(), square())
(m := sym(), n := square(), n.load_state_dict(state(P.remove_parametrizations(m, 'weight'))), n.weight)[3]
(m := sym(), n := sym(), n.load_state_dict(state(m)), n.weight)[3]
(m := sym(), o := torch.optim.SGD(m.parameters(), 0.1), m(x).square().sum().backward(), o.step(), m.weight)[4]
(m := nn.Module(), m.register_buffer('b', torch.ones(2)), P.register_parametrization(m, 'b', Double()), m.b, list(m.state_dict()))[3:]
(m := sym(), m.eval(), m.parametrizations.weight[0].training, len(m.parametrizations.weight))[2:]
(m := sym(), repr(m))[1]
[isinstance(sym(), nn.Linear), sym().in_features]
"""
CACHED = """
m = P.register_parametrization(square(), 'weight', Count())
Count.calls = 0
with P.cached():
    a, b = m.weight, m.weight
    with P.cached():
        c = m.weight
    d = m.weight
after = m.weight
Count.calls, a is b, a is c, a is d, a is after
"""

NORMS = """
(m := u.weight_norm(layer()), m(x), state(m), m.weight)[1:]
(m := u.weight_norm(layer(), dim=1), m(x), state(m))[1:]
(m := u.weight_norm(layer(), dim=None), m(x), state(m))[1:]
(m := u.weight_norm(layer(), name='bias'), m(x), state(m))[1:]
(m := u.weight_norm(layer()), m(x).square().sum().backward(), grads(m))[2]
(m := u.weight_norm(layer()), u.remove_weight_norm(m), state(m), m(x))[2:]
u.remove_weight_norm(layer())
u.weight_norm(u.weight_norm(layer()))
(m := u.weight_norm(layer()), m.weight_g.data.mul_(2), m(x), m.weight)[2:]
(m := u.parametrizations.weight_norm(layer()), m(x), state(m), m.weight)[1:]
(m := u.parametrizations.weight_norm(layer(), dim=None), m(x), state(m))[1:]
(m := u.parametrizations.weight_norm(layer(), dim=1), m(x).square().sum().backward(), grads(m))[2]
(m := u.parametrizations.weight_norm(layer()), m.load_state_dict(state(u.weight_norm(layer(), dim=0))), state(m))[2]
(m := u.parametrizations.weight_norm(layer()), P.remove_parametrizations(m, 'weight'), state(m))[2]
(m := u.parametrizations.weight_norm(layer()), setattr(m, 'weight', torch.ones(4, 3)), state(m))[2]
(m := u.spectral_norm(layer()), m(x), m(x), state(m))[1:]
(m := u.spectral_norm(layer(), n_power_iterations=3, dim=1), m(x), state(m))[1:]
(m := u.spectral_norm(layer()), m.eval(), m(x), m.weight)[2:]
(m := u.spectral_norm(layer()), m(x).square().sum().backward(), grads(m))[2]
(m := u.spectral_norm(layer()), m(x), u.remove_spectral_norm(m), state(m), m(x))[3:]
u.remove_spectral_norm(layer())
u.spectral_norm(u.spectral_norm(layer()))
u.spectral_norm(layer(), n_power_iterations=0)
u.spectral_norm(layer(), name='nothing')
(m := u.parametrizations.spectral_norm(layer()), m(x), m(x), state(m))[1:]
(m := u.parametrizations.spectral_norm(layer(), n_power_iterations=2, dim=1), m(x), state(m))[1:]
(m := u.parametrizations.spectral_norm(layer()).eval(), m(x), m.weight)[1:]
(m := u.parametrizations.spectral_norm(layer(), name='bias'), m(x), state(m))[1:]
(m := u.parametrizations.spectral_norm(layer()), m(x).square().sum().backward(), grads(m))[2]
u.parametrizations.spectral_norm(layer(), n_power_iterations=0)
u.parametrizations.spectral_norm(layer(), name='nothing')
u.parametrizations.spectral_norm(layer(), dim=5)
torch.norm_except_dim(x, 2, 0), torch.norm_except_dim(x, 2, 1), torch.norm_except_dim(x, 2, -1)
torch.norm_except_dim(torch.arange(24.).view(2, 3, 4), 2, 1), torch.norm_except_dim(x, 1, 0)
""".strip().split("\n")

PRUNE = """
(m := prune.identity(layer(), 'weight'), m(x), state(m), prune.is_pruned(m))[1:]
(m := prune.l1_unstructured(layer(), 'weight', 5), m(x), state(m))[1:]
(m := prune.l1_unstructured(layer(), 'weight', 0.4), m(x), state(m))[1:]
(m := prune.l1_unstructured(layer(), 'weight', 2, torch.arange(12.).view(4, 3)), state(m))[1:]
(m := prune.random_unstructured(layer(), 'weight', 0.5), m(x), state(m))[1:]
(m := prune.random_structured(layer(), 'weight', 2, dim=0), m(x), state(m))[1:]
(m := prune.random_structured(layer(), 'weight', 0.34, dim=1), m(x), state(m))[1:]
(m := prune.ln_structured(layer(), 'weight', 2, n=2, dim=0), m(x), state(m))[1:]
(m := prune.ln_structured(layer(), 'weight', 0.34, n=1, dim=1), m(x), state(m))[1:]
(m := prune.ln_structured(layer(), 'weight', 1, n=inf, dim=-1), m(x), state(m))[1:]
(m := prune.custom_from_mask(layer(), 'bias', T([0, 1, 0, 1])), m(x), state(m))[1:]
(m := prune.l1_unstructured(layer(), 'weight', 3), prune.l1_unstructured(m, 'weight', 3), state(m), m.weight)[2:]
(m := prune.l1_unstructured(layer(), 'weight', 3), prune.ln_structured(m, 'weight', 1, 2, 0), state(m))[2:]
(m := prune.ln_structured(layer(), 'weight', 1, 2, 0), prune.ln_structured(m, 'weight', 1, 2, 0), state(m))[2:]
(m := prune.random_unstructured(layer(), 'weight', 3), prune.random_unstructured(m, 'weight', 3), state(m))[2:]
(m := prune.l1_unstructured(layer(), 'weight', 3), prune.custom_from_mask(m, 'weight', torch.eye(4, 3)), state(m))[2:]
(m := prune.l1_unstructured(layer(), 'weight', 3), m(x).square().sum().backward(), grads(m))[2]
(m := prune.l1_unstructured(layer(), 'weight', 3), prune.remove(m, 'weight'), state(m), prune.is_pruned(m), m(x))[2:]
(m := prune.l1_unstructured(layer(), 'weight', 3), len(list(m._forward_pre_hooks.values())), m.weight.grad_fn is not None)[1:]
prune.remove(layer(), 'weight')
prune.l1_unstructured(layer(), 'weight', 50)
prune.l1_unstructured(layer(), 'weight', -1)
prune.l1_unstructured(layer(), 'weight', 1.5)
prune.l1_unstructured(layer(), 'weight', 'a')
prune.l1_unstructured(layer(), 'nothing', 1)
prune.random_structured(layer(), 'bias', 1, dim=0)
prune.random_structured(layer(), 'weight', 1, dim=2)
(m := net(), prune.global_unstructured([(m[0], 'weight'), (m[2], 'weight')], prune.L1Unstructured, amount=7), state(m))[2]
(m := net(), prune.global_unstructured([(m[0], 'weight'), (m[2], 'bias')], prune.RandomUnstructured, amount=0.5), state(m))[2]
(m := net(), prune.global_unstructured([(m[0], 'weight')], prune.RandomStructured, amount=0.5), state(m))
(m := net(), prune.global_unstructured(5, prune.L1Unstructured, amount=0.5))
prune.L1Unstructured(2).prune(T([1., -3, 2, 0.5])), prune.L1Unstructured(0).prune(T([1., -3]))
prune.L1Unstructured(1).prune(T([1., -3]), importance_scores=T([3., 2.]))
prune.L1Unstructured(1).prune(T([1., -3]), importance_scores=T([3.]))
prune.BasePruningMethod()
prune.PruningContainer(5)
(m := prune.l1_unstructured(layer(), 'weight', 0.0), state(m))[1]
(m := net(), prune.l1_unstructured(m[0], 'weight', 3), prune.is_pruned(m), prune.is_pruned(m[2]))[2:]
(m := prune.l1_unstructured(layer(), 'weight', 3), c := copy.deepcopy(nn.Linear(2, 2)), list(state(m)))[2]
""".strip().split("\n")

ORTHOGONAL = [
    f"(m := u.parametrizations.orthogonal(nn.Linear({shape}){settings}), m.weight, state(m), "
    f"m(torch.ones({shape.split(',')[0]})).square().sum().backward(), grads(m))[1:]"
    for shape in ("3, 3", "2, 4", "4, 2")
    for settings in (
        "",
        *(
            f", orthogonal_map={each!r}, use_trivialization={trivial}"
            for each in ("matrix_exp", "cayley", "householder")
            for trivial in (True, False)
        ),
    )
]
ORTHOGONAL += """
u.parametrizations.orthogonal(nn.Linear(3, 3), 'bias')
u.parametrizations.orthogonal(nn.Linear(3, 3), 'nothing')
u.parametrizations.orthogonal(nn.Linear(3, 3), orthogonal_map='other')
(m := u.parametrizations.orthogonal(nn.Linear(3, 3)), setattr(m, 'weight', torch.eye(3)), m.weight)[2]
(m := u.parametrizations.orthogonal(nn.Linear(3, 3)), setattr(m, 'weight', torch.ones(2, 3)))
(m := u.parametrizations.orthogonal(nn.Linear(3, 3), orthogonal_map='cayley', use_trivialization=False), setattr(m, 'weight', torch.eye(3)))
""".strip().split("\n")

CONVOLUTIONS = """
(m := u.spectral_norm(nn.ConvTranspose1d(2, 3, 2)), m.weight_u.shape, m(torch.ones(1, 2, 4)))[1:]
(m := u.parametrizations.spectral_norm(nn.ConvTranspose2d(2, 3, 2)), m.weight)[1]
u.fuse_conv_bn_eval(nn.Conv1d(2, 3, 2).eval(), nn.BatchNorm1d(3).eval())(torch.ones(1, 2, 4))
u.fuse_conv_bn_eval(nn.ConvTranspose1d(2, 3, 2).eval(), nn.BatchNorm1d(3).eval(), True)(torch.ones(1, 2, 4))
(m := u.convert_conv2d_weight_memory_format(nn.Conv2d(2, 3, 2), torch.contiguous_format), m.weight.stride(), m.weight)[1:]
(m := torch.func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm2d(2), nn.InstanceNorm1d(3, track_running_stats=True))), m[0].running_mean, m[0].track_running_stats, m[1].running_mean)[1:]
""".strip().split("\n")

OTHERS = """
(u.skip_init(nn.Linear, 2, 3).weight.shape, torch.rand(2))
u.skip_init(nn.Identity)
u.skip_init(int)
u.stateless.functional_call(layer(), {'weight': torch.ones(4, 3)}, x)
u.stateless.functional_call(layer(), {'weight': torch.ones(4, 3)}, (x,), strict=True)
u.fuse_linear_bn_weights(torch.ones(2, 3), T([1., 2.]), T([0.5, 1.]), T([4., 9.]), 1e-5, T([2., 3.]), T([1., 0.]))
u.fuse_linear_bn_weights(torch.ones(2, 3), None, T([0.5, 1.]), T([4., 9.]), 1e-5, T([2., 3.]), T([1., 0.]))
u.fuse_conv_bn_weights(torch.ones(2, 3, 1), None, T([0.5, 1.]), T([4., 9.]), 1e-5, None, None)
u.fuse_conv_bn_weights(torch.ones(3, 2, 1), T([1., 2.]), T([0.5, 1.]), T([4., 9.]), 1e-5, None, None, transpose=True)
nn.DataParallel(layer())(x), list(nn.DataParallel(layer()).state_dict())
nn.DataParallel(layer(), device_ids=[0, 1]).device_ids
u.convert_conv2d_weight_memory_format(layer(), torch.channels_last)(x)
""".strip().split("\n")


@pytest.mark.parametrize(
    "line", [*CLIPPING, *VECTORS, *RNN, *NORMS, *ORTHOGONAL, *CONVOLUTIONS, *PRUNE, *OTHERS]
)
def test_a_line(line: str) -> None:
    same(HEAD + line, ("nn.utils.prune", "nn.utils.stateless"), tolerance=TOLERANCES["float32"])


@pytest.mark.parametrize("line", [*PARAMETRIZE.strip().split("\n"), CACHED])
def test_parametrizations(line: str) -> None:
    same(PARAMETRIZE_HEAD + line, ("nn.utils.parametrize",), tolerance=TOLERANCES["float32"])


def test_names() -> None:
    ours = {name for name in dir(pb.nn.utils) if name[0] != "_"}
    theirs = {
        name for name, value in vars(torch.nn.utils).items() if name[0] != "_" and callable(value)
    }
    assert theirs <= ours
    for module in ("rnn", "prune", "parametrize", "parametrizations", "stateless"):
        theirs = set(getattr(getattr(torch.nn.utils, module), "__all__", ()))
        assert theirs <= set(dir(getattr(pb.nn.utils, module))), module


class Double(pb.nn.Module):
    """A parametrization."""

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        return 2 * x


def test_a_copy_is_parametrized_by_itself() -> None:
    """In torch the copy shares the class, so that taking one back breaks the other."""
    layer = pb.nn.utils.parametrize.register_parametrization(pb.nn.Linear(2, 2), "weight", Double())
    copied = copy.deepcopy(layer)
    pb.nn.utils.parametrize.remove_parametrizations(copied, "weight")
    assert type(copied) is pb.nn.Linear
    assert pb.nn.utils.parametrize.is_parametrized(layer, "weight")
    assert layer.weight.equal(copied.weight)


def test_wrong_arguments_are_named() -> None:
    parametrize, rnn = pb.nn.utils.parametrize, pb.nn.utils.rnn
    with pytest.raises(TypeError, match="'parameters' must be Tensor or iterable of Tensors"):
        pb.nn.utils.clip_grad_norm_("a", 1.0)
    with pytest.raises(RuntimeError, match="a sequence of length 4, expected at most 3"):
        rnn.pack_padded_sequence(pb.ones(3, 1), [4])
    with pytest.raises(ValueError, match=r"bias of Linear.* is None"):
        parametrize.register_parametrization(pb.nn.Linear(2, 2, bias=False), "bias", Double())
    with pytest.raises(TypeError, match="'parametrization' must be Module"):
        parametrize.register_parametrization(pb.nn.Linear(2, 2), "weight", abs)
    layer = parametrize.register_parametrization(pb.nn.Linear(2, 2), "weight", Double())
    with pytest.raises(ValueError, match="tensor_name='bias'"):
        parametrize.transfer_parametrizations_and_params(layer, pb.nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        pb.nn.parallel.DistributedDataParallel(layer)
    with pytest.raises(RuntimeError, match="one device"):
        pb.nn.parallel.scatter(pb.ones(2), [0])


def test_the_cache_belongs_to_its_thread() -> None:
    layer = pb.nn.utils.parametrize.register_parametrization(pb.nn.Linear(2, 2), "weight", Double())
    with pb.nn.utils.parametrize.cached():
        first = layer.weight
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: layer.weight is layer.weight).result() is False
        assert layer.weight is first
