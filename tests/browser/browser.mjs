// Debian's Chromium, and what must not happen in it.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";

import { PATIENCE, fromStep } from "./program.mjs";

const modules = createRequire(join(fromStep("SYNTHETICS_NODE_MODULES"), "modules.js"));
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

const executablePath = process.env.PATH.split(":").map((folder) => join(folder, "chromium")).find(existsSync);
if (!executablePath) throw new Error("chromium is missing\n  install it: sudo apt-get install --yes chromium");

// One name of another site leads to this machine, as in DNS rebinding.
export const OTHER_NAME = "rebound.example";
const browser = await chromium.launch({ executablePath, args: [`--host-resolver-rules=MAP ${OTHER_NAME} 127.0.0.1`] });
after(() => browser.close());

// Opens a tab in a profile that is separate from all others.
export async function tab(url, options = {}) {
  const context = await browser.newContext({ baseURL: url, timezoneId: "Europe/Oslo", locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE);
  return watched(await context.newPage(), url);
}

// Records in `page.problems` what a page must not do.
export function watched(page, url) {
  page.problems = [];
  const note = (what) => page.problems.push(what);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) note(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => note(`script: ${error.message}`));
  page.on("dialog", (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("popup", () => note("a window was opened"));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url) note(`request to another host: ${request.url()}`);
  });
  return page;
}

// What axe-core calls serious or critical.
export async function obstacles(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const grave = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return grave.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

export const headline = (page) => page.getByRole("heading", { level: 1 });

// Waits for the headline, without a reload by the test.
export const headlined = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

// Opens everything that is folded, as a person would.
export async function unfold(page) {
  const folded = page.locator("details:not([open]) > summary:visible");
  while (await folded.count() > 0) await folded.first().click();
}

export function assertQuiet(page) {
  assert.deepEqual(page.problems, []);
}

// What is wider than the screen, so that a reader has to scroll sideways.
export const tooWide = (page) => page.evaluate(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= innerWidth) return [];
  const isWide = (element) => element.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...document.querySelectorAll("body *")].filter(isWide).slice(0, 4);
  return [`${root.scrollWidth} px on a screen of ${innerWidth} px`, ...wide.map((element) => element.outerHTML.slice(0, 100))];
});
