"""Golden vectors: what they cover, that they are the same everywhere, and that damage is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgedf.bundle.golden import INDEX_NAME, LOGITS_NAME, GoldenPicture, golden_files, parse_goldens
from edgedf.contract import Contract
from edgedf.crop import crop_square
from edgedf.errors import BundleError
from edgedf.files import sha256_bytes
from edgedf.parity.gate import Outcome
from edgedf.parity.golden import golden_crop, golden_pictures, upright
from edgedf.parity.golden_check import check_goldens
from edgedf.parity.patterns import noise
from tests.bundle_samples import sample_goldens

CONTRACT = Contract(size=128)


def test_pictures_cover_what_the_design_names() -> None:
    pictures = golden_pictures(CONTRACT, [])
    sides = set()
    for picture in pictures:
        height, width = upright(picture).shape[:2]
        left, top, side = crop_square(picture.box, CONTRACT.box_scale)
        sides |= {n for n, out in (("left", left < 0), ("top", top < 0)) if out}
        sides |= {n for n, out in (("right", left + side > width), ("bottom", top + side > height)) if out}
    assert sides == {"left", "top", "right", "bottom"}
    assert {(p.rotation, p.mirrored) for p in pictures} == {
        (r, m) for r in (0, 90, 180, 270) for m in (False, True)
    }
    shapes = {p.frame_hwc.shape[:2] for p in pictures}
    assert (1, 1) in shapes
    assert any(h % 2 and w % 2 for h, w in shapes)
    squares = [crop_square(p.box, CONTRACT.box_scale)[2] for p in pictures]
    assert min(squares) < CONTRACT.size < max(squares)
    assert len({p.name for p in pictures}) == len(pictures)


def test_turned_pictures_show_the_same_scene() -> None:
    turned = [p for p in golden_pictures(CONTRACT, []) if p.name.startswith("turned")]
    assert len(turned) == 7
    first = golden_crop(turned[0], CONTRACT)
    for picture in turned:
        assert np.array_equal(golden_crop(picture, CONTRACT), first)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_clockwise_as_in_pillow(rotation: int) -> None:
    rgb = noise(5, 7, 9)
    frame = np.concatenate([rgb, np.full((7, 5, 1), 255, np.uint8)], axis=2)
    box = golden_pictures(CONTRACT, [])[0].box
    picture = GoldenPicture(name="x", frame_hwc=frame, rotation=rotation, mirrored=True, box=box)
    # Pillow turns counter-clockwise.
    pillow = Image.fromarray(rgb).rotate(-rotation, expand=True).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert np.array_equal(upright(picture), np.asarray(pillow))


def test_pixels_never_change() -> None:
    """The drawings are part of the format: a phone of last year must get the same ones."""
    data = b"".join(p.frame_hwc.tobytes() for p in golden_pictures(CONTRACT, []))
    assert sha256_bytes(data) == "7d0c3cda3d21c66120120ad367452a0c2a182640a4c574646d303be647bf08e1"


def test_files_read_back_to_the_byte() -> None:
    goldens = sample_goldens()
    files = golden_files(goldens)
    again = parse_goldens(files, file="b")
    assert golden_files(again) == files
    assert np.array_equal(again.logits, goldens.logits)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (LOGITS_NAME, b"\0" * 8, "expected 72"),
        (LOGITS_NAME, np.full(18, np.nan, "<f4").tobytes(), "NaN"),
        ("golden/003.rgba", b"", "expected"),
        ("golden/003.crop", b"", "expected"),
        ("golden/999.crop", b"", "belongs to no golden"),
        (INDEX_NAME, b"{}", "missing field"),
        (INDEX_NAME, b"[", "not valid JSON"),
        (INDEX_NAME, None, "is missing"),
    ],
)
def test_damaged_goldens_are_named(name: str, data: bytes | None, reason: str) -> None:
    files = golden_files(sample_goldens()) | ({} if data is None else {name: data})
    if data is None:
        del files[name]
    with pytest.raises(BundleError, match=reason):
        parse_goldens(files, file="b")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"rotation": 90', b'"rotation": 45', "0, 90, 180 or 270"),
        (b'"mirrored": true', b'"mirrored": 1', "true or false"),
        (b'"height": 16', b'"height": 0', r"height: is 0, expected an integer in 1\.\.4096"),
        (b'"height": 16', b'"height": 16.0', "expected an integer"),
        (b'"x": 2.0', b'"x": 1e99', "box.x: is 1e[+]99, expected a number in -1e[+]06"),
        (b'"size": 16', b'"size": 8', "contract"),
        (b'"name": "', b'"name": "\\u001b[31m', "cannot be printed"),
        (b'"name": "', b'"name": "' + b"x" * 61, "at most 60 characters"),
        (b'"rotation": 90', b'"rotation": true', "expected an integer"),
    ],
)
def test_odd_index_is_named(old: bytes, new: bytes, reason: str) -> None:
    files = golden_files(sample_goldens())
    assert old in files[INDEX_NAME]
    files[INDEX_NAME] = files[INDEX_NAME].replace(old, new, 1)
    with pytest.raises(BundleError, match=reason):
        parse_goldens(files, file="b")


def test_a_changed_crop_and_a_changed_threshold_are_found() -> None:
    goldens = sample_goldens()
    assert check_goldens(goldens, goldens.contract).outcome is Outcome.PASS
    crops = goldens.crops_nhwc.copy()
    crops[4, 0, 0, 0] ^= 1
    report = check_goldens(replace(goldens, crops_nhwc=crops), goldens.contract)
    assert report.outcome is Outcome.FAIL
    assert report.checks[2].failures[0].endswith("(index 4): 1 bytes of the crop differ")
    report = check_goldens(goldens, replace(goldens.contract, threshold=0.7))
    assert report.checks[0].detail == "contract.threshold is 0.7, the goldens were made with 0.5"


def test_goldens_of_a_blind_network_are_not_run() -> None:
    goldens = sample_goldens()
    blind = replace(goldens, logits=np.full_like(goldens.logits, 1.3))
    assert check_goldens(blind, goldens.contract).outcome is Outcome.NOT_RUN
