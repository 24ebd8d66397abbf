#include "core/grid/dft.h"

#include <math.h>

double pcl_dft_pixel(const pcl_samples *s, double l, double m) {
    double n1 = sqrt(1 - l * l - m * m) - 1, sum = 0;
    for (size_t k = 0; k < s->n; k++) {
        double phase = 2 * M_PI * (s->u[k] * l + s->v[k] * m + (s->w ? s->w[k] * n1 : 0));
        sum += (double)s->weight[k] *
               ((double)s->vis[2 * k] * cos(phase) + (double)s->vis[2 * k + 1] * sin(phase));
    }
    return sum;
}

void pcl_dft_predict(const pcl_raster *raster, const float *image, const double uvw[3],
                     double vis[2]) {
    const size_t nx = raster->nx, ny = raster->ny;
    vis[0] = vis[1] = 0;
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++) {
            double pixel = (double)image[y * nx + x];
            if (pixel == 0)
                continue;
            double l = -((double)x - (double)(nx / 2)) * raster->cellx_rad,
                   m = ((double)y - (double)(ny / 2)) * raster->celly_rad;
            double n1 = sqrt(1 - l * l - m * m) - 1;
            double phase = 2 * M_PI * (uvw[0] * l + uvw[1] * m + uvw[2] * n1);
            vis[0] += pixel * cos(phase);
            vis[1] += pixel * sin(phase);
        }
}
