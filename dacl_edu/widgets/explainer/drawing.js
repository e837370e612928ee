// The explainer's words and pictures: what stands on the page for one state of it. See arithmetic.js.

// ── words ──

const METHODS = {softmax: "softmax loss", center: "center loss", dacl: "DACL"};
const methodName = ({group, method}) => group.replace(method, METHODS[method] ?? method)
  .replace(/(?<=, )(lam|alpha|eps)\b/g, name => ({lam: "λ", alpha: "α", eps: "ε"})[name]);
const seedName = ({name, group, seed}) => name.slice(group.length).replace(/^, seed /, "") || String(seed);
const escaped = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const unbroken = text => text.replace(/Eq\.\s+/g, "Eq.\u00a0")
  .replace(/\s+([−+])\s+/g, "\u00a0$1\u00a0").replace(/\ba\s+\(/g, "a\u00a0(");
const formula = text => escaped(text).replace(/_\{([^}]*)\}|_(\w)/g, (_, long, short) => `<sub>${long ?? short}</sub>`)
  .replace(/\^(\w)/g, "<sup>$1</sup>");
const number = (value, digits = 3) => {
  const text = value && Math.abs(value) < 1e-4 ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
};
const percent = share => `${(100 * share).toFixed(share > 0.0995 && share < 0.9995 ? 0 : 1)} %`;
const length = vector => Math.sqrt(sum(vector, value => value * value));
const best = q => q.probabilities.indexOf(Math.max(...q.probabilities));

function ofDimension(q, j) {  // every number that belongs to dimension j, by name
  return [
    ["x", q.x[j]], ["c", q.c[j]], ["x − c", q.difference[j]], ["(x − c)²", q.squared[j]],
    ...(q.scores.length ? [["p_ex", q.scores[2 * j]], ["p_in", q.scores[2 * j + 1]]] : []),
    ["a", q.a[j]], ["a (x − c)²", q.weighted[j]], ["Eq. 9", q.gradientX[j]], ["Eq. 10", q.gradientA[j]],
    ["Δc", q.delta[j]], ["new c", q.moved[j]], ...(q.stepped === q.a ? [] : [["a after the step", q.stepped[j]]]),
  ];
}

function inWords(data, state, q) {
  const run = data.runs[state.run], stage = data.stage(state), {epoch} = stage;
  const label = data.classes[q.y], answer = best(q);
  const low = Math.min(...q.a), high = Math.max(...q.a), d = q.x.length;
  const when = epoch ? `after ${epoch} epoch${epoch > 1 ? "s" : ""}` : "before training";
  const spread = high - low < 1e-9 ? `is ${number(low)} in every dimension`
    : `is ${number(mean(q.a))} on average, from ${number(low)} to ${number(high)}`;
  const batch = state.batch === "face" ? "For this face alone"
    : `In a batch of ${q.m} faces, ${q.count} of them ${label},`;
  const silent = state.silenced ? `, with ${state.silenced} of ${d} dimensions silenced` : "";
  return [
    `${methodName(run)}, seed ${seedName(run)}, ${when}.`,
    `Face ${state.face + 1} is labelled ${label}; the network answers ${data.classes[answer]}`,
    `(${percent(q.probabilities[answer])})${silent}.`,
    `Attention ${spread}.`,
    `${batch} the ${isNaN(q.total) ? "softmax " : ""}loss is ${wholeLoss(state, q)}.`,
    run.loss && `${isNaN(q.total) ? whyNoTotal(run) : `What λ multiplies is ${run.loss}, this run’s own loss.`} `
      + `Eq. 4, for comparison: ${number(q.sparseLoss, 4)}.`,
    `The center of ${label} would move by ${number(state.alpha * length(q.delta))}`
      + `${stage.push.length ? ", the push of its loss included" : ""}.`,
  ].filter(Boolean).join(" ");
}

