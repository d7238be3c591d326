"""MIL reference: a small evaluator of a saved Core ML program, for machines without Core ML.

It reads Data/com.apple.CoreML/model.mlmodel and weights/weight.bin of an .mlpackage by itself, with numpy
alone, and computes every operation. It proves what was saved, not what Apple's runtime makes of it; results
are always labelled "MIL reference (not Core ML)".
"""

from edgedf.runtime.mil_reference.call import ProgramError, UnknownOperationError
from edgedf.runtime.mil_reference.decode import decode_model
from edgedf.runtime.mil_reference.evaluate import Evaluator
from edgedf.runtime.mil_reference.program import Model
from edgedf.runtime.mil_reference.values import DecodeError

__all__ = ["DecodeError", "Evaluator", "Model", "ProgramError", "UnknownOperationError", "decode_model"]
