"""Measures how long a message takes from its acceptance until a waiting recipient has it.

Sends the same load to a deckwatch-server and to mcp_agent_mail from PyPI: so many messages a second from 30 agents to 10
others. The recipients of Deckwatch watch: they take their messages when a hint says so. mcp_agent_mail has no hints, so its
recipients ask for their inbox four times a second. The time ends when the recipient has the text.

usage  messages.py SERVER [--seconds N] [--rate N] [--json]
         SERVER  the path of deckwatch-server

Runs in a virtual environment with mcp_agent_mail: scripts/bench --messages creates it.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import websockets

SENDERS, RECIPIENTS = 30, 10
POLL_SECONDS = 0.25
# A system that is this late is stopped.
PATIENCE_SECONDS = 30
KEY = "the-admin-key-of-a-measurement"
# The bound of the 99th percentile from acceptance to the recipient.
MAX_P99_MS = 300


class Load:
    """Messages at a steady rate, whether or not the system keeps up, and the times that they took."""

    def __init__(self, rate, seconds):
        self.rate, self.count = rate, rate * seconds
        self.accepted, self.took, self.calls, self.failed = {}, {}, [], []

    async def run(self, send):
        began, tasks = time.perf_counter(), []
        for n in range(self.count):
            await asyncio.sleep(max(0.0, began + n / self.rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self.send_one(send, n)))
        await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
        until = time.perf_counter() + PATIENCE_SECONDS
        while len(self.took) < len(self.accepted) and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        return time.perf_counter() - began

    async def send_one(self, send, n):
        began = time.perf_counter()
        try:
            await send(n, f"message {n}")
        except Exception as error:  # noqa: BLE001
            self.failed.append(f"{type(error).__name__}: {error}")
            return
        now = time.perf_counter()
        self.calls.append(now - began)
        # The recipient may have it before the sender has the answer.
        self.accepted[n] = now

    def got(self, text):
        self.took.setdefault(int(text.split()[-1]), time.perf_counter())

    def figures(self, elapsed):
        times = sorted(max(0.0, at - self.accepted[n]) for n, at in self.took.items() if n in self.accepted)
        calls = sorted(self.calls)
        return {
            "messages": self.count,
            "accepted": len(self.accepted),
            "received": len(times),
            "failed": len(self.failed),
            "first_failure": self.failed[0] if self.failed else None,
            "accepted_per_second": round(len(self.accepted) / elapsed, 1),
            "send_p50_ms": millis(calls, 0.5),
            "send_p99_ms": millis(calls, 0.99),
            "taken_p50_ms": millis(times, 0.5),
            "taken_p99_ms": millis(times, 0.99),
        }


def millis(times, part):
    return round(1000 * times[min(len(times) - 1, int(part * len(times)))], 1) if times else None


async def deckwatch(server, load):
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "ADMIN_API_KEY": KEY, "RATE_LIMIT_PER_MINUTE": "1000000"}
        process = subprocess.Popen([server, "--port", "0", "--data", data], env=environment, stdout=subprocess.PIPE)
        try:
            base = process.stdout.readline().decode().split()[-1]
            async with client(base, {"authorization": f"Bearer {KEY}"}) as http:
                return await deckwatch_load(http, base, load)
        finally:
            process.kill()
            process.wait()


async def deckwatch_load(http, base, load):
    async def write(method, path, body):
        answer = await http.request(method, path, json=body, headers={"idempotency-key": str(uuid.uuid4())})
        answer.raise_for_status()
        return answer.json()

    async def start(name):
        day = {
            "agent": name,
            "client": "claude",
            "host": "mac1",
            "venture": "alpha",
            "repo": "example-org/alpha",
            "start_id": str(uuid.uuid4()),
        }
        session = (await write("POST", "/v1/sod", day))["session"]
        return {"session_id": session["id"], "epoch": session["epoch"]}

    await write("PUT", "/v1/ventures/alpha", {"name": "Alpha"})
    senders = [await start(f"sender-{n}") for n in range(SENDERS)]
    names = [f"recipient-{n}" for n in range(RECIPIENTS)]
    recipients = {name: await start(name) for name in names}

    async def watch(name):
        after = (await http.get("/v1/events", params={"limit": 1})).json()["head"]
        url = base.replace("http://", "ws://") + "/v1/watch"
        async with websockets.connect(url, additional_headers={"authorization": f"Bearer {KEY}"}) as socket:
            await socket.send(json.dumps({"ventures": ["alpha"], "after": after}))
            async for _ in socket:
                more = True
                while more:
                    query = {"venture": "alpha", "kinds": "message_sent", "after": after, "limit": 100}
                    page = (await http.get("/v1/events", params=query)).json()
                    after, more = page["next_after"], page["next_after"] < page["head"]
                    if any(name in event["data"]["to"] for event in page["items"]):
                        await take(name)

    async def take(name):
        while True:
            taken = await write("POST", "/v1/inbox/take", {**recipients[name], "limit": 20})
            for item in taken["items"]:
                load.got(item["message"]["body"])
            if not taken["items"]:
                return
            reports = [
                {"delivery_id": item["delivery_id"], "status": "surfaced", "at": item["message"]["sent_at"]}
                for item in taken["items"]
            ]
            await write("POST", "/v1/inbox/report", {**recipients[name], "items": reports})
            if not taken["waiting"]:
                return

    async def send(n, body):
        message = {**senders[n % SENDERS], "to": [names[n % RECIPIENTS]], "kind": "note", "body": body}
        await write("POST", "/v1/messages", message)

    watchers = [asyncio.create_task(watch(name)) for name in names]
    await asyncio.sleep(1)
    elapsed = await load.run(send)
    for watcher in watchers:
        watcher.cancel()
    return load.figures(elapsed)


async def agent_mail(load):
    with tempfile.TemporaryDirectory() as data:
        port = 20_000 + os.getpid() % 20_000
        environment = {
            **os.environ,
            "STORAGE_ROOT": f"{data}/mail",
            "DATABASE_URL": f"sqlite+aiosqlite:///{data}/mail.sqlite3",
            "LLM_ENABLED": "false",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TOOLS_LOG_ENABLED": "false",
            "LOG_RICH_ENABLED": "false",
            "LOG_LEVEL": "ERROR",
            "HTTP_RBAC_ENABLED": "false",
            "CONTACT_ENFORCEMENT_ENABLED": "false",
        }
        with open(f"{data}/log", "wb") as log:
            command = [sys.executable, "-m", "mcp_agent_mail.cli", "serve-http", "--port", str(port)]
            command = [sys.executable, "-c", "from mcp_agent_mail.cli import app; app()", *command[3:]]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=data)
            try:
                async with client(f"http://127.0.0.1:{port}", {"accept": "application/json, text/event-stream"}) as http:
                    await until_ready(http, process, f"{data}/log")
                    return await agent_mail_load(http, load)
            finally:
                process.kill()
                process.wait()


async def until_ready(http, process, log):
    until = time.perf_counter() + 120
    while True:
        try:
            await call(http, "health_check", {})
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.perf_counter() > until:
                raise SystemExit(f"mcp_agent_mail did not start:\n{Path(log).read_text()}") from None
            await asyncio.sleep(0.5)


async def call(http, tool, arguments):
    request = {
        "jsonrpc": "2.0",
        "id": str(uuid.uuid4()),
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    answer = await http.post("/mcp/", json=request)
    answer.raise_for_status()
    text = answer.text
    if text.startswith(("event:", "data:")):
        text = next(line for line in text.splitlines() if line.startswith("data:"))[5:]
    result = json.loads(text)
    if "error" in result or result["result"].get("isError"):
        raise RuntimeError(text[:300])
    content = result["result"].get("structuredContent") or json.loads(result["result"]["content"][0]["text"])
    return content.get("result", content) if isinstance(content, dict) else content


async def agent_mail_load(http, load):
    project = "/tmp/a-project-of-a-measurement"
    await call(http, "ensure_project", {"human_key": project})

    async def register(name):
        agent = {"project_key": project, "program": "claude-code", "model": "m", "name": name}
        return (await call(http, "register_agent", agent))["name"]

    senders = [await register(f"Sender{n}") for n in range(SENDERS)]
    names = [await register(f"Recipient{n}") for n in range(RECIPIENTS)]

    async def poll(name):
        since, seen = None, set()
        while True:
            query = {"project_key": project, "agent_name": name, "limit": 50, "include_bodies": True}
            inbox = await call(http, "fetch_inbox", {**query, **({"since_ts": since} if since else {})})
            for message in inbox:
                if message["id"] not in seen:
                    seen.add(message["id"])
                    load.got(message["body_md"])
            await asyncio.sleep(POLL_SECONDS)

    async def send(n, body):
        message = {
            "project_key": project,
            "sender_name": senders[n % SENDERS],
            "to": [names[n % RECIPIENTS]],
            "subject": "A message",
            "body_md": body,
        }
        await call(http, "send_message", message)

    pollers = [asyncio.create_task(poll(name)) for name in names]
    elapsed = await load.run(send)
    for poller in pollers:
        poller.cancel()
    return load.figures(elapsed)


def client(base, headers):
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=60, limits=limits)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {"deckwatch": asyncio.run(deckwatch(options.server, Load(options.rate, options.seconds)))}
    figures["mcp_agent_mail"] = asyncio.run(agent_mail(Load(options.rate, options.seconds)))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, of in figures.items():
            print(name)
            for figure, value in of.items():
                print(f"  {figure:22} {value}")
    one = figures["deckwatch"]
    return 0 if one["received"] == one["messages"] and one["taken_p99_ms"] <= MAX_P99_MS else 1


if __name__ == "__main__":
    sys.exit(main())
