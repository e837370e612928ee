"""Small faces that travel with a figure: a data URI for each image."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from dacl_edu.errors import UserError

FACE_ON_HOVER = """
(function () {
  if (window.daclFaces) { window.daclFaces(); return; }
  var face = document.createElement('img'), mouse = { clientX: 0, clientY: 0 };
  face.id = 'dacl-face';
  face.alt = '';
  face.style.cssText = 'position:fixed;z-index:1000;width:96px;height:96px;object-fit:contain;display:none;' +
    'pointer-events:none;background:#fff;border:1px solid #666;border-radius:4px;padding:2px';
  document.body.appendChild(face);
  function hide() { face.style.display = 'none'; }
  function show(event) {
    var data = [].concat(event.points[0].customdata || []);
    var source = data.find(function (item) { return /^data:image.(jpeg|png);base64,/.test(String(item)); });
    if (!source) { hide(); return; }
    face.src = source;
    face.alt = 'face of the point: ' + data.filter(function (item) { return item !== source && item; }).join(', ');
    var x = mouse.clientX, y = mouse.clientY;
    face.style.left = (x > window.innerWidth - 130 ? x - 120 : x + 18) + 'px';
    face.style.top = (y > window.innerHeight - 170 ? y - 150 : y + 48) + 'px';
    face.style.display = 'block';
  }
  window.daclFaces = function () {
    document.querySelectorAll('.js-plotly-plot').forEach(function (graph) {
      if (graph.dataset.faces || !graph.on) { return; }
      graph.dataset.faces = 'yes';
      graph.on('plotly_hover', show);
      graph.on('plotly_unhover', hide);
      graph.addEventListener('mouseleave', hide);
    });
  };
  window.addEventListener('scroll', hide, true);
  window.addEventListener('mousemove', function (event) { mouse = event; }, true);  // a 3-D hover says no place
  window.daclFaces();
})();
"""
"""JavaScript that shows the face of the point under the pointer, since plotly's own hover box holds text alone.

It looks in the point's ``customdata`` for a data URI of a JPEG or PNG, and shows it in a floating
``<img id="dacl-face">``. Put it in a ``<script>`` at the end of a page, after its figures are drawn; figures drawn
later are found by calling ``window.daclFaces()``. It may stand there several times. For a page of one figure:
``figure.write_html("page.html", post_script=FACE_ON_HOVER)``.
"""


def thumbnails(images: ArrayLike, side: int = 48, quality: int = 75) -> list[str]:
    """Make a JPEG data URI of each image, as ``<img src=…>`` takes it.

    Parameters
    ----------
    images : array or Tensor, shape (n, 3, H, W), uint8
    side : int, default 48
        Pixels of the longer side; a 48-pixel face takes about 2 kB. Smaller images stay as they are.
    quality : int, default 75
        Of the JPEG, 1 to 95.

    Returns
    -------
    list of str, length n

    Examples
    --------
    >>> few = thumbnails(np.zeros((2, 3, 64, 64), dtype=np.uint8), side=16)
    >>> len(few), few[0][:23]
    (2, 'data:image/jpeg;base64,')
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[1] != 3 or array.dtype != np.uint8:
        raise UserError(
            f"images of shape {array.shape} and type {array.dtype}", hint="thumbnails are made of (n, 3, H, W) uint8"
        )
    made = []
    for pixels in array:
        picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        picture.thumbnail((side, side), Image.Resampling.BOX)
        made.append(jpeg(picture, quality))
    return made


def jpeg(picture: Image.Image, quality: int) -> str:
    """Return a picture as the data URI of a JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
