"""The camera: blur, grain, resampling, sharpening, and JPEG; then the shared last step of every picture.

Real pictures and fakes go through the same cameras and the same last step, so that neither file size
nor sharpness nor grain tells them apart by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from edgedf.data.synth.draws import chance, log_uniform, uniform
from edgedf.data.synth.paint import F32, U8, soften, spread
from edgedf.data.synth.traces import phase_grid

NOISE = (0.004, 0.020)
GRAINS = (0.0, 0.5, 0.8)
FINAL_NOISE = (0.001, 0.005)
FINAL_QUALITY = (70, 96)
# A faint periodic grid over whole pictures of both classes: its presence alone proves nothing.
GRID_SHARE = 0.4
GRID_STRENGTH = 0.85
_NOISE_SEED = 20_260
_BANK_MARGIN = 272


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera's settings.

    Attributes:
        noise: sigma of the grain as a share of white.
        grain: size of a grain, blur sigma in pixels, one of GRAINS.
        blur: optical blur, sigma in pixels, 0 for none.
        resample: share of the resolution that is kept, 1 for all.
        cubic: whether resampling comes back by cubic instead of linear interpolation.
        sharpen: strength of unsharp masking, 0 for none.
        quality: JPEG quality of the camera's own file, 0 for none.
    """

    noise: float
    grain: float
    blur: float
    resample: float
    cubic: bool
    sharpen: float
    quality: int

    @property
    def sharpness(self) -> float:
        """How crisp its pictures look, on an arbitrary scale."""
        return self.sharpen - self.blur - 2 * (1 - self.resample)


def draw_camera(rng: np.random.Generator) -> Camera:
    """A random camera."""
    return Camera(
        noise=log_uniform(rng, *NOISE),
        grain=GRAINS[int(rng.integers(len(GRAINS)))],
        blur=uniform(rng, 0.1, 0.7) if chance(rng, 0.55) else 0.0,
        resample=uniform(rng, 0.65, 1.0) if chance(rng, 0.5) else 1.0,
        cubic=chance(rng, 0.5),
        sharpen=uniform(rng, 0.1, 0.8) if chance(rng, 0.4) else 0.0,
        quality=int(rng.integers(75, 98)) if chance(rng, 0.4) else 0,
    )


def draw_other_camera(first: Camera, rng: np.random.Generator) -> Camera:
    """A camera that visibly differs from `first` in grain or sharpness."""
    for _ in range(10):
        other = draw_camera(rng)
        grain = abs(float(np.log(other.noise / first.noise)))
        if grain + abs(other.sharpness - first.sharpness) > 1.2:
            break
    return other


def take(picture: F32, camera: Camera, rng: np.random.Generator) -> F32:
    """What the camera makes of a picture (H, W, 3) in 0..1; the result may leave 0..1 a little."""
    side = picture.shape[0]
    taken = soften(picture, camera.blur) if camera.blur else picture
    # Brighter pixels carry more shot noise.
    taken = taken + grain(rng, side, camera.noise, camera.grain) * (np.float32(0.6) + np.float32(0.6) * taken)
    if camera.resample < 1:
        small = max(8, int(side * camera.resample))
        back = cv2.INTER_CUBIC if camera.cubic else cv2.INTER_LINEAR
        taken = cv2.resize(taken, (small, small), interpolation=cv2.INTER_AREA)
        taken = cv2.resize(taken, (side, side), interpolation=back)
    if camera.sharpen:
        taken = sharpen(taken, camera.sharpen, 1.0)
    if camera.quality:
        taken = decode_jpeg(encode_jpeg(taken, camera.quality)).astype(np.float32) * np.float32(1 / 255)
    return taken


def finish(picture: F32, rng: np.random.Generator) -> bytes:
    """The last step of every picture, real or fake: maybe a resize, maybe a grid, noise, one JPEG file."""
    side = picture.shape[0]
    if chance(rng, 0.3):
        other = int(side * uniform(rng, 0.8, 1.25))
        picture = cv2.resize(picture, (other, other), interpolation=cv2.INTER_LINEAR)
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
    if chance(rng, GRID_SHARE):
        picture = picture * spread(phase_grid(rng, side, GRID_STRENGTH))
    picture = picture + grain(rng, side, uniform(rng, *FINAL_NOISE), 0.0)
    return encode_jpeg(picture, int(rng.integers(*FINAL_QUALITY)))


def sharpen(picture: F32, amount: float, sigma: float) -> F32:
    """Unsharp masking."""
    return np.asarray(cv2.addWeighted(picture, 1 + amount, soften(picture, sigma), -amount, 0))


def grain(rng: np.random.Generator, side: int, sigma: float, size: float) -> F32:
    """Noise (side, side, 3): a random, randomly flipped cutting from a fixed bank, which is fast to make."""
    bank = _noise_bank(side + _BANK_MARGIN, size)
    top, left, turn = (int(value) for value in rng.integers(0, (_BANK_MARGIN, _BANK_MARGIN, 8)))
    cutting = bank[top : top + side, left : left + side]
    if turn & 1:
        cutting = cutting[::-1]
    if turn & 2:
        cutting = np.asarray(cv2.flip(cutting, 1))  # a view with a negative step would multiply slowly
    return cutting * np.float32(sigma if turn & 4 else -sigma)


@lru_cache(maxsize=8)
def _noise_bank(side: int, size: float) -> F32:
    """Normal noise (side, side, 3) of unit variance, blurred to grains of `size`; the same everywhere."""
    rng = np.random.default_rng([_NOISE_SEED, int(10 * size)])
    bank = rng.standard_normal((side, side, 3), dtype=np.float32)
    if size:
        bank = soften(bank, size)
    bank /= bank.std()
    bank.flags.writeable = False
    return bank


def encode_jpeg(picture: F32, quality: int) -> bytes:
    """A picture (H, W, 3) RGB in 0..1 as a baseline JPEG file, 4:2:0, values outside the range clipped."""
    pixels = cv2.convertScaleAbs(np.clip(picture, 0, 1), alpha=255)
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "OpenCV could not write a JPEG into memory"
    return bytes(data)


def decode_jpeg(data: bytes) -> U8:
    """The picture in a JPEG file that we wrote, RGB uint8."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, "OpenCV could not read its own JPEG"
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
