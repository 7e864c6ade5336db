"""Run on a host as root: wait for a step of an app's deploy, and kill what takes it. Prints what was killed.

    python3 - APP STEP HOW

STEP is one of a cutover, as the journal tells of it, or `build`. HOW is `module` for the process and all that it started, `ssh` for
the connection that it came by, `host` to have it halt until the host is rebooted, or `nothing`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

APP, STEP, HOW = sys.argv[1:]
DEADLINE = time.monotonic() + 90


def holder(action=""):
    """Process of the deploy that holds the app's lock for an action."""
    with contextlib.suppress(OSError, ValueError), open(f"/srv/{APP}/.lock") as file:
        record = json.load(file)
        return record["pid"] if record["action"].startswith(action) and os.path.exists(f"/proc/{record['pid']}") else 0
    return 0


def ancestors(pid):
    while pid > 1:
        with open(f"/proc/{pid}/stat") as file:
            name, _, rest = file.read().rpartition(") ")
        yield pid, name.partition("(")[2]
        pid = int(rest.split()[1])


def begun():
    """Whether the step has begun, asked again and again."""
    if STEP == "build":
        while time.monotonic() < DEADLINE:
            yield holder("build") != 0
            time.sleep(0.01)
        return
    follow = ["timeout", "90", "journalctl", "--follow", "--lines=0", "--identifier=slipway", "--output=cat"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as journal:
        for line in journal.stdout:
            yield line.startswith(f"{APP}: ") and line.endswith(f": step {STEP}\n")


print("waits", flush=True)
if not any(begun()):
    sys.exit(f"{APP} never came to its step {STEP}")
pid = holder()
if not pid:
    sys.exit(f"{APP}'s deploy was over before its step {STEP} was cut off")
if HOW == "module":
    os.killpg(os.getpgid(pid), signal.SIGKILL)
elif HOW == "host":
    os.killpg(os.getpgid(pid), signal.SIGSTOP)
elif HOW == "ssh":
    # The nearest is the connection's own, the furthest is the one that all connections come to.
    pid = next(number for number, name in ancestors(pid) if name.startswith("sshd"))
    os.kill(pid, signal.SIGKILL)
print(f"{HOW} {pid}", flush=True)
os._exit(0)
