#!/usr/bin/env python3
"""An agent CLI for the tests. Its prompt says what it does."""

import json
import os
import signal
import sys
import time


def say(**event):
    print(json.dumps(event), flush=True)


def attempt():
    """How often it was started for this prompt before."""
    path = os.path.expanduser("~/attempts")
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


def main():
    if "--help" in sys.argv:
        print("  --no-daemon")
        return 0
    if sys.stdin.isatty():
        facts = {"args": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
        with open(os.path.expanduser("~/interactive.json"), "w") as file:
            json.dump(facts, file)
        print("the agent is here", flush=True)
        time.sleep(600)
        return 0
    prompt = sys.stdin.buffer.read().decode()
    verb, *words = prompt.split() or [""]
    if verb == "count":
        for number in range(int(words[0])):
            say(n=number)
            time.sleep(float(words[1]))
    elif verb == "facts":
        say(args=sys.argv[1:], env=dict(os.environ), cwd=os.getcwd())
    elif verb == "sleep":
        say(started=True)
        time.sleep(600)
    elif verb == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(started=True)
        time.sleep(600)
    elif verb == "exit":
        print("a message", file=sys.stderr, flush=True)
        return int(words[0])
    elif verb == "crash":
        say(attempt=attempt())
        if attempt() // 2 <= int(words[0]):
            os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "big":
        line = json.dumps({"text": "x" * 1000}) + "\n"
        for _ in range(int(words[0]) * 1024 * 1024 // len(line)):
            sys.stdout.write(line)
    elif verb == "read":
        for path in words:
            try:
                found = sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read()
                say(path=path, found=found)
            except OSError as error:
                say(path=path, error=error.strerror)
        home = os.path.expanduser("~")
        open("written-by-agent", "w").write("x")
        say(home=home, processes=sum(name.isdigit() for name in os.listdir("/proc")))
    else:
        say(prompt=prompt, args=sys.argv[1:])
    return 0


sys.exit(main())
