"""The parts of the face that move: brows, eyes, nose, mouth, and the folds that their movement leaves in the skin."""

from __future__ import annotations

import numpy as np

from dacl_edu.data.drawn.canvas import IRIS, Array, Canvas, along, curve

SIDES = (-1.0, 1.0)
EYE_X, EYE_Y = 0.43, -0.12
MOUTH_Y = 0.70


def gain(asymmetry: float, side: float) -> float:
    """How strongly a unit acts on one side; never negative."""
    return max(0.0, 1.0 + side * asymmetry)


# -- brows -------------------------------------------------------------------------------------------------------------


def brow_line(c: Canvas, side: float) -> Array:
    """Middle line of one brow, from the nose outwards."""
    f, g = c.f, gain(c.f.asymmetry_brows, side)
    inner_up = 0.19 * f.au1 - 0.15 * f.au4 - 0.05 * f.au9
    middle_up = 0.07 * f.au1 + 0.18 * f.au2 - 0.12 * f.au4 - 0.03 * f.au9
    outer_up = -0.03 * f.au1 + 0.20 * f.au2 - 0.03 * f.au4
    y = -0.40 - f.brow_height
    spread = f.eye_spacing
    inner = (0.17 * spread - 0.06 * f.au4 - 0.02 * f.au9, y + f.brow_slant - g * inner_up)
    middle = (0.45 * spread - 0.03 * f.au4, y - 0.10 * f.brow_arch - g * middle_up)
    outer = (0.73 * spread, y + 0.02 - 0.6 * f.brow_slant - g * outer_up)
    control = 2.0 * np.array(middle) - 0.5 * (np.array(inner) + np.array(outer))
    line = curve([inner, control, outer], 11)
    line[:, 0] *= side
    return line


def draw_brows(c: Canvas) -> None:
    """Two tapered strokes; their darkness is the hair's."""
    thickness = 0.092 * c.f.brow_thickness * np.array([0.75, 0.95, 1.05, 1.05, 1.0, 0.95, 0.85, 0.75, 0.6, 0.42, 0.2])
    for side in SIDES:
        shape = c.tapered(brow_line(c, side), thickness)
        c.fill(c.on_face(shape, 0.03), c.brow, 0.92)


def draw_forehead(c: Canvas) -> None:
    """Furrows: across the forehead when brows rise, upright between them when they are drawn together."""
    f = c.f
    rise = min(1.0, 0.75 * f.au1 + 0.75 * f.au2)
    for row, y in enumerate((-0.72, -0.84)):
        half = 0.18 + 0.34 * f.au2 + 0.05 * row
        bend = 0.05 * f.au1 - 0.06 * f.au2
        arc = curve([(-half, y + bend), (0.0, y - bend - 0.02), (half, y + bend)], 9)
        c.stroke(c.on_face(arc), c.line, 0.022, rise * (0.4 + 0.3 * f.age) + 0.12 * f.age * (row == 0))
    frown = min(1.0, f.au4 + 0.4 * f.au9)
    for side in SIDES:
        fold = curve([(side * 0.10, -0.55), (side * 0.055, -0.44), (side * 0.075, -0.30)], 7)
        c.stroke(c.on_face(fold, 0.03), c.line, 0.03, 0.72 * frown)


# -- eyes --------------------------------------------------------------------------------------------------------------


def lid_heights(c: Canvas) -> tuple[float, float]:
    """How far the upper lid stands above, and the lower lid below, the line between the eye's corners."""
    f = c.f
    open_share = 1.0 + 0.72 * f.au5 - 0.34 * f.au7 - 0.22 * f.au6 - 0.8 * f.au43 - 0.18 * f.au9 - 0.1 * f.au4
    upper = 0.132 * f.eye_size * f.eye_opening * max(open_share, 0.08)
    lower_share = 1.0 + 0.2 * f.au5 - 0.6 * f.au7 - 0.75 * f.au6 - 0.3 * f.au9 - 0.4 * f.au43
    return upper, 0.078 * f.eye_size * f.eye_opening * max(lower_share, -0.15)


