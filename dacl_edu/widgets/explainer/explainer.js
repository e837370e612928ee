// The explainer: one face through the whole paper, in a notebook (anywidget) and on a page without a kernel.
// See arithmetic.js for what is computed, drawing.js for what is drawn; here are the parts and the controls.

// ── the parts ──

const CONTROLS = {
  learned: "learned: the paper’s", ones: "ones: center loss, Eq. 3", mean: "mean: one weight for all",
  permuted: "permuted: on wrong dimensions", frozen: "frozen: network before training",
  normalized: "normalized: mean is 1",
};
const ORDERS = {most: "most attended first", least: "least attended first", random: "at random"};
const ONLY = {elsewhere: "more epochs with another seed", kept: "the one whose network the run folder keeps"};
const BATCHES = {face: "this face", row: "its row", all: "all faces"};
const FORMULAS = {  // formula, and the lines of Algorithm 1 that need it
  "x*": ["x* = CNN(X)", [3]],
  x: ["x_j = mean of channel j of x*", [4]],
  1: ["z = W^T x + B", [6]],
  2: ["L_S = −1/m Σ_i log p(y_i | x_i),  p = softmax(z)", [6, 9]],
  3: ["L_C = 1/(2m) Σ_i Σ_j (x_{ij} − c_{yj})^2", []],
  4: ["L_{SC} = 1/(2m) Σ_i Σ_j a_{ij} (x_{ij} − c_{yj})^2", [7]],
  5: ["e = tanh(BN(W_3^T relu(BN(W_2^T relu(BN(W_1^T flat(x*) + b_1)) + b_2)) + b_3))", [5]],
  6: ["p_{in} = A_{in}^T e + b_{in},  p_{ex} = A_{ex}^T e + b_{ex}", [5]],
  7: ["a_j = exp p_{in} / (exp p_{in} + exp p_{ex})", [5]],
  8: ["L = L_S + λ L_{SC}", [8]],
  9: ["∂L_{SC}/∂x_i = 1/m a_i ⊙ (x_i − c_y)", [10, 12]],
  10: ["∂L_{SC}/∂a_{ij} = 1/(2m) (x_{ij} − c_{yj})^2", [11]],
  11: ["Δc_k = Σ_{i: y=k} a_i ⊙ (c_k − x_i) / (ε + n_k),  c_k ← c_k − α Δc_k", [13, 15]],
};
const PAPERS = [3, 4, 9, 10];  // of L_C and L_SC
const KEYS = ["x*", "x", ...Object.keys(FORMULAS).slice(0, 11)];  // an object puts whole numbers first

const button = (does, words, kind = "") => `<button type="button" data-do="${does}" class="${kind}">${words}</button>`;
const slider = (name, label, max, step = 1) => `<label class="slider"><span>${label}</span>
  <input type="range" data-set="${name}" min="0" max="${max}" step="${step}"><output></output></label>`;
const optionsOf = pairs => pairs.map(([value, words]) =>
  `<option value="${escaped(value)}">${escaped(words)}</option>`).join("");
const select = (name, label, options) => `<label class="choice"><span>${label}</span>
  <select data-set="${name}">${optionsOf(Object.entries(options))}</select></label>`;
const plot = (name, label, kind = "") => `<div class="axis" data-axis="${name}"></div>
  <svg class="plot ${kind}" data-plot="${name}" tabindex="0" role="slider" aria-label="${label}" aria-valuemin="1"
    preserveAspectRatio="none"><g></g><rect class="cursor" width="1" height="100"/></svg>`;

