"""The laboratory behind ``fa-ref lab``: from a reader's choices to everything that is shown, without a browser.

`Choices` is what menus and sliders say, `compute` makes a `Scene` of it, `pictures` draws the scene, and `lines` is
the Python that computes the same again. `validation/laboratory/app.py` puts them on a page with marimo.
"""

from validation.laboratory import page
from validation.laboratory.choices import Choices
from validation.laboratory.lines import lines
from validation.laboratory.pictures import pictures
from validation.laboratory.presets import PRESETS
from validation.laboratory.scene import Scene, compute

__all__ = ["PRESETS", "Choices", "Scene", "compute", "lines", "page", "pictures"]
