#include "numbers.h"

#include <string.h>

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const double powers_of_five[] = {
    1.0, 5.0, 25.0, 125.0, 625.0, 3125.0, 15625.0, 78125.0, 390625.0, 1953125.0, 9765625.0, 48828125.0,
    244140625.0, 1220703125.0, 6103515625.0, 30517578125.0, 152587890625.0, 762939453125.0, 3814697265625.0,
    19073486328125.0, 95367431640625.0, 476837158203125.0, 2384185791015625.0,
};
enum { EXACT_POWER = 22 };

typedef struct {
    double high, low; // their exact sum,
    int exponent;     // times 2 to this power
} scaled;

static scaled sum(double a, double b, int exponent)
{
    double high = a + b;
    return (scaled){high, b - (high - a), exponent};
}

// The exact product of two doubles.
static scaled product(double a, double b, int exponent)
{
    double t = 134217729.0 * a; // 2^27 + 1 splits a double in halves
    double a_high = t - (t - a);
    double a_low = a - a_high;
    t = 134217729.0 * b;
    double b_high = t - (t - b);
    double b_low = b - b_high;
    double high = a * b;
    return (scaled){high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low, exponent};
}

// 2 to a power between -1022 and 1023.
static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

// The same value with `high` between 1 and 2, far from where doubles end.
static scaled normalise(scaled value)
{
    uint64_t bits;
    memcpy(&bits, &value.high, sizeof bits);
    int binary = (int)(bits >> 52) - 1023;
    double power = power_of_two(-binary);
    return (scaled){value.high * power, value.low * power, value.exponent + binary};
}

// A positive value times 10^exponent.
static scaled scale(scaled value, int exponent)
{
    value = normalise(value);
    while (exponent != 0) {
        int step = exponent < 0 ? -exponent : exponent;
        step = step < EXACT_POWER ? step : EXACT_POWER;
        double power = powers_of_five[step];
        if (exponent > 0) {
            scaled p = product(value.high, power, value.exponent + step);
            value = sum(p.high, p.low + value.low * power, p.exponent);
            exponent -= step;
        } else {
            double quotient = value.high / power;
            scaled p = product(quotient, power, 0);
            double rest = ((value.high - p.high) - p.low) + value.low;
            value = sum(quotient, rest / power, value.exponent - step);
            exponent += step;
        }
        value = normalise(value);
    }
    return value;
}

// A double times a power of two: infinite when too large, 0 when too small.
static double shift_exponent(double value, int exponent)
{
    for (; exponent > 1000; exponent -= 1000)
        value *= power_of_two(1000);
    for (; exponent < -1000; exponent += 1000)
        value *= power_of_two(-1000);
    return value * power_of_two(exponent);
}

static double from_decimal(uint64_t digits, int exponent)
{
    if (digits < (uint64_t)1 << 53 && exponent >= -EXACT_POWER && exponent <= EXACT_POWER)
        return exponent < 0 ? (double)digits / powers_of_ten[-exponent] : (double)digits * powers_of_ten[exponent];
    if (digits == 0 || exponent < -400)
        return 0;
    if (exponent > 400)
        exponent = 400; // infinite all the same
    scaled value = sum((double)(digits & ~(uint64_t)0x7FF), (double)(digits & 0x7FF), 0);
    value = scale(value, exponent);
    return shift_exponent(value.high + value.low, value.exponent);
}

typedef struct {
    uint64_t digits;
    int significant; // digits that went into `digits`
    int exponent;
} decimal;

static inline size_t read_digits(const uint8_t *text, size_t at, size_t length, decimal *d, int shift)
{
    for (; at < length; at++) {
        uint32_t digit = (uint32_t)text[at] - '0';
        if (digit > 9)
            break;
        if (d->significant < 18) {
            d->digits = d->digits * 10 + digit;
            d->significant += d->digits != 0;
            d->exponent -= shift;
        } else {
            d->exponent += 1 - shift;
        }
    }
    return at;
}

static size_t read_exponent(const uint8_t *text, size_t at, size_t length, decimal *d)
{
    bool negative = at < length && text[at] == '-';
    if (at < length && (text[at] == '-' || text[at] == '+'))
        at++;
    size_t first = at;
    int exponent = 0;
    for (; at < length && (uint8_t)(text[at] - '0') <= 9; at++)
        if (exponent < 10000)
            exponent = exponent * 10 + (text[at] - '0');
    d->exponent += negative ? -exponent : exponent;
    return at > first ? at : 0;
}

