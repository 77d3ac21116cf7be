struct pixel {
    unsigned char red, green, blue;
    union { float depth; unsigned bits; };
};
struct image {
    int width, height;
    struct pixel *pixels;
    const char *name;
};
int kernel_sum(const struct image *image, int start, int pass);
