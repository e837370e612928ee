// The explainer's tour: eight steps through the paper; of each its panels, what is set, title, text.

const TOUR = [
  ["faces maps", {control: "learned", step: 0, silenced: 0, batch: "face"}, "A face goes in.", q => `A network of
    convolutions (a CNN) turns the face X into the feature map x*: ${q.x.length} small pictures, called
    channels${q.x.length > 64 ? "; the 64 that differ most between classes are drawn" : ""}. Each is strongly coloured
    where the network saw one kind of pattern. Point at a channel, or tap it: it is laid over the face.`],
  ["x", {}, "One number for each channel.", q => `Pooling keeps the mean of each channel. These ${q.x.length} means
    are the deep feature x, one dimension each: the bars. The green ticks are c, the center of this face’s class:
    roughly where features of its class lie.`],
  ["class", {}, "The prediction uses x, and nothing else.", (q, data) => `Eq. 1: each class has weights; weights times
    x, plus a constant, is its score z. Eq. 2 makes probabilities of the scores. The softmax loss L_S is −log p of the
    right class, ${data.classes[q.y]}: ${number(q.faceSoftmax)}. Attention is nowhere in this panel: whatever you do
    to a, the prediction stays.`],
  ["sparse", {control: "ones"}, "Center loss: every dimension counts the same.", q => `Center loss (Eq. 3) adds up the
    squares (x − c)², so that faces of one class come to lie close together. Here half their sum is
    ${number(q.faceCenter)}. (For this step every a is set to 1.) The paper’s doubt: some dimensions hold hair or light
    and say nothing about the expression. Why pull those?`],
  ["encoder attention", {control: "learned"}, "Attention: a second way from x*.", q => `x* also goes through an
    encoder to a short vector e (Eq. 5). From e each dimension gets two scores, exclude and include (Eq. 6); Eq. 7
    makes one weight a between 0 and 1 of them: how much the distance in this dimension will count. For this face a is
    ${number(mean(q.a))} on average.`],
  ["sparse", {}, "What attention multiplies.", q => `a multiplies the squared distances, Eq. 4: full bars in
    place of pale ones, ${number(q.faceSparse)} in place of ${number(q.faceCenter)}: this is L_{SC}, the sparse
    center loss (sparse: a dimension with a near 0 hardly counts). a never multiplies x, and the prediction never sees
    it: attention steers the training only.`],
  ["attention step", {step: 0.05}, "Does attention fall in every dimension?", q => `Eq. 10, the slope of the loss
    along each a, is never negative: a free weight could only fall. But one network makes all weights. After one step
    of gradient descent on L_{SC} ${q.rising ?? "many"} of this face’s ${q.x.length} weights rise (solid tips on the
    bars of a), the others fall (dotted tips). Only the mean over all faces, weighted by (x − c)², must fall. So: no.`],
  ["center total", {step: 0, batch: "all"}, "Centers move by a rule of their own.", q => `The whole loss, L = L_S +
    λ L_{SC} (Eq. 8), trains the networks; λ says how much L_{SC} counts beside L_S. It does not move centers. Eq. 11
    does: α times a (x − c), averaged over the faces of a class in the batch (now all ${q.m} faces, ${q.count} of this
    class) and damped by ε where a class has few. Neither λ nor L_S is in it: move α, ε and λ to see. After the tour move “epoch” at the top, and watch x and a take shape.`],
];

function tourTo(view, place) {
  const {data, state, find, set} = view, {runs} = data;
  const learned = run => run.mode === "learned" && run.stages[0].scores[2][1] > 0;
  view.place = place;
  find(".tour").hidden = place === null;
  view.root.classList.toggle("touring", place !== null);
  view.root.style.removeProperty("--above");
  view.root.querySelectorAll(".toured").forEach(panel => panel.classList.remove("toured"));
  if (place === null) {
    set({control: runs[state.run].mode, step: 0, batch: "face"});
    find("[data-do=tour]").focus();
    return;
  }
  const [names, changes] = TOUR[place];
  const wishes = [run => run.seed === runs[0].seed && !run.loss, run => !run.loss, () => true];
  const able = wishes.map(wish => runs.findLastIndex(run => learned(run) && wish(run))).find(at => at >= 0) ?? state.run;
  const run = learned(runs[state.run]) ? state.run : able;
  set({run, ...(place && run === state.run ? {} : {stage: runs[run].stages.length - 1, other: null}), ...changes});
  const panels = names.split(" ").map(name => find(`[data-panel=${name}]`)), tour = find(".tour");
  panels.forEach(panel => panel.classList.add("toured"));
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  view.root.style.setProperty("--above", `${tour.offsetHeight}px`);
  view.root.style.setProperty("--below", `${find(".status").offsetHeight}px`);
  const [top, far] = panels.map(panel => panel.getBoundingClientRect().top);  // the first is the one to see whole
  panels[0].scrollIntoView({block: far < top ? "end" : "start", behavior});
  const now = document.activeElement;  // who walks by a button stays on it
  if (!tour.contains(now) || now.disabled) tour.focus({preventScroll: true});
}

function sayTour({place, find, q, data, state}) {
  if (place === null) return;
  const [names, , title, text] = TOUR[place], {loss} = data.runs[state.run];
  const remark = loss && /sparse|step|total/.test(names) ? ` (For comparison: this run was trained with ${loss}.)` : "";
  const said = formula(unbroken(text(q, data))) + escaped(remark);
  find(".tour .where").textContent = `Step ${place + 1} of ${TOUR.length}: ${title}`;
  if (find(".tour .text").innerHTML !== said) find(".tour .text").innerHTML = said;
  find("[data-do=back]").disabled = place === 0;
  find("[data-do=next]").textContent = place === TOUR.length - 1 ? "Finish" : "Next";
}
