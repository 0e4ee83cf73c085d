// Runs a day with a client that is generated from the OpenAPI document. The compiler checks every field that the
// program sends and reads.
//
// usage: node day.ts URL    CONTEXT_API_KEY and ADMIN_API_KEY are the keys of the API

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient from "openapi-fetch";

import type { components, paths } from "./api.d.ts";

type Handoff = components["schemas"]["Handoff"];

const [, , url] = process.argv;
assert(url, "usage: node day.ts URL");

const client = (key: string | undefined) =>
  createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${key}` } });
const agent = client(process.env.CONTEXT_API_KEY);
const admin = client(process.env.ADMIN_API_KEY);
const newKey = () => ({ "Idempotency-Key": randomUUID() });

const code = "typed";
const put = await admin.PUT("/v1/ventures/{code}", {
  params: { path: { code }, header: newKey() },
  body: { name: "Typed", repos: ["example-org/typed"] },
});
assert.equal(put.data?.code, code);

const started = await agent.POST("/v1/sod", {
  params: { header: newKey() },
  body: {
    agent: "mac1-claude-1",
    client: "claude",
    host: "mac1",
    venture: code,
    repo: "example-org/typed",
    meta: { nested: [{ deeply: null }] },
  },
});
assert(started.data, started.error?.detail);
const { session, active_sessions: others } = started.data;
assert.deepEqual(session.meta, { nested: [{ deeply: null }] });
assert.equal(others.total, 0);

const ended = await agent.POST("/v1/eod", {
  params: { header: newKey() },
  body: { session_id: session.id, handoff: { summary: "Typed from end to end.", status: "done" } },
});
assert.equal(ended.data?.session.status, "ended");

const listed = await agent.GET("/v1/handoffs", { params: { query: { venture: code, limit: 1 } } });
const handoffs: Handoff[] = listed.data?.items ?? [];
assert.deepEqual(
  handoffs.map(({ summary }) => summary),
  ["Typed from end to end."],
);

// Errors are typed too.
const missing = await agent.GET("/v1/notes/{id}", { params: { path: { id: "note_nothing" } } });
assert.equal(missing.error?.code, "note_not_found");
console.log("a generated TypeScript client has run a day");
