"""JSON is read one way and written one way; what later code could not bear is a named error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedf.errors import BundleError
from edgedf.files import canonical_json, parse_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_canonical_json_round_trips_and_is_one_form(value: object) -> None:
    try:
        data = canonical_json(value)
    except UnicodeEncodeError:
        return  # a lone surrogate is not a character; nothing is written
    again = parse_json(data, file="x.json", error=BundleError)
    assert again == value
    assert canonical_json(again) == data


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a": 1, "a": 2}', "NaN", "[Infinity]", "\xff", "[" * 100_000, '{"a": 1}{'],
    ids=range(8),
)
def test_bad_json_is_a_named_error(text: str) -> None:
    with pytest.raises(BundleError, match=r"x\.json"):
        parse_json(text.encode("latin-1"), file="x.json", error=BundleError)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1e400}', "1e400 is too large"),
        (b'{"a": [-1e999]}', "too large"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"x\\uDFFF": 1}', "half a surrogate pair"),
        ("\ud800", "surrogates not allowed"),
        ('{"a": 1}'.encode("utf-16"), "decode"),
        ('{"a": 1}'.encode("utf-16-le"), "valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64"),
        (b"[18446744073709551616]", "beyond 64 bits"),
        (b"[-9223372036854775809]", "beyond 64 bits"),
        (b"[" + b"9" * 100_000 + b"]", "beyond 64 bits"),
        (b'{"%s": 1, "%s": 2}' % (b"k" * 9000, b"k" * 9000), "appears twice"),
    ],
    ids=range(15),
)
def test_json_that_would_break_later_code_is_a_named_error(data: bytes | str, reason: str) -> None:
    with pytest.raises(BundleError, match=reason) as caught:
        parse_json(data, file="x.json", error=BundleError)
    assert len(str(caught.value)) < 300


def test_json_at_the_limits_is_read() -> None:
    deep = b"[" * 64 + b"]" * 64
    assert canonical_json(parse_json(deep, file="x", error=BundleError))
    good = '["\\ud83d\\ude00", "\U0001f600", 18446744073709551615, -9223372036854775808, 1e308]'
    assert parse_json(good, file="x", error=BundleError) == ["\U0001f600"] * 2 + [2**64 - 1, -(2**63), 1e308]
