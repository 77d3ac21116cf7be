// A cursor that goes past the end of what it reads.
struct Cursor {
    position: usize,
    step: usize,
}

impl Cursor {
    fn advance(&mut self) {
        self.position += self.step; // guilty
        if self.position % 4 == 0 {
            self.step += 2;
        }
    }
}

fn pick(values: &[u64], cursor: &Cursor) -> u64 {
    values[cursor.position] // panics
}

fn main() {
    let values: Vec<u64> = (0..20).map(|value| value * value).collect();
    let mut cursor = Cursor { position: 0, step: 1 };
    let mut sum = 0;
    while sum < 1000 {
        sum += pick(&values, &cursor);
        cursor.advance();
    }
    println!("{}", sum);
}
