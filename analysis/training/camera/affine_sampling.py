"""Compiled inner loops of the training renderer (Numba, no Python lock held)."""

import numpy as np
from numba import njit

_COMPILE = dict(nogil=True, cache=True, fastmath=True)


@njit(**_COMPILE)
def _reflect(index, size):
    """Mirror an index at the borders of [0, size)."""
    period = 2 * size
    index = index % period
    return period - 1 - index if index >= size else index


_LANES = np.uint64(0x00FF00FF00FF00FF)


@njit(inline="always", **_COMPILE)
def _spread(texel):
    """Four bytes into four 16-bit lanes: first and third byte in the low half."""
    wide = np.uint64(texel)
    return (wide & np.uint64(0x00FF00FF)) | ((wide & np.uint64(0xFF00FF00)) << np.uint64(24))


@njit(inline="always", **_COMPILE)
def _mix(a, b, c, d, right, below):
    """Bilinear mix of four texels (top left, top right, bottom left, bottom right).

    `right` and `below` are uint64 in 1/256 pixel. All channels are mixed at once in 16-bit lanes:
    red, blue, green, unused, from the lowest lane up.
    """
    left, above = np.uint64(256) - right, np.uint64(256) - below
    top = ((_spread(a) * left + _spread(b) * right) >> np.uint64(8)) & _LANES
    bottom = ((_spread(c) * left + _spread(d) * right) >> np.uint64(8)) & _LANES
    return ((top * above + bottom * below) >> np.uint64(8)) & _LANES


@njit(**_COMPILE)
def _sample_mirrored(texels, offset, width, height, x, y):
    """Bilinear lanes at (x, y) in 1/65536 pixel, mirrored outside the photograph."""
    column, row = x >> 16, y >> 16
    column_0, column_1 = _reflect(column, width), _reflect(column + 1, width)
    row_0, row_1 = _reflect(row, height) * width, _reflect(row + 1, height) * width
    return _mix(
        texels[offset + row_0 + column_0],
        texels[offset + row_0 + column_1],
        texels[offset + row_1 + column_0],
        texels[offset + row_1 + column_1],
        np.uint64((x >> 8) & 255),
        np.uint64((y >> 8) & 255),
    )


@njit(**_COMPILE)
def _add_row(texels, offset, width, height, x, y, step_x, step_y, lanes):
    """Add a row of samples to `lanes`, from (x, y) in steps, all in 1/65536 pixel."""
    count = lanes.shape[0]
    last_x, last_y = x + step_x * (count - 1), y + step_y * (count - 1)
    inside = min(x, last_x) >= 0 and (max(x, last_x) >> 16) < width - 1
    inside = inside and min(y, last_y) >= 0 and (max(y, last_y) >> 16) < height - 1
    if inside:
        for column in range(count):
            corner = offset + (y >> 16) * width + (x >> 16)
            lanes[column] += _mix(
                texels[corner],
                texels[corner + 1],
                texels[corner + width],
                texels[corner + width + 1],
                np.uint64((x >> 8) & 255),
                np.uint64((y >> 8) & 255),
            )
            x += step_x
            y += step_y
    else:
        for column in range(count):
            lanes[column] += _sample_mirrored(texels, offset, width, height, x, y)
            x += step_x
            y += step_y


@njit(**_COMPILE)
def sample_scene(texels, levels, matrices, taps, frames):
    """Fill `frames` float32 (T, H, W, 3) with a photograph seen through affine maps.

    `levels` int64 (T, 3): offset, width, height of the level each frame reads. `matrices` float64
    (T, S, 2, 3): for each of S taps the map from (column, row, 1) to level pixels, pixel centres
    at whole numbers. `taps` float64 (S, 2): position of each tap inside an output pixel. A frame
    is the mean over its taps, which are spread over the pixel (antialiasing) and over the shutter
    time (motion blur). Outside the photograph its mirror image is seen.
    """
    count, height, width = frames.shape[:3]
    tap_count = taps.shape[0]
    share = np.float32(1.0 / tap_count)
    lanes = np.empty(width, np.uint64)
    for frame in range(count):
        for row in range(height):
            lanes[:] = 0
            for tap in range(tap_count):
                u, v = taps[tap, 0], row + taps[tap, 1]
                a, b = matrices[frame, tap, 0, 0], matrices[frame, tap, 1, 0]
                x = a * u + matrices[frame, tap, 0, 1] * v + matrices[frame, tap, 0, 2]
                y = b * u + matrices[frame, tap, 1, 1] * v + matrices[frame, tap, 1, 2]
                _add_row(
                    texels,
                    levels[frame, 0],
                    levels[frame, 1],
                    levels[frame, 2],
                    np.int64(np.floor(x * 65536)),
                    np.int64(np.floor(y * 65536)),
                    np.int64(np.floor(a * 65536)),
                    np.int64(np.floor(b * 65536)),
                    lanes,
                )
            for column in range(width):
                total = lanes[column]
                for channel, shift in enumerate((0, 32, 16)):
                    value = np.uint32(total >> np.uint64(shift)) & np.uint32(0xFFFF)
                    frames[frame, row, column, channel] = share * np.float32(value)


