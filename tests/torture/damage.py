"""Damage that knows the structure of what it damages: cells of a table, values of a JSON tree, bytes of a file."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

WORDS = [
    "", " ", "0", "-1", "7", "11", "1.5", "0_3", "３", "1e400", "nan", "inf", "-inf", "9" * 30, "0x1", "None", "null",
    "true", "\x1b[2J", "\u202e", "\0", "\r", "\u2028", "a" * 150_000, "../../etc/passwd", "/dev/zero", "C:\\a.jpg", '"',
    '"""', "'", ",", ";", "\t", "=1+1", "{}", "[]", "{0}", "%s", "é", "e\u0301", "王", "🙂", "Training ", "TRAIN",
]  # fmt: skip
"""What may stand where a word or a number is expected."""

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 10**30, 1.5, float("nan"), float("inf"), [], {}, [[]], [None], {"": None}, "x",
    [1, "2"], {"a": {"b": []}}, *WORDS,
]  # fmt: skip
"""What may stand where a value of JSON is expected."""

ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "gb18030", "utf-7"]


def damaged_text(random: Random, whole: str) -> bytes:
    """Return a table or list of lines in which a few cells or lines are replaced, doubled, gone or swapped."""
    parts = re.split(random.choice([r"([\n,]+)", r"([\s,;]+)"]), whole)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(parts))
        match random.randrange(6):
            case 0 | 1:
                parts[at] = random.choice(WORDS)
            case 2:
                parts[at : at + random.choice([1, 1, 7])] = []
            case 3:
                parts.insert(at, random.choice(WORDS))
            case 4:
                parts[at:at] = parts[at : at + random.choice([1, 10])]
            case 5:
                other = random.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
        parts = parts or [""]
    lines = "".join(parts).split("\n")
    if random.random() < 0.2:
        random.shuffle(lines)
    if random.random() < 0.15:
        lines = lines[: random.choice([0, 1, 2])]
    text = random.choice(["\n"] * 6 + ["\r\n", "\r", "\n\n"]).join(lines)
    return damaged_bytes(random, text.encode(random.choice(ENCODINGS), "replace"), 0.1)


def damaged_json(random: Random, whole: Any) -> bytes:
    """Return a JSON document in which a few values, at any depth, are others, gone, or of another name."""
    tree = [copy.deepcopy(whole)]
    for _ in range(random.randint(1, 3)):
        place: Any = tree
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = random.choice(list(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and random.random() < 0.7:
                place = inner
                continue
            match random.randrange(4):
                case 0 if place is not tree:
                    del place[key]
                case 1 if isinstance(place, dict):
                    place[random.choice(WORDS)] = place.pop(key)
                case 2 if isinstance(place, list) and place is not tree:
                    place.append(random.choice(VALUES))
                case _:
                    place[key] = random.choice(VALUES)
            break
    text = json.dumps(tree[0], ensure_ascii=random.random() < 0.5)
    return damaged_bytes(random, text.encode(random.choice(ENCODINGS), "replace"), 0.15)


def damaged_bytes(random: Random, content: bytes, share: float = 1.0) -> bytes:
    """Return bytes that are cut, flipped, doubled or overwritten, in a share of the calls."""
    if random.random() >= share or not content:
        return content
    at = random.randrange(len(content))
    match random.randrange(5):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]
        case 2:
            return content[:at] + bytes(random.choice([1, 600])) + content[at + 1 :]
        case 3:
            return content[:at] + content[at // 2 :]
        case _:
            return random.choice([b"", b"\0", b"[" * 100_000, b'{"a":' * 50_000, bytes(range(256)), b"\xff\xfe"])
