// The explainer's data and equations. This file, drawing.js, tour.js, explainer.js: one module, joined in this order.
// Stored is what a network makes of the faces (payload.py); all that follows from x, a and c is computed here.

// ── data ──

const size = shape => shape.reduce((product, side) => product * side, 1);
const HALF = Float64Array.from({length: 1 << 16}, (_, bits) => {  // the stored numbers are finite
  const power = bits >> 10 & 31, rest = bits & 1023;
  return (bits >> 15 ? -1 : 1) * (power ? (1 + rest / 1024) * 2 ** (power - 15) : rest * 2 ** -24);
});
const READ = {  // plain loops: callbacks take ten times as long, and there are millions of numbers
  f2(buffer, at, n) {
    const stored = new Uint16Array(buffer, at, n), out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = HALF[stored[i]];
    return out;
  },
  f4: (buffer, at, n) => new Float64Array(new Float32Array(buffer, at, n)),
  i4: (buffer, at, n) => new Int32Array(buffer, at, n),
  u1: (buffer, at, n) => new Uint8Array(buffer, at, n),
  q4(buffer, at, n) {
    const stored = new Uint8Array(buffer, at, n + 1 >> 1), out = new Uint8Array(n);
    for (let i = 0; i < n; i++) out[i] = i % 2 ? stored[i >> 1] & 15 : stored[i >> 1] >> 4;
    return out;
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
      const {epoch, ...arrays} = data.runs[state.run].stages[state.stage], stage = {epoch};
      for (const [name, where] of Object.entries(arrays)) stage[name] = read(where);
      known.set(key, stage);
    }
    return known.get(key);
  };
  data.runs.forEach(run => { run.order = read(run.order); });
  const faces = new Blob([read(data.sheet.jpeg)], {type: "image/jpeg"});
  data.sheet.url = URL.createObjectURL(faces);
  data.sheet.image = await createImageBitmap(faces);
  return data;
}

function row(array, i) {
  const width = size(array.shape.slice(1));
  return array.subarray(i * width, (i + 1) * width);
}

// ── equations ── m faces of a batch, d dimensions, K classes; plain loops, as in dacl_edu/reference.

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
  const seen = kept ? x.map((value, j) => kept[j] ? value : 0) : x;
  const logits = Float64Array.from(stage.bias, (b, k) => b + sum(seen, (v, j) => v * stage.weight[k * x.length + j]));
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

function ownLoss(data, state) {  // of a run that was trained with neither Eq. 3 nor Eq. 4: of its own attention alone
  const {own, scores} = data.stage(state), n = data.labels.length, {mode} = data.runs[state.run];
  if (scores.shape[1] && (state.control !== mode || mode === "permuted")) return NaN;  // another permutation
  return own[{face: state.face, row: n + Math.floor(state.face / data.columns), all: own.length - 1}[state.batch]];
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
    const xi = row(stage.features, i), ai = attentionOf(stage, i, state);
    const label = data.labels[i], ci = row(stage.centers, label);
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
  const push = stage.push.shape[0] ? row(stage.push, y) : new Float64Array(d);  // of a loss of another kind
  const delta = toward.map((value, j) => value / (state.eps + count) + push[j]);  // Eq. 11
  const metricLoss = stage.own.length ? ownLoss(data, state) : sparseLoss;
  const change = stage.change.shape[1] ? row(stage.change, state.face) : new Float64Array(0);
  return {
    batch, m, count, y, x, c, a, kept, difference, squared, weighted,
    latent: row(stage.latent, state.face), scores: row(stage.scores, state.face),
    ...classify(stage, x, kept), whole: own.probabilities,
    faceSoftmax: own.norm - own.logits[y], faceCenter: sum(squared) / 2, faceSparse: sum(weighted) / 2,
    softmaxLoss, centerLoss, sparseLoss, metricLoss, total: softmaxLoss + state.lam * metricLoss,  // Eq. 8
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
