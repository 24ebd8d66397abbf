/* colormap.h: one perceptually uniform colour map, dark to bright. */
#ifndef PCL_COLORMAP_H
#define PCL_COLORMAP_H
#include <stdint.h>

#define PCL_COLORMAP_SIZE 256

/* Entry i is 0xffRRGGBB (cairo's ARGB32); lightness grows linearly with i. */
void pcl_colormap_fill(uint32_t map[PCL_COLORMAP_SIZE]);

#endif
