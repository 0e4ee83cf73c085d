// A D1 database at Cloudflare, called over its HTTP API, with the same methods as the D1 binding of a Worker.
//
// CLOUDFLARE_ACCOUNT_ID names the account. CLOUDFLARE_API_TOKEN needs the permission D1 Write, or D1 Read for an
// export. CLOUDFLARE_API_BASE_URL replaces Cloudflare's URL, as it does for wrangler.

const BASE_URL = "https://api.cloudflare.com/client/v4";
const TIMEOUT_MS = 60_000;

/** The database with this id. */
export function remoteDatabase(id) {
  const { CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: account } = process.env;
  if (!token || !account) throw new Error("the account or the token is missing: set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID");
  const base = process.env.CLOUDFLARE_API_BASE_URL || BASE_URL;
  const url = `${base}/accounts/${encodeURIComponent(account)}/d1/database/${encodeURIComponent(id)}/query`;
  const ask = (body) => query(url, token, body);
  return {
    prepare: (sql) => statement(ask, sql, []),
    batch: async (statements) => (await ask({ batch: statements.map(({ sql, params }) => ({ sql, params })) })),
  };
}

function statement(ask, sql, params) {
  const all = async () => (await ask({ sql, params }))[0];
  return { sql, params, all, run: all, bind: (...params) => statement(ask, sql, params) };
}

async function query(url, token, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error) => {
    const reason = error.cause?.code ?? error.cause?.message ?? error.message;
    throw new Error(`can't reach ${new URL(url).host}: ${reason}`, { cause: error });
  });
  const text = await response.text();
  const answer = response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
  if (!answer?.success) throw new Error(`Cloudflare answered ${response.status}: ${reasons(answer)}`);
  return answer.result;
}

function reasons(answer) {
  return answer?.errors?.map(({ code, message }) => `${message} (${code})`).join("; ") || "no reason given";
}
