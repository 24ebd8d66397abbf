"""tclean_once.py JSON: one tclean run with these parameters, as a user's script would have it."""
import json, sys
from casatasks import tclean

tclean(**json.loads(sys.argv[1]))
