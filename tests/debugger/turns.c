/* Steps in one thread while others run. Only a wait gives up the lock, so each thread has to wait. */
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int turn, count;
static void *play(void *argument)
{
    int own = *(int *)argument;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 3; i++) {
        while (turn != own)
            pthread_cond_wait(&ready, &lock); /* waits */
        count += own + 1; /* counts */
        turn = !own;
        pthread_cond_broadcast(&ready);
    }
    pthread_mutex_unlock(&lock);
    return argument;
}
int main(void)
{
    int numbers[2] = {0, 1};
    pthread_t other;
    pthread_create(&other, 0, play, &numbers[1]); /* first */
    play(&numbers[0]);
    pthread_join(other, 0);
    count++;
    return count != 10;
}
