"""Memory formats beside PyTorch: strides of results and gradients, and the values that they hold.

``x`` is an image in channels_last, ``v`` a volume in channels_last_3d, ``c`` and ``d`` the same
row-major; ``w`` and ``k`` are weights of convolutions. What keeps no format, or another one than in
PyTorch, is in docs/differences.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LINES = """
F.conv2d(x, w)
F.conv2d(c, w.to(memory_format=t.channels_last))
F.conv2d(x, w, x.new_ones(8), 2, 1, 2)
F.conv2d(x[0], w)
F.conv2d(x.double(), w.double())
F.conv2d(x, w[:4, :1], groups=4)
F.conv2d(x, w[:, :, :1, :1])
F.conv2d(x, w, padding='same')
F.conv2d(x[:, :, ::2], w)
F.conv2d(x.half(), w.half())
F.conv_transpose2d(x, w.transpose(0, 1))
F.conv3d(v, k)
F.conv3d(d, k.contiguous(memory_format=t.channels_last_3d))
F.conv_transpose3d(v, k.transpose(0, 1))
F.max_pool2d(x, 2, return_indices=True)
F.max_pool3d(v, 2, return_indices=True)
F.max_pool2d(x[0], 2)
F.adaptive_max_pool2d(x, (2, 3), return_indices=True)
F.avg_pool2d(x, 3, 2, 1)
F.adaptive_avg_pool2d(x, 2)
F.lp_pool2d(x.abs(), 2, 2)
F.batch_norm(x, None, None, x.new_ones(4), x.new_ones(4), True)
F.batch_norm(x, x.new_zeros(4), x.new_ones(4), None, None, False)
F.batch_norm(v, x.new_zeros(4), x.new_ones(4), None, None, True)
F.group_norm(x, 2)
F.group_norm(v, 2, x.new_ones(4))
F.instance_norm(x)
F.layer_norm(x, (6,))
F.local_response_norm(x, 2)
F.rms_norm(x, (6,))
F.rms_norm(x, (4, 6, 6), x.new_ones(4, 6, 6))
F.pixel_shuffle(x, 2)
F.pixel_unshuffle(x, 2)
F.channel_shuffle(x, 2)
F.interpolate(x, scale_factor=2)
F.interpolate(x, (5, 7), mode='bilinear')
F.interpolate(x, (5, 7), mode='bicubic')
F.interpolate(x, (3, 2), mode='area')
F.interpolate(x, (3, 2), mode='bilinear', antialias=True)
F.interpolate(v, scale_factor=2, mode='trilinear')
F.pad(x, (1, 2, 0, 1))
F.pad(v, (1, 2, 0, 1, 1, 1), value=2.0)
F.pad(x, (1, 2, 0, 1), mode='reflect')
F.pad(x, (1, 2, 0, 1), mode='replicate')
F.relu(x)
F.gelu(x) * 2 + c
c + x
x > 0
t.where(x > 0, x, 0.0)
x + x.new_ones(4, 1, 1)
F.prelu(x, x.new_ones(4))
F.glu(x, 1)
F.softmax(x, 1)
t.cat([x, x], 1)
t.cat([x, x], 0)
t.cat([x, c], 1)
t.cat([v, v], 1)
x.flip(1)
x.sum(1, keepdim=True)
x.mean((2, 3))
x.flatten(1)
x[:, 1:]
x.cumsum(1)
x.clone()
x.contiguous()
x.contiguous(memory_format=t.channels_last)
c.contiguous(memory_format=t.channels_last)
c.clone(memory_format=t.channels_last)
x.clone(memory_format=t.contiguous_format)
x.to(memory_format=t.contiguous_format)
c.to(memory_format=t.channels_last)
c.to(t.float64, memory_format=t.channels_last)
c.double(memory_format=t.channels_last)
c.float(memory_format=t.channels_last)
c.cpu(memory_format=t.channels_last)
c.transpose(2, 3).to(memory_format=t.contiguous_format)
c.transpose(2, 3).to(memory_format=t.channels_last)
x[:, :, ::2].to(memory_format=t.channels_last)
c[:, :1].to(memory_format=t.channels_last)
c[:, :1].contiguous(memory_format=t.channels_last)
c[:, :, :1, :1].to(memory_format=t.channels_last)
c[:0].to(memory_format=t.channels_last)
c[:, :0].to(memory_format=t.channels_last)
d.to(memory_format=t.channels_last_3d)
t.zeros_like(x)
t.zeros_like(x, memory_format=t.contiguous_format)
t.ones_like(c, memory_format=t.channels_last)
t.full_like(x, 2.0, memory_format=t.preserve_format)
t.empty_like(c.permute(1, 0, 3, 2)).zero_()
t.empty((2, 3, 4, 5), memory_format=t.channels_last).zero_()
t.empty((2, 3, 4, 5, 6), memory_format=t.channels_last_3d).zero_()
t.rand_like(x) * 0
t.randint_like(c, 1, 2, memory_format=t.channels_last)
t.empty(0).resize_(2, 3, 4, 5, memory_format=t.channels_last).zero_()
x.clone().resize_(2, 4, 6, 6)
x.clone().resize_(2, 4, 6, 6, memory_format=t.contiguous_format) * 0
c.clone().resize_as_(x, memory_format=t.preserve_format) * 0
x.clone().resize_as_(c)
nn.Conv2d(4, 4, 3).to(memory_format=t.channels_last).weight * 0
nn.Conv3d(4, 4, 3).to(memory_format=t.channels_last_3d).weight * 0
nn.Sequential(nn.Conv2d(4, 4, 3), nn.Linear(2, 2)).to(memory_format=t.channels_last)[0].weight * 0
x.is_contiguous(), x.is_contiguous(memory_format=t.channels_last)
v.is_contiguous(memory_format=t.channels_last_3d), v.is_contiguous(memory_format=t.channels_last)
c.is_contiguous(memory_format=t.channels_last), x.is_contiguous(memory_format=t.preserve_format)
[y.is_contiguous(memory_format=t.channels_last) for y in (c[0], c[:, :1], c[:0], x[:1], x[:, 1:])]
repr(t.channels_last), repr(t.channels_last_3d)
"""

REFUSED = """
c[0].to(memory_format=t.channels_last)
c[0].contiguous(memory_format=t.channels_last)
c.clone(memory_format=t.channels_last_3d)
t.empty((2, 3, 4, 5), memory_format=t.channels_last_3d)
t.empty((2, 3, 4, 5), memory_format=t.preserve_format)
t.empty_like(c[0], memory_format=t.channels_last)
x.contiguous(memory_format=t.preserve_format)
c.clone().resize_(2, 3, memory_format=t.channels_last)
x.to(memory_format='channels_last')
nn.Sequential(nn.Conv3d(4, 4, 3)).to(memory_format=t.channels_last)
x.view(2, -1)
"""

GRADIENTS = """
F.conv2d(x, w)
F.conv2d(x.contiguous(), w.contiguous(memory_format=t.channels_last))
F.max_pool2d(x, 2)
F.avg_pool2d(x, 2)
F.adaptive_avg_pool2d(x, 2)
F.interpolate(x, scale_factor=2)
F.pad(x, (1, 1, 1, 1))
F.relu(x)
x.contiguous()
t.cat([x, x], 1)
"""


def rows(text: str) -> list[str]:
    return text.strip().split("\n")


def names(lib: Any, **others: Any) -> dict[str, Any]:
    numbers = np.random.default_rng(0)

    def made(*shape: int) -> Any:
        return lib.tensor(numbers.normal(size=shape), dtype=lib.float32)

    c, d = made(2, 4, 6, 6), made(2, 4, 4, 6, 6)
    return {
        "t": lib,
        "nn": lib.nn,
        "F": lib.nn.functional,
        "c": c,
        "d": d,
        "x": c.clone(memory_format=lib.channels_last),
        "v": d.clone(memory_format=lib.channels_last_3d),
        "w": made(8, 4, 3, 3),
        "k": made(8, 4, 3, 3, 3),
        **others,
    }


@pytest.mark.parametrize("line", rows(LINES))
def test_results(line: str) -> None:
    ours, theirs = (eval(line, names(lib)) for lib in (pb, torch))
    if not isinstance(theirs, tuple):
        ours, theirs = (ours,), (theirs,)
    for a, b in zip(ours, theirs, strict=True):
        if not isinstance(b, torch.Tensor):
            assert a == b
            continue
        assert tuple(a.shape) == tuple(b.shape)
        assert a.stride() == b.stride()
        assert str(a.dtype).split(".")[-1] == str(b.dtype).split(".")[-1]
        tolerance = 2e-2 if a.dtype == pb.float16 else 1e-5
        left, right = (each.detach().double().numpy() for each in (a, b))
        np.testing.assert_allclose(left, right, tolerance, tolerance)


@pytest.mark.parametrize("line", rows(REFUSED))
def test_refusals(line: str) -> None:
    kinds = []
    for lib in (pb, torch):
        with pytest.raises(Exception, match=r".") as caught:
            eval(line, names(lib))
        kinds.append(caught.type)
    assert issubclass(*kinds)


@pytest.mark.parametrize("line", rows(GRADIENTS))
def test_gradients(line: str) -> None:
    found = []
    for lib in (pb, torch):
        given = names(lib)
        x, w = (given[name].requires_grad_() for name in ("x", "w"))
        loss = (eval(line, given) ** 2).sum()
        grads = lib.autograd.grad(loss, [x, w], allow_unused=True, retain_graph=True)
        loss.backward()
        found.append([g for g in (*grads, x.grad, w.grad) if g is not None])
    for a, b in zip(*found, strict=True):
        assert a.stride() == b.stride()
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-4, 1e-4)


def test_the_second_derivative_of_an_image_in_another_format() -> None:
    for lib in (pb, torch):
        x = names(lib)["x"].double().requires_grad_()
        w = names(lib)["w"].double().requires_grad_()

        def loss(x: Any, w: Any, lib: Any = lib) -> Any:
            pooled = lib.nn.functional.max_pool2d(lib.nn.functional.conv2d(x, w), 2)
            return lib.nn.functional.pad(pooled, (1, 0, 0, 1)).pow(2)

        assert lib.autograd.gradcheck(loss, (x, w), fast_mode=True)
        assert lib.autograd.gradgradcheck(loss, (x, w), fast_mode=True)


def test_a_format_of_images_is_refused_inside_of_vmap() -> None:
    c = names(pb)["d"]
    for function in (
        lambda x: x.contiguous(memory_format=pb.channels_last),
        lambda x: pb.zeros_like(x, memory_format=pb.channels_last),
        lambda x: x.clone(memory_format=pb.channels_last),
    ):
        with pytest.raises(NotImplementedError, match="vmap"):
            pb.vmap(function)(c)
    w = names(pb)["w"]
    looped = pb.stack([pb.nn.functional.conv2d(each, w) for each in c.transpose(1, 2)])
    of_vmap = pb.vmap(lambda x: pb.nn.functional.conv2d(x, w))(c.transpose(1, 2))
    assert pb.equal(looped, of_vmap)


@pytest.mark.parametrize("lib", [pb, torch], ids=["pullback", "torch"])
def test_training_in_channels_last_keeps_the_format(lib: Any) -> None:
    model = lib.nn.Sequential(lib.nn.Conv2d(4, 6, 3), lib.nn.BatchNorm2d(6), lib.nn.ReLU())
    model = model.to(memory_format=lib.channels_last)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(names(lib)["x"]).sum().backward()
    optimizer.step()
    weight = model[0].weight
    for tensor in (weight, weight.grad, optimizer.state[weight]["momentum_buffer"]):
        assert tensor.is_contiguous(memory_format=lib.channels_last)
