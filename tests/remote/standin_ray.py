"""Stands in for the `ray` command of a laptop: exec runs bash behind a pseudo-terminal as ssh would, rsync copies, and all calls are kept.

Told by the folder STANDIN: `calls.jsonl` grows by a line a call; `down`, `deaf` and `full` are files whose presence means that there is
no head, that ssh fails, or that its disk is full; `state` is that of a head that is not ready; `answers.json` gives what verbs print,
else gantune itself runs, with STANDIN as the head's home and storage.
"""

from __future__ import annotations

import json
import os
import pty
import shlex
import shutil
import sys
from pathlib import Path

PLACE = Path(os.environ["STANDIN"])
FAR = "RAY_ADDRESS=auto python -P -m gantune.remote.far "


def main(words: list[str]) -> int:
    with (PLACE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    verb, *rest = words
    if verb == "get-head-ip":
        if (PLACE / "state").exists():
            print(f"Head node (10.77.0.10) is in state {(PLACE / 'state').read_text()}.")
            print("RuntimeError: Head node of cluster (lab) not found!", file=sys.stderr)
            return 1
        if (PLACE / "down").exists():
            print("RuntimeError: Head node of cluster (lab) not found!", file=sys.stderr)
            return 1
        print("Loaded cached provider configuration\n10.77.0.10")
        return 0
    if verb in ("rsync-up", "rsync-down"):
        source, target = rest[1:]
        assert source.endswith("/"), "contents, not the folder"
        if (PLACE / "full").exists():
            print("INFO node_provider.py:53 -- ClusterState: Loaded cluster state: ['10.77.0.10']", file=sys.stderr)
            print("rsync: [receiver] mkdir failed: No space left on device (28)\nrsync error: error in file IO (code 11)", file=sys.stderr)
            print("Error: SSH command failed.", file=sys.stderr)
            return 1
        shutil.copytree(source, target, dirs_exist_ok=True)
        return 0
    assert verb == "exec"
    print("\x1b[32mFetched IP\x1b[39m: 10.77.0.10", flush=True)
    if (PLACE / "deaf").exists():
        print("ssh: connect to host 10.77.0.10 port 22: No route to host\nError: SSH command failed.", file=sys.stderr)
        return 1
    code = command(rest[-1])
    print("Shared connection to 10.77.0.10 closed.", file=sys.stderr)
    if code:
        print(f"Error: Command failed:\n\n  ssh -tt root@10.77.0.10 {rest[-1]}\n", file=sys.stderr)
    return 1 if code else 0


def command(text: str) -> int:
    assert text.startswith(FAR), text
    if (PLACE / "answers.json").exists():
        return played(shlex.split(text.removeprefix(FAR)))
    os.environ |= {"HOME": str(PLACE / "home"), "GANTUNE_RUNS": str(PLACE / "shared" / "runs")}
    address = os.environ.get("STANDIN_RAY_ADDRESS", "")  # of the head's own Ray: `auto` might find somebody else's on this machine
    text = text.replace("RAY_ADDRESS=auto", f"RAY_ADDRESS={address}", 1)
    return os.waitstatus_to_exitcode(pty.spawn(["bash", "--noprofile", "--norc", "-c", f"echo a login shell greets; {text}"]))


def played(words: list[str]) -> int:
    """Answers as they stand in answers.json by verb: out, err, code, or `lost` after the output; with the line ends of a terminal."""
    from gantune.remote.frames import frame

    answers = json.loads((PLACE / "answers.json").read_text())
    verb = next(word for word in words if word in answers)
    answer = answers[verb]
    if verb == "--prepare":
        (PLACE / "shared" / "submitted" / "1").mkdir(parents=True, exist_ok=True)
        answer = {"out": str(PLACE / "shared" / "submitted" / "1")}
    marks = [frame("begin", answer.get("version", "0.1.0"))]
    marks += [frame(kind, answer[kind].encode()) for kind in ("out", "err") if kind in answer]
    marks += [] if "lost" in answer else [frame("end", answer.get("code", 0))]
    sys.stdout.buffer.write(b"bash: no job control in this shell\r\n" + b"".join(marks).replace(b"\n", b"\r\n"))
    sys.stdout.flush()
    return int(answer.get("code", 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
