// One face through the whole paper: the same module in a notebook (anywidget) and on a page without a kernel.
// 1 data · 2 arithmetic · 3 words · 4 the page's parts · 5 drawing · 6 the tour · 7 mount

// ── 1 data ── see payload.py: the network's outputs, stored; all that follows from x, a and c is computed here.

const size = shape => shape.reduce((product, side) => product * side, 1);
const READ = {
  f2(buffer, at, n) {
    const out = new Float64Array(n);
    new Uint16Array(buffer, at, n).forEach((bits, i) => {
      const power = bits >> 10 & 31, rest = bits & 1023;
      const value = power === 31 ? (rest ? NaN : Infinity) : power ? (1 + rest / 1024) * 2 ** (power - 15) : rest * 2 ** -24;
      out[i] = bits >> 15 ? -value : value;
    });
    return out;
  },
  f4: (buffer, at, n) => Float64Array.from(new Float32Array(buffer, at, n)),
  i4: (buffer, at, n) => new Int32Array(buffer, at, n),
  u1: (buffer, at, n) => new Uint8Array(buffer, at, n),
  q4(buffer, at, n) {
    const bytes = new Uint8Array(buffer, at, n + 1 >> 1);
    return Uint8Array.from({length: n}, (_, i) => i % 2 ? bytes[i >> 1] & 15 : bytes[i >> 1] >> 4);
  },
};

async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const read = ([kind, offset, shape]) => Object.assign(READ[kind](buffer, 4 + length + offset, size(shape)), {shape});
  const known = new Map();
  data.stage = state => {
    const key = `${state.run}/${state.stage}`;
    if (!known.has(key)) {
      const {epoch, ...arrays} = data.runs[state.run].stages[state.stage];
      known.set(key, {epoch, ...Object.fromEntries(Object.entries(arrays).map(([name, where]) => [name, read(where)]))});
    }
    return known.get(key);
  };
  data.runs.forEach(run => { run.order = read(run.order); });
  const faces = new Blob([read(data.sheet.jpeg)], {type: "image/jpeg"});
  data.sheet.url = URL.createObjectURL(faces);
  data.sheet.image = await createImageBitmap(faces);
  return data;
}

const row = (array, i) => { const width = size(array.shape.slice(1)); return array.subarray(i * width, (i + 1) * width); };

// ── 2 arithmetic ── the equations. m faces of a batch, d dimensions, K classes; plain loops, as in dacl_edu/reference.

const sum = (values, f = value => value) => values.reduce((total, value, j) => total + f(value, j), 0);
const mean = values => sum(values) / values.length;

