#include "core/grid/dft.h"

#include <math.h>

double pcl_dft_pixel(size_t nvis, const double *u, const double *v, const double *w,
                     const float *vis, const float *weight, double l, double m) {
    double n1 = sqrt(1 - l * l - m * m) - 1, sum = 0;
    for (size_t k = 0; k < nvis; k++) {
        double phase = 2 * M_PI * (u[k] * l + v[k] * m + (w ? w[k] * n1 : 0));
        sum += (double)weight[k] *
               ((double)vis[2 * k] * cos(phase) + (double)vis[2 * k + 1] * sin(phase));
    }
    return sum;
}

void pcl_dft_predict(size_t nx, size_t ny, double cellx_rad, double celly_rad, const float *image,
                     double u, double v, double w, double vis[2]) {
    vis[0] = vis[1] = 0;
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++) {
            double pixel = (double)image[y * nx + x];
            if (pixel == 0)
                continue;
            double l = -((double)x - (double)(nx / 2)) * cellx_rad,
                   m = ((double)y - (double)(ny / 2)) * celly_rad;
            double phase = 2 * M_PI * (u * l + v * m + w * (sqrt(1 - l * l - m * m) - 1));
            vis[0] += pixel * cos(phase);
            vis[1] += pixel * sin(phase);
        }
}
