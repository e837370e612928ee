"""What is around the face and in front of it: background, neck, hair, beard, glasses, hands and scarves."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from dacl_edu.data.drawn.canvas import Array, Canvas, Ink, curve, hue
from dacl_edu.data.drawn.features import EYE_X, EYE_Y, SIDES, mouth_corners

LONG_HAIR = {"long": 1.9, "bob": 1.05}


def _disc(x: float, y: float, rx: float, ry: float | None = None, n: int = 18) -> Array:
    angle = np.linspace(0.0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)])


def draw_background(c: Canvas) -> None:
    """Paint a procedural background; coarse on purpose, as behind a camera's shallow focus."""
    f, n = c.f, c.pixels
    rng = np.random.default_rng([f.scene_seed, 1])
    base = hue(f.background_hue, 0.35, f.background_value)
    other = hue(f.background_hue + rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.6), rng.uniform(0.15, 0.95))
    if f.background == "gradient":
        ramp = np.linspace(0.0, 1.0, 8)[:, None, None] * np.ones((1, 8, 1))
        small = base + (other - base) * (ramp if rng.random() < 0.5 else ramp.transpose(1, 0, 2))
    elif f.background == "cloudy":
        small = base + (other - base) * rng.random((7, 7, 1)) + rng.normal(0.0, 18.0, (7, 7, 3))
    else:
        small = np.tile(base, (2, 2, 1))
    coarse = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    c.image.paste(coarse.resize((n, n), Image.Resampling.BICUBIC))
    if f.background == "lights":
        for _ in range(int(rng.integers(8, 18))):
            (x, y), r = rng.uniform(0, n, 2), rng.uniform(0.02, 0.09) * n
            c.draw.ellipse([x - r, y - r, x + r, y + r], fill=c.ink(hue(rng.random(), 0.4, 1.0), rng.uniform(0.2, 0.6)))
    elif f.background == "stripes":
        step, lean = rng.uniform(0.08, 0.25) * n, rng.uniform(-0.6, 0.6) * n
        for x in np.arange(-n, 2 * n, 2 * step):
            c.draw.polygon([x, 0, x + step, 0, x + step + lean, n, x + lean, n], fill=c.ink(other, 0.6))
    elif f.background == "room":
        y = rng.uniform(0.3, 0.8) * n
        c.draw.rectangle([0, y, n, n], fill=c.ink(0.7 * base))
        for _ in range(3):
            (x, top), w, h = rng.uniform(-0.2 * n, n, 2), rng.uniform(0.1, 0.5) * n, rng.uniform(0.1, 0.6) * n
            c.draw.rectangle([x, top, x + w, top + h], fill=c.ink(hue(rng.random(), 0.35, rng.uniform(0.2, 0.95))))


def draw_body(c: Canvas) -> None:
    """Neck, shoulders and ears."""
    w = c.width
    c.fill(c.flat([(-0.52 * w, 0.5), (0.52 * w, 0.5), (0.58 * w, 2.2), (-0.58 * w, 2.2)]), c.shade)
    cloth = hue(c.f.cloth_hue, 0.5, 0.3 + 0.5 * ((c.f.cloth_hue * 7) % 1))
    neck = c.chin + 0.22
    c.fill(c.flat([(-2.6, 2.6), (-1.9, neck + 0.22), (-0.5, neck), (0, neck + 0.2), (0.5, neck), (1.9, neck + 0.22),
                   (2.6, 2.6)]), cloth)  # fmt: skip
    if c.f.hair_style == "headscarf":
        return
    for side in SIDES:
        # The ears sit behind the middle of the head, so they move against the features.
        x = side * w * c.cos_yaw - 0.18 * c.sin_yaw
        c.fill(c.flat(_disc(x, 0.02 + 0.2 * c.sin_pitch, 0.13, 0.24)), 0.93 * c.skin)
        c.fill(c.flat(_disc(x + side * 0.02, 0.02 + 0.2 * c.sin_pitch, 0.06, 0.15)), c.shade)


