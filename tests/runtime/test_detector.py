"""The Detector: every way to hand it a picture gives the network's own answer for the contract's crop."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedf import Detector
from edgedf.crop import Box, Frame, PixelFormat, crop_face, crop_square, whole_picture_box
from edgedf.data.synth import golden_faces
from edgedf.errors import BundleError, CropError, DataError, FileError, UsageError
from edgedf.runtime.finders import GivenBoxes, HaarFinder, WholePicture, YunetFinder, faces_in
from edgedf.runtime.frames import find_in_frame
from edgedf.runtime.images import load_picture
from tests.detector_bundle import bundle_ticket, write_sample

BOX = Box(20.0, 30.0, 60.0, 70.0)
BLOCKED = {
    *(
        "torch",
        "torchvision",
        "safetensors",
        "executorch",
        "coremltools",
        "onnx",
        "onnx2tf",
        "sklearn",
        "scipy",
    ),
    *("cv2", "PIL", "av", "matplotlib", "rich", "click"),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("detector") / "sample.edgedf")


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (140, 120, 3), dtype=np.uint8)


def dense_logit(image_hwc: np.ndarray, box: Box) -> float:
    """What the dense masked network says about Pillow's crop: shares no code with the path under test."""
    ticket = bundle_ticket()
    left, top, side = crop_square(box, ticket.contract.box_scale)
    rows = np.clip(np.arange(top, top + side), 0, image_hwc.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, image_hwc.shape[1] - 1)
    square = Image.fromarray(np.ascontiguousarray(image_hwc[rows][:, columns]))
    size = ticket.contract.size
    crop = np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
    with torch.no_grad():
        x = torch.from_numpy(crop.transpose(2, 0, 1)[None].astype(np.float32))
        return float(ticket.module()(x)[0, 0])


def test_verdict_is_what_the_dense_network_says(bundle: Path, picture: np.ndarray) -> None:
    with Detector.open(bundle, "native") as detector:
        (verdict,) = detector.detect(picture, boxes=[BOX])
    expected = dense_logit(picture, BOX)
    assert verdict.logit == pytest.approx(expected, rel=1e-4, abs=1e-4)
    contract = bundle_ticket().contract
    assert verdict.score == contract.score(verdict.logit)
    assert verdict.label == ("fake" if contract.is_fake(verdict.logit) else "real")
    assert verdict.box == BOX
    assert verdict.milliseconds.total > 0


def test_every_kind_of_picture_gives_the_same_bits(bundle: Path, picture: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    rgba = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    bgra = np.ascontiguousarray(rgba[:, :, [2, 1, 0, 3]])
    turned = np.ascontiguousarray(np.rot90(picture))  # 90 degrees anticlockwise: clockwise makes it upright
    forms = [
        path,
        str(path),
        picture,
        rgba,
        Image.fromarray(picture),
        Frame.from_array(picture, PixelFormat.RGB888),
        Frame.from_array(bgra, PixelFormat.BGRA8888),
        Frame.from_array(turned, PixelFormat.RGB888, rotation=90),
        Frame.from_array(np.ascontiguousarray(picture[:, ::-1]), PixelFormat.RGB888, mirrored=True),
    ]
    with Detector.open(bundle) as detector:
        logits = {detector.detect(form, boxes=[BOX])[0].logit for form in forms}
    assert len(logits) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(picture: np.ndarray, tmp_path: Path, orientation: int) -> None:
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(undo(picture))).save(path, exif=exif)
    assert np.array_equal(load_picture(path), picture)


def test_finder_is_pluggable_and_no_face_is_no_verdict(bundle: Path, picture: np.ndarray) -> None:
    class Nobody:
        def find(self, image_hwc: np.ndarray) -> tuple[Box, ...]:
            assert image_hwc.shape == (140, 120, 3)
            return ()

    with Detector.open(bundle, finder=Nobody()) as detector:
        assert detector.detect(picture) == ()
        assert detector.detect(Frame.from_array(picture, PixelFormat.RGB888)) == ()
        detector.use_finder(GivenBoxes((BOX, Box(0, 0, 40, 40))))
        assert [v.box for v in detector.detect(picture)] == [BOX, Box(0, 0, 40, 40)]


def test_haar_finds_the_benchmark_faces_in_arrays_and_frames() -> None:
    from edgedf.runtime.frames import find_in_frame

    finder, near = HaarFinder(), 0
    faces = golden_faces(6, 3)
    for image_hwc, box in faces:
        frame = Frame.from_array(np.ascontiguousarray(np.rot90(image_hwc)), PixelFormat.RGB888, rotation=90)
        for found in (finder.find(image_hwc), find_in_frame(frame, finder)):
            near += bool(found) and overlap(found[0], box) > 0.3
    assert near >= len(faces)  # at least half of the two searches per face


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    inner = max(width, 0) * max(height, 0)
    return inner / (a.width * a.height + b.width * b.height - inner)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([1.0, 1.2, 1.3, 1.7, 4.0]))
