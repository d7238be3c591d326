"""The recipes by name. Each is a function that returns a Recipe; change one with `dataclasses.replace`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from edgedf.errors import UsageError
from edgedf.training.recipe import Recipe

# Peak learning rates of AdamW that train each architecture from scratch at batch 32.
_RATES: Mapping[str, float] = MappingProxyType({"mesonet": 5e-3, "cnn5": 3e-3, "resnet18": 1e-3})


def standard(arch: str = "mesonet") -> Recipe:
    """IMP as published: 8 rounds of 20% (83% sparse at the end), rewinding to epoch 1, early stopping."""
    from edgedf.models import architecture

    return Recipe(
        name="standard",
        arch=arch,
        size=architecture(arch).default_size,
        dropout=0.0 if arch == "resnet18" else 0.1,
        lr=_RATES[arch],
        epochs=14,
        patience=5,
        rounds=8,
        rate=0.2,
        control_sparsities=(0.8,),
    )


def demo(arch: str = "mesonet") -> Recipe:
    """Minutes on two cores: MesoNet at 128 px, five rounds beyond 99%, controls at 97%.

    Two one-shot controls, because they answer two questions: "oneshot" trains as many epochs as all of
    IMP's rounds together, "oneshot-round" as many as the ticket it stands beside.
    """
    _only("demo", arch, "mesonet")
    return replace(
        _whole("demo", arch, size=128, epochs=6, sparsities=(0.8, 0.9, 0.95, 0.97, 0.995)),
        rewind=3,
        controls=("oneshot", "oneshot-round", "random"),
        control_sparsities=(0.97,),
    )


def demo_ticket(arch: str = "mesonet") -> Recipe:
    """What the shipped demo ticket is trained with: one round to 80%, no controls."""
    _only("demo-ticket", arch, "mesonet")
    return _whole("demo-ticket", arch, size=128, epochs=4, sparsities=(0.8,), train_images=4000)


def long(arch: str = "mesonet") -> Recipe:
    """A MesoNet at 128 px trained for 14 epochs, 20% a round to beyond 99%, four controls.

    "dense-long" is not among them: at these six sparsities it would train as many epochs again as "oneshot".
    """
    _only("long", arch, "mesonet")
    return replace(
        _whole("long", arch, size=128, epochs=14),
        rounds=21,
        control_sparsities=(0.5, 0.8, 0.9, 0.95, 0.97, 0.985),
        controls=("oneshot", "oneshot-round", "random", "reinit"),
    )


def short(arch: str = "cnn5") -> Recipe:
    """A small real run of any architecture: two rounds to 90% at 64 px, enough for builds and gates."""
    return _whole("short", arch, size=64, epochs=4, sparsities=(0.6, 0.9), train_images=2000)


def study(arch: str = "mesonet") -> Recipe:
    """As the original study trained: Adam at 1e-4, patience 10, 8 rounds of 20%, rewinding to the start."""
    return replace(
        standard(arch),
        name="study",
        lr=1e-4,
        weight_decay=0.0,
        warmup=0.0,
        epochs=100,
        patience=10,
        rewind=0,
    )


RECIPES: Mapping[str, Callable[[str], Recipe]] = MappingProxyType(
    {"standard": standard, "demo": demo, "long": long, "short": short, "study": study}
)


def recipe_by_name(name: str, arch: str | None = None) -> Recipe:
    """The recipe called `name`, for `arch` or its own default. Raises UsageError if it does not exist."""
    from edgedf.models import architecture

    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name[:40]!r}, known: {', '.join(RECIPES)}", field="recipe")
    build = RECIPES[name]
    if arch is None:
        return build("cnn5" if name == "short" else "mesonet")
    architecture(arch)
    return build(arch)


def _whole(
    name: str,
    arch: str,
    *,
    size: int,
    epochs: int,
    sparsities: tuple[float, ...] = (),
    train_images: int = 0,
) -> Recipe:
    """The standard recipe without controls and early stopping: points differ by what they are about."""
    return replace(
        standard(arch),
        name=name,
        size=size,
        epochs=epochs,
        patience=0,
        rounds=len(sparsities),
        sparsities=sparsities,
        train_images=train_images,
        controls=(),
        control_sparsities=(),
    )


def _only(name: str, arch: str, wanted: str) -> None:
    if arch != wanted:
        raise UsageError(
            f"recipe {name} is for {wanted}, not {arch}", field="arch", hint="use --recipe standard or short"
        )
