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

  // Name of a control that is the same in the next version of the page.
  function identity(control) {
    if (control.id) return "#" + control.id;
    const place = control.form ? [control.form.getAttribute("action"), control.form.elements.scope?.value] : [];
    const words = control.matches("summary, button") ? control.textContent : "";
    return [control.localName, control.name, control.getAttribute("href"), words, ...place].join("\n");
  }

  function controls(root) {
    const found = new Map();
    for (const control of root.querySelectorAll("a, button, input, select, textarea, summary")) {
      let name = identity(control);
      while (found.has(name)) name += "+";
      found.set(name, control);
    }
    return found;
  }

  // What the reader has opened or typed stays. Returns the control that had the focus, in its next version.
  function keep(before, after) {
    const next = controls(after);
    let focused = null;
    for (const [name, control] of controls(before)) {
      const same = next.get(name);
      if (!same) continue;
      if (control === document.activeElement) focused = same;
      if (control.localName === "summary") same.parentElement.open = control.parentElement.open;
      else if (control.type === "checkbox") same.checked = control.checked;
      else if (control.matches("input:not([type=hidden]), select, textarea")) same.value = control.value;
    }
    return focused;
  }

  // The caret stays where it was.
  function focus(control, former) {
    control.focus({ preventScroll: true });
    if (typeof former.selectionStart === "number") control.setSelectionRange(former.selectionStart, former.selectionEnd);
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
  let isOutdated = false;
  async function refresh() {
    // What is being fetched may be older than this change.
    isOutdated = true;
    pending ??= (async () => {
      while (isOutdated) {
        isOutdated = false;
        show(await (await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" })).text());
      }
      say("live");
    })().catch(() => say("not reachable")).finally(() => { pending = null; });
    return pending;
  }

  function show(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const main = document.getElementById("main");
    const fresh = page.getElementById("main");
    if (!fresh) throw new Error("no page");
    localTimes(page);
    person(page);
    const former = document.activeElement;
    const focused = keep(main, fresh);
    main.replaceChildren(...fresh.childNodes);
    if (focused) focus(focused, former);
    document.title = page.title;
    document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
    document.querySelector("footer").replaceWith(page.querySelector("footer"));
    document.getElementById("keys").hidden = false;
    document.dispatchEvent(new Event("refreshed"));
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

  const pages = { o: "/", i: "/incidents", a: "/alarms", r: "/review" };
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
      const lines = [["o", "overview"], ["i", "incidents"], ["a", "alarms"], ["r", "review"], ["/", "filter"], ["Esc", "close"]];
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
