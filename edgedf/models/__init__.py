"""The architectures edgedf trains: MesoNet, CNN-5, ResNet-18."""

from edgedf.models.registry import (
    ARCHITECTURES,
    Architecture,
    StateSpec,
    architecture,
    build_model,
    check_args,
    is_state,
    prunable_names,
    state_spec,
)

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "StateSpec",
    "architecture",
    "build_model",
    "check_args",
    "is_state",
    "prunable_names",
    "state_spec",
]
