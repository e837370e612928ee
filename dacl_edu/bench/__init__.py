"""Measurements of this project on this machine: ours and its peer by turns in one run, with median and range."""
