#include "geometry.h"

static uint32_t side(double length)
{
    uint32_t rounded = (uint32_t)(length + 0.5);
    return rounded < 1 ? 1 : rounded > MAX_TARGET_SIDE ? MAX_TARGET_SIDE : rounded;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

geometry geometry_plan(uint32_t width, uint32_t height, uint32_t wanted_width, uint32_t wanted_height, fit fit,
                       bool enlarge)
{
    if (wanted_width == 0 && wanted_height == 0)
        wanted_width = DEFAULT_WIDTH;
    double across = wanted_width > 0 ? (double)wanted_width / width : (double)wanted_height / height;
    double down = wanted_height > 0 ? (double)wanted_height / height : across;
    bool both = wanted_width > 0 && wanted_height > 0;

    geometry g = {.left = 0, .top = 0, .across = width, .down = height};
    if (both && fit == FIT_STRETCH) {
        g.width = side(width * (enlarge ? across : least(across, 1)));
        g.height = side(height * (enlarge ? down : least(down, 1)));
    } else if (both && fit == FIT_COVER) {
        double scale = across > down ? across : down;
        scale = enlarge ? scale : least(scale, 1);
        g.width = side(least(wanted_width, width * scale));
        g.height = side(least(wanted_height, height * scale));
        g.across = least(g.width / scale, width);
        g.down = least(g.height / scale, height);
        g.left = (width - g.across) / 2;
        g.top = (height - g.down) / 2;
    } else {
        double scale = least(least(across, down), least((double)MAX_TARGET_SIDE / width, (double)MAX_TARGET_SIDE / height));
        scale = enlarge ? scale : least(scale, 1);
        g.width = side(width * scale);
        g.height = side(height * scale);
    }
    return g;
}
