// Hostile texts in every place of the history stay texts: nothing runs, restyles, hides or leads away.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { tab, tooWide } from "./browser.mjs";
import { assertHarmless, taken } from "./harmless.mjs";
import { HIDDEN, IS_HIDDEN, LONG, MARKUP, poisoned } from "./hostile_texts.mjs";
import { file, recorded, start } from "./program.mjs";
import { execute, rows } from "./store.mjs";

const NARROW = { width: 390, height: 844 };
const store = await recorded("hostile.db");
const broken = file("broken.db");
copyFileSync(store, broken);
const incident = JSON.parse(rows(store, "SELECT record FROM incidents WHERE subject = 'front-page'")[0].record);
const [{ report, slot }] = rows(store, "SELECT report, slot FROM runs WHERE outcome = 'failed' AND report IS NOT NULL");
const messages = rows(store, "SELECT * FROM notifications");
const [{ state }] = rows(store, "SELECT state FROM checks WHERE id = 'availability'");
const chain = [{ subject: "x", issuer: "x", expires: "2027-01-01T00:00:00Z", not_before: "2026-01-01T00:00:00Z" }];

// Writes a text into every place that a run, a message, an alarm, a person or the platform can fill.
function write(text, number) {
  const now = Date.now() - number * 1_000;
  const at = new Date(now).toISOString();
  const stamp = at.replace(/[-:]|\.\d+/g, "");
  const id = `availability.hostile-${number}.${stamp}`;
  const silence = { id: `m${number}`, kind: "mute", from: at, until: new Date(now + 3_600_000).toISOString(), by: text, reason: text };
  const acknowledged = { at, by: text, reason: text };
  const notification = incident.notifications[0].notification_id;
  const own = { ...poisoned(incident, text), id, since: at, opened_at: at, acknowledged, silences: [silence] };
  own.closed_at = undefined;
  own.notifications = [{ ...incident.notifications[0], notification_id: `${notification}/${number}` }];
  const run = `hostile-${number}`;
  const whole = poisoned(JSON.parse(report), text);
  const exchange = whole.attempts[0].steps.find((step) => step.exchanges?.length > 0).exchanges[0];
  exchange.tls = { version: text, cipher: text, chain: chain.map((one) => ({ ...one, subject: text, issuer: text })) };
  exchange.location = text;
  whole.warnings = [text];
  whole.leftovers = [{ compensation: text, detail: text, instructions: text }];
  const sent = messages.map((message) => [
    "INSERT INTO notifications SELECT ?, topic, event, queued_at, ? FROM notifications WHERE notification_id = ? AND topic = ?",
    `${notification}/${number}`,
    JSON.stringify({ ...poisoned(JSON.parse(message.notification), text), notification_id: `${notification}/${number}`, run_id: run }),
    message.notification_id, message.topic,
  ]).filter((statement) => statement[3] === notification);
  const mutes = JSON.parse(rows(store, "SELECT state FROM checks WHERE id = 'availability'")[0].state).mutes;
  execute(store, [
    ["INSERT INTO incidents VALUES ('availability', ?, ?, ?, NULL, 'critical', ?)", id, `hostile-${number}`, now, JSON.stringify(own)],
    ["INSERT INTO runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, report, attempt_ms) VALUES (?, 'availability', ?, ?, ?, ?, 'failed', ?, 9)",
      run, slot, now, now, now, JSON.stringify(whole)],
    ["INSERT INTO run_steps SELECT id, 0, ?, ?, 'failed', 5000 FROM runs WHERE run_id = ?", text, text, run],
    ["INSERT INTO daily_subjects VALUES ('availability', ?, ?, 1, 2)", now - (now % 86_400_000), text],
    ["INSERT INTO marks VALUES (?, ?, ?)", now, text, text],
    ["UPDATE alarm_states SET reason = ?", text],
    ["INSERT INTO alarm_changes VALUES (?, ?, NULL, 'ALARM', ?, '[]')", `just-driving-synthetics-demo-${text}`, now, text],
    ["UPDATE platform SET environment = 'demo', host = ?", text],
    ["UPDATE checks SET state = ? WHERE id = 'availability'", JSON.stringify({ ...JSON.parse(state), mutes: [silence, ...mutes].slice(0, 6) })],
    ...sent,
    ...sent.map((statement) => ["INSERT INTO deliveries VALUES (?, ?, ?, 3, ?, NULL, ?)", statement[1], statement[4], text, now, text]),
  ]);
  return { incident: `/incidents/${encodeURIComponent(id)}`, run: `/checks/availability/runs/${run}` };
}

