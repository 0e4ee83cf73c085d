// The Worker with a hub that tests can look into. A request with the header `x-test-hub` says what happens: `lose` makes the
// hub ignore pokes, `keep` ends this, `reset` restarts the object. The answer says how often the object was constructed,
// when its alarm is due, and how many sockets it has. The tests run it with `serve.mjs --probing`. It is never deployed; it
// wraps the Worker that is deployed.

import worker, { Hub as DeployedHub } from "../entry.mjs";

let starts = 0;
let isLosing = false;

export class Hub extends DeployedHub {
  constructor(context, env) {
    super(context, env);
    starts += 1;
  }

  async poke() {
    if (!isLosing) await super.poke();
  }

  async probe() {
    return { starts, alarm: await this.ctx.storage.getAlarm(), sockets: this.ctx.getWebSockets().length };
  }

  reset() {
    this.ctx.abort("a test resets the hub");
  }
}

async function probe(asked, env) {
  const hub = () => env.HUB.get(env.HUB.idFromName("hub"));
  if (asked === "lose" || asked === "keep") isLosing = asked === "lose";
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
