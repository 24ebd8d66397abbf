/* raster.h: the pixels of an image, as every kernel that needs their number and size takes them. */
#ifndef PCL_RASTER_H
#define PCL_RASTER_H
#include <stddef.h>

typedef struct pcl_raster {
    size_t nx, ny;               /* pixels; arrays are [ny][nx], x fastest */
    double cellx_rad, celly_rad; /* > 0; x grows to the west, y to the north */
} pcl_raster;

#endif
