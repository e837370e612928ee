import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torture.bad_archives import FILES as SOUND
from torture.bad_archives import FOREIGN, KINDS, bad_archives, packed
from typer.testing import CliRunner

from dacl_edu.data.archive import UnpackLimits, unpack
from dacl_edu.data.cli import app
from dacl_edu.errors import UserError

FILES = {"basic/EmoLabel/list.txt": b"train_00001.jpg 5", "basic/Image/ä.jpg": bytes(range(256)) * 40, "empty": b""}


def zipped(path, files=FILES, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def entry(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(content)


def tarred(path, *entries, mode="w"):
    with tarfile.open(path, mode) as file:
        for info, content in entries or [entry(name, content) for name, content in FILES.items()]:
            file.addfile(info, content)
    return path


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def left_behind(tmp_path, *known):
    return sorted(path.name for path in tmp_path.iterdir() if path.name not in known)


@pytest.mark.parametrize("kind", ["zip", "stored", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_every_kind_is_unpacked_by_its_content_whatever_its_name(tmp_path, kind):
    archive = tmp_path / "download"
    if kind in ("zip", "stored"):
        zipped(archive, compression=zipfile.ZIP_DEFLATED if kind == "zip" else zipfile.ZIP_STORED)
    else:
        tarred(archive, mode=f"w:{kind[4:]}")
    assert unpack(archive, tmp_path / "new" / "out") == 3
    assert contents(tmp_path / "new" / "out") == FILES
    assert os.listdir(tmp_path / "new") == ["out"]
    assert stat.S_IMODE((tmp_path / "new" / "out").stat().st_mode) == 0o755


def test_a_tar_that_holds_a_zip_is_a_tar(tmp_path):
    inner = zipped(tmp_path / "inner.zip").read_bytes()
    tarred(tmp_path / "a.tar", entry("inner.zip", inner))
    assert unpack(tmp_path / "a.tar", tmp_path / "out") == 1
    assert contents(tmp_path / "out") == {"inner.zip": inner}


def test_folders_and_backslashes_of_windows(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("folder/", b"")
        info = zipfile.ZipInfo("x")
        info.filename = "folder\\sub\\a.txt"
        file.writestr(info, b"a")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert contents(tmp_path / "out") == {"folder/sub/a.txt": b"a"}


OUTSIDE = [
    "../evil",
    "a/../../evil",
    "/evil",
    "a/b/../../../evil",
    "..",
    "C:/evil",
    "C:evil",
    "..\\evil",
    "\\\\host\\evil",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused_and_nothing_is_left(tmp_path, kind, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    archive = inner / "archive"
    zipped(archive, {"good": b"1", name: b"evil"}) if kind == "zip" else tarred(
        archive, entry("good", b"1"), entry(name, b"evil")
    )
    with pytest.raises(UserError, match=r"archive: '.*' leads out of the folder — this archive is not to be trusted"):
        unpack(archive, inner / "out")
    assert left_behind(inner, "archive") == [] and left_behind(tmp_path, "inner") == []


@pytest.mark.parametrize(
    "fields",
    [
        dict(type=tarfile.SYMTYPE, linkname="/etc"),
        dict(type=tarfile.SYMTYPE, linkname="good"),  # it stays inside, but nobody needs it
        dict(type=tarfile.LNKTYPE, linkname="good"),
        dict(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        dict(type=tarfile.BLKTYPE),
        dict(type=tarfile.FIFOTYPE),
    ],
    ids=["symlink out", "symlink in", "hard link", "character device", "block device", "fifo"],
)
def test_links_and_devices_of_tar_are_refused(tmp_path, fields):
    tarred(tmp_path / "a.tar", entry("good", b"1"), entry("sub", **fields), entry("sub/evil", b"2"))
    with pytest.raises(UserError, match="'sub' is a link, a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert left_behind(tmp_path, "a.tar") == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_of_zip_are_refused(tmp_path, kind):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("good", b"1")
        file.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="'link' is a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert left_behind(tmp_path, "a.zip") == []


def test_set_user_id_is_dropped(tmp_path):
    tarred(tmp_path / "a.tar", entry("run", b"#!", mode=0o6777))
    unpack(tmp_path / "a.tar", tmp_path / "out")
    assert (tmp_path / "out" / "run").stat().st_mode & 0o7022 == 0


ZEROS = bytes(300_000)
SMALL = UnpackLimits(total_bytes=10**9, ratio=50, free_ratio_bytes=100_000)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_bombs_are_refused_by_their_ratio(tmp_path, kind):
    archive = tmp_path / "bomb"
    zipped(archive, {"a": ZEROS}) if kind == "zip" else tarred(archive, entry("a", ZEROS), mode=f"w:{kind[4:]}")
    with pytest.raises(UserError, match=r"unpacks to more than 100,000 bytes, .* packed \(a bomb\)"):
        unpack(archive, tmp_path / "out", SMALL)
    assert left_behind(tmp_path, "bomb") == []
    unpack(archive, tmp_path / "out", UnpackLimits(ratio=10**6))


def test_a_real_bomb_is_refused_by_default(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as file, file.open("a", "w") as member:
        for _ in range(100):
            member.write(bytes(2**20))
    assert (tmp_path / "bomb").stat().st_size < 2**18
    with pytest.raises(UserError, match="a bomb"):
        unpack(tmp_path / "bomb", tmp_path / "out")


def test_a_zip_that_admits_to_too_much_is_not_even_opened(tmp_path, monkeypatch):
    zipped(tmp_path / "bomb", {"small": b"1", "a": ZEROS})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *arguments: pytest.fail("opened"))
    with pytest.raises(UserError, match="a bomb"):
        unpack(tmp_path / "bomb", tmp_path / "out", SMALL)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_much_in_all_or_too_many_files(tmp_path, kind):
    files = {f"f{number}": os.urandom(1000) for number in range(20)}
    archive = tmp_path / "archive"
    zipped(archive, files) if kind == "zip" else tarred(archive, *[entry(n, c) for n, c in files.items()])
    with pytest.raises(UserError, match="more than 19,000 bytes"):
        unpack(archive, tmp_path / "out", UnpackLimits(total_bytes=19_000))
    with pytest.raises(UserError, match="more than 19 entries"):
        unpack(archive, tmp_path / "out", UnpackLimits(entries=19))
    assert left_behind(tmp_path, "archive") == []
    assert unpack(archive, tmp_path / "out", UnpackLimits(entries=20)) == 20


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", {"a": ZEROS}).read_bytes())
    for at in (content.find(b"PK\x03\x04") + 22, content.find(b"PK\x01\x02") + 24):
        content[at : at + 4] = (500).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "out", SMALL)
    assert left_behind(tmp_path, "a.zip") == []


def test_a_huge_header_of_a_tar_counts_as_well(tmp_path):
    info, content = entry("a", b"1", pax_headers={"comment": "x" * 300_000})
    tarred(tmp_path / "a.tgz", (info, content), mode="w:gz")
    with pytest.raises(UserError, match="a bomb"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", SMALL)


def test_sparse_files_are_refused(tmp_path):
    # A GNU sparse file of 1 TiB takes one header.
    header = bytearray(tarfile.TarInfo("hole").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:398], header[398:410] = b"0" * 11 + b"\0", b"0" * 11 + b"\0"
    header[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(10240 - 512))
    with pytest.raises(UserError, match="a sparse file"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_occurs_twice_is_refused(tmp_path, kind):
    archive = tmp_path / "archive"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a/b", b"1")
            file.writestr("a//b", b"2")
    else:
        tarred(archive, entry("a/b", b"1"), entry("a/./b", b"2"))
    with pytest.raises(UserError, match="occurs twice"):
        unpack(archive, tmp_path / "out")


def test_encrypted_files_are_said_to_be(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", {"a": b"1"}).read_bytes())
    for at in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        content[at] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match="'a' is encrypted — unpack it with its password"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\x03\x04" + b"x" * 50, gzip.compress(b"x", mtime=0), bz2.compress(b"x")]
)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match=r"a: cannot be unpacked .* — download or copy the archive again"):
        unpack(tmp_path / "a", tmp_path / "out")
    assert left_behind(tmp_path, "a") == []


ODD_NAMES = (
    "zip of another code page", "zip of many dots", "tar with a name in no encoding",
    "tar with a line break in a name",
)  # fmt: skip
"""Sound archives whose files are called otherwise."""


def test_every_bad_archive_is_refused_and_leaves_nothing_or_gives_what_was_packed(tmp_path):
    tried = refused = 0
    for what, archive in bad_archives(tmp_path / "in", bomb=2**22):
        tried += 1
        try:
            unpack(archive, tmp_path / "out" / "x", UnpackLimits(free_ratio_bytes=2**20))
        except UserError as error:
            refused += 1
            assert str(archive) in str(error) and "\n" not in str(error), what
        else:
            found = contents(tmp_path / "out" / "x")
            shutil.rmtree(tmp_path / "out" / "x")
            changed = {name for name in found.keys() & SOUND.keys() if found[name] != SOUND[name]}
            assert not changed or what.startswith("tar with"), what  # a plain tar has no checksum of its content
            odd = found.keys() - SOUND.keys() - {"a", "good", "second"}
            assert not odd or what in ODD_NAMES, (what, odd)
        assert left_behind(tmp_path, "in", "out") == [] and not any((tmp_path / "out").glob("*")), what
    assert tried > 150 and refused > 100


@pytest.mark.parametrize("kind", KINDS)
def test_no_wrong_bit_changes_or_loses_a_file(tmp_path, kind):
    """Where there is a checksum. A plain tar has one of heads alone: there no file may be lost."""
    sound = packed(kind)
    random = Random(0)
    for turn in range(60):
        content = bytearray(sound)
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        (tmp_path / "a").write_bytes(content)
        with contextlib.suppress(UserError):
            unpack(tmp_path / "a", tmp_path / str(turn))
            found = contents(tmp_path / str(turn))
            assert len(found) == len(SOUND)
            assert kind == "tar" or found == SOUND


@pytest.mark.parametrize(("name", "start"), FOREIGN.items())
def test_archives_that_are_not_read_are_called_by_their_name(tmp_path, name, start):
    (tmp_path / "a.zip").write_bytes(start + bytes(range(256)) * 9)
    with pytest.raises(UserError, match=r"a\.zip: cannot be unpacked \(it is (an?|compressed)\b.* — ") as caught:
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert name.split()[0].lower() in str(caught.value).lower() or "web" in str(caught.value)


def test_a_head_that_tarfile_would_read_into_memory_is_refused(tmp_path):
    info, content = entry("a", b"1", pax_headers={"comment": "x" * 2**21})
    tarred(tmp_path / "a.tar", (info, content))
    with pytest.raises(UserError, match="a head of 2,0"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_what_stands_behind_the_end_of_a_tar_is_not_lost_in_silence(tmp_path):
    (tmp_path / "a").write_bytes(packed("tar") + packed("tar", {"second": b"2"}))
    with pytest.raises(UserError, match="more behind its end"):
        unpack(tmp_path / "a", tmp_path / "out")


def test_a_target_that_holds_something_is_left_alone(tmp_path):
    zipped(tmp_path / "a.zip")
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "a.zip", tmp_path / "out") == 3  # an empty folder is no harm
    with pytest.raises(UserError, match="out exists already"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    with pytest.raises(UserError, match="no such file"):
        unpack(tmp_path / "b.zip", tmp_path / "other")


def test_an_interrupted_unpacking_leaves_no_folder(tmp_path, monkeypatch):
    zipped(tmp_path / "a.zip")

    def interrupt(self, count=-1):
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipExtFile, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert left_behind(tmp_path, "a.zip") == []


def test_command(tmp_path):
    zipped(tmp_path / "a.zip")
    result = CliRunner().invoke(app, ["unpack", str(tmp_path / "a.zip"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0 and "3 files in" in result.stdout and contents(tmp_path / "out") == FILES


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["zip", "tar", "tar.gz", "tar.xz"]))
def test_damaged_archives_are_refused_or_unpacked_inside_and_raise_nothing_else(data, kind):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "archive"
        zipped(archive) if kind == "zip" else tarred(archive, mode=f"w:{kind[4:]}")
        content = bytearray(archive.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        archive.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            unpack(archive, folder / "out")
        except UserError as error:
            assert "archive" in str(error) and left_behind(folder, "archive") == []
        else:
            assert left_behind(folder, "archive") == ["out"]


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.sampled_from(["..", ".", "a", "b", "", "C:", "a b", "…"]), min_size=1, max_size=5),
    slash=st.sampled_from("/\\"), kind=st.sampled_from(["zip", "tar"]),
)  # fmt: skip
def test_no_name_writes_outside(parts, slash, kind):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "deep" / "er"
        folder.mkdir(parents=True)
        archive = folder / "archive"
        path = slash.join(parts)
        if kind == "zip":
            info = zipfile.ZipInfo("x")
            info.filename = path
            with zipfile.ZipFile(archive, "w") as file:
                file.writestr(info, b"evil")
        else:
            tarred(archive, entry(path, b"evil"))
        with contextlib.suppress(UserError):
            unpack(archive, folder / "out")
        outside = [p for p in Path(name).rglob("*") if p.is_file() and folder / "out" not in p.parents]
        assert outside == [archive]


def test_lzma_of_nothing_is_refused(tmp_path):
    (tmp_path / "a.xz").write_bytes(lzma.compress(b""))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(tmp_path / "a.xz", tmp_path / "out")
