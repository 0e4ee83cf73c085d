"""Calls every tool of deckwatch-mcp with the reference client, on both versions of the protocol.

The client checks each answer against the tool's schema. A tool that needs arguments has them in ARGUMENTS.

usage: check.py PROGRAM DIRECTORY    DIRECTORY is a git checkout; the server stores its records in HOME
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

MODES = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28", "auto": "2026-07-28"}
# The arguments of the tools that are called with some.
ARGUMENTS = {
    "note": {"action": "create", "title": "A title", "content": "A text.", "tags": ["reference"]},
    "notes": {"q": "text"},
    "doc": {"name": "api.md"},
    "send": {"to": ["human"], "body": "Checked by another client."},
    "claim": {"action": "list"},
    "state": {"action": "list"},
    "memory": {"action": "recall"},
    "handoff": {"summary": "Checked by another client.", "status": "done", "keep_open": True},
}
# These tools may answer with an error, because this machine may not have what they need.
MAY_FAIL = {"status"}


async def check(program, directory, mode, version):
    environment = {name: os.environ[name] for name in ("HOME", "PATH")}
    environment |= {"DECKWATCH_AGENT": f"check-{mode}-1", "GITHUB_API_URL": "http://127.0.0.1:9"}
    server = StdioServerParameters(command=program, cwd=directory, env=environment)
    async with Client(stdio_client(server), mode=mode) as client:
        assert client.protocol_version == version, f"{mode}: got protocol version {client.protocol_version}, not {version}"
        tools = [tool.name for tool in (await client.list_tools()).tools]
        for name in tools:
            answer = await client.call_tool(name, ARGUMENTS.get(name, {}))
            text = answer.content[0].text
            assert name in MAY_FAIL or not answer.is_error, f"{mode}: {name} failed: {text}"
            if not answer.is_error:
                assert answer.structured_content["report"] == text, f"{mode}: {name}: the text and `report` differ"
        wrong = await client.call_tool("note", {"action": "burn"})
        assert wrong.is_error and "/action" in wrong.content[0].text, f"{mode}: no error names /action: {wrong}"
    print(f"mcp: {len(tools)} tools answer a {mode} client (protocol {version})")


async def main(program, directory):
    for mode, version in MODES.items():
        await asyncio.wait_for(check(program, directory, mode, version), 60)


asyncio.run(main(*sys.argv[1:]))
