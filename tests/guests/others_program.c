// What /proc says of the program of another process, which executes another one than this.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int ready[2], ends[2];
    char own[4096] = "", name[64], link[4096] = "";
    if (pipe2(ready, O_CLOEXEC) || pipe(ends) || readlink("/proc/self/exe", own, sizeof own - 1) < 0) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[0], 0);
        close(ends[1]);
        execl("/bin/cat", "cat", (char *)0);
        _exit(2);
    }
    close(ready[1]);
    (void)!read(ready[0], link, 1);  // It ends when the other program has been executed.
    snprintf(name, sizeof name, "/proc/%d/exe", pid);
    (void)!readlink(name, link, sizeof link - 1);
    struct stat there, here, itself;
    printf("%s %d", link, strcmp(link, own) != 0);
    printf(" stat %d %d", stat(name, &there), stat("/bin/cat", &itself));
    printf(" same %d", there.st_ino == itself.st_ino && there.st_dev == itself.st_dev);
    int directory = open("/proc", O_PATH);
    printf(" at %d", fstatat(directory, name + 6, &here, 0) || here.st_ino != itself.st_ino);
    int file = open(name, O_RDONLY);
    char magic[4] = "";
    printf(" read %d %.3s\n", read(file, magic, 4) == 4, magic + 1);
    snprintf(name, sizeof name, "/proc/%d/exe", getpid());
    printf("own %d\n", readlink(name, link, sizeof link - 1) == (ssize_t)strlen(own));
    close(ends[1]);
    int status;
    waitpid(pid, &status, 0);
    printf("ended %x\n", status);
}
