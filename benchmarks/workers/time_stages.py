"""One `seqlift score` in this process, and the seconds of each of its stages as a line of JSON.

Started as ``time_stages.py CLOCK ARGUMENTS``: CLOCK is the time of `time.perf_counter` at which the
process was started. The last stage is the end of Python, which only who started this can time:
``ended`` is when it began.
"""

import importlib
import json
import sys
import time

STAGES = (
    ("loading the model", "seqlift.explain.explainer", "load"),
    ("lowering", "seqlift.explain.engines", "lower"),
    ("prediction by Keras, for the check", "seqlift.lowering.check", "predictions"),
    ("forward check", "seqlift.explain.engines", "check_forward"),
    ("reading all windows once", "seqlift.pipeline.preflight", "survey_of"),
    ("all else before", "seqlift.pipeline.preflight", "decided"),
    ("reading, shuffling, writing", "seqlift.pipeline.score", "compute"),
    ("joining the parts", "seqlift.pipeline.score", "place_scores"),
    ("writing the track", "seqlift.pipeline.score", "write_tracks"),
)
"""What a stage is called, and the function that it is: its module, and its name there."""

SEQLIFT, FIRST, AGAIN = "import of all else", "compiling the engine", "computing a batch"


class Clock:
    """Seconds by stage; what a stage calls that is a stage too is not counted twice."""

    def __init__(self, started):
        """Count from `started`, the time of `time.perf_counter` at the start of the process."""
        self.seconds, self.last, self.inner = {}, started, [0.0]

    def mark(self, name):
        """Count the time since the last mark for a stage."""
        now = time.perf_counter()
        self.add(name, now - self.last)
        self.last = now

    def add(self, name, seconds):
        """Count seconds for a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def wrapped(self, name, function):
        """Return the function, with its time counted for a stage."""

        def timed(*arguments, **named):
            start = time.perf_counter()
            self.inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                spent = time.perf_counter() - start
                self.add(name, spent - self.inner.pop())
                self.inner[-1] += spent

        return timed


def imported(clock):
    """Import what `seqlift score` imports, each part counted for a stage of its own."""
    importlib.import_module("keras")
    clock.mark("import of Keras and its backend")
    importlib.import_module("seqlift.pipeline.score")
    clock.mark(SEQLIFT)


def watch(clock):
    """Have the stages counted; the first batch is computed twice, as only once it is compiled."""
    for name, module, function in STAGES:
        place = importlib.import_module(module)
        setattr(place, function, clock.wrapped(name, getattr(place, function)))
    explainer = importlib.import_module("seqlift.explain.explainer").Explainer
    plain = explainer.explain_by

    def twice(*arguments):
        start = time.perf_counter()
        plain(*arguments)
        between = time.perf_counter()
        results = plain(*arguments)
        end = time.perf_counter()
        clock.add(FIRST, (between - start) - (end - between))
        clock.add(AGAIN, end - between)
        clock.inner[-1] += end - start
        return results

    explainer.explain_by = twice


def run():
    """Run the command and print the seconds."""
    clock = Clock(float(sys.argv[1]))
    clock.mark("start of Python")
    imported(clock)
    watch(clock)
    main = importlib.import_module("seqlift.cli").main
    clock.mark(SEQLIFT)
    main(sys.argv[2:], standalone_mode=False)
    print(json.dumps({"seconds": clock.seconds, "ended": time.perf_counter()}), flush=True)


if __name__ == "__main__":
    run()
