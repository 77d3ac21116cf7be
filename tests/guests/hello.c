// The smallest useful program: arguments in, text out, a status of its own.
#include "guest.h"
int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("%d: %s\n", i, i ? argv[i] : "program");
    fprintf(stderr, "to the standard error\n");
    return 7;
}
