// Hostile texts in the records of a deployment stay texts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { tab } from "../browser.mjs";
import { assertHarmless } from "../harmless.mjs";
import { HIDDEN, IS_HIDDEN, MARKUP } from "../hostile_texts.mjs";
import { monitored, shows, write } from "../world.mjs";

const deployment = await monitored("availability");

test("texts of a deployment stay texts on every page", async () => {
  await deployment.inject();
  await write([...MARKUP, HIDDEN]);
  const page = await tab(deployment.url);
  const link = page.getByRole("main").locator("a[href^='/incidents/']").first();
  await shows(page, "/incidents", link, "the incident");
  const incident = await link.getAttribute("href");
  for (const path of ["/", "/checks/availability", "/incidents", incident, "/alarms", "/about"]) {
    await assertHarmless(page, path);
    const source = await page.evaluate(() => document.documentElement.outerHTML);
    assert.doesNotMatch(source.replace(/[\n\t]/g, ""), IS_HIDDEN, path);
  }
  await page.goto(incident);
  const shown = (await page.getByRole("main").innerText()).replace(/\s+/g, " ");
  for (const text of MARKUP) {
    const words = text.replace(/\s+/g, " ");
    assert.ok(shown.split(words).length > 2, `expected ${words} as text in some places`);
  }
});