function lots(seed) {  // random numbers that a seed decides (mulberry32)
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, seed | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

function permutation(n, seed) {
  const order = Int32Array.from({length: n}, (_, j) => j), draw = lots(seed);
  for (let j = n - 1; j > 0; j--) {
    const k = Math.floor(draw() * (j + 1));
    [order[j], order[k]] = [order[k], order[j]];
  }
  return order;
}

function attentionOf(stage, face, state) {
  const d = stage.features.shape[1], own = new Float64Array(d).fill(1);
  if (!stage.scores.shape[1]) return own;  // a method without attention network
  const p = row(stage.scores, face);
  for (let j = 0; j < d; j++) own[j] = 1 / (1 + Math.exp(p[2 * j] - p[2 * j + 1]));  // Eq. 7
  switch (state.control) {
    case "ones": return own.fill(1);
    case "mean": return own.fill(mean(own));
    case "permuted": return Float64Array.from(permutation(d, 1000 * state.lot + face), j => own[j]);
    case "frozen": return Float64Array.from(row(stage.frozen, face));
    case "normalized": { const level = mean(own); return own.map(value => value / level); }
    default: return own;
  }
}

function classify(stage, x, kept = null) {  // Eq. 1, and the probabilities of Eq. 2
  const logits = Float64Array.from(stage.bias, (b, k) => b + sum(x, (v, j) => kept && !kept[j] ? 0 : v * stage.weight[k * x.length + j]));
  const top = Math.max(...logits), norm = top + Math.log(sum(logits, z => Math.exp(z - top)));
  return {logits, norm, probabilities: logits.map(z => Math.exp(z - norm))};
}

function batchOf(data, state) {  // this face, its row, or all
  const {labels, columns} = data, first = state.face - state.face % columns;
  if (state.batch === "face") return [state.face];
  const [from, to] = state.batch === "row" ? [first, Math.min(first + columns, labels.length)] : [0, labels.length];
  return Array.from({length: to - from}, (_, i) => from + i);
}

function silencedOf(x, a, state) {  // which dimensions the classifier still sees
  const kept = new Uint8Array(x.length).fill(1), all = Array.from(x.keys());
  const order = state.silence === "random" ? permutation(x.length, state.lot)
    : all.sort((i, j) => (state.silence === "most" ? a[j] - a[i] : a[i] - a[j]) || i - j);
  order.slice(0, state.silenced).forEach(j => { kept[j] = 0; });
  return kept;
}

export function quantities(data, state) {
  const stage = data.stage(state), d = stage.features.shape[1], y = data.labels[state.face];
  const x = row(stage.features, state.face), c = row(stage.centers, y), a = attentionOf(stage, state.face, state);
  const batch = batchOf(data, state), m = batch.length, own = classify(stage, x), kept = silencedOf(x, a, state);
  const difference = x.map((value, j) => value - c[j]), squared = difference.map(value => value * value);
  const weighted = squared.map((value, j) => a[j] * value);

  const stepped = (value, change) => Math.min(1, Math.max(0, value + rate * change));  // to first order, kept in 0 .. 1
  let softmaxLoss = 0, centerLoss = 0, sparseLoss = 0, count = 0, steppedLoss = 0;
  const toward = new Float64Array(d), rate = stage.change.shape[1] && state.control === "learned" ? state.step : 0;
  for (const i of batch) {
    const xi = row(stage.features, i), label = data.labels[i], ci = row(stage.centers, label), ai = attentionOf(stage, i, state);
    const {logits, norm} = classify(stage, xi);
    softmaxLoss += (norm - logits[label]) / m;  // Eq. 2
    count += label === y;
    for (let j = 0; j < d; j++) {
      const gap = xi[j] - ci[j];
      centerLoss += gap * gap / (2 * m);  // Eq. 3
      sparseLoss += ai[j] * gap * gap / (2 * m);  // Eq. 4
      if (label === y) toward[j] -= ai[j] * gap;  // Eq. 11, its sum
      if (rate) steppedLoss += stepped(ai[j], stage.change[i * d + j]) * gap * gap / (2 * m);
    }
  }
  const delta = toward.map(value => value / (state.eps + count));  // Eq. 11
  const change = stage.change.shape[1] ? row(stage.change, state.face) : new Float64Array(0);
  return {
    batch, m, count, y, x, c, a, kept, difference, squared, weighted,
    latent: row(stage.latent, state.face), scores: row(stage.scores, state.face),
    ...classify(stage, x, kept), whole: own.probabilities,
    faceSoftmax: own.norm - own.logits[y], faceCenter: sum(squared) / 2, faceSparse: sum(weighted) / 2,
    softmaxLoss, centerLoss, sparseLoss, total: softmaxLoss + state.lam * sparseLoss,  // Eq. 8
    gradientX: difference.map((value, j) => a[j] * value / m),  // Eq. 9
    gradientA: squared.map(value => value / (2 * m)),  // Eq. 10
    gradientSoftmax: x.map((_, j) => sum(own.probabilities, (p, k) => (p - (k === y)) * stage.weight[k * d + j]) / m),
    delta, moved: c.map((value, j) => value - state.alpha * delta[j]),  // Algorithm 1, line 15
    stepped: rate ? a.map((value, j) => stepped(value, change[j])) : a, steppedLoss: rate ? steppedLoss : sparseLoss,
    change, rising: change.length ? sum(change, value => value > 0) : null,
  };
}

function stepOverAll(data, state) {  // shares over all faces, which the step was computed for
  const stage = data.stage(state), d = stage.features.shape[1], {change} = stage;
  let weights = 0, moved = 0;
  change.forEach((value, at) => {
    const i = Math.floor(at / d), gap = stage.features[at] - stage.centers[data.labels[i] * d + at % d];
    weights += gap * gap;
    moved += value * gap * gap;
  });
  return {rising: mean(change.map(value => value > 0)), plain: mean(change), weighted: moved / weights};
}

// ── 3 words ──

const METHODS = {softmax: "softmax loss", center: "center loss", dacl: "DACL"};
const CONTROLS = {
  learned: "learned: the paper's", ones: "ones: center loss, Eq. 3", mean: "mean: one weight for all",
  permuted: "permuted: on wrong dimensions", frozen: "frozen: network before training", normalized: "normalized: mean is 1",
};
const FORMULAS = {  // formula, and the lines of Algorithm 1 that need it
  "x*": ["x* = CNN(X)", [3]], x: ["x_j = mean of channel j of x*", [4]],
  1: ["z = W^T x + B", [6]], 2: ["L_S = −1/m Σ_i log p(y_i | x_i),  p = softmax(z)", [6, 9]],
  3: ["L_C = 1/(2m) Σ_i Σ_j (x_{ij} − c_{yj})^2", []], 4: ["L_{SC} = 1/(2m) Σ_i Σ_j a_{ij} (x_{ij} − c_{yj})^2", [7]],
  5: ["e = tanh(BN(W_3^T relu(BN(W_2^T relu(BN(W_1^T flat(x*) + b_1)) + b_2)) + b_3))", [5]],
  6: ["p_{in} = A_{in}^T e + b_{in},  p_{ex} = A_{ex}^T e + b_{ex}", [5]], 7: ["a_j = exp p_{in} / (exp p_{in} + exp p_{ex})", [5]],
  8: ["L = L_S + λ L_{SC}", [8]], 9: ["∂L_{SC}/∂x_i = 1/m a_i ⊙ (x_i − c_y)", [10, 12]],
  10: ["∂L_{SC}/∂a_{ij} = 1/(2m) (x_{ij} − c_{yj})^2", [11]],
  11: ["Δc_k = Σ_{i: y=k} a_i ⊙ (c_k − x_i) / (ε + n_k),  c_k ← c_k − α Δc_k", [13, 15]],
};
const KEYS = ["x*", "x", ...Object.keys(FORMULAS).slice(0, 11)];  // whole numbers come first in an object
const escaped = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const formula = text => escaped(text).replace(/_\{([^}]*)\}|_(\w)/g, (_, long, short) => `<sub>${long ?? short}</sub>`)
  .replace(/\^(\w)/g, "<sup>$1</sup>");
const number = (value, digits = 3) => {
  const text = value && Math.abs(value) < 1e-4 ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
};
const percent = share => `${(100 * share).toFixed(share > 0.0995 && share < 0.9995 ? 0 : 1)} %`;
const networkName = (run, stage) => `${METHODS[run.method] ?? run.method}, seed ${run.seed}, ${stage.epoch ? `after ${stage.epoch} epoch${stage.epoch > 1 ? "s" : ""}` : "before training"}`;

function ofDimension(q, j, state) {
  const has = q.scores.length > 0;
  return [
    ["x", q.x[j]], ["c", q.c[j]], ["x − c", q.difference[j]], ["(x − c)²", q.squared[j]],
    ...(has ? [["p_ex", q.scores[2 * j]], ["p_in", q.scores[2 * j + 1]]] : []), ["a", q.a[j]], ["a (x − c)²", q.weighted[j]],
    ["Eq. 9", q.gradientX[j]], ["Eq. 10", q.gradientA[j]], ["Δc", q.delta[j]], ["new c", q.moved[j]],
    ...(state.step && q.stepped !== q.a ? [["a after the step", q.stepped[j]]] : []),
  ];
}

function inWords(data, state, q) {
  const run = data.runs[state.run], best = q.probabilities.indexOf(Math.max(...q.probabilities)), low = Math.min(...q.a), high = Math.max(...q.a);
  const of = state.batch === "face" ? "For this face alone" : `In a batch of ${q.m} faces, ${q.count} of them ${data.classes[q.y]},`;
  return `${networkName(run, data.stage(state))}. Face ${state.face + 1} is labelled ${data.classes[q.y]}; the network answers ${data.classes[best]} (${percent(q.probabilities[best])})`
    + `${state.silenced ? `, with ${state.silenced} of ${q.x.length} dimensions silenced` : ""}. `
    + (high - low < 1e-9 ? `Attention is ${number(low)} in every dimension. ` : `Attention is ${number(mean(q.a))} on average, from ${number(low)} to ${number(high)}. `)
    + `${of} the loss is ${number(q.softmaxLoss)} + ${number(state.lam)} × ${number(q.sparseLoss)} = ${number(q.total)}. `
    + `The center of ${data.classes[q.y]} would move by ${number(state.alpha * Math.sqrt(sum(q.delta, v => v * v)))}.`;
}

// ── 4 the page's parts ──

