// Tests what worker/bridge.mjs does between the built Worker and the runtime. node --test runs it.

import assert from "node:assert/strict";
import test from "node:test";

/** What bridge.mjs passes to the runtime's own `queueMicrotask`. */
const passedOn = [];
globalThis.queueMicrotask = (task) => passedOn.push(task);
const { bindingsOf, headOf, responseOf } = await import("../bridge.mjs");

/** A database that remembers the statements of its last batch. */
class Database {
  prepare(sql) {
    return { bind: (...parameters) => [sql, ...parameters] };
  }

  async batch(statements) {
    this.last = statements;
    return statements.map(() => ({ results: [{ one: 1 }] }));
  }
}

test("a constant statement keeps its number, and another one gets another number", async () => {
  const database = new Database();
  const bindings = bindingsOf({ DB: database });
  const [one, two] = [bindings.keep("select ?1 as one"), bindings.keep("select ?1 as two")];
  assert.notEqual(one, two);
  assert.equal(bindingsOf({ DB: new Database() }).keep("select ?1 as one"), one);
  const rows = await bindings.batch(JSON.stringify([[two, ["b"]], ["select 3", []], [one, ["a"]]]));
  assert.deepEqual(database.last, [["select ?1 as two", "b"], ["select 3"], ["select ?1 as one", "a"]]);
  assert.deepEqual(JSON.parse(rows), [[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]]);
});

test("D1 gets a constant statement without comments and line breaks, and with its texts as they are", async () => {
  const database = new Database();
  const bindings = bindingsOf({ DB: database });
  const number = bindings.keep("select '  a -- b''\n' as text, -- a 'comment'\n       2 as two");
  await bindings.batch(JSON.stringify([[number, []]]));
  assert.deepEqual(database.last, [["select '  a -- b''\n' as text,   2 as two"]]);
});

test("the head of a request and its response cross as text", async () => {
  const request = new Request("https://api.example/v1/notes?q=a", { method: "PUT", headers: { "x-a": "1", accept: "b" } });
  assert.equal(headOf(request), "PUT\nhttps://api.example/v1/notes?q=a\naccept\nb\nx-a\n1\n");
  const response = responseOf("201\ncontent-type: text/plain\nx-b: c: d\n\nthe body\n\nends", request);
  assert.equal(response.status, 201);
  assert.deepEqual([...response.headers], [["content-type", "text/plain"], ["x-b", "c: d"]]);
  assert.equal(await response.text(), "the body\n\nends");
  assert.equal(responseOf("304\netag: \"e\"\n\n", request).body, null);
});

test("a microtask runs after the current one, and its error reaches the runtime", async () => {
  const order = [];
  queueMicrotask(() => {
    throw new Error("broken");
  });
  queueMicrotask(() => order.push("next"));
  order.push("now");
  await Promise.resolve();
  assert.deepEqual(order, ["now", "next"]);
  assert.equal(passedOn.length, 1);
  assert.throws(passedOn[0], { message: "broken" });
});