const wholeLoss = (state, q, around = text => text) => isNaN(q.total) ? around(number(q.softmaxLoss, 4))
  : `${number(q.softmaxLoss, 4)} + ${number(state.lam)} × ${number(q.metricLoss, 4)} = ${around(number(q.total, 4))}`;
const whyNoTotal = ({loss}) => `The run’s own loss, ${loss}, was computed for the attention that it was trained with `
  + "alone, and where it is defined.";
const ownLossSays = ({loss}, stage) => `This run was trained with ${loss}, another metric loss than the paper’s. What is `
  + "marked “for comparison” is the paper’s sparse center loss of the same features. Centers follow Eq. 11"
  + `${stage.push.length ? ", with the push that this loss adds" : ""}.`;

// ── bars, ticks, arrows ── one path for all dimensions of a plot; a plot is as wide as it has bars, and 100 high

const MOST_BARS = 128, FOLDED = 64, MOST_CLASSES = 12;
const none = () => 0, at = values => j => values[j];

function scale(low, high) {
  const inside = value => Math.min(high, Math.max(low, value));
  const round = value => Math.round(value * 10) / 10;
  const y = value => round(100 * (high - inside(value)) / (high - low || 1));
  const path = (dimensions, piece) => dimensions.map(piece).join("");
  return {
    bars: (dimensions, from, to) => path(dimensions, (j, i) => `M${i}.1 ${y(from(j))}V${y(to(j))}h.8V${y(from(j))}z`),
    ticks: (dimensions, of) => path(dimensions, (j, i) => `M${i - 0.2} ${y(of(j))}h1.4`),
    arrows: (dimensions, from, to) => path(dimensions, (j, i) => {
      const begin = y(from(j)), end = y(to(j));
      const tip = round(Math.min(4, Math.abs(end - begin)) * Math.sign(begin - end));
      return Math.abs(begin - end) > 1 ? `M${i}.5 ${begin}V${end}m-.4 ${tip}L${i}.5 ${end}l.4 ${tip}` : "";
    }),
  };
}