def draw_hair_back(c: Canvas) -> None:
    """The hair that hangs behind the head."""
    f, dark = c.f, 0.72 * c.hair
    style = f.hair_style
    if style in LONG_HAIR:
        end, side = LONG_HAIR[style], c.width * (1.13 + 0.14 * f.hair_volume)
        left = curve([(-side, -0.5), (-side - 0.16, 0.5), (-side * 0.85, end)], 8)
        right = left[::-1] * np.array([-1.0, 1.0])
        top = curve([(side, -0.5), (side, -1.75), (-side, -1.75), (-side, -0.5)], 14)
        c.fill(c.flat(np.concatenate([left, right, top])), dark)
    elif style == "afro":
        c.fill(c.flat(_disc(0.0, -0.5, 1.28 + 0.2 * f.hair_volume, 1.2 + 0.16 * f.hair_volume, 28)), dark)
    elif style == "curly":
        for x, y, r in _curls(c):
            c.fill(c.flat(_disc(1.1 * x, 1.03 * y, 1.15 * r, n=10)), dark)
    elif style == "bun":
        c.fill(c.flat(_disc(0.12, -1.6, 0.34)), dark)
    elif style == "headscarf":
        scarf = hue(f.cloth_hue + 0.3, 0.45, 0.55)
        c.fill(c.flat(np.concatenate([c.outline(1.17, 40)[:14], [(1.2, 2.2), (-1.2, 2.2)], c.outline(1.17, 40)[-14:]])),
               0.8 * scarf)  # fmt: skip


def _curls(c: Canvas) -> list[tuple[float, float, float]]:
    rng = np.random.default_rng([c.f.look_seed, 2])
    angles = np.linspace(-1.9, 1.9, 17) + rng.uniform(-0.08, 0.08, 17)
    radius = rng.uniform(0.17, 0.24, 17) * (0.85 + 0.3 * c.f.hair_volume)
    return [(c.width * 1.02 * np.sin(a), -1.2 * c.f.face_length * np.cos(a) - 0.1, r)
            for a, r in zip(angles, radius, strict=True)]  # fmt: skip


def _cap(c: Canvas, inner: Array, grow: float, low: float) -> list[float]:
    """Outline of hair between the enlarged skull and a hairline on the face."""
    rim = c.outline(grow, 72)
    rim = np.concatenate([rim[-36:], rim[:36]])
    rim = rim[rim[:, 1] < low]
    return c.flat(np.concatenate([rim, c.turned(inner)]))


def draw_hair_front(c: Canvas) -> None:
    """The hairline, the fringe, or what is worn instead."""
    f, w, style = c.f, c.width, c.f.hair_style
    grow = 1.05 + 0.09 * f.hair_volume
    line = -0.90 * f.face_length + f.hairline
    side = 0.93 * w
    rng = np.random.default_rng([f.look_seed, 3])
    if style == "bald":
        return
    if style == "headscarf":
        scarf = hue(f.cloth_hue + 0.3, 0.45, 0.55)
        rim, inner = c.outline(1.14, 48), c.outline(1.0, 48) * np.array([0.88, 0.93]) + np.array([0.0, 0.14])
        inner = np.column_stack([inner[:, 0] + 0.18 * c.sin_yaw, inner[:, 1]])
        c.fill(c.flat(np.concatenate([rim, rim[:1], inner[:1], inner[::-1]])), scarf)
        c.stroke(c.flat(inner), 0.7 * scarf, 0.05, 0.6)
        return
    if style == "beanie":
        wool = hue(f.cloth_hue + 0.5, 0.55, 0.6)
        brim = curve([(side * 1.02, -0.42), (0.4, -0.80), (-0.4, -0.80), (-side * 1.02, -0.42)], 12)
        c.fill(_cap(c, brim, 1.14, -0.35), wool)
        c.stroke(c.on_face(brim - np.array([0.0, 0.1])), 0.75 * wool, 0.05)
        c.stroke(c.on_face(brim), 0.75 * wool, 0.05)
        return
    if style == "fringe":
        inner = curve([(side, -0.05), (side * 0.9, line + 0.42), (-side * 0.9, line + 0.42), (-side, -0.05)], 14)
        inner[2:-2, 1] = np.minimum(inner[2:-2, 1] + rng.uniform(-0.03, 0.06, 10), -0.46)
    elif style in ("side", "long", "bob"):
        part = 0.45 * (1 if f.look_seed % 2 else -1)
        left = curve([(side, 0.0), (side * 0.98, -0.55), (part, line - 0.02)], 8)
        right = curve([(part, line - 0.02), (-side * 0.98, -0.62), (-side, 0.0)], 8)
        inner = np.concatenate([left, right])
    elif style == "receding":
        inner = np.array([(side, -0.1), (side * 0.98, -0.5), (0.62, -0.95), (0.45, -1.24), (0.0, -1.12), (-0.45, -1.24),
                          (-0.62, -0.95), (-side * 0.98, -0.5), (-side, -0.1)])  # fmt: skip
    elif style in ("curly", "afro"):
        inner = curve([(side, -0.15), (side * 0.9, line - 0.02), (-side * 0.9, line - 0.02), (-side, -0.15)], 13)
        grow += 0.06
    else:  # short, bun
        inner = curve([(side, -0.12), (side * 0.92, line - 0.10), (-side * 0.92, line - 0.10), (-side, -0.12)], 13)
    c.fill(_cap(c, inner, grow, 0.0), c.hair)
    if style == "curly":
        for x, y, r in _curls(c):
            c.fill(c.flat(_disc(x, y, r, n=10)), c.hair * rng.uniform(0.88, 1.15))
    # Strands: the hair's sheen, from the crown towards the hairline.
    for at in rng.uniform(0.0, 1.0, 9):
        end = inner[int(at * (len(inner) - 1))]
        start = np.array([0.7 * end[0], c.top * (1.0 - 0.35 * abs(end[0]))])
        ends = c.turned([end])[0]
        strand = curve([start, 0.5 * (start + ends) + np.array([0.12 * np.sign(end[0]), 0.0]), ends], 6)
        c.stroke(c.flat(strand), c.hair * 1.35 + 12 if at > 0.5 else 0.7 * c.hair, 0.022, 0.5)


