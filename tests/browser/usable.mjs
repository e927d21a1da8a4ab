// Prints when a page can be used, for the benchmark of the overview. No test.
import { tab } from "./browser.mjs";

const ROUNDS = 15;
const [url, path] = process.argv.slice(2);

// Milliseconds from the first byte until the page is painted, and until its script has run.
async function times() {
  const page = await tab(url);
  await page.goto(path);
  const measured = await page.evaluate(async () => {
    const painted = () => performance.getEntriesByName("first-contentful-paint")[0];
    while (!painted()) await new Promise((resolve) => setTimeout(resolve, 10));
    const [{ responseStart, domContentLoadedEventEnd }] = performance.getEntriesByType("navigation");
    return [painted().startTime - responseStart, domContentLoadedEventEnd - responseStart];
  });
  await page.context().close();
  return measured;
}

const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push(await times());
const median = (index) => rounds.map((measured) => measured[index]).sort((one, other) => one - other)[ROUNDS >> 1].toFixed(0);
// The test runner writes to the standard output.
console.error(`${path}: painted ${median(0)} ms after the first byte, usable after ${median(1)} ms (medians of ${ROUNDS})`);
process.exit(0);
