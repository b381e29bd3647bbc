"""Trains a small network on real images: the scikit-learn digits, 1,797 pictures of 8x8 pixels.

A perceptron with one hidden layer, mini-batches, SGD with momentum. Prints the loss of every epoch
and the accuracy on images the network has never seen, and draws both into digits.png.

    pip install ".[examples]" && python examples/digits.py
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

EPOCHS = 40
BATCH = 32
PICTURE = "digits.png"


def load() -> tuple[pb.Tensor, pb.Tensor, pb.Tensor, pb.Tensor]:
    """The images as float32 in 0..1 and their labels, split into training and test."""
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return (
        pb.tensor(train_x, dtype=pb.float32),
        pb.tensor(test_x, dtype=pb.float32),
        pb.tensor(train_y, dtype=pb.int64),
        pb.tensor(test_y, dtype=pb.int64),
    )


def train(model: nn.Module, images: pb.Tensor, labels: pb.Tensor) -> list[float]:
    """Trains the model in place and returns the mean loss of every epoch."""
    criterion = nn.CrossEntropyLoss()
    optimizer = pb.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    with tqdm(range(1, EPOCHS + 1), desc="training", unit="epoch") as bar:
        for epoch in bar:
            total = 0.0
            order = pb.randperm(len(images))
            for start in range(0, len(images), BATCH):
                batch = order[start : start + BATCH]
                optimizer.zero_grad()
                loss = criterion(model(images[batch]), labels[batch])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
            losses.append(total / len(images))
            tqdm.write(f"epoch {epoch:2d}  loss {losses[-1]:.4f}")
            bar.set_postfix(loss=f"{losses[-1]:.4f}")
    return losses


def predict(model: nn.Module, images: pb.Tensor) -> pb.Tensor:
    """The most likely digit of every image."""
    model.eval()
    with pb.no_grad():
        return model(images).argmax(dim=1)


def draw(losses: list[float], images: pb.Tensor, labels: pb.Tensor, guesses: pb.Tensor) -> None:
    """Writes the loss curve and the first test images, mistakes in front, into PICTURE."""
    wrong = (guesses != labels).nonzero().flatten().tolist()
    shown = (wrong[:6] + [i for i in range(len(images)) if i not in wrong])[:24]
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3))

    axes = left.subplots()
    axes.semilogy(range(1, len(losses) + 1), losses, marker=".")
    axes.set(xlabel="epoch", ylabel="training loss", title="Loss")
    axes.grid(visible=True, alpha=0.3)

    right.suptitle(f"Test images and predictions ({len(wrong)} of {len(images)} wrong, in red)")
    for cell, index in zip(right.subplots(4, 6).flat, shown, strict=True):
        cell.imshow(images[index].reshape(8, 8).numpy(), cmap="gray_r")
        cell.set_axis_off()
        guess, label = int(guesses[index]), int(labels[index])
        cell.set_title(
            f"{guess}" if guess == label else f"{guess}, is {label}",
            color="black" if guess == label else "red",
            fontsize=9,
        )
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Trains, tests, draws."""
    pb.manual_seed(0)
    train_x, test_x, train_y, test_y = load()
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
    losses = train(model, train_x, train_y)
    guesses = predict(model, test_x)
    accuracy = (guesses == test_y).float().mean().item()
    draw(losses, test_x, test_y, guesses)
    print(f"test accuracy: {100 * accuracy:.2f} % of {len(test_x)} images; picture in {PICTURE}")


if __name__ == "__main__":
    main()
