// Draws the charts of a page with uPlot.
"use strict";
(() => {
  const style = () => getComputedStyle(document.documentElement);
  const colour = (name) => style().getPropertyValue("--" + name).trim();

  function shown(value, unit) {
    if (value == null) return "no value";
    if (unit === "Milliseconds") return value >= 1000 ? (value / 1000).toFixed(2) + " s" : value.toFixed(0) + " ms";
    if (unit === "Seconds") return value.toFixed(1) + " s";
    if (unit === "Percent") return value.toFixed(1) + " %";
    return Number.isInteger(value) ? String(value) : value.toFixed(2);
  }

  // Incidents lie behind the lines; thresholds, the periods that an alarm looks at, and marks lie over them.
  function behind(data) {
    return (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.fillStyle = colour("bad");
      ctx.globalAlpha = 0.14;
      for (const band of data.bands) {
        const from = Math.max(u.valToPos(band.from, "x", true), bbox.left);
        const until = Math.min(u.valToPos(band.until, "x", true), bbox.left + bbox.width);
        if (until > bbox.left) ctx.fillRect(from, bbox.top, Math.max(until - from, 2), bbox.height);
      }
      ctx.restore();
    };
  }

  function over(data) {
    return (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      for (const threshold of data.thresholds) {
        const y = u.valToPos(threshold.value, "y", true);
        if (y < bbox.top || y > bbox.top + bbox.height) continue;
        const from = Math.max(u.valToPos(threshold.from, "x", true), bbox.left);
        ctx.strokeStyle = colour(threshold.is_alarm ? "bad" : "unsure-fill");
        ctx.lineWidth = 1.5 * devicePixelRatio;
        ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.lineWidth = 4 * devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(from, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.strokeStyle = colour("calm");
      ctx.lineWidth = devicePixelRatio;
      for (const mark of data.marks) {
        const x = u.valToPos(mark.at, "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    };
  }

  // A threshold belongs to the picture unless it would flatten the line.
  function range(data) {
    return (u, low, high) => {
      let top = high ?? 1;
      for (const threshold of data.thresholds) if (threshold.value <= top * 8) top = Math.max(top, threshold.value * 1.1);
      const bottom = Math.min(0, low ?? 0);
      return [bottom, top === bottom ? bottom + 1 : top * 1.05];
    };
  }

  function draw(place) {
    const data = JSON.parse(place.dataset.chart);
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("faint"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const colours = ["good", "unsure-fill", "tls", "transfer", "calm", "connect"].map(colour);
    const steps = data.lines.length > 2;
    const legend = document.createElement("div");
    legend.className = "under";
    const hover = document.createElement("p");
    const names = steps ? data.lines.map((line) => line.name) : [];
    const rest = data.thresholds.map((t) => (t.is_alarm ? "in alarm: " : "alarm: ") + t.words).concat(data.marks.map((m) => "mark: " + m.words)).slice(0, 4).join(" · ");
    legend.textContent = rest;
    if (steps) {
      const key = document.createElement("p");
      key.className = "legend";
      names.forEach((name, i) => {
        const item = document.createElement("span");
        const swatch = document.createElement("i");
        swatch.style.background = colours[i];
        swatch.style.opacity = 1;
        item.append(swatch, " " + name);
        key.append(item);
      });
      legend.append(key);
    }
    const wide = place.closest(".wide") !== null;
    const options = {
      width: Math.max(place.clientWidth, 200),
      height: wide ? 208 : 120,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: { y: { range: range(data) } },
      axes: [{ ...axis }, { ...axis, size: 58, values: (u, ticks) => ticks.map((tick) => shown(tick, data.unit)) }],
      series: [{}, ...data.lines.map((line, i) => ({ label: line.name, stroke: colours[i], width: i === 0 || steps ? 1.75 : 1, dash: i === 0 || steps ? [] : [4, 3], points: { show: line.values.filter((value) => value != null).length < 60, size: 4 }, spanGaps: false }))],
      hooks: {
        drawClear: [behind(data)],
        draw: [over(data)],
        setCursor: [(u) => {
          const i = u.cursor.idx;
          if (i == null) return;
          const when = new Date(data.at[i] * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
          const values = data.lines.map((line) => line.name + " " + shown(line.values[i], data.unit)).join(", ");
          const inside = data.bands.filter((b) => b.from <= data.at[i] && data.at[i] <= b.until).map((b) => b.words).join(", ");
          hover.textContent = when + ": " + values + (inside ? " · " + inside : "");
        }],
      },
    };
    place.replaceChildren();
    const plot = new uPlot(options, [data.at, ...data.lines.map((line) => line.values)], place);
    legend.append(hover);
    place.after(legend);
    return { plot, place, legend };
  }

  let drawn = [];
  function all() {
    drawn.forEach(({ plot, legend }) => { plot.destroy(); legend.remove(); });
    drawn = [...document.querySelectorAll("[data-chart]")].map(draw);
  }
  all();
  document.addEventListener("refreshed", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  let resize = 0;
  addEventListener("resize", () => { cancelAnimationFrame(resize); resize = requestAnimationFrame(all); });
})();
