/* A program that records itself with reenact: start, save and stop from inside.
 *
 * Compile reenact.c with the program; it needs nothing but the C library and the `reenact` command, which is found by
 * PATH when a recording starts. Any thread may call; the functions return 0, or -1 and then reenact_error() says why, in
 * one sentence with the remedy. A program without `reenact` on its machine goes on when reenact_start() fails.
 */
#ifndef REENACT_H
#define REENACT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reenact_options {
    /* Directory to make for the trace. NULL: a new one in the default place. */
    const char *trace;
    /* Keep only the last part of the recording, about so many bytes, in memory, until reenact_save() is called or
     * save_on says so. 0: all of it, in the trace. */
    size_t ring;
    /* With a ring, when that becomes a trace if the program ends: "always", "error" (the program fails, or one of its
     * processes by a fault), "signal" (a signal ends it, or at such a fault) or "never". NULL: "error". */
    const char *save_on;
    /* Path of the command. NULL: `reenact`, found by PATH. */
    const char *command;
};

/* Record this process from now on, with all its threads and whatever it starts. `options` may be NULL. */
int reenact_start(const struct reenact_options *options);

/* Write what the ring holds now to a trace; the program and the recording go on. `trace`: directory to make, or NULL.
 * Its path is put into `where`, if that is not NULL, with a NUL, cut to `size` bytes. */
int reenact_save(const char *trace, char *where, size_t size);

/* Change when the ring becomes a trace if the program ends; as `save_on` of the options. */
int reenact_save_on(const char *moment);

/* Record no longer. A ring that was not saved is dropped. `where`: as for reenact_save(); empty when there is no
 * trace. */
int reenact_stop(char *where, size_t size);

/* Whether this process has started a recording of itself that goes on: 1 or 0. */
int reenact_is_recording(void);

/* Why the last call of this thread has failed. */
const char *reenact_error(void);

#ifdef __cplusplus
}
#endif

#endif
