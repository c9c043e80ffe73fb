#include "checksums.h"

#include <string.h>

// tables[k][b] is the CRC of the byte b with k zero bytes after it, so that eight bytes are looked up at once.
static uint32_t tables[8][256];

static void fill_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
        tables[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
}

uint32_t crc_add(uint32_t crc, const uint8_t *bytes, size_t length)
{
    if (tables[0][1] == 0)
        fill_tables();
    crc = ~crc;
    for (; length >= 8; length -= 8, bytes += 8) {
        uint32_t low, high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
        low ^= crc;
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
              tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^ tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
    }
    for (; length > 0; length--)
        crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 0xFF];
    return ~crc;
}

uint32_t adler_add(uint32_t adler, const uint8_t *bytes, size_t length)
{
    enum { MODULUS = 65521, RUN = 5552 }; // as many bytes as cannot overflow the sums
    uint32_t a = adler & 0xFFFF;
    uint32_t b = adler >> 16;
    while (length > 0) {
        size_t run = length < RUN ? length : RUN;
        length -= run;
        for (; run >= 8; run -= 8, bytes += 8) {
            // Eight steps of a += byte, b += a at once.
            b += 8 * a + 8u * bytes[0] + 7u * bytes[1] + 6u * bytes[2] + 5u * bytes[3] + 4u * bytes[4] + 3u * bytes[5] +
                 2u * bytes[6] + bytes[7];
            a += (uint32_t)bytes[0] + bytes[1] + bytes[2] + bytes[3] + bytes[4] + bytes[5] + bytes[6] + bytes[7];
        }
        for (; run > 0; run--) {
            a += *bytes++;
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    return b << 16 | a;
}
