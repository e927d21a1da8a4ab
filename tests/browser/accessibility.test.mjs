// No page has an obstacle that axe-core calls serious or critical, in either theme and on a small screen.
import assert from "node:assert/strict";
import { test } from "node:test";

import { obstacles, tab, tooWide } from "./browser.mjs";
import { isDeployment } from "./program.mjs";
import { monitored, shows } from "./world.mjs";

// The public status page has no script, so only this keeps it from growing old on a screen on a wall.
const ACCEPTED = ["/status meta-refresh: meta[http-equiv=\"refresh\"]"];

const { url, inject } = await monitored("availability", "login");
await inject();

// Pages that differ, each in the state with the most on it.
async function paths() {
  const page = await tab(url);
  await shows(page, "/", page.getByRole("heading", { level: 1, name: isDeployment ? /^1 failing/ : /^2 failing/ }), "failing checks");
  const incident = await page.getByRole("link", { name: "front-page" }).getAttribute("href");
  await page.goto(incident);
  const others = ["/checks/availability", "/incidents", "/alarms", "/review", "/status", "/settings", "/about", "/runbooks/login", "/checks/none"];
  if (isDeployment) return ["/", incident, ...others];
  const run = await page.getByRole("link", { name: "The run, step by step" }).getAttribute("href");
  return ["/", incident, run, "/demo", ...others];
}

const all = await paths();
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };
for (const [name, colorScheme, viewport] of [
  ["light", "light", WIDE], ["dark", "dark", WIDE], ["light, on a small screen", "light", NARROW], ["dark, on a small screen", "dark", NARROW],
]) {
  test(`every page is accessible: ${name}`, async () => {
    // The scan of a page ends before its next version comes.
    const page = await tab(url, { colorScheme, viewport });
    await page.route("**/live", (route) => route.abort());
    const found = [];
    for (const path of all) {
      await page.goto(path);
      await page.locator("details").evaluateAll((folded) => folded.forEach((details) => { details.open = true; }));
      found.push(...[...await obstacles(page), ...await tooWide(page)].map((what) => `${path} ${what}`));
    }
    assert.deepEqual(found.filter((what) => !ACCEPTED.includes(what)), []);
  });
}

test("a button without a name is found", async () => {
  const page = await tab(url);
  await page.setContent("<!doctype html><html lang=en><title>Control</title><main><h1>Control</h1><button></button></main>");
  assert.deepEqual(await obstacles(page), ["button-name: button"]);
});
