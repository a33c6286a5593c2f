"""Maps values to places on a plot, and picks and formats the round numbers of its axes."""

import math
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A range of values mapped to a range of pixels."""

    low: float
    high: float
    start: float
    """Place of the lowest value."""
    end: float
    """Place of the highest value; less than `start` for an axis that points upwards."""
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return the place of a value; values outside the range are placed at its ends."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        share = (at - low) / (high - low) if high > low else 0.0
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Return round values within the scale."""
        return decades(self.low, self.high) if self.logarithmic else ticks(self.low, self.high, wanted)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return about `wanted` round values between two others."""
    if high <= low:
        return [low]
    rough = (high - low) / wanted
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in _STEPS if size * each >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two values; only the powers if those are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [10.0**power * digit for power in powers for digit in (1, 2, 5)]
    within = [value for value in every if low * 0.999 <= value <= high * 1.001]
    few = [value for value in within if math.log10(value) % 1 == 0]
    return within if len(within) <= 7 or len(few) < 2 else few


def bounds(values: list[float], *, from_zero: bool = True) -> tuple[float, float]:
    """Return a range that includes all values, with a round upper end."""
    if not values:
        return 0.0, 1.0
    low = min(values)
    if from_zero and low > 0:
        low = 0.0
    high = max(max(values), low + 1e-9)
    step = ticks(low, high)
    size = step[1] - step[0] if len(step) > 1 else high - low
    return low, math.ceil(high / size - 1e-9) * size


def log_bounds(values: list[float]) -> tuple[float, float]:
    """Return a range that includes all positive values; its ends are 1, 2 or 5 times a power of ten."""
    positive = [value for value in values if value > 0] or [1.0, 10.0]
    grid = [
        10.0**power * digit
        for power in range(
            math.floor(math.log10(min(positive))) - 1, math.ceil(math.log10(max(positive))) + 2
        )
        for digit in (1, 2, 5)
    ]
    low = max(value for value in grid if value <= min(positive) * 1.001)
    high = min(value for value in grid if value >= max(positive) * 0.999)
    return low, high if high > low else low * 10


def number(value: float) -> str:
    """Format a value in few characters: 0, 0.25, 3.5, 42, 1,204, 12k."""
    size = abs(value)
    if size >= 100_000:
        return f"{value / 1000:,.0f}k"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if size >= 0.1 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Format seconds for people: 0.4 s, 42 s, 3 min 05 s, 25 min, 1 h 02 min."""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60:02} s" if whole % 60 else "")
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