const EVERYWHERE = ["/", "/incidents", "/checks/availability", "/alarms", "/review", "/about"];
const { url } = await start(["console", "--store", store, "--allow-actions"]);

test("markup stays text on every page", async () => {
  const page = await tab(url);
  for (let number = 0; number < MARKUP.length; number += 2) {
    const text = MARKUP.slice(number, number + 2).join(" ");
    const paths = write(text, number);
    const words = text.replace(/\s+/g, " ");
    for (const path of Object.values(paths)) {
      await assertHarmless(page, path);
      const shown = (await page.getByRole("main").innerText()).replace(/\s+/g, " ");
      assert.ok(shown.split(words).length > 8, `${path}: expected ${words} as text in many places`);
    }
  }
  for (const path of EVERYWHERE) await assertHarmless(page, path);
});

test("markup in an address stays text", async () => {
  const page = await tab(url);
  for (const text of [MARKUP.slice(0, 4).join(" ").replace("\n", ""), MARKUP.slice(5).join(" ")]) {
    await assertHarmless(page, `/?q=${encodeURIComponent(text)}`);
    assert.equal(await page.locator("#q").inputValue(), text);
    await assertHarmless(page, `/incidents?check=${encodeURIComponent(text)}`);
    for (const path of ["checks", "incidents", "runbooks"]) {
      await page.goto(`/${path}/${encodeURIComponent(text)}`);
      assert.deepEqual(await taken(page), [], path);
    }
    page.problems = page.problems.filter((problem) => !/status of 404/.test(problem));
    assert.deepEqual(page.problems, []);
  }
});

test("what a person types stays text", async () => {
  const page = await tab(url);
  for (const text of MARKUP.slice(0, 3)) {
    await page.goto("/incidents");
    await page.getByText("Add a mark").click();
    await page.getByLabel("Mark", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText(`Marked: ${text}`).waitFor();
    assert.deepEqual(await taken(page), []);
  }
  assert.deepEqual(page.problems, []);
});

test("hidden characters are visible, as escapes", async () => {
  const page = await tab(url);
  const paths = write(HIDDEN, MARKUP.length);
  for (const path of [...EVERYWHERE, ...Object.values(paths)]) {
    await assertHarmless(page, path);
    // White space between elements is ours.
    const hidden = await page.evaluate(() => document.documentElement.outerHTML);
    assert.doesNotMatch(hidden.replace(/[\n\t]/g, ""), IS_HIDDEN, path);
  }
  await page.goto(paths.incident);
  await page.getByText("abc\\u{202e}def\\u{2066}ghi").first().waitFor();
});

test("long words do not widen a small screen", async () => {
  const page = await tab(url, { viewport: NARROW });
  const paths = write(LONG, MARKUP.length + 1);
  for (const path of [...EVERYWHERE, ...Object.values(paths), `/?q=${LONG.slice(0, 2_000)}`]) {
    await assertHarmless(page, path);
    assert.deepEqual(await tooWide(page), [], path);
  }
});

test("a record that cannot be read breaks no other page", async () => {
  execute(broken, [["UPDATE incidents SET record = ?", "<script>window.hacked=1</script>"]]);
  const reading = await start(["console", "--store", broken]);
  const page = await tab(reading.url);
  assert.equal((await page.goto("/incidents")).status(), 503);
  await page.getByText("The history cannot be read").first().waitFor();
  assert.deepEqual(await taken(page), []);
  assert.equal((await page.goto("/about")).status(), 200);
});

test("the same texts do harm where nothing prevents it", async () => {
  const blank = createServer((asked, answer) => {
    const text = MARKUP[Number(asked.url.slice(1))];
    answer.setHeader("content-type", "text/html");
    answer.end(text === undefined ? "" : `<!doctype html><title>${text}</title><h1>Control</h1><p title="${text}">${text}</p><a href="${text}">go</a>`);
  });
  await new Promise((resolve) => blank.listen(0, "127.0.0.1", resolve));
  after(() => blank.close());
  const address = `http://127.0.0.1:${blank.address().port}`;
  const page = await tab(address);
  await page.route((own) => own.hostname.endsWith(".example"), (route) => route.abort());
  for (const [number, text] of MARKUP.entries()) {
    page.problems.length = 0;
    await page.goto(`/${number}`);
    // A page that leads away cannot be searched, but its request is noted.
    const search = () => taken(page).catch(() => []);
    const found = await search();
    if (text.startsWith("javascript:")) await page.getByRole("link", { name: "go" }).click();
    found.push(...await search(), ...page.problems);
    assert.ok(found.length > 0 || text.startsWith("{{"), `expected harm by ${text}`);
  }
});
