// The review of a month, as one file on a screen and on paper, and in the console.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { assertQuiet, headlined, obstacles, tab, tooWide } from "./browser.mjs";
import { reviewedMonth } from "./month.mjs";
import { recorded, start } from "./program.mjs";

// Content of A4 between the margins of the page, at 96 px to the inch.
const PAPER = { width: 695, height: 1005 };

const report = await reviewedMonth();

// A page of a file has no origin; everything else is from elsewhere.
const opened = async (options) => {
  const page = await tab("null", { baseURL: undefined, ...options });
  await page.goto(pathToFileURL(report).href);
  return page;
};

for (const [name, colorScheme, viewport] of [
  ["light", "light", { width: 1440, height: 900 }],
  ["dark", "dark", { width: 1024, height: 800 }],
  ["on a small screen", "light", { width: 390, height: 844 }],
]) {
  test(`the file is accessible, and as wide as the screen: ${name}`, async () => {
    const page = await opened({ colorScheme, viewport });
    assert.deepEqual([...await obstacles(page), ...await tooWide(page)], []);
    for (const link of await page.locator("a[href^='#']").all()) {
      const target = decodeURIComponent((await link.getAttribute("href")).slice(1));
      assert.equal(await page.locator(`[id="${target}"]`).count(), 1, target);
    }
    assertQuiet(page);
  });
}

test("on paper, the file is dark on white, and nothing is cut", async () => {
  const page = await opened({ colorScheme: "dark", viewport: PAPER });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.deepEqual(await tooWide(page), []);
  const style = (selector, name) => page.locator(selector).evaluateAll((all, name) =>
    [...new Set(all.map((own) => getComputedStyle(own)[name]))], name);
  assert.deepEqual(await style("body", "backgroundColor"), ["rgb(255, 255, 255)"]);
  assert.deepEqual(await style("body, h1, h2, td", "color"), ["rgb(0, 0, 0)"]);
  assert.deepEqual(await style("tr, .card, .figure, .tile", "breakInside"), ["avoid"]);
  assert.deepEqual(await style("h2, h3", "breakAfter"), ["avoid"]);
  assert.equal(await page.locator(".contents").isVisible(), false);
  const pdf = await page.pdf({ preferCSSPageSize: true });
  const pages = pdf.toString("latin1").match(/\/Type ?\/Page\b/g).length;
  assert.ok(pages >= 4 && pages <= 14, `${pages} pages`);
  const sizes = new Set(pdf.toString("latin1").match(/\/MediaBox ?\[[^\]]*\]/g));
  assert.ok([...sizes].every((size) => /\[0 0 59[45][.\d]* 84[12][.\d]*\]/.test(size)), `expected A4, found ${[...sizes]}`);
});

test("the file shows what matters first", async () => {
  const page = await opened({ viewport: { width: 1440, height: 900 } });
  const titles = await page.locator("h2").allTextContents();
  assert.deepEqual(titles.slice(0, 5), ["Error budgets", "Alarms that need attention", "Proposals", "Incidents", "Projections"]);
  const tiles = await page.locator(".tile").allInnerTexts();
  assert.equal(tiles.length, 6);
  const bottom = await page.locator(".tiles").evaluate((own) => own.getBoundingClientRect().bottom);
  assert.ok(bottom < 300, `the summary ends at ${bottom} px`);
  assert.match(await page.locator(".card.alarm h3").allInnerTexts().then((all) => all.join("\n")), /SlowLogin.*12 false firings/);
  assert.ok(await page.locator("svg.headroom .threshold").count() > 40);
  assert.ok(readFileSync(report).length < 300_000);
});

test("the console shows a review of its store", async () => {
  const { url } = await start(["console", "--store", await recorded("recent.db")]);
  const page = await tab(url);
  await page.goto("/review?days=7");
  await headlined(page, "Review of 7 days");
  assert.equal(await page.getByRole("link", { name: "7 days" }).getAttribute("aria-current"), "true");
  await page.locator(".tiles").getByRole("link", { name: /incidents/ }).click();
  await page.waitForURL(/#incidents$/);
  await page.getByRole("link", { name: "14 days" }).click();
  await headlined(page, "Review of 14 days");
  await page.goto("/alarms");
  await page.keyboard.press("r");
  await page.waitForURL("/review");
  await headlined(page, "Review of 30 days");
  assertQuiet(page);
});
