"""A ResNet-18 from the modules of ``pullback.nn``: a step of the tutorial, then digits.

First the training step that PyTorch's tutorial of autograd shows, on one image of 3x64x64 with
random labels. Then the last layer is replaced by one of ten classes and trained with everything
else frozen, on the scikit-learn digits, enlarged to 3x32x32: a network of random filters whose
normalisation has seen the images. Draws the losses and some test images into resnet18.png.

    pip install ".[examples]" && python examples/resnet18.py
"""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import pullback as pb
from pullback import nn

EPOCHS = 60
BATCH = 64
EXAMPLES = 1797
SIDE = 32
PICTURE = "resnet18.png"


class Block(nn.Module):
    """Two convolutions beside the identity (He et al., arXiv:1512.03385)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """[batch, before, height, width] to [batch, after, ...]."""
        same = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + same)


class ResNet18(nn.Module):
    """Names and shapes are those of torchvision's ``resnet18``, so its checkpoints load."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: pb.Tensor) -> pb.Tensor:
        """All but the last layer."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """[batch, 3, height, width] to [batch, classes]."""
        return self.fc(self.features(x))


def step_of_the_tutorial(model: nn.Module) -> float:
    """One step of SGD on one image of 3x64x64 and labels for each class; the loss before it."""
    data, labels = pb.rand(1, 3, 64, 64), pb.rand(1, 1000)
    model.eval()
    optimizer = pb.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    loss = (model(data) - labels).sum()
    loss.backward()
    optimizer.step()
    model.zero_grad()
    return loss.item()


def load() -> tuple[pb.Tensor, pb.Tensor, pb.Tensor, pb.Tensor]:
    """The digits as [n, 3, SIDE, SIDE] and their labels, split into training and test."""
    digits = load_digits()
    images, labels = digits.images[:EXAMPLES], digits.target[:EXAMPLES]
    split = train_test_split(images / 16.0, labels, test_size=0.25, random_state=0, stratify=labels)

    def enlarged(images: object) -> pb.Tensor:
        small = pb.tensor(images, dtype=pb.float32).unsqueeze(1)
        size = (SIDE, SIDE)
        large = nn.functional.interpolate(small, size, mode="bilinear", align_corners=False)
        return large.expand(-1, 3, -1, -1)

    train_y, test_y = (pb.tensor(each, dtype=pb.int64) for each in split[2:])
    return enlarged(split[0]), enlarged(split[1]), train_y, test_y


def see(model: ResNet18, images: pb.Tensor) -> pb.Tensor:
    """The features of all images: frozen layers give the same ones in every epoch."""
    with pb.no_grad():
        parts = tqdm(images.split(BATCH), desc="features", unit="batch")
        return pb.cat([model.features(part) for part in parts])


def train(layer: nn.Module, features: pb.Tensor, labels: pb.Tensor) -> list[float]:
    """Trains the last layer in place and returns the mean loss of every epoch."""
    optimizer = pb.optim.Adam(layer.parameters(), lr=3e-3)
    schedule = pb.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    losses = []
    with tqdm(range(EPOCHS), desc="training", unit="epoch") as bar:
        for _ in bar:
            total = 0.0
            for batch in pb.randperm(len(features)).split(BATCH):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(layer(features[batch]), labels[batch])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
            schedule.step()
            losses.append(total / len(features))
            bar.set_postfix(loss=f"{losses[-1]:.4f}")
    return losses


def draw(losses: list[float], images: pb.Tensor, labels: pb.Tensor, guesses: pb.Tensor) -> None:
    """Writes the loss curve and some test images, mistakes in front, into PICTURE."""
    wrong = (guesses != labels).nonzero().flatten().tolist()
    shown = (wrong[:6] + [i for i in range(len(images)) if i not in wrong])[:18]
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3))
    axes = left.subplots()
    axes.semilogy(range(1, len(losses) + 1), losses)
    axes.set(xlabel="epoch", ylabel="training loss", title="Last layer, the others frozen")
    axes.grid(visible=True, alpha=0.3)
    right.suptitle(f"Test images ({len(wrong)} of {len(images)} wrong, in red)")
    for cell, index in zip(right.subplots(3, 6).flat, shown, strict=False):
        cell.imshow(images[index, 0].numpy(), cmap="gray_r")
        cell.set_axis_off()
        guess, label = int(guesses[index]), int(labels[index])
        text = f"{guess}" if guess == label else f"{guess}, is {label}"
        cell.set_title(text, color="black" if guess == label else "red", fontsize=9)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """The step, the transfer, the picture."""
    pb.manual_seed(0)
    model = ResNet18()
    print(f"one step on an image of 3x64x64: loss {step_of_the_tutorial(model):.2f}")
    train_x, test_x, train_y, test_y = load()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.fc = nn.Linear(512, 10)
    model.train()
    see(model, train_x[: 4 * BATCH])  # the running statistics of its norms
    model.eval()
    losses = train(model.fc, see(model, train_x), train_y)
    with pb.no_grad():
        guesses = model.fc(see(model, test_x)).argmax(dim=1)
    accuracy = (guesses == test_y).float().mean().item()
    draw(losses, test_x, test_y, guesses)
    print(f"test accuracy: {100 * accuracy:.2f} % of {len(test_x)} images; picture in {PICTURE}")


if __name__ == "__main__":
    main()
