"""What a person reads: errors say where, what and how, and no name in them drives the terminal."""

import json

import pytest

from edgedf.cli.output import print_json
from edgedf.errors import EdgedfError, NotRunError, ParityError


def test_what_a_person_reads_drives_no_terminal(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    hostile = "a\x1b[31m\x9b\u202e\x7f\udc80\U000e0001é"
    error = EdgedfError("is odd", file=hostile, hint=f"edgedf build {hostile}")
    print_json({"file": hostile})
    printed = capfdbinary.readouterr().out
    for text in (str(error), printed.decode()):
        assert all(character.isprintable() or character == "\n" for character in text)
        assert "é" in text
    assert json.loads(printed) == {"file": hostile}


def test_errors_say_where_what_and_how() -> None:
    error = EdgedfError("is odd", file="t.safetensors", field="mask/a", hint="train again")
    assert str(error) == "t.safetensors: mask/a: is odd\nhint: train again"
    assert (EdgedfError.exit_code, ParityError.exit_code, NotRunError.exit_code) == (2, 1, 3)