const slider = (name, label, max, step = 1) =>
  `<label class="slider"><span>${label}</span><input type="range" data-set="${name}" min="0" max="${max}" step="${step}"><output></output></label>`;
const select = (name, label, options) => `<label class="choice"><span>${label}</span><select data-set="${name}">${
  Object.entries(options).map(([value, words]) => `<option value="${value}">${escaped(words)}</option>`).join("")}</select></label>`;
const plot = (name, label, kind = "") => `<div class="axis" data-axis="${name}"></div><svg class="plot ${kind}" data-plot="${name}" data-label="${label}" tabindex="0"
  role="slider" aria-label="${label}" aria-valuemin="1" preserveAspectRatio="none"><g></g><rect class="cursor" width="1" height="100"/></svg>`;

function skeleton(data, id, link) {
  const {ledger, classes, labels} = data;
  const tag = key => {
    const entry = ledger[`eq-${key}`], words = entry ? `Eq. ${key}` : key === "x" ? "pooling" : "CNN";
    const where = entry ?? ledger[key === "x" ? "alg-4" : "alg-3"];
    return link ? `<a class="tag" href="${escaped(link(where))}" target="_blank" title="lesson ${where.notebook.slice(0, 2)}: ${escaped(where.title)}">${words}</a>`
      : `<span class="tag">${words}</span>`;
  };
  const panel = (name, keys, title, says, body) => `<section class="panel" data-panel="${name}" data-eq="${keys.join(" ")}" aria-labelledby="${id}-${name}">
    <h2 id="${id}-${name}">${title} <span class="tags">${keys.map(tag).join(" ")}</span></h2><p class="says">${says}</p>${body}</section>`;
  const options = labels.map((label, i) => `<div role="option" id="${id}-face-${i}" data-face="${i}" aria-label="face ${i + 1}, ${escaped(classes[label])}" aria-selected="false"></div>`);
  const line = ([name, entry]) => {
    const at = Number(name.slice(4)), keys = KEYS.filter(key => FORMULAS[key][1].includes(at));
    return `<li data-eq="${keys.join(" ")}" data-line="${at}" ${keys.length ? 'tabindex="0"' : ""}>${escaped(entry.title)}</li>`;
  };
  const methods = Object.fromEntries(data.runs.map(run => [run.method, METHODS[run.method] ?? run.method]));
  return `
  <div class="bar">
    ${select("method", "trained with", methods)}${slider("stage", "epoch", 0)}${select("seed", "seed", {})}
    ${select("sort", "dimensions", {contrast: "by class contrast", index: "by index"})}
    <button type="button" data-do="tour" class="strong">Tour in eight steps</button><button type="button" data-do="reset">Start again</button>
  </div>
  <section class="tour" aria-label="Tour" tabindex="-1" hidden><p class="where"></p><p class="text" aria-live="polite"></p>
    <div><button type="button" data-do="back">Back</button><button type="button" data-do="next" class="strong">Next</button><button type="button" data-do="end">End the tour</button><small>or the keys ← → Esc</small></div></section>
  <p class="words"><b>In words.</b> <span aria-live="polite"></span></p>
  <div class="drawing"><svg class="links" aria-hidden="true"></svg>
  ${panel("faces", ["x*"], "Face X", `Choose one of ${escaped(data.says)}.`, `<div class="big"><figure><canvas data-big="face" role="img"></canvas><figcaption></figcaption></figure>
    <figure hidden><canvas data-big="other" role="img"></canvas><figcaption></figcaption></figure></div>
    <label class="check"><input type="checkbox" data-do="compare">compare with a second face, chosen below</label>
    <div class="sheet" role="listbox" tabindex="0" aria-label="${labels.length} faces, ${data.columns} a row; arrow keys choose">${options.join("")}</div>`)}
  ${panel("maps", ["x*"], "Feature map x*", "The CNN’s last layer: one small picture a channel, strongly coloured where its pattern was seen. Point at one to lay it over the face. <span class=\"part\"></span>",
    `<canvas class="tiles" data-plot="tiles" tabindex="0" role="slider" aria-label="channels of x*" aria-valuemin="1"></canvas>`)}
  ${panel("x", ["x", 9], "Deep feature x", "The mean of each channel. Ticks: the center c of the face’s class. Arrows: where Eq. 9 pulls x.", plot("x", "feature x") + `<canvas class="strip" data-strip="x"></canvas>`)}
  ${panel("class", [1, 2], "Prediction", "Scores z and probabilities p come from x alone: attention is not asked.",
    `<table class="classes"></table>${slider("silenced", "silence", 0)}${select("silence", "dimensions", {most: "most attended first", least: "least attended first", random: "at random"})}`)}
  ${panel("encoder", [5, 6], "Encoder e, and its scores", "The same x* goes a second way: flattened, so that <i>where</i> counts, through three layers to e. From e each dimension gets two scores; a bar leads from “exclude” to “include”.",
    plot("e", "latent vector e", "low") + plot("p", "scores, exclude to include"))}
  ${panel("attention", [7, 10], "Attention a", "Above 0.5 where “include” wins. Arrows: Eq. 10 alone would pull every free weight down.", plot("a", "attention a")
    + `<canvas class="strip" data-strip="a"></canvas>${select("control", "replace a by", CONTROLS)}<button type="button" data-do="lot" hidden>draw again</button><p class="none" hidden></p>`)}
  ${panel("sparse", [3, 4], "Distance to the center", "Pale: (x − c)², what center loss adds up. Full: a (x − c)², what DACL adds up. Here, and only here, a multiplies.", plot("s", "squared distance, and times a") + `<dl class="sums"></dl>`)}
  ${panel("total", [8], "The whole loss", "", `<p class="whole"></p>${slider("lam", "λ", 0)}<dl class="sums"></dl>`)}
  ${panel("step", [10], "One gradient step on L<sub>SC</sub>", "Eq. 10 is never negative. Yet all weights are made by one network, and one step moves them together.", `${plot("w", "change of a")}${slider("step", "step", 0.1, 0.005)}<p class="sentence"></p>`)}
  ${panel("center", [11], "The centers move", "No gradient moves them, neither λ nor the softmax loss. Eq. 11: each goes toward the faces of its class in the batch. Bars: −αΔc of this class.",
    plot("d", "step of the center") + `<p class="sentence"></p><div class="row">${select("batch", "batch", {face: "this face", row: "its row", all: "all faces"})}${slider("alpha", "α", 1, 0.05)}${slider("eps", "ε", 5, 0.25)}</div>
    <details><summary>All centers</summary><table class="centers"></table></details>`)}
  </div>
  <p class="status"></p>
  <div class="lists"><section><h2>Equations</h2><ul class="equations">${KEYS.map(key => `<li data-eq="${key}" tabindex="0">${tag(key)} <span>${formula(FORMULAS[key][0])}</span></li>`).join("")}</ul></section>
  <section><h2>Algorithm 1</h2><ol class="algorithm">${Object.entries(ledger).filter(([name]) => name.startsWith("alg-")).map(line).join("")}</ol></section></div>
  <details class="numbers"><summary>All numbers of this face</summary><div tabindex="0" role="region" aria-label="All numbers of this face"></div></details>`;
}

