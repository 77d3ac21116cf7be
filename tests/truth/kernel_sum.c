/* The same names as in kernel.c, with other meanings. */
#include "kernel.h"
static double level = 0.25;
static struct { int low, high; } histogram = { 1, 2 };
static char *plain = "a text";

static inline int clamped(int value, int limit)
{
    int both = value > limit ? limit : value;
    histogram.low += both;
    return both;
}
int kernel_sum(const struct image *image, int start, int pass)
{
    int sum = start;
    for (const struct pixel *at = image->pixels; at < image->pixels + image->width; at++) {
        int weight = clamped(at->red, 90);
        sum += weight * at->green;
        level += weight / 8.0;
    }
    histogram.high = sum;
    return sum % 1000 + plain[pass];
}
