"""Holds packets back, as a long or a narrow line does: what `netem` would do, where the kernel has none.

    delay-line.py OUT LINK ...

Every frame that comes out of a LINK leaves by OUT, unchanged: connections stay those of the two ends, and break where
those break. What is held back is said on standard input, a line of JSON each, and holds until the next one for the same
link and address:

    {"link": "tp1d3", "to": "10.213.7.4", "delay_s": 0.15, "bytes_per_s": 0}

A rate of 0 is no limit. What would wait for more than two seconds in a narrow line is dropped, as routers do.
"""

import heapq
import json
import os
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, ETH_P_ALL, OUTGOING = 263, 15, 3, 4
# What the kernel puts before a frame, so that it may be longer than the line's and without its checksum.
VNET_HDR = 10
LARGEST = VNET_HDR + 14 + 65536
LONGEST_QUEUE_S = 2.0


def raw(link):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    opened.bind((link, ETH_P_ALL))
    return opened


def main():
    out = raw(sys.argv[1])
    links = {raw(link): link for link in sys.argv[2:]}
    lines, waiting, number, text = {}, [], 0, b""
    print("ready", flush=True)
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([sys.stdin, *links], [], [], timeout)
        for source in readable:
            if source is sys.stdin:
                said = os.read(0, 65536)
                if not said:
                    return
                *whole, text = (text + said).split(b"\n")
                for line in map(json.loads, whole):
                    lines[line["link"], socket.inet_aton(line["to"])] = {**line, "free_at": 0.0}
                continue
            frame, (_, protocol, kind, *_) = source.recvfrom(LARGEST)
            if kind == OUTGOING or protocol != 0x0800:
                continue
            now = time.monotonic()
            at = now
            line = lines.get((links[source], frame[VNET_HDR + 30 : VNET_HDR + 34]))
            if line:
                if line["bytes_per_s"]:
                    starts = max(now, line["free_at"])
                    if starts - now > LONGEST_QUEUE_S:
                        continue
                    at = line["free_at"] = starts + len(frame) / line["bytes_per_s"]
                at += line["delay_s"]
            number += 1
            heapq.heappush(waiting, (at, number, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                out.send(heapq.heappop(waiting)[2])
            except OSError:
                pass  # As on any line, what cannot be sent is lost.


main()
