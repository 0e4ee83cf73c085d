"""Measures the optimised programs against limits: start time and memory of deckwatch-mcp, generated documents for a
large repository, the launcher's help, hooks and a watch. Each measurement is a median, so that one slow run has no effect.

usage: check.py PROGRAMS    PROGRAMS is the folder that contains deckwatch-mcp, deckwatch-server and launcher
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import mesh

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "speed", "version": "1"}},
}
FILLER = "export function something(value: string): string { return value.trim(); }\n" * 8
ROUTE = "app.get('/x', handler);\n"
SERVER = "import express from 'express';\nimport {{ something }} from './f{next}';\nconst app = express();\n"
FAILED = []


def check(name, value, limit, unit):
    print(f"speed: {name}: {value:.1f} {unit}, limit {limit} {unit}")
    if value > limit:
        FAILED.append(name)


def median(runs, measure):
    return statistics.median(measure() for _ in range(runs))


def milliseconds(started):
    return (time.perf_counter() - started) * 1000


def run(*command, cwd=None, memory=None):
    """Returns the milliseconds that the command takes, and adds its largest resident memory in MB to `memory`."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = milliseconds(started)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"speed: {' '.join(map(str, command))} exited with {process.returncode}")
    if memory is not None:
        # Linux counts in KiB, macOS in bytes.
        memory.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)
    return elapsed


def started_server(program, directory, memory):
    """Returns the milliseconds from the start of the process to its answer to `initialize`."""
    started = time.perf_counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([program], cwd=directory, **pipes) as server:
        server.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        elapsed = milliseconds(started)
        assert answer["result"]["serverInfo"]["name"] == "deckwatch", answer
        memory.append(resident(server.pid))
        server.stdin.close()
    return elapsed


def resident(pid):
    """Returns the resident memory of the process in MB."""
    status = pathlib.Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) * 1024 / 1e6


def large_repository(directory):
    """Creates a repository of 50,000 files: half of them are code, every tenth contains a route. The files of TypeScript
    among these have an application each, and import the next file of TypeScript."""
    for folder in range(500):
        parent = directory / f"packages/p{folder:03}/src"
        parent.mkdir(parents=True)
        for file in range(100):
            ending = ["ts", "md", "py", "css", "go", "json"][file % 6]
            route = file % 10 == 0
            head = SERVER.format(next=file + 6) * (route and ending == "ts")
            (parent / f"f{file}.{ending}").write_text(head + FILLER + ROUTE * route)
    subprocess.run(["git", "init", "--quiet", directory], check=True)
    subprocess.run(["git", "-C", directory, "remote", "add", "origin", "https://github.com/example-org/a.git"], check=True)
    subprocess.run(["git", "-C", directory, "add", "--all"], check=True)


def main(programs):
    server, launcher = programs / "deckwatch-mcp", programs / "launcher"
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        large = pathlib.Path(home) / "large"
        large_repository(large)
        memory = []
        check("start until the answer to initialize", median(31, lambda: started_server(server, large, memory)), 15, "ms")
        check("resident memory after initialize", statistics.median(memory), 15, "MB")
        for document in ("project-instructions", "api", "schema"):
            peaks = []
            generate = [server, "generate", document]
            elapsed = median(3, lambda command=generate, peaks=peaks: run(*command, cwd=large, memory=peaks))
            check(f"document {document} for 50,000 files", elapsed, 2000, "ms")
            check(f"memory of document {document}", statistics.median(peaks), 300, "MB")
        check("launcher --help", median(31, lambda: run(launcher, "--help")), 10, "ms")
        mesh.measure(programs, pathlib.Path(home), check)
    if FAILED:
        sys.exit("speed: over the limit: " + ", ".join(FAILED))


main(pathlib.Path(sys.argv[1]).absolute())
