/* Runs another program in its place, once: the two have functions of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int steps;

#ifdef SECOND
void after_exec(int value)
{
    steps += value; /* second program */
}

int main(void)
{
    after_exec(20);
    after_exec(22);
    return steps;
}
#else
void before_exec(int value)
{
    steps += value; /* first program */
}

int main(int argc, char **argv)
{
    before_exec(1);
    before_exec(2); /* again */
    if (argc > 1)
        execv(argv[1], argv + 1); /* executes */
    return 1;
}
#endif
