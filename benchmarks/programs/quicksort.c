// Quicksort (Hoare's partition, median of three, insertion for short ranges) of 500,000 numbers, n times.
#include "guest.h"

#define COUNT 500000

static int32_t numbers[COUNT];

static void swap(int32_t *x, int32_t *y) {
    int32_t kept = *x;
    *x = *y;
    *y = kept;
}

static void insertion_sort(int32_t *first, int32_t *last) {
    for (int32_t *next = first + 1; next <= last; next++) {
        int32_t value = *next;
        int32_t *hole = next;
        for (; hole > first && hole[-1] > value; hole--)
            *hole = hole[-1];
        *hole = value;
    }
}

static void sort(int32_t *first, int32_t *last) {
    while (last - first > 16) {
        int32_t *middle = first + (last - first) / 2;
        if (*middle < *first)
            swap(middle, first);
        if (*last < *first)
            swap(last, first);
        if (*last < *middle)
            swap(last, middle);
        int32_t pivot = *middle;
        int32_t *left = first, *right = last;
        while (left <= right) {
            while (*left < pivot)
                left++;
            while (*right > pivot)
                right--;
            if (left <= right)
                swap(left++, right--);
        }
        if (right - first < last - left) {
            sort(first, right);
            first = left;
        } else {
            sort(left, last);
            last = right;
        }
    }
    insertion_sort(first, last);
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    uint32_t seed = 99;
    uint64_t sum = SUM_START;
    for (uint32_t turn = 0; turn < n; turn++) {
        for (int i = 0; i < COUNT; i++)
            numbers[i] = (int32_t)next_random(&seed);
        sort(numbers, numbers + COUNT - 1);
        for (int i = 1; i < COUNT; i++) {
            if (numbers[i - 1] > numbers[i])
                __builtin_trap();
        }
        for (int i = 0; i < COUNT; i += 997)
            sum = mix(sum, (uint32_t)numbers[i]);
    }
    return sum;
}