@settings(max_examples=200, deadline=None)
def test_whole_picture_is_the_largest_centred_square(width: int, height: int, scale: float) -> None:
    (box,) = WholePicture(scale).find(np.broadcast_to(np.uint8(0), (height, width, 3)))
    side = min(width, height)
    assert crop_square(box, scale) == ((width - side) // 2, (height - side) // 2, side)
    assert crop_square(whole_picture_box(width, height, scale), scale) == crop_square(box, scale)


def test_zip_is_opened_and_cleaned_up(tmp_path: Path, picture: np.ndarray) -> None:
    path = write_sample(tmp_path / "sample.zip")
    detector = Detector.open(path)
    unpacked = detector._bundle.folder
    assert unpacked.is_dir()
    assert detector.detect(picture, boxes=[BOX])
    detector.close()
    detector.close()
    assert not unpacked.exists()
    with pytest.raises(UsageError, match="closed"):
        detector.detect(picture, boxes=[BOX])


def test_detector_refuses_what_makes_no_sense(bundle: Path, picture: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no tflite artifact"):
        Detector.open(bundle, "tflite")
    with pytest.raises(UsageError, match="threads"):
        Detector.open(bundle, threads=0)
    with pytest.raises(BundleError, match="no such bundle"):
        Detector.open(tmp_path / "nothing.edgedf")
    with Detector.open(bundle) as detector:
        for bad in (picture.astype(np.float32), picture[:, :, :2], picture[:0], "x" * 3, 7):
            with pytest.raises((CropError, FileError)):
                detector.detect(bad, boxes=[BOX])
        for box in (Box(0, 0, 0, 5), Box(float("nan"), 0, 5, 5), Box(0, 0, 1e9, 1e9)):
            with pytest.raises(CropError):
                detector.detect(picture, boxes=[box])


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_file_that_is_no_picture_is_one_data_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError):
        load_picture(path)


def test_a_cut_jpeg_is_a_data_error(tmp_path: Path, picture: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG")
    path = tmp_path / "cut.jpg"
    for length in range(4, len(buffer.getvalue()) - 2, 977):
        path.write_bytes(buffer.getvalue()[:length])
        with pytest.raises(DataError):
            load_picture(path)


def test_yunet_needs_a_yunet_model(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        YunetFinder(tmp_path / "none.onnx")
    fake = tmp_path / "fake.onnx"
    fake.write_bytes(b"not a network")
    with pytest.raises(FileError, match="YuNet"):
        YunetFinder(fake)


def test_sixteen_bit_grey_keeps_its_upper_bits(tmp_path: Path) -> None:
    wide = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    path = tmp_path / "wide.png"
    Image.fromarray(wide).save(path)
    assert np.array_equal(load_picture(path)[:, :, 0], (wide >> 8).astype(np.uint8))


def test_detector_needs_numpy_and_one_runtime_only(bundle: Path, picture: np.ndarray) -> None:
    """A fresh Python in which everything else cannot be imported."""
    script = f"""
        import sys

        BLOCKED = {BLOCKED!r}

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in BLOCKED:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Blocker())
        import numpy as np
        from edgedf import Detector
        from edgedf.crop import Box
        with Detector.open({str(bundle)!r}) as detector:
            image = np.random.default_rng(5).integers(0, 256, (140, 120, 3), dtype=np.uint8)
            print(detector.detect(image, boxes=[Box(20.0, 30.0, 60.0, 70.0)])[0].logit)
            try:
                detector.detect(image)
            except Exception as error:
                print(type(error).__name__, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    logit, problem = done.stdout.splitlines()[:2]
    assert float(logit) == pytest.approx(dense_logit(picture, BOX), rel=1e-4, abs=1e-4)
    assert problem.startswith("NotRunError the Haar face finder needs OpenCV")
    assert crop_face(picture, BOX, size=64, box_scale=1.3).shape == (64, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(4000, 1), (1, 4000), (1288, 1501), (1501, 1288), (1, 1)])
def test_a_raw_frame_of_any_shape_is_searched_as_its_pixels_are(width, height):
    pixels = np.full((height, width), 90, np.uint8)
    frame = Frame.from_array(pixels, PixelFormat.GRAY8)
    whole = WholePicture(1.3)
    assert find_in_frame(frame, whole) == whole.find(np.broadcast_to(pixels[..., None], (height, width, 3)))
    assert find_in_frame(frame, HaarFinder()) == ()


@pytest.mark.parametrize(("width", "height", "field"), [(32_769, 2, "width"), (2, 32_769, "height")])
def test_a_frame_too_wide_to_search_is_named_and_takes_boxes(width: int, height: int, field: str) -> None:
    frame = Frame.from_array(np.zeros((height, width), np.uint8), PixelFormat.GRAY8, rotation=90)
    with pytest.raises(CropError, match=rf"^frame\.{field}: is 32769") as caught:
        find_in_frame(frame, HaarFinder())
    assert caught.value.hint == "give boxes"
    given = (Box(0.0, 0.0, 2.0, 2.0),)
    assert find_in_frame(frame, GivenBoxes(given)) == given


def test_a_finders_rows_that_are_no_box_of_the_picture_are_dropped() -> None:
    nan, inf = math.nan, math.inf
    good = [(-5.0, -5.0, 6.0, 6.0), (10.0, 5.0, 9.0, 9.0), (119.0, 139.0, 50.0, 50.0)]
    broken = [(nan, 1.0, 5.0, 5.0), (1.0, nan, 5.0, 5.0), (1.0, 1.0, nan, 5.0), (1.0, 1.0, 5.0, inf)]
    empty = [(1.0, 1.0, 0.0, 5.0), (1.0, 1.0, 5.0, -1.0)]
    beside = [(120.0, 1.0, 5.0, 5.0), (1.0, 140.0, 5.0, 5.0), (-5.0, 1.0, 5.0, 5.0), (1.0, -6.0, 5.0, 5.0)]
    found = faces_in([*broken, *good, *empty, *beside], np.zeros((140, 120, 3), np.uint8))
    assert found == tuple(Box(*row) for row in reversed(good))


def test_a_closed_detector_says_so_even_where_no_face_is(tmp_path):
    detector = Detector.open(write_sample(tmp_path / "b.edgedf"))
    detector.close()
    with pytest.raises(UsageError, match="closed"):
        detector.detect(np.zeros((64, 64, 3), np.uint8))