def draw_eyes(c: Canvas) -> None:
    """Sockets, whites, irises cut off by the lids, lids, lashes and the folds around them."""
    for side in SIDES:
        _draw_eye(c, side)


def _draw_eye(c: Canvas, side: float) -> None:
    f = c.f
    upper, lower = lid_heights(c)
    half = 0.22 * f.eye_size
    t = np.linspace(-1.0, 1.0, 13)
    arch = 1.0 - np.abs(t) ** 2.2
    # Raised inner brows pull the upper lid up on the nose's side: the sad eye. Drawn-down ones press it: the angry one.
    lean = 1.0 - t * (0.45 * f.au1 * (1.0 - 0.6 * f.au2) - 0.5 * f.au4 * (1.0 - f.au1))
    tilt = f.eye_tilt * t * half

    def place(along_eye: Array, down: Array) -> Array:
        return np.column_stack([side * (EYE_X * f.eye_spacing + along_eye), EYE_Y + down])

    top = place(t * half, -upper * arch * lean - tilt)
    bottom = place(t * half, lower * arch - tilt)

    c.fill(c.on_face(place(1.3 * half * np.cos(np.pi * t), 0.17 * np.sin(np.pi * t) - 0.03)), c.shade, 0.22)
    c.fill(c.on_face(np.concatenate([top, bottom[::-1]])), 0.9 * np.array([246, 243, 238]) + 0.1 * c.skin)

    # The iris is cut by the lids: its circle's points are held between them.
    angle = np.linspace(0.0, 2 * np.pi, 20, endpoint=False)
    radius = 0.115 * f.eye_size
    look = np.array([side * 0.085 * f.gaze_x, 0.045 * f.gaze_y - 0.2 * (upper - lower)])
    for size, colour in (
        (1.0, 0.45 * along(IRIS, f.iris_colour)),
        (0.8, along(IRIS, f.iris_colour)),
        (0.45, (14, 11, 12)),
    ):
        x = np.clip(look[0] + size * radius * np.cos(angle), -0.97 * half, 0.97 * half)
        s = x / half
        up = np.interp(s, t, upper * arch * lean)
        down = np.interp(s, t, lower * arch)
        y = np.clip(look[1] + size * radius * np.sin(angle), -up, np.maximum(down, -up))
        c.fill(c.on_face(place(x, y - f.eye_tilt * x)), colour)
    if upper + lower > 0.09:
        spot = place(look[0] + side * -0.03 + 0.026 * np.cos(angle), look[1] - 0.035 + 0.026 * np.sin(angle))
        c.fill(c.on_face(spot), (255, 255, 255), 0.9)

    lid = c.tapered(top, (0.034 + 0.032 * f.lashes) * (0.55 + 0.45 * (t + 1.0) / 2.0))
    c.fill(c.on_face(lid), 0.35 * c.line + 0.1 * c.hair)
    if f.lashes > 0.6:
        flick = place(np.array([half, 1.28 * half]), -tilt[-1] + np.array([0.0, -0.07]))
        c.stroke(c.on_face(flick), 0.35 * c.line, 0.03)
    c.stroke(c.on_face(bottom), c.line, 0.02, 0.6)
    crease = place(t * half * 1.02, -upper * arch * lean - tilt - 0.055 * (1.0 + f.au5 * 0.4) * (arch * 0.7 + 0.3))
    c.stroke(c.on_face(crease[2:]), c.line, 0.02, 0.5 - 0.3 * f.au4)

    # Pouch under the eye, and crow's feet: what tells a felt smile from a polite one.
    squeeze = min(1.0, 0.8 * f.au6 + 0.4 * f.au7)
    pouch = place(t * half * 0.95, lower * arch - tilt + 0.06 + 0.05 * arch)
    c.stroke(c.on_face(pouch[1:-1]), c.line, 0.022, 0.5 * squeeze + 0.25 * f.age)
    for slope in (-0.09, 0.0, 0.09):
        foot = place(half * np.array([1.2, 1.62]), slope * np.array([0.5, 1.3]) - tilt[-1])
        c.stroke(c.on_face(foot), c.line, 0.02, 0.62 * f.au6 * (0.5 + 0.5 * f.age))


