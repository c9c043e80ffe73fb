#include "scaler.h"

#include "../../common/stream.h"

enum { LOBES = 3 };

// What one pixel or row of the result is made of.
typedef struct {
    uint32_t first, count;
    const float *weights;
} span;

typedef struct {
    uint32_t group; // source pixels that are averaged first
    uint32_t source; // what that leaves
    span *spans;
} axis;

static struct {
    uint32_t width, height, channels;
    uint32_t target_width, target_height;
    axis across, down;

    float *sums;           // of the group of rows that is coming in
    uint32_t group_rows;   // so far
    uint32_t rows_in;      // of the source
    uint32_t rows_reduced; // groups that are complete
    float **ring;          // the last of them, scaled across
    uint32_t ring_rows;
    float *result;
    uint32_t rows_out;
} s;

// sin(pi x)
static double sine(double x)
{
    x -= 2 * (double)(int64_t)(x / 2); // the period
    x = x > 1 ? x - 2 : x < -1 ? x + 2 : x;
    x = x > 0.5 ? 1 - x : x < -0.5 ? -1 - x : x;
    double y = x * 3.14159265358979323846;
    double square = y * y;
    double term = y;
    double sum = y;
    for (int n = 2; n < 20; n += 2) {
        term *= -square / (n * (n + 1));
        sum += term;
    }
    return sum;
}

static double lanczos(double x)
{
    if (x < 0)
        x = -x;
    if (x >= LOBES)
        return 0;
    if (x < 1e-9)
        return 1;
    const double square = 9.86960440108935861883; // of pi
    return LOBES * sine(x) * sine(x / LOBES) / (square * x * x);
}

static span span_make(double center, double stretch, uint32_t source)
{
    double reach = LOBES * stretch;
    double low = center - reach;
    double high = center + reach;
    uint32_t first = low <= 0 ? 0 : (uint32_t)low;
    uint32_t end = high >= source ? source : (uint32_t)high + 1;
    end = end > source ? source : end;
    if (first >= end)
        first = end - 1;
    float *weights = allocate((end - first) * sizeof *weights);
    double sum = 0;
    for (uint32_t i = first; i < end; i++)
        sum += lanczos((i + 0.5 - center) / stretch);
    for (uint32_t i = first; i < end; i++)
        weights[i - first] = (float)(lanczos((i + 0.5 - center) / stretch) / sum);
    return (span){first, end - first, weights};
}

static axis axis_make(uint32_t source, double start, double length, uint32_t target)
{
    axis a;
    double ratio = length / target;
    a.group = ratio >= 4 ? (uint32_t)(ratio / 2) : 1;
    a.source = (source + a.group - 1) / a.group;
    a.spans = allocate(target * sizeof *a.spans);
    start /= a.group;
    ratio /= a.group;
    for (uint32_t i = 0; i < target; i++)
        a.spans[i] = span_make(start + (i + 0.5) * ratio, ratio > 1 ? ratio : 1, a.source);
    return a;
}

void scaler_open(uint32_t width, uint32_t height, uint32_t channels, const geometry *g)
{
    s.width = width;
    s.height = height;
    s.channels = channels;
    s.target_width = g->width;
    s.target_height = g->height;
    s.across = axis_make(width, g->left, g->across, g->width);
    s.down = axis_make(height, g->top, g->down, g->height);
    for (uint32_t i = 0; i < g->height; i++)
        if (s.ring_rows < s.down.spans[i].count)
            s.ring_rows = s.down.spans[i].count;

    s.sums = allocate((size_t)s.across.source * channels * sizeof *s.sums);
    s.result = allocate((size_t)g->width * channels * sizeof *s.result);
    s.ring = allocate(s.ring_rows * sizeof *s.ring);
    for (uint32_t i = 0; i < s.ring_rows; i++)
        s.ring[i] = allocate((size_t)g->width * channels * sizeof **s.ring);
}

// The loops over pixels have the number of channels as a constant in each of the copies that the compiler makes.
static inline __attribute__((always_inline)) void reduce(const float *row, uint32_t channels)
{
    float *sums = s.sums;
    uint32_t group = s.across.group;
    if (group == 1) {
        for (size_t i = 0; i < (size_t)s.width * channels; i++)
            sums[i] += row[i];
        return;
    }
    for (uint32_t left = s.width; left > 0;) {
        uint32_t count = left < group ? left : group;
        float sum[4] = {0};
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < channels; k++)
                sum[k] += *row++;
        for (uint32_t k = 0; k < channels; k++)
            *sums++ += sum[k];
        left -= count;
    }
}

static inline __attribute__((always_inline)) void scale_across(const float *row, float *to, uint32_t channels)
{
    for (uint32_t x = 0; x < s.target_width; x++) {
        const span *span = &s.across.spans[x];
        const float *from = row + (size_t)span->first * channels;
        float sum[4] = {0};
        for (uint32_t i = 0; i < span->count; i++) {
            float weight = span->weights[i];
            for (uint32_t k = 0; k < channels; k++)
                sum[k] += *from++ * weight;
        }
        for (uint32_t k = 0; k < channels; k++)
            *to++ = sum[k];
    }
}

#define FOR_CHANNELS(call_1, call_2, call_3, call_4)                                                                   \
    switch (s.channels) {                                                                                              \
    case 1: call_1; break;                                                                                             \
    case 2: call_2; break;                                                                                             \
    case 3: call_3; break;                                                                                             \
    default: call_4; break;                                                                                            \
    }

// Sums to averages: the last group across may have fewer pixels.
static void finish_group(void)
{
    uint32_t last = s.width - (s.across.source - 1) * s.across.group;
    float scale = 1.0f / (float)(s.across.group * s.group_rows);
    float last_scale = 1.0f / (float)(last * s.group_rows);
    size_t count = (size_t)s.across.source * s.channels;
    for (size_t i = 0; i < count - s.channels; i++)
        s.sums[i] *= scale;
    for (size_t i = count - s.channels; i < count; i++)
        s.sums[i] *= last_scale;
}

void scaler_add(const float *row)
{
    size_t count = (size_t)s.across.source * s.channels;
    const float *reduced = row;
    s.rows_in++;
    if (s.across.group > 1 || s.down.group > 1) {
        if (s.group_rows == 0)
            memset(s.sums, 0, count * sizeof *s.sums);
        FOR_CHANNELS(reduce(row, 1), reduce(row, 2), reduce(row, 3), reduce(row, 4))
        s.group_rows++;
        if (s.group_rows < s.down.group && s.rows_in < s.height)
            return;
        finish_group();
        s.group_rows = 0;
        reduced = s.sums;
    }
    float *to = s.ring[s.rows_reduced % s.ring_rows];
    FOR_CHANNELS(scale_across(reduced, to, 1), scale_across(reduced, to, 2), scale_across(reduced, to, 3),
                 scale_across(reduced, to, 4))
    s.rows_reduced++;
}

const float *scaler_next(void)
{
    if (s.rows_out == s.target_height)
        return NULL;
    const span *span = &s.down.spans[s.rows_out];
    if (span->first + span->count > s.rows_reduced)
        return NULL;
    size_t count = (size_t)s.target_width * s.channels;
    memset(s.result, 0, count * sizeof *s.result);
    for (uint32_t i = 0; i < span->count; i++) {
        const float *row = s.ring[(span->first + i) % s.ring_rows];
        float weight = span->weights[i];
        for (size_t k = 0; k < count; k++)
            s.result[k] += row[k] * weight;
    }
    s.rows_out++;
    return s.result;
}
