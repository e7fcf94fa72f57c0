import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.s3.crc import CRC32, CRC32C, CRC64NVME, Crc, Polynomial

POLYNOMIALS = [CRC32, CRC32C, CRC64NVME]
LARGE = bytes(range(251)) * 400  # enough for the lanes of numpy


@pytest.mark.parametrize(
    ("polynomial", "expected"), [(CRC32, 0xCBF43926), (CRC32C, 0xE3069283), (CRC64NVME, 0xAE8B14860A799888)]
)
def test_published_check_values(polynomial: Polynomial, expected: int) -> None:
    """The CRC of ``123456789`` is the one that catalogues of CRCs give."""
    assert polynomial.update(0, b"123456789") == expected


@given(st.binary(max_size=200), st.binary(max_size=200))
@pytest.mark.parametrize("polynomial", POLYNOMIALS)
def test_joining_two_crcs_is_the_crc_of_both(polynomial: Polynomial, first: bytes, second: bytes) -> None:
    """``join`` of two pieces' CRCs equals the CRC of the pieces after each other."""
    joined = polynomial.join(polynomial.update(0, first), polynomial.update(0, second), len(second))

    assert (
        joined
        == polynomial.update(0, first + second)
        == polynomial.update(polynomial.update(0, first), second)
    )


@pytest.mark.parametrize("polynomial", POLYNOMIALS)
def test_lanes_agree_with_the_plain_loop(polynomial: Polynomial) -> None:
    """A block that is large enough for numpy has the CRC that the byte-by-byte loop gives."""
    in_two = polynomial.update(polynomial.update(0, LARGE[:5]), LARGE[5:])

    assert polynomial.update(0, LARGE) == polynomial._update_bytes(0, LARGE) == in_two


def test_crc32_is_zlibs() -> None:
    """The polynomial of CRC-32 is the one that zlib implements, so that joined CRCs agree with it."""
    assert CRC32.update(0, LARGE) == zlib.crc32(LARGE)


def test_a_running_crc_is_big_endian() -> None:
    """A digest is written with its highest byte first, as S3 encodes it."""
    running = Crc(CRC32C)
    running.update(b"1234")
    running.update(memoryview(b"56789"))

    assert running.digest().hex() == "e3069283"
