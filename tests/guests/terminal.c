// A pseudo-terminal: TCGETS, TCSETS, TIOCGWINSZ, TIOCGPTN, FIONREAD, job control calls, ^C from the master.
#include "guest.h"
#include <sys/ioctl.h>
#include <termios.h>
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) { (void)info, (void)context, caught = number; }
int main(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY), waiting = 0;
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    char *name = ptsname(master), text[64] = {0};
    CHECK(strncmp(name, "/dev/pts/", 9) == 0 && ioctl(1, TCGETS, text) == -1);
    pid_t child = fork();
    if (child == 0) {
        CHECK(setsid() > 0);
        int terminal = open(name, O_RDWR);
        CHECK(terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) == 0 && isatty(terminal));
        struct termios settings;
        CHECK(tcgetattr(terminal, &settings) == 0 && (settings.c_lflag & ICANON));
        settings.c_lflag &= ~(tcflag_t)ECHO;
        CHECK(tcsetattr(terminal, TCSANOW, &settings) == 0 && tcgetpgrp(terminal) == getpid());
        struct winsize size = {25, 81, 1, 2}, got;
        CHECK(ioctl(terminal, TIOCSWINSZ, &size) == 0 && ioctl(terminal, TIOCGWINSZ, &got) == 0);
        on_signal(SIGINT, handler, 0);
        CHECK(write(terminal, "ready\n", 6) == 6);
        CHECK(read(terminal, text, sizeof text) == 6 && strcmp(text, "typed\n") == 0);
        CHECK(write(terminal, "again\n", 6) == 6);
        CHECK(read(terminal, text, sizeof text) == -1 && errno == EINTR && caught == SIGINT);
        _exit(got.ws_col);
    }
    CHECK(read(master, text, sizeof text) == 7 && write(master, "typed\n", 6) == 6);
    CHECK(read(master, text, sizeof text) == 7 && ioctl(master, FIONREAD, &waiting) == 0);
    int status;
    // It may come before the child waits for it.
    while (usleep(20000), waitpid(child, &status, WNOHANG) == 0) (void)!write(master, "\003", 1);
    printf("child %d, waiting %d\n", WEXITSTATUS(status), waiting);
    return 0;
}
