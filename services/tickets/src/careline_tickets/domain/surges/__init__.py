"""Surges: bursts of appeals about one organisation, subject or territory, found among thousands of series.

`tails` has the probability of a count, `baseline` what a series was expected to bring, `errors` what its
forecasts have missed, `calibration` how far small chances are to be believed, `common` what all series share,
`series` which series there are, `watch` goes through the days and says which alerts open and close.
"""
