"""The soak's judgement can tell a leak from noise."""

import random

from benchmarks.soak import flat, rise

RNG = random.Random(5)
NOISE = [(5.0 * n, 300 + RNG.uniform(-20, 20)) for n in range(120)]


def test_noise_is_flat_and_a_leak_is_not() -> None:
    assert flat(NOISE)
    leak = [(at, size + at * 0.1) for at, size in NOISE]  # 60 MiB in ten minutes
    assert not flat(leak)
    assert 40 < rise(leak) < 80
    small = [(at, 20 + at * 0.02) for at, _ in NOISE]  # 12 MiB: below what is called a rise
    assert flat(small)
    assert flat([(at, size - at) for at, size in NOISE])
