"""A pair of routers under calls while one of them dies, stands still or is replaced; and who looks on."""
