/* A library whose functions have lines: called through the linkage table of the program. */
int helped(int value)
{
    int sum = value; /* in helped */
    for (int i = 0; i < 2; i++)
        sum += i;
    return sum;
}
