// Objects, closures, numbers and strings: what a just-in-time compiler meets.
function sieve(limit) {
  const composite = new Uint8Array(limit + 1);
  let count = 0;
  for (let i = 2; i <= limit; i++) {
    if (composite[i]) continue;
    count++;
    for (let j = i * i; j <= limit; j += i) composite[j] = 1;
  }
  return count;
}
class Vector {
  constructor(x, y) { this.x = x; this.y = y; }
  add(other) { return new Vector(this.x + other.x, this.y + other.y); }
}
let sum = new Vector(0, 0);
for (let i = 0; i < 20e6; i++) sum = sum.add(new Vector(i % 7, i % 11));
const words = new Map();
for (let i = 0; i < 1e6; i++) {
  const word = 'w' + (i * 7919) % 1009;
  words.set(word, (words.get(word) || 0) + 1);
}
const sorted = [...words].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
console.log(sieve(8e6), sum.x, sum.y, sorted.slice(0, 3).join(' '));
