"""The thumbnail: a shaded view of the part from the right, front and above, with its edges drawn.

Parallel projection, so that nothing looks larger than it is. Smooth patches are shaded smoothly,
creases and outlines get a line, hollows are darker, and a soft shadow lies on the ground; the
background is transparent. The same mesh gives the same bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .part import Bools, Floats, Ints
from .raster import Buffer, rasterise
from .surface import Surface

SIZE = 512
"""Width and height of the picture in pixels."""
_FINE = 2
"""Pixels drawn per pixel shown, each way."""
_MARGIN = 0.09
"""Of the width, left free on each side."""
_EYE = (0.60, -0.80, 0.62)
"""From the part towards the eye; z is up."""
_COLOUR = np.array([0.34, 0.50, 0.67])
_LINE = np.array([0.03, 0.045, 0.07])
"""The part, a cool grey blue that stands on white and on black, and its lines; in linear light."""
_SMOOTH_UP_TO = 300_000
"""Faces up to which normals are smoothed; beyond, a face is hardly a pixel."""
_HOLLOW_PIXELS = (6, 16, 32)
_HOLLOW_WAYS = 6
"""How far around a pixel, and in how many directions, hollowness is looked for."""
_SPECK = 40
"""Fine pixels below which a patch gets no lines: they would only smear a noisy mesh."""


@dataclass(frozen=True, slots=True)
class _View:
    """``axes`` (3, 3): columns right, up and towards the eye. ``points`` (n, 3): as ``rasterise``
    takes them. ``depth``: what the depth range 0 to 1 is in fine pixels.
    """

    axes: Floats
    points: Floats
    depth: float
    floor: Floats


def draw(surface: Surface, patches: Ints) -> bytes:
    """A PNG of SIZE x SIZE with transparency. ``patches`` (m,): the smooth patch of each face."""
    view = _look_at(surface)
    edge = SIZE * _FINE
    buffer = rasterise(view.points, surface.faces, edge, edge)
    seen = buffer.face >= 0
    colour = _shaded(_normals(surface, patches, view, buffer), view.axes)
    colour *= 1.0 - 0.6 * _hollows(buffer, seen, view.depth)[seen][:, None]
    line = 0.8 * _lines(buffer, seen, patches, view.depth)[seen][:, None]
    light = np.zeros((edge, edge, 3))
    light[seen] = colour * (1.0 - line) + _LINE * line
    return _png(light, seen, _shadow(surface, view))


def _look_at(surface: Surface) -> _View:
    towards = np.array(_EYE) / np.linalg.norm(_EYE)
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(towards, right), towards], axis=1)
    seen = surface.vertices @ axes
    ground = surface.vertices.copy()
    ground[:, 2] = surface.low[2]
    used = np.unique(surface.faces)
    shown = np.concatenate([seen[used], (ground @ axes)[used]])
    low, high = shown.min(axis=0), shown.max(axis=0)
    edge = SIZE * _FINE
    scale = edge * (1 - 2 * _MARGIN) / float((high - low)[:2].max())
    middle = (low + high) / 2

    def place(points: Floats) -> Floats:
        x = edge / 2 + scale * (points[:, 0] - middle[0])
        y = edge / 2 - scale * (points[:, 1] - middle[1])
        return np.stack([x, y, (points[:, 2] - low[2]) / (high[2] - low[2])], axis=1)

    return _View(axes, place(seen), scale * float(high[2] - low[2]), place(ground @ axes))


def _normals(surface: Surface, patches: Ints, view: _View, buffer: Buffer) -> Floats:
    """(k, 3): the normal in each pixel that is seen, smooth within a patch, turned to the eye."""
    rows, columns = np.nonzero(buffer.face >= 0)
    face = buffer.face[rows, columns]
    if len(surface.faces) > _SMOOTH_UP_TO:
        normals = surface.normals[face]
    else:
        corner = _corner_normals(surface, patches)[face]
        a, b, c = np.moveaxis(view.points[surface.faces[face]], 1, 0)
        x, y = columns + 0.5 - a[:, 0], rows + 0.5 - a[:, 1]
        ab, ac = b - a, c - a
        turn = ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1]
        turn = np.where(np.abs(turn) < 1e-9, np.inf, turn)
        v = np.clip((x * ac[:, 1] - ac[:, 0] * y) / turn, 0.0, 1.0)
        w = np.clip((ab[:, 0] * y - x * ab[:, 1]) / turn, 0.0, 1.0)
        weights = np.stack([np.clip(1.0 - v - w, 0.0, 1.0), v, w], axis=1)
        normals = np.asarray(np.einsum("ki,kij->kj", weights, corner), np.float64)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    away = normals @ view.axes[:, 2] < 0
    return np.where(away[:, None], -normals, normals)


def _corner_normals(surface: Surface, patches: Ints) -> Floats:
    """(m, 3, 3): at each corner of each face, the mean normal of its patch around that vertex."""
    key = (patches[:, None] * len(surface.vertices) + surface.faces).reshape(-1)
    _, index = np.unique(key, return_inverse=True)
    weighted = np.repeat(surface.normals * surface.areas[:, None], 3, axis=0)
    columns = [np.bincount(index, weighted[:, axis]) for axis in range(3)]
    sums = np.stack(columns, axis=1).astype(np.float64)
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return np.asarray(sums[index].reshape(-1, 3, 3), np.float64)


def _shaded(normals: Floats, axes: Floats) -> Floats:
    """Linear light (k, 3): a sky, a key light from upper left, a fill from the right, a soft
    gloss.
    """
    right, up, towards = axes.T
    key = -0.55 * right + 0.75 * up + 0.65 * towards
    key /= np.linalg.norm(key)
    fill = 0.9 * right + 0.1 * up + 0.5 * towards
    fill /= np.linalg.norm(fill)
    sky = 0.5 + 0.5 * normals[:, 2]
    diffuse = 0.20 + 0.30 * sky
    diffuse += 0.92 * np.maximum(normals @ key, 0.0) + 0.16 * np.maximum(normals @ fill, 0.0)
    half = key + towards
    half /= np.linalg.norm(half)
    gloss = 0.16 * np.maximum(normals @ half, 0.0) ** 24
    return np.asarray(_COLOUR * diffuse[:, None] + gloss[:, None], np.float64)


def _hollows(buffer: Buffer, seen: Bools, depth: float) -> Floats:
    """(h, w), 0 to 1: how much nearer to the eye a pixel's surroundings are than itself.

    Looked at are pairs of pixels on opposite sides, so that a slope is not a hollow, nor is what
    lies beside the outline.
    """
    level = buffer.depth[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE] * (depth / _FINE)
    there = seen[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE]
    hollow = np.zeros(level.shape)
    for reach in _HOLLOW_PIXELS:
        for turn in range(_HOLLOW_WAYS):
            angle = np.pi * turn / _HOLLOW_WAYS
            step = round(reach * np.sin(angle)), round(reach * np.cos(angle))
            back = -step[0], -step[1]
            both = np.roll(there, step, (0, 1)) & np.roll(there, back, (0, 1))
            mean = (np.roll(level, step, (0, 1)) + np.roll(level, back, (0, 1))) / 2
            hollow += np.clip((mean - level) / reach, 0.0, 1.0) * both
    hollow /= len(_HOLLOW_PIXELS) * _HOLLOW_WAYS
    smooth = _blur(np.clip(1.6 * hollow, 0.0, 1.0), 2)
    return np.repeat(np.repeat(smooth, _FINE, axis=0), _FINE, axis=1)


def _lines(buffer: Buffer, seen: Bools, patches: Ints, depth: float) -> Floats:
    """(h, w), 0 to 1: outlines, creases, and steps in depth."""
    patch = np.where(seen, patches[buffer.face], -1)
    sizes = np.bincount(patch[seen], minlength=1)
    speck = seen & (sizes[np.maximum(patch, 0)] < _SPECK)
    level = buffer.depth * depth
    mask = np.zeros(seen.shape, np.bool_)
    for axis in (0, 1):
        behind, ahead = np.roll(patch, 1, axis), np.roll(patch, -1, axis)
        outline = (behind < 0) | (ahead < 0)
        crease = (patch != ahead) & ~speck & ~np.roll(speck, -1, axis)
        bend = np.abs(np.roll(level, 1, axis) - 2 * level + np.roll(level, -1, axis))
        step = (bend > 4.0 * _FINE) & (behind >= 0) & (ahead >= 0)
        mask |= (outline | crease | step) & seen
    fat = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(fat, np.float64) / 255.0


def _shadow(surface: Surface, view: _View) -> Floats:
    """(SIZE, SIZE), 0 to 1: the part pressed flat on the ground, blurred."""
    step = 1 + len(surface.faces) // _SMOOTH_UP_TO
    coarse = view.floor * np.array([1 / _FINE, 1 / _FINE, 0.0])
    pressed = rasterise(coarse, surface.faces[::step], SIZE, SIZE).face >= 0
    image = Image.fromarray((pressed * 255).astype(np.uint8))
    near = image.filter(ImageFilter.GaussianBlur(SIZE / 90))
    far = image.filter(ImageFilter.GaussianBlur(SIZE / 28))
    return (0.22 * np.asarray(near, np.float64) + 0.20 * np.asarray(far, np.float64)) / 255.0


def _png(light: Floats, seen: Bools, shadow: Floats) -> bytes:
    cover = _shrink(seen.astype(np.float64))
    mean = np.stack([_shrink(light[..., channel]) for channel in range(3)], axis=2)
    alpha = cover + shadow * (1.0 - cover)
    colour = mean / np.maximum(alpha, 1e-9)[..., None]
    pixels = np.concatenate([_srgb(np.clip(colour, 0.0, 1.0)), alpha[..., None]], axis=2)
    image = Image.fromarray((pixels * 255.0 + 0.5).astype(np.uint8), "RGBA")
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()


def _srgb(linear: Floats) -> Floats:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _shrink(image: Floats) -> Floats:
    """The mean of each block of _FINE x _FINE."""
    edge = image.shape[0] // _FINE
    return np.asarray(image.reshape(edge, _FINE, edge, _FINE).mean(axis=(1, 3)))


def _blur(image: Floats, radius: int) -> Floats:
    """Two box blurs each way: nearly a bell."""
    size = 2 * radius + 1
    for axis in (0, 1, 0, 1):
        width = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
        total = np.cumsum(np.pad(image, width, mode="edge"), axis=axis)
        ahead = np.take(total, np.arange(size, total.shape[axis]), axis=axis)
        behind = np.take(total, np.arange(total.shape[axis] - size), axis=axis)
        image = (ahead - behind) / size
    return image
