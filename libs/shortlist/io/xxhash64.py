"""Spark's `xxhash64` of rows, without Spark: 64-bit xxHash of each column's value, seeded with the hash of those before it.

The function is XXH64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md); what Spark feeds it, and in which order, is in
its documentation of `xxhash64`: seed 42, an empty value leaves the hash as it is, an array is its elements one after the other.
All rows of a frame go through each step together.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Words = npt.NDArray[np.uint64]

_SEED: Final = 42
_PRIMES: Final = tuple(
    np.uint64(prime)
    for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)
_P1, _P2, _P3, _P4, _P5 = _PRIMES


def hash_rows(rows: pl.DataFrame) -> Words:
    """The hash of each row, as `xxhash64` of all its columns in their order gives it, read as an unsigned number.

    Raises:
        TypeError: a column is no string, date, 32-bit number or list of 32-bit numbers.
    """
    hashes = np.full(len(rows), _SEED, np.uint64)
    for column in rows.iter_columns():
        given = column.is_not_null().to_numpy()
        hashes[given] = _hash_values(column.drop_nulls(), hashes[given])
    return hashes


def _hash_values(values: pl.Series, seeds: Words) -> Words:
    if values.dtype == pl.String:
        return _hash_strings(values, seeds)
    if isinstance(values.dtype, pl.List):
        return _hash_lists(values, seeds)
    return _hash_words(_bits(values), seeds)


def _bits(values: pl.Series) -> Words:
    """Numbers of 32 bits as Spark hashes them: -0.0 as 0, any NaN as Java's."""
    if values.dtype == pl.Float32:
        numbers = values.to_numpy() + np.float32(0)  # turns -0.0 into 0.0
        bits = numbers.view(np.uint32)
        return np.where(np.isnan(numbers), np.uint32(0x7FC00000), bits).astype(np.uint64)
    if values.dtype in (pl.Int32, pl.Date):
        return values.to_physical().to_numpy().astype(np.int32).view(np.uint32).astype(np.uint64)
    raise TypeError(f"{values.name} is of type {values.dtype}")


def _hash_lists(lists: pl.Series, seeds: Words) -> Words:
    """Element after element, of all lists that are so long."""
    lengths = lists.list.len().to_numpy()
    words, starts = _bits(lists.explode(empty_as_null=False)), np.cumsum(lengths, dtype=np.int64) - lengths
    hashes = seeds.copy()
    for place in range(int(lengths.max(initial=0))):
        long = np.flatnonzero(lengths > place)
        hashes[long] = _hash_words(words[starts[long] + place], hashes[long])
    return hashes


def _hash_strings(strings: pl.Series, seeds: Words) -> Words:
    hashes = np.empty(len(strings), np.uint64)
    lengths = strings.str.len_bytes().to_numpy()
    content = np.frombuffer("".join(strings.to_list()).encode(), np.uint8)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    for length in np.unique(lengths):
        equal = np.flatnonzero(lengths == length)
        letters = np.empty((len(equal), int(length)), np.uint8)
        for place in range(int(length)):
            letters[:, place] = content[starts[equal] + place]
        hashes[equal] = _hash_letters(letters, seeds[equal])
    return hashes


def _hash_words(words: Words, seeds: Words) -> Words:
    """XXH64 of the four bytes of each word."""
    return _mixed(_with_word(seeds + _P5 + np.uint64(4), words))


def _hash_letters(letters: npt.NDArray[np.uint8], seeds: Words) -> Words:
    """XXH64 of each line of bytes, all of one length."""
    length = letters.shape[1]
    blocks = _longs(letters, 0, length - length % 8)
    hashes = _of_stripes(blocks, length // 32, seeds) if length >= 32 else seeds + _P5
    hashes = hashes + np.uint64(length)
    for place in range(length // 32 * 4, length // 8):
        hashes = _rotated(hashes ^ _round(np.uint64(0), blocks[:, place]), 27) * _P1 + _P4
    rest = length - length % 8
    if length - rest >= 4:
        hashes = _with_word(hashes, letters[:, rest : rest + 4].copy().view("<u4")[:, 0].astype(np.uint64))
        rest += 4
    for place in range(rest, length):
        hashes = _rotated(hashes ^ letters[:, place].astype(np.uint64) * _P5, 11) * _P1
    return _mixed(hashes)


def _longs(letters: npt.NDArray[np.uint8], start: int, end: int) -> Words:
    return letters[:, start:end].copy().view("<u8").astype(np.uint64)


def _of_stripes(blocks: Words, stripes: int, seeds: Words) -> Words:
    """Four sums side by side over stripes of 32 bytes, and their convergence."""
    with np.errstate(over="ignore"):
        offsets = (_P1 + _P2, _P2, np.uint64(0), np.uint64(0) - _P1)
    lanes = [seeds + offset for offset in offsets]
    for stripe in range(stripes):
        lanes = [_round(lane, blocks[:, stripe * 4 + place]) for place, lane in enumerate(lanes)]
    hashes = sum((_rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)), np.zeros_like(seeds))
    for lane in lanes:
        hashes = (hashes ^ _round(np.uint64(0), lane)) * _P1 + _P4
    return hashes


def _round(lane: Words | np.uint64, words: Words) -> Words:
    return _rotated(lane + words * _P2, 31) * _P1


def _with_word(hashes: Words, words: Words) -> Words:
    return _rotated(hashes ^ words * _P1, 23) * _P2 + _P3


def _mixed(hashes: Words) -> Words:
    hashes = (hashes ^ hashes >> np.uint64(33)) * _P2
    hashes = (hashes ^ hashes >> np.uint64(29)) * _P3
    return hashes ^ hashes >> np.uint64(32)


def _rotated(words: Words, by: int) -> Words:
    return words << np.uint64(by) | words >> np.uint64(64 - by)
