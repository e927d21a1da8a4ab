// Times in the reader's zone, live updates, keys. Every page is complete without this script.
"use strict";
(() => {
  const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const short = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

  function localTimes(root) {
    const today = new Date().toDateString();
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      time.textContent = (at.toDateString() === today ? short : zone).format(at);
    }
  }

  // What the reader has opened or typed stays.
  function keep(before, after) {
    const opened = [...before.querySelectorAll("details[open] > summary")].map((s) => s.textContent);
    for (const summary of after.querySelectorAll("details > summary")) {
      if (opened.includes(summary.textContent)) summary.parentElement.open = true;
    }
    for (const field of before.querySelectorAll("input[id], select[id], textarea[id]")) {
      const same = after.querySelector("#" + CSS.escape(field.id));
      if (!same) continue;
      if (field.type === "checkbox") same.checked = field.checked;
      else same.value = field.value;
    }
  }

  // The name of the person is asked once.
  function person(root) {
    for (const field of root.querySelectorAll("input.by")) {
      const known = localStorage.getItem("by");
      if (known) field.value = known;
      field.addEventListener("change", () => localStorage.setItem("by", field.value.trim()));
    }
  }

  const live = document.getElementById("live");
  function say(text) {
    live.hidden = false;
    live.textContent = text;
  }

  let pending = null;
  async function refresh() {
    if (pending) return pending;
    pending = (async () => {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = document.getElementById("main");
      const fresh = page.getElementById("main");
      if (!fresh) throw new Error("no page");
      keep(main, fresh);
      const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.id : "";
      localTimes(page);
      person(page);
      main.replaceChildren(...fresh.childNodes);
      if (focused) document.getElementById(focused)?.focus();
      document.title = page.title;
      document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
      document.querySelector("footer").replaceWith(page.querySelector("footer"));
      document.dispatchEvent(new Event("refreshed"));
      say("live");
    })().catch(() => say("not reachable")).finally(() => { pending = null; });
    return pending;
  }

  // A browser allows few connections to one server, so only the tab in view has one.
  let events = null;
  function listen() {
    if (document.hidden) {
      events?.close();
      events = null;
      return;
    }
    if (events) return;
    events = new EventSource("/live");
    events.addEventListener("changed", refresh);
    events.onopen = () => say("live");
    events.onerror = () => { if (events?.readyState === EventSource.CLOSED) say("not live"); };
  }

  const pages = { o: "/", i: "/incidents", a: "/alarms" };
  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "/") {
      const field = document.getElementById("q");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (event.key === "?") {
      help();
    } else if (pages[event.key] && location.pathname !== pages[event.key]) {
      location.href = pages[event.key];
    }
  }

  function help() {
    let dialog = document.getElementById("help");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.id = "help";
      const lines = [["o", "overview"], ["i", "incidents"], ["a", "alarms"], ["/", "filter"], ["Esc", "close"]];
      const list = document.createElement("dl");
      list.className = "facts";
      for (const [key, what] of lines) {
        const term = document.createElement("dt");
        const kbd = document.createElement("kbd");
        kbd.textContent = key;
        term.append(kbd);
        const words = document.createElement("dd");
        words.textContent = what;
        list.append(term, words);
      }
      dialog.append(list);
      document.body.append(dialog);
    }
    dialog.showModal();
  }

  localTimes(document);
  person(document);
  document.getElementById("keys").hidden = false;
  document.addEventListener("keydown", keys);
  document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) refresh(); });
  listen();
})();