function drawPlots(view) {
  const {data, state, find, q, other, shown} = view, has = q.scores.length > 0;
  const put = (name, low, high, says, ...paths) => {
    const svg = find(`[data-plot=${name}]`), drawn = paths.filter(Boolean);
    svg.setAttribute("viewBox", `0 0 ${view.shownOf(name).length} 100`);
    svg.firstElementChild.innerHTML = drawn.map(([kind, path]) => `<path class="${kind}" d="${path}"/>`).join("");
    find(`[data-axis=${name}]`).innerHTML = `<span>${says}</span><span>${number(low)} to ${number(high)}</span>`;
  };
  const largest = values => Math.max(...shown.map(j => Math.abs(values[j])), 1e-12);

  const heights = [q.x, q.c, q.moved, other?.x ?? q.x].flatMap(values => shown.map(j => values[j]));
  const low = Math.min(0, ...heights), high = Math.max(...heights), pull = 0.3 * (high - low) / largest(q.gradientX);
  const x = scale(low, high);
  put("x", low, high, "x", ["x", x.bars(shown, none, at(q.x))], other && ["other", x.bars(shown, none, at(other.x))],
    ["pale", x.bars(shown, none, j => q.kept[j] ? 0 : q.x[j])], ["arrow", x.arrows(shown, at(q.x), j => q.x[j] - pull * q.gradientX[j])],  // against Eq. 9
    ["halo tick", x.ticks(shown, at(q.c))], ["c tick", x.ticks(shown, at(q.c))]);

  const e = scale(-1, 1), places = Array.from(q.latent.keys());
  put("e", -1, 1, `e: ${q.latent.length} numbers`, ["e", e.bars(places, none, at(q.latent))],
    other && ["other", e.bars(places, none, at(other.latent))]);

  const span = has ? Math.max(...q.scores.map(Math.abs)) : 1, p = scale(-span, span);
  const excludes = j => q.scores[2 * j], includes = j => q.scores[2 * j + 1], wins = j => includes(j) > excludes(j);
  const winning = has ? shown.map(j => wins(j) ? j : -1) : [], losing = has ? shown.map(j => wins(j) ? -1 : j) : [];
  const only = of => j => j < 0 ? 0 : of(j);
  put("p", -span, span, "p<sub>ex</sub> to p<sub>in</sub>", ["a", p.bars(winning, only(excludes), only(includes))],
    ["soft", p.bars(losing, only(excludes), only(includes))]);

  const top = Math.max(1, largest(q.a)), a = scale(0, top), fall = 0.25 * top / largest(q.gradientA);
  const still = q.stepped === q.a;
  const higher = j => Math.max(q.a[j], q.stepped[j]), lower = j => Math.min(q.a[j], q.stepped[j]);
  put("a", 0, top, "a", ["a", a.bars(shown, none, at(q.a))], other && ["other", a.bars(shown, none, at(other.a))],
    still && ["arrow", a.arrows(shown, at(q.a), j => q.a[j] - fall * q.gradientA[j])],  // against Eq. 10
    ...(still ? [] : [["up", a.bars(shown, at(q.a), higher)], ["down", a.bars(shown, at(q.a), lower)]]));

  const moving = q.change.length ? shown : [], rate = data.stage(state).rate[0];  // of 1 would be the learning rate
  const steep = moving.length ? rate * largest(q.change) : 1, w = scale(-steep, steep);
  put("w", -steep, steep, "change of a per unit of learning rate",
    ["up", w.bars(moving, none, j => Math.max(0, rate * q.change[j]))],
    ["a", w.bars(moving, none, j => Math.min(0, rate * q.change[j]))]);

  const far = largest(q.squared) * top, s = scale(0, far);
  put("s", 0, far, "(x − c)² and a (x − c)²", ["pale", s.bars(shown, none, at(q.squared))],
    ["s", s.bars(shown, none, at(q.weighted))], other && ["other", s.bars(shown, none, at(other.weighted))]);

  const most = state.alpha * largest(q.delta) || 1, d = scale(-most, most);
  put("d", -most, most, `−αΔc of ${escaped(data.classes[q.y])}`,
    ["c", d.bars(shown, none, j => -state.alpha * q.delta[j])]);
}

// ── faces, tiles, strips ── on canvases

function drawFaces(view) {
  const {data, state, find, q, other} = view, {side, image} = data.sheet;
  for (const [name, face, of] of [["face", state.face, q], ["other", state.other, other]]) {
    const canvas = find(`[data-big=${name}]`), figure = canvas.parentElement;
    figure.hidden = face === null;
    if (face === null) continue;
    canvas.width = canvas.height = 4 * side;
    const pen = canvas.getContext("2d"), column = face % data.columns, line = Math.floor(face / data.columns);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, column * side, line * side, side, side, 0, 0, 4 * side, 4 * side);
    if (view.overlay) layTile(view, pen, face, 4 * side);
    const label = data.classes[data.labels[face]], said = data.classes[best(of)];
    figure.querySelector("figcaption").textContent = `y = ${label}${said === label ? "" : `, taken for ${said}`}`;
    canvas.setAttribute("aria-label", `face ${face + 1}, ${label}, recognised as ${said}`);
  }
}

function layTile({data, state, dimension}, pen, face, side) {  // a channel of x* over the face
  const stage = data.stage(state), [, count, h, w] = stage.tiles.shape;
  const tile = data.runs[state.run].order.indexOf(dimension);
  if (tile < 0 || tile >= count) return;
  const small = new OffscreenCanvas(w, h), cells = small.getContext("2d"), pixels = cells.createImageData(w, h);
  const steps = row(stage.tiles, face).subarray(tile * h * w, (tile + 1) * h * w);
  steps.forEach((value, i) => pixels.data.set([...INKS.a, 13 * value], 4 * i));
  cells.putImageData(pixels, 0, 0);
  pen.drawImage(small, 0, 0, side, side);
}

