// markdown-html: Markdown on standard input, an HTML fragment on standard output.
#include "markdown.h"

#include "../../common/arguments.h"
#include "../../common/stream.h"

int main(int argument_count, char **arguments)
{
    parameters_read(argument_count, arguments, NULL, 0);

    size_t input_length, length;
    uint8_t *input = input_read_all(MAX_INPUT_BYTES, &input_length);
    uint8_t *text = clean(input, input_length, &length);

    static document d;
    d.text_capacity = length + 64;
    d.text = allocate(d.text_capacity);
    d.expansion_bytes_left = length > 100000 ? length : 100000;
    d.filled_cells_left = MAX_FILLED_CELLS;

    blocks_read(&d, text, length);
    references_sort(&d);
    blocks_render(&d);
    out_flush();
    log_count("read ", input_length, " bytes of Markdown");
    return 0;
}
