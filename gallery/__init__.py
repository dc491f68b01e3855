"""Short scripts, one picture each: ``python -m gallery.NAME`` draws one, and the site shows them all."""
