#!/usr/bin/env python3
"""An agent CLI for the tests. Its prompt says what it does."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def say(**event):
    print(json.dumps(event), flush=True)


def facts():
    return {"args": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}


def count(number, pause):
    for n in range(int(number)):
        say(n=n)
        time.sleep(float(pause))


def sleep(*_):
    say(started=True)
    time.sleep(600)


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()


def fail(code):
    print("a message", file=sys.stderr, flush=True)
    sys.exit(int(code))


def crash(times):
    attempts = Path.home() / "attempts"
    with attempts.open("a") as file:
        file.write("x")
    attempt = attempts.stat().st_size
    say(attempt=attempt)
    if attempt <= int(times):
        os.kill(os.getpid(), signal.SIGKILL)


def big(mebibytes):
    line = json.dumps({"text": "x" * 1000}) + "\n"
    for _ in range(int(mebibytes) * 1024 * 1024 // len(line)):
        sys.stdout.write(line)


def read(*paths):
    for path in map(Path, paths):
        try:
            found = sorted(os.listdir(path)) if path.is_dir() else path.read_text()
            say(path=str(path), found=found)
        except OSError as error:
            say(path=str(path), error=error.strerror)
    Path("written-by-agent").write_text("x")
    say(processes=sum(name.isdigit() for name in os.listdir("/proc")))


def interactive():
    """Writes what it gets from its terminal to files."""
    home = Path.home()
    (home / "interactive.json").write_text(json.dumps(facts()))
    signal.signal(signal.SIGWINCH, lambda *_: (home / "size").write_text("{}x{}".format(*os.get_terminal_size())))
    print("the agent is here \x1b[38;2;255;100;0m✓ 日本\x1b[0m", flush=True)
    for line in sys.stdin:
        with (home / "typed").open("a") as file:
            file.write(line)


VERBS = {
    "count": count,
    "facts": lambda: say(**facts()),
    "sleep": sleep,
    "stubborn": stubborn,
    "exit": fail,
    "crash": crash,
    "big": big,
    "read": read,
}


def main():
    if "--help" in sys.argv:
        print("  --no-daemon")
    elif sys.stdin.isatty():
        interactive()
    else:
        prompt = sys.stdin.buffer.read().decode()
        verb, *words = prompt.split() or [""]
        if verb in VERBS:
            VERBS[verb](*words)
        else:
            say(prompt=prompt, args=sys.argv[1:])


main()
