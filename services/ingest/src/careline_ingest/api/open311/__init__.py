"""Open311 GeoReport v2: portals list subjects, file appeals and follow them."""
