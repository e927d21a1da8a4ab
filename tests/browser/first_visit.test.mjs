// What a person sees who starts the demo and opens its console.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headline, headlined, tab } from "./browser.mjs";
import { isDeployment } from "./program.mjs";
import { monitored, onStoresOnly, shows } from "./world.mjs";

const { url } = await monitored();
const CHECK = isDeployment ? "availability" : "login";

test("every check becomes healthy by itself", { skip: onStoresOnly("runs of every check in this test") }, async () => {
  const page = await tab(url);
  await page.goto("/");
  await headlined(page, /^All healthy$/);
  await page.locator("tbody tr").nth(9).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr .standing.good").length === 10);
  assert.match(await page.title(), /^All healthy · demo · /);
  assertQuiet(page);
});

test("every page of the navigation opens without a problem", async () => {
  const page = await tab(url);
  await page.goto("/");
  const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
  const names = await links.allTextContents();
  const all = ["Overview", "Incidents", "Alarms", "Review", "Status page", "Demo", "Settings", "About"];
  assert.deepEqual(names, all.filter((name) => !isDeployment || name !== "Demo"));
  // The status page is for the public, so it leads nowhere.
  for (const name of names.filter((own) => own !== "Status page")) {
    const [answer] = await Promise.all([page.waitForNavigation(), links.filter({ hasText: name }).click()]);
    assert.equal(answer.status(), 200, name);
    assert.equal(await headline(page).count(), 1, name);
    assert.equal(await links.filter({ hasText: name }).getAttribute("aria-current"), "page", name);
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'/, name);
    assert.doesNotMatch(policy, /unsafe|\*/, name);
    assert.equal(answer.headers()["x-content-type-options"], "nosniff", name);
    assert.equal(answer.headers()["cache-control"], "no-store", name);
  }
  assertQuiet(page);
});

test("a review of a deployment names its price first", { skip: !isDeployment && "a store has no price" }, async () => {
  const page = await tab(url);
  await page.goto("/review");
  await page.getByRole("button", { name: /^Review 30 days for about \d\.\d\d USD/ }).click();
  await headlined(page, "Review of 30 days");
  await page.getByRole("button", { name: /^Review again for/ }).waitFor();
  assertQuiet(page);
});

test("the status page opens without a problem", async () => {
  const page = await tab(url);
  assert.equal((await page.goto("/status")).status(), 200);
  assert.equal(await headline(page).count(), 1);
  assertQuiet(page);
});

test("times are in the zone of the reader", async () => {
  const page = await tab(url);
  await page.goto("/alarms");
  const time = page.locator("time").first();
  const [shown, title] = [await time.textContent(), await time.getAttribute("title")];
  assert.match(title, /UTC$/);
  const inZone = new Date(await time.getAttribute("datetime")).toLocaleTimeString("en-GB", { timeZone: "Europe/Oslo" });
  assert.ok(shown.endsWith(inZone), `expected ${inZone}, found ${shown}`);
});

test("charts are drawn", async () => {
  const page = await tab(url);
  const plots = page.locator("[data-chart]");
  await shows(page, `/checks/${CHECK}`, plots, "charts");
  await plots.first().locator("canvas").waitFor();
  const drawn = await plots.evaluateAll((places) => places.map((place) => {
    const canvas = place.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value > 0);
  }));
  assert.ok(drawn.length >= (isDeployment ? 1 : 3) && drawn.every(Boolean), `${drawn}`);
  assert.match(await plots.first().getAttribute("aria-label"), /^Duration: .*average/);
  await plots.first().hover();
  await page.getByText(/average .* ms/).first().waitFor();
  assertQuiet(page);
});

test("a run is shown step by step, over time", { skip: onStoresOnly("reports but in its log") }, async () => {
  const page = await tab(url);
  await page.goto("/checks/login");
  await page.locator("a[href*='/runs/']").last().click();
  await headlined(page, /^login, run of /);
  assert.ok(await page.locator(".waterfall rect.waiting").count() > 3);
  await page.getByText(/POST http:\/\/127\.0\.0\.1:\d+\/api\/login/).first().waitFor();
  await page.getByText("Report (JSON)").click();
  const report = JSON.parse(await page.locator("details[open] pre").textContent());
  assert.equal(report.run.check, "login");
  assertQuiet(page);
});

test("the filter keeps what matches", async () => {
  const page = await tab(url);
  await page.goto("/");
  await page.keyboard.press("/");
  await page.keyboard.type("web");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=web/);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["payment-webhook"]);
  await page.goto("/?q=nothing-has-this-name");
  await page.getByText("No check matches").waitFor();
  assertQuiet(page);
});

test("keys lead to the pages, and are listed", async () => {
  const page = await tab(url);
  await page.goto("/");
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("incidents").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.locator("#q").focus();
  await page.keyboard.press("i");
  assert.equal(await page.locator("#q").inputValue(), "i", "a key in a field is text");
  await page.locator("#q").blur();
  await page.keyboard.press("i");
  await page.waitForURL("/incidents");
  assertQuiet(page);
});

test("the first key press offers to skip the navigation", async () => {
  const page = await tab(url);
  await page.goto("/");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  assert.ok(await skip.evaluate((link) => link === document.activeElement && link.getBoundingClientRect().left >= 0));
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});

test("an unknown page says so", async () => {
  const page = await tab(url);
  for (const path of ["/checks/nothing", "/incidents/nothing.20260101T000000Z", "/runbooks/nothing"]) {
    const answer = await page.goto(path);
    assert.equal(answer.status(), 404, path);
    await headlined(page, /^There is no such/);
  }
});
