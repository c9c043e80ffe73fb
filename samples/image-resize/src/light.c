#include "light.h"

#include <math.h>

#include "../../common/stream.h"

enum { GUESSES = 4096 };

static struct {
    const png_header *header;
    uint32_t channels;
    float *linear;               // by sample value
    float palette[256][4];       // linear, multiplied by alpha
    float thresholds[257];       // between the linear values of two neighbouring 8-bit samples
    uint8_t guesses[GUESSES + 1]; // the 8-bit sample of a linear value, or one not far below
} l;

// The transfer function of sRGB (IEC 61966-2-1).
static double to_linear(double value)
{
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double from_linear(double light)
{
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static void fill_back(void)
{
    l.thresholds[0] = -1;
    for (int v = 1; v < 256; v++)
        l.thresholds[v] = (float)to_linear((v - 0.5) / 255);
    l.thresholds[256] = 2;
    int v = 0;
    for (int i = 0; i <= GUESSES; i++) {
        while (l.thresholds[v + 1] <= (float)i / GUESSES)
            v++;
        l.guesses[i] = (uint8_t)v;
    }
}

static void fill_palette(const png_header *h)
{
    for (uint32_t i = 0; i < h->palette_count; i++) {
        float alpha = (float)h->palette_alpha[i] / 255;
        for (int k = 0; k < 3; k++)
            l.palette[i][k] = l.linear[h->palette[i][k]] * alpha;
        l.palette[i][3] = alpha;
    }
}

uint32_t light_open(const png_header *h)
{
    l.header = h;
    uint32_t values = h->color == COLOR_PALETTE ? 256 : 1u << h->depth;
    l.linear = allocate(values * sizeof *l.linear);
    for (uint32_t i = 0; i < values; i++)
        l.linear[i] = (float)to_linear((double)i / (values - 1));
    fill_back();
    if (h->color == COLOR_PALETTE)
        fill_palette(h);
    uint32_t colors = h->color == COLOR_PALETTE ? 3 : h->samples - (h->samples % 2 == 0);
    l.channels = colors + (h->transparent || h->samples % 2 == 0);
    return l.channels;
}

static inline uint32_t sample_at(const uint8_t *samples, size_t index, bool wide)
{
    return wide ? (uint32_t)(samples[2 * index] << 8 | samples[2 * index + 1]) : samples[index];
}

static inline __attribute__((always_inline)) void opaque(const uint8_t *samples, float *light, size_t count, bool wide)
{
    for (size_t i = 0; i < count; i++)
        light[i] = l.linear[sample_at(samples, i, wide)];
}

static inline __attribute__((always_inline)) void with_alpha(const uint8_t *samples, float *light, uint32_t width,
                                                             uint32_t colors, bool wide)
{
    const float scale = wide ? 1.0f / 65535 : 1.0f / 255;
    size_t pixel = colors + 1;
    for (size_t i = 0; i < width * pixel; i += pixel) {
        float alpha = (float)sample_at(samples, i + colors, wide) * scale;
        for (uint32_t k = 0; k < colors; k++)
            light[i + k] = l.linear[sample_at(samples, i + k, wide)] * alpha;
        light[i + colors] = alpha;
    }
}

// One colour of the file is transparent.
static void with_key(const uint8_t *samples, float *light, uint32_t width, uint32_t colors, bool wide)
{
    for (uint32_t x = 0; x < width; x++) {
        bool clear = true;
        for (uint32_t k = 0; k < colors; k++)
            clear &= sample_at(samples, (size_t)x * colors + k, wide) == l.header->key[k];
        for (uint32_t k = 0; k < colors; k++)
            *light++ = clear ? 0 : l.linear[sample_at(samples, (size_t)x * colors + k, wide)];
        *light++ = clear ? 0 : 1;
    }
}

static void with_palette(const uint8_t *samples, float *light, uint32_t width)
{
    uint32_t count = l.header->palette_count;
    for (uint32_t x = 0; x < width; x++, light += l.channels) {
        if (samples[x] >= count)
            fail(EXIT_REFUSED, "the image has a colour that is not in its palette");
        memcpy(light, l.palette[samples[x]], l.channels * sizeof *light);
    }
}

void light_from_samples(const uint8_t *samples, float *light)
{
    const png_header *h = l.header;
    bool wide = h->depth == 16;
    size_t count = (size_t)h->width * h->samples;
    if (h->color == COLOR_PALETTE)
        with_palette(samples, light, h->width);
    else if (h->samples == 4)
        wide ? with_alpha(samples, light, h->width, 3, true) : with_alpha(samples, light, h->width, 3, false);
    else if (h->samples == 2)
        wide ? with_alpha(samples, light, h->width, 1, true) : with_alpha(samples, light, h->width, 1, false);
    else if (h->transparent)
        with_key(samples, light, h->width, h->samples, wide);
    else
        wide ? opaque(samples, light, count, true) : opaque(samples, light, count, false);
}

static inline uint8_t narrow_sample(float light)
{
    uint32_t v = l.guesses[(uint32_t)(light * GUESSES)];
    while (light >= l.thresholds[v + 1])
        v++;
    return (uint8_t)v;
}

static inline float clamp(float value, float most)
{
    return value > most ? most : value > 0 ? value : 0;
}

static uint8_t *put(uint8_t *to, float light, bool wide, bool is_alpha)
{
    if (!wide) {
        *to = is_alpha ? (uint8_t)(light * 255 + 0.5f) : narrow_sample(light);
        return to + 1;
    }
    uint32_t value = (uint32_t)((is_alpha ? (double)light : from_linear(light)) * 65535 + 0.5);
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return to + 2;
}

size_t light_to_samples(const float *light, uint32_t width, uint8_t *samples)
{
    bool wide = l.header->depth == 16;
    bool has_alpha = l.channels % 2 == 0;
    uint32_t colors = l.channels - has_alpha;
    uint8_t *to = samples;
    for (uint32_t x = 0; x < width; x++, light += l.channels) {
        float alpha = has_alpha ? clamp(light[colors], 1) : 1;
        float scale = alpha > 0 ? 1 / alpha : 0;
        for (uint32_t k = 0; k < colors; k++)
            to = put(to, clamp(light[k] * scale, 1), wide, false);
        if (has_alpha)
            to = put(to, alpha, wide, true);
    }
    return (size_t)(to - samples);
}
