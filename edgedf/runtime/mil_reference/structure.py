"""What a program must be beside its numbers, so that the reference and Core ML run the same one."""

from __future__ import annotations

from edgedf.runtime.mil_reference.call import ProgramError
from edgedf.runtime.mil_reference.program import Model, Operation


def is_constant(step: Operation) -> bool:
    """Whether its result is known before any input is."""
    return step.type == "const" or step.type.startswith("constexpr_")


def check_structure(model: Model) -> None:
    """Raises ProgramError unless every name is defined once and before its use, every parameter is where its
    operation looks for it, and the program gives what it describes, by the names that it describes.
    """
    defined = {feature.name for feature in model.inputs}
    if len(defined) != len(model.inputs):
        raise ProgramError("has two inputs of one name")
    for step in model.operations:
        _check_parameters(step)
        for name in _used(step):
            if name not in defined:
                raise ProgramError(f"uses {name[:60]!r} before it is defined")
        if len(step.outputs) != 1:
            raise ProgramError(f"{step.type} has {len(step.outputs)} outputs, expected 1")
        name = step.outputs[0].name
        if name in defined:
            raise ProgramError(f"defines {name[:60]!r} twice")
        defined.add(name)
    described = tuple(feature.name for feature in model.outputs)
    if model.results != described:
        raise ProgramError(f"gives {model.results} where it describes {described}"[:200])
    if not set(described) <= defined:
        raise ProgramError(f"gives {described}, which it does not define"[:200])


def _check_parameters(step: Operation) -> None:
    """Constants have attributes, the others inputs and a "name". What is elsewhere, Core ML does not see."""
    if is_constant(step):
        if step.inputs:
            raise ProgramError(f"{step.type} has inputs")
    elif odd := sorted(set(step.attributes) - {"name"}):
        raise ProgramError(f"{step.type} has an attribute {odd[0][:40]!r}")


def _used(step: Operation) -> list[str]:
    return [name for bindings in step.inputs.values() for name in bindings if isinstance(name, str)]
