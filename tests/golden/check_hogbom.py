"""check_hogbom.py: a plain numpy Hogbom on the stored .residual and .psf gives the stored tclean models bit for bit (numpy only)."""
import os
import numpy as np
os.chdir(os.path.dirname(os.path.abspath(__file__)))


def table(name):
    lines = open(name).read().splitlines()
    head = lines[0][1:].split('\t')
    return [dict(zip(head, l.split('\t'))) for l in lines[1:]]


def hogbom(res, psf, cycleniter, threshold, gain, mask):
    r, m = res.copy(), np.zeros_like(res)
    ny, nx = r.shape
    for _ in range(cycleniter + 1):   # tclean's off by one: cycleniter + 1 components when cycleniter stops it
        a = np.abs(r) * mask
        y, x = divmod(int(np.argmax(a)), nx)
        if a[y, x] < threshold:
            break
        v = gain * r[y, x]
        m[y, x] += v
        y1, y2, x1, x2 = max(0, y - ny // 2), min(ny - 1, y + ny // 2 - 1), max(0, x - nx // 2), min(nx - 1, x + nx // 2 - 1)
        r[y1:y2 + 1, x1:x2 + 1] -= v * psf[ny // 2 + y1 - y:ny // 2 + y2 - y + 1, nx // 2 + x1 - x:nx // 2 + x2 - x + 1]
    return m


minor = table('clean_minor.tsv')
cases = {c['name']: c for c in table('cases.tsv')}
for c in table('clean.tsv'):
    if c['from'] == '-':
        continue
    chans = [int(v) for v in cases[c['from']]['psf_channels'].split(',')]
    n = int(c['imsize'])
    res, psf = (np.fromfile('%s.%s.f32' % (c['from'], e), '<f4').reshape(-1, n, n) for e in ('residual', 'psf'))
    model = np.zeros((9, n, n), np.float32)
    for l in open(c['name'] + '.model.tsv').read().splitlines()[1:]:
        k, y, x, v = l.split('\t')
        model[int(k), int(y), int(x)] = float.fromhex(v)
    mask = np.ones((n, n), np.float32)
    if c['mask'].startswith('circle'):
        yy, xx = np.mgrid[:n, :n]
        cx, cy, r = [float(v) for v in c['mask'][6:].split(',')]
        mask = ((xx - cx) ** 2 + (yy - cy) ** 2 <= r * r).astype(np.float32)
    for i, k in enumerate(chans):
        row = [m for m in minor if m['name'] == c['name'] and int(m['chan']) == k][0]
        limit = int(c['niter']) if int(c['cycleniter']) < 0 else int(c['cycleniter'])
        got = hogbom(res[i], psf[i], limit, np.float32(row['cycle_threshold']), np.float32(c['gain']), mask)
        print(c['name'], 'chan', k, 'mask', int(mask.sum()), row['masksum'], 'components', np.count_nonzero(got), 'largest difference', np.abs(got - model[k]).max())
