// A fault of the platform, from the switch to the recovery, as an open page shows it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headlined, tab, unfold } from "./browser.mjs";
import { isDeployment } from "./program.mjs";
import { monitored, onStoresOnly, shows } from "./world.mjs";

const { url, inject, clear } = await monitored("availability");
const overview = await tab(url);
const page = await tab(url);
let incident;
// A deployment has every check; those without a run say so.
const HEALTHY = isDeployment ? /^1 healthy/ : "All healthy";

test("the overview turns red by itself", async () => {
  await overview.goto("/");
  await headlined(overview, HEALTHY);
  await overview.evaluate(() => { window.wasNotLoadedAgain = true; });
  await inject();
  await headlined(overview, /^1 failing of/);
  assert.match(await overview.title(), /^1 failing of/);
  assert.match(await overview.locator("link[rel=icon]").getAttribute("href"), /icon-bad/);
  assert.ok(await overview.evaluate(() => window.wasNotLoadedAgain), "the page was loaded again");
  await overview.getByRole("link", { name: "front-page" }).waitFor();
});

test("the incident has everything to begin with", async () => {
  incident = await overview.getByRole("link", { name: "front-page" }).getAttribute("href");
  await page.goto(incident);
  await headlined(page, "availability / front-page");
  const first = page.locator("section", { has: page.getByRole("heading", { name: "First failure" }) }).last();
  const text = await first.innerText();
  for (const expected of [/Step\s+response status/, /Expected\s+status 200/, /Actual\s+status 500/, /<title>Server Error/]) {
    assert.match(text, expected);
  }
  const timeline = page.locator("section", { has: page.getByRole("heading", { name: "Timeline" }) });
  for (const words of [/^first failed (run|attempt): step/, "incident opened, critical"]) await timeline.getByText(words).waitFor();
  await page.getByText("Nobody has acknowledged it").or(page.getByRole("button", { name: "Acknowledge" })).waitFor();
  assertQuiet(page);
});

test("every text of the notification is shown as sent", { skip: onStoresOnly("texts of notifications") }, async () => {
  await unfold(page);
  const after = (name) => page.getByText(name, { exact: true }).first().locator("xpath=following::pre[1]").textContent();
  assert.match(await after("E-mail"), /^demo: availability failing[^]*Who to contact[^]*Next update/);
  const sms = await after("SMS");
  assert.ok(sms.startsWith("demo") && sms.length <= 140, sms);
  assert.match(JSON.stringify(JSON.parse(await after("Chat"))), /front-page/);
  const forPrograms = JSON.parse(await after("JSON for programs"));
  assert.deepEqual([forPrograms.event, forPrograms.check], ["opened", "availability"]);
});

test("the runbook of the check is below the incident", async () => {
  for (const name of ["Meaning", "Impact", "First checks", "Escalate"]) {
    await page.getByRole("heading", { name, exact: true }).waitFor();
  }
});

test("the run has both attempts, and the time of each exchange", { skip: onStoresOnly("reports but in its log") }, async () => {
  await page.getByRole("link", { name: "The run, step by step" }).click();
  await headlined(page, /^availability, run of /);
  assert.equal(await page.getByRole("heading", { name: /^Attempt [12], / }).count(), 2);
  assert.ok(await page.locator(".waterfall rect.waiting").count() >= 10);
  await page.getByText(/status 500/).first().waitFor();
  assertQuiet(page);
});

test("the check marks the time of the incident", async () => {
  await shows(page, "/checks/availability", page.getByRole("link", { name: /^availability\.front-page\./ }), "the incident");
  const drawn = JSON.parse(await page.locator("[data-chart]").first().getAttribute("data-chart"));
  assert.ok(drawn.bands.some((band) => band.words.startsWith("availability.front-page.")));
  assertQuiet(page);
});

test("alarms are listed with their conditions", async () => {
  await page.goto("/alarms");
  const row = page.getByRole("row", { name: /^availability-failing/ }).first();
  if (isDeployment) await shows(page, "/alarms", row.getByText("ALARM"), "the state that was set");
  await row.getByText(/Success .* in \d+ of \d+/).waitFor();
  await row.getByText("What it means").click();
  await row.locator("details p").first().waitFor();
  assertQuiet(page);
});

test("recovery shows by itself, on the overview and the incident", async () => {
  await page.goto(incident);
  await clear();
  await page.getByText("closed", { exact: true }).waitFor();
  await headlined(overview, HEALTHY);
  assert.ok(await overview.evaluate(() => window.wasNotLoadedAgain), "the page was loaded again");
  const timeline = page.locator("section", { has: page.getByRole("heading", { name: "Timeline" }) });
  await timeline.getByText(/the incident closed after /).waitFor();
  [page, overview].forEach(assertQuiet);
});
