"""Deep Attentive Center Loss (Farzaneh & Qi, WACV 2021), equation by equation.

``import dacl_edu`` is light on purpose: it loads neither torch nor plotly. Import what you need from the
submodules, for example ``from dacl_edu.losses import sparse_center_loss``.
"""

from dacl_edu import _moved

__version__ = "0.1.0"

_moved.install()
