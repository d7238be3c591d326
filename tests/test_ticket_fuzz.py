"""Ten thousand damaged tickets: each a named error or a sound ticket, none a crash or a hang."""

from __future__ import annotations

import contextlib
import random
import tracemalloc

import pytest

from edgedf.errors import EdgedfError
from edgedf.ticket import parse_ticket
from tests.fuzz_files import fuzz, ticket_format
from tests.mutate import mutate_bytes, mutate_json, mutate_safetensors


@pytest.mark.slow
def test_mutated_tickets_are_named_errors_or_sound() -> None:
    outcomes = fuzz(ticket_format(), range(10_000))
    crashes = {outcome: count for outcome, count in outcomes.items() if outcome.startswith("CRASH")}
    assert not crashes
    # Both ends of the property are exercised: damage is found, and harmless damage is let through.
    assert outcomes["TicketError"] > 8_000
    assert outcomes["sound"] > 100


def test_no_damaged_ticket_makes_the_reader_allocate_much() -> None:
    target = ticket_format()
    generator = random.Random(7)
    tracemalloc.start()
    for _ in range(200):
        data = mutate_safetensors(generator.choice(target.sound), generator)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with contextlib.suppress(EdgedfError):
            parse_ticket(data, file="fuzz")
        assert tracemalloc.get_traced_memory()[1] - before < 16 * 1024 * 1024
    tracemalloc.stop()


def test_mutations_are_reproducible_and_nearly_always_change_something() -> None:
    sound = ticket_format().sound[0]
    for mutate in (mutate_bytes, mutate_safetensors):
        first = [mutate(sound, random.Random(seed)) for seed in range(50)]
        assert first == [mutate(sound, random.Random(seed)) for seed in range(50)]
        assert sum(data != sound for data in first) > 40
    assert mutate_json(b'{"a": [1, {"b": 2}]}', random.Random(1)) != b'{"a": [1, {"b": 2}]}'
