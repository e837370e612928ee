"""Kill, fill, damage and mislead: does anything get lost, wrong or a traceback?

    python -m tools.torture                     every kind, 20 minutes at most; goes on where it stopped
    python -m tools.torture kills disk          these kinds
    python -m tools.torture --again             from the beginning, as it does when the code has changed

One line a kind: tried, survived, lost; then what was lost, by the names of the cases. A case survives
where the command succeeds, or says in one readable sentence what is wrong, in bounded memory. A killed run survives if
the same command then ends with the bits of a run that was left alone (tests/torture).
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402
from torture.kinds import KINDS, results  # noqa: E402

from dacl_edu.files import write_json  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Try what was not tried yet, print what came of it, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=", ".join(KINDS))
    parser.add_argument("--minutes", type=float, default=20, help="for all kinds together [20]")
    parser.add_argument("--count", type=int, help="cases a kind, where it makes as many as asked for")
    parser.add_argument("--again", action="store_true", help="forget what was tried before")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "torture", help="folder of its files [build/torture]"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "torture.json"
    code = sources()
    known = {} if given.again else results(file)
    found = known.get("found", {}) if known.get("code") == code else {}  # what other code survived says nothing
    if not found:
        shutil.rmtree(given.out)
        given.out.mkdir()
    chosen = [kind for kind in KINDS if not given.kinds or kind in given.kinds]
    end = time.monotonic() + 60 * given.minutes
    for at, kind in enumerate(chosen):
        until = time.monotonic() + max(0, end - time.monotonic()) / (len(chosen) - at)  # the rest, shared
        before, saved = found.get(kind, {}), time.monotonic()
        done = found[kind] = {}
        finished = True
        for name, case in KINDS[kind](given.out / kind, **({"count": given.count} if given.count else {})):
            if before.get(name) == "":  # what was lost is tried anew
                done[name] = ""
                continue
            if time.monotonic() > until:
                finished = False
                break
            done[name] = case()
            if time.monotonic() - saved > 2:
                write_json(file, {"code": code, "found": found})
                saved = time.monotonic()
        if not finished:
            done |= {name: words for name, words in before.items() if name not in done}
        write_json(file, {"code": code, "found": found})
        lost = {name: words for name, words in done.items() if words}
        more = "" if finished else "; the same command goes on"
        kept = len(done) - len(lost)
        print(f"{kind:<12} {len(done):>5} tried {kept:>5} survived {len(lost):>4} lost{more}", flush=True)
        for name, words in lost.items():
            print(f"    {name}: {words[:300]}", flush=True)
    return any(words for kind in chosen for words in found[kind].values())


def sources() -> str:
    """Return a digest of all that is tortured and tortures."""
    digest = hashlib.sha256()
    for folder in ("dacl_edu", "dacl_edu_course", "tests/torture"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
