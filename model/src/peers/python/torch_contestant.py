"""PyTorch's nn.LSTM and nn.Linear. Speaks as dev.recall.peers.Contestant does."""

import re
import sys
import time

import torch
from torch import nn


def blas():
    """The folder of the libblas that the loader took; Debian has one for each implementation."""
    with open("/proc/self/maps") as maps:
        found = re.search(r"([\w-]+)/libblas\.so", maps.read())
    folder = found.group(1) if found else "built-in BLAS"
    return "reference BLAS" if folder == "blas" else folder


def main(hidden, batch, steps, file):
    torch.set_num_threads(1)
    values = torch.frombuffer(bytearray(open(file, "rb").read()), dtype=torch.float32)
    lengths = [4 * hidden, 4 * hidden * hidden, 4 * hidden, 3 * hidden, hidden, 1]
    xh, hh, b, _, w, out_b, x, target = values.split(lengths + 2 * [steps * batch])
    lstm = nn.LSTM(1, hidden)
    linear = nn.Linear(hidden, 1)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(xh.reshape(1, 4 * hidden).T)
        lstm.weight_hh_l0.copy_(hh.reshape(hidden, 4 * hidden).T)
        lstm.bias_ih_l0.copy_(b)
        lstm.bias_hh_l0.zero_()
        linear.weight.copy_(w.reshape(1, hidden))
        linear.bias.copy_(out_b)
    x = x.reshape(steps, batch, 1)
    target = target.reshape(steps, batch, 1)
    parameters = [*lstm.parameters(), *linear.parameters()]

    def gradient():
        for parameter in parameters:
            parameter.grad = None
        loss = nn.functional.mse_loss(linear(lstm(x)[0]), target)
        loss.backward()
        return loss

    loss = gradient().item()
    # The second bias has no counterpart.
    norm = sum(p.grad.square().sum().item() for p in parameters if p is not lstm.bias_hh_l0) ** 0.5
    print(f"PyTorch {torch.__version__}, {blas()}\t{loss}\t{norm}", flush=True)
    for order in sys.stdin:
        times = int(order.split()[1])
        begin = time.perf_counter_ns()
        for _ in range(times):
            gradient()
        print(time.perf_counter_ns() - begin, flush=True)


main(*map(int, sys.argv[1:4]), sys.argv[4])
