"""How long this checkout's engines take beside those of another checkout, interleaved in one run.

    python benchmarks/against.py CHECKOUT                     # gram, reduced and ordered at n = 50, d = 150
    python benchmarks/against.py CHECKOUT --small             # a training of 60 steps at n = 5, d = 8, p = 1000
    python benchmarks/against.py CHECKOUT --cpu               # on a shared machine: one thread, and its own time

Each checkout has a process of its own; they take turns, of ten trainings in a row with --small and one else. The
ratio of a setting is that of the minima (and, in brackets, of the medians) over the turns. An engine that the other
checkout lacks is compared with its "loops".
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

WORKER = """
import sys, time
import numpy as np
from fa_ref import Network, Problem, train
for line in sys.stdin:
    clock, engine, activation, n, d, p, steps, every, trainings = line.split()
    clock = getattr(time, clock)
    n, d, p, steps, every, trainings = int(n), int(d), int(p), int(steps), int(every), int(trainings)
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((n, d)) / d**0.5, rng.standard_normal(n))
    network = Network.gaussian(p, d, rng)
    start = clock()
    for _ in range(trainings):
        try:
            train(problem, network, activation, eta=1e-2, steps=steps, engine=engine, record_every=every)
        except ValueError:
            train(problem, network, activation, eta=1e-2, steps=steps, engine="loops", record_every=every)
    print((clock() - start) / trainings, flush=True)
"""


class Worker:
    def __init__(self, checkout: Path, *, cpu: bool) -> None:
        environment = dict(os.environ, PYTHONPATH=str(checkout))
        self.clock = "thread_time" if cpu else "perf_counter"
        if cpu:
            environment |= {"NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER], cwd=checkout, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def seconds(self, setting: tuple[object, ...]) -> float:
        print(self.clock, *setting, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    if options.small:
        settings = [("ordered", "tanh", 5, 8, 1000, 60, 1, 10)]
    else:
        names = ("identity", "relu", "tanh")
        widths = (800, 3200)
        settings = [("gram", a, 50, 150, p, 400_000 // p, 50, 1) for a in names for p in widths]
        settings += [("ordered", a, 50, 150, p, 48_000 // p, 50, 1) for a in names for p in widths]
        settings += [("reduced", "identity", 50, 150, p, 2000, 50, 1) for p in widths]
    checkouts = (Path(__file__).parents[1], options.checkout.resolve())
    workers = [Worker(checkout, cpu=options.cpu) for checkout in checkouts]
    for setting in settings:
        times: list[list[float]] = [[], []]
        for turn in range(options.turns + 1):
            for k in (0, 1) if turn % 2 else (1, 0):
                seconds = workers[k].seconds(setting)
                if turn:  # the first one compiles
                    times[k].append(seconds)
        best = min(times[0]) / min(times[1])
        median = statistics.median(times[0]) / statistics.median(times[1])
        print(*setting, f"{1e3 * min(times[0]):.2f} ms / {1e3 * min(times[1]):.2f} ms = {best:.3f} ({median:.3f})")


if __name__ == "__main__":
    main()
