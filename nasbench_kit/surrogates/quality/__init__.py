"""How good a surrogate is: agreement with what was recorded, calibration, what noise allows, extrapolation."""
