"""The CRCs that S3 knows and the standard library does not: CRC-32C and CRC-64/NVME, and joining CRCs of parts.

All three of S3's are reflected CRCs with all-ones start and end, so one class serves them. A CRC is linear:
shifting it past n zero bytes is multiplying it by x^(8n) modulo the polynomial. That joins the CRCs of two parts
without reading them again, and lets numpy run thousands of lanes of a block side by side, which makes these
CRCs about as fast as a hash (a byte-by-byte loop in Python is a hundred times slower).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_LANES = 4096
_SMALL = 16 * 1024  # bytes below which setting up numpy costs more than it saves


@dataclass(frozen=True)
class Polynomial:
    """A CRC's width in bits and its polynomial, lowest power in the highest bit."""

    bits: int
    reflected: int

    @property
    def ones(self) -> int:
        """All bits set: where a CRC starts, and what it is finally inverted with."""
        return (1 << self.bits) - 1

    @cached_property
    def table(self) -> tuple[int, ...]:
        """The CRC step for each value of a byte."""
        return tuple(self._step(byte) for byte in range(256))

    def multiply(self, a: int, b: int) -> int:
        """The product of two remainders."""
        product = 0
        for bit in range(self.bits - 1, -1, -1):
            if a >> bit & 1:
                product ^= b
            b = (b >> 1) ^ (self.reflected if b & 1 else 0)
        return product

    def shift(self, length: int) -> int:
        """x^(8·length), which as a factor moves a CRC past ``length`` bytes."""
        result, power = 1 << (self.bits - 1), 1 << (self.bits - 9)  # x^0 and x^8
        while length:
            if length & 1:
                result = self.multiply(result, power)
            power = self.multiply(power, power)
            length >>= 1
        return result

    def join(self, first: int, second: int, second_length: int) -> int:
        """The CRC of two pieces after each other, from the CRC of each."""
        return self.multiply(self.shift(second_length), first) ^ second

    def update(self, crc: int, data: bytes | memoryview) -> int:
        """The CRC of what ``crc`` has seen, and then ``data``."""
        if len(data) < _SMALL:
            return self._update_bytes(crc, data)
        lane = len(data) // _LANES
        head = self._update_lanes(data, lane)
        crc = self.join(crc, head, lane * _LANES)
        return self._update_bytes(crc, data[lane * _LANES :])

    def _step(self, value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (self.reflected if value & 1 else 0)
        return value

    def _update_bytes(self, crc: int, data: bytes | memoryview) -> int:
        table = self.table
        crc ^= self.ones
        for byte in data:
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        return crc ^ self.ones

    def _update_lanes(self, data: bytes | memoryview, lane: int) -> int:
        """The CRC of the first ``lane * _LANES`` bytes: all lanes at once, then joined two by two."""
        import numpy as np

        kind: Any = np.uint32 if self.bits == 32 else np.uint64
        table = np.array(self.table, kind)
        lanes = np.frombuffer(data, np.uint8, lane * _LANES).reshape(_LANES, lane)
        columns = np.ascontiguousarray(lanes.T)
        crcs = np.full(_LANES, self.ones, kind)
        for column in columns:
            crcs = table[(crcs ^ column).astype(np.uint8)] ^ (crcs >> kind(8))
        crcs ^= kind(self.ones)
        shift = self.shift(lane)
        while len(crcs) > 1:
            crcs = self._multiply_all(shift, crcs[::2]) ^ crcs[1::2]
            shift = self.multiply(shift, shift)
        return int(crcs[0])

    def _multiply_all(self, factor: int, crcs: Any) -> Any:
        """``multiply`` of one factor with an array of remainders."""
        one, poly = crcs.dtype.type(1), crcs.dtype.type(self.reflected)
        product = crcs ^ crcs
        for bit in range(self.bits - 1, -1, -1):
            if factor >> bit & 1:
                product ^= crcs
            crcs = (crcs >> one) ^ (poly * (crcs & one))
        return product


CRC32 = Polynomial(32, 0xEDB88320)
CRC32C = Polynomial(32, 0x82F63B78)
CRC64NVME = Polynomial(64, 0x9A6C9329AC4BC9B5)


class Crc:
    """A running CRC with hashlib's manners."""

    def __init__(self, polynomial: Polynomial) -> None:
        self._polynomial = polynomial
        self._update = zlib_crc32 if polynomial is CRC32 else polynomial.update
        self._value = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take in more bytes."""
        self._value = self._update(self._value, data)

    def digest(self) -> bytes:
        """The CRC of all bytes so far, big end first, as S3 writes it."""
        return self._value.to_bytes(self._polynomial.bits // 8, "big")


def zlib_crc32(crc: int, data: bytes | memoryview) -> int:
    """zlib's CRC-32 with this module's order of arguments."""
    return zlib.crc32(data, crc)