def draw_facial_hair(c: Canvas) -> None:
    """Stubble, moustache, goatee or beard; drawn before the mouth, so that the lips stay visible."""
    kind = c.f.facial_hair
    if kind == "none":
        return
    corners = mouth_corners(c)
    lip = float(corners[:, 1].mean())
    if kind in ("stubble", "beard"):
        jaw = c.outline(1.0 if kind == "stubble" else 1.05, 64)
        jaw = jaw[jaw[:, 1] > 0.12]
        cheek = np.array([(0.92 * c.width, 0.12), (0.62, 0.42), (0.28, 0.50)])
        upper = np.concatenate([cheek * np.array([-1.0, 1.0]), [(0.0, 0.47)], cheek[::-1]])
        shape = c.flat(np.concatenate([jaw, c.turned(upper)]))
        c.fill(shape, 0.8 * c.hair, 0.24 if kind == "stubble" else 0.86)
    if kind in ("moustache", "goatee"):
        x = 0.95 * corners[1, 0]
        bush = [(-x, lip - 0.02), (-0.2, 0.47), (0.0, 0.44), (0.2, 0.47), (x, lip - 0.02), (0.0, 0.58)]
        c.fill(c.on_face(bush, 0.08), 0.85 * c.hair, 0.92)
    if kind == "goatee":
        c.fill(c.on_face(_disc(0.0, c.chin - 0.14, 0.24, 0.2), 0.04), 0.85 * c.hair, 0.9)


def draw_glasses(c: Canvas) -> None:
    """Frames that turn with the head."""
    kind = c.f.glasses
    if kind == "none":
        return
    frame: Ink = (28, 26, 30) if c.f.look_seed % 3 else hue(c.f.cloth_hue, 0.7, 0.45)
    for side in SIDES:
        x = side * EYE_X * c.f.eye_spacing
        shape = _disc(x, EYE_Y + 0.02, 0.3, 0.25)
        if kind != "round":
            shape = np.array([x, EYE_Y + 0.02]) + np.clip(shape - [x, EYE_Y + 0.02], [-0.27, -0.19], [0.27, 0.2]) * 1.12
        ring = c.on_face(np.concatenate([shape, shape[:1]]), 0.12)
        c.fill(ring, (22, 22, 28) if kind == "dark" else (235, 245, 255), 0.88 if kind == "dark" else 0.13)
        c.stroke(ring, frame, 0.045)
        c.stroke(c.on_face([(x + side * 0.3, EYE_Y - 0.05), (side * 0.95 * c.width, EYE_Y - 0.06)], 0.05), frame, 0.045)
    bridge = curve([(-0.14, EYE_Y), (0.0, EYE_Y - 0.06), (0.14, EYE_Y)], 6)
    c.stroke(c.on_face(bridge, 0.16), frame, 0.045)


