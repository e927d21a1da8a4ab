// Every page is complete, and every form works, in a browser without JavaScript.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headline, headlined, tab, unfold } from "./browser.mjs";
import { isDeployment } from "./program.mjs";
import { monitored, shows } from "./world.mjs";

const { url, inject, clear } = await monitored("availability", "login");
const HEALTHY = isDeployment ? /^1 healthy/ : "All healthy";
const CHECK = isDeployment ? "availability" : "login";
const page = await tab(url, { javaScriptEnabled: false });

const form = (words) => page.locator("form", { has: page.getByRole("button", { name: words, exact: true }) }).first();

test("every page is complete", async () => {
  await shows(page, "/", page.getByRole("heading", { name: HEALTHY }), "healthy checks");
  assert.match(await page.locator("footer time").textContent(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  assert.ok(!await page.locator("#live").isVisible() && !await page.locator("#keys").isVisible(), "no promise is made");
  await page.goto(`/checks/${CHECK}?window=1h`);
  await page.getByText(/ms to .*average .* over 1h/).first().waitFor();
  await page.getByRole("link", { name: "24h" }).click();
  await page.getByText(/over 24h/).first().waitFor();
  if (!isDeployment) {
    await page.locator("a[href*='/runs/']").last().click();
    assert.ok(await page.locator(".waterfall rect").count() > 3);
    assert.equal((await page.goto("/demo")).status(), 200);
  }
  for (const path of ["/incidents", "/alarms", "/review", "/status", "/settings", "/about", "/runbooks/login"]) {
    assert.equal((await page.goto(path)).status(), 200, path);
    assert.ok((await page.getByRole("main").innerText()).length > 40, path);
  }
  assertQuiet(page);
});

test("every form works", async () => {
  await inject();
  await shows(page, "/", page.getByRole("link", { name: "front-page" }), "an incident");
  await page.getByLabel("Unhealthy only").check();
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/show=unhealthy/);
  await page.getByRole("link", { name: "front-page" }).click();
  await headlined(page, "availability / front-page");
  const incident = page.url();
  await unfold(page);
  const acknowledge = form("Acknowledge");
  await acknowledge.getByLabel("What is being done").fill("rolling back");
  await acknowledge.getByLabel("Your name").fill("Ada");
  await acknowledge.getByRole("button").click();
  await headlined(page, "Done");
  await page.goto(incident);
  await page.getByText(/by Ada, .*: rolling back/).waitFor();
  await unfold(page);
  await form("Mute").getByLabel("Reason").fill("known");
  await form("Mute").getByLabel("Your name").fill("Ada");
  await form("Mute").getByRole("button").click();
  await headlined(page, "Done");
  await page.getByRole("link", { name: "Back" }).click();
  await page.getByText(/by Ada: known/).waitFor();
  await page.goto("/incidents?days=7&check=login");
  assert.equal(await headline(page).count(), 1);
  await clear();
  assertQuiet(page);
});
