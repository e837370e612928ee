'use strict';
// What a figure becomes at another width or in the dark: functions from a specification to a specification.
window.daclReflow = (function () {
  const ROOM = 300;  // pixels that a panel needs to be read
  const DARK = { '#333333': '#c9d1d9', '#333': '#c9d1d9', '#777777': '#9aa4ae', '#767676': '#9aa4ae' };

  const axisKeys = (layout, letter) => Object.keys(layout).filter(key => new RegExp('^' + letter + 'axis\\d*$').test(key));
  const near = (one, other) => Math.abs(one - other) < 0.02;
  const plain = text => String(text || '').replace(/<[^>]*>/g, ' ');

  function wrap(text, letters) {
    if (!text || plain(text).length <= letters) return text;
    const lines = [''];
    for (const word of String(text).split(' ')) {
      if (plain(lines[lines.length - 1] + word).length > letters) lines.push('');
      lines[lines.length - 1] += (lines[lines.length - 1] && ' ') + word;
    }
    return lines.filter(Boolean).join('<br>');
  }

  function cells(layout, width, height, m) {
    return axisKeys(layout, 'x').map(key => {
      const number = key.slice(5), x = layout[key], y = layout['yaxis' + number] || {};
      const [left, right] = x.domain || [0, 1], [bottom, top] = y.domain || [0, 1];
      return {
        number, x, y, left, right, bottom, top,
        wide: (right - left) * (width - m.l - m.r), high: (top - bottom) * (height - m.t - m.b),
      };
    });
  }

  function legendBelow(spec, width, designed, m) {
    const layout = spec.layout;
    const names = spec.data.filter(trace => trace.showlegend !== false && trace.name).map(trace => plain(trace.name));
    if (layout.showlegend === false || !names.length || (spec.data.length === 1 && !layout.showlegend)) return;
    const longest = Math.max(...names.map(name => name.length)) * 6.6 + 55;  // plotly gives all entries one width
    const title = layout.legend && layout.legend.title ? 1 : 0;
    const rows = Math.ceil(names.length / Math.max(1, Math.floor((width - 20) / longest))) + title;
    const was = layout.legend && layout.legend.orientation === 'h' && !(layout.legend.y >= 0.9) ? 1 : 0;
    layout.legend = { ...layout.legend, orientation: 'h', x: 0, xanchor: 'left', y: 0, yref: 'container', yanchor: 'bottom' };
    m.b = Math.max(m.b - 22 * was, 55) + 21 * rows;
  }

  function stack(layout, all, width, m) {
    const inRows = all.reduce((most, cell) => Math.max(most, all.filter(other => near(other.top, cell.top)).length), 1);
    const joined = all.some(cell => cell.x.showticklabels === false && cell.bottom > 0.02);
    const columns = joined ? 1 : Math.max(1, Math.min(inRows, Math.floor((width - m.l - m.r) / ROOM)));
    const order = [...all].sort((a, b) => joined
      ? (near(a.left, b.left) ? b.top - a.top : a.left - b.left) : (near(a.top, b.top) ? a.left - b.left : b.top - a.top));
    const across = columns > 1 ? Math.max(m.l, 60) : 0;
    const wide = (width - m.l - m.r - across * (columns - 1)) / columns;
    let below = 0;
    const lines = [];
    for (let at = 0; at < order.length; at += columns) {
      const line = order.slice(at, at + columns);
      const high = Math.max(...line.map(cell => cell.high * Math.min(1.3, Math.max(1, wide / cell.wide))));
      const close = joined && line[0].x.showticklabels === false;
      lines.push({ line, high, top: below });
      below += high + (at + columns < order.length ? (close ? 22 : 110) : 0);
    }
    const moves = [];
    for (const { line, high, top } of lines) {
      line.forEach((cell, place) => {
        const left = place * (wide + across) / (width - m.l - m.r);
        cell.x.domain = [left, left + wide / (width - m.l - m.r)];
        cell.y.domain = [Math.max(0, 1 - (top + high) / below), 1 - top / below];
        if (cell.left > 0.02 && place === 0) {  // its labels stood at the first panel of its row
          const first = all.find(other => near(other.top, cell.top) && other.left < 0.02);
          if (first && cell.y.matches && first.y.showticklabels !== false) cell.y.showticklabels = true;
          if (first && cell.y.matches && first.y.title && !(cell.y.title && cell.y.title.text)) {
            cell.y.title = { ...first.y.title };
          }
        }
        moves.push([cell, cell.x.domain, cell.y.domain]);
      });
    }
    for (const note of layout.annotations || []) {
      if (note.xref !== 'paper' || note.yref !== 'paper') continue;
      const found = moves.find(([cell]) => near(note.x, (cell.left + cell.right) / 2) && near(note.y, cell.top));
      if (found) {
        note.x = (found[1][0] + found[1][1]) / 2;
        note.y = found[2][1];
        note.text = wrap(note.text, wide / 7);
      }
    }
    return below;
  }

  function fit(spec, width) {
    const layout = spec.layout, designed = layout.width || 900, height = layout.height || 450;
    const m = { l: 80, r: 80, t: 100, b: 80, ...layout.margin };
    const narrow = (width - m.l - m.r) / (designed - m.l - m.r) < 0.85;
    const all = cells(layout, designed, height, m);
    layout.width = width;
    if (narrow) {
      const bottom = m.b;
      legendBelow(spec, width, designed, m);
      const several = all.some(cell => cell.left > 0.02);
      let inside = height - m.t - bottom;
      if (several) inside = stack(layout, all, width, m);
      else if (!all.length) inside = Math.min(inside, width);  // a scene
      layout.height = inside + m.t + m.b;
    }
    for (const cell of all) {
      const wide = (cell.x.domain ? cell.x.domain[1] - cell.x.domain[0] : 1) * (width - m.l - m.r);
      if (cell.x.title && cell.x.title.text) cell.x.title.text = wrap(cell.x.title.text, Math.max(18, wide / 9.5));
      if (narrow && cell.x.nticks) cell.x.nticks = Math.min(cell.x.nticks, 8);
    }
    layout.margin = m;
    return spec;
  }

  function recoloured(value) {
    if (Array.isArray(value)) return value.map(recoloured);
    if (value && typeof value === 'object') {
      for (const key of Object.keys(value)) value[key] = recoloured(value[key]);
      return value;
    }
    return typeof value === 'string' && DARK[value.toLowerCase()] || value;
  }

  function dress(spec, look, dark) {
    if (dark) {
      for (const trace of [...spec.data, ...(spec.frames || []).flatMap(frame => frame.data)]) {
        for (const part of ['marker', 'line', 'error_x', 'error_y']) if (trace[part]) recoloured(trace[part]);
      }
      recoloured(spec.layout.shapes || []);
    }
    spec.layout.template = dark ? look.dark : look.light;
    Object.assign(spec.layout, { paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)' });
    spec.layout.font = { ...spec.layout.font, color: dark ? '#e3e8ed' : '#1b1b1b' };
    return spec;
  }

  // -- the numbers of a figure, one line a point

  const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array,
    i1: Int8Array, u1: Uint8Array };

  function list(value) {
    if (value === undefined || value === null) return [];
    if (value.bdata === undefined) return Array.isArray(value) ? value : [value];
    const bytes = Uint8Array.from(atob(value.bdata), letter => letter.charCodeAt(0));
    const flat = [...new TYPES[value.dtype](bytes.buffer)];
    const shape = String(value.shape || '').split(',').map(Number);
    if (shape.length < 2) return flat;
    return Array.from({ length: shape[0] }, (_, row) => flat.slice(row * shape[1], (row + 1) * shape[1]));
  }

  const quoted = value => /[",\n]/.test(value) ? '"' + value.replace(/"/g, '""') + '"' : value;
  const cell = value => value === undefined || value === null ? '' : quoted(plain(value).trim());

  function csv(spec) {
    const rows = [['series', 'x', 'y', 'z', 'below', 'above', 'text']];
    for (const trace of spec.data) {
      const name = trace.name || '', x = list(trace.x), y = list(trace.y), z = list(trace.z), text = list(trace.text);
      if (Array.isArray(z[0]) || (z[0] && z[0].length !== undefined && typeof z[0] !== 'string')) {
        z.forEach((line, row) => list(line).forEach((value, column) => rows.push(
          [name, x.length ? x[column] : column, y.length ? y[row] : row, value, '', '',
            Array.isArray(text[row]) ? text[row][column] : ''])));
        continue;
      }
      const error = trace.error_x || trace.error_y || {}, above = list(error.array);
      const below = error.arrayminus ? list(error.arrayminus) : above;
      for (let at = 0; at < Math.max(x.length, y.length); at += 1) {
        if ((x[at] === undefined || x[at] === null) && (y[at] === undefined || y[at] === null)) continue;
        rows.push([name, x[at], y[at], z[at], below[at], above[at], text[at]]);
      }
    }
    return rows.map(row => row.map(cell).join(',')).join('\n') + '\n';
  }

  return { fit, dress, csv, wrap };
})();
