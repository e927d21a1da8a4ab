// Writes docs/images: the console of a demo with a month of history and one fault, and the review of another month.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { headlined, tab } from "./browser.mjs";
import { reviewedMonth } from "./month.mjs";
import { demo, file, until } from "./program.mjs";
import { execute, rows } from "./store.mjs";

const FOLDER = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../../docs/images");
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const SIZE = { width: 1440, height: 800 };

// The same sequence of numbers from 0 to 1 in every month.
let seed = 42;
const chance = () => { seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648; return seed / 2_147_483_648; };

const store = file("pictures.db");
const running = await demo("--every", "3s", "--store", store);
const page = await tab(running.url, { viewport: SIZE });
await page.goto("/");
await page.waitForFunction(() => document.querySelectorAll("tbody tr .standing.good").length === 10);

// What a month of runs would have left: every run of the last day, the values of an hour, the counts of each day.
function month() {
  const now = Date.now();
  const statements = [];
  const checks = rows(store, "SELECT check_id, slot, avg(attempt_ms) AS usual FROM runs WHERE outcome = 'passed' GROUP BY check_id");
  const series = rows(store, "SELECT series, avg(value) AS usual, metric, dimensions FROM points JOIN series ON series.id = points.series GROUP BY series");
  const noisy = (usual, at) => usual * (0.85 + 0.3 * chance() + 0.15 * Math.sin(at / DAY * 2 * Math.PI));
  for (const { check_id: check, slot, usual } of checks) {
    for (let at = now - DAY; at < now - 2 * MINUTE; at += 5 * MINUTE) {
      const failed = check === "integrations" && at > now - DAY / 2 && at < now - DAY / 2 + 40 * MINUTE;
      statements.push(["INSERT INTO runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, attempt_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        `past-${check}-${at}`, check, slot, at, at, at + 100, failed ? "failed" : "passed", noisy(usual, at)]);
    }
    for (let day = 1; day <= 30; day += 1) {
      const start = now - (now % DAY) - day * DAY;
      const failed = chance() < 0.15 ? Math.ceil(chance() * 9) : 0;
      statements.push(["INSERT OR IGNORE INTO daily_runs (check_id, day, passed, failed) VALUES (?, ?, ?, ?)", check, start, 1_440 - failed, failed]);
    }
  }
  for (const { series: id, usual, metric } of series) {
    for (let at = now - DAY; at < now - 2 * MINUTE; at += 5 * MINUTE) {
      const value = ["Success", "Inconclusive"].includes(metric) ? usual : noisy(usual, at);
      statements.push(["INSERT INTO points VALUES (?, ?, ?)", id, at - (at % MINUTE), Number.isInteger(usual) ? Math.round(value) : value]);
    }
  }
  statements.push(["INSERT INTO marks VALUES (?, 'release 42', 'pipeline')", now - 5 * 60 * MINUTE]);
  execute(store, statements);
}

async function picture(name, path, options = {}) {
  const shown = await tab(running.url, { viewport: SIZE, ...options });
  await shown.goto(path);
  await shown.screenshot({ path: join(FOLDER, `${name}.png`) });
}

mkdirSync(FOLDER, { recursive: true });
month();
await page.goto("/demo");
await page.getByText(/^booking: /).click();
await page.getByRole("row", { name: /double-booking-allowed/ }).getByRole("button", { name: "Inject" }).click();
await page.goto("/");
await headlined(page, /failing/);
const link = page.getByRole("row", { name: /^booking/ }).locator("a[href^='/incidents/']").first();
const incident = await until(() => link.getAttribute("href"), "an incident");
await picture("overview", "/");
await picture("overview-dark", "/", { colorScheme: "dark" });
await picture("check", "/checks/login?window=24h", { viewport: { ...SIZE, height: 700 } });
await picture("incident", incident);
await picture("status", "/status");
await picture("review", pathToFileURL(await reviewedMonth()).href, { viewport: { ...SIZE, height: 1180 } });
process.exit(0);
