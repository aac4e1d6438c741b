"""One small file per backend; only the sibling `build.py` imports them."""
