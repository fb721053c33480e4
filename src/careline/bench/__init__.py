"""`careline bench`: ratios against peers and limits, measured in one run on one machine."""
