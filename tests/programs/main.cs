using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
class Program {
    static int Fib(int n) => n < 2 ? n : Fib(n - 1) + Fib(n - 2);
    static void Main() {
        var table = new Dictionary<int, long>();
        for (int i = 0; i < 200000; i++) { table.TryGetValue(i * 7919 % 997, out long v); table[i * 7919 % 997] = v + i; }
        Console.WriteLine(table.Count + " " + table.Values.Sum() + " " + Fib(20));
        var tasks = Enumerable.Range(0, 6).Select(i => Task.Run(() => Fib(12 + i))).ToArray();
        Task.WaitAll(tasks);
        Console.WriteLine(string.Join(",", tasks.Select(x => x.Result)));
        try { string s = null; Console.WriteLine(s.Length); } catch (NullReferenceException) { Console.WriteLine("null"); }
        GC.Collect();
    }
}
