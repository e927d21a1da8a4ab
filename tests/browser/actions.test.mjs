// Everything that a person may do from the console.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertQuiet, headlined, tab, unfold } from "./browser.mjs";
import { demo, until } from "./program.mjs";
import { monitored, onStoresOnly, shows } from "./world.mjs";

const { url, inject } = await monitored("availability");
await inject();
const page = await tab(url);

// A form, by the words on its button.
const form = (words) => page.locator("form", { has: page.getByRole("button", { name: words, exact: true }) });

async function send(words, fields) {
  const sent = form(words).first();
  for (const [label, text] of Object.entries(fields)) await sent.getByLabel(label).fill(text);
  await sent.getByRole("button", { name: words, exact: true }).click();
}

async function openActions(path) {
  await page.goto(path);
  await unfold(page);
}

test("an incident is acknowledged, with a name and a reason", async () => {
  await shows(page, "/", page.getByRole("link", { name: "front-page" }), "an incident");
  await page.getByRole("link", { name: "front-page" }).click();
  await headlined(page, "availability / front-page");
  const incident = page.url();
  await unfold(page);
  await send("Acknowledge", { "What is being done": "rolling back", "Your name": "Ada" });
  await headlined(page, "Done");
  await page.goto(incident);
  await page.getByText(/by Ada, .*: rolling back/).waitFor();
  await page.goto("/");
  await page.getByText("acknowledged by Ada").waitFor();
  assertQuiet(page);
});

test("a field that must not be empty is not sent", async () => {
  await openActions("/checks/availability");
  const before = page.url();
  await send("Mute", { "Your name": "Ada" });
  assert.equal(page.url(), before);
  assert.ok(await form("Mute").getByLabel("Reason").evaluate((field) => field.validity.valueMissing));
});

test("a check is muted, and the mute ends", async () => {
  await openActions("/checks/availability");
  await form("Mute").getByLabel("Mute for").selectOption("4 hours");
  await send("Mute", { Reason: "new servers", "Your name": "Ada" });
  await headlined(page, "Done");
  await page.getByText("keeps running").waitFor();
  await page.goto("/");
  await page.getByText(/Ada: new servers/).waitFor();
  const until = await page.locator("tr", { hasText: "new servers" }).locator("time").first().getAttribute("datetime");
  const hours = (new Date(until) - Date.now()) / 3_600_000;
  assert.ok(hours > 3.9 && hours <= 4, `${hours}`);
  await openActions("/checks/availability");
  await send("End the mute", {});
  await page.getByText("is no longer muted").waitFor();
  await page.goto("/");
  assert.equal(await page.getByText("new servers").count(), 0);
  assertQuiet(page);
});

test("a mark shows in the list and in the charts", async () => {
  await page.goto("/incidents");
  await unfold(page);
  await send("Add", { Mark: "release 42", "Your name": "Ada" });
  await headlined(page, "Done");
  await page.goto("/incidents");
  await page.getByRole("row", { name: /release 42 Ada/ }).waitFor();
  await page.goto("/checks/availability");
  const drawn = JSON.parse(await page.locator("[data-chart]").first().getAttribute("data-chart"));
  assert.deepEqual(drawn.marks.map((mark) => mark.words), ["release 42"]);
  await page.getByText("mark: release 42").first().waitFor();
  assertQuiet(page);
});

test("what is typed, opened and focused stays when the page changes", { skip: onStoresOnly("change every second") }, async () => {
  await page.goto("/");
  await page.getByRole("link", { name: "front-page" }).click();
  await headlined(page, "availability / front-page");
  await unfold(page);
  const changed = async () => {
    const former = await page.locator("footer").elementHandle();
    await page.waitForFunction((footer) => !footer.isConnected, former);
  };
  const reason = form("Mute").getByLabel("Reason");
  const chat = page.locator("details", { has: page.locator("summary", { hasText: /^Chat$/ }) }).last();
  await reason.fill("half a tence");
  for (let i = 0; i < "tence".length; i += 1) await page.keyboard.press("ArrowLeft");
  await changed();
  await page.keyboard.type("sen");
  assert.equal(await reason.inputValue(), "half a sentence");
  assert.ok(await chat.evaluate((details) => details.open));
  const link = page.getByRole("link", { name: "The run, step by step" });
  await link.focus();
  await changed();
  assert.ok(await link.evaluate((own) => own === document.activeElement), "the link has lost the focus");
  await page.getByText(/^Press \? for keys/).waitFor();
  assertQuiet(page);
});

test("a wrong request changes nothing, and says what was expected", async () => {
  await page.goto("/about");
  const answer = await page.evaluate(async () => {
    const body = new URLSearchParams({ scope: "availability", length: "for ever", reason: "x", by: "Ada" });
    const sent = await fetch("/actions/mute", { method: "POST", body });
    return { status: sent.status, text: await sent.text() };
  });
  assert.equal(answer.status, 422);
  assert.match(answer.text, /Nothing was done[^]*expected the length of the mute/);
  await page.goto("/");
  assert.equal(await page.getByText("muted", { exact: true }).count(), 0);
});

test("run now starts a run between two of the schedule", { skip: onStoresOnly("run at once") }, async () => {
  const seldom = await demo("availability", "--every", "1h");
  const tabs = await tab(seldom.url);
  await tabs.goto("/");
  await headlined(tabs, "All healthy");
  await tabs.goto("/checks/availability");
  const runs = () => tabs.locator("a[href*='/runs/'], section:has(> h2:text-is('Runs')) tbody tr").count();
  const before = await runs();
  await unfold(tabs);
  await tabs.getByRole("button", { name: "Run now" }).click();
  await tabs.getByText("availability runs now").waitFor();
  await tabs.goto("/checks/availability");
  await until(async () => await runs() > before, "another run");
  assertQuiet(tabs);
});
