"""Archives from anywhere: damaged, hostile, foreign and odd.

`bad_archives` makes them by the same seed in the same order. Whoever unpacks one must either give exactly the files
that were packed, inside the folder, or raise a `UserError` that names the archive and leave nothing; in bounded memory
and disk.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

#: What the sound archives hold; whatever is unpacked from a damaged one must be among it.
FILES: Mapping[str, bytes] = {
    "basic/EmoLabel/list.txt": b"train_00001.jpg 5\n",
    "basic/Image/a.jpg": Random(0).randbytes(9_000),
    "basic/Image/ä.jpg": bytes(range(256)) * 40,
}
KINDS = ("zip", "stored", "tar", "tar.gz", "tar.bz2", "tar.xz")

#: Names that lead out of any folder.
OUTSIDE = ("../evil", "/evil", "a/../../evil", "C:/evil", "..\\evil", "\\\\host\\evil")

#: How files of other kinds begin.
FOREIGN = {
    "RAR 4": b"Rar!\x1a\x07\x00", "RAR 5": b"Rar!\x1a\x07\x01\x00", "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "zstd": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18", "compress": b"\x1f\x9d\x90", "lzip": b"LZIP\1",
    "cab": b"MSCF\0\0\0\0", "ar": b"!<arch>\n", "web page": b"<!DOCTYPE html><html>", "other web page": b"<html><head>",
    "JSON": b'{"error": "quota exceeded"}', "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
}  # fmt: skip


def packed(kind: str, files: Mapping[str, bytes] = FILES) -> bytes:
    """A sound archive."""
    stream = io.BytesIO()
    if kind in ("zip", "stored"):
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if kind == "zip" else zipfile.ZIP_STORED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return stream.getvalue()
    return tarred(*(member(name, content) for name, content in files.items()), how=kind[4:])


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """One entry of a tar, with any field as one likes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tarred(*members: tuple[tarfile.TarInfo, bytes], how: str = "") -> bytes:
    """A tar of these entries."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{how}") as archive:  # type: ignore[call-overload]
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def zipped(*entries: tuple[str, bytes], **fields: object) -> bytes:
    """A zip of these entries, with any field of their heads as one likes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in entries:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, content)
    return stream.getvalue()


def damaged(seed: int = 0, times: int = 12) -> Iterator[tuple[str, bytes]]:
    """Sound archives of every kind, cut off and with wrong bytes."""
    random = Random(seed)
    for kind in KINDS:
        sound = packed(kind)
        for end in (10, len(sound) // 2, len(sound) - 1, len(sound) // 512 * 512 - 512):
            yield f"{kind} cut at {end}", sound[:end]
        for _ in range(times):
            content = bytearray(sound)
            at = random.randrange(len(content))
            content[at] ^= 1 << random.randrange(8)
            yield f"{kind} with a wrong bit at {at}", bytes(content)
        yield f"{kind} with zeros in the middle", sound[: len(sound) // 3] + bytes(600) + sound[len(sound) // 3 + 600 :]
        yield f"{kind} with noise behind it", sound + random.randbytes(5_000)


def hostile(bomb: int) -> Iterator[tuple[str, bytes]]:
    """Archives that want out, or want too much."""
    for name in (*OUTSIDE, "a\0b", ".", "a/" * 3000 + "b"):
        yield f"zip with {name[:30]!r}", zipped(("good", b"1"), (name, b"evil"))
        yield f"tar with {name[:30]!r}", tarred(member("good", b"1"), member(name, b"evil"))
    kinds = {"symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "character device": tarfile.CHRTYPE,
             "block device": tarfile.BLKTYPE, "FIFO": tarfile.FIFOTYPE, "continuous": tarfile.CONTTYPE}  # fmt: skip
    for name, kind in kinds.items():
        yield f"tar with a {name}", tarred(member("x", type=kind, linkname="/etc"), member("x/passwd", b"evil"))
    for name, mode in {"symlink": stat.S_IFLNK, "device": stat.S_IFCHR, "FIFO": stat.S_IFIFO}.items():
        yield f"zip with a {name}", zipped(("x", b"/etc/passwd"), external_attr=(mode | 0o777) << 16)
    yield "zip that says twice", zipped(("a", b"1"), ("a", b"2"))
    yield "tar that says twice", tarred(member("a", b"1"), member("./a", b"2"))
    yield "file that is a folder", tarred(member("a", b"1"), member("a/b", b"2"))
    yield "encrypted zip", _encrypted()
    yield "zip with a wrong checksum", _wrong_checksum()
    zeros = bytes(bomb)
    yield "zip bomb", zipped(("zeros", zeros))
    yield "gz bomb", gzip.compress(tarred(member("zeros", zeros)), 9)
    yield "bz2 bomb", bz2.compress(tarred(member("zeros", zeros)))
    yield "xz bomb", lzma.compress(tarred(member("zeros", zeros)))
    yield "bomb behind the end", gzip.compress(packed("tar") + zeros)
    yield "tar with a huge head", tarred(member("a", b"1", pax_headers={"comment": "x" * (bomb // 2)}))
    yield "tar in gz in gz", gzip.compress(packed("tar.gz"))


def odd() -> Iterator[tuple[str, bytes]]:
    """What is none, holds nothing, or is packed in ways that are rare."""
    yield "empty", b""
    yield "zeros", bytes(20_000)
    yield "empty zip", packed("zip", {})
    yield "empty tar.gz", packed("tar.gz", {})
    yield "text in gz", gzip.compress(b"emotion,pixels,Usage\n")
    yield "tar without its end", packed("tar")[: -10240 + sum(map(len, FILES.values())) % 512]
    yield "two tars", packed("tar") + tarred(member("second", b"2"))
    yield "two gz of one tar", gzip.compress(packed("tar")[:5000]) + gzip.compress(packed("tar")[5000:])
    yield "zip of another code page", zipped(("caf\xe9/\xff.txt", b"1"))
    yield "zip of many dots", zipped(("a.../b. /c", b"1"))
    yield "tar with a name in no encoding", tarred(member("a\udcff\udcfe", b"1"))
    yield "tar with a line break in a name", tarred(member("a\nb\x1b[31m", b"1"))
    yield "name of 300 letters", zipped(("x" * 300, b"1"))
    for name, start in FOREIGN.items():
        yield name, start + Random(1).randbytes(3_000)


def bad_archives(folder: Path, seed: int = 0, bomb: int = 100 * 2**20) -> Iterator[tuple[str, Path]]:
    """Write one bad archive after another.

    Parameters
    ----------
    folder : Path
        Is made anew; files stay in it.
    seed : int
        Which bytes are damaged.
    bomb : int
        Zeros that a bomb unpacks to.

    Yields
    ------
    name : str
        What is wrong.
    path : Path
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    number = 0
    for source in (damaged(seed), hostile(bomb), odd()):
        for name, content in source:
            path = folder / f"{number:03d}.archive"
            path.write_bytes(content)
            number += 1
            yield name, path
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "fifo")
        yield "FIFO", folder / "fifo"
    yield "folder", folder


def _encrypted() -> bytes:
    content = bytearray(packed("zip"))
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(start) + offset] |= 1
    return bytes(content)


def _wrong_checksum() -> bytes:
    content = bytearray(packed("stored"))
    content[content.find(FILES["basic/Image/a.jpg"]) + 4_000] ^= 1
    return bytes(content)