number_kind number_read(const uint8_t *text, size_t length, uint8_t decimal_point, number *result)
{
    decimal d = {0, 0, 0};
    bool negative = length > 0 && text[0] == '-';
    size_t first = length > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    size_t at = read_digits(text, first, length, &d, 0);
    size_t digits = at - first;
    if (digits > 1 && text[first] == '0')
        return NUMBER_NONE;
    if (at == length && digits > 0 && d.exponent == 0) {
        result->integer = negative ? -(int64_t)d.digits : (int64_t)d.digits;
        result->value = (double)result->integer;
        return NUMBER_INTEGER;
    }
    if (at < length && text[at] == decimal_point) {
        size_t point = at;
        at = read_digits(text, at + 1, length, &d, 1);
        digits += at - point - 1;
    }
    if (digits == 0)
        return NUMBER_NONE;
    if (at < length && (text[at] == 'e' || text[at] == 'E'))
        at = read_exponent(text, at + 1, length, &d);
    if (at != length)
        return NUMBER_NONE;
    double value = from_decimal(d.digits, d.exponent);
    if (value > 1.7976931348623157e308)
        return NUMBER_NONE;
    result->value = negative && value != 0 ? -value : value;
    return NUMBER_REAL;
}

// The `precision` significant digits of a positive value; *exponent is that of the last digit.
static uint64_t to_decimal(double value, int precision, int *exponent)
{
    static const uint64_t limits[] = {1000000000000000, 10000000000000000, 100000000000000000};
    uint64_t limit = limits[precision - 15];
    // Away from the ends of the range first: subnormals, and what rounds up to infinity.
    int away = value < 1e-300 ? 200 : value > 1e300 ? -200 : 0;
    scaled start = {value * power_of_two(away), 0, -away};
    int binary = normalise(start).exponent;
    int shift = precision - 1 - binary * 1233 / 4096; // 1233/4096 is about the logarithm of 2
    for (;;) {
        scaled whole = scale(start, shift);
        double high = shift_exponent(whole.high, whole.exponent);
        uint64_t digits = (uint64_t)high;
        double rest = (high - (double)digits) + shift_exponent(whole.low, whole.exponent);
        digits += (uint64_t)(int64_t)(rest < 0 ? rest - 0.5 : rest + 0.5);
        if (digits >= limit)
            shift--;
        else if (digits < limit / 10)
            shift++;
        else {
            *exponent = -shift;
            return digits;
        }
    }
}

static size_t put_digits(uint64_t digits, char *text)
{
    char reversed[20];
    size_t count = 0;
    do
        reversed[count++] = (char)('0' + digits % 10);
    while ((digits /= 10) != 0);
    for (size_t i = 0; i < count; i++)
        text[i] = reversed[count - 1 - i];
    return count;
}

size_t number_write(double value, char *text)
{
    size_t used = 0;
    if (value < 0) {
        text[used++] = '-';
        value = -value;
    }
    if (value < 1e15 && value == (double)(uint64_t)value)
        return used + put_digits((uint64_t)value, text + used);

    int exponent = 0;
    uint64_t digits = 0;
    for (int precision = 15; precision <= 17; precision++) {
        digits = to_decimal(value, precision, &exponent);
        if (from_decimal(digits, exponent) == value)
            break;
    }
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    char all[20];
    int count = (int)put_digits(digits, all);
    int point = count + exponent; // digits before the point
    if (exponent >= 0 && point <= 21) {
        memcpy(text + used, all, (size_t)count);
        memset(text + used + count, '0', (size_t)exponent);
        return used + (size_t)point;
    }
    if (point > 0 && point <= 21) {
        memcpy(text + used, all, (size_t)point);
        text[used + (size_t)point] = '.';
        memcpy(text + used + point + 1, all + point, (size_t)(count - point));
        return used + (size_t)count + 1;
    }
    if (point > -6 && point <= 0) {
        memcpy(text + used, "0.", 2);
        memset(text + used + 2, '0', (size_t)-point);
        memcpy(text + used + 2 - point, all, (size_t)count);
        return used + 2 + (size_t)(count - point);
    }
    text[used++] = all[0];
    if (count > 1) {
        text[used++] = '.';
        memcpy(text + used, all + 1, (size_t)count - 1);
        used += (size_t)count - 1;
    }
    text[used++] = 'e';
    int power = point - 1;
    if (power < 0) {
        text[used++] = '-';
        power = -power;
    }
    return used + put_digits((uint64_t)power, text + used);
}
