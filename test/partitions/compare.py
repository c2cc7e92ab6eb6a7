#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the reader of partition tables with ESP-IDF's own: both take a table and write the same bytes, or both refuse it.

Not a part of `make test`: it needs components/partition_table/gen_esp32part.py of an ESP-IDF from v5.4 to v6.0.
  GEN_ESP32PART=path/of/gen_esp32part.py [TABLES=folder of .csv files] [COUNT=10000 SEED=1] test/partitions/compare.py
Without TABLES it makes COUNT tables. The two differ on purpose for a table without a partition.
"""
import collections
import contextlib
import importlib.util
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYOUTS = [(0x8000, 0x0, 0x300000), (0x9000, 0x1000, 0x300000), (0x10000, 0x2000, 0x300000)]  # table, bootloader, recovery bootloader
VARIABLES = {'SIZE': '0x6000', 'TYPE': 'data', 'NAME': 'named', 'COMMENT': '# none'}  # what made tables name; not UNSET


def load_generator(path):
    spec = importlib.util.spec_from_file_location('gen_esp32part', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.quiet = True
    return module


def read_theirs(generator, csv, layout):
    """The bytes that ESP-IDF writes, or the reason for which it refuses."""
    generator.offset_part_table, generator.primary_bootloader_offset, generator.recovery_bootloader_offset = layout
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            table, _ = generator.PartitionTable.from_file(io.BytesIO(csv.read_bytes()))
            table.verify()
            return table.to_binary()
    except Exception as reason:  # whatever it is, the tool ends with an error
        return repr(reason)


def read_ours(reader, csv, layout, out):
    """The bytes that we write, or our sentence."""
    result = subprocess.run([reader, *map(hex, layout), csv, out], capture_output=True, check=False)
    return out.read_bytes() if result.returncode == 0 else result.stderr.decode(errors='replace').strip()


def judge(theirs, ours):
    if theirs == ours:
        return 'taken alike'
    if isinstance(theirs, str) and isinstance(ours, str):
        return 'refused alike'
    is_empty = isinstance(ours, str) and 'there is no partition in it' in ours
    return 'without a partition' if is_empty else 'differ'


def compare_all(generator, folder, work):
    counts = collections.Counter()
    for csv in sorted(folder.rglob('*.csv')):
        for layout in LAYOUTS:
            theirs = read_theirs(generator, csv, layout)
            ours = read_ours(work / 'reader', csv, layout, work / 'ours.bin')
            verdict = judge(theirs, ours)
            counts[verdict] += 1
            if verdict == 'differ' and counts[verdict] <= 40:
                print(f'{csv} with the table at {layout[0]:#x}: ESP-IDF {theirs[:200]}, we {ours[:200]}')
    return counts


def main():
    if 'GEN_ESP32PART' not in os.environ:
        sys.exit(__doc__)
    os.environ.update(VARIABLES)
    subprocess.run(['cmake', '-S', ROOT / 'host', '-B', ROOT / 'build/gcc'], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['cmake', '--build', ROOT / 'build/gcc', '--target', 'read_partitions'], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        shutil.copy(ROOT / 'build/gcc/test/read_partitions', work / 'reader')  # a build may go on beside us
        folder = pathlib.Path(os.environ.get('TABLES', work / 'tables'))
        if 'TABLES' not in os.environ:
            maker = [ROOT / 'test/partitions/make.js', folder, os.environ.get('COUNT', '10000'), os.environ.get('SEED', '1')]
            subprocess.run(['node', *maker], check=True)
        counts = compare_all(load_generator(os.environ['GEN_ESP32PART']), folder, work)
    print(', '.join(f'{counts[verdict]} {verdict}' for verdict in ('taken alike', 'refused alike', 'without a partition', 'differ')))
    sys.exit(counts['differ'] > 0)


main()