# -- nose and cheeks ---------------------------------------------------------------------------------------------------


def draw_nose(c: Canvas) -> None:
    """Side shadow, wings and nostrils; a wrinkled nose rises, widens and folds at its root."""
    f = c.f
    base = 0.30 * f.nose_length
    wide = 0.155 * f.nose_width * (1.0 + 0.16 * f.au9 + 0.1 * f.au12)
    rise = 0.06 * f.au9 + 0.02 * f.au10
    # The side away from the light is drawn darker.
    dark_side = -1.0 if f.light_azimuth > 0 else 1.0
    ridge = curve([(dark_side * 0.10, -0.30), (dark_side * 0.05, 0.0), (dark_side * 0.11, base - 0.08)], 9)
    tip = [(0.02 * dark_side, base - 0.03), (0.015 * dark_side, -0.2)]
    c.fill(c.on_face(np.concatenate([ridge, tip]), 0.12), c.shade, 0.5)
    for side in SIDES:
        wing = curve([(side * wide * 0.8, base - 0.13 - rise), (side * wide * 1.35, base - 0.05 - rise),
                      (side * wide * 0.85, base + 0.035 - rise)], 9)  # fmt: skip
        c.stroke(c.on_face(wing, 0.08), c.line, 0.026, 0.7 + 0.3 * f.au9)
        angle = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
        hole = np.column_stack([side * wide * 0.5 + 0.052 * f.nose_width * np.cos(angle),
                                base + 0.012 - 0.4 * rise + 0.026 * np.sin(angle)])  # fmt: skip
        c.fill(c.on_face(hole, 0.14), 0.6 * c.line)
        for row in range(3):
            y = -0.20 + 0.085 * row
            fold = [(side * (0.015 + 0.01 * row), y - 0.012), (side * (0.12 + 0.02 * row), y + 0.05)]
            c.stroke(c.on_face(fold, 0.1), c.line, 0.028, 0.8 * f.au9)
    under = curve([(-wide * 0.6, base + 0.02), (0.0, base + 0.085), (wide * 0.6, base + 0.02)], 7)
    c.stroke(c.on_face(under, 0.14), c.line, 0.022, 0.45)


def draw_cheeks(c: Canvas) -> None:
    """Folds from the nose to the mouth's corners and below them, and some colour on raised cheeks."""
    f = c.f
    corners = mouth_corners(c)
    for index, side in enumerate(SIDES):
        g = gain(f.asymmetry_mouth, side)
        blush = np.linspace(0.0, 2 * np.pi, 16, endpoint=False)
        lift = 0.10 * f.au6 + 0.07 * f.au12 * g
        ball = np.column_stack([side * 0.56 + 0.23 * np.cos(blush), 0.32 - lift + 0.17 * np.sin(blush)])
        c.fill(c.on_face(ball), c.skin * np.array([1.0, 0.8, 0.78]), 0.16 + 0.24 * max(f.au6, 0.6 * f.au12 * g))
        x, y = corners[index]
        fold = curve([(side * 0.20, 0.20 - 0.05 * f.au9), (side * (0.36 + 0.07 * f.au12 * g), 0.33 - 0.03 * f.au12),
                      (x + side * 0.09, y - 0.06)], 9)  # fmt: skip
        depth = 0.62 * f.au12 * g + 0.5 * f.au9 + 0.45 * f.au10 + 0.22 * f.au15 + 0.2 * f.au20
        c.stroke(c.on_face(fold, 0.02), c.line, 0.028, min(0.8, depth) + 0.25 * f.age**2)
        drop = curve([(x + side * 0.02, y + 0.03), (x + side * 0.08, y + 0.10), (x + side * 0.05, y + 0.19)], 6)
        c.stroke(c.on_face(drop, 0.02), c.line, 0.026, 0.65 * f.au15 * g)
        for step in (0.10, 0.19):
            pull = curve([(x + side * step, y - 0.10), (x + side * (step + 0.05), y), (x + side * step, y + 0.11)], 6)
            c.stroke(c.on_face(pull), c.line, 0.022, 0.5 * f.au20 * g)


