// The review of a deployment: it has a price, so a person asks for it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headlined, obstacles, tab, unfold } from "../browser.mjs";
import { monitored } from "../world.mjs";

const deployment = await monitored("availability");

test("the review is made after its price was accepted", async () => {
  await deployment.inject();
  await deployment.clear();
  const page = await tab(deployment.url);
  await page.goto("/review?days=7");
  await headlined(page, "No review yet");
  const button = page.getByRole("button", { name: /^Review .* for .*USD/ });
  assert.match(await button.innerText(), /0\.\d+ USD/);
  await button.click();
  await headlined(page, "Review of 7 days");
  const shown = await page.getByRole("main").innerText();
  for (const expected of ["availability.front-page.", "What is unknown", "were not asked for"]) assert.ok(shown.includes(expected), `expected ${expected}`);
  await unfold(page);
  assert.deepEqual(await obstacles(page), []);
  assertQuiet(page);
});
