"""Contrast of two colours, by WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

# Below it, sRGB is a straight line.
LINEAR_BELOW = 0.04045


def measure_contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as #1f6f5c, from 1 to 21."""
    lights = sorted((_measure_luminance(one), _measure_luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _measure_luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= LINEAR_BELOW else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
