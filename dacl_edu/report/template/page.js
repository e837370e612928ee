'use strict';
(function () {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const faces = read('faces').map(face => 'data:image/jpeg;base64,' + face);
  const look = read('look');
  const plots = [...document.querySelectorAll('.plot')];
  const dark = window.matchMedia('(prefers-color-scheme: dark)');

  const restored = value => Array.isArray(value) ? value.map(restored)
    : typeof value === 'string' && value.startsWith('@face:') ? faces[Number(value.slice(6))] : value;

  function specification(plot, printing) {
    const spec = read('data-' + plot.dataset.number);
    for (const trace of spec.data) {
      if (Array.isArray(trace.customdata)) {
        plot.hasFaces = plot.hasFaces || JSON.stringify(trace.customdata).includes('@face:');
        trace.customdata = restored(trace.customdata);
      }
    }
    if (spec.frames && spec.frames.length) {  // their controls stand below, where a keyboard reaches them
      delete spec.layout.sliders;
      delete spec.layout.updatemenus;
    }
    // plotly's own menu would send a figure, faces included, to a server
    spec.config = { displaylogo: false, showTips: false, showSendToCloud: false, plotlyServerURL: '' };
    plot.width = printing ? 660 : Math.floor(plot.parentElement.clientWidth);
    daclReflow.fit(spec, plot.width);
    return daclReflow.dress(spec, look, dark.matches && !printing);
  }

  function draw(plot) {
    const spec = specification(plot, false);
    return Plotly.newPlot(plot, spec).then(() => {
      if (spec.frames && spec.frames.length) epochs(plot, spec.frames);
      if (plot.hasFaces && spec.data.every(trace => trace.type !== 'scatter3d')) points(plot);
      if (window.daclFaces) window.daclFaces();
    });
  }

  function controls(plot) {
    const box = document.createElement('div');
    box.className = 'controls';
    plot.parentElement.after(box);
    return box;
  }

  function slider(box, words, last, value) {
    const label = document.createElement('label'), input = document.createElement('input');
    const output = document.createElement('output');
    Object.assign(input, { type: 'range', min: 0, max: last, step: 1 });
    input.value = value;
    label.append(words + ' ', input);
    box.append(label, output);
    return [input, output];
  }

  function epochs(plot, frames) {
    const box = controls(plot), button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Play';
    box.append(button);
    const [input, output] = slider(box, 'Epoch', frames.length - 1, frames.length - 1);
    let timer = null;
    function go(place) {
      input.value = place;
      output.textContent = 'epoch ' + frames[place].name;
      input.setAttribute('aria-valuetext', output.textContent);
      Plotly.animate(plot, [frames[place].name],
        { mode: 'immediate', frame: { duration: 0, redraw: false }, transition: { duration: 0 } });
    }
    function stop() {
      clearInterval(timer);
      timer = null;
      button.textContent = 'Play';
    }
    input.addEventListener('input', () => { stop(); go(Number(input.value)); });
    button.addEventListener('click', () => {
      if (timer) return stop();
      let place = Number(input.value) >= frames.length - 1 ? 0 : Number(input.value);
      button.textContent = 'Pause';
      go(place);
      timer = setInterval(() => { place += 1; if (place >= frames.length) return stop(); go(place); }, 700);
    });
    output.textContent = 'epoch ' + frames[frames.length - 1].name;
  }

  function points(plot) {  // what the pointer does, for the keyboard
    const places = plot.data.flatMap((trace, curve) => (trace.x || []).map((_, point) => [curve, point]));
    const [input, output] = slider(controls(plot), 'Go through the points', places.length - 1, 0);
    let later;
    input.addEventListener('input', () => {
      const [curve, point] = places[Number(input.value)], trace = plot.data[curve];
      const axes = (trace.xaxis || 'x') + (trace.yaxis || 'y');
      Plotly.Fx.hover(plot, [{ curveNumber: curve, pointNumber: point }], axes);
      const [predicted, id] = trace.customdata[point];
      output.textContent = [id, 'true: ' + trace.name, predicted && 'predicted: ' + predicted].filter(Boolean).join(', ');
      input.setAttribute('aria-valuetext', output.textContent);
      clearTimeout(later);  // plotly's own hover comes a little later, and scrolling to the slider hides the face
      later = setTimeout(() => {
        const face = document.getElementById('dacl-face'), at = output.getBoundingClientRect();
        if (!face) return;
        face.src = trace.customdata[point].find(item => String(item).startsWith('data:image/')) || '';
        face.style.left = at.left + 'px';
        face.style.top = Math.max(0, at.top - 120) + 'px';
        face.style.display = 'block';
      }, 150);
    });
    input.addEventListener('blur', () => {
      clearTimeout(later);
      Plotly.Fx.unhover(plot);
      const face = document.getElementById('dacl-face');
      if (face) face.style.display = 'none';
    });
  }

  function markScrollable() {
    document.querySelectorAll('.wide').forEach(box => {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0; else box.removeAttribute('tabindex');
    });
  }

  function fit(printing, anew) {
    for (const plot of plots) {
      if (!plot.data) continue;
      if (anew || printing || Math.abs(plot.parentElement.clientWidth - plot.width) > 1) {
        Plotly.react(plot, specification(plot, printing));
      }
    }
    markScrollable();
  }

  document.addEventListener('click', event => {
    const button = event.target.closest('button[data-csv]');
    if (!button) return;
    const text = daclReflow.csv(read('data-' + button.dataset.csv));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    link.download = button.dataset.name + '.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  dark.addEventListener('change', () => fit(false, true));

  const folded = document.querySelectorAll('details:not(.words)');
  let waiting;
  window.addEventListener('resize', () => { clearTimeout(waiting); waiting = setTimeout(() => fit(false), 150); });
  window.addEventListener('beforeprint', () => {
    folded.forEach(each => { each.dataset.was = each.open ? 'open' : ''; each.open = true; });
    fit(true);
  });
  window.addEventListener('afterprint', () => {
    folded.forEach(each => { each.open = each.dataset.was === 'open'; });
    fit(false, true);
  });
  document.querySelectorAll('details').forEach(each => each.addEventListener('toggle', markScrollable));

  // One after another, so that the page can be read while they are drawn.
  (async function () {
    for (const plot of plots) {
      try {
        await draw(plot);
      } catch (error) {
        plot.textContent = 'This figure could not be drawn: ' + error.message;
        console.error(error);
      }
      await new Promise(done => setTimeout(done));
    }
    markScrollable();
    document.body.dataset.drawn = plots.length;
  })();
})();
