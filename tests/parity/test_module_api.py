"""``nn.Module`` beside PyTorch in corners: names, registration, conversion, state and its hooks."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LINES = """
set_sub('a', nn.Identity())
set_sub('b.0', nn.Tanh())
set_sub('b.5', nn.Tanh())
set_sub('x', nn.Tanh())
set_sub('', nn.Tanh())
set_sub('b..0', nn.Tanh())
set_sub('a.weight', nn.Tanh())
set_sub('a.new', nn.Tanh())
set_sub('q.new', nn.Tanh())
set_sub('a', 3)
set_sub('a', None)
set_sub('a', nn.Identity(), True)
set_sub('b.5', nn.Tanh(), True)
set_sub('a.weight', nn.Tanh(), True)
net().get_submodule('q')
net().get_submodule('a.weight')
net().get_parameter('a')
net().get_buffer('a.weight')
type(net().to_empty(device='cpu')).__name__
net().to_empty()
net().to_empty('cpu')
tuple(net().to_empty(device=None, recurse=False).a.weight.shape)
net().cuda()
net().xpu()
net().ipu()
net().to('cuda')
net().to(t.int32)
str(net().to(t.complex64).a.weight.dtype)
net().to('cpu', copy=True)
str(net().to(t.ones(1, dtype=t.float64)).a.weight.dtype)
kinds(mixed().half())
kinds(mixed().bfloat16())
kinds(mixed().float())
kinds(mixed().double())
kinds(mixed().to(t.float16))
kinds(mixed().to(t.complex128))
kinds(mixed().type(t.float64))
kinds(mixed().type(t.complex128))
kinds(mixed().half().double())
mixed().double().phase.tolist()
mixed().half().turn.tolist()
kinds(nn.Sequential(mixed(), nn.Linear(1, 1)).half())
[p.requires_grad for p in net().requires_grad_(False).parameters()]
net().requires_grad_('x')
net().train(1)
net().apply(3)
net().add_module('a.b', nn.ReLU())
net().add_module('', nn.ReLU())
net().add_module('forward', nn.ReLU())
net().add_module(3, nn.ReLU())
net().add_module('q', 3)
net().register_module('z', nn.ReLU())
nn.Linear(1, 1).register_buffer('weight', None)
nn.Linear(1, 1).register_parameter('a.b', None)
nn.Linear(1, 1).register_parameter('', None)
nn.Linear(1, 1).register_parameter(3, None)
nn.Linear(1, 1).register_parameter('q', t.ones(1))
nn.Linear(1, 1).register_parameter('forward', None)
nn.Linear(1, 1).register_buffer('q', 3)
setattr(nn.Linear(1, 1), 'weight', t.ones(1))
setattr(nn.Linear(1, 1), 'weight', nn.ReLU())
setattr(nn.Sequential(nn.ReLU()), '0', 3)
setattr(nn.BatchNorm1d(2), 'running_mean', 3)
changed(nn.BatchNorm1d(2), 'running_mean', None)
changed(nn.BatchNorm1d(2), 'running_mean', nn.Parameter(t.ones(2)))
changed(nn.BatchNorm1d(2), 'running_mean', nn.ReLU())
changed(net(), 'a', nn.Parameter(t.ones(2)))
changed(net(), 'a', None)
changed(net(), 'a', t.ones(1))
delattr(nn.Linear(1, 1), 'zz')
nn.Module(3)
nn.Module(a=3)
nn.Module()(1)
list(net().state_dict(OrderedDict(), 'p.', False))
list(net().state_dict(OrderedDict()))
list(net().state_dict(prefix='x.'))
dict(net().state_dict()._metadata)
net().load_state_dict(3)
net().load_state_dict({})
repr(net().load_state_dict({}, strict=False))
repr(net().load_state_dict({**net().state_dict(), 'b.z': t.ones(1)}, strict=False))
net().load_state_dict({**net().state_dict(), 'a.weight': t.ones(1)})
net().load_state_dict({**net().state_dict(), 'a.weight': 3}, strict=False)
with_hooks(net())
registered()
replaced()
post_hook(net().register_state_dict_post_hook, lambda *a: {}, lambda m: m.state_dict())
post_hook(net().register_load_state_dict_post_hook, lambda *a: 1, lambda m: m.load_state_dict({}))
[n for n, _ in nn.BatchNorm1d(1).named_buffers(prefix='x')]
[n for n, _ in twice().named_parameters(remove_duplicate=False)]
[n for n, _ in twice().named_modules(remove_duplicate=False)]
[n for n, _ in net()._named_members(lambda m: m._parameters.items(), prefix='p', recurse=True)]
old_state(nn.Linear(1, 1))
tuple(Doubled(2, 3, 3, padding=1, padding_mode='reflect')(t.ones(1, 2, 4, 4)).shape)
nn.Module.dump_patches, hasattr(nn.Module, 'T_destination')
"""


def names(lib: Any) -> dict[str, Any]:
    nn = lib.nn
    module = nn.modules.module

    def net() -> Any:
        b = nn.Sequential(nn.ReLU(), nn.Linear(3, 1))
        return nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=b))

    def mixed() -> Any:
        model = nn.Linear(2, 1)
        model.turn = nn.Parameter(lib.tensor([1 + 2j]))
        model.register_buffer("phase", lib.tensor([3 - 4j]))
        model.register_buffer("count", lib.tensor([5]))
        return model

    def kinds(model: Any) -> list[str]:
        return [str(each.dtype) for each in (*model.parameters(), *model.buffers())]

    def set_sub(target: str, value: Any, strict: bool = False) -> str:
        model = net()
        model.set_submodule(target, value, strict)
        return repr(model)

    def changed(model: Any, name: str, value: Any) -> Any:
        setattr(model, name, value)
        return list(model._parameters), list(model._buffers), list(model._modules)

    def with_hooks(model: Any) -> list[Any]:
        seen: list[Any] = []

        def noting(kind: str) -> Any:
            return lambda *args: seen.append((kind, [str(a) for a in args if isinstance(a, str)]))

        model.register_state_dict_pre_hook(noting("pre"))
        model.register_state_dict_post_hook(noting("post"))
        model.b.register_state_dict_post_hook(noting("post b"))
        handle = model.register_load_state_dict_pre_hook(noting("load pre"))
        model.register_load_state_dict_post_hook(noting("load post"))
        model.b.register_load_state_dict_post_hook(noting("load post b"))
        model._register_load_state_dict_pre_hook(noting("old"))
        model._register_load_state_dict_pre_hook(noting("old with"), with_module=True)
        model.load_state_dict(model.state_dict())
        handle.remove()
        model.load_state_dict(model.state_dict())
        return seen

    def registered() -> list[Any]:
        seen: list[Any] = []

        def noting(owner: Any, name: str, value: Any) -> None:
            shape = None if value is None else tuple(getattr(value, "shape", ()))
            seen.append((type(owner).__name__, name, shape))

        kinds = ("buffer", "parameter", "module")
        handles = [
            getattr(module, f"register_module_{kind}_registration_hook")(noting) for kind in kinds
        ]
        try:
            norm, linear = nn.BatchNorm1d(2, affine=False), nn.Linear(1, 1, bias=False)
            model = nn.Sequential(linear)
            model.z = nn.ReLU()
            model.z = None
            linear.weight = None
            norm.running_mean = lib.zeros(2)
            norm.running_mean = None
        finally:
            for handle in handles:
                handle.remove()
        nn.Linear(1, 1)
        return seen

    def replaced() -> Any:
        handle = module.register_module_module_registration_hook(lambda *_: nn.Tanh())
        model = nn.Sequential(nn.ReLU())
        model.q = nn.ReLU()
        handle.remove()
        return repr(model)

    def post_hook(register: Any, hook: Any, use: Any) -> Any:
        register(hook)
        return use(register.__self__)

    def twice() -> Any:
        shared = nn.Linear(1, 1)
        return nn.Sequential(shared, shared)

    def old_state(model: Any) -> Any:
        state = dict(vars(model))
        for name in ("_backward_pre_hooks", "_load_state_dict_post_hooks"):
            state.pop(name, None)
        again = type(model).__new__(type(model))
        again.__setstate__(state)
        return tuple(again(lib.ones(1, 1)).shape), list(again.state_dict())

    class Doubled(nn.Conv2d):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return self._conv_forward(x, self.weight * 2, self.bias)

    return {**locals(), "t": lib, "OrderedDict": OrderedDict}


@pytest.mark.parametrize("line", LINES.strip().split("\n"))
def test_the_same_comes_of_it(line: str) -> None:
    outcomes = []
    for lib in (pb, torch):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.append(eval(line, names(lib)))
        except Exception as error:  # noqa: BLE001
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


def test_compile_leaves_the_module_as_it_is() -> None:
    layer = pb.nn.Linear(2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert layer.compile() is None
    assert layer(pb.ones(1, 2)).shape == (1, 1)
