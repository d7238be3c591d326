"""Leak probes: the benchmark passes them, and a benchmark with a leak does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from edgedf.data.cues import BASELINE_CUES, TRIVIAL_CUES, Seen
from edgedf.data.index import read_dataset
from edgedf.data.index_file import IndexEntry, IndexFile
from edgedf.data.probe import AUC_LIMIT, ProbeReport, ProbeResult, identity_groups, probe_dataset
from edgedf.data.sample import Sample
from edgedf.data.synth.camera import encode_jpeg
from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark
from edgedf.errors import DataError


@pytest.mark.slow
def test_benchmark_is_not_solved_by_trivial_cues(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "faces", BenchmarkPlan(train=1000, validation=100, test=300, seed=31), jobs=2)
    report = probe_dataset(read_dataset(tmp_path / "faces"))
    assert report.pictures == 1400
    by_name = {result.name: result for result in report.results}
    assert set(by_name) == {*TRIVIAL_CUES, *BASELINE_CUES}
    for name in TRIVIAL_CUES:
        assert 1 - AUC_LIMIT < by_name[name].auc < AUC_LIMIT, by_name[name]
        assert by_name[name].low <= by_name[name].auc <= by_name[name].high
    assert report.good
    # The spectrum is a real cue; if it told nothing, the forgeries would leave no trace.
    assert by_name["radial power spectrum"].auc > 0.6


def leaky_dataset(root: Path, cue: str) -> Path:
    """Noise pictures of 60 people; the fakes carry one leak."""
    rng = np.random.default_rng(4)
    entries = {}
    for place, split in enumerate(("Train", "Validation", "Test")):
        for label, name in enumerate(("Real", "Fake")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(20):
                picture = 0.5 + 0.1 * rng.standard_normal((48, 48, 3)).astype(np.float32)
                quality = 85
                if label and cue == "mean colour":
                    picture[:, :, 0] += 0.02
                if label and cue == "colour histogram":
                    picture = np.where(rng.random(picture.shape) < 0.3, np.float32(0.5), picture)
                if label and cue == "file size":
                    quality = 70
                if label and cue == "high-frequency energy":
                    picture = 0.5 + 0.8 * (picture - 0.5)
                folder.joinpath(f"{number}.jpg").write_bytes(encode_jpeg(picture, quality))
                path, person = f"{split}/{name}/{number}.jpg", f"{place}-{number}"
                entries[path] = IndexEntry(None, person, "", None, None)
    root.joinpath("index.json").write_bytes(IndexFile("leaky", "", {}, entries).to_bytes())
    return root


@pytest.mark.parametrize("cue", TRIVIAL_CUES)
def test_a_leak_is_caught_by_its_probe(tmp_path: Path, cue: str) -> None:
    report = probe_dataset(read_dataset(leaky_dataset(tmp_path, cue)))
    assert not report.good
    result = next(r for r in report.results if r.name == cue)
    assert not result.good
    assert "LEAK" in result.verdict
    json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("auc", "low", "high", "verdict"),
    [
        (0.64, 0.45, 0.8, "within the limit"),
        (0.36, 0.3, 0.42, "within the limit, below chance"),
        (0.6, 0.55, 0.65, "within the limit, above chance"),
        (AUC_LIMIT, 0.6, 0.7, "LEAK, limit 0.65"),
        (1 - AUC_LIMIT, 0.3, 0.4, "LEAK, reversed, limit 0.35"),
    ],
)
def test_a_cue_is_held_to_the_limit_on_both_sides_of_chance(
    auc: float, low: float, high: float, verdict: str
) -> None:
    result = ProbeResult("cue", auc, low, high, gated=True)
    assert result.verdict == verdict
    assert result.good == (not verdict.startswith("LEAK"))
    assert ProbeReport((result,), 4, 4, 0).good == result.good


def test_a_cue_that_pairs_turn_round_is_a_leak_where_nobody_is_named(tmp_path: Path) -> None:
    """Each fake has the colour of one real picture: seen alone, its twin speaks for the other class."""
    rng = np.random.default_rng(0)
    for split in ("Train", "Validation", "Test"):
        for number in range(8):
            color = rng.random(3).astype(np.float32)
            for name in ("Real", "Fake"):
                folder = tmp_path / split / name
                folder.mkdir(parents=True, exist_ok=True)
                picture = np.broadcast_to(color, (16, 16, 3))
                folder.joinpath(f"face {number}.jpg").write_bytes(encode_jpeg(picture, 95))
    report = probe_dataset(read_dataset(tmp_path))
    mean = next(r for r in report.results if r.name == "mean colour")
    assert mean.auc <= 1 - AUC_LIMIT
    assert "reversed" in mean.verdict
    assert not report.good
    assert report.people == "identities unknown: every picture counts alone"
    assert report.to_json()["unnamed"] == report.pictures == 48


def test_people_are_counted_only_where_they_are_named() -> None:
    assert ProbeReport((), 10, 4, 0).people.startswith("4 groups of people")
    some = ProbeReport((), 10, 6, 3).people
    assert some.startswith("3 groups of people")
    assert some.endswith("; 3 of unknown identity count alone")


def test_people_stay_in_one_fold_even_where_they_are_a_perfect_clue(tmp_path: Path) -> None:
    """Each person has one colour and one label: unseen people must be told apart at chance."""
    rng = np.random.default_rng(0)
    entries = {}
    for place, split in enumerate(("Train", "Validation", "Test")):
        for label, name in enumerate(("Real", "Fake")):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for person in range(12):
                color = rng.random(3).astype(np.float32)
                for number in range(6):
                    picture = np.broadcast_to(color, (16, 16, 3)) + np.float32(0.02) * rng.standard_normal(3)
                    path = f"{split}/{name}/{person}-{number}.jpg"
                    tmp_path.joinpath(path).write_bytes(encode_jpeg(picture.astype(np.float32), 90))
                    entries[path] = IndexEntry(None, f"{place}-{label}-{person}", "", None, None)
    tmp_path.joinpath("index.json").write_bytes(IndexFile("clues", "", {}, entries).to_bytes())
    report = probe_dataset(read_dataset(tmp_path))
    assert report.clusters == 72
    mean = next(r for r in report.results if r.name == "mean colour")
    assert mean.auc < 0.7
    assert mean.high - mean.low > 0.15  # 72 people are few, however many pictures there are


def test_groups_follow_the_target_and_strangers_are_alone() -> None:
    samples = [Sample(f"{n}.jpg", 0, None, who, "") for n, who in enumerate(("a", "a+b", "b", None, None))]
    groups = identity_groups(samples)
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 4


def test_too_little_to_probe_is_said(tmp_path: Path) -> None:
    root = leaky_dataset(tmp_path, "none")
    for file in root.glob("*/*/*.jpg"):
        file.write_bytes(b"x")
    with pytest.raises(DataError, match="too few"):
        probe_dataset(read_dataset(root))


def test_cues_are_finite_on_flat_and_tiny_pictures() -> None:
    for shape in ((1, 1, 3), (2, 300, 3), (64, 64, 3)):
        seen = Seen(np.zeros(shape, np.uint8), 0)
        for cue in (*TRIVIAL_CUES.values(), *BASELINE_CUES.values()):
            assert np.isfinite(cue(seen)).all()


def test_auc_equals_scikit_learns_ties_included() -> None:
    from sklearn.metrics import roc_auc_score

    from edgedf.data.probe import _auc

    rng = np.random.default_rng(2)
    for _ in range(50):
        labels = np.append(rng.integers(0, 2, 40), [0, 1])
        scores = np.round(rng.normal(size=42), int(rng.integers(0, 4)))
        assert _auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