const INKS = {};  // red, green, blue of x, a, c: filled by mount

function drawTiles({data, state, find, q, dimension}) {
  const stage = data.stage(state), [, count, h, w] = stage.tiles.shape, {order} = data.runs[state.run];
  const canvas = find("[data-plot=tiles]"), pen = canvas.getContext("2d"), across = Math.ceil(Math.sqrt(count));
  const place = i => [i % across * (w + 1), Math.floor(i / across) * (h + 1)];
  [canvas.width, canvas.height] = [across * (w + 1) + 1, Math.ceil(count / across) * (h + 1) + 1];
  const pixels = pen.createImageData(canvas.width, canvas.height), all = row(stage.tiles, state.face);
  const tiles = Array.from({length: count}, (_, i) => {
    const steps = all.subarray(i * h * w, (i + 1) * h * w);
    const size = Math.max(q.x[order[i]], 0) * h * w / (sum(steps) || 1);
    return Array.from(steps, value => value * size);  // so that the mean of a tile is x
  });
  const brightest = Math.max(...tiles.map(tile => Math.max(...tile)), 1e-9);
  tiles.forEach((tile, i) => tile.forEach((value, cell) => {
    const [left, top] = place(i), x = left + 1 + cell % w, y = top + 1 + Math.floor(cell / w);
    pixels.data.set([...INKS.x, 20 + 235 * Math.sqrt(value / brightest)], 4 * (y * canvas.width + x));
  }));
  pen.putImageData(pixels, 0, 0);
  const chosen = dimension === null ? -1 : order.indexOf(dimension);
  if (chosen < 0 || chosen >= count) return;
  pen.strokeStyle = `rgb(${INKS.a})`;
  pen.strokeRect(place(chosen)[0] + 0.5, place(chosen)[1] + 0.5, w + 1, h + 1);
}

function drawStrip(canvas, order, values, ink) {  // one cell a dimension
  [canvas.width, canvas.height] = [order.length, 1];
  const pen = canvas.getContext("2d"), pixels = pen.createImageData(order.length, 1);
  const high = Math.max(...values.map(Math.abs), 1e-9);
  order.forEach((j, i) => pixels.data.set([...INKS[ink], 15 + 240 * Math.abs(values[j]) / high], 4 * i));
  pen.putImageData(pixels, 0, 0);
}

// ── tables and sentences ──

