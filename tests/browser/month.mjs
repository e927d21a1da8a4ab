// The month whose truth is known (tests/review), and its review as a file.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { done, file } from "./program.mjs";

const inReview = (name) => fileURLToPath(new URL(`../review/${name}`, import.meta.url));

// Writes both, and returns the path of the review.
export async function reviewedMonth() {
  const [store, report] = [file("month.db"), file("review.html")];
  await done("demo", "availability", "--port", "0", "--listen", "none", "--store", store, "--for", "1s");
  const written = spawnSync("python3", [inReview("generate.py"), inReview("month.json"), store], { encoding: "utf8" });
  if (written.status !== 0) throw new Error(`the month was not written: ${written.stderr ?? written.error}`);
  await done("review", "--store", store, "--until", "2026-11-20T12:00:00Z", "--format", "html", "--out", report);
  return report;
}
