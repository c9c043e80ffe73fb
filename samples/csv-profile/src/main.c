// csv-profile: CSV on standard input, statistics of its columns as JSON on standard output.
#include "report.h"
#include "rows.h"

#include "../../common/arguments.h"
#include "../../common/stream.h"
#include "stoa.h"

enum {
    MAX_NAME_BYTES = 256,
    MALFORMED_ROWS_LOGGED = 10,
    PROGRESS_BYTES = 1 << 20
};

static row_reader reader;

static void name_column(column *c, const uint8_t *text, size_t length, uint32_t place)
{
    uint8_t *name = allocate(MAX_NAME_BYTES);
    if (length == 0) {
        char digits[8];
        memcpy(name, "column ", 7);
        c->name_length = 7 + number_write(place, digits);
        memcpy(name + 7, digits, c->name_length - 7);
    } else {
        c->name_length = length < MAX_NAME_BYTES ? length : MAX_NAME_BYTES;
        memcpy(name, text, c->name_length);
    }
    c->name = name;
}

static void open_columns(profile *p)
{
    if (reader.cell_count > MAX_COLUMNS)
        fail(EXIT_REFUSED, "the first row has more than 1,000 columns");
    p->column_count = reader.cell_count;
    p->columns = allocate(p->column_count * sizeof *p->columns);
    memset(p->columns, 0, p->column_count * sizeof *p->columns);
    for (uint32_t i = 0; i < p->column_count; i++) {
        cell *name = &reader.cells[i];
        if (name->escaped)
            cell_unescape(name);
        name_column(&p->columns[i], name->text, p->header ? name->length : 0, i + 1);
    }
}

static void note_malformed(profile *p, uint64_t row)
{
    p->malformed_rows++;
    if (p->malformed_rows <= MALFORMED_ROWS_LOGGED)
        log_count(reader.broken ? "a quote is wrong in row " : "another number of cells than the first row has in row ",
                  row, "");
}

static void add_row(profile *p, uint8_t decimal_point)
{
    for (uint32_t i = 0; i < p->column_count; i++) {
        cell *c = &reader.cells[i];
        if (c->escaped)
            cell_unescape(c);
        column_add(&p->columns[i], c->text, c->length, decimal_point);
    }
    p->rows++;
}

static void read_rows(profile *p, uint8_t decimal_point)
{
    uint64_t row = 0;
    uint64_t progress = PROGRESS_BYTES;
    while (rows_next(&reader)) {
        row++;
        if (reader.bytes_read >= progress) {
            stoa_progress(reader.bytes_read, 0, "bytes");
            progress = reader.bytes_read + PROGRESS_BYTES;
        }
        if (reader.blank)
            continue;
        if (p->columns == NULL) {
            open_columns(p);
            if (p->header)
                continue;
        }
        if (reader.broken || reader.cell_count != p->column_count)
            note_malformed(p, row);
        else
            add_row(p, decimal_point);
    }
    p->bytes = reader.bytes_read;
}

int main(int argument_count, char **arguments)
{
    static const char *const separators[] = {"auto", "comma", "semicolon", "tab", "pipe", NULL};
    static const uint8_t separator_bytes[] = {0, ',', ';', '\t', '|'};
    static const char *const decimals[] = {"point", "comma", NULL};
    static const char *const headers[] = {"false", "true", NULL};
    enum { SEPARATOR, DECIMAL, HEADER, TOP, PARAMETERS };
    parameter parameters[] = {
        [SEPARATOR] = {"separator", "auto", 0},
        [DECIMAL] = {"decimal", "point", 0},
        [HEADER] = {"header", "true", 0},
        [TOP] = {"top", "5", 0},
    };
    parameters_read(argument_count, arguments, parameters, PARAMETERS);
    int separator = parameter_choice(&parameters[SEPARATOR], separators);
    uint8_t decimal_point = parameter_choice(&parameters[DECIMAL], decimals) == 0 ? '.' : ',';
    profile p = {
        .header = parameter_choice(&parameters[HEADER], headers) == 1,
        .top = parameter_unsigned(&parameters[TOP], 0, MAX_TOP),
    };

    rows_open(&reader);
    p.separator = separator == 0 ? separator_detect(&reader) : separator_bytes[separator];
    reader.separator = p.separator;
    read_rows(&p, decimal_point);
    report_write(&p);
    out_flush();
    log_count("read ", p.rows, " rows");
    return 0;
}
