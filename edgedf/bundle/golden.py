"""Golden vectors on disk: raw pictures with boxes, and the crops and logits they must give.

golden/index.json    the contract they were made with, and one record per picture
golden/NNN.rgba      picture NNN as the camera gave it, height x width x 4 uint8 (alpha 255)
golden/NNN.crop      expected crop, size x size x 3 uint8 RGB
golden/logits.f32    expected logits of dense PyTorch, little-endian float32, one per picture
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.bundle.fields import FieldReader
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
MAX_NAME = 60
MAX_COORDINATE = 1e6
MAX_INDEX_BYTES = 1 << 20
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
    fields = FieldReader(f"{file}/{INDEX_NAME}")
    data = _take(files, INDEX_NAME, None, file)
    if len(data) > MAX_INDEX_BYTES:
        raise BundleError(f"is larger than {MAX_INDEX_BYTES} bytes", file=file, field=INDEX_NAME)
    index = fields.record(parse_json(data, file=fields.file, error=BundleError), "contract pictures", "index")
    try:
        contract = Contract.from_json(index["contract"])
    except ContractError as error:
        raise fields.bad(error.field or "contract", error.problem) from error
    records = fields.sequence(index["pictures"], "pictures")
    if not 1 <= len(records) <= MAX_PICTURES:
        raise fields.bad("pictures", f"is not a list of 1..{MAX_PICTURES} pictures")
    pictures = tuple(_picture(fields, value, number, files, file) for number, value in enumerate(records))
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


def _picture(
    fields: FieldReader, value: Any, number: int, files: Mapping[str, bytes], file: str
) -> GoldenPicture:
    at = f"pictures[{number}]"
    record = fields.record(value, "name width height rotation mirrored box", at)
    width, height = (
        fields.integer(record[side], f"{at}.{side}", 1, MAX_SIDE) for side in ("width", "height")
    )
    name = fields.text(record["name"], f"{at}.name", most=MAX_NAME)
    rotation = fields.integer(record["rotation"], f"{at}.rotation", 0, 270)
    if rotation not in ROTATIONS:
        raise fields.bad(f"{at}.rotation", f"is {rotation}, expected 0, 90, 180 or 270")
    mirrored = fields.flag(record["mirrored"], f"{at}.mirrored")
    box = fields.record(record["box"], "x y width height", f"{at}.box")
    values = {key: fields.number(box[key], f"{at}.box.{key}", -MAX_COORDINATE, MAX_COORDINATE) for key in box}
    data = _take(files, _name(number, "rgba"), width * height * 4, file)
    return GoldenPicture(
        name=name,
        frame_hwc=np.frombuffer(data, dtype=np.uint8).reshape(height, width, 4),
        rotation=rotation,
        mirrored=mirrored,
        box=Box(**values),
    )