const PANELS = [  // name, equations, title, what it says, what it holds
  ["faces", ["x*"], "Face X", "Choose one of <span class=\"says-faces\"></span>.",
    `<div class="big"><figure><canvas data-big="face" role="img"></canvas><figcaption></figcaption></figure>
      <figure hidden><canvas data-big="other" role="img"></canvas><figcaption></figcaption></figure></div>
    <label class="check"><input type="checkbox" data-do="compare">compare with a second face, chosen below</label>
    <div class="sheet" role="listbox" tabindex="0"></div>`],
  ["maps", ["x*"], "Feature map x*", `The CNN’s last layer, a small picture for each channel. Point at one or tap it:
    it is laid over the face. <span class="part"></span>`,
    `<canvas class="tiles" data-plot="tiles" tabindex="0" role="slider" aria-label="channels of x*" aria-valuemin="1">
    </canvas>`],
  ["x", ["x", 9], "Deep feature x", `The mean of each channel. Ticks: the center c of the face’s class. Arrows: the
    pull of Eq. 9 on x.`,
    `${plot("x", "feature x")}<canvas class="strip" data-strip="x"></canvas>`],
  ["class", [1, 2], "Prediction", `Scores z and probabilities p come from x alone: attention is not asked. “Silence” sets
    some x to 0.`,
    `<table class="classes"></table>${slider("silenced", "silence", 0)}${select("silence", "dimensions", ORDERS)}`],
  ["encoder", [5, 6], "Encoder, scores", `x* goes a second way: flattened, so that <i>where</i> counts, through three
    layers to e. From e each dimension gets two scores; a bar leads from “exclude” to “include”, orange where “include”
    wins.`,
    plot("e", "latent vector e", "low") + plot("p", "scores, exclude to include")],
  ["attention", [7, 10], "Attention a", `Learned a is above 0.5 where “include” wins. Arrows: the pull of Eq. 10
    alone.`, `${plot("a", "attention a")}<canvas class="strip" data-strip="a"></canvas>
    ${select("control", "replace a by", CONTROLS)}${button("lot", "draw again")}<p class="none" hidden></p>`],
  ["sparse", [3, 4], "Distance to the center", `Pale: (x − c)², for center loss. Full: a (x − c)², for DACL. So a
    multiplies distances, never x.`, `${plot("s", "squared distance, times a")}<dl class="sums"></dl>`],
  ["step", [10], "One gradient step on L<sub>SC</sub>", `A free weight would only fall (Eq. 10). But one network
    makes all weights, and moves them together.`,
    `${plot("w", "change of a")}${slider("step", "step", 0.1, 0.005)}<p class="sentence"></p>`],
  ["center", [11], "The centers move", `Eq. 11 moves them; λ and the softmax loss do not. Each goes toward the faces of
    its class in the batch. Bars: −αΔc.`, `${plot("d", "step of the center")}
    <p class="sentence"></p><div class="row">${select("batch", "batch", BATCHES)}
      ${slider("alpha", "step size α", 1, 0.05)}${slider("eps", "damping ε", 5, 0.25)}</div>
    <details><summary>All centers</summary><table class="centers"></table></details>`],
  ["total", [8], "The whole loss", `λ weighs L<sub>SC</sub> against the softmax loss L<sub>S</sub>. A pull is the length
    of a gradient.`, `<p class="whole"></p>${slider("lam", "weight λ", 0)}<dl class="sums"></dl>`],
];

function skeleton({ledger, runs}, id, link) {
  const tag = key => {  // a link to the section of a lesson, where there is one
    const [name, words] = {x: ["alg-4", "pooling"], "x*": ["alg-3", "CNN"]}[key] ?? [`eq-${key}`, `Eq. ${key}`];
    const {notebook, title} = ledger[name], about = escaped(`lesson ${notebook.slice(0, 2)}: ${title}`);
    if (!link) return `<span class="tag">${words}</span>`;
    return `<a class="tag" href="${escaped(link(ledger[name]))}" target="_blank" title="${about}">${words}</a>`;
  };
  const aside = keys => keys.some(key => PAPERS.includes(key)) ? " <b class=\"aside\" hidden>for comparison</b>" : "";
  const panel = ([name, keys, title, says, body]) => `
    <section class="panel" data-panel="${name}" data-eq="${keys.join(" ")}" aria-labelledby="${id}-${name}">
    <h2 id="${id}-${name}">${title} <span class="tags">${keys.map(tag).join(" ")}${aside(keys)}</span></h2>
    <p class="says">${unbroken(says)}</p>${body}</section>`;
  const equation = key =>
    `<li data-eq="${key}" tabindex="0">${tag(key)} <span>${formula(FORMULAS[key][0])}</span></li>`;
  const line = ([name, {title}]) => {
    const keys = KEYS.filter(key => FORMULAS[key][1].includes(Number(name.slice(4))));
    const focus = keys.length ? 'tabindex="0"' : "";
    return `<li data-eq="${keys.join(" ")}" data-line="${name.slice(4)}" ${focus}>${escaped(title)}</li>`;
  };
  const lines = Object.entries(ledger).filter(([name]) => name.startsWith("alg-"));
  const groups = Object.fromEntries(runs.map(run => [run.group, methodName(run)]));
  return `
  <div class="bar">${select("group", "trained with", groups)}
    ${slider("stage", "epoch", 0)}<small class="only"></small>${select("run", "seed", {})}
    ${select("sort", "sort dimensions", {contrast: "by difference between classes", index: "by index"})}
    ${button("tour", "Tour in eight steps", "strong")}${button("reset", "Start again")}</div>
  <section class="tour" aria-label="Tour" tabindex="-1" hidden>
    <p class="where"></p><p class="text" aria-live="polite"></p>
    <div>${button("back", "Back")}${button("next", "Next", "strong")}${button("end", "End the tour")}
    <small>or the keys ← → Esc</small></div></section>
  <p class="own" hidden></p>
  <p class="words"><b>In words.</b> <span aria-live="polite"></span></p>
  <div class="drawing"><svg class="links" aria-hidden="true"><defs><marker id="${id}-tip" viewBox="0 0 6 6" refX="4"
    refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs><g></g></svg>
  ${PANELS.map(panel).join("")}</div>
  <p class="status"></p>
  <div class="lists"><section><h2>Equations</h2><ul class="equations">${KEYS.map(equation).join("")}</ul></section>
  <section><h2>Algorithm 1</h2><ol class="algorithm">${lines.map(line).join("")}</ol></section></div>
  <details class="numbers"><summary>All numbers of this face</summary>
    <div tabindex="0" role="region" aria-label="All numbers of this face"></div></details>`;
}