// ── 5 drawing ──

const MOST_BARS = 128, FOLDED = 64, MOST_CLASSES = 12;
const round = value => Math.round(value * 10) / 10;

function barPath(view, from, to, low, high, width = 0.8) {  // one path for all bars; the plot is 100 high
  const height = value => round(100 * (high - Math.min(high, Math.max(low, value))) / (high - low || 1));
  let path = "";
  view.forEach((j, i) => { path += `M${round(i + (1 - width) / 2)} ${height(from(j))}V${height(to(j))}h${width}V${height(from(j))}z`; });
  return path;
}

function tickPath(view, at, low, high) {
  let path = "";
  view.forEach((j, i) => { path += `M${i} ${round(100 * (high - at(j)) / (high - low || 1))}h1`; });
  return path;
}

function arrowPath(view, from, to, low, high) {
  const height = value => round(100 * (high - value) / (high - low || 1));
  let path = "";
  view.forEach((j, i) => {
    const begin = height(from(j)), end = height(to(j)), tip = Math.min(4, Math.abs(end - begin)) * Math.sign(begin - end);
    if (Math.abs(begin - end) > 1) path += `M${i + 0.5} ${begin}V${end}m-.4 ${round(tip)}L${i + 0.5} ${end}l.4 ${round(tip)}`;
  });
  return path;
}

function draw(view) {
  const {data, state, find, q, other} = view, run = data.runs[state.run], stage = data.stage(state), d = q.x.length, {shown} = view;
  const put = (name, low, high, says, ...paths) => {
    const svg = find(`[data-plot=${name}]`);
    svg.setAttribute("viewBox", `0 0 ${view.shownOf(name).length} 100`);
    svg.firstElementChild.innerHTML = paths.filter(Boolean).map(([kind, path]) => `<path class="${kind}" d="${path}"/>`).join("");
    find(`[data-axis=${name}]`).innerHTML = `<span>${says}</span><span>${number(low)} to ${number(high)}</span>`;
  };
  const zero = () => 0, at = values => j => values[j], bars = (...rest) => barPath(shown, ...rest), largest = values => Math.max(...shown.map(j => Math.abs(values[j])), 1e-12);

  const tall = [q.x, q.c, q.moved, other?.x ?? q.x].flatMap(values => shown.map(j => values[j]));
  const limits = [Math.min(0, ...tall), Math.max(...tall)], pull = 0.3 * (limits[1] - limits[0]) / largest(q.gradientX);
  put("x", ...limits, "x", ["x", bars(zero, at(q.x), ...limits)], other && ["other", bars(zero, at(other.x), ...limits)], ["off", bars(zero, j => q.kept[j] ? 0 : q.x[j], ...limits)],
    ["c tick", tickPath(shown, at(q.c), ...limits)], ["arrow", arrowPath(shown, at(q.x), j => q.x[j] - pull * q.gradientX[j], ...limits)]);
  const [, tiles] = stage.tiles.shape;
  find(".part").textContent = tiles < d ? `Shown are the ${tiles} of ${d} that differ most between classes.` : "";
  const has = q.scores.length > 0, top = Math.max(1, ...shown.map(j => q.a[j])), fall = 0.25 * top / largest(q.gradientA), e = Array.from(q.latent.keys());
  put("e", -1, 1, `e: ${q.latent.length} numbers`, has && ["e", barPath(e, zero, at(q.latent), -1, 1)], other && has && ["other", barPath(e, zero, at(other.latent), -1, 1)]);
  const span = has ? Math.max(...q.scores.map(Math.abs)) : 1, ex = j => q.scores[2 * j], inn = j => q.scores[2 * j + 1], wins = j => inn(j) > ex(j);
  put("p", -span, span, "Eq. 6", has && ["s", bars(j => wins(j) ? ex(j) : 0, j => wins(j) ? inn(j) : 0, -span, span)], has && ["a", bars(j => wins(j) ? 0 : ex(j), j => wins(j) ? 0 : inn(j), -span, span)]);
  put("a", 0, top, "a", ["a", bars(zero, at(q.a), 0, top)], other && ["other", bars(zero, at(other.a), 0, top)],
    q.stepped === q.a && ["arrow", arrowPath(shown, at(q.a), j => Math.max(0, q.a[j] - fall * q.gradientA[j]), 0, top)],
    q.stepped !== q.a && ["up", bars(at(q.a), j => Math.max(q.a[j], q.stepped[j]), 0, top)], q.stepped !== q.a && ["down", bars(at(q.a), j => Math.min(q.a[j], q.stepped[j]), 0, top)]);
  const steep = has && q.change.length ? largest(q.change) : 1, rises = up => j => q.change[j] > 0 === up ? q.change[j] : 0;
  put("w", -steep, steep, "change of a: up rises, down falls", q.change.length > 0 && ["up", bars(zero, rises(true), -steep, steep)], q.change.length > 0 && ["a", bars(zero, rises(false), -steep, steep)]);
  const far = largest(q.squared) * Math.max(1, top);
  put("s", 0, far, "(x − c)² and a (x − c)²", ["pale", bars(zero, at(q.squared), 0, far)], ["s", bars(zero, at(q.weighted), 0, far)], other && ["other", bars(zero, at(other.weighted), 0, far)]);
  const most = state.alpha * largest(q.delta) || 1;
  put("d", -most, most, `−αΔc of ${escaped(data.classes[q.y])}`, ["c", bars(zero, j => -state.alpha * q.delta[j], -most, most)]);

  find("[data-panel=encoder]").classList.toggle("idle", !has);
  find("[data-set=control]").disabled = !has;
  const none = find("[data-panel=attention] .none");
  none.hidden = has;
  none.textContent = `${METHODS[run.method] ?? run.method} has no attention network: a = 1 everywhere, and Eq. 4 is Eq. 3. Choose DACL above to see one.`;
  find("[data-do=lot]").hidden = state.control !== "permuted";
  for (const name of d > shown.length ? ["x", "a"] : []) drawStrip(find(`[data-strip=${name}]`), run.order, q[name], name);

  const ranked = Array.from(q.whole.keys()), listed = ranked.length <= MOST_CLASSES ? ranked : [q.y, ...ranked.filter(k => k !== q.y).sort((i, k) => q.whole[k] - q.whole[i]).slice(0, MOST_CLASSES - 1)];
  const cell = (of, k) => `<td>${number(of.logits[k])}</td><td class="p"><i style="width:${100 * of.probabilities[k]}%;--class:${data.colours[k]}"></i><b>${percent(of.probabilities[k])}</b></td>`;
  find(".classes").innerHTML = `<thead><tr><th scope="col">class</th>${other ? '<th scope="col">z</th><th scope="col">p</th>'.repeat(2) : '<th scope="col">z</th><th scope="col">p</th>'}</tr></thead><tbody>${
    listed.map(k => `<tr class="${k === q.y ? "true" : ""}"><th scope="row">${escaped(data.classes[k])}${k === q.y ? " ← y" : ""}</th>${cell(q, k)}${other ? cell(other, k) : ""}</tr>`).join("")}</tbody>`;

  const values = pairs => pairs.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
  find("[data-panel=sparse] .sums").innerHTML = values([["Eq. 3: ½ Σ (x − c)²", number(q.faceCenter)], ["Eq. 4: ½ Σ a (x − c)²", number(q.faceSparse)],
    ...(other ? [["Eq. 4, second face", number(other.faceSparse)]] : [])]);
  const many = state.batch === "face" ? "m = 1: this face alone" : `m = ${q.m} faces`;
  find(".whole").innerHTML = `${number(q.softmaxLoss)} + ${number(state.lam)} × ${number(q.sparseLoss)} = <b>${number(q.total)}</b><br>${formula("L_S + λ L_{SC} = L")} &ensp; (${many})`;
  const length = vector => Math.sqrt(sum(vector, v => v * v));
  find("[data-panel=total] .sums").innerHTML = values([["pull of L<sub>S</sub> on x", number(length(q.gradientSoftmax))], ["pull of λ L<sub>SC</sub> on x (λ Eq. 9)", number(state.lam * length(q.gradientX))],
    ["pull of L<sub>S</sub> on a", "0, always"], ["pull of λ L<sub>SC</sub> on a (λ Eq. 10)", number(state.lam * length(q.gradientA))]]);
  const share = q.count / (state.eps + q.count) || 0;
  find("[data-panel=center] .sentence").innerHTML = `n = ${q.count} of m = ${q.m} are ${escaped(data.classes[q.y])}: the center goes α n/(ε + n) = ${number(state.alpha * share)} times the average of a (x − c) over them, a way of ${number(state.alpha * length(q.delta))}.`;
  const way = k => Math.sqrt(sum(q.x, (v, j) => (v - stage.centers[k * d + j]) ** 2));
  find(".centers").innerHTML = `<thead><tr><th scope="col">class</th><th scope="col">its center, dimension by dimension</th><th scope="col">‖x − c‖</th></tr></thead><tbody>${
    listed.map(k => `<tr><th scope="row">${escaped(data.classes[k])}</th><td><canvas></canvas></td><td>${number(way(k))}</td></tr>`).join("")}</tbody>`;
  find(".centers").querySelectorAll("canvas").forEach((canvas, i) => drawStrip(canvas, shown, stage.centers.subarray(listed[i] * d, (listed[i] + 1) * d), "c"));

  const step = find("[data-panel=step]");
  step.classList.toggle("idle", q.rising === null || state.control !== "learned");
  find("[data-set=step]").disabled = step.classList.contains("idle");
  if (q.rising === null) step.querySelector(".sentence").textContent = has ? "Not computed for this run: its attention is not trained, or its network is too large." : "There is no attention network here. Choose DACL above.";
  else {
    const all = view.stepped();
    step.querySelector(".sentence").innerHTML = (state.control === "learned" ? "" : "Only for learned attention. ")
      + `After one small step on all ${data.labels.length} faces <b>${q.rising} of ${d} weights of this face rise</b> and ${d - q.rising} fall; over all faces ${percent(all.rising)} rise. `
      + `What must fall is their mean weighted by (x − c)²: here ${number(all.weighted * stage.rate[0], 2)} for each unit of learning rate.`
      + (state.step ? ` L<sub>SC</sub> of the batch goes from ${number(q.sparseLoss)} to ${number(q.steppedLoss)}.` : " Move the slider to see it on the bars of a.");
  }
  find(".words span").textContent = inWords(data, state, q);
  if (find(".numbers").open) drawNumbers(view);
}

