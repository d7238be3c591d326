"""Names, shapes, types and layouts: what must be right before a value is worth comparing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from edgedf.bundle.manifest import OFFERED, ArtifactEntry, TensorSpec
from edgedf.contract import Contract
from edgedf.parity.gate import Check, failed, passed
from edgedf.runtime.backend import Backend
from edgedf.runtime.carried_check import carried_problems
from edgedf.runtime.stored_precision import told_precisions

# What each platform's developers feed: (layout, dtype) of the input.
_INPUTS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "executorch": (("NCHW", "float32"),),
        "coreml": (("NCHW", "float32"),),
        "tflite": (("NHWC", "float32"),),
        "native": (("NHWC", "uint8"),),
    }
)


def check_names(entry: ArtifactEntry, contract: Contract) -> Check:
    """The artifact's tensors are called what the contract calls them."""
    pairs = (
        ("input", entry.input.name, contract.input_name),
        ("output", entry.output.name, contract.output_name),
    )
    wrong = [f"{end} is named {got!r}, expected {want!r}" for end, got, want in pairs if got != want]
    if wrong:
        return failed("names", wrong[0], wrong)
    return passed("names", f"{contract.input_name} -> {contract.output_name}")


def check_shapes(entry: ArtifactEntry, contract: Contract) -> Check:
    """The artifact's input and output have the shape, dtype and layout of their target."""
    size = contract.size
    shapes = {"NCHW": (1, 3, size, size), "NHWC": (1, size, size, 3)}
    wrong = []
    allowed = _INPUTS[entry.target]
    if (entry.input.layout, entry.input.dtype) not in allowed:
        want = " or ".join(" ".join(pair) for pair in allowed)
        wrong.append(f"input is {entry.input.layout} {entry.input.dtype}, expected {want}")
    elif entry.input.shape != shapes[entry.input.layout]:
        want = str(shapes[entry.input.layout])
        wrong.append(f"input has shape {entry.input.shape}, expected {want} ({entry.input.layout})")
    if entry.output.shape not in ((1, 1), (1,)) or entry.output.dtype != "float32":
        wrong.append(f"output is {_text(entry.output)}, expected one float32 logit")
    if wrong:
        return failed("shapes", wrong[0], wrong)
    return passed("shapes", f"{_text(entry.input)} -> {_text(entry.output)}")


def check_open(
    backend: Backend, folder: Path, entry: ArtifactEntry, contract: Contract, ticket_sha256: str | None
) -> Check:
    """The runtime took the file, and what the file itself says is what the bundle says of it.

    That is the contract, the ticket and the precision, which chooses the tolerances. `ticket_sha256` None
    asks for no ticket. Raises BundleError if the file carries no contract.
    """
    unknown = entry.precision not in OFFERED[entry.target]
    wrong = [
        *carried_problems(backend, contract, ticket_sha256),
        *([f"edgedf writes no {entry.target} at {entry.precision}"] if unknown else []),
        *(
            f"the file holds {told} weights, the manifest says {entry.precision}"
            for told in told_precisions(folder, entry)
            if told != entry.precision
        ),
    ]
    return failed("open", wrong[0], wrong) if wrong else passed("open", backend.runtime)


def _text(tensor: TensorSpec) -> str:
    return f"{tensor.dtype}{list(tensor.shape)}"
