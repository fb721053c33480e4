"""HTTP providers of messages for trials: each in its real formats, none sends anything to anybody."""
