"""litert_logits.py MODEL INPUTS OUTPUT: float32 logits of all inputs, one after the other.

Needs nothing but numpy and LiteRT, as it runs in a bare arm64 Python under qemu."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, inputs, output = sys.argv[1:]
interpreter = Interpreter(model, num_threads=1)
interpreter.allocate_tensors()
given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
logits = []
for picture in np.fromfile(inputs, "<f4").reshape(-1, *given["shape"]):
    interpreter.set_tensor(given["index"], picture)
    interpreter.invoke()
    logits.append(interpreter.get_tensor(wanted["index"]).ravel()[0])
np.array(logits, "<f4").tofile(output)
