"""A link between two network namespaces with a rate, a delay and losses, for kernels without netem.

    link.py NAMESPACE INTERFACE NAMESPACE INTERFACE MBIT_PER_S DELAY_MS LOSS_PERCENT

Makes a tap in each namespace and carries frames from one to the other: each way at the rate, with a queue of 100 ms behind which frames
are lost, then after the delay. Losses are drawn at random, with a fixed seed. Needs root. Ends when it is killed; the taps go with it.
"""
import ctypes
import fcntl
import os
import random
import struct
import sys
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
QUEUE_SECONDS = 0.1


def tap(namespace, interface):
    """A file that reads and writes the frames of a new interface in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as here, open(f"/run/netns/{namespace}") as there:
        for target in (there, here):
            if libc.setns(target.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
            if target is there:
                frames = os.open("/dev/net/tun", os.O_RDWR)
                fcntl.ioctl(frames, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI))
    return frames


def carry(source, target, bytes_a_second, delay, loss, seed):
    """Carries frames one way: a reader stamps them, a writer lets them go when they are due."""
    draw, waiting, ready = random.Random(seed), [], threading.Condition()

    def read():
        free = 0.0
        while True:
            frame = os.read(source, 65536)
            now = time.monotonic()
            if draw.random() < loss or free - now > QUEUE_SECONDS:
                continue
            free = max(free, now) + len(frame) / bytes_a_second
            with ready:
                waiting.append((free + delay, frame))
                ready.notify()

    def write():
        while True:
            with ready:
                while not waiting:
                    ready.wait()
                frames = list(waiting)
                waiting.clear()
            for due, frame in frames:
                pause = due - time.monotonic()
                if pause > 0.0002:
                    time.sleep(pause)
                try:
                    os.write(target, frame)
                except OSError:
                    pass  # the interface is down

    return [threading.Thread(target=task, daemon=True) for task in (read, write)]


def main():
    spaces, (rate, delay, loss) = sys.argv[1:5], map(float, sys.argv[5:8])
    one, other = tap(*spaces[:2]), tap(*spaces[2:])
    options = rate * 125_000, delay / 1000, loss / 100
    threads = carry(one, other, *options, 1) + carry(other, one, *options, 2)
    for thread in threads:
        thread.start()
    threads[0].join()


main()
