// The program under test: started on free ports, with its files in a folder that is removed at the end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

// True in tests of a console on a deployment (tests/e2e/browser.rs).
export const isDeployment = Boolean(process.env.SYNTHETICS_DEPLOYMENT);

// Longest wait for anything that a test expects. A machine that is busy with other steps needs most of it. A deployment is asked once
// a minute.
export const PATIENCE = isDeployment ? 120_000 : 30_000;

export function fromStep(variable) {
  const value = process.env[variable];
  if (!value) throw new Error(`expected ${variable} in the environment\n  run the tests with: cargo xtask test browser`);
  return value;
}

const folder = mkdtempSync(join(tmpdir(), "synthetics-browser-"));
export const file = (name) => join(folder, name);

const running = new Set();
process.on("exit", () => {
  running.forEach((child) => child.kill("SIGKILL"));
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
after(() => Promise.all([...running].map(stop)));

function launch(args, variables) {
  const env = { ...process.env, USER: "tester", ...variables };
  const child = spawn(fromStep("SYNTHETICS_PROGRAM"), args, { env, stdio: ["ignore", "pipe", "pipe"] });
  child.printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { child.printed += data; });
  running.add(child);
  child.on("close", () => running.delete(child));
  return child;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGINT");
  const impatient = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(impatient);
}

// Starts a command that serves the console, and waits for its address.
export async function start(args, variables = {}) {
  const child = launch([...args, "--listen", "127.0.0.1:0"], variables);
  const address = () => child.printed.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
  await until(() => address() || child.exitCode !== null, `the address of: synthetics ${args.join(" ")}`);
  if (!address()) throw new Error(`synthetics ${args.join(" ")} ended:\n${child.printed}`);
  return { url: address(), stop: () => stop(child) };
}

// Starts a demo with these checks, at a cadence of two seconds.
export const demo = (...args) => start(["demo", "--port", "0", ...args, ...(args.includes("--every") ? [] : ["--every", "2s"])]);

// Runs a command to its end.
export async function done(...args) {
  const child = launch(args);
  await once(child, "close");
  if (child.exitCode !== 0) throw new Error(`synthetics ${args.join(" ")} ended with ${child.exitCode}:\n${child.printed}`);
}

// A store with an incident that has opened and recovered.
export async function recorded(name) {
  const store = file(name);
  const times = ["--every", "1s", "--for", "7s", "--fault", "500"];
  const child = launch(["demo", "availability", "--port", "0", "--listen", "none", "--store", store, ...times]);
  await once(child, "close");
  if (!child.printed.includes("fault 500 cleared")) throw new Error(`the demo did not clear its fault:\n${child.printed}`);
  return store;
}

// Waits until a condition holds, and returns what it returned.
export async function until(condition, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`expected ${what} within ${PATIENCE / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
