/* See reenact.h. The other side is `reenact attach --inside FD`: lines of fields that are divided by tabs, over a socket
 * (docs/internals/inside-protocol.md). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reenact.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

/* Bytes of a line, at most. */
enum { LONGEST = 8 << 10 };

extern char **environ;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The socket to whoever records us, -1: nobody; of which process it is. */
static int line = -1;
static pid_t owner;
static __thread char error_text[1024];

const char *reenact_error(void)
{
    return error_text;
}

static int failed(const char *text, const char *remedy)
{
    snprintf(error_text, sizeof error_text, "%s%s%s", text, *remedy ? "; " : "", remedy);
    return -1;
}

static int failed_by(const char *what, int number)
{
    /* strerror() is not for threads, and strerror_r() is another function with another C library. */
    snprintf(error_text, sizeof error_text, "%s (error %d of errno(3))", what, number);
    return -1;
}

static int say(const char *text, size_t size)
{
    while (size) {
        ssize_t count = send(line, text, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return failed("the program that records this one has ended", "see what is left: reenact ls");
        text += count;
        size -= (size_t)count;
    }
    return 0;
}

/* Say a word and a field that may be NULL. */
static int tell(const char *word, const char *field)
{
    char text[LONGEST];
    int size;
    if (field && strpbrk(field, "\t\n"))
        return failed("a name with a tab or a line break cannot be told", "choose another one");
    size = snprintf(text, sizeof text, "%s%s%s\n", word, field ? "\t" : "", field ? field : "");
    if (size >= (int)sizeof text)
        return failed("a name is too long", "choose another one");
    return say(text, (size_t)size);
}

/* Read a line that begins with a word, and put its first field into `field`, if that is not NULL. */
static int hear(const char *word, char *field, size_t size)
{
    char text[LONGEST], *first, *second;
    size_t length = 0;
    for (;;) {
        ssize_t count = recv(line, text + length, 1, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return failed("the program that records this one has ended", "see what is left: reenact ls");
        if (text[length] == '\n')
            break;
        /* Of a longer line, which only messages make, the rest does not matter. */
        if (length + 2 < sizeof text)
            length++;
    }
    text[length] = 0;
    first = strchr(text, '\t');
    if (first)
        *first++ = 0;
    second = first ? strchr(first, '\t') : NULL;
    if (second)
        *second++ = 0;
    if (!strcmp(text, "error"))
        return failed(first ? first : "recording failed", second ? second : "");
    if (strcmp(text, word))
        return failed("the program that records this one says what is not known here", "use one version of reenact");
    if (field && size)
        snprintf(field, size, "%s", first ? first : "");
    return 0;
}

/* A path from the root: whoever records us is where we were when we started it. NULL: there is not the memory. */
static char *absolute(const char *path)
{
    char *directory, *whole = NULL;
    if (*path == '/')
        return strdup(path);
    directory = getcwd(NULL, 0);
    if (directory && asprintf(&whole, "%s/%s", directory, path) < 0)
        whole = NULL;
    free(directory);
    return whole;
}

/* Whether only parents may trace a process, or who it names: yama's scope 1. */
static int must_permit(void)
{
    char digit = '0';
    int file = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, &digit, 1) != 1)
            digit = '0';
        close(file);
    }
    return digit == '1';
}

/* Start what records us, which is no child of ours for long. */
static int spawn(const struct reenact_options *options, const char *trace, int theirs)
{
    char number[24], descriptor[24], ring[24];
    const char *command = options->command ? options->command : "reenact";
    const char *words[16];
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int count = 0, error, status = 0;

    snprintf(number, sizeof number, "%d", (int)getpid());
    snprintf(descriptor, sizeof descriptor, "%d", theirs);
    snprintf(ring, sizeof ring, "%zu", options->ring);
    words[count++] = command;
    words[count++] = "attach";
    words[count++] = number;
    words[count++] = "--inside";
    words[count++] = descriptor;
    if (trace) {
        words[count++] = "-o";
        words[count++] = trace;
    }
    if (options->ring) {
        words[count++] = "--ring";
        words[count++] = ring;
        words[count++] = "--save-on";
        words[count++] = options->save_on ? options->save_on : "error";
    }
    words[count] = NULL;

    error = posix_spawn_file_actions_init(&actions);
    if (error)
        return failed_by("what records this process cannot be started", error);
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (!error) /* To itself: it stays open there. */
        error = posix_spawn_file_actions_adddup2(&actions, theirs, theirs);
    if (!error)
        error = posix_spawnp(&pid, command, &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT)
        return failed("there is no command reenact on this machine", "install it, or put its directory into PATH");
    if (error)
        return failed_by("what records this process cannot be started", error);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0; /* Somebody else waits for all children. */
    if (status)
        return failed("what records this process has ended at once", "see what it has said on standard error");
    return 0;
}

static void hang_up(void)
{
    close(line);
    line = -1;
}

static int start(const struct reenact_options *options, const char *trace)
{
    char pid[24];
    int ends[2], result, must;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return failed_by("no pair of sockets can be made", errno);
    line = ends[0];
    owner = getpid();
    result = spawn(options, trace, ends[1]);
    close(ends[1]);
    if (result || hear("pid", pid, sizeof pid)) {
        hang_up();
        return -1;
    }
    must = must_permit();
    if (must)
        prctl(PR_SET_PTRACER, strtoul(pid, NULL, 10), 0, 0, 0);
    result = tell("go", NULL) || hear("recording", NULL, 0) ? -1 : 0;
    if (must)
        prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    if (result)
        hang_up();
    return result;
}

static int is_recording(void)
{
    return line >= 0 && owner == getpid();
}

int reenact_is_recording(void)
{
    int result;
    pthread_mutex_lock(&lock);
    result = is_recording();
    pthread_mutex_unlock(&lock);
    return result;
}

int reenact_start(const struct reenact_options *options)
{
    static const struct reenact_options defaults = {NULL, 0, NULL, NULL};
    char *trace = NULL;
    int result;
    if (!options)
        options = &defaults;
    if (options->trace && !(trace = absolute(options->trace)))
        return failed("the directory this program runs in is not there any more", "name the trace from the root");
    pthread_mutex_lock(&lock);
    if (is_recording()) {
        result = failed("this process is recorded already", "stop that recording first");
    } else {
        if (line >= 0)
            hang_up(); /* Of the process that has forked this one. */
        result = start(options, trace);
    }
    pthread_mutex_unlock(&lock);
    free(trace);
    return result;
}

/* Ask whoever records us. */
static int ask(const char *word, const char *field, const char *answer, char *where, size_t size)
{
    if (!is_recording())
        return failed("this process has not started a recording", "call reenact_start() first");
    return tell(word, field) || hear(answer, where, size) ? -1 : 0;
}

int reenact_save(const char *trace, char *where, size_t size)
{
    char *path = NULL;
    int result;
    if (trace && !(path = absolute(trace)))
        return failed("the directory this program runs in is not there any more", "name the trace from the root");
    pthread_mutex_lock(&lock);
    result = ask("save", path, "saved", where, size);
    pthread_mutex_unlock(&lock);
    free(path);
    return result;
}

int reenact_save_on(const char *moment)
{
    int result;
    pthread_mutex_lock(&lock);
    result = ask("save-on", moment, "done", NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int reenact_stop(char *where, size_t size)
{
    int result;
    pthread_mutex_lock(&lock);
    result = ask("stop", NULL, "ended", where, size);
    if (is_recording())
        hang_up();
    pthread_mutex_unlock(&lock);
    return result;
}