function drawNumbers({data, state, find, q}) {
  const names = ofDimension(q, 0, state).map(([name]) => `<th scope="col">${name}</th>`).join("");
  const rows = Array.from(q.x.keys(), j => `<tr><th scope="row">${j}</th>${ofDimension(q, j, state).map(([, value]) => `<td>${number(value)}</td>`).join("")}</tr>`);
  find(".numbers div").innerHTML = `${q.latent.length ? `<p>e: ${Array.from(q.latent, value => number(value)).join(", ")}</p>` : ""}<table><thead><tr><th scope="col">dimension</th>${names}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

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
    const tile = view.dimension === null ? -1 : data.runs[state.run].order.indexOf(view.dimension), stage = data.stage(state), [, count, h, w] = stage.tiles.shape;
    if (tile >= 0 && tile < count && view.overlay) {
      const small = new OffscreenCanvas(w, h), cells = small.getContext("2d"), pixels = cells.createImageData(w, h), steps = row(stage.tiles, face).subarray(tile * h * w, (tile + 1) * h * w);
      steps.forEach((value, i) => pixels.data.set([213, 94, 0, 13 * value], 4 * i));
      cells.putImageData(pixels, 0, 0);
      pen.drawImage(small, 0, 0, 4 * side, 4 * side);
    }
    const label = data.classes[data.labels[face]], said = data.classes[of.probabilities.indexOf(Math.max(...of.probabilities))];
    figure.querySelector("figcaption").textContent = `y = ${label}${said === label ? "" : `, taken for ${said}`}`;
    canvas.setAttribute("aria-label", `face ${face + 1}, ${label}, recognised as ${said}`);
  }
}

function drawTiles({data, state, find, q, dimension, ink}) {
  const stage = data.stage(state), [, count, h, w] = stage.tiles.shape, {order} = data.runs[state.run];
  const canvas = find("[data-plot=tiles]"), across = Math.ceil(Math.sqrt(count)), pen = canvas.getContext("2d"), rows = Math.ceil(count / across);
  canvas.width = across * (w + 1) + 1; canvas.height = rows * (h + 1) + 1;
  const pixels = pen.createImageData(canvas.width, canvas.height), steps = row(stage.tiles, state.face), [r, g, b] = ink("x");
  const scale = Array.from({length: count}, (_, i) => {  // so that the mean of a tile is x
    const part = steps.subarray(i * h * w, (i + 1) * h * w);
    return Math.max(q.x[order[i]], 0) * h * w / (sum(part) || 1);
  });
  const brightest = Math.max(...scale.map((s, i) => s * Math.max(...steps.subarray(i * h * w, (i + 1) * h * w))), 1e-9);
  for (let i = 0; i < count; i++) for (let cell = 0; cell < h * w; cell++) {
    const left = i % across * (w + 1) + 1 + cell % w, top = Math.floor(i / across) * (h + 1) + 1 + Math.floor(cell / w);
    pixels.data.set([r, g, b, 20 + 235 * Math.sqrt(steps[i * h * w + cell] * scale[i] / brightest)], 4 * (top * canvas.width + left));
  }
  pen.putImageData(pixels, 0, 0);
  const at = dimension === null ? -1 : order.indexOf(dimension);
  if (at >= 0 && at < count) { pen.strokeStyle = "#d55e00"; pen.strokeRect(at % across * (w + 1) + 0.5, Math.floor(at / across) * (h + 1) + 0.5, w + 1, h + 1); }
}

function drawStrip(canvas, order, values, name) {  // one cell a dimension
  canvas.width = order.length; canvas.height = 1;
  const pen = canvas.getContext("2d"), pixels = pen.createImageData(order.length, 1), high = Math.max(...values.map(Math.abs), 1e-9);
  const [r, g, b] = {x: [0, 114, 178], a: [213, 94, 0], c: [0, 158, 115]}[name];
  order.forEach((j, i) => pixels.data.set([r, g, b, 15 + 240 * Math.abs(values[j]) / high], 4 * i));
  pen.putImageData(pixels, 0, 0);
}

const FLOWS = [["faces", "maps"], ["maps", "x"], ["x", "class"], ["maps", "encoder"], ["encoder", "attention"], ["attention", "sparse"], ["x", "sparse"], ["sparse", "total"], ["class", "total"], ["attention", "step"]];

function drawLinks(view) {  // arrows between panels that stand side by side; none where they stand in one column
  const drawing = view.find(".drawing"), svg = view.find(".links"), frame = drawing.getBoundingClientRect();
  const box = name => {
    const {left, right, top, bottom} = view.find(`[data-panel=${name}]`).getBoundingClientRect();
    return {left: left - frame.left, right: right - frame.left, top: top - frame.top, bottom: bottom - frame.top};
  };
  const wide = box("maps").left > box("faces").right - 1 && box("x").left > box("maps").right - 1;
  svg.innerHTML = !wide ? "" : FLOWS.map(([from, to]) => {
    const a = box(from), b = box(to), beside = b.left >= a.right - 1, below = b.top >= a.bottom - 1;
    if (from === "class") return `<path data-from="${from}" d="M${a.right} ${a.bottom - 40}h7V${b.top + 30}h-4"/>`;
    if (beside && below) return `<path data-from="${from}" d="M${a.right - 20} ${a.bottom}L${b.left + 20} ${b.top - 4}"/>`;
    if (beside) { const y = Math.max(a.top, b.top) + 34; return `<path data-from="${from}" d="M${a.right} ${y}H${b.left - 4}"/>`; }
    const x = (Math.max(a.left, b.left) + Math.min(a.right, b.right)) / 2;
    return `<path data-from="${from}" d="M${x} ${a.bottom}V${b.top - 4}"/>`;
  }).join("") + '<defs><marker id="tip" viewBox="0 0 6 6" refX="4" refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>';
}

// ── 6 the tour ──

const TOUR = [
  ["faces maps", {control: "learned", step: 0, silenced: 0, batch: "face"}, "A face goes in.", () => "A network of convolutions (a CNN) turns the face X into the feature map x*: many small pictures, called channels. Each is strongly coloured where the network saw one kind of pattern. Point at a channel to lay it over the face."],
  ["x", {}, "One number for each channel.", q => `Pooling keeps the mean of each channel. These ${q.x.length} means are the deep feature x, one dimension each: the bars. The ticks are c, the center of this face’s class: roughly where features of its class lie.`],
  ["class", {}, "The prediction uses x, and nothing else.", (q, data) => `Eq. 1: each class has weights; weights times x is its score z. Eq. 2 makes probabilities of the scores. The softmax loss L_S is −log p of the right class, ${data.classes[q.y]}: ${number(q.faceSoftmax)}. Attention is nowhere in this panel: whatever you do to a, the prediction stays.`],
  ["sparse", {control: "ones"}, "Center loss: every dimension counts the same.", q => `Center loss (Eq. 3) adds up the squares (x − c)², so that faces of one class come to lie close together. Here ½ Σ = ${number(q.faceCenter)}. The paper’s doubt: some dimensions hold hair or light and say nothing about the expression. Why pull those?`],
  ["encoder attention", {control: "learned"}, "Attention: a second way from x*.", (q) => `x* also goes through an encoder to a short vector e (Eq. 5). From e each dimension gets two scores, exclude and include (Eq. 6); Eq. 7 makes one weight a between 0 and 1 of them: how much the distance in this dimension will count. For this face a is ${number(mean(q.a))} on average.`],
  ["sparse total", {}, "What attention multiplies.", q => `a multiplies the squared distances, Eq. 4: full bars in place of pale ones, ${number(q.faceSparse)} in place of ${number(q.faceCenter)}. It never multiplies x, and the prediction never sees it: it steers the training only. The whole loss (Eq. 8) adds λ times this to L_S.`],
  ["step attention", {step: 0.05}, "Does attention fall in every dimension?", q => `Eq. 10, the slope of the loss along each a, is never negative: a free weight could only fall. But one network makes all weights. After one step of gradient descent on L_{SC} ${q.rising ?? "many"} of this face’s ${q.x.length} weights rise, the others fall. Only their mean weighted by (x − c)² must fall. So: no.`],
  ["center", {step: 0, batch: "all"}, "The centers move by a rule.", q => `Eq. 11 moves each center toward the faces of its class in the batch (here ${q.count} of ${q.m}), by α and weighted by a. It is no gradient: λ does not change it, and the softmax loss does not move centers. Move α, ε and λ to see. Then walk through the epochs above: how did x and a come to be?`],
];

function tourTo(view, place) {
  const box = view.find(".tour"), panels = view.root.querySelectorAll(".panel");
  view.place = place;
  box.hidden = place === null;
  panels.forEach(panel => panel.classList.remove("toured"));
  if (place === null) { view.set({control: view.data.runs[view.state.run].mode, step: 0}); view.find("[data-do=tour]").focus(); return; }
  const [names, changes] = TOUR[place], run = view.data.runs.findIndex(run => run.stages[0].scores[2][1] && run.mode === "learned");
  const own = view.data.runs[view.state.run].mode === "learned" && view.data.stage(view.state).scores.shape[1] ? {} : {run, stage: run < 0 ? 0 : view.data.runs[run].stages.length - 1};
  view.set({...changes, ...(place === 0 && run >= 0 ? own : {})});
  sayTour(view);
  names.split(" ").forEach((name, i) => {
    const panel = view.find(`[data-panel=${name}]`);
    panel.classList.add("toured");
    if (!i) panel.scrollIntoView({block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"});
  });
  box.focus({preventScroll: true});
}

function sayTour(view) {
  if (view.place === null) return;
  const [, , title, text] = TOUR[view.place];
  view.find(".tour .where").textContent = `Step ${view.place + 1} of ${TOUR.length}: ${title}`;
  const said = formula(text(view.q, view.data));
  if (view.find(".tour .text").innerHTML !== said) view.find(".tour .text").innerHTML = said;
  view.find("[data-do=back]").disabled = view.place === 0;
  view.find("[data-do=next]").textContent = view.place === TOUR.length - 1 ? "Finish" : "Next";
}

// ── 7 mount ──

let instances = 0;

export async function mount(element, bytes, lessons = "") {
  const data = await unpack(bytes), id = `dacl-explainer-${instances++}`, root = document.createElement("div");
  const link = lessons && (({notebook, cell}) => lessons.replace("{notebook}", notebook).replace("{cell}", cell));
  root.className = "dacl-explainer";
  for (const [name, colour] of Object.entries(data.inks)) root.style.setProperty(`--${name}`, colour);
  root.innerHTML = skeleton(data, id, link);
  element.replaceChildren(root);
  const find = selector => root.querySelector(selector), all = selector => root.querySelectorAll(selector);
  const first = Math.max(0, data.runs.findLastIndex(run => run.method === "dacl" && run.seed === data.runs[0].seed));
  const state = {face: 0, other: null, run: first, stage: data.runs[first].stages.length - 1, batch: "face", silenced: 0, silence: "most", step: 0, sort: "contrast", lot: 1};
  const view = {
    data, root, find, state, id, dimension: null, place: null, overlay: false,
    shownOf: name => name === "e" ? Array.from(view.q.latent.keys()) : name === "tiles" ? Array.from(data.runs[state.run].order.subarray(0, data.stage(state).tiles.shape[1])) : view.shown,
    ink: name => data.inks[name].match(/\w\w/g).map(pair => parseInt(pair, 16)),
    stepped: () => data.stage(state).all ??= stepOverAll(data, state),
    quantities: () => quantities(data, state), attention: face => attentionOf(data.stage(state), face, state),
    set, point,
  };
  const lists = {};  // values of the sliders that are no numbers in even steps
  adopt();
  set({});

  function adopt() {  // what a run was trained with
    const {lam, alpha, eps, mode} = data.runs[state.run];
    Object.assign(state, {lam, alpha, eps, control: mode});
  }

  function set(changes) {
    const before = state.run;
    Object.assign(state, changes);
    if (state.run !== before) {
      adopt();
      Object.assign(state, changes);
      const wanted = data.runs[before].stages[Math.min(state.stage, data.runs[before].stages.length - 1)].epoch, {stages} = data.runs[state.run];
      const same = stages.findIndex(stage => stage.epoch === wanted);
      state.stage = changes.stage ?? (same < 0 ? stages.length - 1 : same);
    }
    const run = data.runs[state.run], d = run.order.length, wanted = d <= MOST_BARS ? d : FOLDED;
    view.shown = Array.from(run.order.subarray(0, wanted));
    if (state.sort === "index") view.shown.sort((i, j) => i - j);
    view.q = quantities(data, state);
    view.other = state.other === null ? null : quantities(data, {...state, face: state.other, batch: "face"});
    controls(run, d);
    draw(view);
    point(view.dimension);
    sayTour(view);
    return view.q;
  }

  function controls(run, d) {
    const fill = (name, options, value) => {
      const box = find(`[data-set=${name}]`), words = options.map(([v, text]) => `<option value="${v}">${escaped(text)}</option>`).join("");
      if (words && box.innerHTML !== words) box.innerHTML = words;
      box.value = value;
    };
    fill("method", [], run.method);
    fill("seed", data.runs.filter(other => other.method === run.method).map(other => [other.seed, String(other.seed)]), run.seed);
    for (const name of ["sort", "silence", "control", "batch"]) find(`[data-set=${name}]`).value = state[name];
    lists.stage = run.stages.map((_, i) => i);
    lists.lam = [...new Set([0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, run.lam, state.lam])].sort((a, b) => a - b);
    const show = (name, at, max, words) => {
      const input = find(`[data-set=${name}]`);
      Object.assign(input, {max, value: at});
      input.setAttribute("aria-valuetext", words);
      input.nextElementSibling.textContent = words;
    };
    show("stage", state.stage, run.stages.length - 1, `${run.stages[state.stage].epoch}`);
    find("[data-set=stage]").disabled = run.stages.length < 2;
    show("lam", lists.lam.indexOf(state.lam), lists.lam.length - 1, number(state.lam));
    show("alpha", state.alpha, 1, number(state.alpha));
    show("eps", state.eps, Math.max(5, state.eps), number(state.eps));
    show("silenced", state.silenced, d, `${state.silenced} of ${d}`);
    const rate = data.stage(state).rate[0];
    show("step", state.step, 0.1, state.step ? `learning rate ${number(state.step / rate, 2)}` : "none");
    all("[role=option]").forEach((option, i) => option.setAttribute("aria-selected", i === state.face || i === state.other));
    find(".sheet").setAttribute("aria-activedescendant", `${id}-face-${state.other ?? state.face}`);
    find("[data-do=compare]").checked = state.other !== null;
  }

  function point(j) {  // one dimension, in every plot at once
    view.dimension = j;
    const shown = j ?? view.shown[0], numbers = ofDimension(view.q, shown, state).map(([name, value]) => `<span>${name} <b>${number(value)}</b></span>`);
    find(".status").innerHTML = j === null ? "Point at a bar, or give it the focus and use the arrow keys: every number of that dimension stands here." : `<b>dimension ${j}</b> ${numbers.join(" ")}`;
    all("[data-plot]").forEach(box => {
      const list = view.shownOf(box.dataset.plot), at = box.dataset.plot === "e" ? Number(box.dataset.at ?? 0) : list.indexOf(shown);
      box.setAttribute("aria-valuemax", Math.max(1, list.length));
      box.setAttribute("aria-valuenow", at + 1);
      box.setAttribute("aria-valuetext", box.dataset.plot === "e" ? (list.length ? `e ${at}: ${number(view.q.latent[at])}` : "none")
        : `dimension ${shown}: ${ofDimension(view.q, shown, state).map(([name, value]) => `${name} ${number(value)}`).join(", ")}`);
      const cursor = box.querySelector(".cursor");
      if (cursor) { cursor.setAttribute("x", at); cursor.style.display = box.dataset.plot === "e" || j === null || at < 0 ? "none" : ""; }
    });
    drawFaces(view);
    drawTiles(view);
  }

  function light(keys, lines = []) {
    all("[data-eq]").forEach(part => {
      const own = part.dataset.line && lines.length ? lines.includes(part.dataset.line) : part.dataset.eq.split(" ").some(key => keys.includes(key));
      part.classList.toggle("lit", own);
    });
  }

  const choose = face => set(state.other === null ? {face} : {other: face});  // while two are compared, the second
  const chosen = () => state.other ?? state.face;

  root.addEventListener("input", ({target}) => {
    const name = target.dataset.set;
    if (!name) return;
    if (name === "method" || name === "seed") {
      const method = find("[data-set=method]").value, seed = name === "seed" ? Number(target.value) : data.runs[state.run].seed;
      const fits = (run, exact) => run.method === method && (!exact || run.seed === seed), at = exact => data.runs.findIndex(run => fits(run, exact));
      set({run: at(true) < 0 ? at(false) : at(true), step: 0});
    } else set({[name]: lists[name] ? lists[name][target.value] : target.type === "range" ? Number(target.value) : target.value});
  });
  const DO = {
    tour: () => tourTo(view, 0), next: () => tourTo(view, view.place + 1 < TOUR.length ? view.place + 1 : null), back: () => tourTo(view, Math.max(0, view.place - 1)),
    end: () => tourTo(view, null), lot: () => set({lot: state.lot + 1}), compare: () => set({other: state.other === null ? (state.face + data.columns) % data.labels.length : null}),
    reset: () => { adopt(); set({face: 0, other: null, run: first, stage: data.runs[first].stages.length - 1, batch: "face", silenced: 0, silence: "most", step: 0, sort: "contrast"}); },
  };
  root.addEventListener("click", event => {
    const button = event.target.closest("[data-do]"), option = event.target.closest("[data-face]");
    if (button) DO[button.dataset.do]();
    else if (option) choose(Number(option.dataset.face));
  });
  root.addEventListener("pointermove", event => {
    const box = event.target.closest("[data-plot]");
    if (!box || box.dataset.plot === "e") return;
    const {left, top, width, height} = box.getBoundingClientRect(), list = view.shownOf(box.dataset.plot), across = Math.ceil(Math.sqrt(list.length));
    const u = Math.min(0.999, Math.max(0, (event.clientX - left) / width)), v = Math.min(0.999, Math.max(0, (event.clientY - top) / height));
    const at = box.dataset.plot === "tiles" ? Math.floor(v * Math.ceil(list.length / across)) * across + Math.floor(u * across) : Math.floor(u * list.length);
    view.overlay = true;
    if (list[at] !== undefined && list[at] !== view.dimension) point(list[at]);
  });
  root.addEventListener("keydown", event => {
    const box = event.target.closest("[data-plot], .sheet, .tour"), by = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1}[event.key];
    if (event.key === "Escape" && view.place !== null) { tourTo(view, null); return; }
    if (!box || (!by && !["Home", "End"].includes(event.key))) return;
    if (box.matches(".tour")) { if (event.key === "ArrowRight") DO.next(); else if (event.key === "ArrowLeft") DO.back(); else return; }
    else if (box.matches(".sheet")) {
      const far = ["ArrowDown", "ArrowUp"].includes(event.key) ? data.columns : 1, last = data.labels.length - 1;
      choose(event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(last, Math.max(0, chosen() + by * far)));
      find(`#${id}-face-${chosen()}`).scrollIntoView({block: "nearest"});
    } else {
      const list = view.shownOf(box.dataset.plot), across = Math.ceil(Math.sqrt(list.length)), far = box.dataset.plot === "tiles" && ["ArrowDown", "ArrowUp"].includes(event.key) ? across : 1;
      const now = box.dataset.plot === "e" ? Number(box.dataset.at ?? 0) : Math.max(0, list.indexOf(view.dimension ?? list[0]));
      const at = event.key === "Home" ? 0 : event.key === "End" ? list.length - 1 : Math.min(list.length - 1, Math.max(0, now + by * far));
      view.overlay = true;
      if (box.dataset.plot === "e") { box.dataset.at = at; point(view.dimension); } else if (list.length) point(list[at]);
    }
    event.preventDefault();
  });
  for (const kind of ["pointerover", "focusin"]) root.addEventListener(kind, ({target}) => {
    const part = target.closest("[data-eq]");
    light(part ? part.dataset.eq.split(" ") : [], part?.dataset.line ? [part.dataset.line] : []);
  });
  root.addEventListener("pointerleave", () => light([]));
  find(".numbers").addEventListener("toggle", () => { if (find(".numbers").open) drawNumbers(view); });
  const watcher = new ResizeObserver(() => drawLinks(view));
  watcher.observe(find(".drawing"));
  view.close = () => { watcher.disconnect(); URL.revokeObjectURL(data.sheet.url); };
  const rows = Math.ceil(data.labels.length / data.columns);
  for (const [name, value] of [["sheet", `url(${data.sheet.url})`], ["columns", data.columns], ["rows", rows]]) find(".sheet").style.setProperty(`--${name}`, value);
  all("[role=option]").forEach((option, i) => {
    const part = (place, count) => `${100 * place / Math.max(1, count - 1)}%`;
    option.style.backgroundPosition = `${part(i % data.columns, data.columns)} ${part(Math.floor(i / data.columns), rows)}`;
  });
  performance.mark("explainer-drawn");
  return view;
}

export default {
  async render({model, el}) {
    const bytes = model.get("data"), view = await mount(el, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), model.get("lessons"));
    return () => view.close();
  },
};
