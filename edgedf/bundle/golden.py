"""Golden vectors on disk: raw pictures with boxes, and the crops and logits they must give.

golden/index.json    the contract they were made with, and one record per picture
golden/NNN.rgba      picture NNN as the camera gave it, height x width x 4 uint8 (alpha 255)
golden/NNN.crop      expected crop, size x size x 3 uint8 RGB
golden/logits.f32    expected logits of dense PyTorch, little-endian float32, one per picture
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.bundle.manifest import GOLDEN_FOLDER
from edgedf.contract import Contract
from edgedf.crop import Box
from edgedf.errors import BundleError, ContractError
from edgedf.files import canonical_json, parse_json

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

INDEX_NAME = f"{GOLDEN_FOLDER}/index.json"
LOGITS_NAME = f"{GOLDEN_FOLDER}/logits.f32"
MAX_SIDE = 4096
MAX_PICTURES = 999
ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenPicture:
    """One picture and its face box.

    Attributes:
        name: what it shows, a few letters.
        frame_hwc: the frame as the camera gave it, (H, W, 4) uint8 RGBA.
        rotation: degrees clockwise that make the frame upright: 0, 90, 180 or 270.
        mirrored: whether the upright picture is then flipped left to right.
        box: face box in pixels of the upright, unmirrored-or-mirrored picture as the model sees it.
    """

    name: str
    frame_hwc: U8
    rotation: int
    mirrored: bool
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSet:
    """All golden vectors of a bundle.

    Attributes:
        contract: the contract they were made with.
        pictures: the inputs.
        crops_nhwc: expected crops, (N, S, S, 3) uint8 RGB.
        logits: expected logits of the dense network, (N,) float32.
    """

    contract: Contract
    pictures: tuple[GoldenPicture, ...]
    crops_nhwc: U8
    logits: F32


def golden_files(goldens: GoldenSet) -> dict[str, bytes]:
    """Path below the bundle -> bytes; equal goldens give equal bytes."""
    files: dict[str, bytes] = {}
    records: list[dict[str, Any]] = []
    for index, (picture, crop) in enumerate(zip(goldens.pictures, goldens.crops_nhwc, strict=True)):
        height, width = picture.frame_hwc.shape[:2]
        records.append(
            {
                "name": picture.name,
                "width": width,
                "height": height,
                "rotation": picture.rotation,
                "mirrored": picture.mirrored,
                "box": asdict(picture.box),
            }
        )
        files[_name(index, "rgba")] = picture.frame_hwc.tobytes()
        files[_name(index, "crop")] = crop.tobytes()
    files[INDEX_NAME] = canonical_json({"contract": goldens.contract.to_json(), "pictures": records})
    files[LOGITS_NAME] = goldens.logits.astype("<f4").tobytes()
    return files


def parse_goldens(files: Mapping[str, bytes], *, file: str) -> GoldenSet:
    """The goldens in a bundle's golden/ files. Raises BundleError that names file and field."""
    index = parse_json(_take(files, INDEX_NAME, None, file), file=f"{file}/{INDEX_NAME}", error=BundleError)
    where = f"{file}/{INDEX_NAME}"
    record = _record(index, {"contract", "pictures"}, "index", where)
    try:
        contract = Contract.from_json(record["contract"])
    except ContractError as error:
        raise BundleError(error.problem, file=where, field=error.field) from error
    records: Any = record["pictures"]
    if not isinstance(records, list) or not 1 <= len(records) <= MAX_PICTURES:
        raise BundleError(f"is not a list of 1..{MAX_PICTURES} pictures", file=where, field="pictures")
    pictures = tuple(_picture(value, number, files, file) for number, value in enumerate(records))
    crop_bytes = contract.size * contract.size * 3
    crops = [_take(files, _name(number, "crop"), crop_bytes, file) for number in range(len(pictures))]
    logits = np.frombuffer(_take(files, LOGITS_NAME, 4 * len(pictures), file), dtype="<f4").astype(np.float32)
    if not bool(np.isfinite(logits).all()):
        raise BundleError("holds NaN or infinity", file=file, field=LOGITS_NAME)
    expected = {INDEX_NAME, LOGITS_NAME} | {
        _name(n, kind) for n in range(len(pictures)) for kind in ("rgba", "crop")
    }
    if odd := sorted(set(files) - expected):
        raise BundleError("belongs to no golden picture", file=file, field=odd[0])
    shape = (len(pictures), contract.size, contract.size, 3)
    crops_nhwc = np.frombuffer(b"".join(crops), dtype=np.uint8).reshape(shape)
    return GoldenSet(contract=contract, pictures=pictures, crops_nhwc=crops_nhwc, logits=logits)


def _name(index: int, kind: str) -> str:
    return f"{GOLDEN_FOLDER}/{index:03d}.{kind}"


def _take(files: Mapping[str, bytes], name: str, size: int | None, file: str) -> bytes:
    data = files.get(name)
    if data is None:
        raise BundleError("is missing", file=file, field=name, hint="build the bundle again")
    if size is not None and len(data) != size:
        raise BundleError(f"is {len(data)} bytes, expected {size}", file=file, field=name)
    return data


def _record(value: Any, names: set[str], at: str, file: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BundleError("is not a JSON object", file=file, field=at)
    if odd := sorted(names ^ set(value)):
        problem = "unknown field" if odd[0] in value else "missing field"
        raise BundleError(problem, file=file, field=f"{at}.{odd[0][:60]}")
    return value


def _picture(value: Any, number: int, files: Mapping[str, bytes], file: str) -> GoldenPicture:
    at, where = f"pictures[{number}]", f"{file}/{INDEX_NAME}"
    names = {"name", "width", "height", "rotation", "mirrored", "box"}
    record = _record(value, names, at, where)
    sides = _numbers(record, ("width", "height"), at, where, whole=True)
    if not all(1 <= side <= MAX_SIDE for side in sides):
        raise BundleError(f"is not 1..{MAX_SIDE} pixels", file=where, field=f"{at}.width")
    if not isinstance(record["name"], str) or len(record["name"]) > 60:
        raise BundleError("is not a short text", file=where, field=f"{at}.name")
    if isinstance(record["rotation"], bool) or record["rotation"] not in ROTATIONS:
        raise BundleError("is not 0, 90, 180 or 270", file=where, field=f"{at}.rotation")
    if not isinstance(record["mirrored"], bool):
        raise BundleError("is not true or false", file=where, field=f"{at}.mirrored")
    box = _record(record["box"], {"x", "y", "width", "height"}, f"{at}.box", where)
    values = _numbers(box, ("x", "y", "width", "height"), f"{at}.box", where)
    width, height = int(sides[0]), int(sides[1])
    data = _take(files, _name(number, "rgba"), width * height * 4, file)
    return GoldenPicture(
        name=record["name"],
        frame_hwc=np.frombuffer(data, dtype=np.uint8).reshape(height, width, 4),
        rotation=int(record["rotation"]),
        mirrored=record["mirrored"],
        box=Box(*values),
    )


def _numbers(
    record: Mapping[str, Any], names: Sequence[str], at: str, file: str, *, whole: bool = False
) -> list[float]:
    result = []
    for name in names:
        value = record[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
            raise BundleError("is not a number within a million", file=file, field=f"{at}.{name}")
        if whole and not isinstance(value, int):
            raise BundleError("is not a whole number", file=file, field=f"{at}.{name}")
        result.append(float(value))
    return result
