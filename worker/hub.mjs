// The Durable Object with the open sockets of GET /v1/watch. There is one for each database. It holds the sockets and the
// alarm; the built Worker decides what happens with them and reads the events.
//
// The runtime can remove the object from memory while its sockets stay open. So what it knows about a socket is in the
// attachment of the socket: its watcher, the newest event that its client was told of or that does not concern it, and when the
// client has last sent a message.

import { DurableObject } from "cloudflare:workers";

import { bindingsOf } from "./bridge.mjs";

/** The maximum numbers of sockets, of all actors and of one. */
const [MAX_SOCKETS, MAX_SOCKETS_OF_ACTOR] = [4_000, 250];
/** The time for which pokes are collected, and the time between two checks. The same as in `api/src/watch.rs`. */
const [HINT_DELAY_MS, CHECK_MS] = [50, 30_000];

/** The class of the object. `call(work)` runs `work(built)`. It resolves to nothing if the built Worker panics. */
export function hubClass(call) {
  return class Hub extends DurableObject {
    constructor(context, env) {
      super(context, env);
      // The runtime answers these without waking the object.
      context.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    }

    /** Opens a socket for the watcher in the header, whom the Worker has admitted. */
    async fetch(request) {
      const watcher = request.headers.get("x-watcher");
      const { actor } = JSON.parse(watcher);
      const sockets = this.ctx.getWebSockets();
      if (sockets.length >= MAX_SOCKETS || this.ctx.getWebSockets(actor).length >= MAX_SOCKETS_OF_ACTOR) {
        return new Response(null, { status: 503 });
      }
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server, [actor]);
      server.serializeAttachment({ watcher, told: null, heard: Date.now() });
      await this.keepChecking();
      return new Response(null, { status: 101, webSocket: client });
    }

    /** Events were appended. Further pokes within the delay are one with this. */
    async poke() {
      if (this.poked || this.ctx.getWebSockets().length === 0) return;
      this.poked = true;
      await new Promise((resolve) => setTimeout(resolve, HINT_DELAY_MS));
      this.poked = false;
      await this.look(false);
    }

    /** Looks for new events whose poke was lost, and for sockets that must close. */
    async alarm() {
      if (this.ctx.getWebSockets().length === 0) return;
      await this.keepChecking();
      await this.look(true);
    }

    async webSocketMessage(socket, message) {
      const attachment = { ...socket.deserializeAttachment(), heard: Date.now() };
      const text = typeof message === "string" ? message : undefined;
      const received = await call(async (built) => JSON.parse(built.hub_receive(attachment.watcher, text)));
      if (!received) return close(socket, [1011, "internal error"]);
      if (received.close) return close(socket, received.close);
      if (received.reply) socket.send(received.reply);
      if (received.watcher) attachment.watcher = received.watcher;
      // From here on, a look also passes hints to this socket.
      if (received.watcher) attachment.told = received.after;
      socket.serializeAttachment(attachment);
      if (received.watcher) await this.greet(socket, received.after);
    }

    webSocketClose(socket) {
      // The runtime does not answer the client's close by itself.
      close(socket, [1000, ""]);
      return this.stopChecking();
    }

    webSocketError() {
      return this.stopChecking();
    }

    /** Tells a client what the newest event is, unless it has it already. */
    async greet(socket, after) {
      const hint = await call((built) => built.hub_greet(bindingsOf(this.env), after));
      // The client connects again and asks again.
      if (hint === undefined) return close(socket, [1011, "internal error"]);
      if (hint === "") return;
      send(socket, hint);
      socket.serializeAttachment({ ...socket.deserializeAttachment(), told: JSON.parse(hint).seq });
    }

    /** Passes a hint to each socket that new events concern. */
    async look(isCheck) {
      const sockets = this.ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
      const attachments = sockets.map((socket) => socket.deserializeAttachment());
      const now = Date.now();
      const request = {
        last: this.last ?? oldest(attachments),
        is_check: isCheck,
        sockets: sockets.map((socket, n) => {
          const heard = Math.max(attachments[n].heard, Number(this.ctx.getWebSocketAutoResponseTimestamp(socket) ?? 0));
          const { watcher, told } = attachments[n];
          return { watcher: JSON.parse(watcher), told, silent_ms: Math.max(0, now - heard) };
        }),
      };
      const found = await call((built) => built.hub_look(bindingsOf(this.env), JSON.stringify(request)));
      if (!found) return;
      const { head, sockets: results } = JSON.parse(found);
      this.last = head;
      results.forEach((result, n) => {
        if (result?.close) close(sockets[n], result.close);
        if (result?.hint) send(sockets[n], result.hint);
        // Meanwhile the client may have asked for other events.
        const attachment = sockets[n].deserializeAttachment();
        if (attachment.told !== null) sockets[n].serializeAttachment({ ...attachment, told: Math.max(attachment.told, head) });
      });
    }

    /** Sets the next check. */
    async keepChecking() {
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + CHECK_MS);
    }

    /** Without a socket there is nothing to check. */
    async stopChecking() {
      const isOpen = (socket) => socket.readyState === WebSocket.OPEN;
      if (!this.ctx.getWebSockets().some(isOpen)) await this.ctx.storage.deleteAlarm();
    }
  };
}

/** The oldest event that a socket may have missed since the object was in memory. */
function oldest(attachments) {
  const told = attachments.map((attachment) => attachment.told).filter((seq) => seq !== null);
  return told.length === 0 ? null : Math.min(...told);
}

function send(socket, text) {
  try {
    socket.send(text);
  } catch {
    // The client is gone.
  }
}

function close(socket, [code, reason]) {
  try {
    socket.close(code, reason);
  } catch {
    // It is closed already.
  }
}