function drawText(view) {
  const {data, state, find, q, other} = view, run = data.runs[state.run], stage = data.stage(state), d = q.x.length;
  const has = q.scores.length > 0, label = escaped(data.classes[q.y]), [, tiles] = stage.tiles.shape;
  const list = (place, pairs) => {
    find(`[data-panel=${place}] dl`).innerHTML = pairs.map(([name, value]) =>
      `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
  };
  find(".words span").textContent = inWords(data, state, q);
  find(".part").textContent = tiles < d ? `Here are the ${tiles} of ${d} that differ most between classes.` : "";
  find("[data-panel=encoder]").classList.toggle("idle", !has || ["ones", "frozen"].includes(state.control));
  find("[data-set=control]").disabled = !has;
  find("[data-do=lot]").hidden = state.control !== "permuted";
  find(".none").hidden = has;
  find(".none").textContent = `${methodName(run)} has no attention network: a = 1 everywhere, and Eq. 4 is Eq. 3. `
    + seeAttention(data);
  list("sparse", [["Eq. 3: ½ Σ (x − c)²", number(q.faceCenter)], ["Eq. 4: ½ Σ a (x − c)²", number(q.faceSparse)],
    ...(other ? [["Eq. 4, second face", number(other.faceSparse)]] : [])]);
  const known = !isNaN(q.total), instead = run.loss && "for comparison: ";
  find(".own").hidden = !run.loss;
  find(".own").textContent = run.loss && ownLossSays(run, stage);
  view.root.querySelectorAll(".aside").forEach(aside => { aside.hidden = !run.loss; });
  find(".whole").innerHTML = `${wholeLoss(state, q, text => `<b>${text}</b>`)}<br>`
    + `${formula(known ? `L_S + λ L_{${run.loss ? run.method : "SC"}} = L` : "L_S")} &ensp; `
    + `(m = ${q.m}${q.m > 1 ? " faces" : ": this face alone"})${known ? "" : `<br>${escaped(whyNoTotal(run))}`}`;
  list("total", [...(run.loss ? [["for comparison: L<sub>SC</sub>, Eq. 4", number(q.sparseLoss, 4)]] : []),
    ["pull of L<sub>S</sub> on x", number(length(q.gradientSoftmax))],
    [`${instead}pull of λ L<sub>SC</sub> on x (λ Eq. 9)`, number(state.lam * length(q.gradientX))],
    ["pull of L<sub>S</sub> on a", "0, always"],
    [`${instead}pull of λ L<sub>SC</sub> on a (λ Eq. 10)`, number(state.lam * length(q.gradientA))],
    ["pull of L on c", stage.push.length ? "not used: Eq. 11 and the loss’s push" : "not used: Eq. 11"]]);
  const share = q.count / (state.eps + q.count) || 0;
  find("[data-panel=center] .sentence").textContent = unbroken(`In the batch m = ${q.m}, n = ${q.count} of class `
    + `${data.classes[q.y]}. Its center moves by α\u00a0n/(ε + n) = ${number(state.alpha * share)} times their average `
    + `a (x − c)${stage.push.length ? `, and by α times the push that ${run.loss} adds, together` : ":"} a distance of `
    + `${number(state.alpha * length(q.delta))}.`);
  drawStep(view, has, d, stage);
  drawClasses(view, stage, d);
  if (d > view.shown.length) {
    for (const name of ["x", "a"]) drawStrip(find(`[data-strip=${name}]`), run.order, q[name], name);
  }
  if (find(".numbers").open) drawNumbers(view);
}

const seeAttention = ({runs}) => {
  const able = runs.find(run => run.mode === "learned" && run.stages[0].scores[2][1]);
  return able ? `Choose ${methodName(able)} above to see one.` : "None of these runs has one.";
};

function drawStep(view, has, d, stage) {
  const {data, state, find, q} = view, panel = find("[data-panel=step]"), sentence = panel.querySelector(".sentence");
  const able = q.rising !== null && state.control === "learned";
  panel.classList.toggle("idle", !able);
  find("[data-set=step]").disabled = !able;
  if (q.rising === null) {
    sentence.textContent = has ? "Not computed: this attention is not trained, or its network is too large."
      : `There is no attention network here. ${seeAttention(data)}`;
    return;
  }
  if (!able) {
    sentence.textContent = "Only for learned attention: see “replace a by”.";
    return;
  }
  const all = view.stepOverAll();
  sentence.innerHTML = `After one small step on all ${data.labels.length} `
    + `faces <b>${q.rising} of ${d} weights of this face rise</b> and ${d - q.rising} fall; over all faces `
    + `${percent(all.rising)} rise. Only the mean over all faces, weighted by ${unbroken("(x − c)²")}, must fall: it `
    + `changes by ${number(all.weighted * stage.rate[0], 2)} per unit of learning rate. ${state.step
      ? "On the bars of a: solid tips rose, dotted ones fell. L<sub>SC</sub> of "
        + `${q.m > 1 ? `${q.m} faces` : "this face"}: ${number(q.sparseLoss, 4)} → ${number(q.steppedLoss, 4)}.`
      : "Move the slider to see it on the bars of a."}`;
}

function drawClasses({data, find, q, other, shown}, stage, d) {
  const ranked = Array.from(q.whole.keys()).sort((i, k) => q.whole[k] - q.whole[i]);
  const listed = [q.y, ...ranked.filter(k => k !== q.y)].slice(0, MOST_CLASSES).sort((i, k) => i - k);
  const head = names => `<thead><tr>${names.map(name => `<th scope="col">${name}</th>`).join("")}</tr></thead>`;
  const mark = k => `${k === q.y ? " ← y" : ""}${k === other?.y ? " ← second" : ""}`;
  const name = k => `<th scope="row">${escaped(data.classes[k])}${mark(k)}</th>`;
  const score = value => value.toFixed(2).replace("-", "−");
  const cell = (of, k) => `<td>${score(of.logits[k])}</td><td class="p"><i style="width:${100 * of.probabilities[k]}%;`
    + `--class:${data.colours[k]}"></i><b>${percent(of.probabilities[k])}</b></td>`;
  const line = k => `<tr class="${k === q.y ? "true" : ""}">${name(k)}${cell(q, k)}${other ? cell(other, k) : ""}</tr>`;
  const table = (names, piece) => `${head(names)}<tbody>${listed.map(piece).join("")}</tbody>`;
  find(".classes").innerHTML = table(["class", "z", "p", ...(other ? ["z", "p"] : [])], line);

  const away = k => Math.sqrt(sum(q.x, (value, j) => (value - stage.centers[k * d + j]) ** 2));
  const strip = k => `<tr>${name(k)}<td><canvas></canvas></td><td>${number(away(k))}</td></tr>`;
  find(".centers").innerHTML = table(["class", "its center, dimension by dimension", "‖x − c‖"], strip);
  find(".centers").querySelectorAll("canvas").forEach((canvas, i) => {
    drawStrip(canvas, shown, row(stage.centers, listed[i]), "c");
  });
}

function drawNumbers({find, q}) {
  const cells = (j, cell) => ofDimension(q, j).map(cell).join("");
  const value = ([, of]) => `<td>${number(of)}</td>`;
  const lines = Array.from(q.x.keys(), j => `<tr><th scope="row">${j}</th>${cells(j, value)}</tr>`);
  const latent = q.latent.length ? `<p>e: ${Array.from(q.latent, value => number(value)).join(", ")}</p>` : "";
  find(".numbers div").innerHTML = `${latent}<table><thead><tr><th scope="col">dimension</th>`
    + `${cells(0, ([name]) => `<th scope="col">${name}</th>`)}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}

// ── arrows between panels ── none where the panels stand in one or two columns

const FLOWS = [["faces", "maps"], ["maps", "x"], ["x", "class"], ["maps", "encoder"], ["encoder", "attention"],
  ["attention", "sparse"], ["x", "sparse"], ["sparse", "total"], ["class", "total"], ["attention", "step"],
  ["attention", "center"]];

function drawLinks({find}) {
  const frame = find(".drawing").getBoundingClientRect();
  const box = name => {
    const {left, right, top, bottom} = find(`[data-panel=${name}]`).getBoundingClientRect();
    return {left: left - frame.left, right: right - frame.left, top: top - frame.top, bottom: bottom - frame.top};
  };
  const path = ([from, to]) => {
    const a = box(from), b = box(to), beside = b.left >= a.right - 1, below = b.top >= a.bottom - 1;
    const y = Math.max(a.top, b.top) + 34, x = (Math.max(a.left, b.left) + Math.min(a.right, b.right)) / 2;
    if (from === "class") return `M${a.right} ${a.bottom - 40}h7V${b.top + 30}h-4`;  // around the panel between them
    if (beside && below) return `M${a.right - 20} ${a.bottom}L${b.left + 20} ${b.top - 4}`;
    if (b.right <= a.left + 1) return `M${a.left + 20} ${a.bottom}L${b.right - 20} ${b.top - 4}`;
    return beside ? `M${a.right} ${y}H${b.left - 4}` : `M${x} ${a.bottom}V${b.top - 4}`;
  };
  const wide = box("maps").left >= box("faces").right && box("x").left >= box("maps").right;
  find(".links g").innerHTML = wide ? FLOWS.map(flow => `<path d="${path(flow)}"/>`).join("") : "";
}
