// Who may not look, and who may not act.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, test } from "node:test";

import { OTHER_NAME, assertQuiet, headline, headlined, tab } from "./browser.mjs";
import { demo, isDeployment, recorded, start } from "./program.mjs";
import { monitored } from "./world.mjs";

const TOKEN = "correct-horse-battery-staple";
const store = await recorded("security.db");
const changing = ["console", "--store", store, "--allow-actions"];
const { url } = isDeployment ? await monitored("availability") : await start(changing);

// A request with any headers, which neither a browser nor `fetch` would send.
function ask(path, { method = "GET", headers = {}, body = "", to = url } = {}) {
  const { hostname, port } = new URL(to);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers }, (answer) => {
      let text = "";
      answer.on("data", (data) => { text += data; });
      answer.on("end", () => resolve({ status: answer.statusCode, text, headers: answer.headers }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const mark = (words) => `scope=${words}&by=Mallory`;
const marks = async (words) => (await ask("/incidents")).text.includes(words);

// Another site, on a port of this machine.
const site = createServer((asked, answer) => {
  answer.setHeader("content-type", "text/html");
  answer.end(asked.url === "/frame"
    ? `<iframe src="${url}/"></iframe>`
    : `<form method=post action="${url}/actions/mark"><input name=scope value=forged><input name=by value=Mallory></form>
       <script>document.forms[0].submit()</script>`);
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
after(() => site.close());
const elsewhere = `http://localhost:${site.address().port}`;

test("a name of another site in Host is refused", async () => {
  for (const host of ["evil.example", `${OTHER_NAME}:${new URL(url).port}`, "127.0.0.1.evil.example"]) {
    assert.equal((await ask("/", { headers: { host } })).status, 403, host);
  }
  const page = await tab(url);
  const answer = await page.goto(url.replace("127.0.0.1", OTHER_NAME));
  assert.equal(answer.status(), 403);
  assert.equal(await headline(page).count(), 0);
});

test("a form of another site is refused", async () => {
  for (const origin of ["http://evil.example", elsewhere, "null", undefined]) {
    const headers = origin === undefined ? FORM : { ...FORM, origin };
    const answer = await ask("/actions/mark", { method: "POST", headers, body: mark("forged") });
    assert.equal(answer.status, 403, `${origin}`);
  }
  const page = await tab(url);
  const [answer] = await Promise.all([
    page.waitForResponse((own) => own.url().endsWith("/actions/mark")),
    page.goto(elsewhere),
  ]);
  assert.equal(answer.status(), 403);
  assert.ok(!await marks("forged"));
  // The same form from here is accepted.
  const accepted = await ask("/actions/mark", { method: "POST", headers: { ...FORM, origin: url }, body: mark("genuine") });
  assert.equal(accepted.status, 200);
  assert.ok(await marks("genuine"));
});

test("another site cannot show the console in a frame", async () => {
  const page = await tab(elsewhere);
  await page.goto("/frame");
  const frame = page.frames()[1];
  assert.equal(await frame.getByRole("heading").count(), 0);
  assert.match(page.problems.join(), /frame-ancestors/);
});

test("another site cannot read the console", async () => {
  const page = await tab(elsewhere);
  await page.goto("/frame");
  const read = await page.evaluate((address) => fetch(`${address}/metrics`).then(() => "read", () => "refused"), url);
  assert.equal(read, "refused");
});

test("with a token, a browser is asked for it once", async () => {
  const guarded = await start(["console", "--store", store], { SYNTHETICS_TOKEN: TOKEN });
  const page = await tab(guarded.url);
  assert.equal((await page.goto("/incidents")).status(), 401);
  await headlined(page, "Just Driving Synthetics");
  assert.equal(await page.getByRole("table").count(), 0, "nothing of the platform is shown");
  const give = async (token) => {
    await page.getByLabel("The token").fill(token);
    await page.getByRole("button", { name: "Continue" }).click();
  };
  await give("wrong-horse-battery-staple");
  await page.getByRole("alert").filter({ hasText: "This is not the token." }).waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  await give(TOKEN);
  await headlined(page, /availability|healthy|late|verdict|failing/i);
  const [cookie, ...more] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path, more.length], [true, "Strict", "/", 0]);
  assert.ok(!cookie.value.includes(TOKEN));
  assert.equal((await page.goto("/incidents")).status(), 200);
  // The browser reports the two answers with 401.
  page.problems = page.problems.filter((problem) => !problem.includes("401"));
  assertQuiet(page);
});

test("with a token, programs need it", async () => {
  const guarded = await start(["console", "--store", store], { SYNTHETICS_TOKEN: TOKEN });
  const status = async (path, headers) => (await ask(path, { headers, to: guarded.url })).status;
  for (const path of ["/", "/metrics", "/live", "/incidents", "/settings"]) {
    assert.equal(await status(path, {}), 401, path);
    assert.equal(await status(path, { authorization: `Bearer ${TOKEN}x` }), 401, path);
    assert.equal(await status(path, { cookie: `synthetics=${TOKEN}` }), 401, path);
  }
  assert.equal(await status("/incidents", { authorization: `Bearer ${TOKEN}` }), 200);
  assert.equal(await status("/healthz", {}), 200);
});

test("without --allow-actions, nothing can be changed", async () => {
  const reading = await start(["console", "--store", store]);
  const page = await tab(reading.url);
  await page.goto("/incidents");
  const incident = await page.locator("a[href^='/incidents/']").first().getAttribute("href");
  for (const path of ["/", "/incidents", incident, "/checks/availability", "/alarms", "/review", "/settings", "/about"]) {
    assert.equal((await page.goto(path)).status(), 200, path);
    assert.equal(await page.locator("form[method=post]").count(), 0, path);
  }
  for (const action of ["mark", "mute", "unmute", "acknowledge", "run"]) {
    const headers = { ...FORM, origin: reading.url };
    const body = "scope=availability&length=1+hour&by=Mallory&reason=forged";
    const answer = await ask(`/actions/${action}`, { method: "POST", headers, body, to: reading.url });
    assert.equal(answer.status, 403, action);
    assert.match(answer.text, /--allow-actions/, action);
  }
  assert.equal((await page.goto("/demo")).status(), 404);
  page.problems = page.problems.filter((problem) => !problem.includes("404"));
  assertQuiet(page);
});

test("a path does not lead out of the assets", async () => {
  for (const path of ["/assets/x/..%2f..%2fCargo.toml", "/assets/x/../../etc/passwd", "/assets/%2e%2e/%2e%2e"]) {
    assert.ok([400, 404].includes((await ask(path)).status), path);
  }
});

test("an action takes a form, not a link", async () => {
  assert.equal((await ask("/actions/mark?scope=forged&by=Mallory")).status, 405);
  const running = await demo("availability");
  assert.equal((await ask("/demo/faults/500", { to: running.url })).status, 405);
});
