// A fault of the platform, from the switch to the recovery, as an open page shows it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headlined, tab, unfold } from "./browser.mjs";
import { demo } from "./program.mjs";

const { url } = await demo("availability");
const overview = await tab(url);
const page = await tab(url);
let incident;

test("the overview turns red by itself", async () => {
  await overview.goto("/");
  await headlined(overview, "All healthy");
  await overview.evaluate(() => { window.wasNotLoadedAgain = true; });
  await page.goto("/demo");
  await page.getByRole("row", { name: /\b500\b/ }).getByRole("button", { name: "Inject" }).click();
  await headlined(page, "1 fault is injected");
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
  for (const words of ["first failed run", "opened"]) await timeline.getByText(words, { exact: true }).waitFor();
  await page.getByText("Nobody has acknowledged it").or(page.getByRole("button", { name: "Acknowledge" })).waitFor();
  assertQuiet(page);
});

test("every text of the notification is shown as sent", async () => {
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

test("the run has both attempts, and the time of each exchange", async () => {
  await page.getByRole("link", { name: "The run, step by step" }).click();
  await headlined(page, /^availability, run of /);
  assert.equal(await page.getByRole("heading", { name: /^Attempt [12], / }).count(), 2);
  assert.ok(await page.locator(".waterfall rect.waiting").count() >= 10);
  await page.getByText(/status 500/).first().waitFor();
  assertQuiet(page);
});

test("the check marks the time of the incident", async () => {
  await page.goto("/checks/availability");
  await page.getByRole("link", { name: /^availability\.front-page\./ }).waitFor();
  const drawn = JSON.parse(await page.locator("[data-chart]").first().getAttribute("data-chart"));
  assert.ok(drawn.bands.some((band) => band.words.startsWith("availability.front-page.")));
  assertQuiet(page);
});

test("alarms are listed with their conditions", async () => {
  await page.goto("/alarms");
  const row = page.getByRole("row", { name: /^availability-failing/ }).first();
  await row.getByText(/Success .* in \d+ of \d+/).waitFor();
  await row.getByText("What it means").click();
  await row.locator("details p").first().waitFor();
  assertQuiet(page);
});

test("recovery shows by itself, on the overview and the incident", async () => {
  await page.goto(incident);
  const other = await tab(url);
  await other.goto("/demo");
  await other.getByRole("button", { name: "Clear" }).click();
  await headlined(other, "The demo platform is healthy");
  await page.getByText("closed", { exact: true }).waitFor();
  await headlined(overview, "All healthy");
  assert.ok(await overview.evaluate(() => window.wasNotLoadedAgain), "the page was loaded again");
  const timeline = page.locator("section", { has: page.getByRole("heading", { name: "Timeline" }) });
  await timeline.getByText(/^closed after /).waitFor();
  [page, overview, other].forEach(assertQuiet);
});
