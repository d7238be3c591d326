"""The three architectures: sizes, outputs, and what pruning may touch."""

import pytest
import torch

from edgedf.errors import ModelError
from edgedf.models import ARCHITECTURES, build_model, check_args, is_state, prunable_names, state_spec


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("mesonet", 128, 15_689),
        ("mesonet", 256, 27_977),
        ("cnn5", 128, 284_881),
        ("resnet18", 224, 11_177_025),
    ],
)
def test_parameter_count_and_output(name: str, size: int, parameters: int) -> None:
    model = build_model(name, {"size": size}, seed=0).eval()
    assert sum(p.numel() for p in model.parameters()) == parameters
    with torch.no_grad():
        logit = model(torch.zeros(2, 3, size, size))
    assert logit.shape == (2, 1)
    assert torch.isfinite(logit).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_state_spec_is_what_the_model_holds(name: str) -> None:
    model = build_model(name, seed=0)
    spec = state_spec(name, {})
    state = {n: tuple(t.shape) for n, t in model.state_dict().items() if is_state(n)}
    assert dict(spec.shapes) == state
    assert spec.prunable == prunable_names(model, name)
    assert ARCHITECTURES[name].head not in spec.prunable
    assert ARCHITECTURES[name].head in spec.shapes


def test_same_seed_same_weights_and_global_generator_untouched() -> None:
    before = torch.random.get_rng_state()
    first, second = build_model("mesonet", seed=3), build_model("mesonet", seed=3)
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("name", "args", "field"),
    [
        ("alexnet", {}, "arch"),
        ("mesonet", {"size": 100}, "size"),
        ("mesonet", {"size": True}, "size"),
        ("mesonet", {"size": "128"}, "size"),
        ("mesonet", {"width": 3}, "arch_args"),
        ("mesonet", {"dropout": 1.0}, "dropout"),
        ("resnet18", {"dropout": 0.1}, "arch_args"),
    ],
)
def test_bad_arguments_are_named(name: str, args: dict[str, object], field: str) -> None:
    with pytest.raises(ModelError, match=field):
        check_args(name, args)
