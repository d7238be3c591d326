"""Training on CUDA: whole runs where there is a device; where there is none, where every tensor would lie.

PyTorch's fake tensors carry a device without having one, and refuse an operation whose operands lie on two.
They show that nothing is left behind on the CPU; they compute nothing.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError, FakeTensorMode

from edgedf.data.index import read_dataset
from edgedf.models import build_model
from edgedf.ticket import read_ticket
from edgedf.training import saver, trainer
from edgedf.training.batches import open_training_data
from edgedf.training.evaluate import predict
from edgedf.training.interrupt import StopFlag
from edgedf.training.machine import Machine, prepare_machine
from edgedf.training.optimizer import MaskedOptimizer
from edgedf.training.recipe import Recipe
from edgedf.training.run import RunOptions, train_run
from edgedf.training.trainer import Setting, Span
from tests.training_runs import stopped_until_done

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no usable CUDA device")
ARCHS = ("mesonet", "cnn5", "resnet18")


def _run(faces, out, recipe, on_point=None):
    machine = prepare_machine("cuda", 1)
    options = RunOptions(data=faces, out=out, recipe=recipe, machine=machine, seeds=(0,))
    return train_run(options, on_point=on_point) if on_point else train_run(options)


@needs_cuda
@pytest.mark.parametrize("arch", ARCHS)
def test_run_on_cuda_leaves_tickets_that_a_cpu_agrees_with(arch, faces, tmp_path, tiny):
    document = _run(faces, tmp_path / "run", dataclasses.replace(tiny, arch=arch, dropout=0.0))
    assert document["status"] == "complete"
    assert json.loads((tmp_path / "run/run.json").read_text())["machine"]["device"] == "cuda"
    crops, labels = (np.load(tmp_path / f"run/evaluation/{n}.npy") for n in ("crops", "labels"))
    for point in document["points"]:
        # Reading checks that pruned weights are zero; the optimizer's mask held on the device.
        ticket = read_ticket(tmp_path / "run" / point["ticket"])
        right = (predict(ticket.module(), crops) >= 0) == (labels == 1)
        # One picture of 24 may lie on the other side of the threshold after TF32's rounding.
        assert abs(right.mean() - point["metrics"]["test"]["accuracy"]) <= 1 / len(labels) + 1e-9


@needs_cuda
def test_run_on_cuda_is_taken_up_where_it_stopped(faces, tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(saver, "CHECKPOINT_SECONDS", 0.0)
    stops = stopped_until_done(lambda stop: _run(faces, tmp_path / "run", tiny, on_point=stop), every=4)
    assert stops > 1
    assert json.loads((tmp_path / "run/run.json").read_text())["status"] == "complete"


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("arch", ARCHS)
def test_steps_on_cuda_leave_nothing_on_the_cpu(arch, optimizer, faces, tmp_path, monkeypatch):
    recipe = Recipe(arch=arch, size=64, batch=4, optimizer=optimizer, dropout=0.0)
    data = open_training_data(read_dataset(faces), recipe, tmp_path)
    setting = Setting(recipe, data, Machine("cuda", 1), 0, tmp_path / "checkpoint", StopFlag())
    saved = _moments(arch, recipe)
    with FakeTensorMode(), torch.device("cuda"):
        model = build_model(arch, recipe.arch_args)
        masks = {n: np.zeros(p.shape, np.uint8) for n, p in model.named_parameters() if p.dim() > 1}
        masked = MaskedOptimizer(model, masks, recipe)
        masked.load_state(saved)
        # Autograd wants a real device's context; a gradient lies where its parameter does.
        monkeypatch.setattr(torch.Tensor, "backward", lambda _: _fill_gradients(model))
        for step in range(2):
            trainer._step(setting, model, masked, step, Span(first=0, last=2, peak=0.01), per_epoch=4)
        assert {p.device.type for p in model.parameters()} == {"cuda"}


def _fill_gradients(model: torch.nn.Module) -> None:
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter)


def _moments(arch: str, recipe: Recipe) -> dict[str, np.ndarray]:
    """An optimizer's state after one step on the CPU, as a checkpoint holds it."""
    model = build_model(arch, recipe.arch_args)
    masked = MaskedOptimizer(model, {}, recipe)
    model(torch.zeros(4, 3, 64, 64)).sum().backward()
    masked.step(0.01)
    return masked.read_state()


def test_fake_devices_notice_a_tensor_left_behind():
    with FakeTensorMode(), torch.device("cuda"):
        model = build_model("mesonet", {"size": 64, "dropout": 0.1})
        with pytest.raises(FakeTensorDeviceMismatchError):
            model(torch.empty(1, 3, 64, 64, device="cpu"))
