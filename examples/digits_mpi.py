"""Trains a small network on real images in several processes, which average their gradients.

The perceptron of digits.py on the 1,797 scikit-learn digits. Every process goes through its own
part of the images; the steps are those of one process with the whole batch. The first process
shows the progress and prints the accuracy on images the network has never seen.

    pip install ".[examples,mpi]" && mpirun -n 2 python examples/digits_mpi.py
"""

from __future__ import annotations

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.nn.parallel import DistributedDataParallel
from pullback.utils.data import DataLoader, DistributedSampler, TensorDataset

EPOCHS = 40
BATCH = 32  # of all processes together


def load() -> tuple[TensorDataset, TensorDataset]:
    """The images as float32 in 0..1 and their labels, split into training and test."""
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return tuple(
        TensorDataset(pb.tensor(x, dtype=pb.float32), pb.tensor(y, dtype=pb.int64))
        for x, y in ((train_x, train_y), (test_x, test_y))
    )


def train(model: nn.Module, data: TensorDataset) -> None:
    """Trains the model in place."""
    criterion = nn.CrossEntropyLoss()
    optimizer = pb.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    sampler = DistributedSampler(data)
    loader = DataLoader(data, batch_size=BATCH // dist.get_world_size(), sampler=sampler)
    epochs = tqdm(range(1, EPOCHS + 1), "training", unit="epoch", disable=dist.get_rank() != 0)
    for epoch in epochs:
        sampler.set_epoch(epoch)
        total = pb.zeros(2)
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            total += pb.tensor([loss.item() * len(images), len(images)])
        dist.all_reduce(total)
        epochs.set_postfix(loss=f"{total[0].item() / total[1].item():.4f}")


def accuracy(model: nn.Module, data: TensorDataset) -> float:
    """The share of images whose digit is found; every process looks at a part of them."""
    model.eval()
    images, labels = (each[dist.get_rank() :: dist.get_world_size()] for each in data.tensors)
    with pb.no_grad():
        right = (model(images).argmax(dim=1) == labels).sum()
    dist.all_reduce(right)
    return right.item() / len(data)


def main() -> None:
    """Trains and tests."""
    dist.init_process_group("mpi")
    pb.manual_seed(dist.get_rank())  # each process drops other units; values are those of the first
    train_data, test_data = load()
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
    model = DistributedDataParallel(model)
    train(model, train_data)
    found = accuracy(model, test_data)
    if dist.get_rank() == 0:
        print(
            f"test accuracy: {100 * found:.2f} % of {len(test_data)} images, "
            f"with {dist.get_world_size()} processes"
        )
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
