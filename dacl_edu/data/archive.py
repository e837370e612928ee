"""Unpack an archive that came from anywhere, without leaving the target folder and without filling the disk.

Refused: names that lead out (``..``, absolute, a drive), links, devices, encrypted files, names that occur twice,
archives that unpack to far more than they are, and damaged ones: every checksum is compared, and a tar must end where
it says so. Nothing is left behind by an archive that is refused.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, cast

from dacl_edu.errors import UserError

#: What the standard library raises for bytes that are not the archive they claim to be.
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError,
    RuntimeError, LookupError, ArithmeticError,
)  # fmt: skip


#: How files begin that are taken for archives and are not read.
_FOREIGN = {
    b"Rar!": "a RAR archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x04\x22\x4d\x18": "compressed by lz4", b"\x1f\x9d": "compressed by compress", b"LZIP": "compressed by lzip",
    b"MSCF": "a CAB archive", b"!<arch>": "an ar archive", b"xar!": "a xar archive",
}  # fmt: skip
_NO_ARCHIVE = {
    b"<!": "a web page", b"<h": "a web page", b"<?xml": "a message of a web server", b"{": "a message of a web server",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself", b"%pdf": "a PDF document",
}  # fmt: skip


@dataclass(frozen=True)
class UnpackLimits:
    """What an archive may unpack to.

    Attributes
    ----------
    total_bytes : int
        All files together.
    ratio : float
        Unpacked size by the size of the archive; photographs hardly shrink, so 100 is far from any honest one.
    entries : int
        Files and folders.
    free_ratio_bytes : int
        Below this total the ratio does not matter: a label file of zeros is no bomb.
    """

    total_bytes: int = 500 * 2**30
    ratio: float = 100.0
    entries: int = 5_000_000
    free_ratio_bytes: int = 64 * 2**20


def unpack(archive: str | Path, target: str | Path, limits: UnpackLimits | None = None) -> int:
    """Unpack an archive into a new folder.

    Parameters
    ----------
    archive : path
        A zip file, or a tar file, plain or compressed by gzip, bzip2 or xz; its content says which, not its name.
    target : path
        Folder to be made. It appears only once everything is unpacked.
    limits : UnpackLimits, optional
        The default suits every data set that this package reads.

    Returns
    -------
    int
        Files unpacked.

    Raises
    ------
    UserError
        The archive is damaged, encrypted or refused, or the folder exists already.
    """
    archive, target = Path(archive).expanduser(), Path(target).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} exists already", hint="give a new folder (--out), or remove this one")
    if not archive.is_file():
        raise UserError(f"{archive}: no such file", hint="say where the archive is")
    magic = _magic(archive)
    if foreign := _named(magic, _FOREIGN):
        raise UserError(
            f"{archive}: cannot be unpacked (it is {foreign}, which is not read)",
            hint="unpack it with a program of its own and use the folder, or get it as zip or tar",
        )
    if foreign := _named(magic.lower(), _NO_ARCHIVE):
        hint = "download or copy the archive again; where one must log in, with a browser"
        raise UserError(f"{archive}: cannot be unpacked (it is {foreign})", hint=hint)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the renaming at the end is one step.
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        budget = _Budget(archive, limits or UnpackLimits())
        files = (
            _unpack_zip(archive, partial, budget) if magic.startswith(b"PK") else _unpack_tar(archive, partial, budget)
        )
        if not files:
            raise EOFError("it holds no file")
        partial.chmod(0o755)  # mkdtemp makes it for the user alone
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except _DAMAGED as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        hint = "make room on the disk, or unpack on another (--out)" if full else "download or copy the archive again"
        raise UserError(f"{archive}: cannot be unpacked ({error})", hint=hint) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return files


class _Budget:
    """What may still be unpacked, and the names that were."""

    def __init__(self, archive: Path, limits: UnpackLimits) -> None:
        self.archive, self.limits = archive, limits
        self.bytes, self.entries = 0, 0
        self.most = min(limits.total_bytes, max(limits.free_ratio_bytes, int(limits.ratio * archive.stat().st_size)))
        self._seen: set[str] = set()

    def refuse(self, what: str) -> UserError:
        return UserError(f"{self.archive}: {what}", hint="this archive is not to be trusted: get it from its authors")

    def spend(self, count: int) -> None:
        """Count bytes before they are written."""
        self.bytes += count
        if self.bytes > self.most:
            raise self.refuse(
                f"unpacks to more than {self.most:,} bytes, {self.archive.stat().st_size:,} packed (a bomb)"
            )

    def enter(self, name: str, folder: bool) -> str:
        """Count an entry, refuse a name that leads out of the folder or hides another, and say where it belongs."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise self.refuse(f"has more than {self.limits.entries:,} entries (a bomb)")
        windows = PureWindowsPath(name)  # the stricter reading: it knows drives, and both kinds of slash
        if windows.drive or windows.root or ".." in windows.parts or "\0" in name:
            raise self.refuse(f"{name!r} leads out of the folder")
        plain = str(PurePosixPath(name.replace("\\", "/")))
        if not folder and plain in (".", ""):
            raise self.refuse(f"{name!r} is no file name")
        if not folder and plain in self._seen:
            raise self.refuse(f"{name!r} occurs twice")
        if not folder:
            self._seen.add(plain)
        return plain


