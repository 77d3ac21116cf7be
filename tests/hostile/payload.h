/* What the payload can be asked for, and what it says when it has done it or the kernel has refused. */
enum attack { OPEN, SOCKET, KILL, PTRACE, EXECVE, EXECUTABLE, FORKS, MEMORY, REPORTS, SILENCE };
enum { DONE = 42, REFUSED = 43, MOST_FORKS = 60, MANY_REPORTS = 100000, MOST_MEMORY = 1 << 30 };
/* Who replays may have many open. */
enum { MOST_DESCRIPTORS = 1000 };
