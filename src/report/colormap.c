/* The map is a path through OKLab (B. Ottosson 2020), in which equal distances look equally
 * different: lightness is a straight line, so brightness alone carries the values and the picture
 * survives a grey printer; hue runs from violet over red to yellow, with the chroma that sRGB can
 * show. */
#include "report/colormap.h"
#include <math.h>
#include <stdbool.h>

#define LIGHTNESS_LO 0.14
#define LIGHTNESS_HI 0.985
#define HUE_LO       (-78.0) /* degrees: violet blue */
#define HUE_HI       106.0   /* yellow */
#define CHROMA       0.21

static bool oklab_to_linear(double lightness, double chroma, double hue_deg, double rgb[3]) {
    double a = chroma * cos(hue_deg * M_PI / 180), b = chroma * sin(hue_deg * M_PI / 180);
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
    bool inside = true;
    for (int i = 0; i < 3; i++) {
        inside = inside && rgb[i] >= 0 && rgb[i] <= 1;
    }
    return inside;
}

/* The largest chroma up to `wanted` that sRGB can show. */
static double largest_chroma(double lightness, double wanted, double hue) {
    double lo = 0, hi = wanted, rgb[3];
    if (oklab_to_linear(lightness, wanted, hue, rgb)) {
        return wanted;
    }
    for (int i = 0; i < 30; i++) {
        double mid = 0.5 * (lo + hi);
        bool inside = oklab_to_linear(lightness, mid, hue, rgb);
        lo = inside ? mid : lo;
        hi = inside ? hi : mid;
    }
    return lo;
}

static uint32_t srgb_byte(double linear) {
    double x = fmin(fmax(linear, 0), 1);
    double y = x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
    return (uint32_t)lround(255 * y);
}

void pcl_colormap_fill(uint32_t map[PCL_COLORMAP_SIZE]) {
    for (int i = 0; i < PCL_COLORMAP_SIZE; i++) {
        double t = i / (double)(PCL_COLORMAP_SIZE - 1);
        double lightness = LIGHTNESS_LO + (LIGHTNESS_HI - LIGHTNESS_LO) * t;
        double hue = HUE_LO + (HUE_HI - HUE_LO) * t;
        double rgb[3], chroma = CHROMA * pow(sin(M_PI * (0.04 + 0.88 * t)), 0.8);
        oklab_to_linear(lightness, largest_chroma(lightness, chroma, hue), hue, rgb);
        map[i] = 0xff000000u | srgb_byte(rgb[0]) << 16 | srgb_byte(rgb[1]) << 8 | srgb_byte(rgb[2]);
    }
}
