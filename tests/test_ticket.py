"""Tickets: what is written is read back, golden bytes stay, and every broken rule is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from edgedf.contract import Contract
from edgedf.errors import FileError, TicketError
from edgedf.files import sha256_bytes
from edgedf.models import ARCHITECTURES
from edgedf.ticket import Lineage, Ticket, parse_ticket, read_ticket, ticket_bytes, write_ticket
from tests.ticket_samples import sample_ticket

MASKED = "features.0.0.weight"


def ruled_ticket() -> Ticket:
    """A ticket whose every byte follows from a rule, not from a random generator that may change."""
    ticket = sample_ticket(size=32, sparsity=0.5)
    weights, mask = {}, {}
    for index, (name, value) in enumerate(sorted(ticket.weights.items())):
        ramp = (np.arange(value.size, dtype=np.int64) * 7 + index) % 251
        weights[name] = (ramp.reshape(value.shape) / 64).astype(np.float32)
    for name, value in ticket.mask.items():
        mask[name] = (np.arange(value.size).reshape(value.shape) % 3 == 0).astype(np.uint8)
        weights[name] = weights[name] * mask[name]
    lineage = Lineage(recipe={"name": "rule"}, created="2026-01-31", parent="0" * 64)
    ticket = replace(ticket, weights=weights, mask=mask, lineage=lineage)
    return replace(ticket, lineage=replace(lineage, sparsity=ticket.sparsity))


def test_golden_ticket_bytes_stay_the_same() -> None:
    # Format version 1. If this fails, old tickets and new ones differ: raise the version and say why.
    data = ticket_bytes(ruled_ticket())
    assert len(data) == 63_156
    assert sha256_bytes(data) == "ee7ec6e8aab63e25c0e17d331ddaab9b3266c37b1a9ced2dc13a4ce39c8df9fa"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_written_ticket_reads_back_equal(arch: str, tmp_path: Path) -> None:
    ticket = sample_ticket(arch, size=32, sparsity=0.7, with_init=True)
    digest = write_ticket(tmp_path / "t.safetensors", ticket)
    again = read_ticket(tmp_path / "t.safetensors")
    assert again.lineage == ticket.lineage
    assert again.contract == ticket.contract
    assert dict(again.arch_args) == dict(ticket.arch_args)
    for group in ("weights", "mask", "init"):
        first, second = getattr(ticket, group), getattr(again, group)
        assert sorted(first) == sorted(second)
        assert all(np.array_equal(first[name], second[name]) for name in first)
    assert sha256_bytes(ticket_bytes(again)) == digest
    assert again.sparsity == pytest.approx(0.7, abs=0.02)


def test_the_safetensors_library_reads_the_same_tensors() -> None:
    ticket = sample_ticket(size=32)
    flat = load(ticket_bytes(ticket))
    assert len(flat) == len(ticket.weights) + len(ticket.mask)
    assert all(np.array_equal(flat[f"weights/{name}"], value) for name, value in ticket.weights.items())


def test_equal_tickets_give_equal_bytes_whatever_their_order() -> None:
    ticket = sample_ticket(size=32)
    turned = replace(
        ticket, weights=dict(reversed(ticket.weights.items())), arch_args=MappingProxyType({"size": 32})
    )
    assert ticket_bytes(turned) == ticket_bytes(ticket)


def test_module_computes_with_the_tickets_weights() -> None:
    ticket = sample_ticket(size=32)
    module = ticket.module()
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())
    for name, value in ticket.weights.items():
        assert np.array_equal(module.state_dict()[name].numpy(), value)
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 32, 32)).shape == (1, 1)


def _weights(ticket: Ticket, **changes: Any) -> Ticket:
    return replace(ticket, weights={**ticket.weights, **changes})


def _changed(value: Any, index: Any, new: float) -> Any:
    copy = np.array(value)
    copy[index] = new
    return copy


def _lineage(ticket: Ticket, **changes: Any) -> Ticket:
    return replace(ticket, lineage=replace(ticket.lineage, **changes))


RULES: dict[str, tuple[Callable[[Ticket], Ticket], str, str]] = {
    "nan weight": (lambda t: _weights(t, **{"head.bias": np.float32([np.nan])}), "weights/head.bias", "NaN"),
    "shape": (lambda t: _weights(t, **{"head.bias": np.zeros(2, "f4")}), "weights/head.bias", "shape"),
    "float64": (lambda t: _weights(t, **{"head.bias": np.zeros(1)}), "weights/head.bias", "float64"),
    "big-endian": (lambda t: _weights(t, **{"head.bias": np.zeros(1, ">f4")}), "weights/head.bias", ">f4"),
    "extra tensor": (lambda t: _weights(t, other=np.zeros(1, np.float32)), "weights/other", "unexpected"),
    "missing tensor": (
        lambda t: replace(t, weights={k: v for k, v in t.weights.items() if k != "head.bias"}),
        "weights/head.bias",
        "missing",
    ),
    "negative variance": (
        lambda t: _weights(t, **{"features.0.2.running_var": np.full(8, -1, np.float32)}),
        "weights/features.0.2.running_var",
        "negative",
    ),
    "mask of 2": (
        lambda t: replace(t, mask={**t.mask, MASKED: _changed(t.mask[MASKED], 0, 2)}),
        f"mask/{MASKED}",
        "binary",
    ),
    "weight under mask": (
        lambda t: _weights(t, **{MASKED: np.ones_like(t.weights[MASKED])}),
        f"weights/{MASKED}",
        "nonzero where its mask is zero",
    ),
    "emptied layer": (
        lambda t: _weights(
            replace(t, mask={**t.mask, MASKED: np.zeros_like(t.mask[MASKED])}),
            **{MASKED: np.zeros_like(t.weights[MASKED])},
        ),
        f"mask/{MASKED}",
        "empties",
    ),
    "part of init": (lambda t: replace(t, init={"head.bias": np.zeros(1, np.float32)}), "init/", "missing"),
    "wrong sparsity": (lambda t: _lineage(t, sparsity=0.1), "lineage.sparsity", "mask has"),
    "other size": (lambda t: replace(t, contract=Contract(size=64)), "contract.size", "differs"),
    "default size": (lambda t: replace(t, arch_args={}), "contract.size", "differs"),
    "unknown arch": (lambda t: replace(t, arch="alexnet"), "arch", "unknown"),
    "unknown argument": (lambda t: replace(t, arch_args={"size": 32, "w": 1}), "arch_args", "no argument"),
    "nan metric": (
        lambda t: _lineage(t, metrics={"test": {"auc": float("nan")}}), "lineage.metrics.test.auc", "finite",
    ),
    "huge metric": (lambda t: _lineage(t, metrics={"test": {"auc": 10**400}}), "lineage.metrics", "64 bits"),
    "negative seed": (lambda t: _lineage(t, seed=-1), "lineage.seed", "integer"),
    "boolean round": (lambda t: _lineage(t, round=True), "lineage.round", "integer"),
    "bad date": (lambda t: _lineage(t, created="yesterday"), "lineage.created", "date"),
    "bad parent": (lambda t: _lineage(t, parent="ABC"), "lineage.parent", "sha256"),
    "array": (lambda t: _lineage(t, recipe={"lr": np.float32(1)}), "lineage.recipe.lr", "plain JSON"),
    "surrogate": (lambda t: _lineage(t, recipe={"name": "\ud800"}), "lineage.recipe.name", "printable"),
    "escape": (lambda t: _lineage(t, tools={"torch": "\x1b[2J"}), "lineage.tools.torch", "printable"),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_broken_rule_is_named_when_writing(rule: str) -> None:
    spoil, field, problem = RULES[rule]
    with pytest.raises(TicketError) as caught:
        ticket_bytes(spoil(sample_ticket(size=32)), name="some.file")
    assert caught.value.file == "some.file"
    assert (caught.value.field or "").startswith(field)
    assert problem in caught.value.problem


def _reframed(edit: Callable[[dict[str, Any]], Any]) -> bytes:
    """A sound ticket with its outer JSON header edited and the length corrected."""
    data = ticket_bytes(sample_ticket(size=32))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(edit(header) or header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _inner(header: dict[str, Any], **changes: Any) -> None:
    inner = json.loads(header["__metadata__"]["edgedf"]) | changes
    header["__metadata__"]["edgedf"] = json.dumps(inner)


def _nested(depth: int) -> str:
    return '{"__metadata__": {"edgedf": "' + "[" * depth + "]" * depth + '"}}'


HEADERS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "future version": (lambda h: _inner(h, format_version=2), "format version 2"),
    "float version": (lambda h: _inner(h, format_version=1.0), "format version 1.0"),
    "unknown field": (lambda h: _inner(h, extra=1), "extra: unknown field"),
    "list as arch": (lambda h: _inner(h, arch=["mesonet"]), "arch"),
    "list as lineage": (lambda h: _inner(h, lineage=[]), "lineage: is not a JSON object"),
    "huge size": (lambda h: _inner(h, arch_args={"size": 10**18}), "arch_args"),
    "endless size": (lambda h: _inner(h, arch_args={"size": 10**300}), "beyond 64 bits"),
    "overlap": (lambda h: h["weights/head.bias"].update(data_offsets=[0, 4]), "bytes at"),
    "beyond the end": (lambda h: h["weights/head.bias"].update(data_offsets=[10**9, 10**9 + 4]), "bytes at"),
    "negative offset": (lambda h: h["weights/head.bias"].update(data_offsets=[-4, 0]), "data_offsets"),
    "huge shape": (lambda h: h["weights/head.bias"].update(shape=[2**39, 2**39]), "bytes at"),
    "zero side": (lambda h: h["weights/head.bias"].update(shape=[0]), "impossible shape"),
    "half floats": (lambda h: h["weights/head.bias"].update(dtype="F16"), "is F16, expected F32 or U8"),
    "a missing tensor": (lambda h: h.pop("weights/head.bias") and None, "expected"),
    "extra key": (lambda h: h["weights/head.bias"].update(pickle="x"), "is not described by"),
    "no metadata": (lambda h: h.pop("__metadata__") and None, "not a ticket"),
    "other metadata": (lambda h: h["__metadata__"].update(format="pt"), "not a ticket"),
    "list": (lambda _: [1, 2], "not a table of tensors"),
    "deep": (lambda h: _inner(h, lineage={"recipe": json.loads("[" * 40 + "]" * 40)}), "lineage"),
    "very deep": (lambda h: _inner(h, lineage=json.loads("[" * 500 + "]" * 500)), "nested deeper than 64"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_header_is_named(name: str) -> None:
    edit, message = HEADERS[name]
    with pytest.raises(TicketError, match=message):
        parse_ticket(_reframed(edit), file="some.file")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short"),
        (b"\x00" * 7, "cut short"),
        (b"\xff" * 8 + b"{}", "cut short"),
        ((1 << 21).to_bytes(8, "little") + b" " * (1 << 21), "header of 2097152 bytes"),
        ((2).to_bytes(8, "little") + b"{}", "not a multiple of 8"),
        ((8).to_bytes(8, "little") + b"{}      ", "not a ticket"),
        ((8).to_bytes(8, "little") + b"\xff\xfe\x00\x00" * 2, "not valid JSON"),
        ((16).to_bytes(8, "little") + b'{"a": 1, "a": 2}', "appears twice"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "not valid JSON"),
    ],
)
def test_what_is_no_ticket_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(TicketError, match=message):
        parse_ticket(data, file="some.file")


def test_deeply_nested_document_is_an_error_and_no_stack_overflow() -> None:
    for depth in (1000, 5000, 100_000):
        text = _nested(depth).encode()
        text += b" " * (-len(text) % 8)
        with pytest.raises(TicketError):
            parse_ticket(len(text).to_bytes(8, "little") + text, file="some.file")


def test_trailing_bytes_are_an_error() -> None:
    with pytest.raises(TicketError, match="3 bytes after the last tensor"):
        parse_ticket(ticket_bytes(sample_ticket(size=32)) + b"abc", file="some.file")


def test_negative_zero_under_the_mask_is_a_zero() -> None:
    ticket = sample_ticket(size=32)
    zero = ticket.mask[MASKED] == 0
    ticket = _weights(ticket, **{MASKED: np.where(zero, np.float32(-0.0), ticket.weights[MASKED])})
    again = parse_ticket(ticket_bytes(ticket), file="x")
    assert np.signbit(again.weights[MASKED][zero]).all()


def test_long_lineage_is_refused_before_it_is_written() -> None:
    recipe = {f"key{i}": "x" * 9000 for i in range(100)}
    with pytest.raises(TicketError, match="lineage: takes"):
        ticket_bytes(_lineage(sample_ticket(size=32), recipe=recipe))


def test_error_message_shows_no_control_characters() -> None:
    data = _reframed(lambda h: h.update({"weights/\x1b[2J\ud800": h.pop("weights/head.bias")}))
    with pytest.raises(TicketError) as caught:
        parse_ticket(data, file="some.file")
    assert str(caught.value).replace("\n", "").isprintable()


def test_missing_file_and_folder_are_file_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileError):
            read_ticket(path)