@njit(**_COMPILE)
def paint_object(texels, level, placements, outline, texture, opacity, frames):
    """Draw one soft-edged object over `frames` float32 (T, H, W, 3).

    `placements` float32 (T, 4): centre column, centre row, radius in pixels, angle. `outline`
    float32 (5,): aspect, then cosine and sine of the two- and three-lobed bumps of the edge.
    `texture` float32 (3,): column, row and step in pixels of the level (int64 offset, width,
    height) that colours the object.
    """
    count, height, width = frames.shape[:3]
    offset, level_width, level_height = level[0], level[1], level[2]
    for frame in range(count):
        x0, y0, radius, angle = placements[frame]
        reach = radius * np.float32(1.9)
        cos, sin = np.cos(angle) / radius, np.sin(angle) / radius
        for row in range(max(0, int(y0 - reach)), min(height, int(y0 + reach) + 2)):
            for column in range(max(0, int(x0 - reach)), min(width, int(x0 + reach) + 2)):
                dx, dy = np.float32(column) - x0, np.float32(row) - y0
                lx = (cos * dx + sin * dy) * outline[0]
                ly = (cos * dy - sin * dx) / outline[0]
                r2 = lx * lx + ly * ly + np.float32(1e-6)
                r = np.sqrt(r2)
                c2, s2 = (lx * lx - ly * ly) / r2, 2 * lx * ly / r2
                c3, s3 = (c2 * lx - s2 * ly) / r, (s2 * lx + c2 * ly) / r
                edge = np.float32(1.0) + outline[1] * c2 + outline[2] * s2
                edge += outline[3] * c3 + outline[4] * s3
                alpha = min(max((edge - r) * radius + np.float32(0.5), 0.0), 1.0) * opacity
                if alpha <= 0.0:
                    continue
                x, y = texture[0] + texture[2] * lx, texture[1] + texture[2] * ly
                lanes = _sample_mirrored(
                    texels,
                    offset,
                    level_width,
                    level_height,
                    np.int64(x * 65536),
                    np.int64(y * 65536),
                )
                for channel, shift in enumerate((0, 32, 16)):
                    colour = np.float32((lanes >> np.uint64(shift)) & np.uint64(0xFFFF))
                    old = frames[frame, row, column, channel]
                    frames[frame, row, column, channel] = old + alpha * (colour - old)


@njit(**_COMPILE)
def blur(frames, weight, scratch):
    """Blur `frames` float32 (T, H, W, 3) in place with (weight, 1 - 2 weight, weight) both ways.

    `scratch` float32 (H, W, 3).
    """
    count, height, width = frames.shape[:3]
    middle = np.float32(1.0) - 2 * weight
    for frame in range(count):
        for row in range(height):
            for column in range(width):
                left, right = max(column - 1, 0), min(column + 1, width - 1)
                for c in range(3):
                    scratch[row, column, c] = middle * frames[frame, row, column, c] + weight * (
                        frames[frame, row, left, c] + frames[frame, row, right, c]
                    )
        for row in range(height):
            above, below = max(row - 1, 0), min(row + 1, height - 1)
            for column in range(width):
                for c in range(3):
                    frames[frame, row, column, c] = middle * scratch[row, column, c] + weight * (
                        scratch[above, column, c] + scratch[below, column, c]
                    )


@njit(**_COMPILE)
def develop(frames, curves, saturation, exposures, noise, seed, pixels):
    """Turn sampled `frames` float32 (T, H, W, 3) into uint8 `pixels` of the same shape.

    `curves` float32 (3, 256) maps each channel, `saturation` mixes with grey, `exposures` float32
    (T,) multiplies each frame, `noise` is the standard deviation (grey levels) of noise drawn from
    `seed` (a nonzero 64-bit integer).
    """
    count, height, width = frames.shape[:3]
    state = np.uint64(seed)
    # A sum of four uniform bytes is near enough to a normal variable; its deviation is 147.8.
    scale = np.float32(noise / 147.8)
    for frame in range(count):
        for row in range(height):
            for column in range(width):
                red = frames[frame, row, column, 0]
                green = frames[frame, row, column, 1]
                blue = frames[frame, row, column, 2]
                grey = (
                    np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
                )
                for channel in range(3):
                    value = grey + saturation * (frames[frame, row, column, channel] - grey)
                    index = int(min(max(value, np.float32(0.0)), np.float32(255.0)))
                    value = curves[channel, index] * exposures[frame]
                    if noise > 0.0:
                        state ^= state << np.uint64(13)
                        state ^= state >> np.uint64(7)
                        state ^= state << np.uint64(17)
                        bits = state >> np.uint64(32)
                        total = (
                            (bits & np.uint64(255))
                            + ((bits >> np.uint64(8)) & np.uint64(255))
                            + ((bits >> np.uint64(16)) & np.uint64(255))
                            + (bits >> np.uint64(24))
                        )
                        value += scale * (np.float32(total) - np.float32(510.0))
                    value = min(max(value + np.float32(0.5), np.float32(0.0)), np.float32(255.0))
                    pixels[frame, row, column, channel] = np.uint8(value)
