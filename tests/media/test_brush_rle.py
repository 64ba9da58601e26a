"""Label Studio's run lengths, against streams that are written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.media.brush_rle import decode_brush, encode_brush


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_masks_come_back(share: float) -> None:
    mask = np.random.default_rng(0).random((37, 53)) < share
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


def test_long_runs_are_cut() -> None:
    mask = np.zeros((200, 400), np.bool_)  # 320,000 values: five runs of 16 bits
    mask[199, 399] = True
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


def stream(bits: str) -> list[int]:
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


HEADER = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"


def test_the_bits_are_those_of_the_format() -> None:
    runs = "100" + "011" + "00000000" + "100" + "011" + "11111111"  # twice four equal values
    assert encode_brush(np.array([[False, True]])) == stream(HEADER + runs)


def test_values_that_differ_are_read_one_by_one() -> None:
    literal = "000" + "111" + "00000000" * 7 + "00000001"
    assert decode_brush(stream(HEADER + literal), (1, 2)).tolist() == [[False, True]]


@pytest.mark.parametrize("rle", [[], [0] * 8, stream(HEADER), stream(HEADER)[:5]])
def test_damaged_streams_are_refused(rle: list[int]) -> None:
    with pytest.raises(ValueError, match=r"too early|values for"):
        decode_brush(rle, (1, 2))
