"""Packs: what goes in comes out, and nothing else does."""

from __future__ import annotations

import io
import random
import shutil
import struct
import tarfile

import pytest

from reenact import _native, packs
from reenact.errors import ReenactError, TraceError


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def full(trace):
    """A trace with files of many sizes, of one piece and of several."""
    (trace / "files").mkdir(exist_ok=True)
    (trace / "sources").mkdir()
    (trace / "files.jsonl").write_text("")
    for number, size in enumerate((0, 1, 511, 512, 513, 5 << 20, (4 << 20) - 512, 4 << 20)):
        content = random.Random(number).randbytes(size // 2) + bytes(size - size // 2)
        (trace / "files" / str(number)).write_bytes(content)
    (trace / "sources" / "0").write_text("int main;\n")
    return trace


def test_all_of_it_comes_out(full, tmp_path):
    pack, target = tmp_path / "one.reenact", tmp_path / "out"
    assert packs.write(str(full), str(pack)) == pack.stat().st_size
    packs.unpack(str(pack), str(target))
    assert _files(target) == _files(full)
    assert packs.is_pack(str(pack))
    assert not packs.is_pack(str(full))
    assert not packs.is_pack(str(full / "manifest.json"))


def test_what_is_there_is_kept(full, tmp_path):
    pack = tmp_path / "one.reenact"
    pack.write_text("mine")
    with pytest.raises(ReenactError, match="exists"):
        packs.write(str(full), str(pack))
    assert pack.read_text() == "mine"
    with pytest.raises(ReenactError, match="cannot be written"):
        packs.write(str(full), str(tmp_path / "nowhere" / "one.reenact"))


def test_damage(trace, tmp_path):
    """Cut or changed anywhere: one sentence, and nothing is left; or a bit that means nothing."""
    pack, target = tmp_path / "one.reenact", tmp_path / "out"
    packs.write(str(trace), str(pack))
    whole, chosen, harmless = pack.read_bytes(), random.Random(3), 0
    changed = [whole[:length] for length in range(0, len(whole), 97)]
    for _ in range(300):
        at = chosen.randrange(len(whole))
        changed.append(whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :])
    for content in changed:
        pack.write_bytes(content)
        said = None
        try:
            packs.unpack(str(pack), str(target))
        except TraceError as error:
            said = str(error)
        if said is not None:
            assert "is not a whole pack" in said
            assert not target.exists()
        else:
            assert len(content) == len(whole)
            assert _files(target) == _files(trace)
            shutil.rmtree(target)
            harmless += 1
    # One bit of a frame's header is nobody's (RFC 8878, 3.1.1.1.1.3).
    assert harmless < 10
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def _made(members) -> bytes:
    """A pack of such headers and contents."""
    archive = b"".join(
        header.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)
        for header, content in members
    )
    archive += bytes(1024)
    frame = _native.compress_frame(archive, 1)
    table = struct.pack("<II", len(frame), len(archive)) + struct.pack("<IBI", 1, 0, 0x8F92EAB1)
    return frame + struct.pack("<II", 0x184D2A5E, len(table)) + table


def _member(name, content=b"{}", **changes):
    header = tarfile.TarInfo(name)
    header.size = len(content)
    for field, value in changes.items():
        setattr(header, field, value)
    return header, content


@pytest.mark.parametrize(
    "members",
    [
        [_member("../manifest.json")],
        [_member("/manifest.json")],
        [_member("files/../../x")],
        [_member("files/x")],
        [_member("other")],
        [_member("manifest.json"), _member("manifest.json")],
        [_member("manifest.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [_member("manifest.json", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
        [_member("files/1", type=tarfile.DIRTYPE)],
        [_member("files/1", type=tarfile.CHRTYPE)],
        [_member("files/1")],
        [(_member("manifest.json", size=1 << 40)[0], b"{}")],
        [(_member("manifest.json", size=3000)[0], b"{}")],
    ],
)
def test_hostile(members, tmp_path):
    pack, target = tmp_path / "one.reenact", tmp_path / "out"
    pack.write_bytes(_made(members))
    with pytest.raises(TraceError, match="is not a whole pack"):
        packs.unpack(str(pack), str(target))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "traces") == [pack.name]


def test_a_bomb(tmp_path):
    """What would not fit is refused before anything is written; so are frames that say less."""
    pack, frame = tmp_path / "one.reenact", _native.compress_frame(bytes(4 << 20), 19)
    count = 1 << 20
    table = struct.pack("<II", len(frame), 4 << 20) * count
    table += struct.pack("<IBI", count, 0, 0x8F92EAB1)
    with pack.open("wb") as file:
        file.truncate(len(frame) * count)
        file.seek(0, io.SEEK_END)
        file.write(struct.pack("<II", 0x184D2A5E, len(table)) + table)
    with pytest.raises(ReenactError, match="are free"):
        packs.unpack(str(pack), str(tmp_path / "out"))
    with pytest.raises(ValueError, match="damaged"):
        _native.decompress_frame(frame, 1 << 20)


def test_commands(run, full, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    status, out, _ = run("pack", str(full), "-o", "one.reenact")
    assert (status, out.split(":")[0]) == (0, "one.reenact")
    first = run("ps", "one.reenact")
    assert first[:2] == run("ps", str(full))[:2]
    assert run("ps", "one.reenact") == first
    assert len(list((tmp_path / "cache/reenact/packs").iterdir())) == 1
    status, out, _ = run("unpack", "one.reenact", "-o", "out")
    assert (status, out) == (0, f"unpacked to {tmp_path}/out\n")
    assert _files(tmp_path / "out") == _files(full)
    status, _, err = run("unpack", str(full / "manifest.json"))
    assert status == 125
    assert "is not a pack" in err
    for number in range(20):
        (tmp_path / f"{number}.reenact").write_bytes((tmp_path / "one.reenact").read_bytes())
        assert run("ps", f"{number}.reenact")[0] == 0
    assert len(list((tmp_path / "cache/reenact/packs").iterdir())) == 8
