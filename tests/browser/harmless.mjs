// What hostile texts must not do.
import assert from "node:assert/strict";

import { headline } from "./browser.mjs";

// What a page has taken for markup.
export const taken = (page) => page.evaluate(() => {
  const all = (selector) => [...document.querySelectorAll(selector)].map((element) => element.outerHTML.slice(0, 200));
  const own = (address) => new URL(address, location.href).origin === location.origin;
  const foreign = [...document.querySelectorAll("script, link, form, a")].filter((element) => {
    const address = element.src || element.action || element.href;
    return address && !own(address) && !address.startsWith("https://github.com/just-driving/synthetics/");
  });
  const handlers = [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some(({ name }) => /^on|^style$/.test(name)) && !e.closest(".plot, .legend"));
  return [
    ...all("img, iframe, base, style, object, embed, meta[http-equiv], script:not([src])"),
    ...[...foreign, ...handlers].map((element) => element.outerHTML.slice(0, 200)),
    ...("hacked" in window ? [`a script ran: ${window.hacked}`] : []),
  ];
});

// Opens a page, on which nothing from outside may have an effect.
export async function assertHarmless(page, path) {
  const answer = await page.goto(path);
  assert.equal(answer.status(), 200, path);
  await page.locator("details").evaluateAll((folded) => folded.forEach((details) => { details.open = true; }));
  assert.deepEqual(await taken(page), [], path);
  assert.deepEqual(page.problems, [], path);
  assert.ok(await headline(page).first().isVisible() && await page.getByRole("navigation", { name: "Pages" }).isVisible(), path);
}
