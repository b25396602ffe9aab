// What the page does: it reads the block of data, draws what is chosen, and writes text, never markup.
"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  if (!find("legend")) return;
  const data = JSON.parse(find("data").textContent);
  const axisNames = Object.keys(data.axes);
  const called = new Map(data.optimizers.map((name, i) => [name, data.names[i]])); // in words, as in figures
  const DASHES = [[], [9, 4], [3, 3], [10, 3, 2, 3], [18, 4], [3, 3, 3, 8], [10, 3, 2, 3, 2, 3], [6, 2, 6, 8]]; // told apart in gray, too
  const N_COLORS = 8;
  const FEW = 10; // optimizers that are all drawn in color from the start
  const FEW_BANDS = 4; // optimizers whose bands are drawn from the start
  const NO_NUMBER = 65535;
  const N_ROWS = 20; // of a table of numbers
  let plots = [];
  let at = null; // which of the times is read

  // ---- what is chosen ----

  const state = { panel: 0, quantity: "regret", axis: "", statistic: "median", scale: "logarithmic", band: true, shown: new Set(), isChosen: false };

  function panel() {
    return data.panels[state.panel];
  }

  function numbers() {
    return panel().axes[state.axis];
  }

  /** The optimizers that have runs on this benchmark. */
  function withRuns() {
    return data.optimizers.filter((name) => Object.hasOwn(panel().n_runs, name));
  }

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    const title = data.panels.findIndex((one) => one.title === given.get("benchmark"));
    state.panel = Math.max(title, 0);
    state.axis = given.get("axis") || "";
    if (Object.hasOwn(data.statistics, given.get("statistic") ?? "")) state.statistic = given.get("statistic");
    if (given.get("quantity") === "hypervolume") state.quantity = "hypervolume";
    if (given.get("scale") === "linear") state.scale = "linear";
    state.band = given.has("band") ? given.get("band") === "on" : data.optimizers.length <= FEW_BANDS;
    const names = given.getAll("optimizer").filter((name) => name === "" || data.optimizers.includes(name)); // "": none of them
    state.isChosen = names.length > 0;
    state.shown = new Set(state.isChosen ? names.filter(Boolean) : best());
  }

  function writeAddress() {
    const chosen = new URLSearchParams({ benchmark: panel().title, axis: state.axis, statistic: state.statistic });
    if (state.quantity !== "regret") chosen.set("quantity", state.quantity);
    if (state.scale !== "logarithmic") chosen.set("scale", state.scale);
    chosen.set("band", state.band ? "on" : "off");
    if (state.isChosen) (state.shown.size ? [...state.shown] : [""]).forEach((name) => chosen.append("optimizer", name));
    history.replaceState(null, "", "#" + chosen);
  }

  /** What is in color from the start: all if they are few; else the baseline, what is set beside an archive, and the best. */
  function best() {
    const axis = Object.values(panel().axes)[0];
    if (!axis || withRuns().length <= FEW) return withRuns();
    const last = new Map(withRuns().map((name) => [name, decode(axis.curves[name].median[0], axis).at(-1) ?? Infinity]));
    const always = data.always.filter((name) => last.has(name));
    return [...new Set([...always, ...withRuns().sort((a, b) => last.get(a) - last.get(b))])].slice(0, N_COLORS);
  }

  // ---- numbers ----

  function decode(text, axis) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, i) => {
      const code = view.getUint16(2 * i, true);
      return code === NO_NUMBER ? null : code === 0 ? 0 : axis.low * Math.exp((code - 1) * axis.step);
    });
  }

  /** What is drawn over time: where there are several objectives, maybe the hypervolume; else regret. */
  function quantity() {
    return numbers()?.volumes ? state.quantity : "regret";
  }

  function chosen(axis) {
    return quantity() === "hypervolume" ? axis.volumes : axis;
  }

  function lines(axis, name, statistic) {
    const coded = chosen(axis);
    const [middle, low, high] = coded.curves[name][statistic].map((text) => decode(text, coded));
    return { middle, low, high };
  }

  /** Numbers of an optimizer, which may be called like anything that objects have. */
  function known(numbers, name, axis) {
    return Object.hasOwn(numbers, name) ? numbers[name] : axis.times.map(() => null);
  }

  function short(value) {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    if (Math.abs(value) >= 10000) return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(value);
    return String(Number(value.toPrecision(3)));
  }

  // ---- looks ----

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function look(name) {
    const i = data.optimizers.indexOf(name);
    return { color: color("--c" + (i % N_COLORS)), dash: DASHES[(i + Math.floor(i / N_COLORS)) % DASHES.length] };
  }

  function faint(hex, alpha) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return `rgba(${r}, ${g}, ${b}, ${alpha})`;
  }

  function sample(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const { color: stroke, dash } = look(name);
    for (const [key, value] of Object.entries({ width: 30, height: 12, "aria-hidden": "true" })) svg.setAttribute(key, value);
    const how = { x1: 0, x2: 30, y1: 6, y2: 6, stroke, "stroke-width": 3, "stroke-dasharray": dash.join(" ") };
    for (const [key, value] of Object.entries(how)) line.setAttribute(key, value);
    svg.append(line);
    return svg;
  }

  // ---- plots ----

  /** 1, 2, 5, 10, ... as far as there is room; evenly spaced ones where there are too few of these. */
  function logTicks(low, high, room) {
    if (high < low * 12) return evenTicks(low, high, Math.min(room, 7));
    for (const steps of [[1, 2, 5], [1, 3], [1]]) {
      const ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        for (const step of steps) ticks.push(Number(`${step}e${power}`));
      }
      const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
      if (inside.length <= room && (inside.length > 1 || steps.length === 1)) return inside;
      if (inside.length > room && steps.length === 1) return inside.filter((_, i) => i % Math.ceil(inside.length / room) === 0);
    }
    return [low, high];
  }

  function evenTicks(low, high, room) {
    const rough = (high - low) / room;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /** Where a line is of all runs: every one has begun, none has ended. */
  function whole(times, curve) {
    return times.map((time) => curve.begun !== null && time >= curve.begun && (curve.ended === null || time <= curve.ended));
  }

  function draw(figure) {
    const axis = numbers();
    const target = find(`${figure.id}-plot`);
    find(`${figure.id}-title`).textContent = figure.title();
    const nothing = axis ? figure.nothing?.(axis) : "No run on this benchmark has an incumbent.";
    target.replaceChildren(...(nothing ? [cell("p", nothing, { class: "note" })] : []));
    find(`${figure.id}-words`).textContent = "";
    find(`${figure.id}-table`).replaceChildren();
    if (nothing) return null;
    const times = axis.times;
    const isLog = figure.isLog && state.scale === "logarithmic";
    const inColor = Object.keys(axis.curves).filter((name) => state.shown.has(name));
    const inGray = Object.keys(axis.curves).filter((name) => !state.shown.has(name) && data.optimizers.length > FEW);
    const found = new Map([...inGray, ...inColor].map((name) => [name, figure.lines(axis, name)]));
    const every = [...found].flatMap(([name, one]) => (state.band && one.low && state.shown.has(name) ? [one.middle, one.low, one.high] : [one.middle]));
    const above = every.flat().filter((value) => value > 0);
    const hasZero = every.some((values) => values.some((value) => value === 0));
    const lowest = above.reduce((a, b) => Math.min(a, b), Infinity);
    const floor = isLog ? (Number.isFinite(lowest) ? lowest : 1) / (hasZero ? 2 : 1) : 0;
    const highest = Math.max(above.reduce((a, b) => Math.max(a, b), 0), floor * 1.2) || 1;
    const onAxis = (values) => (values ? values.map((value) => (value === null ? null : Math.max(value, floor))) : times.map(() => null));
    const series = [{}];
    const columns = [times];
    const bands = [];
    const paths = uPlot.paths.stepped({ align: 1 });
    for (const [name, one] of found) {
      const shown = state.shown.has(name);
      const { color: ink, dash } = shown ? look(name) : { color: color("--line"), dash: [] };
      const all = whole(times, figure.curves(axis)[name]);
      const middle = onAxis(one.middle);
      const sure = middle.map((value, i) => (all[i] ? value : null));
      const thin = middle.map((value, i) => (all[i] && all[i + 1] !== false ? null : value));
      const plain = { paths, points: { show: false }, spanGaps: false };
      if (shown && state.band && one.low) {
        bands.push({ series: [series.length + 1, series.length], fill: faint(ink, 0.14) });
        series.push({ ...plain, stroke: "transparent", width: 0 }, { ...plain, stroke: "transparent", width: 0 });
        columns.push(onAxis(one.low), onAxis(one.high));
      }
      series.push({ ...plain, label: name, stroke: ink, dash, width: shown ? 2.4 : 1 });
      series.push({ ...plain, stroke: faint(ink, shown ? 0.65 : 1), dash, width: 1 });
      columns.push(sure, thin);
    }
    const ink = color("--quiet");
    const lined = { stroke: ink, grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "13px system-ui, sans-serif" };
    const xLog = state.scale === "logarithmic";
    const ticked = (log, room) => (log ? { splits: (_, __, low, high) => logTicks(low, high, room(_)), filter: (_, splits) => splits } : {});
    const options = {
      width: Math.max(target.clientWidth, 240),
      height: Math.round(Math.min(440, Math.max(260, target.clientWidth * 0.56))),
      legend: { show: false },
      cursor: { sync: { key: "times" }, drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: {
        x: { time: false, distr: xLog ? 3 : 1, range: () => [times[0], times.at(-1)] },
        y: { distr: isLog ? 3 : 1, dir: figure.direction ?? 1, range: () => figure.range?.(axis) ?? (isLog ? [floor * 0.93, highest * 1.08] : [0, highest * 1.04]) },
      },
      axes: [
        { ...lined, label: data.axes[state.axis] || state.axis, labelFont: lined.font, ...ticked(xLog, (u) => Math.floor(u.width / 75)), values: (_, ticks) => ticks.map(short) },
        {
          ...lined,
          size: 62,
          label: figure.label(),
          labelFont: lined.font,
          splits: isLog ? (_, __, low, high) => [...(hasZero ? [floor] : []), ...logTicks(low, high, 9).filter((tick) => !hasZero || tick > floor * 1.35)] : undefined,
          filter: isLog ? (_, splits) => splits : undefined,
          values: (_, ticks) => ticks.map((tick) => (hasZero && isLog && tick <= floor ? "0" : short(tick))),
        },
      ],
      series,
      bands,
      hooks: { setCursor: [(u) => (u.cursor.left >= 0 && u.cursor.idx !== null && u.cursor.event ? read(u.cursor.idx) : null)] },
    };
    const plot = new uPlot(options, columns, target);
    plot.over.addEventListener("mousemove", () => plot.cursor.idx !== null && read(plot.cursor.idx));
    find(`${figure.id}-words`).textContent = figure.words(axis, inColor);
    fill(find(`${figure.id}-table`), figure, axis, inColor);
    return plot;
  }

  const figures = [
    {
      id: "regret",
      isLog: true,
      title: () => (quantity() === "regret" ? "Regret" : "Hypervolume"),
      label: () => (quantity() === "regret" ? `regret [${panel().unit}]` : "hypervolume, distance to the front"),
      curves: (axis) => chosen(axis).curves,
      lines: (axis, name) => lines(axis, name, state.statistic),
      words: (axis, names) => {
        const last = names.map((name) => `${called.get(name)} ${short(lines(axis, name, state.statistic).middle.at(-1))}`);
        const { curves } = chosen(axis);
        const unsure = names.some((name) => curves[name].begun === null || curves[name].begun > axis.times[0] || curves[name].ended !== null);
        const isRegret = quantity() === "regret";
        const of = isRegret ? `the ${panel().regret}` : `the distance to the best front's ${panel().volume}`;
        return (
          `${panel().shown}: ${state.statistic} of ${of}; over ${data.axes[state.axis] || state.axis}; less is better.` +
          (state.band ? ` Bands: ${data.statistics[state.statistic]}.` : "") +
          (data.optimizers.length > FEW && names.length < Object.keys(axis.curves).length ? " Gray lines: optimizers that are not chosen." : "") +
          (unsure ? " Thin lines: not all runs have an incumbent yet, or some have ended." : "") +
          ` At the end${isRegret ? ` [${panel().unit}]` : ""}: ${last.join("; ") || "no optimizer chosen"}.`
        );
      },
    },
    {
      id: "rank",
      title: () => "Average rank",
      label: () => "average rank",
      curves: (axis) => axis.curves,
      lines: (axis, name) => ({ middle: known(axis.ranks, name, axis) }),
      nothing: (axis) => (Object.keys(axis.ranks).length ? "" : "Ranks take two optimizers that have runs on this benchmark."),
      range: (axis) => [0.9, Object.keys(axis.curves).length + 0.1],
      direction: -1,
      words: () =>
        `${panel().shown}: expected rank of a run's incumbent among one run of each other optimizer, shown or not; 1 is the best. ` +
        "A run without an incumbent is last; ties share their rank.",
    },
    {
      id: "shares",
      title: () => "Runs and targets reached",
      label: () => "share of runs and targets",
      curves: (axis) => axis.curves,
      lines: (axis, name) => ({ middle: known(axis.shares, name, axis) }),
      nothing: (axis) => (Object.keys(axis.shares).length ? "" : "All runs begin with the best: there are no targets to reach."),
      range: () => [0, 1.02],
      words: () =>
        `${panel().shown}: share of all pairs of a run and one of 51 targets that were reached; more is better. Targets are regrets, ` +
        "evenly spaced in their logarithm, from the median that runs begin with to the least above 0.",
    },
  ];

  // ---- reading values ----

  function read(index) {
    const axis = numbers();
    if (!axis) return;
    at = Math.min(index, axis.times.length - 1);
    find("reader").value = at;
    find("at").textContent = `${short(axis.times[at])} ${(data.axes[state.axis] || state.axis).replace(/ \[.*/, "")}`;
    find("reader").setAttribute("aria-valuetext", find("at").textContent);
    for (const output of document.querySelectorAll("#legend .value")) {
      const name = output.dataset.name;
      output.textContent = Object.hasOwn(axis.curves, name) ? short(lines(axis, name, state.statistic).middle[at]) : "";
    }
  }

  function point(index) {
    const axis = numbers();
    read(index);
    for (const plot of plots) plot?.setCursor({ left: plot.valToPos(axis.times[index], "x"), top: 10 }, false);
  }

  // ---- tables and files ----

  function cell(tag, text, how = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [key, value] of Object.entries(how)) made.setAttribute(key, value);
    return made;
  }

  function fill(target, figure, axis, names) {
    const table = document.createElement("table");
    const words = data.axes[state.axis] || state.axis;
    table.append(cell("caption", figure.label() + ", " + panel().shown));
    const head = document.createElement("thead");
    const row = document.createElement("tr");
    row.append(cell("th", words, { scope: "col" }), ...names.map((name) => cell("th", called.get(name), { scope: "col" })));
    head.append(row);
    const body = document.createElement("tbody");
    const found = names.map((name) => figure.lines(axis, name).middle);
    const step = Math.max(1, Math.floor((axis.times.length - 1) / N_ROWS));
    for (let i = (axis.times.length - 1) % step; i < axis.times.length; i += step) {
      const line = document.createElement("tr");
      line.append(cell("th", short(axis.times[i]), { scope: "row" }));
      found.forEach((values, k) => line.append(cell("td", short(values[i]), { "data-column": called.get(names[k]) })));
      body.append(line);
    }
    table.append(head, body);
    target.replaceChildren(table);
  }

  function shownNumbers() {
    const axis = numbers();
    return Object.keys(axis.curves).filter((name) => state.shown.has(name)).map((name) => ({ optimizer: name, ...lines(axis, name, state.statistic) }));
  }

  function save(text, kind, ending) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = `${panel().title}-${quantity()}-${state.axis}-${state.statistic}`.replace(/[^\w.-]+/g, "_") + ending;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function asCsv() {
    const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
    const rows = [["optimizer", state.axis, quantity() === "regret" ? state.statistic : `${state.statistic} distance of the hypervolume`, "low", "high"].map(quoted).join(",")];
    const times = numbers().times;
    for (const one of shownNumbers()) {
      times.forEach((time, i) => rows.push([quoted(one.optimizer), time, one.middle[i] ?? "", one.low[i] ?? "", one.high[i] ?? ""].join(",")));
    }
    return rows.join("\n") + "\n";
  }

  function asJson() {
    const { title, unit } = panel();
    return JSON.stringify({ benchmark: title, quantity: quantity(), unit: quantity() === "regret" ? unit : "1", axis: state.axis, statistic: state.statistic, band: data.statistics[state.statistic], times: numbers().times, curves: shownNumbers() });
  }

  // ---- controls ----

  function listOptimizers() {
    const absent = data.optimizers.filter((name) => !withRuns().includes(name)).map((name) => called.get(name));
    find("absent").textContent = absent.length ? `No runs on this benchmark: ${absent.join(", ")}.` : "";
    const rows = withRuns().map((name) => {
      const box = cell("input", "", { type: "checkbox" });
      box.checked = state.shown.has(name);
      box.addEventListener("change", () => {
        state.shown[box.checked ? "add" : "delete"](name);
        state.isChosen = true;
        show();
      });
      const label = document.createElement("label");
      const value = cell("span", "", { class: "value" });
      value.dataset.name = name;
      label.append(box, sample(name), cell("span", called.get(name)), value);
      const item = document.createElement("li");
      item.append(label);
      return item;
    });
    find("legend").replaceChildren(...rows);
  }

  function listAxes() {
    const there = Object.keys(panel().axes);
    const names = [...axisNames.filter((name) => there.includes(name)), ...there.filter((name) => !axisNames.includes(name))];
    if (!there.includes(state.axis)) state.axis = there[0] || "";
    find("axis").replaceChildren(...names.map((name) => cell("option", data.axes[name] || name, { value: name })));
    find("axis").value = state.axis;
  }

  function show() {
    listAxes();
    find("panel").selectedIndex = state.panel;
    if (find("quantity")) {
      find("quantity").value = quantity();
      find("quantity").disabled = !numbers()?.volumes;
    }
    find("statistic").value = state.statistic;
    find("scale").value = state.scale;
    find("band").checked = state.band;
    plots.forEach((plot) => plot?.destroy());
    plots = figures.map(draw);
    for (const name of ["csv", "json"]) find(name).disabled = !numbers();
    const n = numbers()?.times.length ?? 1;
    find("reader").max = n - 1;
    read(at === null ? n - 1 : at);
    writeAddress();
  }

  function choose(all) {
    state.shown = new Set(all ? data.optimizers : []);
    state.isChosen = true;
    listOptimizers();
    show();
  }

  function chooseBenchmark(index) {
    state.panel = index;
    const isElsewhere = state.shown.size && !withRuns().some((name) => state.shown.has(name));
    if (!state.isChosen || isElsewhere) state.shown = new Set([...(state.isChosen ? state.shown : []), ...best()]);
    listOptimizers();
    show();
  }

  find("panel").addEventListener("change", (event) => chooseBenchmark(event.target.selectedIndex));
  for (const name of ["quantity", "axis", "statistic", "scale"]) find(name)?.addEventListener("change", (event) => ((state[name] = event.target.value), show()));
  find("band").addEventListener("change", (event) => ((state.band = event.target.checked), show()));
  find("reader").addEventListener("input", (event) => point(Number(event.target.value)));
  find("all").addEventListener("click", () => choose(true));
  find("none").addEventListener("click", () => choose(false));
  find("csv").addEventListener("click", () => save(asCsv(), "text/csv", ".csv"));
  find("json").addEventListener("click", () => save(asJson(), "application/json", ".json"));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }

  // ---- as the window changes ----

  const again = () => (listOptimizers(), show());
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width !== innerWidth) show();
    width = innerWidth;
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((one) => (one.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)));

  readAddress();
  again();
})();
