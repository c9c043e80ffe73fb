// image-resize: a PNG on standard input, a PNG of another size on standard output.
#include "geometry.h"
#include "light.h"
#include "png_writer.h"
#include "rows.h"
#include "scaler.h"

#include "../../common/arguments.h"
#include "../../common/stream.h"
#include "stoa.h"

enum { PROGRESS_STEPS = 100 };

static void resize(const png_header *h, const geometry *g)
{
    uint32_t channels = light_open(h);
    rows_open(h);
    scaler_open(h->width, h->height, channels, g);
    png_writer_open(h, g->width, g->height, channels);

    float *light = allocate((size_t)h->width * channels * sizeof *light);
    uint8_t *samples = allocate((size_t)g->width * channels * 2);
    uint32_t left = g->height;
    uint32_t step = h->height / PROGRESS_STEPS + 1;
    for (uint32_t y = 0; y < h->height; y++) {
        const uint8_t *row = rows_next();
        if ((y + 1) % step == 0 || y + 1 == h->height)
            stoa_progress(y + 1, h->height, "rows");
        if (left == 0)
            continue; // the rest is only checked
        light_from_samples(row, light);
        scaler_add(light);
        const float *scaled;
        while ((scaled = scaler_next()) != NULL) {
            light_to_samples(scaled, g->width, samples);
            png_writer_add(samples);
            left--;
        }
    }
    rows_close();
    png_writer_close();
}

int main(int argument_count, char **arguments)
{
    static const char *const fits[] = {"contain", "cover", "stretch", NULL};
    static const char *const answers[] = {"false", "true", NULL};
    enum { WIDTH, HEIGHT, FIT, ENLARGE, PARAMETERS };
    parameter parameters[] = {
        [WIDTH] = {"width", "0", 0},
        [HEIGHT] = {"height", "0", 0},
        [FIT] = {"fit", "contain", 0},
        [ENLARGE] = {"enlarge", "false", 0},
    };
    parameters_read(argument_count, arguments, parameters, PARAMETERS);
    uint32_t width = parameter_unsigned(&parameters[WIDTH], 0, MAX_TARGET_SIDE);
    uint32_t height = parameter_unsigned(&parameters[HEIGHT], 0, MAX_TARGET_SIDE);
    fit fitting = (fit)parameter_choice(&parameters[FIT], fits);
    bool enlarge = parameter_choice(&parameters[ENLARGE], answers) == 1;

    static png_header h;
    png_open(&h);
    geometry g = geometry_plan(h.width, h.height, width, height, fitting, enlarge);
    resize(&h, &g);
    log_count("read ", (uint64_t)h.width * h.height, " pixels");
    return 0;
}