def draw_occluder(c: Canvas) -> Image.Image | None:
    """Draw what hides part of the face on a sheet of its own, with opacity; None where nothing does."""
    f = c.f
    if f.occluder == "none":
        return None
    sheet = Image.new("RGBA", (c.pixels, c.pixels))
    pen = ImageDraw.Draw(sheet)
    rng = np.random.default_rng([f.scene_seed, 4])
    turn = np.deg2rad(f.occluder_angle)
    rot = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def moved(points: Array, x: float, y: float) -> list[float]:
        return c.flat(points @ rot + np.array([x, y]))

    if f.occluder == "hand":
        skin, x, y = c.skin * 0.97, 0.75 * f.occluder_x, 0.75 + 0.3 * f.occluder_y
        pen.polygon(moved(_disc(0.0, 0.62, 0.36, 0.42), x, y), fill=c.ink(skin))
        pen.polygon(moved(np.array([(-0.26, 0.7), (0.26, 0.7), (0.3, 2.5), (-0.3, 2.5)]), x, y), fill=c.ink(skin))
        for k, at in enumerate((-0.27, -0.09, 0.09, 0.27)):
            long = (0.5, 0.66, 0.62, 0.46)[k]
            finger = np.array([(at, 0.45), (1.25 * at, 0.45 - long)])
            p = moved(finger, x, y)
            r = 0.088 * c.unit
            for colour, extra in ((c.line, 0.025 * c.unit), (skin, 0.0)):
                pen.line(p, fill=c.ink(colour), width=round(2 * (r + extra)))
                e = r + extra
                pen.ellipse([p[2] - e, p[3] - e, p[2] + e, p[3] + e], fill=c.ink(colour))
    elif f.occluder == "scarf":
        cloth, y = hue(f.cloth_hue + 0.4, 0.6, 0.65), 0.82 + 0.2 * f.occluder_y
        top = curve([(-1.3, y - 0.1), (-0.4, y + 0.12), (0.4, y + 0.12), (1.3, y - 0.1)], 10)
        pen.polygon(c.flat(np.concatenate([top, [(1.4, 2.4), (-1.4, 2.4)]])), fill=c.ink(cloth))
        for k in range(1, 5):
            pen.line(c.flat(top + np.array([0.0, 0.16 * k])), fill=c.ink(0.72 * cloth), width=round(0.06 * c.unit))
    elif f.occluder == "mask":
        y = 0.22 + 0.12 * f.occluder_y
        right = np.array([(0.82, y + 0.05), (0.7, 1.0), (0.3, c.chin)])
        shape = np.concatenate([[(0.0, y - 0.1)], right, right[::-1] * np.array([-1.0, 1.0])])
        cloth = hue(0.5 + 0.2 * rng.random(), 0.3, 0.85)
        pen.polygon(c.on_face(shape, 0.12), fill=c.ink(cloth))
        for k in range(3):
            pleat = np.array([(-0.72, y + 0.28 + 0.18 * k), (0.72, y + 0.28 + 0.18 * k)])
            pen.line(c.on_face(pleat, 0.12), fill=c.ink(0.8 * cloth), width=round(0.03 * c.unit))
    elif f.occluder == "strand":
        side = np.sign(f.occluder_x) or 1.0
        middle = curve([(side * 0.1, -1.4), (side * 0.75, -0.9), (side * 0.55, 0.1 + 0.4 * f.occluder_y)], 12)
        lock = c.tapered(middle, np.linspace(0.42, 0.06, 12))
        pen.polygon(c.flat(lock), fill=c.ink(c.hair if f.hair_style != "bald" else 0.6 * c.hair))
    else:
        x, y = 0.9 * np.sign(f.occluder_x) * (0.5 + 0.5 * abs(f.occluder_x)), 0.9 * f.occluder_y
        half = np.array([rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.6)])
        box = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * half
        colour = hue(rng.random(), 0.5, rng.uniform(0.2, 0.9))
        pen.polygon(moved(box, x, y), fill=c.ink(colour))
        pen.line(moved(np.array([(-0.7, 0.0), (0.7, 0.0)]) * half, x, y), fill=c.ink(0.6 * colour), width=6)
    return sheet
