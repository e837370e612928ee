"""Reference values of the assignments: NumPy, one number at a time, the sums written as they are printed.

Nothing here knows torch or :mod:`dacl_edu.losses`: an answer is never compared with a relative of itself. Arrays come
in and go out; all is computed in float64. One module a topic; import a module by its path.
"""
