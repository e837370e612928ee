"""The text of a file that an editor saved in whatever its system writes: UTF-8, UTF-16, or an older encoding."""

from __future__ import annotations

import json
import re

OLDER = ("cp1252", "gb18030", "shift_jis", "big5", "cp949")
"""Western Europe, China, Japan, Taiwan, Korea: where letters take two bytes, the second may look like a backslash."""

_PAIR = rb"[\xa1-\xfe]{2}"


def decoded(content: bytes) -> str | None:
    """Return the text of UTF-8, UTF-16 or UTF-32, with or without a mark at its beginning; None where it is none.

    Examples
    --------
    >>> decoded('{"a": 1}'.encode("utf-16-le")), decoded("{é}".encode("cp1252"))
    ('{"a": 1}', None)
    """
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def guessed(content: bytes) -> tuple[str | None, str]:
    r"""Return JSON that is in none of Unicode's encodings as text, and the encoding that it seems to have.

    A wrong guess may swallow the backslash of a line's end, and with it a line of code. So the reading with most line
    ends is taken; where several have as many, one of two bytes a letter if foreign letters come in pairs.

    Returns
    -------
    text : str or None
        None where no reading is JSON.
    encoding : str

    Examples
    --------
    >>> guessed(json.dumps({"a": "# 密度\nx"}, ensure_ascii=False).encode("gb18030"))
    ('{"a": "# 密度\\nx"}', 'gb18030')
    >>> guessed(json.dumps({"a": "# café\nx"}, ensure_ascii=False).encode("cp1252"))
    ('{"a": "# café\\nx"}', 'cp1252')
    >>> guessed(b"\x89PNG")[0] is None
    True
    """
    foreign = sum(byte > 127 for byte in content)
    paired = 2 * len(re.findall(_PAIR, content)) > 0.8 * foreign
    found = {}
    for encoding in OLDER:
        try:
            text = content.decode(encoding, "replace" if encoding == "cp1252" else "strict")
            ends = _line_ends(json.loads(text))
        except (ValueError, RecursionError):
            continue
        found[ends, (encoding == "gb18030") if paired else (encoding == "cp1252"), -OLDER.index(encoding)] = (
            text,
            encoding,
        )
    return found[max(found)] if found else (None, "")


def _line_ends(part: object) -> int:
    if isinstance(part, str):
        return part.count("\n")
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return sum(map(_line_ends, parts))
