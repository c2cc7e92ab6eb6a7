#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layers of the sources, read from their #include lines. A unit is one .c file with its .h file of the same name.
Reports an include of a layer above, and a circle (units that include each other, in any number of steps).
Prints each fault; exit code 1 then. usage: test/layers.py [ROOT]
"""
import os
import re
import sys

# From the bottom to the top. A folder may include its own layer and those before it. src/ itself is the ground.
LAYERS = ['src', 'src/image', 'src/record', 'src/login', 'src/flow', 'src/engine', 'src/session', 'src/features']
FOLDERS = LAYERS + ['esp', 'host', 'fleet', 'cli']
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


def read_units(root):
    """Map from a unit ("src/flow/slot") to the paths of its files."""
    units = {}
    for top in ('src', 'esp', 'host', 'fleet', 'cli'):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if name.endswith(('.c', '.h')):
                    path = os.path.relpath(os.path.join(folder, name), root)
                    units.setdefault(path[:-2], []).append(path)
    return units


def find_unit(units, folder, included):
    """The unit of an included file: beside the file that includes it, else in src/, as the compiler looks."""
    for start in (folder, 'src', 'host', 'fleet'):
        unit = os.path.normpath(os.path.join(start, included))[:-2]
        if unit in units:
            return unit
    return None


def read_includes(root, units):
    """Map from a unit to the units that it includes."""
    graph = {}
    for unit, paths in units.items():
        names = []
        for path in paths:
            with open(os.path.join(root, path), encoding='utf-8') as file:
                names += INCLUDE.findall(file.read())
        found = {find_unit(units, os.path.dirname(unit), name) for name in names}
        graph[unit] = sorted(found - {None, unit})
    return graph


def find_circles(graph):
    """Groups of units that reach each other (Tarjan's strongly connected components)."""
    number, low, stack, circles = {}, {}, [], []

    def visit(unit):
        number[unit] = low[unit] = len(number)
        stack.append(unit)
        for other in graph[unit]:
            if other not in number:
                visit(other)
                low[unit] = min(low[unit], low[other])
            elif other in stack:
                low[unit] = min(low[unit], number[other])
        if low[unit] == number[unit]:
            at = stack.index(unit)
            if len(stack) - at > 1:
                circles.append(sorted(stack[at:]))
            del stack[at:]

    for unit in sorted(graph):
        if unit not in number:
            visit(unit)
    return circles


def floors(graph):
    """The number of floors: a unit stands one above the highest unit that it includes."""
    known = {}

    def height(unit):
        if unit not in known:
            known[unit] = 1 + max((height(other) for other in graph[unit]), default=0)
        return known[unit]

    return max(height(unit) for unit in graph if unit.startswith('src/'))


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    units = read_units(root)
    graph = read_includes(root, units)
    faults = [f'circle: {", ".join(circle)}' for circle in find_circles(graph)]
    for unit, others in sorted(graph.items()):
        layer = os.path.dirname(unit)
        if layer not in FOLDERS:
            faults.append(f'{unit}: the folder {layer} is in no layer (LAYERS in test/layers.py)')
            continue
        for other in others:
            above = os.path.dirname(other)
            if layer in LAYERS and (above not in LAYERS or LAYERS.index(above) > LAYERS.index(layer)):
                faults.append(f'{unit} includes {other}: {above} is a layer above {layer}')
    for fault in faults:
        print(fault)
    if not faults:
        core = sum(unit.startswith('src/') for unit in units)
        print(f'{len(units)} units, {core} of src/ on {floors(graph)} floors in {len(LAYERS)} layers, circles: 0')
    return 1 if faults else 0


sys.exit(main())
