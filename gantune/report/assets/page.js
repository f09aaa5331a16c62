(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const drawn = new Map(); // element → function that draws it in the present theme
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const numbers = (values) => values.filter((value) => value !== null && Number.isFinite(value));

  function resolve(part) {
    if (typeof part === "string") return part.startsWith("var(--") ? css(part.slice(4, -1)) : part;
    if (Array.isArray(part)) return part.length && typeof part[0] === "number" ? part : part.map(resolve);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, resolve(value)]));
  }

  function plot(element, data, layout, height) {
    const axis = { gridcolor: "var(--grid)", linecolor: "var(--rule)", zeroline: false, automargin: true, ticks: "", exponentformat: "power", minexponent: 4 };
    const whole = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "var(--muted)" },
      margin: { l: 56, r: 18, t: 14, b: 48 },
      hoverlabel: { bgcolor: "var(--panel)", bordercolor: "var(--line)", font: { color: "var(--text)" } },
      legend: { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", font: { color: "var(--text)" } },
      ...layout,
    };
    for (const name of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])) {
      whole[name] = { ...axis, ...(layout[name] || {}) };
      if (whole[name].title) whole[name].title = { standoff: 10, font: { size: 13 }, ...whole[name].title };
      if (whole[name].type === "log") Object.assign(whole[name], logTicks(whole[name], name, data));
    }
    Plotly.react(element, resolve(data), resolve(whole), config);
  }

  // 1, 2, 5 steps in full numbers: plotly's own log labels ("2", "5" between powers) are easily misread.
  function logTicks(axis, name, data) {
    let span = axis.range && [10 ** axis.range[0], 10 ** axis.range[1]];
    if (!span) {
      const own = name.replace("axis", "");
      const values = numbers(data.filter((trace) => (trace[own[0] + "axis"] || own[0]) === own).flatMap((trace) => trace[own[0]]));
      values.push(...(axis.include || []));
      const positive = values.filter((value) => value > 0);
      if (!positive.length) return {};
      const pad = Math.max(0.04, 0.05 * Math.log10(Math.max(...positive) / Math.min(...positive)));
      span = [Math.min(...positive) * 10 ** -pad, Math.max(...positive) * 10 ** pad];
    }
    const tickvals = steps(...span);
    return { range: span.map(Math.log10), tickmode: "array", tickvals, ticktext: tickvals.map(short) };
  }

  function steps(low, high) {
    const decades = Math.log10(high / low);
    const within = (factors) => {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
        for (const factor of factors) found.push(Number((factor * 10 ** power).toPrecision(3)));
      return found.filter((value) => value >= low && value <= high);
    };
    const sets = decades > 3.2 ? [[1]] : decades > 1.6 ? [[1, 3]] : [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9]];
    for (const factors of sets) if (within(factors).length >= 3) return within(factors);
    if (decades > 1) return within([1, 2, 5]);
    return [0, 1, 2, 3].map((index) => Number((low + (index * (high - low)) / 3).toPrecision(3)));
  }

  function short(value) {
    const size = Math.abs(value);
    if (size && (size < 1e-3 || size >= 1e5)) {
      const [mantissa, power] = value.toExponential().split("e");
      const raised = `10<sup>${power.replace("+", "").replace("-", "−")}</sup>`;
      return Number(mantissa) === 1 ? raised : `${Number(mantissa)}·${raised}`;
    }
    return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
  }

  function drawPlain(element, figure) {
    plot(element, figure.data, figure.layout, figure.height || 330);
  }

  // selectable curves
  const dashes = ["solid", "dashed", "dotted"];
  function drawCurves(box, panel) {
    const chips = box.querySelector(".chips");
    const shown = new Set(panel.shown);
    const slot = new Map();
    const style = (trial) => {
      if (trial.canonical && !trial.family) return { color: "var(--text)", width: 2 };
      if (!slot.has(trial.id)) {
        const used = new Set([...slot].filter(([id]) => shown.has(id)).map(([, index]) => index));
        let index = 0;
        while (used.has(index)) index++;
        slot.set(trial.id, index);
      }
      return { color: `var(--c${(slot.get(trial.id) % 8) + 1})`, width: 2 };
    };
    const buttons = panel.trials.map((trial) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = trial.id + (trial.family ? " " + trial.family : "") + (trial.canonical ? " canonical" : "") + " · " + trial.reason.replace("_", " ");
      button.title = trial.text;
      button.onclick = () => { if (shown.has(trial.id)) { shown.delete(trial.id); slot.delete(trial.id); } else shown.add(trial.id); draw(); };
      chips.append(button);
      return button;
    });
    const traces = (name, dash) => panel.trials.filter((trial) => shown.has(trial.id) && trial.series[name]).map((trial) => ({
      type: "scatter", mode: trial.series[name][0].length < 3 ? "lines+markers" : "lines", x: trial.series[name][0], y: trial.series[name][1],
      line: { ...style(trial), dash, width: dash === "solid" ? 2 : 1.6 }, connectgaps: true, showlegend: false,
      hovertemplate: `${trial.text}<br>%{x:.4g} kimg: %{y:.4g}<extra></extra>`,
    }));
    function loss(data, line) {
      const values = numbers(data.flatMap((trace) => trace.y)).sort((a, b) => a - b);
      if (line) values.push(line.value);
      if (!values.length) return { layout: {}, cut: 0 };
      values.sort((a, b) => a - b);
      const usual = values[Math.floor(0.9 * (values.length - 1))], low = values[0], high = values[values.length - 1];
      const top = Math.max(Math.min(high, usual + 2 * Math.max(usual - Math.max(low, -usual), 0.2)), line ? line.value * 1.2 : -Infinity);
      const bottom = low >= 0 ? Math.min(0, low) : Math.max(low, -10 * Math.abs(top || 1));
      const pad = 0.05 * (top - bottom) || 1;
      return { range: [bottom - pad / 2, top + pad], cut: values.filter((value) => value > top + pad || value < bottom - pad).length };
    }
    function draw() {
      panel.trials.forEach((trial, index) => {
        const on = shown.has(trial.id);
        buttons[index].setAttribute("aria-pressed", on);
        if (on) buttons[index].style.setProperty("--chip", style(trial).color);
      });
      const parts = { d: [...traces("d_loss", "solid"), ...traces("d_loss_heldout", "6px,3px")], g: traces("g_loss", "solid"), m: traces(panel.metric, "solid") };
      const unit = panel.unit ? ` (${panel.unit})` : "";
      const titles = { d: "D loss" + unit, g: "G loss" + unit, m: panel.label };
      let cut = 0;
      for (const [part, data] of Object.entries(parts)) {
        const element = box.querySelector(`[data-part=${part}]`);
        if (!element) continue;
        const layout = { xaxis: { title: { text: "kimg" }, rangemode: "tozero" }, yaxis: { title: { text: titles[part] } } };
        if (part === "m") {
          const values = numbers(data.flatMap((trace) => trace.y));
          if (values.length && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 5) {
            layout.yaxis.type = "log";
            layout.yaxis.title.text += " (log scale)";
          }
        } else {
          const found = loss(data, part === "d" ? panel.line : null);
          layout.yaxis.range = found.range;
          cut += found.cut || 0;
        }
        if (part === "d" && panel.line) {
          layout.shapes = [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: panel.line.value, y1: panel.line.value, line: { color: "var(--line)", width: 1.5, dash: "dot" } }];
          layout.annotations = [{ xref: "paper", x: 1, xanchor: "left", y: panel.line.value, text: panel.line.label, showarrow: false, xshift: 6, font: { color: "var(--text)", size: 13 } }];
          layout.margin = { l: 56, r: 24 + 7 * panel.line.label.length, t: 14, b: 48 };
        }
        plot(element, data, layout, part === "d" ? 360 : 300);
      }
      const note = box.querySelector(".cut");
      const words = shown.size ? "" : "No trial is selected. ";
      note.textContent = words + (cut ? `${cut} outlying loss value${cut > 1 ? "s lie" : " lies"} outside the panels; double-click a panel to see all of it.` : "");
    }
    return draw;
  }

  // objective over two parameters
  function drawLandscape(box, panel) {
    const names = Object.keys(panel.params);
    const [first, second] = box.querySelectorAll("select");
    for (const select of [first, second]) for (const name of names) select.add(new Option(name, name));
    first.value = panel.x; second.value = panel.y;
    first.onchange = second.onchange = () => draw();
    function place(x, y) {
      const cells = new Map();
      const key = panel.value.map((_, index) => `${x.values[index]}|${y.values[index]}`);
      key.forEach((cell) => cells.set(cell, (cells.get(cell) || 0) + 1));
      const seen = new Map();
      return key.map((cell, index) => {
        if (x.kind !== y.kind && key.length > 60) {
          const shift = (((index * 7919) % 101) / 100 - 0.5) * 0.3; // crowded rows are spread
          return [x.values[index] + (x.kind === "steps" ? shift : 0), y.values[index] + (y.kind === "steps" ? shift : 0)];
        }
        if (x.kind !== "steps" || y.kind !== "steps" || cells.get(cell) < 2) return [x.values[index], y.values[index]];
        const nth = seen.get(cell) || 0, side = Math.ceil(Math.sqrt(cells.get(cell)));
        seen.set(cell, nth + 1);
        return [x.values[index] + ((nth % side) / (side - 1 || 1) - 0.5) * 0.25, y.values[index] + (Math.floor(nth / side) / (side - 1 || 1) - 0.5) * 0.25];
      });
    }
    function axis(name) {
      const one = panel.params[name], layout = { title: { text: name + (one.kind === "log" ? " (log scale)" : "") } };
      if (one.kind === "log") layout.type = "log";
      if (one.kind === "steps") Object.assign(layout, { tickmode: "array", tickvals: one.labels.map((_, index) => index), ticktext: one.labels, range: [-0.6, one.labels.length - 0.4] });
      return layout;
    }
    function draw() {
      const x = panel.params[first.value], y = panel.params[second.value];
      const places = place(x, y), positive = panel.value.every((value) => value > 0) && Math.max(...panel.value) / Math.min(...panel.value) > 5;
      const shade = panel.value.map((value) => (positive ? Math.log10(value) : value));
      const low = Math.min(...panel.value), high = Math.max(...panel.value);
      const ticks = positive ? steps(low, high) : null;
      const ends = ["var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)"];
      if (panel.mode !== "min") ends.reverse();
      const many = panel.value.length > 400; // a search gathers them where it is good
      const stopped = panel.reason.map((reason) => reason !== "budget");
      const data = [{
        type: "scatter", mode: "markers", x: places.map((at) => at[0]), y: places.map((at) => at[1]), showlegend: false,
        text: panel.id.map((id, index) => `trial ${id} · ${panel.reason[index]}<br>${panel.label} ${panel.value[index].toPrecision(4)}`),
        marker: {
          size: many ? 6 : panel.value.length > 150 ? 8 : 13, opacity: many ? 0.8 : 1, symbol: stopped.map((is) => (is ? "diamond" : "circle")), color: shade, line: { width: many ? 0.4 : 1, color: "var(--line)" },
          colorscale: resolve(ends).map((colour, index) => [index / 3, colour]),
          colorbar: { title: { text: panel.label, side: "top" }, thickness: 12, outlinewidth: 0, len: 0.95, ...(ticks ? { tickvals: ticks.map(Math.log10), ticktext: ticks.map(short) } : {}) },
        },
        hovertemplate: `%{text}<extra></extra>`,
      }];
      const best = panel.id.indexOf(panel.best);
      data.push({ type: "scatter", mode: "markers", x: [places[best][0]], y: [places[best][1]], hoverinfo: "skip", showlegend: false, marker: { size: 22, symbol: "circle-open", color: "var(--c2)", line: { width: 2.5 } } });
      plot(box.querySelector(".chart"), data, { xaxis: axis(first.value), yaxis: axis(second.value), margin: { l: 56, r: 8, t: 14, b: 48 } }, 380);
    }
    return draw;
  }

  // sortable tables
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.onclick = () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [left, right] = [key(a), key(b)];
          if (left === "" || right === "") return (left === "") - (right === ""); // those without a value stay last
          const order = isNaN(left) || isNaN(right) ? left.localeCompare(right) : left - right;
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows);
      };
    });
  }

  const makers = { plain: (element, figure) => () => drawPlain(element, figure), curves: drawCurves, landscape: drawLandscape };
  const start = (element) => {
    if (drawn.has(element)) return;
    const figure = figures[element.dataset.figure];
    const draw = makers[element.dataset.kind](element, figure);
    drawn.set(element, draw);
    draw();
  };
  const redraw = () => drawn.forEach((draw) => draw());
  const elements = document.querySelectorAll("[data-figure]");
  const watch = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { watch.unobserve(entry.target); start(entry.target); }), { rootMargin: "1200px" });
  elements.forEach((element) => watch.observe(element));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); elements.forEach(start); redraw(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); redraw(); });
})();
