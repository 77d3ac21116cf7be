/* Records its own last part from the start on, and keeps it when something odd happens. */
#include "reenact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned handle(unsigned request)
{
    unsigned answer = request;
    for (int step = 0; step < 1000; step++)
        answer = answer * 1664525 + 1013904223;
    return answer;
}

int main(int count, char **words)
{
    struct reenact_options options = {.ring = 16 << 20, .save_on = "error"};
    char where[4096];

    /* It goes on where it cannot be recorded. */
    if (reenact_start(&options))
        fprintf(stderr, "not recorded: %s\n", reenact_error());

    for (unsigned request = 0; request < 1000; request++)
        if (handle(request) % 997 == 5 && reenact_is_recording()) {
            if (reenact_save(NULL, where, sizeof where))
                fprintf(stderr, "not saved: %s\n", reenact_error());
            else
                printf("request %u is odd: %s\n", request, where);
            break;
        }

    if (count > 1 && !strcmp(words[1], "crash"))
        abort(); /* What the ring holds becomes a trace. */
    if (reenact_is_recording() && reenact_stop(where, sizeof where))
        fprintf(stderr, "%s\n", reenact_error());
    puts("done");
    return 0;
}
