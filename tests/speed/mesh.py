"""Measures what the mesh costs an agent: a hook at its turn, and its MCP server with an open watch. The engine, the server and
the hooks are the real programs.

The memory of a hook is read while it waits to write its answer into a pipe that is smaller than the answer. Most of the memory
are pages of the program's file, which all agents of a machine share. What a process has for itself is limited too.
"""

import fcntl
import json
import os
import pathlib
import resource
import secrets
import statistics
import subprocess
import time
import urllib.request

AGENT, SENDER, VENTURE = "speed-claude-1", "speed-codex-1", "alpha"
TIMEOUT = 30
MESSAGE_BYTES = 6_000


class Mesh:
    """An engine with an agent that has hooks, and with another agent that writes to it."""

    def __init__(self, programs, home):
        self.program, self.home, self.repository = programs / "deckwatch-mcp", home, home / "alpha-console"
        subprocess.run(["git", "init", "--quiet", self.repository], check=True)
        remote = "https://github.com/example-org/alpha-console.git"
        subprocess.run(["git", "-C", self.repository, "remote", "add", "origin", remote], check=True)
        self.key, admin_key = secrets.token_hex(32), secrets.token_hex(32)
        keys = {"CONTEXT_API_KEY": self.key, "ADMIN_API_KEY": admin_key}
        command = [programs / "deckwatch-server", "--port", "0", "--data", home / "engine"]
        self.engine = subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.PIPE, text=True)
        self.url = self.engine.stdout.readline().split()[1]
        self.put_venture(admin_key)
        self.servers = [self.server(AGENT), self.server(SENDER)]
        until("the agent takes messages", lambda: any("session_id" in lock.read_text() for lock in self.files("server.lock")))

    def put_venture(self, admin_key):
        headers = {
            "Authorization": f"Bearer {admin_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        body = json.dumps({"name": "Alpha", "repos": ["example-org/alpha-console"]}).encode()
        request = urllib.request.Request(f"{self.url}/v1/ventures/{VENTURE}", body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=TIMEOUT).close()

    def environment(self, agent):
        mine = {"DECKWATCH_AGENT": agent, "DECKWATCH_VENTURE": VENTURE, "DECKWATCH_HOOKS": "1"}
        return os.environ | mine | {"CONTEXT_API_URL": self.url, "CONTEXT_API_KEY": self.key}

    def server(self, agent):
        """Starts the MCP server of an agent, and its day."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([self.program], cwd=self.repository, env=self.environment(agent), **pipes)
        information = {"name": "speed", "version": "1"}
        ask(server, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": information})
        call(server, "sod", {})
        return server

    def send(self, length):
        """Sends a message, and waits until it is in the folder of the agent. Without a watch, that takes 30 seconds."""
        call(self.servers[1], "send", {"to": [AGENT], "kind": "note", "body": "word " * (length // 5)})
        until("the message arrives by the watch", lambda: self.files("mail/*.json"), 20)

    def files(self, pattern):
        return list(self.home.glob(f".local/state/deckwatch/mail/*/*/{AGENT}/{pattern}"))

    def hook(self):
        """Starts a hook after a tool whose answer has 100,000 characters."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        hook = subprocess.Popen([self.program, "hook", "claude", "after-tool"], env=self.environment(AGENT), **pipes)
        hook.stdin.write(json.dumps({"tool_name": "Bash", "tool_response": "x" * 100_000}).encode())
        hook.stdin.close()
        return hook

    def turn_ends(self):
        """The bytes of a turn are limited, so that each message is shown in a turn of its own."""
        command = [self.program, "hook", "claude", "prompt"]
        subprocess.run(command, env=self.environment(AGENT), input=b"{}", stdout=subprocess.DEVNULL, check=True)

    def close(self):
        for server in self.servers:
            server.stdin.close()
            server.wait(TIMEOUT)
        self.engine.kill()
        self.engine.wait()


def ask(server, method, parameters):
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    server.stdin.write(json.dumps(request).encode() + b"\n")
    server.stdin.flush()
    while True:
        answer = json.loads(server.stdout.readline())
        if answer.get("id") == 1:
            return answer["result"]


def call(server, tool, arguments):
    result = ask(server, "tools/call", {"name": tool, "arguments": arguments})
    assert not result.get("isError"), result
    return result


def until(what, is_so, limit=TIMEOUT):
    started = time.perf_counter()
    while not is_so():
        assert time.perf_counter() - started < limit, f"timed out: {what}"
        time.sleep(0.05)


def status(process, field):
    """Returns a size of a process in MB."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024 / 1e6


def timed_hook(mesh, is_shown):
    """Returns the milliseconds of a hook."""
    started = time.perf_counter()
    hook = mesh.hook()
    text = hook.stdout.read()
    hook.wait()
    elapsed = (time.perf_counter() - started) * 1000
    assert bool(text) == is_shown, text
    return elapsed


def hook_memory(mesh):
    """Returns the most memory of a hook that shows a message, and what of it is its own, in MB."""
    mesh.send(MESSAGE_BYTES)
    hook = mesh.hook()
    fcntl.fcntl(hook.stdout, fcntl.F_SETPIPE_SZ, 4096)
    peak = 0
    while (now := status(hook, "VmHWM:")) > peak:
        peak = now
        time.sleep(0.1)
    own = status(hook, "RssAnon:")
    text = hook.stdout.read()
    assert len(text) > MESSAGE_BYTES, text
    hook.wait()
    mesh.turn_ends()
    return peak, own


def timed_hooks(mesh, runs, sends):
    """Returns the shortest time and the median processor time of a hook in milliseconds.

    The machine may be busy, also with what a message has caused.
    """
    times, processor = [], []
    for _ in range(runs):
        if sends:
            mesh.send(MESSAGE_BYTES)
        before = processor_time()
        times.append(timed_hook(mesh, sends))
        processor.append(processor_time() - before)
        if sends:
            mesh.turn_ends()
    return min(times), statistics.median(processor)


def processor_time():
    """Returns the milliseconds of processor time of all programs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


def measure(programs, home, check):
    mesh = Mesh(programs, home)
    mesh.send(100)
    timed_hook(mesh, True)
    mesh.turn_ends()
    for what, runs, sends in [("a hook without a message", 31, False), ("a hook with a message", 15, True)]:
        shortest, processor = timed_hooks(mesh, runs, sends)
        check(f"{what}, processor time", processor, 10, "ms")
        check(f"{what}, shortest time", shortest, 10, "ms")
    if pathlib.Path("/proc/self/status").exists():
        peaks, owns = zip(*(hook_memory(mesh) for _ in range(3)), strict=True)
        check("memory of a hook with a message", statistics.median(peaks), 9, "MB")
        check("of it, its own", statistics.median(owns), 2, "MB")
        server = mesh.servers[0]
        check("memory of deckwatch-mcp with a watch", status(server, "VmRSS:"), 20, "MB")
        check("of it, its own", status(server, "RssAnon:"), 5, "MB")
    mesh.close()