// ── the whole ──

let instances = 0;

export async function mount(element, bytes, lessons = "") {
  const data = await unpack(bytes), id = `dacl-explainer-${instances++}`, root = document.createElement("div");
  const find = selector => root.querySelector(selector), all = selector => root.querySelectorAll(selector);
  const first = Math.max(0, data.runs.findLastIndex(run => run.method === "dacl" && run.seed === data.runs[0].seed));
  const last = {run: first, stage: data.runs[first].stages.length - 1}, {features} = data.stage(last);
  const plain = (label, face) => classify(data.stage(last), row(features, face)).probabilities[label] > 0.9;
  const face = Math.max(0, data.labels.findIndex(plain));  // the first face that is recognised without doubt
  const begin = () => ({...last, ...trainedWith(first), face, other: null, batch: "face", silenced: 0, silence: "most",
    step: 0, sort: "contrast", lot: 1});
  const trainedWith = run => (({lam, alpha, eps, mode}) => ({lam, alpha, eps, control: mode}))(data.runs[run]);
  const state = begin(), stage = () => data.stage(state), order = () => data.runs[state.run].order;
  const view = {
    data, root, find, state, set, point, dimension: null, place: null, overlay: false,
    shownOf: name => name === "e" ? Array.from(view.q.latent.keys())
      : name === "tiles" ? Array.from(order().subarray(0, stage().tiles.shape[1])) : view.shown,
    stepOverAll: () => stage().all ??= stepOverAll(data, state),
    quantities: () => quantities(data, state), attention: face => attentionOf(stage(), face, state),
  };
  build();
  set({});
  listen();
  performance.mark("explainer-drawn");
  return view;

  function build() {
    const rows = Math.ceil(data.labels.length / data.columns);
    const part = (place, count) => `${100 * place / Math.max(1, count - 1)}%`;
    const link = ({notebook, cell}) => lessons.replace("{notebook}", notebook).replace("{cell}", cell);
    root.className = "dacl-explainer";
    root.dataset.lmSuppressShortcuts = "true";  // in JupyterLab keys are not to move between cells
    for (const [name, colour] of Object.entries(data.inks)) {
      root.style.setProperty(`--${name}`, colour);
      INKS[name] = colour.match(/\w\w/g).map(pair => parseInt(pair, 16));
    }
    root.innerHTML = skeleton(data, id, lessons && link);
    root.style.setProperty("--tip", `url(#${id}-tip)`);
    find(".says-faces").textContent = data.says;
    const sheet = find(".sheet");
    sheet.setAttribute("aria-label", `${data.labels.length} faces, ${data.columns} a row; arrow keys choose`);
    sheet.innerHTML = data.labels.map((label, i) => `<div role="option" id="${id}-face-${i}" data-face="${i}"
      aria-selected="false" aria-label="face ${i + 1}, ${escaped(data.classes[label])}" style="background-position:
      ${part(i % data.columns, data.columns)} ${part(Math.floor(i / data.columns), rows)}"></div>`).join("");
    for (const [name, value] of [["sheet", `url(${data.sheet.url})`], ["columns", data.columns], ["rows", rows]]) {
      sheet.style.setProperty(`--${name}`, value);
    }
    element.replaceChildren(root);
  }

  function set(changes) {  // every change of the state comes through here
    const before = data.runs[state.run].stages[state.stage].epoch;
    const other = "run" in changes && changes.run !== state.run;
    Object.assign(state, other ? trainedWith(changes.run) : {}, changes);
    const run = data.runs[state.run], d = run.order.length;
    if (other && !("stage" in changes)) {  // the same epoch, where the other run has it
      const same = run.stages.findIndex(({epoch}) => epoch === before);
      state.stage = same < 0 ? run.stages.length - 1 : same;
    }
    view.shown = Array.from(run.order.subarray(0, d <= MOST_BARS ? d : FOLDED));
    if (state.sort === "index") view.shown.sort((i, j) => i - j);
    view.q = quantities(data, state);
    view.other = state.other === null ? null : quantities(data, {...state, face: state.other, batch: "face"});
    showControls(run, d);
    drawPlots(view);
    drawText(view);
    point(view.dimension);
    sayTour(view);
    return view.q;
  }

  function lambdas() {
    const values = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, data.runs[state.run].lam, state.lam];
    return [...new Set(values)].sort((a, b) => a - b);
  }

  function showControls(run, d) {
    const group = data.runs.filter(other => other.group === run.group);
    find("[data-set=run]").innerHTML = optionsOf(group.map(other => [data.runs.indexOf(other), seedName(other)]));
    find("[data-set=run]").value = state.run;
    find("[data-set=group]").value = run.group;
    for (const name of ["sort", "silence", "control", "batch"]) find(`[data-set=${name}]`).value = state[name];
    const show = (name, value, max, words) => {
      const input = find(`[data-set=${name}]`);
      Object.assign(input, {max, value});
      input.setAttribute("aria-valuetext", words);
      input.nextElementSibling.textContent = words;
    };
    show("stage", state.stage, run.stages.length - 1, String(run.stages[state.stage].epoch));
    const only = run.stages.length < 2, elsewhere = group.some(({stages}) => stages.length > 1);
    find("[data-set=stage]").disabled = only;
    find(".only").textContent = only ? (elsewhere ? ONLY.elsewhere : ONLY.kept) : "";
    show("lam", lambdas().indexOf(state.lam), lambdas().length - 1, number(state.lam));
    show("alpha", state.alpha, 1, number(state.alpha));
    show("eps", state.eps, Math.max(5, state.eps), number(state.eps));
    show("silenced", state.silenced, d, `${state.silenced} of ${d}`);
    show("step", state.step, 0.1, state.step ? `learning rate ${number(state.step / stage().rate[0], 2)}` : "none");
    const chosen = [state.face, state.other];
    all("[role=option]").forEach((option, i) => option.setAttribute("aria-selected", chosen.includes(i)));
    find(".sheet").setAttribute("aria-activedescendant", `${id}-face-${state.other ?? state.face}`);
    find("[data-do=compare]").checked = state.other !== null;
  }

  function point(j) {  // at one dimension, in every plot at once
    view.dimension = j;
    const shown = j ?? view.shown[0], numbers = ofDimension(view.q, shown);
    const spoken = numbers.map(([name, value]) => `${name} ${number(value)}`).join(", ");
    find(".status").innerHTML = j === null
      ? "Point at a bar, tap it, or walk by the arrow keys: the numbers of its dimension stand here."
      : `<b>dimension ${j}</b> ${numbers.map(([name, value]) =>
        `<span>${name.replace(/_(\w+)/, "<sub>$1</sub>")} <b>${number(value)}</b></span>`).join(" ")}`;
    all("[data-plot]").forEach(box => {
      const latent = box.dataset.plot === "e", list = view.shownOf(box.dataset.plot);
      const place = latent ? Number(box.dataset.at ?? 0) : list.indexOf(shown), cursor = box.querySelector(".cursor");
      box.setAttribute("aria-valuemax", Math.max(1, list.length));
      box.setAttribute("aria-valuenow", Math.max(0, place) + 1);
      box.setAttribute("aria-valuetext", !latent ? `dimension ${shown}: ${spoken}`
        : list.length ? `e ${place}: ${number(view.q.latent[place])}` : "none");
      cursor?.setAttribute("x", place);
      if (cursor) cursor.style.display = latent || j === null || place < 0 ? "none" : "";
    });
    drawFaces(view);
    drawTiles(view);
  }

  function light(part) {  // the equations of a part, their lines of Algorithm 1, and back
    const keys = part ? part.dataset.eq.split(" ") : [], line = part?.dataset.line;
    const meets = ({dataset}) => line && dataset.line ? dataset.line === line
      : dataset.eq.split(" ").some(key => keys.includes(key));
    all("[data-eq]").forEach(other => other.classList.toggle("lit", meets(other)));
  }

  function listen() {
    const choose = face => set(state.other === null ? {face} : {other: face});  // while two are compared, the second
    const DO = {
      tour: () => tourTo(view, 0),
      next: () => tourTo(view, view.place + 1 < TOUR.length ? view.place + 1 : null),
      back: () => tourTo(view, Math.max(0, view.place - 1)),
      end: () => tourTo(view, null),
      lot: () => set({lot: state.lot + 1}),
      compare: () => set({other: state.other === null ? (state.face + data.columns) % data.labels.length : null}),
      reset: () => set(begin()),
    };
    root.addEventListener("click", ({target}) => {
      const button = target.closest("[data-do]"), option = target.closest("[data-face]");
      if (button) DO[button.dataset.do]();
      else if (option) choose(Number(option.dataset.face));
    });
    root.addEventListener("input", ({target}) => {
      const name = target.dataset.set, value = target.type === "range" ? Number(target.value) : target.value;
      if (name === "group") {  // with the same seed, where there is one
        const {seed} = data.runs[state.run], group = data.runs.filter(run => run.group === value);
        set({run: data.runs.indexOf(group.find(run => run.seed === seed) ?? group[0]), step: 0});
      } else if (name === "run") set({run: Number(value), step: 0});
      else if (name) set({[name]: name === "lam" ? lambdas()[value] : value});
    });
    const pointed = event => {
      const box = event.target.closest("[data-plot]:not([data-plot=e])");
      if (!box) return;
      const {left, top, width, height} = box.getBoundingClientRect(), list = view.shownOf(box.dataset.plot);
      const part = (offset, size, count) => Math.min(count - 1, Math.max(0, Math.floor(offset / size * count)));
      const across = box.dataset.plot === "tiles" ? Math.ceil(Math.sqrt(list.length)) : list.length;
      const down = part(event.clientY - top, height, Math.ceil(list.length / across));
      const j = list[down * across + part(event.clientX - left, width, across)];
      view.overlay = true;
      if (j !== undefined && j !== view.dimension) point(j);
    };
    for (const kind of ["pointermove", "pointerdown"]) root.addEventListener(kind, pointed);  // a tap does not move
    root.addEventListener("keydown", event => {
      const box = event.target.closest("[data-plot], .sheet, .tour"), {key} = event;
      const by = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1}[key];
      const upright = key === "ArrowDown" || key === "ArrowUp";
      if (key === "Escape" && view.place !== null) return tourTo(view, null);
      if (!box || !(by || key === "Home" || key === "End")) return;
      const moved = (now, last, far) =>
        key === "Home" ? 0 : key === "End" ? last : Math.min(last, Math.max(0, now + by * far));
      if (box.matches(".tour")) {
        if (upright || !by) return;
        by > 0 ? DO.next() : DO.back();
      } else if (box.matches(".sheet")) {
        choose(moved(state.other ?? state.face, data.labels.length - 1, upright ? data.columns : 1));
        find(`#${id}-face-${state.other ?? state.face}`).scrollIntoView({block: "nearest"});
      } else if (box.dataset.plot === "e") {
        box.dataset.at = moved(Number(box.dataset.at ?? 0), view.q.latent.length - 1, 1);
        point(view.dimension);
      } else {
        const list = view.shownOf(box.dataset.plot), across = Math.ceil(Math.sqrt(list.length));
        const far = box.dataset.plot === "tiles" && upright ? across : 1;
        view.overlay = true;
        point(list[moved(Math.max(0, list.indexOf(view.dimension)), list.length - 1, far)]);
      }
      event.preventDefault();
    });
    for (const kind of ["pointerover", "focusin"]) {
      root.addEventListener(kind, ({target}) => light(target.closest("[data-eq]")));
    }
    root.addEventListener("pointerleave", () => light(null));
    find(".numbers").addEventListener("toggle", () => drawText(view));
    const watcher = new ResizeObserver(() => drawLinks(view));
    watcher.observe(find(".drawing"));
    view.close = () => { watcher.disconnect(); URL.revokeObjectURL(data.sheet.url); };
  }
}

export default {
  async render({model, el}) {
    const {buffer, byteOffset, byteLength} = model.get("data");
    const view = await mount(el, new Uint8Array(buffer, byteOffset, byteLength), model.get("lessons"));
    return () => view.close();
  },
};
