// What the console shows in the tests that run on both: a demo on a store, or a deployment on the emulator of AWS.
import { headlined, tab } from "./browser.mjs";
import { demo, isDeployment, until } from "./program.mjs";

// Address of the test that holds the deployment (tests/e2e/browser.rs).
const deployment = process.env.SYNTHETICS_DEPLOYMENT;
// Reason to leave out a test of what only a store has.
export const onStoresOnly = (what) => isDeployment && `a deployment has no ${what}`;

async function ask(path, body) {
  const answer = await fetch(`${deployment}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: expected 200, found ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

// A console on the checks, and how to break and repair what they examine.
export async function monitored(...checks) {
  if (isDeployment) {
    const url = await ask("/console");
    return { url, inject: () => ask("/inject"), clear: () => ask("/clear") };
  }
  const { url } = await demo(...checks);
  const page = await tab(url);
  return {
    url,
    async inject() {
      await page.goto("/demo");
      await page.getByRole("row", { name: /\b500\b/ }).getByRole("button", { name: "Inject" }).click();
      await headlined(page, "1 fault is injected");
    },
    async clear() {
      await page.goto("/demo");
      await page.getByRole("button", { name: "Clear" }).click();
      await headlined(page, "The demo platform is healthy");
    },
  };
}

// Writes texts into every place of a deployment that a run, a person or CloudWatch can fill.
export const write = (texts) => ask("/write", texts);

// Loads a page again until it shows this: what is known of a deployment is asked once a minute.
export const shows = (page, path, locator, what) => until(async () => { await page.goto(path); return locator.count(); }, what);
