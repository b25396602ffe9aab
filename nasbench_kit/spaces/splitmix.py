"""SplitMix64: 64 bits that look random, from any 64 bits. Files hold numbers made with it, so it never changes.

Source: Steele, Lea and Flood 2014, https://doi.org/10.1145/2714064.2660195, with the constants of variant 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15  #: the increment: what is added to a state for the next number
MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
MASK = 2**64 - 1


def mix(number: int) -> int:
    """The number that follows the state `number`: a one-to-one map of 64 bits that leaves no structure."""
    number = (number + GOLDEN) & MASK
    number = ((number ^ number >> 30) * MULTIPLIERS[0]) & MASK
    number = ((number ^ number >> 27) * MULTIPLIERS[1]) & MASK
    return number ^ number >> 31


def mix_many(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`mix` of each; products and sums of 64 bits wrap around."""
    import numpy as np

    numbers = numbers + np.uint64(GOLDEN)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(MULTIPLIERS[0])
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(MULTIPLIERS[1])
    return numbers ^ (numbers >> np.uint64(31))
