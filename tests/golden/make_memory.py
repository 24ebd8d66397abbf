#!/usr/bin/env python3
"""make_memory.py: memory estimates of the real Python pclean 0.2.3 for tests/unit/test_estimate.c. Writes memory.tsv beside itself:
nx ny nchan gridder deconvolver nterms nfields nworkers ram factor -> worker, peak (hexadecimal floats: every bit counts), recommended.
ny 0: imsize was given as one number. ram and factor are hexadecimal floats too."""
import os, random
from pclean.utils.memory_estimate import estimate_worker_memory_gib, estimate_peak_ram_gib, recommend_nworkers
random.seed(5)
cases = [(8000, 0, 1, 'standard', 'hogbom', 1, 1, 4, 64.0, 0.85), (1280, 1024, 1, 'mosaic', 'mtmfs', 2, 1, 3, 8.0, 0.85),
         (1, 1, 1, 'standard', 'hogbom', 1, 1, 1, 0.0, 1.0), (100000, 0, 3840, 'awproject', 'mtmfs', 5, 1, 1000, 1e6, 0.5)]
gridders = ['standard', 'wproject', 'widefield', 'mosaic', 'awproject', 'MOSAIC', 'WProject', 'AWProject', 'Standard', 'unknown', 'mosaicft']
for _ in range(80):
    square = random.random() < 0.3
    cases.append((random.randint(1, 20000), 0 if square else random.randint(1, 20000), random.choice([1, 1, 7, 128, 3840]), random.choice(gridders),
                  random.choice(['hogbom', 'mtmfs', 'MTMFS', 'multiscale']), random.randint(1, 5), random.choice([1, 2, 3, 7, 149]),
                  random.randint(1, 500), random.uniform(0, 2000), random.choice([0.85, 1.0, 0.1, random.uniform(0.01, 1)])))
rows = ['# nx ny nchan gridder deconvolver nterms nfields nworkers ram factor worker peak recommended   (Python pclean 0.2.3)']
for nx, ny, nchan, gridder, deconvolver, nterms, nfields, nworkers, ram, factor in cases:
    how = dict(imsize=[nx, ny] if ny else nx, nchan_per_task=nchan, gridder=gridder, deconvolver=deconvolver, nterms=nterms, nfields=nfields)
    rows.append(' '.join(str(x) for x in (nx, ny, nchan, gridder, deconvolver, nterms, nfields, nworkers, float(ram).hex(), factor.hex(),
                estimate_worker_memory_gib(**how).hex(), estimate_peak_ram_gib(nworkers, **how).hex(),
                recommend_nworkers(ram, ram_safety_factor=factor, **how))))
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'memory.tsv'), 'w').write('\n'.join(rows) + '\n')
