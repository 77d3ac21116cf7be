/* Small functions that compilers inline, copy for their callers, and split in hot and cold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
static int level = 3;
struct image picture;
static unsigned histogram[8];
int (*hooked)(int) = 0;

static inline __attribute__((always_inline)) int clamped(int value, int low, int high)
{
    int raised = value < low ? low : value;
    return raised > high ? high : raised;
}
static inline int blended(const struct pixel *from, const struct pixel *to, int weight)
{
    int red = from->red + (to->red - from->red) * weight / 16;
    int blue = clamped(from->blue * 2, 0, 255);
    return red << 8 | blue;
}
static __attribute__((noinline)) int scaled(struct image *image, int factor, int shift)
{
    int sum = 0;
    for (int row = 0; row < image->height; row++) {
        struct pixel *line = &image->pixels[row * image->width];
        for (int column = 0; column < image->width; column++) {
            int value = clamped(line[column].red * factor >> shift, 10, 200);
            histogram[value & 7] += value;
            sum += value;
        }
    }
    return sum;
}
static __attribute__((noinline)) int checked(const struct image *image, int bound)
{
    if (__builtin_expect(image->width > bound, 0)) {
        fprintf(stderr, "too wide: %d\n", image->width);
        level -= bound;
        return -level;
    }
    return image->width * bound + level;
}
static __attribute__((noinline)) int first_red(struct image *image)
{
    return image->pixels->red + image->pixels->green;
}
static int plain(int x) { return x + 1; }
static int quick(int x) { return x + 2; }
static int (*resolved(void))(int) { return level ? quick : plain; }
int chosen(int x) __attribute__((ifunc("resolved")));

int main(int argc, char **argv)
{
    struct pixel pixels[6];
    int total = 0;
    picture = (struct image) { 3, 2, pixels, "test" };
    for (int i = 0; i < 6; i++)
        pixels[i] = (struct pixel) { i * 40, i * 7, 255 - i, { i * 1.5f } };
    hooked = argc > 5 ? plain : quick;
    for (int pass = 0; pass < 4; pass++) {
        total += scaled(&picture, 3, 1) + checked(&picture, pass < 3 ? 7 : 2);
        total += blended(&pixels[pass], &pixels[pass + 1], total & 15);
        total += first_red(&picture) + hooked(pass) + chosen(pass);
        total = kernel_sum(&picture, total, pass);
        pixels[pass].red ^= total & 127;
    }
    printf("%d %u %d\n", total, histogram[2], level + (argv == 0));
    return 0;
}
