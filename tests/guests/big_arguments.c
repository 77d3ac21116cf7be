// An exec with 1 MiB of environment and arguments; and one without argv[0].
#include "guest.h"
int main(int argc, char **argv) {
    if (getenv("BIG") && argc > 1 && !strcmp(argv[1], "inner")) {
        uint64_t hash = 0;
        for (int i = 0; i < argc; i++) hash = hash * 31 + hash_bytes(argv[i], strlen(argv[i]));
        for (char **variable = environ; *variable; variable++)
            if (!strncmp(*variable, "BIG", 3)) hash = hash * 31 + hash_bytes(*variable, strlen(*variable));
        printf("%d arguments, hash %016lx\n", argc, hash);
        return 0;
    }
    if (getenv("EMPTY")) {
        printf("argc %d, argv[0] is \"%s\"\n", argc, argv[0] ? argv[0] : "(null)");
        return 0;
    }
    static char *arguments[4100], *variables[10];
    for (int i = 0; i < 4096; i++) {
        arguments[i] = malloc(128);
        snprintf(arguments[i], 128, "%0120d", i);
    }
    arguments[0] = "big", arguments[1] = "inner";
    for (int i = 0; i < 5; i++) {
        char *variable = malloc(110000);
        memset(variable, 'a' + i, 109999);
        variable[109999] = 0;
        memcpy(variable, "BIG", 3), variable[3] = (char)('0' + i), variable[4] = '=';
        variables[i] = variable;
    }
    variables[5] = "BIG=yes";
    pid_t child = fork();
    if (child == 0) execve("/proc/self/exe", arguments, variables);
    printf("big %d\n", wait_status(child));
    fflush(stdout);
    child = fork();
    if (child == 0) execve("/proc/self/exe", (char *[]){NULL}, (char *[]){"EMPTY=1", NULL});
    printf("empty %d\n", wait_status(child));
    return 0;
}
