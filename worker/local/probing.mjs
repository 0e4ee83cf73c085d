// The Worker with a hub that tests can look into. A request with the header `x-test-hub` says what happens: `lose` makes the
// hub ignore pokes, `keep` ends this, `hour` runs the checks of an hour at once, `reset` restarts the object. The answer says
// how often the object was constructed, when its alarm is due, how many sockets it has, how often it was woken and by what, and
// how many rows of D1 it has read and written. The tests run it with `serve.mjs --probing`. It is never deployed; it wraps the
// Worker that is deployed.

import worker, { Hub as DeployedHub } from "../entry.mjs";
import { countingIn } from "./counted-database.mjs";

/** The checks of an hour, one every 30 seconds. */
const CHECKS_OF_AN_HOUR = 120;

let isLosing = false;
const woken = { starts: 0, pokes: 0, checks: 0, messages: 0, read: 0, written: 0 };

export class Hub extends DeployedHub {
  constructor(context, env) {
    super(context, { ...env, DB: countingIn(woken, env.DB) });
    woken.starts += 1;
  }

  async poke() {
    woken.pokes += 1;
    if (!isLosing) await super.poke();
  }

  async alarm() {
    woken.checks += 1;
    await super.alarm();
  }

  async webSocketMessage(socket, message) {
    woken.messages += 1;
    await super.webSocketMessage(socket, message);
  }

  async hour() {
    for (let check = 0; check < CHECKS_OF_AN_HOUR; check += 1) await this.alarm();
  }

  async probe() {
    return { ...woken, alarm: await this.ctx.storage.getAlarm(), sockets: this.ctx.getWebSockets().length };
  }

  reset() {
    this.ctx.abort("a test resets the hub");
  }
}

async function probe(asked, env) {
  const hub = () => env.HUB.get(env.HUB.idFromName("hub"));
  if (asked === "lose" || asked === "keep") isLosing = asked === "lose";
  if (asked === "hour") await hub().hour();
  if (asked === "reset") await hub().reset().catch(() => {});
  return Response.json(await hub().probe());
}

export default {
  fetch(request, env, context) {
    const asked = request.headers.get("x-test-hub");
    return asked === null ? worker.fetch(request, env, context) : probe(asked, env);
  },
  scheduled: (event, env, context) => worker.scheduled(event, env, context),
};