def _unpack_zip(archive: Path, folder: Path, budget: _Budget) -> int:
    files = 0
    with zipfile.ZipFile(archive) as source:
        places: list[tuple[str, zipfile.ZipInfo | None]] = []
        # What the directory of the archive admits to is refused before anything is written ...
        for member in source.infolist():
            place = budget.enter(member.filename, member.is_dir())
            places.append((place, None if member.is_dir() else member))
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise budget.refuse(f"{member.filename!r} is a link or a device")
            if member.flag_bits & 1:
                raise UserError(f"{archive}: {member.filename!r} is encrypted", hint="unpack it with its password")
            budget.spend(member.file_size)
        budget.bytes = 0
        for place, packed_file in places:
            path = folder / place
            if packed_file is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with source.open(packed_file) as packed, open(path, "xb") as file:
                # ... and what it keeps silent about, while it is.
                while part := packed.read(2**20):
                    budget.spend(len(part))
                    file.write(part)
            files += 1
    return files


def _unpack_tar(archive: Path, folder: Path, budget: _Budget) -> int:
    if not hasattr(tarfile, "data_filter"):
        raise UserError("this Python cannot unpack tar files safely", hint="use Python 3.11.4 or later")
    files = 0
    # As a stream: a compressed tar has no directory, and reading ahead for one would unpack a bomb.
    with (
        _decompressed(archive) as plain,
        tarfile.open(fileobj=cast(IO[bytes], _Metered(plain, budget)), mode="r|", tarinfo=_StrictInfo) as source,
    ):
        for member in _members(source):
            budget.enter(member.name, member.isdir())
            if member.issparse() or not (member.isreg() or member.isdir()):
                raise budget.refuse(f"{member.name!r} is a link, a device or a sparse file")
            # The filter of the standard library checks names once more and drops set-user-ID bits and owners.
            source.extract(member, folder, filter="data")
            files += member.isreg()
        # To the end of the stream, where its checksum is compared; a second tar behind the first would be lost.
        assert source.fileobj is not None
        while rest := source.fileobj.read(2**20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("there is more behind its end")
    return files


class _StrictInfo(tarfile.TarInfo):
    """A damaged or missing head in a tar is an error; tarfile itself takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: Any, errors: Any) -> Any:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADS and member.size > _HEAD_BYTES:  # tarfile would read it into memory
            raise tarfile.ReadError(f"a head of {member.size:,} bytes")
        return member

    @classmethod
    def fromtarfile(cls, source: Any) -> Any:
        try:
            return super().fromtarfile(source)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the mark of the end
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}; it is damaged, cut off, or no archive") from error


#: What comes before a file of a tar and says more of it, such as a long name; and how much that may be.
_HEADS = (b"L", b"K", b"x", b"g", b"X")
_HEAD_BYTES = 2**20


def _members(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in source:
        yield member
        source.members = []  # type: ignore[attr-defined]  # tarfile keeps them all: a gigabyte for a million files


def _decompressed(archive: Path) -> Any:
    magic = _magic(archive)
    for start, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if magic.startswith(start):
            return opener(archive, "rb")
    return open(archive, "rb")


def _magic(archive: Path) -> bytes:
    with open(archive, "rb") as file:
        return file.read(32)


def _named(magic: bytes, names: dict[bytes, str]) -> str | None:
    return next((name for start, name in names.items() if magic.startswith(start)), None)


class _Metered(io.RawIOBase):
    """A stream of the unpacked tar, of which no more can be read than the budget allows: headers count as well."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self._budget.spend(len(part))
        return part
