/* Thread-local variables of the program, of the C library, and of a library that is opened later;
 * with LIBRARY defined it is that library. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#ifdef LIBRARY
__thread int opened = 5;
__thread char large[5000] = "large"; /* more than what is kept free beside those of the program */

int set(int value)
{
    large[0] = 'L';
    return opened = value; /* set */
}
#else
__thread int mine = 7;
static int (*set)(int);

static int shown(void)
{
    return mine + errno; /* shown */
}

static void *run(void *argument)
{
    mine = 9;
    errno = 4;
    set(6);
    shown();
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *library = dlopen(argv[argc - 1], RTLD_NOW);
    if (library == NULL)
        return 1;
    set = (int (*)(int))dlsym(library, "set");
    mine = 8;
    close(-1);
    shown();
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        return 2;
    return pthread_join(thread, NULL);
}
#endif
