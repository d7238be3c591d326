"""`edgedf data split`: nobody ends up in two splits, every picture goes along, and nothing else happens."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import jpeg

from edgedf.cli.main import main
from edgedf.data.identities import shared_identities
from edgedf.data.index import read_dataset
from edgedf.data.partition import partition, people_groups
from edgedf.data.sample import SPLITS, Sample
from edgedf.data.split import plan_split, write_split
from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark
from edgedf.errors import DataError, FileError, UsageError

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
PEOPLE = st.lists(st.integers(0, 30), max_size=2).map(lambda ids: "+".join(map(str, ids)) or None)


def _samples(people: list[str | None]) -> list[Sample]:
    return [Sample(f"{n}.jpg", n % 2, None, who, "") for n, who in enumerate(people)]


@given(st.lists(PEOPLE, min_size=1, max_size=60), st.integers(0, 5))
def test_nobody_is_in_two_splits_whoever_meets_whom(people: list[str | None], seed: int) -> None:
    samples = _samples(people)
    groups = people_groups(samples)
    splits = partition(samples, groups, SHARES, seed=seed)
    assert splits == partition(samples, groups, SHARES, seed=seed)
    assert set(splits) <= set(SPLITS)
    by_split = {s: [x for x, split in zip(samples, splits, strict=True) if split == s] for s in SPLITS}
    assert shared_identities(by_split) == {}


@given(st.lists(PEOPLE, max_size=40))
def test_groups_are_what_a_walk_over_meetings_finds(people: list[str | None]) -> None:
    """An independent way: merge any two groups that share somebody, until no two do."""
    samples = _samples(people)
    sets = [({n}, set(sample.people)) for n, sample in enumerate(samples)]
    while pair := next((p for p in combinations(sets, 2) if p[0][1] & p[1][1]), None):
        for old in pair:
            sets.remove(old)
        sets.append((pair[0][0] | pair[1][0], pair[0][1] | pair[1][1]))
    assert {frozenset(group) for group in people_groups(samples)} == {frozenset(s) for s, _ in sets}


@settings(deadline=None)
@given(st.integers(0, 20))
def test_shares_are_met_where_everybody_stands_alone(seed: int) -> None:
    samples = _samples([None] * 400)
    splits = Counter(partition(samples, people_groups(samples), SHARES, seed=seed))
    assert {name: splits[name] for name in SPLITS} == {"train": 280, "validation": 60, "test": 60}


def _forensics(root: Path, pairs: int = 20) -> Path:
    """Named in the manner of FaceForensics++: people 2n and 2n+1 are swapped both ways, three frames each."""
    for folder in ("Real", "Fake"):
        (root / folder).mkdir(parents=True)
    for n in range(pairs):
        a, b = f"{2 * n:03d}", f"{2 * n + 1:03d}"
        names = [("Real", a), ("Real", b), ("Fake", f"{a}_{b}"), ("Fake", f"{b}_{a}")]
        for number, (folder, name) in enumerate(names * 3):
            (root / folder / f"{name}_{number // 4}.jpg").write_bytes(jpeg(n * 12 + number))
    return root


def test_pictures_without_splits_become_a_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _forensics(tmp_path / "pictures")
    before = {path: path.read_bytes() for path in source.rglob("*.jpg")}
    main(["data", "split", str(source), str(tmp_path / "faces"), "--test", "0.2", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["identities_known"] is True
    assert result["groups"] == 20
    index = read_dataset(tmp_path / "faces")  # refuses shared people
    assert index.count == 240
    assert 36 <= len(index.splits["test"]) <= 60
    assert sorted(p.read_bytes() for p in (tmp_path / "faces").rglob("*.jpg")) == sorted(before.values())
    assert {path: path.read_bytes() for path in source.rglob("*.jpg")} == before
    main(["data", "show", str(tmp_path / "faces")])


def test_a_set_with_shared_people_is_split_anew_and_refusal_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = _forensics(tmp_path / "flat")
    wrong = tmp_path / "wrong set"
    for split, number in (("Train", "0"), ("Validation", "1"), ("Test", "2")):
        for folder in ("Real", "Fake"):
            (wrong / split / folder).mkdir(parents=True)
            for path in (flat / folder).glob(f"*_{number}.jpg"):
                # One name three times: frames of other splits must not overwrite each other.
                (wrong / split / folder / f"{path.stem[:-2]}.jpg").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="40 people are in more than one split") as caught:
        read_dataset(wrong)
    assert f"edgedf data split '{wrong}' NEW" in (caught.value.hint or "")
    main(["data", "split", str(wrong), str(tmp_path / "right")])
    assert "warning" not in capsys.readouterr().err
    right = read_dataset(tmp_path / "right")
    assert right.count == 240
    assert len({(tmp_path / "right" / s.path).read_bytes() for x in right.splits.values() for s in x}) == 240


def test_index_masks_and_boxes_go_along(tmp_path: Path) -> None:
    plan = BenchmarkPlan(train=40, validation=8, test=8, seed=3, side=96)
    write_benchmark(tmp_path / "old", plan, jobs=1)
    split, copied = plan_split(tmp_path / "old", validation=0.2, test=0.2, seed=1), []
    write_split(split, tmp_path / "new", progress=copied.append)
    assert copied == list(range(1, len(split.copies) + 1))
    old, new = read_dataset(tmp_path / "old"), read_dataset(tmp_path / "new")
    assert (old.name, old.description, old.count) == (new.name, new.description, new.count)

    def known(index):
        return sorted(
            (s.sha256, s.label, s.kind, s.identity, s.box, s.mask and (index.root / s.mask).read_bytes())
            for samples in index.splits.values()
            for s in samples
        )

    assert known(old) == known(new)
    assert {k: len(v) for k, v in new.splits.items()} != {k: len(v) for k, v in old.splits.items()}


def test_unknown_people_are_split_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("real", "FAKE"):
        (tmp_path / "p" / folder).mkdir(parents=True)
        for n in range(20):
            (tmp_path / "p" / folder / f"x{n}.jpg").write_bytes(jpeg(n))
    main(["data", "split", str(tmp_path / "p"), str(tmp_path / "faces")])
    assert "warning: nobody is known by name" in capsys.readouterr().err
    assert read_dataset(tmp_path / "faces").count == 40


def test_everybody_joined_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for folder in ("Real", "Fake"):
        (tmp_path / "p" / folder).mkdir(parents=True)
    for n in range(9):
        (tmp_path / "p/Real" / f"{n:03d}.jpg").write_bytes(jpeg(n))
        (tmp_path / "p/Fake" / f"{n:03d}_{n + 1:03d}.jpg").write_bytes(jpeg(n))
    with pytest.raises(DataError, match="1 groups of people share nobody, and the largest holds 18 of 18"):
        plan_split(tmp_path / "p", validation=0.2, test=0.2, seed=0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["p", "p/new"], "OUT: p/new and p lie in one another"),
        (["p", "."], "OUT: . and p lie in one another"),
        (["p", "there"], "there: already exists"),
        (["p", "new", "--validation", "0.5", "--test", "0.45"], "leave less than a tenth for training"),
        (["p", "new", "--test", "nan"], "leave less than a tenth for training"),
        (["nothing", "new"], "nothing: no such folder"),
        (["empty", "new"], "empty: has no folder Train"),
        (["half", "new"], "Fake: holds no pictures"),
    ],
)
def test_mistakes_are_one_error(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _forensics(tmp_path / "p", pairs=4)
    for name in ("there", "empty", "half/Fake", "half/Real"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "half/Real/001.jpg").write_bytes(jpeg())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["data", "split", *arguments])
    assert stopped.value.code == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links on this system")
def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    source = _forensics(tmp_path / "p", pairs=6)
    plan = plan_split(source, validation=0.2, test=0.2, seed=0)
    (tmp_path / "secret").write_bytes(b"secret")
    (source / plan.samples[5].path).unlink()
    (source / plan.samples[5].path).symlink_to(tmp_path / "secret")
    with pytest.raises((DataError, FileError), match="leads out of the data set"):
        write_split(plan, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError):
        write_split(plan, source / "new")