# -- mouth -------------------------------------------------------------------------------------------------------------


def _mouth_rows(c: Canvas) -> tuple[Array, ...]:
    """Four lines across the mouth: upper lip's upper and lower edge, lower lip's upper and lower edge."""
    f = c.f
    t = np.linspace(-1.0, 1.0, 21)
    side_gain = np.where(t < 0, gain(f.asymmetry_mouth, -1.0), gain(f.asymmetry_mouth, 1.0))
    half = (
        0.36 * f.mouth_width
        + side_gain * (0.12 * f.au12 + 0.11 * f.au20)
        - 0.055 * f.au23
        - 0.07 * f.au26 * (1.0 - 0.7 * f.au12)
        - 0.03 * f.au17
    )
    corner = side_gain * (-0.20 * f.au12 + 0.17 * f.au15 + 0.03 * f.au20) - 0.06 * f.mouth_rest
    centre = 0.045 * f.au12 - 0.035 * f.au15 - 0.06 * f.au17 + 0.01 * f.au23
    mid = MOUTH_Y * f.nose_length**0.4 + centre * (1 - t * t) + corner * np.abs(t) ** 2.0

    gap = max(0.0, 0.13 * f.au25 + 0.38 * f.au26 + 0.06 * f.au16 + 0.03 * f.au10 * f.au25 - 0.04 * f.au23)
    square = 2.0 + 3.0 * f.au20 + 1.5 * f.au16  # stretched lips leave a square hole, a dropped jaw a round one
    hole = 1.0 - np.abs(t) ** square
    sneer = 0.09 * max(f.au10, 0.7 * f.au9) * np.exp(-(((np.abs(t) - 0.42) / 0.3) ** 2)) * side_gain
    upper_in = mid - 0.24 * gap * hole - 0.6 * sneer - 0.35 * sneer * (gap > 0.02)
    lower_in = mid + 0.76 * gap * hole
    thin = 1.0 - 0.68 * f.au23
    upper_lip = 0.092 * f.lip_fullness * thin * (1.0 - 0.3 * f.au12) * (1.0 - 0.25 * f.au20)
    lower_lip = 0.12 * f.lip_fullness * thin * (1.0 - 0.2 * f.au12) * (1.0 + 0.25 * f.au17) * (1.0 - 0.2 * f.au20)
    bow = (1.0 - np.abs(t) ** 1.7) * (1.0 - 0.28 * np.exp(-((t / 0.15) ** 2)))
    upper_out = upper_in - upper_lip * bow - 0.3 * sneer
    lower_out = lower_in + lower_lip * (1.0 - np.abs(t) ** 2.4) + 0.05 * f.au16 * (1.0 - t * t)
    return tuple(np.column_stack([t * half, row]) for row in (upper_out, upper_in, lower_in, lower_out))


def mouth_corners(c: Canvas) -> Array:
    """Left and right corner of the mouth, in face units."""
    row = _mouth_rows(c)[1]
    return row[[0, -1]]


def draw_mouth(c: Canvas) -> None:
    """Hole, teeth and tongue, two lips, and the shadow under them."""
    f = c.f
    upper_out, upper_in, lower_in, lower_out = _mouth_rows(c)
    lift = 0.06
    lip = (1 - 0.3 * f.lip_colour) * c.skin * np.array([0.86, 0.62, 0.60]) + 0.3 * f.lip_colour * np.array(
        [205, 60, 80]
    )
    openness = float((lower_in - upper_in)[:, 1].max())

    shadow = lower_out[4:-4] + np.array([0.0, 0.045])
    c.stroke(c.on_face(shadow, 0.03), c.line, 0.05, 0.26 + 0.3 * f.au17)
    if openness > 0.02:
        c.fill(c.on_face(np.concatenate([upper_in, lower_in[::-1]]), lift - 0.05), (62, 20, 24))
        room = (lower_in - upper_in)[:, 1:]
        inner = slice(2, -2)
        if openness > 0.16:
            tongue = np.maximum(lower_in[5:-5] - np.array([0.0, 0.33]) * room[5:-5], upper_in[5:-5])
            c.fill(c.on_face(np.concatenate([tongue, lower_in[5:-5][::-1]]), lift - 0.05), (168, 74, 76))
        if f.au16 > 0.2 or f.au20 > 0.4:
            edge = lower_in - np.array([0.0, 1.0]) * np.minimum(0.055, 0.5 * room)
            c.fill(c.on_face(np.concatenate([edge[4:-4], lower_in[4:-4][::-1]]), lift - 0.04), (226, 218, 204))
        teeth = upper_in + np.array([0.0, 1.0]) * np.minimum(0.05 + 0.045 * max(f.au12, f.au10), 0.8 * room)
        c.fill(c.on_face(np.concatenate([upper_in[inner], teeth[inner][::-1]]), lift - 0.04), (242, 238, 228))
    c.fill(c.on_face(np.concatenate([upper_out, upper_in[::-1]]), lift), 0.9 * lip)
    c.fill(c.on_face(np.concatenate([lower_in, lower_out[::-1]]), lift), lip)
    if openness <= 0.05:
        c.stroke(c.on_face((upper_in + lower_in) / 2, lift), 0.62 * c.line, 0.03)
    else:
        c.stroke(c.on_face(upper_in, lift), 0.6 * c.line, 0.018, 0.7)
    glint = 0.55 * lower_in[7:-7] + 0.45 * lower_out[7:-7]
    c.stroke(c.on_face(glint, lift), lip + 45.0, 0.03, 0.35 * (1.0 - f.au23))
    for side, corner in zip(SIDES, (upper_in[0], upper_in[-1]), strict=True):
        g = gain(f.asymmetry_mouth, side)
        tuck = curve([corner + (side * 0.01, -0.035), corner + (side * 0.045, 0.0), corner + (side * 0.01, 0.04)], 5)
        c.stroke(c.on_face(tuck, 0.03), c.line, 0.03, 0.35 + 0.5 * f.au12 * g + 0.3 * f.au15 * g)
    if f.au23 > 0.1:  # tightened lips bulge above and below
        for row, off in ((upper_out, -0.045), (lower_out, 0.04)):
            c.stroke(c.on_face(row[5:-5] + np.array([0.0, off]), 0.03), c.line, 0.022, 0.5 * f.au23)


def draw_chin(c: Canvas) -> None:
    """Fold under the lip and the dimples of a raised chin."""
    f = c.f
    y = c.chin - 0.26
    arc = curve([(-0.20, y + 0.10), (0.0, y - 0.03), (0.20, y + 0.10)], 9)
    c.stroke(c.on_face(arc, 0.04), c.line, 0.026, 0.12 + 0.5 * f.au17)
    for x, dy in ((-0.09, 0.10), (0.03, 0.06), (0.10, 0.12), (-0.02, 0.15), (-0.13, 0.15), (0.05, 0.17)):
        c.stroke(c.on_face([(x - 0.02, y + dy), (x + 0.02, y + dy + 0.015)], 0.04), c.line, 0.026, 0.6 * f.au17)
